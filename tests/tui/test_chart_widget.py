"""The chart widget, read from the lines it renders."""

import math
import time
from array import array
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Size

from mlaudit.domain.scales import XUnit, YScale
from mlaudit.domain.smoothing import WEIGHTS
from mlaudit.tui.widgets.metric_chart import MAX_OVERLAYS, SMALLEST, MetricChart, Series

INF, NAN = math.inf, math.nan


def series(values: Sequence[float], label: str = "run", steps: Sequence[int] | None = None, note: str = "") -> Series:
    return Series(label, array("q", steps if steps is not None else range(len(values))), array("d", values), note)


class SizedChart(MetricChart):
    """A chart of any size, whatever the screen's layout gives it."""

    forced: Size | None = None

    @property
    def size(self) -> Size:
        return self.forced or super().size


class Host(App[None]):
    """One chart that fills the screen."""

    def __init__(self, shown: Sequence[Series], metric: str = "val_loss") -> None:
        super().__init__()
        self.chart = SizedChart(metric, shown)

    def compose(self) -> ComposeResult:
        yield self.chart

    def lines(self) -> list[str]:
        return [self.chart.render_line(y).text for y in range(self.chart.size.height)]

    @property
    def text(self) -> str:
        return "\n".join(self.lines())

    def dots(self) -> set[tuple[int, int]]:
        """Cells of the plot that hold anything but blanks and the cursor."""
        drawn = [line.partition("│")[2] or line.partition("┤")[2] for line in self.lines()[1:]]
        return {(y, x) for y, line in enumerate(drawn) for x, c in enumerate(line) if "⠀" < c <= "⣿" or c == "●"}


async def shown(*drawn: Series, size: tuple[int, int] = (60, 20), keys: Sequence[str] = ()) -> str:
    app = Host(drawn)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        return app.text


class TestUnusualData:
    """Whatever was logged, the chart says what is there."""

    async def test_no_series(self) -> None:
        assert "nothing to draw" in await shown()

    async def test_empty(self) -> None:
        text = await shown(series([]))
        assert "no points were logged" in text
        assert "—" in text

    async def test_single_point_is_visible_and_named(self) -> None:
        text = await shown(series([0.25], steps=[7]))
        assert "●" in text
        assert "0.25  1 point" in text
        assert " 7 " in text

    async def test_all_nan_says_so_and_marks_every_step(self) -> None:
        text = await shown(series([NAN] * 3))
        assert "none of the 3 points is finite" in text
        assert text.count("✕") + text.count("✖") == 3
        assert "3 points, 3 NaN" in text

    async def test_nan_and_infinities_are_marked_gaps_and_never_zero(self) -> None:
        app = Host([series([5.0, 5.1, NAN, INF, -INF, 1.797693134862315708e308, 5.2, 5.3])])
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.pause()
            assert "8 points, 1 NaN, 3 inf" in app.text
            assert app.text.count("✕") == 3
            assert app.text.count("✖") == 1, "the first of them"
            assert "first NaN @2" in app.text
            columns = {x for _, x in app.dots()}
            gap = set(range(10, 38))  # between step 1 and step 6
            assert columns
            assert not columns & gap, "nothing is drawn over a gap"
            assert " 0┤" not in app.text

    async def test_empty_columns_between_neighbours_are_bridged(self) -> None:
        app = Host([series([1.0, 2.0])])
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.pause()
            columns = {x for _, x in app.dots()}
            assert columns == set(range(min(columns), max(columns) + 1))
            assert len(columns) > 50

    async def test_values_near_the_greatest_double(self) -> None:
        text = await shown(series([-1.7e308, 0.0, 1.7e308]))
        assert "1e308┤" in text
        assert "-1e308┤" in text

    async def test_constant(self) -> None:
        text = await shown(series([0.5] * 9))
        assert "9 points, constant" in text
        assert "0.5" in text

    async def test_one_step_logged_again_and_again(self) -> None:
        text = await shown(series([1.0, 2.0, 3.0], steps=[5, 5, 5]))
        assert "3  last of 3 at step 5, 3 points" in text

    async def test_steps_of_any_size(self) -> None:
        text = await shown(series([1.0, 2.0], steps=[-(2**63), 2**63 - 1]), keys=["home"])
        assert f"step {-(2**63)}" in text

    async def test_unordered_steps_are_put_into_order(self) -> None:
        assert await shown(series([3, 1, 2], steps=[3, 1, 2])) == await shown(series([1, 2, 3], steps=[1, 2, 3]))

    async def test_a_message_says_why_there_are_no_points(self) -> None:
        app = Host([])
        async with app.run_test(size=(60, 20)):
            app.chart.plot("val_loss", [series([], note="not read: refused")], message="loading 2 of 3")
            assert "loading 2 of 3" in app.text
            assert "not read: refused" in app.text

    @pytest.mark.parametrize("size", [(SMALLEST[0] - 1, 20), (60, SMALLEST[1] - 1), (3, 3), (1, 1)])
    async def test_too_small_says_so(self, size: tuple[int, int]) -> None:
        app = Host([series([1, 2, 3])])
        async with app.run_test(size=(60, 20)):
            app.chart.forced = Size(*size)
            assert app.text.startswith("too small for a chart"[: size[0] - 1])
            assert {cell_len(line) for line in app.lines()} == {size[0]}


