"""The verdict on every run that is listed, worked out in the background."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from textual import work

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Experiment
from mlaudit.domain.sorting import of_the_store, with_verdicts
from mlaudit.domain.triage import VERDICT_FIELDS
from mlaudit.services.triage import CHUNK, JudgeRuns
from mlaudit.tui.screens.run_list import RunList
from mlaudit.tui.widgets.run_cells import BASELINE

JUDGED_FIRST = 50
"""Runs whose verdicts are asked for first; the others follow by the chunk, which looks up more at once."""

LOADING_SECONDS = 0.5
"""How often it is looked whether pages still come."""


class VerdictsMixin(RunList):
    """Fills the columns ``verdict`` and ``change``."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        self._judging = True
        """Whether verdicts are wanted."""
        self._judge_problem = ""
        self._without_any = False
        """Whether none of the runs that were judged last has a verdict: so it will be when they are listed anew."""
        self._judged_to = 0
        """Where in the table runs without a verdict were last looked for."""
        self._order_again = 0.0
        """When the runs may be sorted by their verdicts again."""

    @work(exclusive=True, group="runs.judge")
    async def _judge_listed(self) -> None:
        """Ask for the verdicts that are missing, from the cursor's place on, in the background."""
        table = self.table
        self._judge_problem = ""
        self._judged_to = 0
        size = JUDGED_FIRST
        while self._judging:
            waiting = self._waiting(size)
            if not waiting and self._loading:
                await asyncio.sleep(LOADING_SECONDS)
                continue
            if not waiting:
                break
            try:
                answer = await self.ask(JudgeRuns(waiting))
            except MlauditError as error:
                self._judge_problem = f"no verdicts: {error}"
                break
            size = CHUNK
            table.judge(answer)
            self._without_any = len(table.judged) <= table.judged.without
            self._show_verdict_columns()
            if time.monotonic() >= self._order_again:
                self._order_by_verdict()
            self._say(soon=True)
        self._order_by_verdict()
        self._say()

    def _waiting(self, size: int) -> tuple[str, ...]:
        """Runs without a verdict: those that are seen first, then the others from where the last ones were found.

        While more pages come, only those that are seen: the store has enough to do.
        """
        table = self.table
        at = max(0, table.scroll_offset.y)
        here = [r.run_id for r in table.runs[at : at + JUDGED_FIRST] if r.run_id not in table.judged]
        if here or self._loading:
            return tuple(here)
        for start in {self._judged_to: None, 0: None}:
            found = []
            for place in range(start, len(table.runs)):
                self._judged_to = place
                if (run_id := table.runs[place].run_id) not in table.judged:
                    found.append(run_id)
                    if len(found) == size:
                        break
            if found:
                return tuple(found)
        return ()

    def _show_verdict_columns(self) -> None:
        """The columns of verdicts only where there is one: a store without registered models has none to show."""
        if self._verdicts_shown == ("verdict" in self.table.columns):
            return
        columns = self._columns(())
        if ("verdict" in columns) != ("verdict" in self.table.columns):
            self.table.set_columns(columns)

    @property
    def _verdicts_shown(self) -> bool:
        return self._judging and not self._without_any

    def _order_by_verdict(self) -> None:
        if self._sorted_here:
            start = time.monotonic()
            runs = sorted(self.table.runs, key=lambda run: self._known[run.run_id])
            self.table.reorder(with_verdicts(runs, self.table.judged, self.sort))
            # Many runs take a while: then less often.
            self._order_again = time.monotonic() + 9 * (time.monotonic() - start)

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

    def _about_verdicts(self) -> list[str]:
        """How many are still being worked out, and why there are none."""
        if not self._judging or not self.table.runs or not self._loaded:
            return []
        if self._judge_problem:
            return [self._judge_problem]
        judged = self.table.judged
        waiting = len(self.table.runs) - len(judged)
        said = [f"{BASELINE} baseline"] if judged.with_baseline else []
        said += [f"judging {waiting:,} more"] if waiting and not self._loading else []
        if judged.without:
            every = judged.without == len(self.table.runs)
            count = "no verdicts" if every else f"{judged.without:,} without a verdict"
            said.append(f"{count}: {judged.problem}")
        return said
