"""Columns with a metric's history as a little curve, filled in the background."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work
from textual.binding import Binding

from mlaudit.domain.columns import curve_column, is_curve
from mlaudit.domain.models import Experiment, Run
from mlaudit.tui.screens.run_list_columns import ColumnsMixin
from mlaudit.tui.sparklines import Sparklines

CURVE_KEY = Binding(
    "i", "curve", "Curve", show=False, id="runs.curve", tooltip="The metric's history as a little curve, or not"
)


class CurvesMixin(ColumnsMixin):
    """Adds and fills columns of curves."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        self._curves_loading = False
        self._sparklines = Sparklines(self.ask, self._curves_missed)

    def on_mount(self) -> None:
        self.table.curve = self._sparklines.text

    def action_curve(self) -> None:
        """Show the history of the metric under the cursor beside it, or no longer."""
        group, _, key = self.table.column.partition(".")
        if group != "metrics" and not is_curve(self.table.column):
            said = "Only a metric has a curve: go to the column of one."
            self.app.notify(said, severity="warning", timeout=4, markup=False)
            return
        if key in self._curves:
            self._show_curves(tuple(k for k in self._curves if k != key))
        else:
            self._show_curves((*self._curves, key))
            # To what came, which may stand beyond the right edge; the same key takes it away again.
            self.table.cursor_column = self.table.columns.index(curve_column(key))

    def _show_curves(self, keys: tuple[str, ...]) -> None:
        gone = {key for key in self._curves if key not in keys}
        self._curves = keys
        if is_curve(self.table.column) and self.table.column.partition(".")[2] in gone:
            # To the metric, beside which it stood.
            self.table.cursor_column = max(0, self.table.cursor_column - 1)
        self.table.set_columns(self._columns(self.table.runs, afresh=True))
        self._say()

    def _curves_missed(self) -> None:
        """A cell was painted that has no curve yet, or an old one."""
        if not self._curves_loading:
            self._curves_loading = True
            self.call_after_refresh(self._load_curves)

    @work(group="runs.curves")
    async def _load_curves(self) -> None:
        try:
            while self._sparklines.missing(self._seen_runs(), self._curves):
                await self._sparklines.load(self._seen_runs, lambda: self._curves, self._curve_arrived)
        finally:
            self._curves_loading = False
        if self.is_mounted:
            self._say()

    def _seen_runs(self) -> Sequence[Run]:
        return self.table.in_view if self.is_mounted else ()

    def _curve_arrived(self, run_id: str) -> None:
        if self.is_mounted:
            self.table.refresh_run(run_id)

    def action_reload(self) -> None:
        """Ask for the first page again, and for what could not be read."""
        self._sparklines.forget_errors()
        self.load()

    def _about_curves(self) -> list[str]:
        """What could not be read of those that are seen."""
        errors = self._sparklines.errors(self.table.in_view, self._curves) if self._curves else []
        return [f"{len(errors)} curve{'' if len(errors) == 1 else 's'} not read: {errors[0]}"] if errors else []
