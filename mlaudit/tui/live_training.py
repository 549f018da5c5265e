"""One training that was started, and how it stands, in words."""

from __future__ import annotations

import asyncio
import time

from mlaudit.domain.comparison import Comparison
from mlaudit.domain.models import MetricHistory, RunStatus
from mlaudit.domain.progress import estimate
from mlaudit.domain.text import clean
from mlaudit.services.training import Training, TrainingStatus
from mlaudit.tui.planned_training import Planned


class LiveTraining:
    """One training and how it stands. Only :class:`~mlaudit.tui.trainings.Trainings` changes it."""

    def __init__(self, training: Training, planned: Planned) -> None:
        self.training = training
        self.planned = planned
        self.status = TrainingStatus(True, None, None, None)
        self.ended = False
        """The process has ended, and what its run says of it is as right as can be."""
        self.stop: asyncio.Future[None] | None = None
        """While it is being stopped."""
        self.problem = ""
        """Why the last look failed; empty when it did not."""
        self.stop_problem = ""
        """Why the last attempt to stop it failed."""
        self.ended_at = 0.0
        """Seconds since the epoch when the process was found to have ended; 0 while it runs."""
        self.stopped = False
        """The user has stopped it."""
        self.seen = False
        """Its end was on screen."""
        self.from_before = False
        """An earlier session has started it."""
        self.history: MetricHistory | None = None
        """Of the metric by whose steps it is told how far it is; None until there is one."""
        self.verdict: Comparison | None = None
        """Its run against Production, when it has ended well."""
        self.verdict_problem = ""
        """Why there is no verdict on its run; empty when there is one, or none is due."""
        self.history_due = 0.0
        """When its steps are asked for again, on the monotonic clock; infinite while they are being asked for."""
        self.judging = False
        """The verdict has been asked for."""

    @property
    def stopping(self) -> bool:
        """It is being stopped."""
        return self.stop is not None

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return max(0.0, (self.ended_at or time.time()) - self.training.started)

    @property
    def how_far(self) -> str:
        """How far it is and what is left, in words; that nobody can tell, where nobody can."""
        planned, history = self.planned, self.history
        if not planned.metric:
            return "time left not known"
        found = None
        if history is not None:
            found = estimate(
                history.steps, history.timestamps, planned.steps, started=self.training.started, now=time.time()
            )
        if found is None:
            seen = history is not None and len(history.steps) > 0
            why = f"the steps of {clean(planned.metric)} do not fit" if seen else "none so far"
            return f"{planned.counted} ? of {planned.steps:,}: {why}"
        words = f"{planned.counted} {found.done:,} of {found.total:,}"
        if found.done == found.total:
            return f"{words}, about to end"
        if found.seconds_left is None:
            return words
        return f"{words}, about {_rounded(found.seconds_left)} left"

    @property
    def failed(self) -> bool:
        """It has ended, and not as it should."""
        finished = self.status.run_status == RunStatus.FINISHED
        known = self.status.run_status is not None
        return self.ended and not (finished if known and not self.status.exit_code else self.status.exit_code == 0)

    @property
    def verdict_words(self) -> str:
        """The verdict on its run, or why there is none; empty where none is due."""
        if self.verdict is not None:
            from mlaudit.tui.widgets.comparison_text import verdict_line

            return verdict_line(self.verdict)
        if self.judging:
            return "being judged against Production…"
        return f"no verdict: {self.verdict_problem}" if self.verdict_problem else ""

    @property
    def has_run(self) -> bool:
        """Whether the store knows its run."""
        return self.status.run_id is not None and self.status.run_status is not None

    @property
    def headline(self) -> str:
        """How it stands, in one line."""
        status, run = self.status, self.status.run_id
        if not self.ended:
            doing = "is being stopped" if self.stopping else "is running" if status.running else "has ended"
            return f"The training {doing} (process {self.training.pid})"
        about = f"run {run[:12]} is {status.run_status or 'in an unknown state'}" if run else "it recorded no run"
        return f"The training {'was stopped' if self.stopped else 'has ended'}: {exit_words(status.exit_code)}, {about}"


def exit_words(code: int | None) -> str:
    """An exit code in words."""
    if code is None:
        return "exit code not known"
    if code >= 0:
        return f"exit code {code}"
    import signal

    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")


def _rounded(seconds: float) -> str:
    """A time that is an estimate: no more digits than mean something."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(seconds / 3600)} h"
