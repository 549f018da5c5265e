"""The course of a metric in a few figures: how many points, the least and the greatest, and where they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlaudit.domain.finite import is_finite
from mlaudit.domain.models import MetricHistory
from mlaudit.domain.verdict import Direction

SUMMARY_SECONDS = 1.0
"""How long histories are read for summaries before those that there are, are given."""


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """Of one metric of one run. Least and greatest are of the finite values; of equal ones that of the least step."""

    key: str
    """Printable."""
    count: int
    """All points, finite or not."""
    finite: int
    least: tuple[float, int] | None = None
    """Value and step; None where no value is finite."""
    greatest: tuple[float, int] | None = None

    def best(self, direction: Direction | None) -> tuple[float, int] | None:
        """Value and step; None where nobody says which way is better, or nothing is finite."""
        if direction is None:
            return None
        return self.least if direction is Direction.LOWER else self.greatest


def summary_of(history: MetricHistory) -> MetricSummary:
    """The summary of a whole history."""
    finite = [(value, step) for value, step in zip(history.values, history.steps, strict=True) if is_finite(value)]
    if not finite:
        return MetricSummary(history.key, len(history), 0)
    least = min(finite)
    greatest = min(finite, key=lambda point: (-point[0], point[1]))
    return MetricSummary(history.key, len(history), len(finite), least, greatest)


def summarize(
    keys: Sequence[str], history: Callable[[str], MetricHistory], seconds: float
) -> tuple[MetricSummary, ...]:
    """Summaries of the first of these keys: at least of one, and of no more after so many seconds."""
    end = time.monotonic() + seconds
    found: list[MetricSummary] = []
    for key in keys:
        if found and time.monotonic() > end:
            break
        found.append(summary_of(history(key)))
    return tuple(found)
