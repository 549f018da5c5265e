"""Metric histories for the screens that draw curves: asked for together, kept, and turned into what a chart draws.

Fetching is what costs (a million points take MLflow's client 50 s), so histories are kept and drawn from there at every
size. A screen may be content with the least and the greatest of each stretch of a long one, which looks the same until
somebody looks closer, and have it completed only then; all points are kept up to a number of them.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import MetricHistory, Run, RunStatus
from mlaudit.services.history import GetHistory
from mlaudit.services.requests import Request
from mlaudit.tui.widgets.chart_series import Series

T = TypeVar("T")
Place = tuple[str, str]
"""Run id and metric."""

KEEP_POINTS = 5_000_000
"""24 bytes each; the least recently used histories go first."""
AT_ONCE = 6
"""Requests under way at the same time."""
NO_STEPS, NO_VALUES = array("q"), array("d")
# What a person looks at first, where a run has it. Only the order of a list hangs on these names, never a verdict.
FIRST_LOOK = ("val_loss", "validation_loss", "eval_loss", "val/loss", "valid_loss", "test_loss", "loss", "train_loss")


class Ask(Protocol):
    """How a screen asks the backend."""

    async def __call__(self, request: Request[T]) -> T:
        """The answer. Raises MlauditError."""
        ...


def is_live(run: Run) -> bool:
    """Whether the store says that the run still goes on."""
    return run.status == RunStatus.RUNNING


def run_labels(runs: Sequence[Run]) -> tuple[str, ...]:
    """A name for each run; those that share one get their short id as well, those without one get it instead."""
    names = Counter(run.name for run in runs)
    return tuple(
        run.run_id[:8] if not run.name else f"{run.name} {run.run_id[:8]}" if names[run.name] > 1 else run.name
        for run in runs
    )


def metric_keys(runs: Iterable[Run]) -> tuple[str, ...]:
    """The metrics that any of the runs has, by name; MLflow's system metrics last."""
    return tuple(sorted({key for run in runs for key in run.metrics}, key=lambda k: (k.startswith("system/"), k)))


def first_metric(keys: Sequence[str]) -> str | None:
    """The metric to show when nobody named one: a validation loss, else a validation metric, else the first."""
    for key in FIRST_LOOK[:-2]:
        if key in keys:
            return key
    validation = [k for k in keys if k.lower().startswith(("val_", "val/", "valid", "eval"))]
    known = [k for k in FIRST_LOOK[-2:] if k in keys]
    return next(iter((*validation, *known, *keys)), None)


