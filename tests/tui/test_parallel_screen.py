"""Marked runs as lines over their params and metrics."""

from __future__ import annotations

import math

import pytest

from mlaudit.domain.dimensions import dimensions
from mlaudit.domain.models import Run
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens.columns import ColumnsScreen
from mlaudit.tui.screens.compare import CompareScreen
from mlaudit.tui.screens.parallel import ParallelScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.parallel import columns_for, make_sheet, window, without_value, written
from mlaudit.tui.widgets.parallel_plot import ParallelPlot
from mlaudit.tui.widgets.plot import NOBODY
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import app_on, see, text_of, until


def runs() -> list[Run]:
    """Three: one without a metric, one that diverged, one hostile name."""
    made = [
        ({"lr": "0.001", "opt": "adam", "same": "1"}, {"val_loss": 0.5}),
        ({"lr": "0.1", "opt": "sgd", "same": "1"}, {"val_loss": math.nan}),
        ({"lr": "0.01", "opt": "lion", "same": "1"}, {}),
    ]
    names = ("first", "[/x] second", "third")
    return [
        Run(f"{i}" * 32, "1", names[i], "FINISHED", params=params, metrics=metrics)
        for i, (params, metrics) in enumerate(made)
    ]


def axes(*columns: str) -> list:
    return [d for d in dimensions(runs()) if d.column in columns]


# The drawing


def test_each_run_is_a_line_from_axis_to_axis() -> None:
    """The highest value on top; the line of the run on top hides the others."""
    sheet = make_sheet(axes("params.lr", "params.opt"), 0, 3, 1, 60, 9)
    left, right = sheet.columns
    assert sheet.owners[0, left] == 1
    assert sheet.owners[8, left] == 0
    assert sheet.owners[4, left] == 2
    # adam, lion, sgd from below.
    assert (sheet.owners[8, right], sheet.owners[4, right], sheet.owners[0, right]) == (0, 2, 1)
    between = sheet.owners[:, left + 1 : right]
    assert set(between.ravel().tolist()) == {NOBODY, 0, 1, 2}


def test_a_line_breaks_where_there_is_no_value() -> None:
    """And a run that has a single one is a dot there."""
    three = [*axes("params.lr"), *axes("metrics.val_loss"), *axes("params.opt")]
    sheet = make_sheet(three, 0, 3, 0, 80, 9)
    _, middle, right = sheet.columns
    assert set(sheet.owners[:, middle].tolist()) == {NOBODY, 0}
    assert set(sheet.owners[:, middle + 2].tolist()) <= {NOBODY, 0}
    assert sheet.owners[0, right] == 1
    lone = make_sheet(axes("metrics.val_loss"), 0, 3, 1, 40, 9)
    assert "●" in "".join(lone.chars) or "A" in "".join(lone.chars)


def test_who_has_no_value_is_named_by_letter() -> None:
    (loss,) = axes("metrics.val_loss")
    assert without_value(loss) == "— C B NaN"


@pytest.mark.parametrize("width", [32, 80, 160])
@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_the_axis_under_the_cursor_is_always_drawn(width: int, count: int) -> None:
    first = 0
    for at in (*range(count), *reversed(range(count))):
        first, fitting = window(count, at, first, width)
        assert 0 <= first <= at < first + fitting <= count
        columns = columns_for(fitting, width)
        assert columns == tuple(sorted(set(columns)))
        assert 0 <= columns[0] <= columns[-1] < width


def test_texts_stand_at_their_axes_and_never_run_into_one_another() -> None:
    line = written(("a very long name of a param", "β" * 40, "模型" * 20), (6, 30, 53), 60)
    assert line.count("…") == 3
    assert len(written(("", "x"), (6, 30), 40)) == 40


# The screen


async def test_the_lines_are_reached_from_the_comparison(sample_gateway: MemoryGateway) -> None:
    """Only what differs at first; the value under the cursor in words; enter opens the run."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        chosen = tuple(sample_gateway.get_run(SAMPLE[n]) for n in ("production", "better", "diverged", "markup"))
        await app.push_screen(CompareScreen(chosen))
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, ParallelScreen))
        await see(pilot, "4 runs over", "left out (a shows them)", "NaN", "compare › parallel")
        plot = app.screen.query_one(ParallelPlot)
        few = len(plot.axes)
        assert not any(axis.same for axis in plot.axes)
        await pilot.press("a")
        await until(pilot, lambda: len(plot.axes) > few)
        while plot.axes[plot.axis].column != "metrics.val_loss":
            await pilot.press("right")
        await pilot.press("down", "down")
        await see(pilot, "metrics.val_loss", "NaN", "not finite", "best: ")
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == "NaN")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))


async def test_axes_can_be_chosen(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(ParallelScreen(runs(), left_out=3))
        await see(pilot, "3 runs over 3 of 4", "3 more runs were marked", "[/x] second", "lr log", "val_loss ↓")
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, ColumnsScreen))
        await pilot.press("space", "enter")
        await see(pilot, "over 2 of 4", "chosen (C)")
        assert "lr log" not in text_of(pilot)
        await pilot.press("a")
        await see(pilot, "over 4 of 4", "same")


async def test_ten_runs_fit_the_smallest_terminal(sample_gateway: MemoryGateway) -> None:
    """The legend shows as many as there is room for, and follows."""
    many = [
        Run(f"{n:032x}", "1", f"run number {n}", "FINISHED", params={f"p{i}": str(n * i) for i in range(12)})
        for n in range(10)
    ]
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(ParallelScreen(many))
        await see(pilot, "run number 0", "more: ↑ ↓")
        await pilot.press("up")
        await see(pilot, "▸J run number 9", "›")
        await pilot.press("end")
        await see(pilot, "‹")


async def test_runs_without_anything_say_so(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(
            ParallelScreen([Run("a" * 32, "1", "a", "FINISHED"), Run("b" * 32, "1", "b", "FINISHED")])
        )
        await see(pilot, "nothing to draw")
        await pilot.press("left", "up", "end", "y", "a")
        await see(pilot, "nothing to draw")
