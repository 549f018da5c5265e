"""Averages, facts, differences and bands of curves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.bands import mean_band
from mlaudit.domain.curve_facts import extremes, first_gap, same_step_difference
from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.series import clean_curve
from mlaudit.domain.smoothing import BLOCK, smoothed
from mlaudit.domain.verdict import Direction

NAN = math.nan


def by_formula(values: list[float], weight: float) -> list[float]:
    """The definition, one step at a time."""
    moved, out = 0.0, []
    for t, value in enumerate(values, start=1):
        moved = weight * moved + (1 - weight) * value
        out.append(moved / (1 - weight**t))
    return out


class TestSmoothing:
    """The bias-corrected exponential moving average."""

    @pytest.mark.parametrize("weight", [0.3, 0.6, 0.9, 0.99])
    @pytest.mark.parametrize("count", [1, 2, BLOCK, BLOCK + 1, 10 * BLOCK + 7])
    def test_it_is_the_formula(self, weight: float, count: int) -> None:
        values = np.random.default_rng(1).normal(size=count).cumsum().tolist()
        assert smoothed(clean_curve(range(count), values), weight).finite_values == pytest.approx(
            by_formula(values, weight), rel=1e-9, abs=1e-12
        )

    def test_the_first_value_is_not_pulled_to_zero(self) -> None:
        assert smoothed(clean_curve([0, 1], [5.0, 5.0]), 0.99).finite_values.tolist() == [5.0, 5.0]

    def test_it_begins_anew_after_a_gap_and_what_was_logged_stays(self) -> None:
        values = [1.0, 3.0, NAN, 10.0, 20.0, math.inf, 7.0]
        curve = smoothed(clean_curve(range(7), values), 0.9)
        expected = [*by_formula([1.0, 3.0], 0.9), *by_formula([10.0, 20.0], 0.9), 7.0]
        assert curve.finite_values == pytest.approx(expected)
        assert curve.segment.tolist() == [0, 0, 1, 1, 2]
        assert curve.values[4] == 20.0

    @given(st.lists(st.floats(-1.79e308, 1.79e308), min_size=1, max_size=200))
    def test_it_stays_within_the_values(self, values: list[float]) -> None:
        out = smoothed(clean_curve(range(len(values)), values), 0.9).finite_values
        assert len(out) == len(values)
        assert min(values) <= out.min()
        assert out.max() <= max(values)

    def test_a_weight_of_one_is_refused(self) -> None:
        with pytest.raises(ValueError, match="weight of 1"):
            smoothed(clean_curve([0], [1.0]), 1)


class TestFacts:
    """Best, last and where a curve broke."""

    def test_best_needs_a_direction(self) -> None:
        found = extremes(clean_curve([0, 5, 9, 12], [3.0, 1.0, 4.0, NAN]))
        assert found is not None
        best = found.best(Direction.LOWER)
        assert best is not None
        assert (best.step, best.value) == (5, 1.0)
        assert found.best(None) is None
        assert (found.last.step, found.last.value) == (9, 4.0)
        assert extremes(clean_curve([0], [NAN])) is None

    def test_the_first_value_that_is_no_number(self) -> None:
        gap = first_gap(clean_curve([0, 3, 3, 8], [1.0, 2.0, -STORED_INFINITY, NAN]))
        assert gap is not None
        assert (gap.step, gap.value) == (3, -STORED_INFINITY)
        assert first_gap(clean_curve([0], [1.0])) is None


class TestDifference:
    """One curve minus another."""

    def test_at_shared_steps_only(self) -> None:
        ours = clean_curve([0, 1, 2, 2, 4], [1.0, 2.0, 9.0, 3.0, 5.0])
        theirs = clean_curve([1, 2, 3, 4], [1.5, 1.0, 7.0, NAN])
        found = same_step_difference(ours, theirs)
        assert found.curve.finite_steps.tolist() == [1, 2]
        assert found.curve.finite_values.tolist() == [0.5, 2.0], "of several values at a step the last"
        assert found.curve.gap_steps.tolist() == [4]
        assert found.left_out == 2

    def test_infinities_do_not_cancel(self) -> None:
        found = same_step_difference(clean_curve([0], [math.inf]), clean_curve([0], [math.inf]))
        assert found.curve.nan_count == 1


class TestBands:
    """A mean over replicates with how far chance goes."""

    def test_three_runs_by_the_gates_arithmetic(self) -> None:
        band = mean_band([clean_curve([0], [v]) for v in (1.0, 2.0, 3.0)])
        half = 2.919986 * 1.0 * math.sqrt(1 + 1 / 3)
        assert band.means.tolist() == [2.0]
        assert band.lows == pytest.approx([2 - half], rel=1e-5)
        assert band.highs == pytest.approx([2 + half], rel=1e-5)
        assert band.about == "band: 95 % of 3 runs"

    def test_two_runs_are_a_range(self) -> None:
        band = mean_band([clean_curve([0, 1], [1.0, 5.0]), clean_curve([0, 1], [2.0, 4.0])])
        assert (band.lows.tolist(), band.highs.tolist()) == ([1.0, 4.0], [2.0, 5.0])
        assert band.about == "band: range of 2 runs"

    def test_a_step_of_one_run_and_what_is_not_finite_are_left_out(self) -> None:
        band = mean_band([clean_curve([0, 1, 2], [1.0, NAN, 3.0]), clean_curve([0, 1, 9], [2.0, 2.0, 2.0])])
        assert band.steps.tolist() == [0]
        assert band.left_out == 3
        assert "3 steps left out" in band.about

    def test_nothing_in_common(self) -> None:
        assert len(mean_band([clean_curve([0], [1.0]), clean_curve([1], [1.0])])) == 0
        assert len(mean_band([])) == 0

    def test_huge_values_do_not_overflow(self) -> None:
        band = mean_band([clean_curve([0], [v]) for v in (1.7e308, -1.7e308, 1.6e308)])
        assert np.isfinite(band.lows).all()
        assert np.isfinite(band.highs).all()
