"""Small tables: Textual's own, with the keys that go through every list here.

For small tables only: filling one costs 1 s at 1,000 rows of 30 columns. Runs have a table of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text
from textual.binding import Binding
from textual.events import Click
from textual.widgets import DataTable


class JumpTable(DataTable[Text]):
    """A table of rows that j, k, g and G go through as well."""

    HELP_NAME = "table"

    BINDINGS = [
        Binding("j", "cursor_down", show=False, id="table.down", tooltip="The next row"),
        Binding("k", "cursor_up", show=False, id="table.up", tooltip="The row before"),
        Binding("g", "scroll_top", show=False, id="table.top", tooltip="The first row"),
        Binding("G", "scroll_bottom", show=False, id="table.bottom", tooltip="The last row"),
    ]

    def on_click(self, event: Click) -> None:
        """Right of the last title there is none: Textual takes the first one, and ends with an error without any."""
        meta = event.style.meta
        if meta.get("row") == -1 and meta.get("out_of_bounds"):
            event.prevent_default()

    def fill(self, columns: Iterable[str], rows: Iterable[Iterable[Text]], *, least: Sequence[int] = ()) -> None:
        """Replace everything; the cursor stays on its row number. ``least``: cells of the columns at least."""
        row, titles, cells = self.cursor_row, tuple(columns), [tuple(line) for line in rows]
        self.clear(columns=True)
        for index, title in enumerate(titles):
            # Textual would measure only when it is idle, and keep what it painted too narrow before that.
            width = max([Text(title).cell_len, *least[index : index + 1], *(line[index].cell_len for line in cells)])
            self.add_column(Text(title), width=width)
        for line in cells:
            self.add_row(*line)
        if 0 < row < self.row_count:
            self.move_cursor(row=row)


class OpenTable(JumpTable):
    """A table whose rows open something."""

    BINDINGS = [Binding("enter", "select_cursor", "Open", id="table.open", tooltip="Open the row under the cursor")]
