"""Columns of little curves: the histories of what is on screen, fetched in the background."""

from __future__ import annotations

import csv
import math
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.history import GetHistory
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.columns import ColumnsScreen
from mlaudit.tui.screens.run_list_export import RunExportDialog
from mlaudit.tui.screens.runs import RunsScreen
from tests.plugins.screen_tools import Handle, runs_of, see, text_of, told, until


def store(count: int = 3) -> MemoryGateway:
    """Runs with a history that falls, one point of it being none; the oldest has another metric."""
    gateway = MemoryGateway()
    experiment = gateway.add_experiment("fraud-detector")
    gateway.add_run(experiment, name="other", metrics={"f1": 0.5}, model=False)
    for n in range(count):
        values = [math.nan if step == 4 else float(9 - step) for step in range(10)]
        gateway.add_run(experiment, name=f"run-{n}", metrics={"loss": values}, model=False)
    return gateway


class Requests:
    """What was asked for, and what stands in its way."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = threading.Event()
        self.open.set()
        self.broken = False

    def around(self, handle: Handle) -> Handle:
        def answer(request: Any) -> Any:
            if isinstance(request, GetHistory):
                self.asked.append(request.run_id)
                self.open.wait(10)
                if self.broken:
                    raise StoreUnavailable("memory", "gone for lunch")
            return handle(request)

        return answer


async def curve(pilot: Pilot[Any], screen: RunsScreen, column: str = "metrics.loss") -> None:
    """Put the cursor there and press the key."""
    screen.table.cursor_column = screen.table.columns.index(column)
    await pilot.press("i")


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_i_adds_a_column_and_takes_it_away(size: tuple[int, int]) -> None:
    """The curve stands beside its metric, a NaN is seen, a run without the metric has none."""
    async with runs_of(store(), size=size) as (pilot, screen):
        before = screen.table.columns
        await curve(pilot, screen)
        place = screen.table.columns.index("metrics.loss")
        assert screen.table.columns[place + 1] == "curves.loss"
        assert screen.table.column == "curves.loss"
        await see(pilot, "curves", "██▇▆×▄▃▂▁▁")
        assert "—" in next(line for line in text_of(pilot).split("\n") if "other" in line)
        await pilot.press("i")
        assert screen.table.columns == before
        assert screen.table.column == "metrics.loss"


async def test_keys_do_their_work_while_histories_are_awaited() -> None:
    """Three dots stand there until the curve comes."""
    requests = Requests()
    requests.open.clear()
    async with runs_of(store(), around=requests.around) as (pilot, screen):
        await curve(pilot, screen)
        await until(pilot, lambda: requests.asked)
        await see(pilot, "…")
        await pilot.press("j", "space")
        assert screen.table.cursor_row == 2
        assert "×" not in text_of(pilot)
        requests.open.set()
        await see(pilot, "██▇▆×▄▃▂▁▁")


async def test_only_what_is_seen_is_asked_for_and_only_once() -> None:
    requests = Requests()
    async with runs_of(store(150), size=(120, 24), around=requests.around) as (pilot, screen):
        await curve(pilot, screen)
        await see(pilot, "×")
        await until(pilot, lambda: not screen._curves_loading)
        seen = {run.run_id for run in screen.table.in_view}
        assert set(requests.asked) == seen
        assert len(requests.asked) == len(seen) < 30
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: not screen._curves_loading and len(requests.asked) > len(seen))
        await pilot.press("g")
        await see(pilot, "run-149", "×")
        await pilot.pause()
        assert len(requests.asked) == len(set(requests.asked)) < 75


async def test_what_could_not_be_read_is_said_and_asked_for_again() -> None:
    requests = Requests()
    requests.broken = True
    async with runs_of(store(), size=(160, 45), around=requests.around) as (pilot, screen):
        await curve(pilot, screen)
        await see(pilot, "not read", "3 curves not read", "gone for lunch")
        await until(pilot, lambda: not screen._curves_loading)
        assert len(requests.asked) == 3
        requests.broken = False
        await pilot.press("r")
        await see(pilot, "██▇▆×▄▃▂▁▁")
        await until(pilot, lambda: "not read" not in text_of(pilot))


async def test_a_run_that_goes_on_gets_a_new_curve() -> None:
    gateway = store()
    experiment = gateway.list_experiments()[0].experiment_id
    run_id = gateway.add_run(experiment, name="live", metrics={"loss": 2.0}, status="RUNNING", model=False)
    async with runs_of(gateway, size=(160, 45)) as (pilot, screen):
        await curve(pilot, screen)
        await until(pilot, lambda: "▄ " in screen.table.render_line(2).text)
        gateway.log_metric(run_id, "loss", 1.0, step=9)
        await pilot.press("r")
        await until(pilot, lambda: "█▁" in screen.table.render_line(2).text)


async def test_only_metrics_have_curves() -> None:
    async with runs_of(store(), notifications=True) as (pilot, screen):
        before = screen.table.columns
        await pilot.press("i")
        await until(pilot, lambda: "Only a metric has a curve" in told(pilot))
        assert screen.table.columns == before


async def test_a_curve_is_no_value_to_sort_by_or_to_copy_but_leads_to_its_chart() -> None:
    async with runs_of(store(), size=(160, 45), notifications=True) as (pilot, screen):
        await curve(pilot, screen)
        await pilot.press("s")
        await see(pilot, "No store sorts by the curve of loss")
        await pilot.press("Y")
        await until(pilot, lambda: "The curve of loss has no one value" in told(pilot))
        await pilot.press("ctrl+y")
        assert "curves" not in pilot.app.clipboard
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChartScreen))
        assert pilot.app.screen._key == "loss"  # type: ignore[attr-defined]


async def test_the_list_of_columns_can_hide_a_curve() -> None:
    async with runs_of(store(), size=(160, 45)) as (pilot, screen):
        await curve(pilot, screen)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, ColumnsScreen))
        await pilot.press("slash", *"curves", "enter", "space", "enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert "curves.loss" not in screen.table.columns
        await pilot.press("r")
        await until(pilot, lambda: not screen._loading)
        assert "curves.loss" not in screen.table.columns


async def test_a_file_of_the_view_leaves_curves_out_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with runs_of(store(), size=(160, 45), notifications=True) as (pilot, screen):
        await curve(pilot, screen)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunExportDialog))
        await see(pilot, "Without the curves")
        await pilot.press("enter")
        await until(pilot, lambda: "Written" in told(pilot))
        header = next(csv.reader((tmp_path / "fraud-detector-runs.csv").open()))
        assert "metrics.loss" in header
        assert "curves.loss" not in header
