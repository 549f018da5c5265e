"""Fields paint what is put into them, and never obey it."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from mlaudit.domain.text import clean_in_place
from mlaudit.tui.widgets.field import Field
from tests.plugins.screen_tools import text_of

HOSTILE = ("\x1b[31mred", "a\x9b2Jb", "x\u202ey\u200bz", "tab\there", "\x07bell", "plain é 表")


class One(App[None]):
    """One field."""

    def compose(self) -> ComposeResult:
        yield Field(id="field")


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_control_character_is_painted_and_the_value_stays(text: str) -> None:
    app = One()
    async with app.run_test() as pilot:
        field = app.query_one(Field)
        field.value = text
        await pilot.pause()
        painted = text_of(pilot)
        # Rich takes the bell, and four like it, away before anybody can make them visible.
        assert clean_in_place(text.replace("\x07", "")) in painted
        assert not set(painted) & set("\x1b\x9b\u202e\u200b\t\x07")
        assert field.value == text


@pytest.mark.parametrize("text", HOSTILE)
def test_one_character_stands_for_one(text: str) -> None:
    shown = clean_in_place(text)
    assert len(shown) == len(text)
    assert all(a == b for a, b in zip(shown, text, strict=True) if b.isprintable())
