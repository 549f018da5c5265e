"""The axes of a chart: what x counts, and how y is spaced.

On a logarithmic axis values of 0 and below have no place: they are hidden, counted, and split a curve like a gap.
The symmetric logarithm shows them: ``sign(y) · log10(1 + |y| / c)``, linear within about ``c`` of 0 (J. Webber, "A
bi-symmetric log transformation for wide-range data", Measurement Science and Technology 24, 2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mlaudit.domain.series import Curve, Spans
from mlaudit.domain.ticks import (
    Ticks,
    decade_ticks,
    duration_label,
    duration_ticks,
    moment_label,
    moment_ticks,
    step_ticks,
    symmetric_ticks,
    value_ticks,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SMALL = 0.05
"""The share of the values, by size and without the zeros, that a symmetric logarithm leaves to its linear part."""


class XUnit(StrEnum):
    """What the x axis counts. Places on it are whole numbers: steps or milliseconds."""

    STEP = "step"
    RELATIVE = "relative time"
    """Since the start of the run."""
    WALL = "wall time"
    """UTC."""

    def read(self, place: int) -> str:
        """A place in words: ``step 12``, ``4m05s``, ``2026-03-01 14:05:30.250``."""
        if self is XUnit.STEP:
            return f"step {place}"
        return self.short(place)

    def short(self, place: int) -> str:
        """A place without the word for its unit."""
        if self is XUnit.STEP:
            return str(place)
        return duration_label(place) if self is XUnit.RELATIVE else moment_label(place)

    def ticks(self, first: int, last: int, most: int) -> Ticks:
        """At most ``most`` + 1 round places between ``first`` and ``last``."""
        if self is XUnit.STEP:
            return step_ticks(first, last, most)
        return (duration_ticks if self is XUnit.RELATIVE else moment_ticks)(first, last, most)


class YScale(StrEnum):
    """How the y axis is spaced."""

    LINEAR = "linear"
    LOG = "log"
    SYMLOG = "symlog"


@dataclass(frozen=True, slots=True)
class Scale:
    """The spacing of one axis."""

    kind: YScale = YScale.LINEAR
    linear_within: float = 1.0
    """c of the symmetric logarithm: a power of ten."""

    def apply(self, values: Floats) -> Floats:
        """Where the values stand: increasing, finite; −inf for what a logarithm has no place for."""
        import numpy as np

        if self.kind is YScale.LINEAR:
            return values
        if self.kind is YScale.LOG:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(values > 0, np.log10(np.where(values > 0, values, 1.0)), -np.inf)
        c = self.linear_within
        # The logarithm of a quotient: |y| / c may exceed the greatest double.
        size = np.abs(values)
        return np.sign(values) * (np.log10(size / 10 + c / 10) + 1 - math.log10(c))

    def undo(self, place: float) -> float:
        """The value that stands at ``place``; as finite as doubles are."""
        greatest = 308.25
        if self.kind is YScale.LINEAR:
            return place
        if self.kind is YScale.LOG:
            return float(10.0 ** min(place, greatest))
        exponent = min(abs(place) + math.log10(self.linear_within), greatest)
        return math.copysign(max(0.0, 10.0**exponent - self.linear_within), place)

    def spans(self, spans: Spans) -> Spans:
        """The same entries, where they stand."""
        if self.kind is YScale.LINEAR:
            return spans
        lows, highs, firsts, lasts = map(self.apply, (spans.lows, spans.highs, spans.firsts, spans.lasts))
        return Spans(spans.columns, lows, highs, firsts, lasts, spans.segments)

    def ticks(self, low: float, high: float, most: int) -> Ticks:
        """At most about ``most`` values between the places ``low < high``."""
        if self.kind is YScale.LINEAR:
            return value_ticks(low, high, most)
        least, greatest = self.undo(low), self.undo(high)
        if not least < greatest or (self.kind is YScale.LOG and least <= 0):
            return Ticks((), ())
        if self.kind is YScale.LOG:
            return decade_ticks(least, greatest, most)
        return symmetric_ticks(least, greatest, self.linear_within, most)


def scale_for(kind: YScale, shown: Sequence[Floats]) -> Scale:
    """The scale for the finite values that are seen; a symmetric one is linear over the least SMALL of them."""
    if kind is not YScale.SYMLOG:
        return Scale(kind)
    import numpy as np

    sizes = np.abs(np.concatenate([np.zeros(0), *shown]))
    sizes = sizes[sizes > 0]
    if not len(sizes):
        return Scale(kind)
    # Not the least of all: one value next to 0 would stretch the axis over hundreds of decades.
    place = int(len(sizes) * SMALL)
    least = float(np.partition(sizes, place)[place])
    return Scale(kind, 10.0 ** max(math.floor(math.log10(least)), -300))


def above_zero(curve: Curve) -> Curve:
    """The part of a curve that a logarithmic axis has a place for; what is hidden splits it."""
    import numpy as np

    keep = curve.finite_values > 0
    if bool(keep.all()):
        return curve
    segment = (curve.segment + np.cumsum(~keep))[keep]
    return curve.of(curve.finite_steps[keep], curve.finite_values[keep], segment)
