"""Stopping a training politely, so that its run ends as KILLED and is never left RUNNING.

The first SIGINT, SIGTERM or SIGHUP only raises a flag, which the training looks at between two batches: nothing is cut
off in the middle of a write to the store. A second one ends what is under way at once (a store that does not answer).
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class Stopped(BaseException):
    """The training was asked to stop. No Exception, so that no library takes it for a failure that it may swallow."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number


class StopSignals:
    """Catches the stop signals inside a ``with`` block; afterwards the old handlers are back."""

    SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

    def __init__(self) -> None:
        self._requested: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in self.SIGNALS:
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._requested is not None:
            raise Stopped(number)
        self._requested = number

    def check(self) -> None:
        """Raises Stopped when a signal has come."""
        if self._requested is not None:
            raise Stopped(self._requested)
