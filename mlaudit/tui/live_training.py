"""One training that was started, and how it stands, in words."""

from __future__ import annotations

import asyncio
import time

from mlaudit.domain.models import RunStatus
from mlaudit.services.training import Training, TrainingStatus


class LiveTraining:
    """One training and how it stands. Only :class:`~mlaudit.tui.trainings.Trainings` changes it."""

    def __init__(self, training: Training) -> None:
        self.training = training
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

    @property
    def stopping(self) -> bool:
        """It is being stopped."""
        return self.stop is not None

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return max(0.0, (self.ended_at or time.time()) - self.training.started)

    @property
    def failed(self) -> bool:
        """It has ended, and not as it should."""
        finished = self.status.run_status == RunStatus.FINISHED
        known = self.status.run_status is not None
        return self.ended and not (finished if known and not self.status.exit_code else self.status.exit_code == 0)

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
