"""Little curves for a list of runs: histories asked for in the background, of the rows that can be seen alone.

What is kept is the drawn line, some bytes, not the history. It is drawn anew when the run's last value is another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mlaudit.domain.columns import NOTHING
from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Run
from mlaudit.domain.sparkline import sparkline
from mlaudit.services.history import GetHistory
from mlaudit.tui.histories import Ask
from mlaudit.tui.widgets.run_cells import CURVE, PENDING

MOST = 150
"""Points that are asked for, where a store can give fewer than all: some stretches to a cell."""
AT_ONCE = 4
"""Requests under way at the same time."""
KEPT = 20_000
"""Lines that are kept; the oldest go first."""
MANY = 20_000
"""Points that are drawn in a thread: fewer take a few milliseconds."""
NO_POINTS = "no points"
NOT_READ = "not read"


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    last: str
    """The run's last value when it was drawn."""
    error: str = ""


class Sparklines:
    """The lines that are known, and the way to those that are not."""

    def __init__(self, ask: Ask, missed: Callable[[], None]) -> None:
        """``missed`` is called when a line was wanted that is not there; it may be called often."""
        self._ask = ask
        self._missed = missed
        self._lines: dict[tuple[str, str], _Line] = {}
        self._asking: set[tuple[str, str]] = set()

    def text(self, run: Run, key: str) -> str:
        """What to show now: the line, also one that is no longer the newest, or a word that says why there is none."""
        if key not in run.metrics:
            return NOTHING
        line = self._lines.get((run.run_id, key))
        if line is None or line.last != repr(run.metrics[key]):
            self._missed()
        return PENDING if line is None else line.text

    def errors(self, runs: Iterable[Run], keys: Sequence[str]) -> list[str]:
        """Why those could not be read that are not."""
        lines = (self._lines.get((run.run_id, key)) for run in runs for key in keys)
        return [line.error for line in lines if line is not None and line.error]

    def forget_errors(self) -> None:
        """Ask again for what could not be read."""
        self._lines = {place: line for place, line in self._lines.items() if not line.error}

    def missing(self, runs: Iterable[Run], keys: Sequence[str]) -> bool:
        """Whether there is something to ask for that nobody asks for yet."""
        return self._next(runs, keys) is not None

    async def load(
        self, seen: Callable[[], Sequence[Run]], keys: Callable[[], Sequence[str]], arrived: Callable[[str], None]
    ) -> None:
        """Ask for what is missing of the rows that are seen, until nothing is; ``arrived`` tells of which run.

        ``seen`` and ``keys`` are asked again and again: rows that went by meanwhile are not waited for.
        """

        async def one_after_another() -> None:
            while (wanted := self._next(seen(), keys())) is not None:
                run, key = wanted
                await self._fetch(run, key)
                arrived(run.run_id)

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))

    def _next(self, runs: Iterable[Run], keys: Sequence[str]) -> tuple[Run, str] | None:
        for run in runs:
            for key in keys:
                place = run.run_id, key
                if key not in run.metrics or place in self._asking:
                    continue
                line = self._lines.get(place)
                if line is None or line.last != repr(run.metrics[key]):
                    return run, key
        return None

    async def _fetch(self, run: Run, key: str) -> None:
        place, last = (run.run_id, key), repr(run.metrics[key])
        self._asking.add(place)
        try:
            history = await self._ask(GetHistory(run.run_id, key, raw_key=run.raw_key(key), most=MOST))
            if len(history) > MANY:
                text = await asyncio.to_thread(sparkline, history.steps, history.values, CURVE)
            else:
                text = sparkline(history.steps, history.values, CURVE)
            line = _Line(text or NO_POINTS, last)
        except MlauditError as error:
            line = _Line(NOT_READ, last, str(error))
        finally:
            self._asking.discard(place)
        self._lines.pop(place, None)
        self._lines[place] = line
        while len(self._lines) > KEPT:
            self._lines.pop(next(iter(self._lines)))
