"""The arithmetic of one metric, and every row of the table of edge cases."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from mlaudit.domain.gate import Direction, MetricRule, MetricSamples, Outcome, Role, group_noise, judge_metric

NAN, INF, STORED_INF = math.nan, math.inf, 1.7976931348623157e308


def rule(direction: Direction | None = Direction.LOWER, **fields: object) -> MetricRule:
    return MetricRule("val_loss", Role.PRIMARY, direction, **({"max_rel_regression": 0.05} | fields))


def judge(candidate, baseline, a_rule=None, groups=(), **options):
    def values(side):
        return tuple(side) if isinstance(side, list | tuple) else (side,)

    return judge_metric(a_rule or rule(), MetricSamples(values(candidate), values(baseline), groups), **options)


def said(verdict):
    return verdict.outcome, verdict.reason


@pytest.mark.parametrize(
    ("candidate", "baseline", "direction", "expected"),
    [
        (1.05, 1.0, Direction.LOWER, (Outcome.PASS, "within_tolerance")),
        (0.0105, 0.010, Direction.LOWER, (Outcome.PASS, "within_tolerance")),
        (0.95, 1.0, Direction.HIGHER, (Outcome.PASS, "within_tolerance")),
        (1.0500001, 1.0, Direction.LOWER, (Outcome.REGRESSION, "worse_than_tolerance")),
        (0.9499999, 1.0, Direction.HIGHER, (Outcome.REGRESSION, "worse_than_tolerance")),
        (-1.1, -1.0, Direction.LOWER, (Outcome.PASS, "not_worse")),
        (-0.9, -1.0, Direction.LOWER, (Outcome.REGRESSION, "worse_than_tolerance")),
        (-0.96, -1.0, Direction.LOWER, (Outcome.PASS, "within_tolerance")),
        (-1.04, -1.0, Direction.HIGHER, (Outcome.PASS, "within_tolerance")),
        (-1.1, -1.0, Direction.HIGHER, (Outcome.REGRESSION, "worse_than_tolerance")),
        (1.0, 1.0, Direction.LOWER, (Outcome.PASS, "not_worse")),
        (0.5, 1.0, Direction.LOWER, (Outcome.PASS, "not_worse")),
        (0.0, 0.0, Direction.LOWER, (Outcome.PASS, "zero_baseline_not_worse")),
        (-1.0, 0.0, Direction.LOWER, (Outcome.PASS, "zero_baseline_not_worse")),
        (0.2, 0.0, Direction.HIGHER, (Outcome.PASS, "zero_baseline_not_worse")),
        (1e-300, 0.0, Direction.LOWER, (Outcome.NOT_COMPARABLE, "relative_tolerance_undefined")),
        (0.1, -0.0, Direction.LOWER, (Outcome.NOT_COMPARABLE, "relative_tolerance_undefined")),
        (1.07, 1.0, Direction.LOWER, (Outcome.REGRESSION, "worse_than_tolerance")),
        (0.5, 1.0, None, (Outcome.NOT_COMPARABLE, "direction_undeclared")),
    ],
)
def test_single_values(candidate, baseline, direction, expected):
    verdict = judge(candidate, baseline, rule(direction))
    assert said(verdict) == expected
    assert (verdict.noise, verdict.df) == (None, None)


def test_exactly_five_percent_passes_at_every_magnitude():
    for exponent in range(-300, 300, 7):
        base = 3.7 * 10.0**exponent
        assert judge(base * 1.05, base).outcome is Outcome.PASS
        assert judge(base * 1.0501, base).outcome is Outcome.REGRESSION


def test_the_slack_is_a_billionth_of_the_greater_value():
    """It is for floating point alone, and at a baseline of 0 it is the candidate's."""
    for direction, way in ((Direction.LOWER, 1), (Direction.HIGHER, -1)):
        zero = rule(direction, max_rel_regression=0.0)
        assert judge(1 + way * 0.9e-9, 1.0, zero).outcome is Outcome.PASS
        assert judge(1 + way * 1.1e-9, 1.0, zero).outcome is Outcome.REGRESSION
    absolute = rule(max_rel_regression=None, max_abs_regression=0.3)
    assert 0.1 + 0.2 > 0.3
    assert judge(0.1 + 0.2, 0.0, absolute).outcome is Outcome.PASS


@pytest.mark.parametrize("value", [NAN, INF, -INF, STORED_INF, -STORED_INF])
@pytest.mark.parametrize("direction", [Direction.LOWER, Direction.HIGHER, None])
def test_a_candidate_that_is_not_finite_is_a_regression(value, direction):
    for candidate in ([value], [0.1, value, 0.1]):
        for baseline in (1.0, NAN, ()):
            for options in ({}, {"comparable": False}, {"has_baseline": False}, {"final": False}):
                verdict = judge(candidate, baseline, rule(direction), **options)
                assert said(verdict) == (Outcome.REGRESSION, "candidate_non_finite")
                assert verdict.candidate == value or math.isnan(value)
                assert verdict.delta is None
                assert verdict.tolerance == (0.05 if baseline == 1.0 else None)


