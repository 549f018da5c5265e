"""Runs that go on while they are listed: asked for again and again, and what changed stands out."""

from __future__ import annotations

import time
from collections.abc import Sequence

from textual import work

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Experiment
from mlaudit.services.runs import SearchRuns
from mlaudit.tui.screens.run_list_verdicts import VerdictsMixin

LIVE_SECONDS = 5.0
"""How often runs that still go on are asked for; doubled for each answer that brings nothing new."""
LIVE_SLOWEST = 60.0
LIVE_RUNS = 50
"""Runs asked for together: those nearest to the cursor."""


class LiveMixin(VerdictsMixin):
    """Keeps RUNNING runs fresh while the screen is on."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        self._pause = LIVE_SECONDS
        self._next_look = 0.0

    def on_mount(self) -> None:
        self.set_interval(LIVE_SECONDS / 5, self._tick)

    def _tick(self) -> None:
        """Look again at the runs that are RUNNING, less and less often while nothing comes of it."""
        if not self.is_current or self._loading or time.monotonic() < self._next_look or self.is_at_work("runs.live"):
            return
        if live := self._live_ids:
            self._next_look = time.monotonic() + self._pause
            self._look_again(tuple(live))

    @property
    def _live_ids(self) -> list[str]:
        """Those nearest to the cursor."""
        table = self.table
        if not table.live:
            return []
        live = [(abs(row - table.cursor_row), r.run_id) for row, r in enumerate(table.runs) if r.run_id in table.live]
        return [run_id for _, run_id in sorted(live)[:LIVE_RUNS]]

    @work(exclusive=True, group="runs.live")
    async def _look_again(self, run_ids: tuple[str, ...]) -> None:
        listed = ", ".join(f"'{run_id}'" for run_id in run_ids)
        ids = tuple(e.experiment_id for e in self._experiments)
        try:
            page = await self.ask(
                SearchRuns(ids, f"attributes.run_id IN ({listed})", max_results=len(run_ids), view=self.view_type)
            )
        except MlauditError:
            # The header says STALE; asking goes on.
            self._pause = min(LIVE_SLOWEST, self._pause * 2)
            return
        wanted = set(run_ids)
        before = {run.run_id: run for run in self.table.runs if run.run_id in wanted}
        news = [run for run in page.runs if repr(run) != repr(before.get(run.run_id))]
        self._pause = LIVE_SECONDS if news else min(LIVE_SLOWEST, self._pause * 2)
        self._next_look = time.monotonic() + self._pause
        if news:
            self.table.refresh_runs(news)
            for run in news:
                # A verdict on values that are no longer the last ones.
                self.table.judged.discard(run.run_id)
            self._judge_listed()
        self._say()

    def _about_live(self) -> list[str]:
        """How many go on, and how often they are asked for."""
        live = min(LIVE_RUNS, len(self.table.live))
        return [f"{live}{'+' if live == LIVE_RUNS else ''} RUNNING, asked every {self._pause:g} s"] if live else []
