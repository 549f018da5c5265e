"""Which metric values are numbers that can be judged."""

from __future__ import annotations

import math

STORED_INFINITY = 1.7976931348623157e308
"""MLflow's SQL stores keep +inf and -inf as the greatest double and its negative."""


def is_finite(value: float) -> bool:
    """Whether a metric value is a real number: not NaN, not infinite, nor the ±1.797e308 that stands for infinite."""
    return math.isfinite(value) and abs(value) < STORED_INFINITY
