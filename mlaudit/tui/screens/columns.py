"""Which columns the table of runs shows: a list to search in and to mark."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.run_table import PIN


class ColumnsScreen(ModalScreen[tuple[str, ...] | None]):
    """Returns the chosen columns, the empty tuple for the table's own choice, None when cancelled.

    The first column is the one that stays in place and is always shown.
    """

    CSS = """
    ColumnsScreen { align: center middle; }
    ColumnsScreen #box { width: 64; max-width: 95%; height: 80%; padding: 0 1; }
    ColumnsScreen #box { border: heavy $primary; background: $surface; }
    ColumnsScreen OptionList { height: 1fr; border: none; }
    ColumnsScreen Static { height: auto; color: $text-muted; }
    """
    AUTO_FOCUS = "OptionList"
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="columns.cancel", tooltip="Leave the columns as they are"),
        Binding("space", "toggle_column", "Show or hide", id="columns.toggle", tooltip="Show or hide the column"),
        Binding("enter", "apply", "Apply", priority=True, id="columns.apply", tooltip="Show what is marked"),
        Binding(
            "slash",
            "search",
            "Search",
            key_display="/",
            # Before the keys that are typed right after it.
            priority=True,
            id="columns.search",
            tooltip="Search the columns by name",
        ),
        Binding("a", "all", "All", id="columns.all", tooltip="Show all columns that are listed"),
        Binding("n", "none", "None", id="columns.none", tooltip="Hide all columns that are listed"),
        Binding("x", "reset", "Reset", id="columns.reset", tooltip="Let the table choose its columns again"),
        Binding("K", "move(-1)", "Up", key_display="K/J", id="columns.up", tooltip="Move the column to the left"),
        Binding("J", "move(1)", show=False, id="columns.down", tooltip="Move the column to the right"),
        Binding("j", "cursor(1)", show=False, id="columns.next", tooltip="The next column of the list"),
        Binding("k", "cursor(-1)", show=False, id="columns.previous", tooltip="The column before in the list"),
    ]

    def __init__(self, columns: Sequence[str], shown: Sequence[str], pinned: Sequence[str] = ()) -> None:
        super().__init__()
        first, *rest = columns
        self._first = first
        self._order = rest
        self._shown = set(shown)
        self._pinned = set(pinned)
        self._listed: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static("Columns of the table", markup=False)
            yield Field(placeholder="/ search", id="search", compact=True)
            yield OptionList(markup=False)
            yield Static("space shows or hides · K J move · a all · n none · x reset · enter applies · esc cancels")

    def on_mount(self) -> None:
        """List them all."""
        self._list()

    def _list(self, highlighted: str | None = None) -> None:
        wanted = self.query_one(Input).value.strip().lower()
        rows = self.query_one(OptionList)
        at = rows.highlighted or 0
        self._listed = [c for c in self._order if wanted in c.lower()]
        rows.clear_options()
        rows.add_options([Option(self._line(column)) for column in self._listed])
        if self._listed:
            index = self._listed.index(highlighted) if highlighted in self._listed else at
            rows.highlighted = min(index, len(self._listed) - 1)

    def _line(self, column: str) -> Text:
        pinned = f"  {PIN} pinned" if column in self._pinned else ""
        return Text(f"{'●' if column in self._shown else '·'} {column}{pinned}")

    @property
    def _current(self) -> str | None:
        index = self.query_one(OptionList).highlighted
        return self._listed[index] if index is not None and index < len(self._listed) else None

    @on(Input.Changed)
    def _searched(self) -> None:
        self._list()

    def action_search(self) -> None:
        """Go to the search field, at once: what is typed next is meant for it."""
        self.set_focus(self.query_one(Input))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field owns its keys."""
        if action == "search" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_toggle_column(self) -> None:
        """Show or hide the column under the cursor, and go on to the next."""
        if self._current is not None:
            self._shown ^= {self._current}
            self._list()
            self.query_one(OptionList).action_cursor_down()

    def action_all(self) -> None:
        """Show all that are listed."""
        self._shown |= set(self._listed)
        self._list()

    def action_none(self) -> None:
        """Hide all that are listed."""
        self._shown -= set(self._listed)
        self._list()

    def action_move(self, by: int) -> None:
        """Move the column among those that are listed."""
        column = self._current
        if column is None:
            return
        place = self._listed.index(column) + by
        if 0 <= place < len(self._listed):
            target = self._order.index(self._listed[place])
            self._order.remove(column)
            self._order.insert(target, column)
            self._list(column)

    def action_cursor(self, by: int) -> None:
        """Move through the list."""
        rows = self.query_one(OptionList)
        if by > 0:
            rows.action_cursor_down()
        else:
            rows.action_cursor_up()

    def action_apply(self) -> None:
        """From the search field to the list, from the list back to the table."""
        if isinstance(self.focused, Input):
            self.query_one(OptionList).focus()
        else:
            self.dismiss((self._first, *(c for c in self._order if c in self._shown)))

    def action_reset(self) -> None:
        """Let the table choose."""
        self.dismiss(())

    def action_cancel(self) -> None:
        """Out of the search first, then out of the dialog."""
        if isinstance(self.focused, Input):
            self.query_one(Input).value = ""
            self.query_one(OptionList).focus()
        else:
            self.dismiss(None)
