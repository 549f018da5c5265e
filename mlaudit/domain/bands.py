"""Several runs of one recipe as a mean and a band: how far chance alone may carry one more run.

At each step at which three runs or more have a finite value the band is mean ± h with the gate's own arithmetic,
``h = t_(1−α, n−1) · s · √(1 + 1/n)``: another run of the recipe stays on the better side of mean + h with 95 %
probability (α = 5 %, one-sided, normal noise). Of two runs the band is just their range. A step that only one run has
is left out, since a mean whose members change along the way shows their differences as a course.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlaudit.domain.curve_facts import last_values
from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.series import Curve

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

ALPHA = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A mean with a band around it; arrays of one length, by step."""

    steps: Ints
    means: Floats
    lows: Floats
    highs: Floats
    fewest: int
    """Runs that have a value at a step, where they are fewest."""
    most: int
    left_out: int
    """Steps at which fewer than two runs have a finite value."""

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def about(self) -> str:
        """What the band is: ``95 % of 5 runs``."""
        if not len(self):
            return "no band: no step that 2 runs have"
        runs = f"{self.most}" if self.fewest == self.most else f"{self.fewest} to {self.most}"
        kind = "range" if self.most < 3 else "95 %" if self.fewest > 2 else "95 % (range where 2)"
        return f"band: {kind} of {runs} runs" + (f", {self.left_out:,} steps left out" if self.left_out else "")


def mean_band(curves: Sequence[Curve]) -> Band:
    """The band of these runs' curves, which must be over steps. Imports scipy.special, which takes 0.3 s."""
    import numpy as np

    parts = [last_values(curve) for curve in curves]
    finite = [np.abs(values) < STORED_INFINITY for _, values in parts]
    empty = np.zeros(0, np.int64)
    every = np.concatenate([empty, *(steps for steps, _ in parts)])
    logged = np.concatenate([empty, *(steps[f] for (steps, _), f in zip(parts, finite, strict=True))])
    values = np.concatenate([np.zeros(0), *(v[f] for (_, v), f in zip(parts, finite, strict=True))])
    steps, place = np.unique(logged, return_inverse=True)
    count = np.bincount(place, minlength=len(steps))
    enough = count >= 2
    # In units of the greatest value: sums of squares near 1e308 overflow.
    unit = float(np.abs(values).max()) if len(values) else 1.0
    unit = unit or 1.0
    share = values / unit
    mean = np.bincount(place, share, minlength=len(steps)) / np.maximum(count, 1)
    squares = np.bincount(place, (share - mean[place]) ** 2, minlength=len(steps))
    low, high = np.full(len(steps), np.inf), np.full(len(steps), -np.inf)
    np.minimum.at(low, place, share)
    np.maximum.at(high, place, share)
    many = count >= 3
    if bool(many.any()):
        from scipy.special import stdtrit

        n = count[many]
        h = stdtrit(n - 1, 1 - ALPHA) * np.sqrt(squares[many] / (n - 1)) * np.sqrt(1 + 1 / n)
        low[many], high[many] = mean[many] - h, mean[many] + h
    greatest = np.nextafter(STORED_INFINITY, 0)
    with np.errstate(over="ignore"):
        means, lows, highs = (np.clip(a[enough] * unit, -greatest, greatest) for a in (mean, low, high))
    kept = count[enough]
    return Band(
        steps[enough],
        means,
        lows,
        highs,
        int(kept.min()) if len(kept) else 0,
        int(kept.max()) if len(kept) else 0,
        len(np.unique(every)) - int(enough.sum()),
    )
