"""How a chart is drawn: scales, axes of time, smoothing, zoom, marks; read from the lines it renders."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from textual.app import App, ComposeResult

from mlaudit.domain.bands import mean_band
from mlaudit.domain.scales import XUnit, YScale
from mlaudit.domain.series import clean_curve
from mlaudit.domain.verdict import Direction
from mlaudit.tui.widgets.metric_chart import MetricChart, Series

NAN = math.nan
NOON = 1_772_366_400_000
"""2026-03-01 12:00 UTC, in milliseconds."""


class Host(App[None]):
    """One chart that fills the screen."""

    def __init__(self, *shown: Series, **options: object) -> None:
        super().__init__()
        self.chart = MetricChart()
        self.chart.plot("val_loss", shown, **options)  # type: ignore[arg-type]

    def compose(self) -> ComposeResult:
        yield self.chart

    @property
    def text(self) -> str:
        return "\n".join(self.chart.render_line(y).text for y in range(self.chart.size.height))

    @property
    def plot(self) -> str:
        return self.text.split("└")[0]


def series(
    values: Sequence[float], label: str = "run", steps: Sequence[int] | None = None, every: int = 60_000
) -> Series:
    steps = list(range(len(values))) if steps is None else steps
    times = [NOON + every * (i + 1) for i in range(len(values))]
    return Series(label, steps, values, timestamps=times, start=NOON)


class TestScale:
    """L goes from an even spacing to a logarithm to a symmetric one."""

    async def test_decades_and_what_a_log_axis_hides(self) -> None:
        app = Host(series([1000.0, 100.0, 0.0, -5.0, 1.0, 0.1]))
        async with app.run_test(size=(70, 24)) as pilot:
            await pilot.press("L")
            assert "· log" in app.text
            for label in ("1000┤", "100┤", "10┤", "0.1┤"):
                assert label in app.text
            assert "2 not above 0 hidden" in app.text
            await pilot.press("L")
            assert "· symlog" in app.text
            assert "hidden" not in app.text
            assert "-1┤" in app.text
            await pilot.press("L")
            assert app.chart.scale is YScale.LINEAR

    async def test_a_straight_line_on_a_log_axis_is_a_geometric_series(self) -> None:
        app = Host(series([10.0**-i for i in range(9)]))
        async with app.run_test(size=(70, 30)) as pilot:
            await pilot.press("L")
            rows = [line for line in app.plot.splitlines()[1:] if any("⠀" < c <= "⣿" for c in line)]
            assert len(rows) >= 18, "it runs from the top to the bottom, and not along an edge"

    async def test_nothing_above_zero_is_said(self) -> None:
        app = Host(series([0.0, -1.0]))
        async with app.run_test(size=(70, 24)) as pilot:
            await pilot.press("L")
            assert "no value is above 0" in app.text


class TestTime:
    """X goes from steps to time since the start to the clock."""

    async def test_ticks_and_cursor_read_in_the_unit(self) -> None:
        app = Host(series([0.5, 0.4, 0.3, 0.2]))
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.press("X")
            assert "2m" in app.text
            assert "time " in app.text
            await pilot.press("home", "right")
            assert app.text.splitlines()[0].rstrip().endswith("2m")
            await pilot.press("X")
            assert "UTC" in app.text
            assert "12:02" in app.text
            assert app.text.splitlines()[0].rstrip().endswith("03-01 12:02:00.000"), "the cursor stays on its point"
            await pilot.press("X")
            assert app.text.splitlines()[0].rstrip().endswith("step 1")

    async def test_runs_at_different_times_lie_over_one_another_in_relative_time_only(self) -> None:
        later = replace(series([0.5, 0.4], "b"), timestamps=[NOON + 10**9, NOON + 10**9 + 60_000], start=NOON + 10**9)
        app = Host(series([0.5, 0.4], "a"), later)
        async with app.run_test(size=(90, 20)):
            app.chart.unit = XUnit.RELATIVE
            assert [p.curve.steps.tolist() for p in app.chart.prepared] == [[60_000, 120_000], [0, 60_000]]
            app.chart.unit = XUnit.WALL
            assert app.chart.prepared[1].curve.steps[0] == NOON + 10**9

    async def test_a_curve_without_times_is_said_to_be_missing(self) -> None:
        app = Host(replace(series([1.0, 2.0]), timestamps=()))
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.press("X")
            assert "not drawn: it has no times" in app.text

    async def test_where_only_steps_make_sense_the_axis_stays(self) -> None:
        app = Host(series([1.0, 2.0]), steps_only="means are over steps")
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.press("X")
            assert app.chart.unit is XUnit.STEP


class TestSmoothing:
    """E smooths more and more."""

    async def test_the_cursor_reads_both_and_the_header_says_so(self) -> None:
        app = Host(series([1.0, 3.0, NAN, 5.0]))
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.press("E", "E", "home", "right")
            assert "EMA 0.6" in app.text
            assert "2.25  raw 3" in app.text, "(0.6·0.4·1 + 0.4·3) / (1 − 0.6²)"
            await pilot.press("right")
            assert "NaN" in app.text.splitlines()[-1]
            await pilot.press("right")
            assert " 5  raw 5" in app.text, "after a gap it begins anew"
            await pilot.press("E", "E", "E")
            assert "EMA" not in app.text

    async def test_the_raw_curve_stays_behind(self) -> None:
        noisy = [math.sin(i) for i in range(100)]
        app = Host(series(noisy))
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.pause()
            before = sum("⠀" < c <= "⣿" for c in app.plot)
            app.chart.weight = 0.99
            tones = app.chart._drawn().tones  # type: ignore[union-attr]
            assert (tones == 1).sum() > before * 0.7
            assert ((tones == 0) & (app.chart._drawn().owners == 0)).sum() > 40  # type: ignore[union-attr]


class TestZoom:
    """Closer and further by key and mouse."""

    async def test_keys(self) -> None:
        app = Host(series([float(i) for i in range(101)]))
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.press("plus")
            assert app.chart.view == (25, 75)
            assert "zoomed" in app.text
            await pilot.press("]", "]", "]", "]")
            assert app.chart.view == (51, 101 - 1) or app.chart.view == (50, 100)
            await pilot.press("[")
            assert app.chart.view == (38, 88)
            await pilot.press("minus")
            assert app.chart.view is None
            await pilot.press("plus", "0")
            assert app.chart.view is None

    async def test_it_goes_around_the_cursor_and_follows_it(self) -> None:
        app = Host(series([float(i) for i in range(101)]))
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.press("home", "plus", "plus")
            assert app.chart.view == (0, 25)
            await pilot.press("end")
            assert app.chart.cursor == 100
            assert app.chart.view == (75, 100)

    async def test_y_fits_what_is_seen_and_a_short_spike_shows(self) -> None:
        values = np.zeros(10_000)
        values[5_000] = 1.0
        values[0] = 1000.0
        app = Host(Series("run", np.arange(10_000), values))  # type: ignore[arg-type]
        async with app.run_test(size=(90, 20)) as pilot:
            assert "1000┤" in app.text
            app.chart.view = (4_900, 5_100)
            await pilot.pause()
            assert "1000┤" not in app.text
            assert "1.0┤" in app.text

    async def test_a_line_between_two_points_is_seen_from_close(self) -> None:
        app = Host(series([0.0, 100.0], steps=[0, 1000]))
        async with app.run_test(size=(90, 20)) as pilot:
            app.chart.view = (400, 500)
            await pilot.pause()
            assert sum("⠀" < c <= "⣿" for c in app.plot) > 60
            assert "50┤" in app.text
            app.chart.plot("val_loss", [series([0.0, NAN, 100.0], steps=[0, 450, 1000])])
            app.chart.view = (460, 500)
            assert "nothing was logged here" in app.text

    async def test_the_wheel_zooms_where_it_is_and_a_drag_moves(self) -> None:
        app = Host(series([float(i) for i in range(101)]))
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot._post_mouse_events([_wheel()], offset=(89, 5))
            assert app.chart.view == (51, 101) or app.chart.view == (50, 100)
            await pilot.mouse_down(offset=(20, 5))
            await pilot.hover(offset=(60, 5))
            await pilot.mouse_up(offset=(60, 5))
            assert app.chart.view is not None
            assert app.chart.view[0] < 40
            assert app.chart.cursor is None, "a drag is no click"

    async def test_another_metric_is_seen_whole(self) -> None:
        app = Host(series([1.0, 2.0, 3.0, 4.0]))
        async with app.run_test(size=(90, 20)):
            app.chart.view = (1, 2)
            app.chart.plot("val_loss", [series([1.0, 2.0, 3.0, 5.0])])
            assert app.chart.view == (1, 2), "a live curve stays where one looks"
            app.chart.plot("other", [series([1.0, 2.0, 3.0, 5.0])])
            assert app.chart.view is None


def _wheel() -> type:
    from textual.events import MouseScrollUp

    return MouseScrollUp


class TestMarks:
    """Best and last; without a direction both ends."""

    async def test_the_best_needs_a_direction(self) -> None:
        app = Host(series([3.0, 1.0, 4.0, 2.0]), direction=Direction.LOWER)
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.pause()
            assert "◆ best: least" in app.text
            assert "◆ 1 @1" in app.text
            assert "◆" in app.plot
            assert "■" in app.plot
            app.chart.plot("x", [series([3.0, 1.0, 4.0, 2.0])])
            assert "▼ least ▲ greatest" in app.text
            assert "▼ 1 @1 ▲ 4 @2" in app.text

    async def test_the_first_nan_is_named_with_its_step(self) -> None:
        app = Host(series([3.0, 1.0, NAN, NAN], steps=[0, 10, 20, 30]))
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.pause()
            assert "first NaN @20" in app.text
            assert "✖" in app.text


class TestBands:
    """A band is shaded cells behind the curve."""

    async def test_it_is_drawn_and_explained(self) -> None:
        runs = [[1.0, 2.0, 3.0], [1.5, 2.5, 3.5], [0.5, 1.5, 2.5]]
        band = mean_band([clean_curve(range(3), v) for v in runs])
        app = Host(replace(series(runs[0]), band=band), steps_only="bands are over steps")
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.pause()
            assert app.plot.count("░") > 200
            assert "band: 95 % of 3 runs" in app.text
            top = app.plot.splitlines()[1]
            assert "░" in top or "░" in app.plot.splitlines()[2], "y reaches as far as the band"

    async def test_a_line_at_zero(self) -> None:
        app = Host(series([5.0, 6.0]), zero=True)
        async with app.run_test(size=(90, 20)) as pilot:
            await pilot.pause()
            assert "┈┈┈" in app.plot
            assert "0┤" in app.plot
