"""The acceptance experiment: how often the gate's own code says what, at known true differences and noise.

Baseline N(1, σ²), candidate N(1 + Δ, σ²), n runs a side, lower is better, 5 % tolerance, α = 0.05. Where n = 1, one
calibration group of 5 runs of mean 1. F is the plain rule, which blocks iff the candidate's mean > 1.05 × the
baseline's. Every cell must come out within 1.5 percentage points.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest

from mlaudit.domain.gate import Direction, MetricRule, MetricSamples, Outcome, Role, judge_metric

DRAWS = 20_000
BAND = 1.5
RULE = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
DELTAS = (0.0, 0.02, 0.05, 0.10)
TABLE = {
    (0.005, 1): ((0, 0, 0, 100), (0, 0, 3.9, 96.1), (50.0, 50.0, 44.8, 5.2), (100, 100, 0, 0)),
    (0.01, 1): ((0, 0, 11.0, 88.9), (1.9, 1.9, 43.8, 54.3), (50.1, 49.8, 45.2, 5.1), (100, 100, 0, 0)),
    (0.01, 3): ((0, 0, 0.1, 99.9), (0, 0, 9.3, 90.7), (49.9, 49.9, 44.7, 5.4), (100, 100, 0, 0)),
    (0.03, 1): ((12.5, 4.6, 70.3, 25.1), (24.3, 10.0, 75.6, 14.4), (50.1, 24.9, 70.1, 5.0), (87.6, 61.1, 38.5, 0.4)),
    (0.03, 3): ((2.4, 1.7, 46.6, 51.7), (11.7, 8.5, 64.5, 27.0), (50.0, 40.8, 53.9, 5.3), (97.7, 94.2, 5.7, 0)),
    (0.03, 5): ((0.5, 0.5, 22.5, 77.1), (6.2, 6.1, 51.5, 42.3), (50.2, 49.9, 44.7, 5.4), (99.5, 99.5, 0.5, 0)),
    (0.05, 1): ((24.5, 5.6, 80.4, 14.0), (33.9, 8.7, 81.8, 9.5), (50.0, 15.7, 79.6, 4.6), (75.5, 33.1, 65.8, 1.1)),
    (0.05, 5): ((6.2, 3.8, 53.9, 42.3), (17.9, 11.9, 65.7, 22.4), (50.2, 39.0, 55.6, 5.4), (93.9, 88.3, 11.6, 0.1)),
}
SEED = int(os.environ.get("MLAUDIT_TEST_SEED", "20260301"))


@pytest.mark.parametrize(("sigma", "n"), list(TABLE))
def test_every_cell_reproduces(sigma, n):
    rng = np.random.default_rng([SEED, round(sigma * 1000), n])
    for delta, expected in zip(DELTAS, TABLE[sigma, n], strict=True):
        candidates = rng.normal(1 + delta, sigma, (DRAWS, n)).tolist()
        baselines = rng.normal(1, sigma, (DRAWS, n)).tolist()
        groups = rng.normal(1, sigma, (DRAWS, 5)).tolist() if n == 1 else [None] * DRAWS
        counts: Counter[str] = Counter()
        for candidate, baseline, group in zip(candidates, baselines, groups, strict=True):
            samples = MetricSamples(tuple(candidate), tuple(baseline), (tuple(group),) if group else ())
            verdict = judge_metric(RULE, samples)
            counts[verdict.outcome] += 1
            counts["plain"] += verdict.candidate > 1.05 * verdict.baseline
        words = ("plain", Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.PASS)
        seen = tuple(100 * counts[word] / DRAWS for word in words)
        assert seen == pytest.approx(expected, abs=BAND), f"sigma {sigma}, n {n}, delta {delta}"
