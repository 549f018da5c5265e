"""A screen of one table with a field above it that says which rows are listed."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Input, Static

from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.jump_table import JumpTable


class SearchedScreen(BaseScreen):
    """A line ``#about`` what is listed, the field, the table, and below it ``#whole``: all of the row under the cursor.

    ``/`` is bound to ``search`` by each screen itself, since it says what is searched.
    """

    DEFAULT_CSS = """
    SearchedScreen JumpTable { height: 1fr; }
    SearchedScreen #about, SearchedScreen #whole { height: auto; max-height: 8; padding: 0 1; }
    SearchedScreen #about { color: $text-muted; }
    SearchedScreen #whole { border-top: solid $panel; }
    """

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="about", markup=False)
        yield Field(placeholder="/ search", id="search", compact=True)
        yield self._make_table()
        yield Static(id="whole", markup=False)

    def _make_table(self) -> JumpTable:
        raise NotImplementedError

    def _list(self) -> None:
        """Fill the table with what the search lets through."""
        raise NotImplementedError

    def _show_whole(self) -> None:
        """Show all of the row under the cursor."""
        raise NotImplementedError

    @property
    def _wanted(self) -> str:
        """What is searched for, in small letters."""
        return self.query_one(Input).value.strip().lower()

    def on_data_table_row_highlighted(self) -> None:
        """Another row."""
        self._show_whole()

    def on_input_changed(self) -> None:
        """List what the search lets through."""
        self._list()

    def on_input_submitted(self) -> None:
        """Back to the table."""
        self.query_one(JumpTable).focus()

    def action_search(self) -> None:
        """Go to the search field."""
        self.query_one(Input).focus()

    async def action_back(self) -> None:
        """Out of the search first, then off the screen."""
        search = self.query_one(Input)
        if self.focused is search or search.value:
            search.value = ""
            self.query_one(JumpTable).focus()
        else:
            await super().action_back()
