"""Marked runs beside one another: what differs, and on demand all that is the same."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.binding import Binding
from textual.widgets import Static

from mlaudit.domain.models import Run
from mlaudit.domain.side_by_side import Kind, Row, side_by_side
from mlaudit.domain.verdict import Direction
from mlaudit.tui.histories import run_labels
from mlaudit.tui.screens.searched import SearchedScreen
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.jump_table import JumpTable

MOST = 10
"""Runs beside one another; more than that nobody reads."""
VALUE_WIDTH = 32
"""Cells of a value; the line below the table has all of the row under the cursor."""
ARROWS = {Direction.LOWER: "↓", Direction.HIGHER: "↑", None: ""}


class CompareScreen(SearchedScreen):
    """Two to ten runs as columns."""

    TITLE = "compare"
    BINDINGS = [
        Binding("a", "everything", "All", id="compare.all", tooltip="Show also what is the same in all runs"),
        Binding("slash", "search", "Search", key_display="/", id="compare.search", tooltip="Search the rows by name"),
        Binding("c", "chart", "Chart", id="compare.chart", tooltip="The curves of these runs"),
        Binding("v", "parallel", "Lines", id="compare.parallel", tooltip="These runs as lines over params and metrics"),
        Binding("S", "scatter", "Scatter", id="compare.scatter", tooltip="A param against a metric, each run a point"),
        Binding("y", "copy", "Copy", id="compare.copy", tooltip="Copy the row under the cursor, tab-separated"),
    ]

    def __init__(self, runs: Sequence[Run]) -> None:
        """``runs``: two or more; those beyond the tenth are left out, which is said."""
        super().__init__()
        self._left_out = max(0, len(runs) - MOST)
        self._marked = tuple(runs)
        self._runs = tuple(runs[:MOST])
        self._rows = side_by_side(self._runs)
        self._listed: tuple[Row, ...] = ()
        self._everything = False

    def _make_table(self) -> JumpTable:
        return JumpTable(id="rows", cursor_type="row", zebra_stripes=True, cell_padding=1, fixed_columns=2)

    def on_mount(self) -> None:
        self._list()
        self.query_one(JumpTable).focus()

    def _list(self) -> None:
        wanted = self._wanted
        kept = [row for row in self._rows if self._everything or not row.same]
        self._listed = tuple(row for row in kept if wanted in row.name.lower())
        names = [fit(label, VALUE_WIDTH) for label in run_labels(self._runs)]
        table = self.query_one(JumpTable)
        table.fill(("", "name", *names), ([*_head(row), *map(_cell, *_columns(row))] for row in self._listed))
        same = sum(row.same for row in self._rows)
        hint = "" if not same else " (a hides them)" if self._everything else " (a shows them)"
        said = [f"{len(self._runs)} runs: {len(self._rows) - same} rows differ, {same} are the same{hint}"]
        if any(row.best for row in self._listed):
            said.append("★ best, where the metric's name tells the direction")
        if self._left_out:
            said.append(f"{self._left_out} more runs were marked and are left out (S shows all)")
        if wanted and not self._listed:
            said.append("no row has this in its name")
        self.query_one("#about", Static).update(Text(" · ".join(said)))
        self._show_whole()

    @property
    def _row(self) -> Row | None:
        at = self.query_one(JumpTable).cursor_row
        return self._listed[at] if 0 <= at < len(self._listed) else None

    def _show_whole(self) -> None:
        row = self._row
        text = Text("")
        if row is not None:
            values = " │ ".join("—" if v is None else v for v in row.values)
            text = Text.assemble((row.name, "bold"), f"  {values}")
        self.query_one("#whole", Static).update(text)

    def action_everything(self) -> None:
        """Show or hide what is the same."""
        self._everything = not self._everything
        self._list()

    def action_chart(self) -> None:
        """The curves of these runs; of the metric under the cursor, if it is one."""
        from mlaudit.tui.screens.chart import ChartScreen

        row = self._row
        self.app.push_screen(ChartScreen(self._runs, row.name if row is not None and row.kind is Kind.METRIC else None))

    def action_parallel(self) -> None:
        """Parallel coordinates."""
        from mlaudit.tui.screens.parallel import ParallelScreen

        self.app.push_screen(ParallelScreen(self._runs, self._left_out))

    def action_scatter(self) -> None:
        """All runs that were marked as points, also those that are left out here."""
        from mlaudit.tui.screens.scatter import ScatterScreen

        self.app.push_screen(ScatterScreen(self._marked))

    def action_copy(self) -> None:
        """Copy the row."""
        if self._row is not None:
            self.mlaudit.copy("\t".join((self._row.name, *("" if v is None else v for v in self._row.values))))


def _head(row: Row) -> tuple[Text, Text]:
    return Text(row.kind.value, style="dim"), Text(f"{row.name} {ARROWS[row.direction]}".rstrip())


def _columns(row: Row) -> tuple[list[Row], tuple[str | None, ...], range]:
    return [row] * len(row.values), row.values, range(len(row.values))


def _cell(row: Row, value: str | None, index: int) -> Text:
    best = index in row.best
    text = Text(fit("—" if value is None else value, VALUE_WIDTH), style="dim" if value is None else "")
    if row.kind is Kind.METRIC:
        text.justify = "right"
    return Text.assemble(text, (" ★" if best else "", "bold green")) if best else text
