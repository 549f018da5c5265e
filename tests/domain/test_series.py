"""Histories made ready for a chart."""

import math
import sys
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.finite import STORED_INFINITY, is_finite
from mlaudit.domain.series import (
    axis_range,
    clean_curve,
    columns_of,
    downsample,
    rows_of,
    step_at_or_after,
    step_at_or_before,
    step_extent,
)
from mlaudit.domain.ticks import decimal_label, step_ticks, value_ticks

STEPS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from(
    [STORED_INFINITY, -STORED_INFINITY, 0.0, 1e308]
)
FINITE = st.floats(allow_nan=False, allow_infinity=False).filter(is_finite)
POINTS = st.lists(st.tuples(STEPS, VALUES), max_size=40)


class TestCleaning:
    """What is not finite is counted and never a number."""

    def test_nan_and_both_forms_of_infinity_are_gaps(self) -> None:
        curve = clean_curve(
            array("q", range(6)), array("d", [1.0, math.nan, math.inf, STORED_INFINITY, -STORED_INFINITY, 2.0])
        )
        assert curve.finite_values.tolist() == [1.0, 2.0]
        assert curve.segment.tolist() == [0, 4]
        assert curve.gap_steps.tolist() == [1, 2, 3, 4]
        assert (curve.nan_count, curve.inf_count) == (1, 3)

    @given(POINTS)
    def test_finite_means_what_the_models_say(self, points: list[tuple[int, float]]) -> None:
        curve = clean_curve([s for s, _ in points], [v for _, v in points])
        assert len(curve.finite_values) == sum(is_finite(v) for _, v in points)
        assert curve.nan_count + curve.inf_count == len(curve.gap_steps) == len(points) - len(curve.finite_values)
        assert curve.steps.tolist() == sorted(s for s, _ in points)

    def test_unequal_lengths_are_refused(self) -> None:
        with pytest.raises(ValueError, match="2 steps and 1 values"):
            clean_curve([1, 2], [1.0])

    def test_no_copy_is_made_of_a_clean_history(self) -> None:
        values = array("d", [1.0, 2.0])
        assert np.shares_memory(clean_curve(array("q", [1, 2]), values).finite_values, np.frombuffer(values))

    def test_the_value_at_a_step_is_the_last_logged_there_or_before(self) -> None:
        curve = clean_curve([1, 5, 5, 9], [0.1, 0.5, 0.6, math.nan])
        assert curve.at(0) is None
        assert curve.at(4) == curve.at(1)
        at = curve.at(5)
        assert at is not None
        assert (at.step, at.value, at.count) == (5, 0.6, 2)
        assert curve.last is not None
        assert math.isnan(curve.last.value)


class TestExtents:
    """Axes always have a width."""

    def test_steps_do_not_ignore_what_is_not_finite(self) -> None:
        curves = [clean_curve([1, 2], [5.0, math.inf]), clean_curve([0], [3.0]), clean_curve([], [])]
        assert step_extent(curves) == (0, 2)

    def test_nothing_has_no_extent(self) -> None:
        assert step_extent([]) is None

    @given(FINITE, FINITE)
    def test_an_axis_is_finite_and_wide_and_holds_its_values(self, a: float, b: float) -> None:
        low, high = axis_range(min(a, b), max(a, b))
        assert math.isfinite(low)
        assert math.isfinite(high)
        assert low < high
        assert low <= min(a, b)
        assert max(a, b) <= high