@pytest.mark.parametrize("value", [NAN, INF, STORED_INF])
def test_a_baseline_that_is_not_finite(value):
    assert said(judge(1.0, value)) == (Outcome.NOT_COMPARABLE, "baseline_non_finite")
    some = judge(1.0, [1.0, value, 1.0])
    assert some.outcome is Outcome.PASS
    assert (some.baseline, some.n_baseline) == (1.0, 2)
    assert "baseline_non_finite_dropped" in some.warnings


def test_missing_values():
    assert said(judge((), 1.0)) == (Outcome.NOT_COMPARABLE, "candidate_missing")
    assert said(judge(1.0, ())) == (Outcome.NOT_COMPARABLE, "baseline_missing")
    assert said(judge((), (), has_baseline=False)) == (Outcome.NOT_COMPARABLE, "candidate_missing")


def test_without_a_baseline_the_absolute_bounds_apply():
    bounded = rule(upper_bound=0.5, lower_bound=0.1)
    assert said(judge(0.3, (), bounded, has_baseline=False)) == (Outcome.NO_BASELINE, "first_promotion")
    assert said(judge(0.6, (), bounded, has_baseline=False)) == (Outcome.REGRESSION, "above_upper_bound")
    assert said(judge(0.05, (), bounded, has_baseline=False)) == (Outcome.REGRESSION, "below_lower_bound")
    assert said(judge(0.5, (), bounded, has_baseline=False)) == (Outcome.NO_BASELINE, "first_promotion")
    nobody_said = rule(None, upper_bound=0.5)
    assert said(judge(0.5, (), nobody_said, has_baseline=False)) == (Outcome.NO_BASELINE, "first_promotion")


def test_exactly_the_bound_is_within_it_and_floating_point_makes_no_difference():
    bounded = rule(max_rel_regression=None, upper_bound=0.3, lower_bound=-0.3)
    for value in (0.3, 0.1 + 0.2, 0.3 * (1 + 0.9e-9)):
        assert said(judge(value, 1.0, bounded)) == (Outcome.PASS, "within_bounds")
        assert said(judge(-value, 1.0, bounded)) == (Outcome.PASS, "within_bounds")
    assert said(judge(0.3 * (1 + 1.1e-9), 1.0, bounded)) == (Outcome.REGRESSION, "above_upper_bound")
    assert said(judge(-0.3 * (1 + 1.1e-9), 1.0, bounded)) == (Outcome.REGRESSION, "below_lower_bound")
    # The mean is judged, not the worst of the replicates.
    assert said(judge([0.1, 0.4], 1.0, bounded)) == (Outcome.PASS, "within_bounds")
    assert said(judge([0.3, 0.4], 1.0, bounded)) == (Outcome.REGRESSION, "above_upper_bound")
    # A bound of 0 is exact.
    exact = rule(max_rel_regression=None, upper_bound=0.0, lower_bound=0.0)
    assert judge(0.0, 1.0, exact).outcome is Outcome.PASS
    assert said(judge(5e-324, 1.0, exact)) == (Outcome.REGRESSION, "above_upper_bound")
    assert said(judge(-5e-324, 1.0, exact)) == (Outcome.REGRESSION, "below_lower_bound")


def test_a_violated_bound_beats_being_better_and_being_incomparable():
    bounded = rule(upper_bound=0.5)
    assert said(judge(0.6, 0.9, bounded)) == (Outcome.REGRESSION, "above_upper_bound")
    assert said(judge(0.6, 0.9, bounded, comparable=False)) == (Outcome.REGRESSION, "above_upper_bound")
    # The values of a run that has not finished are not its last word.
    assert said(judge(0.6, 0.9, bounded, final=False)) == (Outcome.NOT_COMPARABLE, "runs_not_comparable")


def test_runs_that_are_not_comparable():
    for candidate in (0.1, 1.0, 5.0):
        assert said(judge(candidate, 1.0, comparable=False)) == (Outcome.NOT_COMPARABLE, "runs_not_comparable")


def test_absolute_tolerance_and_both():
    absolute = rule(max_rel_regression=None, max_abs_regression=0.2)
    assert judge(1.2, 1.0, absolute).outcome is Outcome.PASS
    assert judge(1.21, 1.0, absolute).outcome is Outcome.REGRESSION
    assert judge(0.2, 0.0, absolute).outcome is Outcome.PASS
    both = rule(max_abs_regression=0.2)
    assert judge(1.15, 1.0, both).tolerance == 0.2
    assert judge(1.15, 1.0, rule(max_abs_regression=0.2, combine="min")).outcome is Outcome.REGRESSION
    # At a baseline of 0 the relative part is 0 as it is around 0, so that a verdict does not jump.
    assert judge(0.1, 0.0, both).outcome is Outcome.PASS
    assert judge(0.1, 0.0, rule(max_abs_regression=0.2, combine="min")).outcome is Outcome.REGRESSION


