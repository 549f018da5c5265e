"""Many small charts, and from one of them to the large one."""

import time
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.domain.scales import YScale
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens import chart_grid
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.chart_grid import ChartGridScreen, SmallChart
from mlaudit.tui.widgets.metric_chart import MetricChart
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import Handle, app_on, see, until


def grid(pilot: Pilot[Any]) -> ChartGridScreen:
    assert isinstance(pilot.app.screen, ChartGridScreen)
    return pilot.app.screen


async def open_grid(pilot: Pilot[Any], gateway: MemoryGateway, *nicknames: str) -> ChartScreen:
    """The chart screen, and the grid above it with all curves loaded."""
    screen = ChartScreen(tuple(gateway.get_run(SAMPLE[n]) for n in nicknames))
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: all(len(s.values) for s in screen.query_one(MetricChart).series))
    await pilot.press("v")
    await until(pilot, lambda: isinstance(pilot.app.screen, ChartGridScreen) and pilot.app.screen.query(SmallChart))
    await until(pilot, lambda: all(c.series and len(c.series[0].values) for c in grid(pilot).query(SmallChart)))
    return screen


class TestGrid:
    """A page of charts, keys among them, enter enlarges."""

    async def test_all_metrics_fit_on_a_wide_screen(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(160, 45)) as pilot:
            await open_grid(pilot, sample_gateway, "better", "worse")
            await see(pilot, "metrics 1 to 5 of 5", "A mlp-wide", "B mlp-tiny")
            assert [c.metric for c in grid(pilot).query(SmallChart)] == [
                "train_loss",
                "val_accuracy",
                "val_f1",
                "val_loss",
                "val_roc_auc",
            ]

    async def test_pages_at_80x24(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            await open_grid(pilot, sample_gateway, "better")
            await see(pilot, "metrics 1 to 4 of 5 · page 1 of 2")
            await pilot.press("pagedown")
            await see(pilot, "metrics 5 to 5 of 5 · page 2 of 2")
            await until(pilot, lambda: isinstance(app.focused, SmallChart) and app.focused.metric == "val_roc_auc")
            await pilot.press("left")
            await see(pilot, "page 1 of 2")

    async def test_enter_enlarges_the_one_that_has_the_focus(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(160, 45)) as pilot:
            screen = await open_grid(pilot, sample_gateway, "better")
            await until(pilot, lambda: isinstance(app.focused, SmallChart) and app.focused.metric == "val_loss")
            await pilot.press("home", "right", "enter")
            await until(pilot, lambda: app.screen is screen)
            await until(pilot, lambda: screen.query_one(MetricChart).metric == "val_accuracy")

    async def test_scale_and_smoothing_are_of_all(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await open_grid(pilot, sample_gateway, "better")
            await pilot.press("L", "E")
            assert {(c.scale, c.weight) for c in grid(pilot).query(SmallChart)} == {(YScale.LOG, 0.3)}
            await pilot.press("pagedown")
            await see(pilot, "page 2 of 2")
            assert {(c.scale, c.weight) for c in grid(pilot).query(SmallChart)} == {(YScale.LOG, 0.3)}
            await pilot.press("v")
            await until(pilot, lambda: app.screen is screen)

    async def test_resizing_lays_out_anew(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            await open_grid(pilot, sample_gateway, "better")
            await pilot.resize_terminal(160, 45)
            await see(pilot, "metrics 1 to 5 of 5")
            assert len(grid(pilot).query(SmallChart)) == 5

    async def test_a_run_without_metrics(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            await app.push_screen(ChartScreen((sample_gateway.get_run(SAMPLE["failed"]),)))
            await see(pilot, "these runs logged no metrics")
            await pilot.press("v")
            await see(pilot, "no metrics")
            await pilot.press("right", "pagedown", "G", "L")
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, ChartScreen))


async def test_a_store_slower_than_the_looks_is_heard_out(
    sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart_grid, "LIVE_SECONDS", 0.05)
    slow = False

    def around(handle: Handle) -> Handle:
        def answer(request: Any) -> Any:
            if slow:
                time.sleep(0.2)
            return handle(request)

        return answer

    app = app_on(sample_gateway, around=around)
    async with app.run_test(size=(160, 45)) as pilot:
        await open_grid(pilot, sample_gateway, "running")
        slow = True
        last = list(grid(pilot).query(SmallChart))[-1]
        before = len(last.series[0].values)
        sample_gateway.log_metric(SAMPLE["running"], last.metric, 0.2, 99)
        await until(pilot, lambda: len(last.series[0].values) == before + 1)
