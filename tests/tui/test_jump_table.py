"""Small tables."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from rich.text import Text
from textual import on
from textual.app import App
from textual.widget import Widget
from textual.widgets import DataTable

from mlaudit.tui.widgets.jump_table import OpenTable


class TableApp(App[None]):
    """A table, and nothing else."""

    CSS = "OpenTable { height: 1fr; }"
    titles = 0

    def compose(self) -> Iterable[Widget]:
        yield OpenTable(cursor_type="row")

    @on(DataTable.HeaderSelected)
    def _selected(self) -> None:
        self.titles += 1


@pytest.mark.parametrize(("filled", "x", "titles"), [(True, 1, 1), (True, 60, 0), (False, 1, 0), (False, 60, 0)])
async def test_a_click_beside_the_titles_does_nothing(filled: bool, x: int, titles: int) -> None:
    """Right of the last one, or where there are none yet."""
    app = TableApp()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(OpenTable)
        if filled:
            table.fill(["name"], [[Text("a")], [Text("b")]])
            await pilot.pause()
        await pilot.click(offset=(x, 0))
        await pilot.press("j")
        assert table.cursor_row == int(filled)
        assert app.titles == titles
