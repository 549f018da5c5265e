"""What several runs are set against one another in: each param and metric as an axis with a place for every run.

A param whose values are all finite numbers is a number, else each of its values is a category. Numbers above 0 that
range over LOG_FROM or more are spaced by their logarithm. What a run does not have, and a metric that is no finite
number, has no place: it is named, never drawn as 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mlaudit.domain.builtin_rules import direction_by_name
from mlaudit.domain.finite import is_finite
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_number
from mlaudit.domain.ticks import Ticks, decade_ticks, value_ticks
from mlaudit.domain.verdict import Direction

LOG_FROM = 100.0
"""The ratio of the greatest value to the least from which on an axis is logarithmic by itself."""
_ONE_PLACE = 1e-9
"""Ends of an axis that differ by no more of their size are one value: nothing could be told apart between them."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class Spacing(StrEnum):
    """How an axis is spaced."""

    LINEAR = "linear"
    LOG = "log"
    CATEGORIES = "categories"


@dataclass(frozen=True, slots=True)
class Dimension:
    """One param or metric of some runs."""

    column: str
    """``params.lr``, ``metrics.val_loss``: as in the table of runs, printable."""
    texts: tuple[str | None, ...]
    """The value of each run, printable; None where the run has none."""
    values: tuple[float | None, ...]
    """As a number, of a category its index; None where there is nothing that can be drawn."""
    spacing: Spacing
    categories: tuple[str, ...] = ()
    """In the order of their places."""
    direction: Direction | None = None
    """Which way a metric gets better, where its name is known."""

    @property
    def is_metric(self) -> bool:
        """Else it is a param."""
        return self.column.startswith("metrics.")

    @property
    def name(self) -> str:
        """Without its group."""
        return self.column.partition(".")[2]

    @property
    def same(self) -> bool:
        """Whether all runs have it, with one value; what has no place by its text."""
        return len({t if v is None else v for t, v in zip(self.texts, self.values, strict=True)}) == 1

    @property
    def missing(self) -> tuple[int, ...]:
        """Indexes of the runs that do not have it."""
        return tuple(i for i, text in enumerate(self.texts) if text is None)

    @property
    def not_finite(self) -> tuple[int, ...]:
        """Indexes of the runs whose value is NaN or infinite."""
        return tuple(i for i, value in enumerate(self.values) if value is None and self.texts[i] is not None)

    @property
    def extent(self) -> tuple[float, float] | None:
        """The least and the greatest value; of categories the first and the last. None without any."""
        if self.spacing is Spacing.CATEGORIES:
            return (0.0, len(self.categories) - 1.0) if self.categories else None
        known = [v for v in self.values if v is not None]
        return (min(known), max(known)) if known else None

    @property
    def ends(self) -> tuple[str, str]:
        """What stands at the low and at the high end of the axis."""
        extent = self.extent
        if extent is None:
            return "", ""
        if self.spacing is Spacing.CATEGORIES:
            return self.categories[0], self.categories[-1]
        return format_number(extent[0]), format_number(extent[1])

    @property
    def can_be_log(self) -> bool:
        """Whether a logarithmic axis has a place for all of it."""
        extent = self.extent
        return self.spacing is not Spacing.CATEGORIES and extent is not None and extent[0] > 0 and not _is_one(extent)

    @property
    def best(self) -> tuple[int, ...]:
        """Indexes of the runs with the best value, where it is known which way that is and not all are the same."""
        extent = self.extent
        if self.direction is None or extent is None or _is_one(extent):
            return ()
        wanted = extent[0] if self.direction is Direction.LOWER else extent[1]
        return tuple(i for i, value in enumerate(self.values) if value == wanted)

    def spaced(self, spacing: Spacing) -> Dimension:
        """The same numbers spaced otherwise. Raises ValueError for what has no logarithm, and for categories."""
        if Spacing.CATEGORIES in {self.spacing, spacing} or (spacing is Spacing.LOG and not self.can_be_log):
            raise ValueError(spacing)
        return replace(self, spacing=spacing)

    def place(self, value: float) -> float:
        """Where a value stands on the axis, 0 (low) to 1 (high); the middle where that is (as good as) one value."""
        return self._placed([value])[0] or 0.0

    @property
    def places(self) -> tuple[float | None, ...]:
        """Where each run stands; None for one without a value."""
        return tuple(self._placed(self.values))

    def _placed(self, values: Sequence[float | None]) -> list[float | None]:
        # The extent once for all of them: it looks at every run.
        extent = self.extent
        if extent is None or _is_one(extent):
            return [None if value is None else 0.5 for value in values]
        log = self.spacing is Spacing.LOG
        low, high = (math.log(end) for end in extent) if log else extent
        # By their size first: high − low overflows near 1e308.
        size = max(abs(low), abs(high))
        first, span = low / size, high / size - low / size
        return [
            None if value is None else min(max(((math.log(value) if log else value) / size - first) / span, 0.0), 1.0)
            for value in values
        ]

    def ticks(self, most: int) -> Ticks:
        """About ``most`` values of the axis with their labels; of categories as many as that, evenly chosen."""
        extent = self.extent
        if extent is None or most < 1:
            return Ticks((), ())
        if self.spacing is Spacing.CATEGORIES:
            every = -(-len(self.categories) // most)
            chosen = range(0, len(self.categories), every)
            return Ticks(tuple(float(i) for i in chosen), tuple(self.categories[i] for i in chosen))
        if _is_one(extent):
            return Ticks((extent[0],), (format_number(extent[0]),))
        return (decade_ticks if self.spacing is Spacing.LOG else value_ticks)(*extent, most)


def _is_one(extent: tuple[float, float]) -> bool:
    low, high = extent
    size = max(abs(low), abs(high))
    return size == 0 or high / size - low / size <= _ONE_PLACE


def dimensions(runs: Sequence[Run]) -> tuple[Dimension, ...]:
    """Every param, then every metric of the runs; of these first those whose better way is known, last MLflow's own."""
    params = sorted({key for run in runs for key in run.params})
    metrics = sorted({key for run in runs for key in run.metrics})
    metrics.sort(key=lambda k: (k.startswith("system/"), direction_by_name(k) is None))
    return (
        *(_param(key, [run.params.get(key) for run in runs]) for key in params),
        *(_metric(key, [run.metrics.get(key) for run in runs]) for key in metrics),
    )


def _param(key: str, texts: Sequence[str | None]) -> Dimension:
    numbers = [None if text is None else _number(text) for text in texts]
    column = f"params.{key}"
    if all(text is None or number is not None for text, number in zip(texts, numbers, strict=True)):
        return Dimension(column, tuple(texts), tuple(numbers), _spacing(numbers))
    known = sorted({text for text in texts if text is not None}, key=_natural)
    order = {text: float(index) for index, text in enumerate(known)}
    values = tuple(None if text is None else order[text] for text in texts)
    return Dimension(column, tuple(texts), values, Spacing.CATEGORIES, tuple(known))


def _metric(key: str, values: Sequence[float | None]) -> Dimension:
    finite = tuple(None if v is None or not is_finite(v) else float(v) for v in values)
    texts = tuple(None if v is None else format_number(v) for v in values)
    return Dimension(f"metrics.{key}", texts, finite, _spacing(finite), direction=direction_by_name(key))


def _number(text: str) -> float | None:
    """A param's text as a finite number; ``nan``, ``1_000`` and ``True`` are words."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if is_finite(number) else None


def _spacing(values: Sequence[float | None]) -> Spacing:
    known = [v for v in values if v is not None]
    wide = bool(known) and min(known) > 0 and max(known) / min(known) >= LOG_FROM
    return Spacing.LOG if wide else Spacing.LINEAR


def _natural(text: str) -> tuple[bool, float, str]:
    """Numbers by their size before words, so that 8 comes before 64."""
    number = _number(text)
    return number is None, number or 0.0, text


def rank_correlation(first: Sequence[float | None], second: Sequence[float | None]) -> tuple[float | None, int]:
    """Spearman's ρ of the pairs that are whole, with their number; None for fewer than 3, or where one is constant."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(pairs) < 3:
        return None, len(pairs)
    ranks = [_ranks([pair[side] for pair in pairs]) for side in (0, 1)]
    mean = (len(pairs) + 1) / 2
    a, b = ([rank - mean for rank in side] for side in ranks)
    size = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return (sum(x * y for x, y in zip(a, b, strict=True)) / size if size else None), len(pairs)


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; those of equal values are their mean."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or values[order[end]] != values[order[start]]:
            for index in order[start:end]:
                ranks[index] = (start + end + 1) / 2
            start = end
    return ranks
