"""How far the trainings are: the steps of the metric by which that is told, asked of the store now and then."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.text import clean
from mlaudit.services.history import GetHistory
from mlaudit.tui.live_training import LiveTraining

if TYPE_CHECKING:
    from mlaudit.tui.app import MlauditApp

POINTS = 500
"""Points of the metric that are asked for, about, where the store can give fewer than all."""


class TrainingSteps:
    """Fills :attr:`LiveTraining.history`."""

    def __init__(self, app: MlauditApp) -> None:
        self._app = app

    def look(self, live: LiveTraining) -> None:
        """Ask, if it is time to, beside the watching: a store that hangs must not hide the end of the process."""
        if live.status.run_id is not None and live.planned.metric and time.monotonic() >= live.history_due:
            live.history_due = math.inf
            self._app.run_worker(self._ask(live, live.status.run_id), group="trainings")

    async def _ask(self, live: LiveTraining, run_id: str) -> None:
        metric, began = live.planned.metric, time.monotonic()
        # What is known stays where the store does not answer.
        with contextlib.suppress(MlauditError):
            live.history = await self._app.backend.ask(GetHistory(run_id, clean(metric), metric, most=POINTS))
        # A store that takes long is asked seldom.
        now = time.monotonic()
        live.history_due = now + 20 * (now - began)
