"""The app begins where its user was in this store."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from mlaudit.config.last_place import LastPlace, Place
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.experiments import ListExperiments
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.help import HelpScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.run_list_place import WELCOME
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.widgets.filter_input import FilterInput
from mlaudit.tui.widgets.run_cells import PIN
from tests.plugins.screen_tools import Handle, app_on, see, text_of, until


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is remembered from before."""
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path))
    return tmp_path


def place_of(gateway: MemoryGateway) -> Place | None:
    """What is kept."""
    return LastPlace(gateway.describe().uri).read()


async def test_experiments_filter_order_and_cursor_are_there_again(sample_gateway: MemoryGateway) -> None:
    """Also under --read-only, and when the app was left from a screen further on."""
    app = app_on(sample_gateway, read_only=True, restore=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        assert isinstance(app.screen, ExperimentsScreen)
        await pilot.press("a")
        await see(pilot, "mlp-base")
        await pilot.press("slash", *"metrics.val_loss > 0", "enter")
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        await until(pilot, lambda: runs.filter_string and runs._good[0] == runs.filter_string)
        await pilot.press("s")
        await see(pilot, "by name, ascending")
        await until(pilot, lambda: not runs._loading)
        await pilot.press("j", "j")
        name = runs.table.current.name if runs.table.current else ""
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("q")
    kept = place_of(sample_gateway)
    assert kept is not None
    assert kept.everything
    assert (kept.filter_string, kept.sort) == ("metrics.val_loss > 0", (("run_name", True),))

    again = app_on(sample_gateway, read_only=True, restore=True)
    async with again.run_test(size=(120, 40)) as pilot:
        await see(pilot, WELCOME, "metrics.val_loss > 0", "by name, ascending")
        runs = again.screen
        assert isinstance(runs, RunsScreen)
        await until(pilot, lambda: runs.table.current and runs.table.current.name == name)
        await pilot.press("r")
        await until(pilot, lambda: WELCOME not in text_of(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(again.screen, ExperimentsScreen))
        await pilot.press("q")
    assert place_of(sample_gateway) is None


async def test_without_restoring_it_begins_with_the_experiments(sample_gateway: MemoryGateway) -> None:
    """And keeps the place all the same."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen._loaded)
    assert place_of(sample_gateway) is not None
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.pause()
        assert isinstance(app.screen, ExperimentsScreen)


async def test_an_experiment_that_is_gone_is_named(sample_gateway: MemoryGateway) -> None:
    """Of several, the others are shown; an id that another one has now does not count."""
    there = next(e for e in sample_gateway.list_experiments() if e.name == "fraud-detector")
    last = LastPlace(sample_gateway.describe().uri)
    last.keep(Place((there.experiment_id,), ("another name",)))
    app = app_on(sample_gateway, restore=True)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await see(pilot, "another name is not here any more")
        assert isinstance(app.screen, ExperimentsScreen)
    last.keep(Place((there.experiment_id, "999"), (there.name, "gone for good")))
    app = app_on(sample_gateway, restore=True)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await see(pilot, "gone for good is not here any more", WELCOME)
        assert app.screen.title == "fraud-detector"


async def test_a_broken_file_is_named_and_ignored(sample_gateway: MemoryGateway) -> None:
    path = LastPlace(sample_gateway.describe().uri).path
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    app = app_on(sample_gateway, restore=True)
    async with app.run_test(size=(160, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await until(pilot, lambda: app.notices)
        assert path.name in app.notices[0].text
        assert "passed over" in app.notices[0].text
        assert isinstance(app.screen, ExperimentsScreen)


async def test_a_filter_that_is_refused_now_is_left_out(sample_gateway: MemoryGateway) -> None:
    there = sample_gateway.list_experiments()[0]
    place = Place((there.experiment_id,), (there.name,), filter_string="metrics.val_loss <", sort=(("run_name", True),))
    LastPlace(sample_gateway.describe().uri).keep(place)
    app = app_on(sample_gateway, restore=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen._loaded)
        assert "refused now" in app.notices[0].text
        assert app.screen.query_one(FilterInput).value == ""


async def test_pins_and_curves_are_there_again(sample_gateway: MemoryGateway) -> None:
    """A column that this mlaudit does not know, in a file of another one, is left out."""
    there = next(e for e in sample_gateway.list_experiments() if e.name == "fraud-detector")
    columns = ("run_name", "of_a_later_version", "status", "metrics.val_loss")
    LastPlace(sample_gateway.describe().uri).keep(
        Place(
            (there.experiment_id,),
            (there.name,),
            columns=columns,
            pinned=("metrics.val_loss",),
            curves=("val_loss",),
        )
    )
    app = app_on(sample_gateway, restore=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, WELCOME, f"{PIN} metrics", "curves")
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        assert runs.table.columns == ("run_name", "metrics.val_loss", "status", "curves.val_loss")
        assert runs.table.pins_without_room == 0
        await pilot.press("q")
    kept = place_of(sample_gateway)
    assert kept is not None
    assert (kept.pinned, kept.curves) == (("metrics.val_loss",), ("val_loss",))


async def test_a_dialog_that_is_open_when_the_store_answers_only_puts_it_off(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen._loaded)
    kept = place_of(sample_gateway)
    assert kept is not None
    gate = threading.Event()

    def around(handle: Handle) -> Handle:
        def answer(request: Any) -> Any:
            if isinstance(request, ListExperiments):
                gate.wait(10)
            return handle(request)

        return answer

    again = app_on(sample_gateway, restore=True, around=around)
    async with again.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(again.screen, ExperimentsScreen))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(again.screen, HelpScreen))
        gate.set()
        await until(pilot, lambda: again.store is not None)
        await pilot.pause()
        assert isinstance(again.screen, HelpScreen)
        again.places.keep()
        assert place_of(sample_gateway) == kept
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(again.screen, RunsScreen))
        await see(pilot, WELCOME)
