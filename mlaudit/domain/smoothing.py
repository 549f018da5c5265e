"""An exponential moving average of a curve, so that its course can be seen through its noise.

    m_t = w · m_(t−1) + (1 − w) · v_t,  m_0 = 0        s_t = m_t / (1 − w^t)

The division takes away the pull of ``m_0`` towards 0 (D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization",
ICLR 2015, section 3; TensorBoard smooths the same way). The average goes over points, whatever lies between their
steps, and begins anew after a gap: a value that is not finite has no part in any average and is never bridged.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

from mlaudit.domain.series import Curve

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

WEIGHTS = (0.0, 0.3, 0.6, 0.9, 0.99)
"""What a chart offers as ``w``; 0 is no smoothing."""
BLOCK = 64
"""Values that are averaged by one matrix product: 100k points take 4 ms, a loop over them 17 ms."""


def smoothed(curve: Curve, weight: float) -> Curve:
    """The curve with each finite value replaced by the average up to it; ``values`` stay as logged.

    ``0 <= weight < 1``. Raises ValueError for another weight.
    """
    import numpy as np

    if not 0 <= weight < 1:
        raise ValueError(f"a weight of {weight} is not within 0 and 1")
    values, segment = curve.finite_values, curve.segment
    if weight == 0 or not len(values):
        return curve
    out = np.empty_like(values)
    starts = np.concatenate(([0], np.flatnonzero(segment[1:] != segment[:-1]) + 1, [len(values)]))
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        out[start:end] = _average(values[start:end], weight)
    return curve.of(curve.finite_steps, out, segment)


def _average(values: Floats, weight: float) -> Floats:
    """The bias-corrected average of values without gaps."""
    import numpy as np

    count = len(values)
    if count <= BLOCK:
        moved = np.fromiter(_moving(values.tolist(), weight), np.float64, count)
    else:
        # In each block the average that begins there; then what the blocks before leave over, which fades by w a step.
        rows = -(-count // BLOCK)
        padded = np.zeros(rows * BLOCK)
        padded[:count] = values
        powers = weight ** np.arange(BLOCK)
        age = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK))
        share = np.where(age >= 0, (1 - weight) * powers[np.maximum(age, 0)], 0.0)
        blocks = padded.reshape(rows, BLOCK) @ share.T
        fade = float(weight**BLOCK)
        left = list(accumulate(blocks[:, -1].tolist(), lambda before, own: before * fade + own))
        before = np.array([0.0, *left[:-1]])
        moved = (blocks + before[:, None] * (powers * weight)).reshape(-1)[:count]
    # Further on the correction is 1 to the last digit.
    early = min(count, math.ceil(-40 / math.log(weight)))
    moved[:early] /= 1 - weight ** np.arange(1, early + 1)
    # Rounding may leave the range of the values by a hair, and next to the greatest double it would be infinite.
    average: Floats = np.clip(moved, values.min(), values.max(), out=moved)
    return average


def _moving(values: list[float], weight: float) -> accumulate[float]:
    first = (1 - weight) * values[0]
    return accumulate(values[1:], lambda before, value: weight * before + (1 - weight) * value, initial=first)
