"""Metric histories made ready for a chart: cleaning, min-max downsampling, extents.

What is not finite (NaN, ±inf, and the ±1.797e308 that stands for infinite) is never drawn as a number and never
bridged: it splits a curve into segments and is counted. Downsampling keeps the least and the greatest value of every
pixel column, so that a single spike among a million points stays visible.

Everything works on whole numpy arrays (imported inside the functions: this module may be imported before the first
paint). Steps are 64-bit integers and differences are taken as such, since floats merge steps beyond 2**53. On an axis
of time milliseconds stand in for the steps.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlaudit.domain.finite import STORED_INFINITY

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

FLAT = 1e-9
"""A span below this share of the values' size is drawn as a constant: ticks could no longer be told apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One history, ordered by step (or time). Arrays of one group have the same length."""

    steps: Ints
    values: Floats
    """All points, as logged."""
    finite_steps: Ints
    finite_values: Floats
    segment: Ints
    """The finite points; ``segment`` is how many non-finite points came before, so a gap changes it."""
    gap_steps: Ints
    """Steps of the points that are not finite."""
    nan_count: int
    inf_count: int

    def __len__(self) -> int:
        return len(self.steps)

    def at(self, step: int) -> Reading | None:
        """The value at ``step``, else the last one before it; None before the first point."""
        import numpy as np

        end = int(np.searchsorted(self.steps, step, side="right"))
        if end == 0:
            return None
        found = int(self.steps[end - 1])
        start = int(np.searchsorted(self.steps, found, side="left"))
        return Reading(found, float(self.values[end - 1]), end - start)

    def of(self, finite_steps: Ints, finite_values: Floats, segment: Ints) -> Curve:
        """The same history with these as its finite points, e.g. without some, or smoothed."""
        return replace(self, finite_steps=finite_steps, finite_values=finite_values, segment=segment)

    @property
    def last(self) -> Reading | None:
        """The value at the greatest step."""
        return self.at(int(self.steps[-1])) if len(self.steps) else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a curve says at one step."""

    step: int
    value: float
    """The latest one logged at that step; may be NaN or infinite."""
    count: int
    """How many values were logged at that step."""


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """A downsampled curve: one entry for each pixel column and segment that has points, from left to right."""

    columns: Ints
    lows: Floats
    highs: Floats
    firsts: Floats
    lasts: Floats
    """The entry's first and last value: where a line from and to its neighbours starts and ends."""
    segments: Ints


def clean_curve(steps: Sequence[int] | Ints, values: Sequence[float] | Floats) -> Curve:
    """A curve of these points, put into the order of steps where they are not. Raises ValueError on unequal lengths."""
    import numpy as np

    s = np.asarray(steps, dtype=np.int64)
    v = np.asarray(values, dtype=np.float64)
    if s.shape != v.shape:
        raise ValueError(f"{len(s)} steps and {len(v)} values")
    if len(s) > 1 and bool(np.any(s[1:] < s[:-1])):
        order = np.argsort(s, kind="stable")
        s, v = s[order], v[order]
    finite = np.abs(v) < STORED_INFINITY  # False for NaN as well
    nans = int(np.count_nonzero(np.isnan(v)))
    if bool(finite.all()):
        return Curve(s, v, s, v, np.zeros(len(s), np.int64), s[:0], 0, 0)
    gaps = ~finite
    segment = np.cumsum(gaps)[finite].astype(np.int64)
    return Curve(s, v, s[finite], v[finite], segment, s[gaps], nans, int(np.count_nonzero(gaps)) - nans)