class TestSeveralRuns:
    """Runs over one another stay apart, with and without colours."""

    async def test_letters_tell_runs_apart_without_colours(self) -> None:
        text = await shown(series([1, 2, 3], "first"), series([3, 2, 1], "second"))
        plot = text.split("└")[0]
        assert "A" in plot
        assert "B" in plot
        assert "▸A first" in text
        assert " B second" in text

    async def test_the_highlighted_run_is_drawn_over_the_others(self) -> None:
        runs = [series([1.0] * 5, "first"), series([1.0] * 5, "second")]
        app = Host(runs)
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.pause()
            assert "A" in app.text.split("└")[0]
            assert "B" not in app.text.split("└")[0]
            await pilot.press("down")
            assert app.chart.highlighted == 1
            assert "B" in app.text.split("└")[0]
            assert "▸B second" in app.text
            await pilot.press("down")
            assert app.chart.highlighted == 0, "after the last comes the first"

    async def test_names_are_shown_literally_and_wide_ones_keep_the_lines_in_step(self) -> None:
        names = ["[/x]", "[@click=app.quit]x[/]", "日本語" * 30]
        app = Host([series([1, 2], name) for name in names])
        async with app.run_test(size=(80, 20)) as pilot:
            await pilot.pause()
            assert names[0] in app.text
            assert names[1] in app.text
            assert {cell_len(line) for line in app.lines()} == {80}

    async def test_more_than_the_cap_is_said(self) -> None:
        runs = [series([1, 2, 3], f"run {i}") for i in range(MAX_OVERLAYS + 7)]
        app = Host(runs)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert f"{MAX_OVERLAYS} of {MAX_OVERLAYS + 7} runs drawn" in app.text
            await pilot.press("up")
            assert "▸T run 19" in app.text, "the legend goes along with the highlight"
            assert "more runs" in app.text

    async def test_no_color(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        text = await shown(series([1, 2, NAN], "first"), series([3, 2, 1], "second"))
        assert "▸A first" in text


class TestCursor:
    """The keys read figures."""

    async def test_without_a_cursor_the_last_values_are_shown(self) -> None:
        text = await shown(series([0.1, 0.2, 0.3]))
        assert "last values" in text
        assert "0.3  3 points" in text

    async def test_it_goes_from_step_to_step(self) -> None:
        runs = (series([0.1, 0.2, 0.3], "a", steps=[0, 10, 20]), series([9.5, NAN], "b", steps=[10, 15]))
        for keys, step, a, b in (
            (["right"], 0, " 0.1 ", "—"),
            (["home", "right"], 10, " 0.2 ", "9.5"),
            (["home", "right", "right"], 15, "0.2 @10", " NaN "),
            (["left"], 20, " 0.3 ", "NaN @15"),
            (["end", "left"], 15, "0.2 @10", " NaN "),
            (["end", "right"], 20, " 0.3 ", "NaN @15"),
            (["home", "left"], 0, " 0.1 ", "—"),
            (["home", "shift+right"], 10, " 0.2 ", "9.5"),
        ):
            lines = (await shown(*runs, keys=keys)).splitlines()
            assert lines[0].rstrip().endswith(f"step {step}"), keys
            assert a in lines[-2], keys
            assert b in lines[-1], keys

    async def test_with_dense_steps_it_goes_from_cell_to_cell_and_one_step_with_shift(self) -> None:
        app = Host([series(list(range(100_000)))])
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.press("home", "right")
            first = app.chart.cursor
            assert first is not None
            assert first > 100
            await pilot.press("shift+right")
            assert app.chart.cursor == first + 1
            for _ in range(70):
                await pilot.press("right")
            assert app.chart.cursor == 99_999
            for _ in range(70):
                await pilot.press("left")
            assert app.chart.cursor == 0

    async def test_keys_on_an_empty_chart_do_nothing(self) -> None:
        keys = ["left", "right", "home", "end", "up", "down", "shift+left", "shift+right"]
        assert "nothing to draw" in await shown(keys=keys)
        assert "no points" in await shown(series([]), keys=keys)

    async def test_a_click_reads_that_step_and_one_on_the_legend_highlights(self) -> None:
        app = Host([series([0.1] * 11, "a"), series([0.2] * 11, "b")])
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.click(offset=(59, 5))
            assert app.chart.cursor == 10
            await pilot.click(offset=(10, 19))
            assert app.chart.highlighted == 1

    async def test_a_live_curve_keeps_the_cursor_and_another_metric_drops_it(self) -> None:
        app = Host([series([0.1, 0.2])])
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.press("home", "right")
            app.chart.plot("val_loss", [series([0.1, 0.2, 0.3])])
            assert app.chart.cursor == 1
            assert "3 points" in app.text
            app.chart.plot("other", [series([5.0])])
            assert app.chart.cursor is None


class TestEverything:
    """Rendering never raises, and every line has the widget's width."""

    points = st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1) | st.integers(0, 50),
            st.floats() | st.sampled_from([NAN, INF, -INF, 1e308, -1.7976931348623157e308, 5e-324, 0.0]),
        ),
        max_size=12,
    )

    async def test_rendering_never_raises(self) -> None:
        app = Host([])
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.pause()

            @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
            @given(
                st.lists(self.points, max_size=4),
                st.sampled_from([(60, 20), (24, 6), (25, 7), (31, 12), (2, 2), (160, 45)]),
                st.integers(0, 3),
                st.none() | st.integers(-(2**63), 2**63 - 1),
                st.tuples(st.sampled_from(list(YScale)), st.sampled_from(list(XUnit)), st.sampled_from(WEIGHTS)),
                st.lists(st.sampled_from([1, -1, "["]), max_size=4),
            )
            def check(
                data: list[list[tuple[int, float]]],
                size: tuple[int, int],
                top: int,
                cursor: int | None,
                read: tuple[YScale, XUnit, float],
                zoom: list[int | str],
            ) -> None:
                drawn = [
                    replace(
                        series([v for _, v in p], f"r{i}", [s for s, _ in p]),
                        timestamps=[s // 3 for s, _ in p],
                        start=i,
                    )
                    for i, p in enumerate(data)
                ]
                app.chart.forced = Size(*size)
                app.chart.view = None
                app.chart.scale, app.chart.unit, app.chart.weight = read
                app.chart.plot("m", drawn, zero=top == 1)
                for key in zoom:
                    if isinstance(key, int):
                        app.chart.action_zoom(key)
                    else:
                        app.chart.action_pan(-1)
                app.chart.highlighted = min(top, max(0, len(drawn) - 1))
                app.chart.cursor = cursor
                lines = [app.chart.render_line(y) for y in range(size[1])]
                assert {line.cell_length for line in lines} == {size[0]}
                assert {cell_len(line.text) for line in lines} == {size[0]}
                app.chart.action_cursor(1)
                app.chart.action_cursor(-1)

            check()

    async def test_a_million_points_are_quick(self) -> None:
        import numpy as np

        values = np.random.default_rng(0).normal(size=1_000_000).cumsum()
        values[::1000] = NAN
        app = Host([Series("long", np.arange(1_000_000), values)])  # type: ignore[arg-type]
        async with app.run_test(size=(160, 45)) as pilot:
            await pilot.pause()
            app.chart.plot("val_loss", [Series("again", np.arange(1_000_000), values)])  # type: ignore[arg-type]
            start = time.perf_counter()
            app.lines()
            # 30 ms on an idle core; the bound is for a busy machine and catches a loop over points (about 1 s).
            assert time.perf_counter() - start < 0.6
            assert "1,000,000 points, 1,000 NaN" in app.text
