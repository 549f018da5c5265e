"""The noise of a metric, the tolerance it suggests, and how many runs a decision needs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlaudit.domain import calibration
from mlaudit.domain.calibration import calibrate_metric, round_up, runs_needed, runs_to_tell
from mlaudit.domain.gate import Direction, MetricRule, MetricSamples, Outcome, Role, judge_metric
from mlaudit.domain.student import quantile

RULE = MetricRule("loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)


def test_pooling_and_the_noise_are_the_gates_own():
    """What calibrate says of one run against the baseline's group is what the gate then uses."""
    groups = ((1.0, 1.1, 1.2), (2.0, 2.1, 2.3, 2.2), (5.0,))
    found = calibrate_metric(RULE, groups, 0, (), 0.05)
    judged = judge_metric(RULE, MetricSamples((1.1,), groups[0], (groups[1],)))
    assert (found.df, found.n_baseline, len(found.groups)) == (judged.df, 3, 2) == (5, 3, 2)
    assert found.noise * 1.1 == pytest.approx(judged.noise)
    assert found.suggested >= found.noise


def test_by_hand():
    found = calibrate_metric(RULE, ((1.0, 1.02), (2.0, 2.0, 2.3)), None, (), 0.05)
    first, second = found.groups
    assert first.relative_sd == pytest.approx(math.sqrt(2) * 0.01 / 1.01)
    assert found.relative_sd == pytest.approx(math.sqrt((first.relative_sd**2 + 2 * second.relative_sd**2) / 3))
    assert found.noise == pytest.approx(2.353363 * found.relative_sd * math.sqrt(2), rel=1e-5)


def test_nothing_to_go_by():
    found = calibrate_metric(RULE, ((1.0,), ()), None, (), 0.05)
    assert (found.relative_sd, found.df, found.noise, found.suggested, found.needed) == (None, 0, None, None, None)
    around_zero = calibrate_metric(RULE, ((-1.0, 1.0),), None, (), 0.05)
    assert (around_zero.groups[0].relative_sd, around_zero.relative_sd) == (None, None)
    same = calibrate_metric(RULE, ((1.0, 1.0),), 0, (), 0.05)
    assert (same.relative_sd, same.noise, same.needed) == (0.0, 0.0, 1)


@pytest.mark.parametrize("size", [1e200, 1.7e308, -1.7e308, 1e-300])
def test_values_of_any_size(size):
    found = calibrate_metric(RULE, ((size, size * 0.99),), 0, (), 0.05)
    usual = calibrate_metric(RULE, ((1.0, 0.99),), 0, (), 0.05)
    assert found.relative_sd == pytest.approx(usual.relative_sd)
    assert found.groups[0].sd == pytest.approx(usual.groups[0].sd * abs(size))
    far_apart = calibrate_metric(RULE, ((1e308, -1e308, 1e-300),), 0, (), 0.05)
    assert (far_apart.groups[0].relative_sd, far_apart.relative_sd) == (None, None)


def test_an_absolute_tolerance_is_a_share_of_the_baseline():
    rule = MetricRule("auc", Role.GUARD, Direction.HIGHER, max_abs_regression=0.01)
    assert calibrate_metric(rule, ((0.5, 0.5), (1.0, 1.0)), 0, (), 0.05).tolerance == pytest.approx(0.02)
    assert calibrate_metric(rule, ((0.5, 0.5),), None, (), 0.05).tolerance is None
    assert calibrate_metric(rule, ((0.5, 0.5),), None, (0.25,), 0.05).tolerance == pytest.approx(0.04)
    assert calibrate_metric(rule, ((0.5, 0.5),), None, (0.0,), 0.05).tolerance is None