def step_extent(curves: Iterable[Curve]) -> tuple[int, int] | None:
    """The least and greatest step of all points, non-finite ones too; None when there are no points."""
    ends = [(int(c.steps[0]), int(c.steps[-1])) for c in curves if len(c)]
    return (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else None


def axis_range(low: float, high: float) -> tuple[float, float]:
    """``low`` and ``high``, widened when they are (nearly) equal; always finite and ``low < high``."""
    scale = max(abs(low), abs(high))
    if scale > 0 and high / scale - low / scale > FLAT:
        return low, high
    pad = scale * 0.1 if scale > 1e-290 else 1.0
    greatest = math.nextafter(STORED_INFINITY, 0)
    return max(low - pad, -greatest), min(high + pad, greatest)


def columns_of(steps: Ints, first: int, last: int, width: int) -> Ints:
    """The pixel column, 0 to ``width`` − 1, of each step from ``first`` to ``last``; the middle if equal."""
    import numpy as np

    if last <= first or width < 2:
        return np.full(len(steps), max(0, width - 1) // 2, np.int64)
    # Unsigned wrap-around makes the difference exact whatever the signs and sizes are.
    offset = steps.view(np.uint64) - np.uint64(first % 2**64)
    place = np.floor(offset.astype(np.float64) * ((width - 1) / (last - first)) + 0.5).astype(np.int64)
    return np.clip(place, 0, width - 1)


def rows_of(values: Floats, low: float, high: float, height: int) -> Ints:
    """The pixel row of each value, 0 (top, ``high``) to ``height`` − 1 (bottom, ``low``). All finite."""
    import numpy as np

    # Divided by their size first: high − low overflows near 1e308.
    scale = max(abs(low), abs(high))
    share = (values / scale - low / scale) / (high / scale - low / scale)
    place = np.floor((1 - share) * (height - 1) + 0.5).astype(np.int64)
    return np.clip(place, 0, max(0, height - 1))


def downsample(curve: Curve, first: int, last: int, width: int) -> Spans:
    """Least and greatest value for each of ``width`` pixel columns, of the points from step ``first`` to ``last``."""
    import numpy as np

    begin, end = inside(curve, first, last)
    steps, values, segment = curve.finite_steps[begin:end], curve.finite_values[begin:end], curve.segment[begin:end]
    if not len(steps):
        return Spans(segment, values, values, values, values, segment)
    # Where each column begins is looked up: that costs the columns, and not the points, a computation each.
    edges = np.searchsorted(steps, _first_steps(first, last, width), side="left")
    starts = np.unique(edges[edges < len(steps)])
    if segment[0] != segment[-1]:
        starts = np.union1d(starts, np.flatnonzero(segment[1:] != segment[:-1]) + 1)
    ends = np.append(starts[1:], len(steps)) - 1
    return Spans(
        np.searchsorted(edges, starts, side="right").astype(np.int64) - 1 + _single_column(first, last, width),
        np.fmin.reduceat(values, starts),
        np.fmax.reduceat(values, starts),
        values[starts],
        values[ends],
        segment[starts],
    )


@functools.lru_cache(maxsize=64)
def _first_steps(first: int, last: int, width: int) -> Ints:
    """The least step of each pixel column, from the second on as :func:`columns_of` rounds, in whole numbers."""
    import numpy as np

    span, pixels = last - first, 2 * (width - 1)
    if span <= 0 or width < 2:
        return np.array([first], np.int64)
    return np.array([first, *(first - (-(2 * k - 1) * span // pixels) for k in range(1, width))], np.int64)


def _single_column(first: int, last: int, width: int) -> int:
    """The column of everything where there is but one: the middle; else 0."""
    return max(0, width - 1) // 2 if last <= first or width < 2 else 0


def inside(curve: Curve, first: int, last: int) -> tuple[int, int]:
    """The indices, from and up to, of the finite points from step ``first`` to ``last``."""
    import numpy as np

    steps = curve.finite_steps
    return int(np.searchsorted(steps, first, side="left")), int(np.searchsorted(steps, last, side="right"))


def step_at_or_after(curves: Iterable[Curve], step: int) -> int | None:
    """The least logged step that is not below ``step``."""
    import numpy as np

    found = [int(c.steps[i]) for c in curves if (i := int(np.searchsorted(c.steps, step, side="left"))) < len(c)]
    return min(found, default=None)


def step_at_or_before(curves: Iterable[Curve], step: int) -> int | None:
    """The greatest logged step that is not above ``step``."""
    import numpy as np

    found = [int(c.steps[i - 1]) for c in curves if (i := int(np.searchsorted(c.steps, step, side="right"))) > 0]
    return max(found, default=None)