def test_only_bounds_or_no_tolerance_at_all():
    assert said(judge(9.0, 1.0, rule(max_rel_regression=None, upper_bound=10.0))) == (Outcome.PASS, "within_bounds")
    assert said(judge(9.0, 1.0, rule(max_rel_regression=None))) == (Outcome.NOT_COMPARABLE, "no_tolerance")


def test_zero_tolerance_means_not_worse():
    strict = rule(max_rel_regression=0.0)
    assert judge(1.0, 1.0, strict).outcome is Outcome.PASS
    assert judge(1.001, 1.0, strict).outcome is Outcome.REGRESSION


GROUP = tuple(
    1 + 0.03 * z for z in (-1.2649110640673518, -0.6324555320336759, 0.0, 0.6324555320336759, 1.2649110640673518)
)
"""Five values of mean 1 whose standard deviation (n − 1) is exactly 3 %."""


def test_one_calibration_group():
    noisy = judge(1.07, 1.0, groups=(GROUP,))
    assert said(noisy) == (Outcome.INCONCLUSIVE, "noise_exceeds_margin")
    assert noisy.df == 4
    # t_{0.95, 4} = 2.131847, SE = 3 % · √2
    assert noisy.noise == pytest.approx(2.131846786 * 0.03 * math.sqrt(2))
    assert noisy.warnings == ()
    assert said(judge(1.10, 1.0, groups=(GROUP,))) == (Outcome.REGRESSION, "worse_than_tolerance")
    assert said(judge(0.9, 1.0, groups=(GROUP,))) == (Outcome.PASS, "not_worse")


def test_calibration_is_relative_to_the_groups_mean():
    scaled = tuple(10 * v for v in GROUP)
    assert judge(1.07, 1.0, groups=(scaled,)).noise == pytest.approx(judge(1.07, 1.0, groups=(GROUP,)).noise)
    negative = tuple(-10 * v for v in GROUP)
    assert judge(1.07, 1.0, groups=(negative,)).noise == pytest.approx(judge(1.07, 1.0, groups=(GROUP,)).noise)


def test_pooling_by_hand():
    verdict = judge([1.0, 1.2], [0.9, 1.0, 1.1], groups=(GROUP,))
    squares = 0.02 + 0.02 + 4 * (0.03 * 1.0) ** 2
    assert verdict.df == 1 + 2 + 4
    # t_{0.95, 7} = 1.894579
    assert verdict.noise == pytest.approx(1.894578605 * math.sqrt(squares / 7 * (1 / 2 + 1 / 3)))
    assert verdict.delta == pytest.approx(0.1)
    assert (verdict.n_candidate, verdict.n_baseline) == (2, 3)


@pytest.mark.parametrize("exponent", range(-1020, 1020, 60))
def test_noise_is_the_same_share_at_every_magnitude(exponent):
    """The squares of values such as 1e-170 are 0, those of 1e160 infinite; a power of two rounds nothing."""

    def in_units(*values):
        return [math.ldexp(value, exponent) for value in values]

    cases = [
        ((1.07,), (1.0,), {"groups": (GROUP,)}),
        ((1.0, 1.2), (0.9, 1.0, 1.1), {}),
        ((1.0, 1.2), (0.9, 1.0, 1.1), {"groups": (GROUP,)}),
        ((1.00, 1.12, 0.93), (0.90, 1.00, 0.85), {"paired": True}),
    ]
    for candidate, baseline, options in cases:
        plain = judge(candidate, baseline, **options)
        scaled = judge(in_units(*candidate), in_units(*baseline), **options)
        assert (said(scaled), scaled.df, scaled.warnings) == (said(plain), plain.df, plain.warnings)
        assert math.ldexp(scaled.noise, -exponent) == pytest.approx(plain.noise, rel=1e-12)


def test_paired():
    candidate, baseline = [1.00, 1.12, 0.93], [0.90, 1.00, 0.85]
    loose = judge(candidate, baseline)
    paired = judge(candidate, baseline, paired=True)
    # differences 0.10, 0.12, 0.08: sd 0.02; t_{0.95, 2} = 2.919986
    assert paired.df == 2
    assert paired.noise == pytest.approx(2.91998558 * 0.02 / math.sqrt(3))
    assert paired.noise < loose.noise
    assert "paired_not_possible" in judge([1.0, 1.1], [1.0, 1.2], paired=True).warnings
    assert "paired_not_possible" in judge([1.0, 1.1, 1.2], [1.0, NAN, 1.2], paired=True).warnings


