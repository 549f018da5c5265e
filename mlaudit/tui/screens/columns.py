"""Which columns the table of runs shows: a list to search in and to mark."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.binding import Binding
from textual.widgets import OptionList

from mlaudit.tui.screens.picker import Marker, moving
from mlaudit.tui.widgets.run_cells import PIN


class ColumnsScreen(Marker):
    """Returns the chosen columns, the empty tuple for the table's own choice, None when cancelled.

    The first column is the one that stays in place and is always shown.
    """

    KEYS = "space shows or hides · K J move · a all · n none · x reset · enter applies · esc cancels"
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="columns.cancel", tooltip="Leave the columns as they are"),
        Binding("space", "toggle_column", "Show or hide", id="columns.toggle", tooltip="Show or hide the column"),
        Binding("enter", "apply", "Apply", priority=True, id="columns.apply", tooltip="Show what is marked"),
        Binding("a", "all", "All", id="columns.all", tooltip="Show all columns that are listed"),
        Binding("n", "none", "None", id="columns.none", tooltip="Hide all columns that are listed"),
        Binding("x", "reset", "Reset", id="columns.reset", tooltip="Let the table choose its columns again"),
        Binding("K", "move(-1)", "Up", key_display="K/J", id="columns.up", tooltip="Move the column to the left"),
        Binding("J", "move(1)", show=False, id="columns.down", tooltip="Move the column to the right"),
        *moving("columns", "the columns"),
    ]

    def __init__(self, columns: Sequence[str], shown: Sequence[str], pinned: Sequence[str] = ()) -> None:
        super().__init__(Text("Columns of the table"))
        first, *rest = columns
        self._first = first
        self._order = rest
        self._shown = set(shown)
        self._pinned = set(pinned)

    def _list(self, highlighted: str | None = None) -> None:
        wanted = self._wanted
        self._fill([(c, self._line(c)) for c in self._order if wanted in c.lower()], highlighted)

    def _line(self, column: str) -> Text:
        pinned = f"  {PIN} pinned" if column in self._pinned else ""
        return Text(f"{'●' if column in self._shown else '·'} {column}{pinned}")

    def action_toggle_column(self) -> None:
        """Show or hide the column under the cursor, and go on to the next."""
        if self._current is not None:
            self._toggle()
            self.query_one(OptionList).action_cursor_down()

    def _toggle(self) -> None:
        """By the mouse: the cursor stays where it was clicked."""
        if self._current is not None:
            self._shown ^= {self._current}
            self._list()

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

    def _done(self) -> None:
        self.dismiss((self._first, *(c for c in self._order if c in self._shown)))

    def action_reset(self) -> None:
        """Let the table choose."""
        self.dismiss(())
