"""The axes of a chart: spacing, ticks, windows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.finite import is_finite
from mlaudit.domain.scales import Scale, XUnit, YScale, above_zero, scale_for
from mlaudit.domain.series import axis_range, clean_curve
from mlaudit.domain.ticks import DAY, HOUR, duration_ticks, moment_label, moment_ticks
from mlaudit.domain.windows import edges, seen_spans, shifted, zoomed

FINITE = st.floats(allow_nan=False, allow_infinity=False).filter(is_finite)
PLACES = st.integers(-(2**63), 2**63 - 1)


class TestSpacing:
    """A scale keeps the order of values and can be undone."""

    @given(st.lists(FINITE, min_size=2, max_size=8), st.sampled_from(list(YScale)))
    def test_order_is_kept_and_places_are_finite(self, values: list[float], kind: YScale) -> None:
        data = np.sort(np.array(values))
        if kind is YScale.LOG:
            data = data[data > 0]
        places = scale_for(kind, [data]).apply(data)
        assert np.isfinite(places).all()
        assert (np.diff(places) >= 0).all()

    @given(st.floats(1e-300, 1e300), st.sampled_from(list(YScale)), st.booleans())
    def test_undoing(self, value: float, kind: YScale, negative: bool) -> None:
        value = -value if negative and kind is not YScale.LOG else value
        scale = scale_for(kind, [np.array([value])])
        assert scale.undo(float(scale.apply(np.array([value]))[0])) == pytest.approx(value, rel=1e-9)

    def test_the_symmetric_logarithm_is_the_published_formula(self) -> None:
        scale = Scale(YScale.SYMLOG, 0.01)
        for value in (-3.0, -0.001, 0.0, 0.5, 700.0):
            expected = math.copysign(math.log10(1 + abs(value) / 0.01), value)
            assert float(scale.apply(np.array([value]))[0]) == pytest.approx(expected)

    def test_its_linear_part_reaches_to_the_small_sizes_but_not_to_a_single_tiny_one(self) -> None:
        assert scale_for(YScale.SYMLOG, [np.array([-0.03, 0.0, 4.0])]).linear_within == pytest.approx(0.01)
        assert scale_for(YScale.SYMLOG, [np.array([1e-200, *[4.0] * 30])]).linear_within == 1.0
        assert scale_for(YScale.SYMLOG, [np.array([*[0.08] * 9, 2e32])]).linear_within == pytest.approx(0.01)

    def test_a_log_axis_has_no_place_for_zero_and_below_and_they_split_the_curve(self) -> None:
        curve = above_zero(clean_curve(range(6), [1.0, 0.0, 2.0, 3.0, -1.0, 4.0]))
        assert curve.finite_values.tolist() == [1.0, 2.0, 3.0, 4.0]
        assert len(set(curve.segment.tolist())) == 3
        assert len(curve) == 6, "what was logged stays known"


class TestTicks:
    """Decades, spans of time, moments."""

    @pytest.mark.parametrize(
        ("low", "high", "labels"),
        [
            (1e-5, 1.0, ["0.00001", "0.0001", "0.001", "0.01", "0.1", "1"]),
            (0.01, 3.0, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]),
            (0.2, 0.9, ["0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]),
            (3.0, 3.1, ["3.00", "3.02", "3.04", "3.06", "3.08", "3.10"]),
        ],
    )
    def test_of_a_log_axis(self, low: float, high: float, labels: list[str]) -> None:
        assert list(Scale(YScale.LOG).ticks(math.log10(low), math.log10(high), 8).labels) == labels

    def test_of_a_symmetric_axis(self) -> None:
        scale = Scale(YScale.SYMLOG, 0.01)
        low, high = scale.apply(np.array([-2.0, 300.0])).tolist()
        labels = scale.ticks(low, high, 10).labels
        assert labels == ("-1", "-0.1", "-0.01", "0", "0.01", "0.1", "1", "10", "100")

    @given(FINITE, FINITE, st.integers(1, 20), st.sampled_from(list(YScale)))
    def test_they_are_ordered_and_inside_for_any_values(self, a: float, b: float, most: int, kind: YScale) -> None:
        data = np.array([a, b])
        if kind is YScale.LOG:
            data = np.abs(data) + 1e-300
        scale = scale_for(kind, [data])
        low, high = axis_range(*sorted(scale.apply(data).tolist()))
        ticks = scale.ticks(low, high, most)
        places = scale.apply(np.array(ticks.values, np.float64))
        assert (np.diff(places) > 0).all()
        assert (places >= low - 1e-6 * max(1, abs(low))).all()
        assert (places <= high + 1e-6 * max(1, abs(high))).all()
        assert len(ticks.values) <= 2 * most + 3

    @pytest.mark.parametrize(
        ("last", "labels"),
        [
            (5000, ["0", "1s", "2s", "3s", "4s", "5s"]),
            (1000, ["0", "0.2s", "0.4s", "0.6s", "0.8s", "1s"]),
            (90 * 60_000, ["0", "15m", "30m", "45m", "1h", "1h15m", "1h30m"]),
            (50 * HOUR, ["0", "12h", "1d", "1d12h", "2d"]),
        ],
    )
    def test_of_relative_time(self, last: int, labels: list[str]) -> None:
        assert list(duration_ticks(0, last, 6).labels) == labels

    def test_of_the_clock(self) -> None:
        start = 1_700_000_000_000
        assert moment_ticks(start, start + HOUR, 6).labels == ("22:20", "22:30", "22:40", "22:50", "23:00", "23:10")
        assert moment_ticks(start, start + 2 * DAY, 4).labels[0] == "11-15 00:00"
        assert moment_ticks(start, start + 9 * DAY, 4).labels[0].startswith("2023-11-")
        assert moment_label(2**62) == f"{2**62}ms"

    @given(PLACES, PLACES, st.integers(1, 20), st.sampled_from(list(XUnit)))
    def test_places_are_few_whole_and_inside(self, a: int, b: int, most: int, unit: XUnit) -> None:
        first, last = min(a, b), max(a, b)
        ticks = unit.ticks(first, last, most)
        assert len(ticks.values) <= most + 1
        assert all(isinstance(v, int) and first <= v <= last for v in ticks.values)
        assert unit.read(first)


class TestWindows:
    """What a zoomed chart shows."""

    def test_zooming_keeps_a_place_where_it_is_and_stops_at_one_step(self) -> None:
        assert zoomed((0, 100), (0, 100), 25, closer=True) == (13, 63)
        view = (0, 100)
        for _ in range(20):
            found = zoomed(view, (0, 100), 25, closer=True)
            assert found is not None
            view = found
        assert view == (25, 26) or view == (24, 25)
        assert zoomed((13, 63), (0, 100), 25, closer=False) is None

    @given(PLACES, PLACES, PLACES, st.booleans())
    def test_it_never_leaves_what_there_is(self, a: int, b: int, around: int, closer: bool) -> None:
        first, last = min(a, b), max(a, b)
        found = zoomed((first, last), (first, last), around, closer=closer)
        assert found is None or first <= found[0] <= found[1] <= last

    def test_moving_stops_at_the_ends(self) -> None:
        assert shifted((10, 20), (0, 100), 5) == (15, 25)
        assert shifted((10, 20), (0, 100), -50) == (0, 10)
        assert shifted((10, 20), (0, 100), 500) == (90, 100)

    def test_a_line_enters_and_leaves_where_it_would_go_on(self) -> None:
        curve = clean_curve([0, 10, 20, 30], [0.0, 10.0, 20.0, math.nan])
        assert edges(curve, Scale(), 5, 15) == (5.0, 15.0)
        assert edges(curve, Scale(), 12, 18) == (12.0, 18.0), "between two points as well"
        assert edges(curve, Scale(), 25, 30) == (None, None), "a gap is not bridged"
        assert edges(curve, Scale(), 0, 20) == (None, None)

    def test_only_what_is_seen_is_downsampled(self) -> None:
        values = np.zeros(1000)
        values[10] = 99.0
        spans = seen_spans(clean_curve(np.arange(1000), values), Scale(), 500, 600, 50)
        assert spans.columns.tolist() == list(range(50))
        assert spans.highs.max() == 0.0