@pytest.mark.parametrize(("relative_sd", "others", "expected"), [(0.03, 4, 6), (0.01, 4, 1), (0.05, 0, 14)])
def test_so_many_runs_pass_four_times_out_of_five_on_the_gate_itself(relative_sd, others, expected):
    """One run fewer does not; measured with the gate on drawn runs without any true difference."""
    needed = runs_needed(relative_sd, others, 1, 0.05, 0.05)
    rng = np.random.default_rng(20260301)

    def share(n):
        passed = 0
        for _ in range(2000):
            group = (tuple(rng.normal(1, relative_sd, others + 1)),) if others else ()
            samples = MetricSamples(tuple(rng.normal(1, relative_sd, n)), tuple(rng.normal(1, relative_sd, n)), group)
            passed += judge_metric(RULE, samples).outcome is Outcome.PASS
        return passed / 2000

    assert needed == expected
    assert share(needed) > 0.77
    if needed > 1:
        assert share(needed - 1) < 0.83


@pytest.mark.parametrize(("relative_sd", "expected"), [(0.03, True), (0.35, True), (0.5, False), (5.0, False)])
def test_how_many_is_found_without_counting_up(monkeypatch, relative_sd, expected):
    """A list of many metrics must not wait for each."""
    asked = []
    monkeypatch.setattr(calibration, "quantile", lambda alpha, df: asked.append(df) or quantile(alpha, df))
    needed = runs_needed(relative_sd, 4, 1, 0.05, 0.05)
    assert (needed is not None) is expected
    verdict = judge_metric(RULE, MetricSamples((1.02,), (1.0,), ((1.0, 1.0 + relative_sd),)))
    told = runs_to_tell(verdict, 0.05, 1)
    assert len(asked) < 60
    if expected:
        dfs = range(4, 2003, 2)
        enough = [
            (quantile(0.05, df) + quantile(0.2, df)) * relative_sd * math.sqrt(4 / (df - 2)) <= 0.05 for df in dfs
        ]
        assert needed == enough.index(True) + 1
        assert told is not None


def test_the_limits_of_how_many():
    assert runs_needed(5.0, 0, 1, 0.01, 0.05) is None
    assert runs_needed(0.03, 4, 50, 0.05, 0.05) <= runs_needed(0.03, 4, 1, 0.05, 0.05)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.01923, 0.02), (0.0190, 0.019), (0.12, 0.12), (0.0998, 0.1), (0.0, 0.0)]
)
def test_rounding_never_makes_it_smaller(value, expected):
    assert round_up(value) == pytest.approx(expected)
    assert round_up(value) >= value


@pytest.mark.parametrize(("delta", "m"), [(0.02, 1), (0.045, 1), (0.07, 1), (0.07, 4)])
def test_so_many_runs_with_the_same_difference_would_tell(delta, m):
    """Judged by the gate: with so many runs it is no longer inconclusive, with one fewer it is."""
    spread = np.array([-1.0, 1.0, 0.0]) * 0.04
    group = tuple(1 + spread)

    def judged(n):
        # n runs a side of exactly this mean difference and this standard deviation.
        z = np.array([0.0]) if n == 1 else np.linspace(-1, 1, n)
        z = z if n == 1 else z / z.std(ddof=1) * 0.04
        samples = MetricSamples(tuple(1 + delta + z), tuple(1 + z), (group,))
        return judge_metric(RULE, samples, m=m)

    first = judged(1)
    assert first.outcome is Outcome.INCONCLUSIVE
    needed = runs_to_tell(first, 0.05, m)
    assert judged(needed).outcome is (Outcome.PASS if delta <= 0.05 else Outcome.REGRESSION)
    assert judged(needed - 1).outcome is Outcome.INCONCLUSIVE
    assert runs_to_tell(judged(needed), 0.05, m) is None


def test_an_even_chance_of_a_false_alarm_is_allowed_and_told_in_runs():
    """At alpha = 0.5 the noise of one metric is 0; among two a REGRESSION still needs to exceed some."""
    samples = MetricSamples((1.055,), (1.0,), ((1.0, 1.1, 0.9),))
    verdict = judge_metric(RULE, samples, alpha=0.5, m=2)
    assert (verdict.outcome, verdict.noise, verdict.se) == (Outcome.INCONCLUSIVE, 0, pytest.approx(0.1 * math.sqrt(2)))
    assert runs_to_tell(verdict, 0.5, 2) == 4
