"""A pane of a run's screen: rows with a name each, a search over them, and the whole row under the cursor below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.coordinate import Coordinate
from textual.widgets import DataTable, Input, Static

from mlaudit.tui.widgets.jump_table import JumpTable, OpenTable
from mlaudit.tui.widgets.search_field import SearchField

VALUE_WIDTH = 200
"""Characters of a value that a table's cell holds; the line below the table shows all of the one under the cursor."""


@dataclass(frozen=True, slots=True)
class PaneRow:
    """One row."""

    key: str
    """Its printable name."""
    cells: tuple[Text, ...]
    """After the name."""
    line: Text
    """All of it, for below the table."""
    copied: str
    """What copying it gives."""
    searched: str = ""
    """What is searched besides the name."""


class RunPane(Vertical):
    """``what`` is what its rows are, in the plural; ``titles`` those of the columns after the name."""

    DEFAULT_CSS = """
    RunPane JumpTable { height: 1fr; }
    RunPane .value { height: auto; max-height: 6; overflow-y: auto; padding: 0 1; border-top: solid $panel; }
    """

    def __init__(
        self, what: str, titles: Sequence[str] = ("value",), *, opens: bool = False, least: Sequence[int] = ()
    ) -> None:
        """``opens``: enter on a row means something. ``least``: cells that each column after the name has at least."""
        super().__init__()
        self._what = what
        self._titles = tuple(titles)
        self._opens = opens
        self._least = (0, *least)
        self._rows: tuple[PaneRow, ...] = ()
        self._listed: list[PaneRow] = []

    def compose(self) -> ComposeResult:
        yield SearchField(f"search the {self._what}")
        table = OpenTable if self._opens else JumpTable
        yield table(
            id=f"{self._what.replace(' ', '-')}-table",
            cursor_type="row",
            zebra_stripes=True,
            cell_padding=1,
            fixed_columns=1,
        )
        yield Static("", classes="value", markup=False)

    def show(self, rows: Sequence[PaneRow]) -> None:
        """Show these rows, as far as the search lets them through."""
        self._rows = tuple(rows)
        self._list()

    def _list(self) -> None:
        wanted = self.query_one(SearchField).wanted
        self._listed = [r for r in self._rows if wanted in r.key.lower() or wanted in r.searched.lower()]
        singular = self._what[:-1]
        lines = [(Text(row.key), *row.cells) for row in self._listed]
        self.query_one(JumpTable).fill((singular, *self._titles), lines, least=self._least)
        self._show_row()

    def change(self, rows: Sequence[PaneRow]) -> None:
        """Other cells for rows that are there already, by name; nothing moves."""
        new = {row.key: row for row in rows}
        self._rows = tuple(new.get(row.key, row) for row in self._rows)
        table = self.query_one(JumpTable)
        room = [column.width for column in table.ordered_columns[1:]]
        if any(cell.cell_len > width for row in rows for cell, width in zip(row.cells, room, strict=False)):
            # Some column is too narrow now.
            self._list()
            return
        for at, row in enumerate(self._listed):
            if row.key not in new:
                continue
            for column, cell in enumerate(new[row.key].cells, 1):
                if cell != row.cells[column - 1]:
                    table.update_cell_at(Coordinate(at, column), cell)
            self._listed[at] = new[row.key]
        self._show_row()

    @property
    def row(self) -> PaneRow | None:
        """The one under the cursor."""
        at = self.query_one(JumpTable).cursor_row
        return self._listed[at] if 0 <= at < len(self._listed) else None

    @property
    def listed(self) -> Sequence[PaneRow]:
        """Those that the search lets through, in their order."""
        return self._listed

    def focus_inside(self) -> None:
        """Focus the table."""
        self.query_one(JumpTable).focus()

    @on(DataTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._show_row()

    def _show_row(self) -> None:
        row, wanted = self.row, self.query_one(SearchField).value.strip()
        if row is not None:
            text = row.line
        elif self._rows:
            text = Text(f"None of the {len(self._rows)} {self._what} has {wanted!r} in it.")
        else:
            text = Text(f"The run has no {self._what}.")
        self.query_one(".value", Static).update(text)

    # The search

    def open_search(self) -> None:
        """Type what is searched for."""
        self.query_one(SearchField).open()

    def close_search(self) -> bool:
        """Everything again; whether a search was open."""
        closed = self.query_one(SearchField).close()
        if closed:
            self.focus_inside()
        return closed

    @on(Input.Changed)
    def _searched(self) -> None:
        self._list()

    @on(Input.Submitted)
    def _found(self) -> None:
        self.focus_inside()


def pair_rows(pairs: Sequence[tuple[str, str]]) -> list[PaneRow]:
    """Rows of a name and a value each."""
    return [
        PaneRow(key, (Text(_shortened(value)),), Text.assemble((key, "bold"), f"  {value}"), value, value)
        for key, value in pairs
    ]


def _shortened(value: str) -> str:
    return value if len(value) <= VALUE_WIDTH else f"{value[:VALUE_WIDTH]}… (+{len(value) - VALUE_WIDTH})"
