"""Pictures of the list of runs; ``pytest --snapshot-update`` after a look at what changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.config.saved_views import SavedViews
from mlaudit.domain.saved_view import SavedView
from mlaudit.domain.sorting import SortKey
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens.runs import RunsScreen
from tests.plugins.screen_tools import app_on, see, until

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def still_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No policy file, and nothing kept from before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path))


def store() -> MemoryGateway:
    """Curves that fall, rise, stand still, and break off."""
    gateway = MemoryGateway()
    experiment = gateway.add_experiment("fraud-detector")
    curves: dict[str, Callable[[int], float]] = {
        "falls": lambda n: 2.0 / (n + 1),
        "rises": lambda n: n / 40,
        "stands still": lambda n: 0.5,
        "diverges": lambda n: n / 10 if n < 30 else math.nan,
        "[/x] swings": math.sin,
    }
    for name, curve in curves.items():
        gateway.add_run(
            experiment,
            name=name,
            metrics={"val_loss": [curve(n) for n in range(40)], "val_f1": 0.5, "train_loss": 0.25},
            params={"hidden_size": "64", "learning_rate": "0.001"},
            model=False,
        )
    gateway.add_run(experiment, name="never logged it", metrics={"val_f1": 0.75}, model=False)
    return gateway


async def with_curve(pilot: Pilot[Any]) -> RunsScreen:
    """The runs, a column pinned and a curve beside its metric."""
    await see(pilot, "fraud-detector")
    await pilot.press("enter")
    await see(pilot, "no verdicts")
    screen = pilot.app.screen
    assert isinstance(screen, RunsScreen)
    await until(pilot, lambda: "verdict" not in screen.table.columns)
    screen.table.cursor_column = screen.table.columns.index("metrics.val_f1")
    await pilot.press("f")
    screen.table.cursor_column = screen.table.columns.index("metrics.val_loss")
    await pilot.press("i")
    await see(pilot, "×")
    await until(pilot, lambda: not screen._curves_loading)
    return screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_runs_with_a_pinned_column_and_curves(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def look(pilot: Pilot[Any]) -> None:
        await with_curve(pilot)

    assert snap_compare(app_on(store()), terminal_size=size, run_before=look)


def test_saved_views(snap_compare: Compare) -> None:
    """At the smallest size: one is applied, a name and a filter are longer than there is room."""

    async def look(pilot: Pilot[Any]) -> None:
        screen = await with_curve(pilot)
        views = SavedViews("memory://", [screen._experiments[0].experiment_id])
        views.save("best [/x] first", SavedView("metrics.val_f1 > 0.5", (SortKey("metrics.val_f1", False),)))
        views.save("by size", SavedView(group_by=("params.hidden_size",)))
        views.save("a name that is as long as it may be " + "x" * 24, SavedView("params.long = 'x' AND " * 5))
        await pilot.press("w")
        await see(pilot, "best [/x] first", "s saves as shown")

    assert snap_compare(app_on(store()), terminal_size=(80, 24), run_before=look)
