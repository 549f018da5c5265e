"""Which columns the table of runs has: its own choice, what the user chose, or only what differs."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work

from mlaudit.domain.columns import (
    arranged,
    curve_column,
    default_columns,
    differing,
    is_curve,
    key_columns,
    tag_columns,
)
from mlaudit.domain.groups import COUNT
from mlaudit.domain.models import Experiment, Run
from mlaudit.tui.screens.columns import ColumnsScreen
from mlaudit.tui.screens.run_list_verdicts import VerdictsMixin

FIRST = ("run_name", "status", "start_time", "duration")
"""The columns that every table begins with."""
VERDICTS = ("verdict", "change")
"""The columns that only a judgement fills, beside the name."""


class ColumnsMixin(VerdictsMixin):
    """Chooses columns."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        self._chosen: tuple[str, ...] | None = None
        self._only_differing = False
        self._pinned: tuple[str, ...] = ()
        """The columns that stay in place beside the name, as they stand there."""
        self._curves: tuple[str, ...] = ()
        """The metrics whose histories are shown as well."""

    def _columns(self, runs: Sequence[Run], *, afresh: bool = False) -> tuple[str, ...]:
        """The columns for these runs and for what was shown before; those that were chosen, if any were."""
        own = self._arranged_columns(self._own_columns(runs, afresh=afresh))
        return arranged(own, self._pinned, self._curves)

    def _own_columns(self, runs: Sequence[Run], *, afresh: bool) -> tuple[str, ...]:
        """The same without curves and what groups need, and without the pinned ones drawn to the front."""
        verdicts = VERDICTS if self._verdicts_shown else ()
        if self._chosen is not None:
            return tuple(c for c in self._chosen if c in verdicts or c not in VERDICTS)
        several = ("experiment",) if len(self._experiments) > 1 else ()
        # Pages that come later add columns at the end and move none.
        before = [c for c in self.table.columns if "." in c and not is_curve(c)] if self._loaded and not afresh else []
        # Mostly they have none to add, and that is soon seen.
        looked_at = runs if self._only_differing or not key_columns(runs).issubset(before) else ()
        found = [c for c in default_columns(looked_at) if "." in c]
        every = (FIRST[0], *several, *verdicts, *FIRST[1:], *before, *found, *tag_columns(looked_at))
        columns = tuple(dict.fromkeys(every))
        if not self._only_differing:
            return columns
        if afresh:
            return differing(columns, runs)
        # What is not shown was the same in all runs before: one of them stands for all.
        shown = {*before, *differing(columns, [*self.table.runs[:1], *runs])}
        return tuple(column for column in columns if column in shown)

    def action_differing(self) -> None:
        """Only the metrics, params and tags that are not the same in all runs that are loaded, or all of them again."""
        self._only_differing = not self._only_differing
        self._chosen = None
        self.table.set_columns(self._columns(self.table.runs, afresh=True))
        self._say()

    def _all_columns(self) -> tuple[str, ...]:
        more = ("run_id", "end_time", "user", "experiment", "artifact_uri")
        runs = self.table.runs
        shown = [column for column in self.table.columns if column != COUNT]
        verdicts = VERDICTS if self._verdicts_shown else ()
        found = (*shown, *FIRST, *verdicts, *default_columns(runs), *tag_columns(runs), *more)
        mlflow = sorted({f"tags.{k}" for run in runs for k in run.tags if k.startswith("mlflow.")})
        return tuple(dict.fromkeys((*found, *mlflow)))

    @work(group="runs.columns")
    async def action_columns(self) -> None:
        """Choose which columns are shown."""
        chosen = await self.app.push_screen_wait(ColumnsScreen(self._all_columns(), self.table.columns, self._pinned))
        if chosen is None:
            return
        self._chosen = chosen or None
        if chosen:
            self._curves = tuple(key for key in self._curves if curve_column(key) in chosen)
        self.table.set_columns(self._columns(self.table.runs, afresh=True))
        self._say()