def test_declared_noise_is_used_where_nothing_measures_it():
    declared = rule(relative_sd=0.03)
    verdict = judge(1.065, 1.0, declared)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert math.isinf(verdict.df)
    assert verdict.noise == pytest.approx(1.6448536 * 0.03 * math.sqrt(2))
    assert judge(1.07, 1.0, declared, groups=(GROUP,)).df == 4
    assert judge(-1.065, -1.0, rule(Direction.HIGHER, relative_sd=0.03)).noise == pytest.approx(verdict.noise)
    assert judge(0.2, 0.0, rule(relative_sd=0.03, max_abs_regression=0.1)).warnings == ("noise_unknown",)


def test_a_regression_among_many_metrics_needs_more_evidence_than_a_pass():
    assert judge(1.10, 1.0, groups=(GROUP,), m=1).outcome is Outcome.REGRESSION
    many = judge(1.10, 1.0, groups=(GROUP,), m=10)
    assert many.outcome is Outcome.INCONCLUSIVE
    assert many.noise == judge(1.10, 1.0, groups=(GROUP,), m=1).noise
    better = [judge(0.95, 1.0, groups=(GROUP,), m=m).outcome for m in (1, 10)]
    assert better == [Outcome.PASS, Outcome.PASS]


def test_warnings_of_noise():
    assert judge(1.0, 1.0).warnings == ("noise_unknown",)
    same = judge([1.0, 1.0], [1.0, 1.0, 1.0])
    assert (same.outcome, same.warnings) == (Outcome.PASS, ("zero_variance_replicates",))
    assert same.noise == 0
    assert judge([1.06, 1.06], [1.0, 1.0]).outcome is Outcome.REGRESSION
    assert judge(1.0, 1.0, groups=((2.0, 2.0), (0.7,) * 49)).warnings == ("zero_variance_replicates",)
    assert judge(1.0, 1.0, groups=((2.0, 2.0), (2.0, 2.1))).warnings == ()
    assert judge([1e-300, 2e-300], 1e300).warnings == ()
    for around_zero in ((-1.0, 1.0), (1e308, -1e308, 1e-300)):
        unusable = judge(1.0, 1.0, groups=(around_zero,))
        assert unusable.warnings == ("calibration_group_unusable", "noise_unknown")
    # Of a baseline of 0 nothing is a share.
    at_zero = judge(0.1, 0.0, rule(max_abs_regression=0.2), groups=(GROUP,))
    assert (at_zero.noise, at_zero.warnings) == (None, ("calibration_group_unusable", "noise_unknown"))
    alone = judge([0.1, 0.2], 0.0, rule(max_abs_regression=0.2), groups=(GROUP,))
    assert (alone.df, alone.warnings) == (1, ("calibration_group_unusable",))
    assert judge(1.0, 1.0, groups=((1.0,), (1.0, NAN), ())).warnings == ("noise_unknown",)


def test_the_mean_of_replicates_is_judged_not_the_lucky_one():
    verdict = judge([0.99, 1.19, 1.21], [1.0, 1.0, 1.0])
    assert verdict.candidate == pytest.approx(1.13)
    assert verdict.outcome is not Outcome.PASS


@pytest.mark.parametrize("big", [1.7e308, -1.7e308])
def test_the_greatest_doubles_do_not_break_it(big):
    assert judge([big] * 3, 1.0).outcome in {Outcome.REGRESSION, Outcome.PASS, Outcome.INCONCLUSIVE}
    assert judge(1.0, [big] * 3).outcome in {Outcome.REGRESSION, Outcome.PASS, Outcome.INCONCLUSIVE}
    assert judge([big, -big], [1.0, 1.0]).outcome is Outcome.INCONCLUSIVE
    assert judge(1.7e308, -1.7e308).outcome is Outcome.REGRESSION


def test_neither_scipy_nor_numpy_is_imported_to_judge():
    code = """
import sys
from mlaudit.domain.gate import *
rule = MetricRule("x", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
judge_metric(rule, MetricSamples((1.0,), (1.0,)))
judge_metric(rule, MetricSamples((1.0, 1.1), (1.0, 1.2)))
assert "scipy" not in sys.modules and "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_group_reckoned_beforehand_says_the_same():
    groups = (GROUP, (2.0, 2.1, math.nan), (-1.0, -1.2), (0.0, 0.0), (5.0,))
    reckoned = tuple(noise for g in groups if (noise := group_noise(g)) is not None)
    assert judge(1.01, 1.0, groups=reckoned) == judge(1.01, 1.0, groups=groups)
    assert [noise.df for noise in reckoned] == [4, 1, 1, 1]
    assert "calibration_group_unusable" in judge(1.01, 1.0, groups=reckoned).warnings
