"""Quantiles of Student's t: scipy's, without the 0.3 s that importing scipy takes where an elementary sum will do.

For whole degrees of freedom the distribution is a finite sum of powers of a cosine (Abramowitz and Stegun, 26.7.3 and
26.7.4), which Newton's method inverts to the last digits; tests/domain/test_student.py compares it with scipy's.
"""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

MOST = 2000
"""Degrees of freedom up to which the sum is quick; what goes beyond is asked of scipy."""
_STEPS = 200


@functools.lru_cache(maxsize=1024)
def quantile(alpha: float, df: float) -> float:
    """t_{1−α, ν}; the normal quantile for ν = ∞. 0 < α < 1 and ν > 0."""
    if math.isinf(df):
        return NormalDist().inv_cdf(1 - alpha)
    if df > MOST or df != int(df):
        from scipy.special import stdtrit

        return float(stdtrit(df, 1 - alpha))
    if alpha > 0.5:
        return -quantile(1 - alpha, df)
    return _quantile(alpha, int(df))


def _quantile(alpha: float, df: int) -> float:
    """For α up to a half, so that t is not negative."""
    if df == 1:
        return math.tan(math.pi * (0.5 - alpha))
    if df == 2:
        return (1 - 2 * alpha) / math.sqrt(2 * alpha * (1 - alpha))
    height = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    # From the normal quantile, which is nearer to 0: to the right of 0 the distribution is concave, so that every step
    # goes up and none too far.
    t = NormalDist().inv_cdf(1 - alpha)
    for _ in range(_STEPS):
        density = height * math.exp(-(df + 1) / 2 * math.log1p(t * t / df))
        step = (1 - 2 * alpha - _between(t, df)) / 2 / density
        t += step
        if abs(step) <= 1e-14 * t:
            break
    return t


def _between(t: float, df: int) -> float:
    """The probability of a value between −t and t; ``df`` from 3 on."""
    square = df / (df + t * t)
    sine = t / math.sqrt(df + t * t)
    odd = df % 2
    term = math.sqrt(square) if odd else 1.0
    total = term
    for k in range(3 if odd else 2, df - 1, 2):
        term *= square * (k - 1) / k
        total += term
    total *= sine
    return 2 / math.pi * (math.atan(t / math.sqrt(df)) + total) if odd else total
