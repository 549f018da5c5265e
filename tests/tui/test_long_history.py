"""A history too long to be fetched for a look: drawn from each stretch's extremes, completed for a closer one."""

import csv
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.gateway.sql_gateway import SqlGateway
from mlaudit.gateway.uri import resolve
from mlaudit.services.history import GetHistory
from mlaudit.services.requests import Request
from mlaudit.tui import histories as histories_module
from mlaudit.tui.chart_curves import ENOUGH
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.widgets.metric_chart import MetricChart
from tests.bench.bulk_store import T0, fill_sqlite, run_id, tables
from tests.plugins.screen_tools import Handle, app_on, see, text_of, until

pytestmark = pytest.mark.real

COUNT = 12_000
SPIKE, BROKEN = 7_777, 4_242


def rows() -> Iterator[tuple[Any, ...]]:
    """A quiet curve with one spike of one point and one NaN; latest values of two runs."""
    for n in range(COUNT):
        value = 1e6 if n == SPIKE else math.sin(n / 500)
        yield run_id(0), "noise", 0.0 if n == BROKEN else value, T0 + n, n, n == BROKEN
        yield run_id(1), "noise", 2.0, T0 + n, n, False


@pytest.fixture(scope="module")
def gateway(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> SqlGateway:
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("long") / "long.db"))
    columns = ("run_uuid", "key", "value", "timestamp", "step", "is_nan")
    latest = [(run_id(n), "noise", 0.5, T0 + COUNT, COUNT - 1, False) for n in (0, 1)]
    content = [*tables(2, metrics=()), ("metrics", columns, rows()), ("latest_metrics", columns, iter(latest))]
    fill_sqlite(path, content)
    return SqlGateway(resolve(str(path), environ={}))


class Asked:
    """Notes how many points each request for a history was content with."""

    def __init__(self) -> None:
        self.most: list[int | None] = []

    def around(self, handle: Handle) -> Handle:
        def noting(request: Request[Any]) -> Any:
            if isinstance(request, GetHistory):
                self.most.append(request.most)
            return handle(request)

        return noting


async def show(pilot: Pilot[Any], gateway: SqlGateway, runs: int = 1) -> MetricChart:
    await pilot.app.push_screen(ChartScreen(tuple(gateway.get_run(run_id(n)) for n in range(runs))))
    await see(pilot, "12,000 points, min and max of each ~7")
    return pilot.app.screen.query_one(MetricChart)


async def test_the_spike_of_one_point_is_seen_and_the_sampling_is_told(gateway: SqlGateway) -> None:
    asked = Asked()
    async with app_on(gateway, around=asked.around).run_test(size=(180, 30)) as pilot:
        chart = await show(pilot, gateway)
        await see(pilot, "1 not finite", f"first NaN @{BROKEN}", f"▲ 1000000 @{SPIKE}", "✖")
        assert max(chart.series[0].values) == 1e6
        assert len(chart.series[0].values) <= ENOUGH
        assert asked.most == [ENOUGH]
        # The spike reaches the top row of the plot, the rest lies at its bottom.
        top = next(line for line in text_of(pilot).splitlines() if "1000000┤" in line)
        assert "▲" in top.partition("┤")[2]
        column = top.index("▲")
        below = [line[column] for line in text_of(pilot).splitlines()[3:15]]
        assert all("⠀" < char <= "⣿" for char in below), below


@pytest.mark.parametrize("key", ["plus", "right", "E"], ids=["zoomed", "read", "smoothed"])
async def test_a_closer_look_fetches_all_points_once(gateway: SqlGateway, key: str) -> None:
    asked = Asked()
    async with app_on(gateway, around=asked.around).run_test(size=(180, 30)) as pilot:
        chart = await show(pilot, gateway)
        await pilot.press(key, key)
        await see(pilot, "12,000 points, 1 NaN")
        assert len(chart.series[0].values) == COUNT
        assert "min and max of each" not in text_of(pilot)
        assert asked.most == [ENOUGH, None]


async def test_a_difference_is_of_all_points(gateway: SqlGateway) -> None:
    async with app_on(gateway).run_test(size=(180, 30)) as pilot:
        chart = await show(pilot, gateway, runs=2)
        await pilot.press("D")
        await until(pilot, lambda: len(chart.series) == 1 and len(chart.series[0].values) == COUNT)


async def test_what_there_is_no_room_for_stays_sampled_and_says_so(
    gateway: SqlGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories_module, "KEEP_POINTS", COUNT + 1)
    async with app_on(gateway).run_test(size=(180, 30)) as pilot:
        chart = await show(pilot, gateway, runs=2)
        await pilot.press("plus")
        await until(pilot, lambda: len(chart.series[0].values) == COUNT)
        await see(pilot, "12,000 points, min and max of each ~7")
        assert [s.total for s in chart.series] == [None, COUNT]


async def test_a_csv_has_all_points(gateway: SqlGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with app_on(gateway).run_test(size=(180, 30)) as pilot:
        await show(pilot, gateway)
        await pilot.press("o")
        await see(pilot, "all 12,000 points")
        await pilot.press("ctrl+u", *"all.csv", "enter")
        await until(pilot, (tmp_path / "all.csv").exists)

        def points() -> int:
            with (tmp_path / "all.csv").open(encoding="utf-8") as file:
                return sum(1 for _ in csv.DictReader(file))

        await until(pilot, lambda: points() == COUNT)