class Histories:
    """Fetched histories and the errors of those that could not be fetched."""

    def __init__(self, ask: Ask, *, enough: int | None = None) -> None:
        """``enough``: of a longer history about so many points will do until it is completed; None: never."""
        self._ask = ask
        self._enough = enough
        self._kept: OrderedDict[Place, MetricHistory] = OrderedDict()
        self._thin: dict[Place, MetricHistory] = {}
        """Those of which the store gave only each stretch's least and greatest."""
        self._completing: Counter[Place] = Counter()
        self._errors: dict[Place, str] = {}
        self._asking: Counter[Place] = Counter()
        self._dropped: dict[Place, frozenset[Place] | None] = {}
        """What went to make room; with all that was asked for together, where it was among that: asked for together
        again they would have no room again."""

    def get(self, run: Run, key: str) -> MetricHistory | None:
        """What is kept of this metric: all points where they are there."""
        place = run.run_id, key
        if place not in self._kept:
            return self._thin.get(place)
        self._kept.move_to_end(place)
        return self._kept[place]

    def forget(self) -> None:
        """Ask anew next time."""
        self._kept.clear()
        self._thin.clear()
        self._errors.clear()
        self._dropped.clear()

    def waiting(self, runs: Sequence[Run], key: str) -> int:
        """How many of the runs are still being asked for."""
        return sum(self._asking[run.run_id, key] > 0 for run in runs)

    def errors(self, runs: Sequence[Run], key: str) -> tuple[str, ...]:
        """What went wrong, one text for each run that could not be read."""
        return tuple(e for run in runs if (e := self._errors.get((run.run_id, key))) is not None)

    def settled(self, runs: Sequence[Run], key: str) -> bool:
        """Whether nothing needs to be asked for."""
        return not self._missing(runs, key)

    def _missing(self, runs: Sequence[Run], key: str) -> list[Run]:
        """Those to be asked for: what found no room together with the others would find none again."""
        together = {(run.run_id, key) for run in runs}
        return [
            run
            for run in runs
            if _has(run, key)
            and self.get(run, key) is None
            and ((before := self._dropped.get((run.run_id, key))) is None or not before <= together)
        ]

    def incomplete(self, runs: Sequence[Run], key: str) -> tuple[Run, ...]:
        """The runs of which not all points are there, as far as there is room for them; the first runs come first."""
        found, points = [], 0
        for run in runs:
            history = self.get(run, key)
            if history is None:
                continue
            points += _size(history)
            if history.total is not None and (points <= KEEP_POINTS or points == _size(history)):
                found.append(run)
        return tuple(found)

    def completing(self, runs: Sequence[Run], key: str) -> int:
        """Of how many of the runs all points are being asked for."""
        return sum(self._completing[run.run_id, key] > 0 for run in runs)

    async def load(self, runs: Sequence[Run], key: str, arrived: Callable[[], None], *, fresh: bool = False) -> bool:
        """Fetch what is missing (with ``fresh``: everything), all runs at once. ``arrived`` tells of each change.

        Returns whether anything is different from what was kept. An error stays with its run and the others go on.
        """
        wanted = [r for r in runs if _has(r, key)] if fresh else self._missing(runs, key)
        return await self._fetch_all(wanted, runs, key, arrived, self._enough, self._asking)

    async def complete(self, runs: Sequence[Run], key: str, arrived: Callable[[], None]) -> None:
        """Fetch all points of those that are :meth:`incomplete`."""
        await self._fetch_all(self.incomplete(runs, key), runs, key, arrived, None, self._completing)

    async def _fetch_all(
        self,
        wanted: Sequence[Run],
        runs: Sequence[Run],
        key: str,
        arrived: Callable[[], None],
        most: int | None,
        asking: Counter[Place],
    ) -> bool:
        at_once = asyncio.Semaphore(AT_ONCE)
        pending = {(run.run_id, key) for run in wanted}
        together = frozenset((run.run_id, key) for run in runs)
        asking.update(pending)

        async def one(run: Run) -> bool:
            async with at_once:
                changed = await self._fetch(run, key, most, together)
            asking[run.run_id, key] -= 1
            pending.discard((run.run_id, key))
            arrived()
            return changed

        try:
            arrived()
            return any(await asyncio.gather(*(one(run) for run in wanted)))
        finally:
            # Those that a cancellation kept from being answered.
            asking.subtract(pending)

    async def _fetch(self, run: Run, key: str, most: int | None, together: frozenset[Place]) -> bool:
        place = run.run_id, key
        try:
            history = await self._ask(GetHistory(run.run_id, key, raw_key=run.raw_key(key), most=most))
        except MlauditError as error:
            self._errors[place] = str(error)
            return False
        self._errors.pop(place, None)
        self._dropped.pop(place, None)
        before = self.get(run, key)
        # Compared by size and end, since a comparison of all values never finds NaN equal to itself.
        same = before is not None and _size(before) == _size(history)
        if same and before is not None and before.timestamps[-1:] == history.timestamps[-1:]:
            if place in self._kept:
                self._kept.move_to_end(place)
            if most is not None or place in self._kept:
                return False
        if history.total is not None:
            # What is kept whole is older.
            self._kept.pop(place, None)
            self._thin[place] = history
            return True
        self._kept[place] = history
        self._kept.move_to_end(place)
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEEP_POINTS:
            dropped, _ = self._kept.popitem(last=False)
            if dropped not in self._thin:
                self._dropped[dropped] = together if dropped in together else None
        return True

    def series(self, runs: Sequence[Run], key: str) -> tuple[Series, ...]:
        """What a chart draws: each run's curve, or why it has none."""
        return tuple(self._one(run, key, label) for run, label in zip(runs, run_labels(runs), strict=True))

    def _one(self, run: Run, key: str, label: str) -> Series:
        history = self.get(run, key)
        error = self._errors.get((run.run_id, key))
        notes = []
        if history is not None and history.sampled and history.total is None:
            notes.append("sampled")
        if error is not None:
            notes.append(f"not read: {error}" if history is None else f"not refreshed: {error}")
        elif self._asking[run.run_id, key] and history is None:
            notes.append("loading…")
        elif (run.run_id, key) in self._dropped and history is None:
            notes.append(f"not shown: more points than the {KEEP_POINTS:,} that are kept")
        elif self._completing[run.run_id, key]:
            notes.append("loading all points…")
        elif not _has(run, key):
            notes.append("never logged")
        elif is_live(run):
            notes.append("RUNNING")
        note = ", ".join(notes)
        if history is None:
            return Series(label, NO_STEPS, NO_VALUES, note, run_id=run.run_id)
        return Series(
            label,
            history.steps,
            history.values,
            note,
            timestamps=history.timestamps,
            start=run.start_time,
            run_id=run.run_id,
            total=history.total,
            each=history.each,
            not_finite=history.not_finite,
        )


def _size(history: MetricHistory) -> int:
    """How many points the store has of it."""
    return len(history) if history.total is None else history.total


def _has(run: Run, key: str) -> bool:
    # A run that goes on may have logged it since.
    return key in run.metrics or is_live(run)
