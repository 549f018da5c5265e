"""What a cell of the table of runs says, and in which colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich.style import Style

from mlaudit.domain.columns import NOTHING, is_curve, table_cell
from mlaudit.domain.groups import RunGroup
from mlaudit.domain.models import Run, RunStatus
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun, verdict_cell
from mlaudit.tui.widgets.diff_tables import COLORS, OTHER_COLOR, SIGNS
from mlaudit.tui.widgets.run_rows import Arrangement, Row

CURVE = 12
"""Cells of a column of curves, always."""
PIN = "⇤"
"""Stands over a pinned column."""
BASELINE = "◆"
"""Stands before the run that the others are judged against."""
PENDING = "…"
"""Stands where a verdict is still being worked out."""
STATUS_COLORS = {RunStatus.RUNNING: "cyan", RunStatus.FAILED: "red", RunStatus.KILLED: "yellow"}


def cell_text(
    row: Row,
    column: str,
    experiments: Mapping[str, str],
    judged: Mapping[str, JudgedRun],
    arrangement: Arrangement | None,
    curve: Callable[[Run, str], str] | None,
) -> str:
    """``experiments``: id -> name; ``judged``: run id -> verdict; ``curve`` draws the history of a run's metric."""
    if is_curve(column):
        # A group's is not one curve but many.
        if curve is None or not isinstance(row, Run):
            return ""
        return curve(row, column.partition(".")[2])
    arranged = None if arrangement is None else arrangement.cell(row, column)
    if arranged is not None or isinstance(row, RunGroup):
        return arranged or ""
    if column not in VERDICT_FIELDS:
        return table_cell(row, column, experiments)
    its = judged.get(row.run_id)
    if its is None:
        return PENDING
    text = verdict_cell(its, column)
    return f"{SIGNS[its.outcome]} {text}" if column == "verdict" and its.outcome is not None else text


def cell_color(run: Run, column: str, text: str, judged: Mapping[str, JudgedRun]) -> Style | None:
    """What a run's cell adds to the style of its row; None: nothing."""
    if text in {NOTHING, PENDING}:
        return Style(dim=True)
    if column == "status" and run.status in STATUS_COLORS:
        return Style(color=STATUS_COLORS[RunStatus(run.status)])
    if column == "verdict" and (its := judged.get(run.run_id)) and its.outcome:
        return Style(color=COLORS.get(its.outcome, OTHER_COLOR))
    return None
