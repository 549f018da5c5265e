"""A param against a metric: every marked run a point."""

from __future__ import annotations

import math

from mlaudit.domain.dimensions import Dimension, dimensions
from mlaudit.domain.models import Run
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens import scatter as screen_module
from mlaudit.tui.screens.compare import CompareScreen
from mlaudit.tui.screens.pick import PickScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.scatter import ScatterScreen
from mlaudit.tui.widgets.scatter import CROWD, make_cloud
from mlaudit.tui.widgets.scatter_plot import ScatterPlot
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import app_on, see, text_of, until

OPTIMIZERS = ("adam", "sgd", "lion")


def sweep(count: int) -> list[Run]:
    """The greater lr, the less the loss; run 1 diverged, run 2 has no loss."""
    losses = [{"val_loss": 1 / (n + 1), "f1": n / 10} for n in range(count)]
    losses[1]["val_loss"] = math.nan
    del losses[2]["val_loss"]
    return [
        Run(
            f"{n:032x}",
            "1",
            f"run {n}",
            "FINISHED",
            params={"lr": str(10.0 ** (n % 4 - 4)), "opt": OPTIMIZERS[n % 3], "n": str(n)},
            metrics=losses[n],
        )
        for n in range(count)
    ]


def axis(runs: list[Run], column: str) -> Dimension:
    return next(d for d in dimensions(runs) if d.column == column)


# The drawing


def test_points_stand_where_their_values_are() -> None:
    """Letters for few runs; one without a value has no place."""
    runs = sweep(6)
    cloud = make_cloud(axis(runs, "params.n"), axis(runs, "metrics.val_loss"), 0, 60, 12)
    assert cloud.cells[1] is None
    assert cloud.cells[2] is None
    (top, left), (bottom, right) = cloud.cells[0] or (0, 0), cloud.cells[5] or (0, 0)
    assert top < bottom
    assert left < right
    assert cloud.chars[top][left] == "A"
    assert cloud.chars[bottom][right] == "★"
    assert cloud.owners[bottom, right] == 5


def test_many_points_are_dots() -> None:
    """More than there are letters; the highlighted one stands out, and so does the best."""
    runs = sweep(60)
    cloud = make_cloud(axis(runs, "params.n"), axis(runs, "metrics.f1"), 30, 60, 20)
    text = "".join(cloud.chars)
    assert "◆" in text
    assert "A" not in text
    assert (cloud.owners == CROWD).any()


def test_runs_in_one_cell_know_of_one_another() -> None:
    runs = [Run(f"{n:032x}", "1", "", "FINISHED", params={"a": "1"}, metrics={"m": 1.0}) for n in range(3)]
    cloud = make_cloud(axis(runs, "params.a"), axis(runs, "metrics.m"), 0, 40, 10)
    assert cloud.beside(0) == (1, 2)


# The screen


async def test_a_sweep_is_gone_through_by_keys(sample_gateway: MemoryGateway) -> None:
    """What is drawn, what is not and why, the best, the run under the cursor."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(160, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(ScatterScreen(sweep(8)))
        await see(
            pilot, "metrics.val_loss over params.lr: 6 runs", "1 without val_loss", "1 whose val_loss is not finite"
        )
        await see(pilot, "★ best: least", "params.lr (log)")
        await pilot.press("g")
        await see(pilot, "H run 7", "val_loss = 0.125 ★")
        await pilot.press("up")
        await see(pilot, "run 6", "val_loss = 0.14286")
        await pilot.press("tab")
        await see(pilot, "over params.n: 6 runs", "rank correlation -1.00 (Spearman, n = 6)")
        await pilot.press("L")
        await until(pilot, lambda: "val_loss (log) over" in text_of(pilot))
        await pilot.press("tab")
        await see(pilot, "over params.opt", "adam", "lion", "sgd")
        assert "rank correlation" not in text_of(pilot)
        await pilot.press("shift+tab", "y")
        await until(pilot, lambda: app.clipboard == f"{6:032x}")


async def test_axes_are_chosen_from_a_list(sample_gateway: MemoryGateway) -> None:
    """A metric against a metric is possible; esc changes nothing."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(ScatterScreen(sweep(8)))
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await see(pilot, "What is the x axis?", "params.opt  3 values", "metrics.f1  0 to 0.7")
        await pilot.press(*"f1", "enter")
        await see(pilot, "metrics.val_loss over metrics.f1")
        await pilot.press("Y", *"opt", "enter")
        await see(pilot, "params.opt over metrics.f1: 8 runs")
        await pilot.press("Y", *"zzz", "enter")
        assert isinstance(app.screen, PickScreen)
        await pilot.press("escape")
        await see(pilot, "params.opt over metrics.f1: 8 runs")
        await pilot.press("g")
        assert "params.opt over metrics.f1" in text_of(pilot)


async def test_more_runs_than_stand_side_by_side_are_all_points(sample_gateway: MemoryGateway, monkeypatch) -> None:
    """Up to a limit, which is told."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(160, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(CompareScreen(sweep(40)))
        await see(pilot, "30 more runs were marked and are left out (S shows all)")
        await pilot.press("S")
        await see(pilot, "38 runs")
        monkeypatch.setattr(screen_module, "MOST", 12)
        await app.push_screen(ScatterScreen(sweep(40)))
        await see(pilot, "10 runs", "the first 12 of 40 runs are drawn")


async def test_the_run_under_the_cursor_is_opened(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        chosen = tuple(sample_gateway.get_run(SAMPLE[n]) for n in ("production", "better", "diverged"))
        await app.push_screen(ScatterScreen(chosen))
        plot = app.screen.query_one(ScatterPlot)
        await until(pilot, lambda: plot.drawn)
        wanted = chosen[plot.highlighted].name
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.run)
        assert app.screen.title == wanted


async def test_runs_without_anything_say_so(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(ScatterScreen([Run("a" * 32, "1", "a", "FINISHED")]))
        await see(pilot, "no params and no metrics", "nothing to draw")
        await pilot.press("left", "up", "g", "L", "tab", "y", "enter")
        await see(pilot, "nothing to draw")
