"""How far a training is, and how long it will take: from the steps that it has logged and how many there will be.

Nothing is guessed: more steps than were foreseen, or steps that do not count up from 0 or 1, tell nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = 20
"""The newest points that the pace is taken from: it may change, and the first step is often slow."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How far it is."""

    done: int
    total: int
    seconds_left: float | None
    """None while no pace is known."""


def estimate(
    steps: Sequence[int], timestamps: Sequence[int], total: int, *, started: float, now: float
) -> Estimate | None:
    """What the history of a metric tells, or None.

    ``steps`` and ``timestamps`` (milliseconds since the epoch) are ordered by step, and of the same length; ``started``
    and ``now`` are seconds since the epoch.
    """
    if not steps or total < 1 or steps[0] < 0:
        return None
    last = steps[-1]
    # Counted from 0, the step 4 is the fifth; from 1, it is the fourth.
    done = last + 1 if steps[0] == 0 else last
    if not 0 < done <= total:
        return None
    first = max(0, len(steps) - WINDOW)
    newest = timestamps[-1] / 1000
    if last > steps[first]:
        pace = (timestamps[-1] - timestamps[first]) / 1000 / (last - steps[first])
    else:
        pace = (newest - started) / done
    if pace < 0:
        return Estimate(done, total, None)
    return Estimate(done, total, max(0.0, (total - done) * pace - max(0.0, now - newest)))
