"""The view of the runs as a file: all runs of the filter, with whole values, never over a file unasked."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.runs import SearchRuns
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.run_list_export import EXPORT_PAGE, RunExportDialog
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.widgets.field import Field
from tests.plugins.screen_tools import Handle, runs_of, see, told, until

COUNT = EXPORT_PAGE + 20


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative names lead here."""
    monkeypatch.chdir(tmp_path)


def many(count: int = COUNT) -> MemoryGateway:
    """A store with more runs than are loaded, and more than one page of an export."""
    store = MemoryGateway()
    experiment = store.add_experiment("fraud-detector")
    for n in range(count):
        store.add_run(experiment, name=f"run-{n:04}", metrics={"loss": n / 7}, params={"even": str(n % 2)}, model=False)
    return store


async def dialog(pilot: Pilot[Any], name: str) -> RunExportDialog:
    """The dialog, with another name in it."""
    await pilot.press("o")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunExportDialog) and pilot.app.screen.query(Field))
    screen = pilot.app.screen
    assert isinstance(screen, RunExportDialog)
    screen.query_one(Field).value = name
    return screen


async def written(pilot: Pilot[Any], screen: RunsScreen) -> str:
    """What is told when the dialog is gone."""
    await until(pilot, lambda: pilot.app.screen is screen and told(pilot))
    return told(pilot)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_all_runs_are_written_with_the_columns_shown(size: tuple[int, int], tmp_path: Path) -> None:
    """Not only those that are loaded; the dialog starts with a name, the notification says how many."""
    async with runs_of(many(), size=size, notifications=True) as (pilot, screen):
        assert len(screen.table.runs) < COUNT
        shown = len(screen.table.columns)
        await pilot.press("o")
        await see(
            pilot,
            "fraud-detector-runs.csv",
            "also those not loaded yet",
            f"off: the {shown} that the table shows",
        )
        await pilot.press("enter")
        assert f"{COUNT} runs, {shown} columns" in (await written(pilot, screen))
        rows = list(csv.DictReader((tmp_path / "fraud-detector-runs.csv").open()))
        assert tuple(rows[0]) == screen.table.columns
        assert [row["run_name"] for row in rows] == [f"run-{n:04}" for n in reversed(range(COUNT))]
        assert float(rows[0]["metrics.loss"]) == (COUNT - 1) / 7


async def test_the_filter_the_order_and_all_columns(tmp_path: Path) -> None:
    """JSON of the runs that match, in the order of the table."""
    async with runs_of(many(30), notifications=True) as (pilot, screen):
        screen.table.cursor_column = screen.table.columns.index("metrics.loss")
        await pilot.press("s")
        await until(pilot, lambda: not screen._loading and screen.table.runs[0].name == "run-0000")
        await pilot.press("slash")
        screen.query_one("#expression", Input).value = "params.even = '1'"
        await pilot.press("enter")
        await until(pilot, lambda: not screen._loading and len(screen.table.runs) == 15)
        await dialog(pilot, "out.json")
        await see(pilot, "All runs that match params.even = '1'")
        await pilot.press("tab", "space", "shift+tab", "enter")
        assert "15 runs, all columns" in (await written(pilot, screen))
        runs = json.loads((tmp_path / "out.json").read_text())
        assert [run["run_name"] for run in runs] == [f"run-{n:04}" for n in range(1, 30, 2)]
        assert runs[1]["metrics"]["loss"] == 3 / 7
        assert "artifact_uri" in runs[0]


async def test_a_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    """Cancel leaves the old one, and the dialog, as they were."""
    old = tmp_path / "x.csv"
    old.write_text("old")
    async with runs_of(many(3), notifications=True) as (pilot, screen):
        here = await dialog(pilot, "x.csv")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is here)
        assert old.read_text() == "old"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        pilot.app.screen.query_one("#confirm", Button).press()
        assert "3 runs" in (await written(pilot, screen))
        assert old.read_text().startswith("run_name,")


async def test_a_wrong_name_is_said(tmp_path: Path) -> None:
    async with runs_of(many(3)) as (pilot, _):
        here = await dialog(pilot, "x.xlsx")
        await pilot.press("enter")
        await see(pilot, "the name must end in .csv, .json, .parquet")
        here.query_one(Field).value = "nowhere/x.csv"
        await pilot.press("enter")
        await see(pilot, "there is no directory nowhere")
        here.query_one(Field).value = ""
        await pilot.press("enter")
        await see(pilot, "a name is needed")
        assert list(tmp_path.iterdir()) == []


async def test_escape_stops_it_on_the_way_and_leaves_nothing(tmp_path: Path) -> None:
    """While the second page is awaited the dialog tells how far it is, and esc works."""
    gate = threading.Event()

    def around(handle: Handle) -> Handle:
        def answer(request: Any) -> Any:
            if isinstance(request, SearchRuns) and request.max_results == EXPORT_PAGE and request.page_token:
                gate.wait(10)
            return handle(request)

        return answer

    async with runs_of(many(), notifications=True, around=around) as (pilot, screen):
        await dialog(pilot, "x.csv")
        await pilot.press("enter")
        await see(pilot, f"{EXPORT_PAGE} runs read so far")
        await pilot.press("escape")
        assert "nothing is written" in (await written(pilot, screen))
        gate.set()
        assert list(tmp_path.iterdir()) == []


async def test_a_store_that_fails_on_the_way_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """The dialog stays, so that it can be tried again."""
    broken = True

    def around(handle: Handle) -> Handle:
        def answer(request: Any) -> Any:
            if broken and isinstance(request, SearchRuns) and request.max_results == EXPORT_PAGE and request.page_token:
                raise StoreUnavailable("memory", "gone for lunch")
            return handle(request)

        return answer

    async with runs_of(many(), notifications=True, around=around) as (pilot, screen):
        await dialog(pilot, "x.csv")
        await pilot.press("enter")
        await see(pilot, "Not written:", "gone for lunch")
        assert list(tmp_path.iterdir()) == []
        broken = False
        await pilot.press("enter")
        assert f"{COUNT} runs" in (await written(pilot, screen))


async def test_verdicts_that_are_shown_are_written(sample_gateway: MemoryGateway, tmp_path: Path) -> None:
    """Also of runs that the table has not judged yet."""
    async with runs_of(sample_gateway, notifications=True) as (pilot, screen):
        await see(pilot, "✓ PASS")
        screen.table.forget_verdicts()
        screen.table.cursor_column = screen.table.columns.index("verdict")
        await pilot.press("s")
        await dialog(pilot, "x.csv")
        await see(pilot, "In the file they come newest first: no store sorts by verdicts.")
        await pilot.press("enter")
        await written(pilot, screen)
        rows = {row["run_name"]: row for row in csv.DictReader((tmp_path / "x.csv").open())}
        assert rows["mlp-wide"]["verdict"] == "PASS"
        assert rows["mlp-wide"]["change"]
