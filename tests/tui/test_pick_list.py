"""Lists to choose from, and keys that come before they are laid out."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from textual import events
from textual.app import App
from textual.command import CommandList, CommandPalette
from textual.widget import Widget
from textual.widgets import OptionList

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.widgets.pick_list import PickList
from tests.plugins.screen_tools import app_on, see, until


class ListApp(App[None]):
    """A list, and nothing else."""

    def compose(self) -> Iterable[Widget]:
        yield PickList(*map(str, range(100)))


@pytest.mark.parametrize(("key", "highlighted"), [("pagedown", 20), ("pageup", 0)])
async def test_a_page_needs_a_size(key: str, highlighted: int) -> None:
    """In one without, nothing happens; later it does."""
    app = ListApp()
    async with app.run_test(size=(80, 24)) as pilot:
        rows = app.query_one(OptionList)
        rows.highlighted = 0
        rows.styles.height = 0
        rows.styles.border = ("none", "red")
        await pilot.pause()
        rows.clear_options()
        rows.add_options(map(str, range(100)))
        rows.highlighted = 0
        await pilot.press(key)
        assert rows.highlighted == 0
        rows.styles.height = 20
        await pilot.pause()
        await pilot.press(key)
        assert rows.highlighted == highlighted


@pytest.mark.parametrize("opening", ["ctrl+p", "ctrl+t"])
@pytest.mark.parametrize("key", ["pagedown", "pageup"])
async def test_the_palette_takes_keys_in_one_burst(sample_gateway: MemoryGateway, opening: str, key: str) -> None:
    """Before its list is filled and laid out, a page is none."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press(opening)
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        rows = app.screen.query_one(CommandList)
        await until(pilot, lambda: rows.option_count > 3)
        rows.styles.display = "none"
        rows.styles.height = 0
        await pilot.pause()
        rows.highlighted = 0
        rows.clear_options()
        rows.add_options(["a", "b"])
        rows.highlighted = 0
        app.post_message(events.Key(key, None))
        await pilot.pause()
        assert rows.highlighted == 0