class TestDownsampling:
    """Least and greatest of every column survive; gaps split."""

    def test_one_spike_in_a_million_points_survives(self) -> None:
        values = np.zeros(1_000_000)
        values[123_456] = 9.0
        values[654_321] = -7.0
        spans = downsample(clean_curve(np.arange(1_000_000), values), 0, 999_999, 300)  # type: ignore[arg-type]
        assert len(spans.columns) == 300
        assert spans.highs.max() == 9.0
        assert spans.lows.min() == -7.0

    def test_a_gap_splits_even_within_a_column(self) -> None:
        spans = downsample(clean_curve([0, 1, 2, 1000], [1.0, math.nan, 3.0, 4.0]), 0, 1000, 10)
        assert spans.columns.tolist() == [0, 0, 9]
        assert spans.segments.tolist() == [0, 1, 1]

    def test_steps_beyond_the_exact_floats_keep_apart(self) -> None:
        first = 2**62
        columns = columns_of(np.array([first, first + 1, first + 2]), first, first + 2, 5)
        assert columns.tolist() == [0, 2, 4]

    def test_the_whole_range_of_steps_fits(self) -> None:
        low, high = -(2**63), 2**63 - 1
        assert columns_of(np.array([low, 0, high]), low, high, 101).tolist() == [0, 50, 100]

    @given(POINTS, st.integers(1, 50))
    def test_columns_are_in_range_and_ordered_and_values_kept(
        self, points: list[tuple[int, float]], width: int
    ) -> None:
        curve = clean_curve([s for s, _ in points], [v for _, v in points])
        extent = step_extent([curve]) or (0, 0)
        spans = downsample(curve, *extent, width)
        assert ((spans.columns >= 0) & (spans.columns < width)).all()
        assert (np.diff(spans.columns) >= 0).all()
        finite = curve.finite_values
        assert bool(len(spans.columns)) is bool(len(finite))
        if len(finite):
            assert (spans.lows.min(), spans.highs.max()) == (finite.min(), finite.max())

    @given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=60, unique=True), st.integers(1, 40))
    def test_every_point_is_in_the_column_that_columns_of_says(self, steps: list[int], width: int) -> None:
        steps.sort()
        spans = downsample(clean_curve(steps, list(map(float, steps))), steps[0], steps[-1], width)
        columns = columns_of(np.array(steps), steps[0], steps[-1], width)
        assert spans.columns.tolist() == sorted(set(columns.tolist()))
        for column, low, high in zip(spans.columns, spans.lows, spans.highs, strict=True):
            here = [s for s, c in zip(steps, columns.tolist(), strict=True) if c == column]
            assert (low, high) == (min(here), max(here))

    @given(FINITE, FINITE, st.integers(1, 60))
    def test_rows_span_from_top_to_bottom(self, a: float, b: float, height: int) -> None:
        low, high = axis_range(min(a, b), max(a, b))
        assert rows_of(np.array([high, low]), low, high, height).tolist() == [0, height - 1]


class TestNeighbours:
    """The cursor's next and previous steps, over all curves."""

    def test_over_several_curves(self) -> None:
        curves = [clean_curve([0, 10], [1, 1]), clean_curve([3], [math.nan]), clean_curve([], [])]
        assert step_at_or_after(curves, 1) == 3
        assert step_at_or_after(curves, 11) is None
        assert step_at_or_before(curves, 9) == 3
        assert step_at_or_before(curves, -1) is None


class TestTicks:
    """1-2-5 steps, labels as short as they are exact."""

    @pytest.mark.parametrize(
        ("low", "high", "labels"),
        [
            (0.0, 1.0, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (0.123, 0.127, ["0.123", "0.124", "0.125", "0.126", "0.127"]),
            (-1.0, 1.0, ["-1.0", "-0.5", "0", "0.5", "1.0"]),
            (1e-7, 3e-7, ["1e-7", "1.5e-7", "2e-7", "2.5e-7", "3e-7"]),
            (-1.7e308, 1.7e308, ["-1e308", "0", "1e308"]),
            (99_999_000, 99_999_500, [f"99999{n}00" for n in range(6)]),
        ],
    )
    def test_of_values(self, low: float, high: float, labels: list[str]) -> None:
        assert list(value_ticks(low, high, 5).labels) == labels

    @pytest.mark.parametrize(
        ("first", "last", "labels"),
        [
            (0, 19, ["0", "5", "10", "15"]),
            (3, 4, ["3", "4"]),
            (7, 7, ["7"]),
            (0, 20_000_000, ["0", "5e6", "1e7", "1.5e7", "2e7"]),
            (2**62, 2**62 + 2, [str(2**62), str(2**62 + 1), str(2**62 + 2)]),
        ],
    )
    def test_of_steps(self, first: int, last: int, labels: list[str]) -> None:
        assert list(step_ticks(first, last, 6).labels) == labels

    @given(FINITE, FINITE, st.integers(1, 20))
    def test_values_are_few_ordered_and_inside(self, a: float, b: float, most: int) -> None:
        low, high = axis_range(min(a, b), max(a, b))
        ticks = value_ticks(low, high, most)
        assert len(ticks.values) <= most + 2
        assert list(ticks.values) == sorted(set(ticks.values))
        assert all(low <= v <= high for v in ticks.values)
        assert len(set(ticks.labels)) == len(ticks.labels)

    @given(STEPS, STEPS, st.integers(1, 20))
    def test_steps_are_few_whole_and_inside(self, a: int, b: int, most: int) -> None:
        first, last = min(a, b), max(a, b)
        ticks = step_ticks(first, last, most)
        assert len(ticks.values) <= most + 1
        assert all(isinstance(v, int) and first <= v <= last for v in ticks.values)
        assert len(set(ticks.labels)) == len(ticks.labels)

    @given(st.integers(-(10**9), 10**9), st.integers(-300, 290))
    def test_a_label_is_the_number_it_stands_for(self, number: int, exponent: int) -> None:
        assert float(decimal_label(number, exponent, number)) == pytest.approx(float(f"{number}e{exponent}"), rel=1e-12)


def test_importing_the_module_does_not_import_numpy() -> None:
    import subprocess

    code = "import sys, mlaudit.domain.series, mlaudit.tui.widgets.metric_chart; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
