"""A metric's history in one line of block characters.

Each line has a scale of its own, from the least to the greatest of what it shows: it tells how a curve went, not how
high it is beside another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlaudit.domain.finite import is_finite

LEVELS = "▁▂▃▄▅▆▇█"
NO_NUMBER = "×"
"""Stands where a value is NaN or infinite: a gap that is seen, never a zero."""
LEVEL = "▄"
"""Stands for values that are all the same."""
NOISE = 1e-12
"""A difference, as a share of the values, that rounding alone makes."""


def sparkline(steps: Sequence[int], values: Sequence[float], width: int) -> str:
    """The history, ordered by step, in at most ``width`` characters.

    Up to ``width`` points are one character each. More are spread over the steps, each character the mean of its
    stretch: :data:`NO_NUMBER` where any of it is none, a blank where nothing was logged.
    """
    count = len(values)
    if count == 0 or width < 1:
        return ""
    first, span = steps[0], steps[-1] - steps[0] + 1
    cells = min(count, width)
    places: Iterable[int]
    if count <= width or span == 1:
        places = (index * cells // count for index in range(count))
    else:
        places = ((step - first) * cells // span for step in steps)
    sums, numbers, odd = [0.0] * cells, [0] * cells, [False] * cells
    for place, value in zip(places, values, strict=True):
        if is_finite(value):
            # Divided at once: the sum of values near the greatest double would be infinite.
            sums[place] += value / count
            numbers[place] += 1
        else:
            odd[place] = True
    means = [total / number if number else None for total, number in zip(sums, numbers, strict=True)]
    return "".join(_character(mean, odd[place], means) for place, mean in enumerate(means))


def _character(mean: float | None, odd: bool, means: Sequence[float | None]) -> str:
    if odd:
        return NO_NUMBER
    if mean is None:
        return " "
    known = [m for m in means if m is not None]
    low, high = min(known), max(known)
    unit = max(abs(low), abs(high)) or 1.0
    # As shares of the greater end: the difference of two great values may be no number.
    span = high / unit - low / unit
    if span < NOISE:
        return LEVEL
    share = (mean / unit - low / unit) / span
    return LEVELS[min(len(LEVELS) - 1, int(share * len(LEVELS)))]
