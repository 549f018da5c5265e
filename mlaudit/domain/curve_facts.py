"""What must be known of a curve besides its course: its best and last value, where it first was no number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.series import Curve, clean_curve
from mlaudit.domain.verdict import Direction

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class At:
    """A value and the step (or time) it was logged at."""

    step: int
    value: float


@dataclass(frozen=True, slots=True)
class Extremes:
    """The finite ends of a curve; of equal values the first."""

    least: At
    greatest: At
    last: At

    def best(self, direction: Direction | None) -> At | None:
        """The best value; None where nobody says which way is better."""
        if direction is None:
            return None
        return self.least if direction is Direction.LOWER else self.greatest


def extremes(curve: Curve) -> Extremes | None:
    """None where no value is finite."""
    values, steps = curve.finite_values, curve.finite_steps
    if not len(values):
        return None
    ends = (int(values.argmin()), int(values.argmax()), len(values) - 1)
    return Extremes(*(At(int(steps[i]), float(values[i])) for i in ends))


def first_gap(curve: Curve) -> At | None:
    """The first value that is not finite, of those at one step the last; None where all are finite."""
    if not len(curve.gap_steps):
        return None
    import numpy as np

    step = int(curve.gap_steps[0])
    begin, end = np.searchsorted(curve.steps, [step, step + 1]) if step < 2**63 - 1 else (0, len(curve.steps))
    here = curve.values[int(begin) : int(end)]
    return At(step, float(here[~(np.abs(here) < STORED_INFINITY)][-1]))


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """One curve minus another at the steps that both have."""

    curve: Curve
    left_out: int
    """Steps that only one of the two has."""


def same_step_difference(candidate: Curve, baseline: Curve) -> Difference:
    """candidate − baseline, of each the last value at a step; not finite where either is not, and then a gap.

    Both curves must be over steps, since times of two runs never meet.
    """
    import numpy as np

    ours, theirs = last_values(candidate), last_values(baseline)
    shared, i, j = np.intersect1d(ours[0], theirs[0], assume_unique=True, return_indices=True)
    with np.errstate(invalid="ignore", over="ignore"):
        delta = np.where(
            (np.abs(ours[1][i]) < STORED_INFINITY) & (np.abs(theirs[1][j]) < STORED_INFINITY),
            ours[1][i] - theirs[1][j],
            np.nan,
        )
    return Difference(clean_curve(shared, delta), len(ours[0]) + len(theirs[0]) - 2 * len(shared))


def last_values(curve: Curve) -> tuple[Ints, Floats]:
    """The distinct steps, and the last value logged at each."""
    import numpy as np

    last = np.ones(len(curve.steps), np.bool_)
    last[:-1] = curve.steps[1:] != curve.steps[:-1]
    return curve.steps[last], curve.values[last]
