"""Pictures of the chart, the diff and the dialog; ``pytest --snapshot-update`` after a look at what changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.widgets.metric_chart import MetricChart
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import app_on, see, text_of, until

SIZES = [(80, 24), (120, 40)]
Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def opened(pilot: Pilot[Any]) -> None:
    """Wait for the first screen, so that the header names the store."""
    await see(pilot, "fraud-detector", "memory")


async def drawn(pilot: Pilot[Any]) -> None:
    """Wait for both curves and for the band behind the baseline's."""
    chart = pilot.app.screen.query_one(MetricChart)
    await until(pilot, lambda: len(chart.series) == 2 and chart.series[1].band and chart.series[0].values)


@pytest.mark.parametrize("size", SIZES)
def test_chart(snap_compare: Compare, sample_gateway: MemoryGateway, size: tuple[int, int]) -> None:
    app = app_on(sample_gateway)

    async def look(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        runs = tuple(sample_gateway.get_run(SAMPLE[n]) for n in ("production", "better", "diverged", "markup"))
        await app.push_screen(ChartScreen(runs))
        await see(pilot, "7 points, 2 NaN", "mlp-wide")
        await until(pilot, lambda: "loading" not in text_of(pilot))
        await pilot.press("right", "right", "right")

    assert snap_compare(app, terminal_size=size, run_before=look)


@pytest.mark.parametrize("size", SIZES)
def test_grid(snap_compare: Compare, sample_gateway: MemoryGateway, size: tuple[int, int]) -> None:
    app = app_on(sample_gateway)

    async def look(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        runs = tuple(sample_gateway.get_run(SAMPLE[n]) for n in ("production", "better", "markup"))
        await app.push_screen(ChartScreen(runs))
        await until(pilot, lambda: all(len(s.values) for s in app.screen.query_one(MetricChart).series))
        await pilot.press("v")
        await see(pilot, "metrics 1 to")
        await until(pilot, lambda: all(c.series and c.series[-1].values for c in app.screen.query(MetricChart)))
        await until(pilot, lambda: isinstance(app.focused, MetricChart))

    assert snap_compare(app, terminal_size=size, run_before=look)


@pytest.mark.parametrize("size", SIZES)
def test_diff(snap_compare: Compare, sample_gateway: MemoryGateway, size: tuple[int, int]) -> None:
    app = app_on(sample_gateway)

    async def look(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        await app.push_screen(DiffScreen(SAMPLE["worse"]))
        await see(pilot, "REGRESSION", "hidden_size")
        await drawn(pilot)

    assert snap_compare(app, terminal_size=size, run_before=look)


def test_promotion_dialog(snap_compare: Compare, sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)

    async def look(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        await app.push_screen(DiffScreen(SAMPLE["worse"]))
        await see(pilot, "REGRESSION", "hidden_size")
        await drawn(pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await see(pilot, "To confirm, type: fraud-detector", "Cancel")

    assert snap_compare(app, terminal_size=(80, 24), run_before=look)
