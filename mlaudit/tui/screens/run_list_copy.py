"""Copying from the table of runs: an id, a value, a row. Values are copied whole, whatever a cell had room for."""

from __future__ import annotations

from textual.binding import Binding

from mlaudit.domain.columns import is_curve
from mlaudit.domain.run_values import full_cell
from mlaudit.tui.screens.run_list import RunList
from mlaudit.tui.widgets.run_table_layout import title_of

COPY_KEYS = (
    Binding("y", "copy_id", "Copy id", show=False, id="runs.copy_id", tooltip="Copy the run's id"),
    Binding(
        "Y",
        "copy_value",
        "Copy value",
        show=False,
        id="runs.copy_value",
        tooltip="Copy the value under the cursor, whole",
    ),
    Binding(
        "ctrl+y",
        "copy_row",
        "Copy row",
        show=False,
        id="runs.copy_row",
        tooltip="Copy the run's values in all columns shown, tab-separated under their names",
    ),
)


NEED_A_RUN = frozenset({"copy_id", "copy_value", "copy_row"})


class CopyMixin(RunList):
    """Copies what is under the cursor."""

    def action_copy_id(self) -> None:
        """Copy the id of the run under the cursor."""
        if self.table.current is not None:
            self.mlaudit.copy(self.table.current.run_id)

    def action_copy_value(self) -> None:
        """Copy the value under the cursor as the store has it: all digits, times in ISO 8601, a duration in seconds."""
        table = self.table
        if (run := table.current) is None:
            return
        if is_curve(table.column):
            said = f"{title_of(table.column).capitalize()} has no one value; o on its chart (c) writes all of them"
            self.app.notify(said, severity="warning", timeout=6, markup=False)
            return
        if value := self._full(table.column):
            self.mlaudit.copy(value, title_of(table.column))
        else:
            said = f"{run.name or run.run_id} has no {title_of(table.column)}: nothing is copied"
            self.app.notify(said, severity="warning", timeout=4, markup=False)

    def action_copy_row(self) -> None:
        """Copy two lines, the names of the columns and this run's values, for a spreadsheet or a note."""
        columns = self._run_columns
        if (run := self.table.current) is None:
            return
        count = f"{len(columns)} column{'' if len(columns) == 1 else 's'}"
        self.mlaudit.copy(
            "\t".join(columns) + "\n" + "\t".join(map(self._full, columns)) + "\n",
            said=f"the row of {run.name or run.run_id}: {count}, tab-separated, under their names",
        )

    def _full(self, column: str) -> str:
        run = self.table.current
        assert run is not None
        if column not in self._run_columns:
            return ""
        return full_cell(run, column, self.table.experiments, self.table.judged.get(run.run_id))
