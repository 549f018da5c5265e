"""The verdict on every run that is listed, worked out in the background."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Experiment
from mlaudit.domain.sorting import of_the_store, with_verdicts
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun
from mlaudit.services.triage import CHUNK, JudgeRuns
from mlaudit.tui.screens.run_list import RunList
from mlaudit.tui.widgets.run_table import BASELINE

JUDGED_FIRST = 50
"""Runs whose verdicts are asked for first; the others follow by the chunk, which looks up more at once."""


class VerdictsMixin(RunList):
    """Fills the columns ``verdict`` and ``change``."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        self._judging = True
        """Whether verdicts are wanted."""
        self._judge_problem = ""

    @work(exclusive=True, group="runs.judge")
    async def _judge_listed(self) -> None:
        """Ask for the verdicts that are missing, from the cursor's place on, in the background."""
        table = self.table
        self._judge_problem = ""
        size = JUDGED_FIRST
        while self._judging:
            at = max(0, table.scroll_offset.y)
            waiting = [r.run_id for r in (*table.runs[at:], *table.runs[:at]) if r.run_id not in table.judged]
            if not waiting:
                break
            try:
                answer = await self.ask(JudgeRuns(tuple(waiting[:size])))
            except MlauditError as error:
                self._judge_problem = f"no verdicts: {error}"
                break
            size = CHUNK
            table.judge(answer)
            self._show_verdict_columns()
            self._order_by_verdict()
            self._say()
        self._say()

    def _show_verdict_columns(self) -> None:
        """The columns of verdicts only where there is one: a store without registered models has none to show."""
        columns = self._columns(self.table.runs)
        if ("verdict" in columns) != ("verdict" in self.table.columns):
            self.table.set_columns(columns)

    @property
    def _verdicts_shown(self) -> bool:
        judged = self.table.judged.values()
        return self._judging and (not judged or any(one.outcome is not None for one in judged))

    def _order_by_verdict(self) -> None:
        if self._sorted_here:
            runs = sorted(self.table.runs, key=lambda run: self._known[run.run_id])
            self.table.reorder(with_verdicts(runs, self.table.judged, self.sort))

    @property
    def _sorted_here(self) -> bool:
        """Whether a verdict is one of the keys, so that only the runs that are loaded can be sorted."""
        return any(key.column in VERDICT_FIELDS for key in self.sort)

    def action_verdicts(self) -> None:
        """Judge every run that is listed, or stop doing so."""
        self._judging = not self._judging
        if not self._judging and self._sorted_here:
            self.sort = of_the_store(self.sort)
            self.load()
        self.table.set_columns(self._columns(self.table.runs))
        self._judge_listed()

    @property
    def _without_verdict(self) -> list[JudgedRun]:
        judged = self.table.judged
        return [judged[run.run_id] for run in self.table.runs if run.run_id in judged and judged[run.run_id].problem]

    def _about_verdicts(self) -> list[str]:
        """How many are still being worked out, and why there are none."""
        if not self._judging or not self.table.runs or not self._loaded:
            return []
        if self._judge_problem:
            return [self._judge_problem]
        waiting = sum(run.run_id not in self.table.judged for run in self.table.runs)
        said = [] if not any(j.baseline_run_id for j in self.table.judged.values()) else [f"{BASELINE} baseline"]
        said += [f"judging {waiting:,} more"] if waiting and not self._loading else []
        if problems := self._without_verdict:
            every = len(problems) == len(self.table.runs)
            count = "no verdicts" if every else f"{len(problems)} without a verdict"
            said.append(f"{count}: {problems[0].problem}")
        return said
