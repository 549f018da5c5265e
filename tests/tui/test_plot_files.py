"""Runs over params and metrics as files."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.widgets import Input

from mlaudit.domain.dimensions import dimensions
from mlaudit.domain.models import Run
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.chart_files import HEIGHT, WIDTH, png, svg
from mlaudit.tui.plot_files import parallel_picture, scatter_picture, values_csv
from mlaudit.tui.screens.export import ExportDialog
from mlaudit.tui.screens.parallel import ParallelScreen
from mlaudit.tui.screens.scatter import ScatterScreen
from tests.plugins.screen_tools import app_on, see, until

RUNS = [
    Run("a" * 32, "1", "<one> & $x$", "FINISHED", params={"lr": "0.10", "opt": "sgd"}, metrics={"val_loss": 1 / 3}),
    Run("b" * 32, "1", "two", "FINISHED", params={"lr": "0.001", "opt": "adam"}, metrics={"val_loss": math.nan}),
    Run("c" * 32, "1", "three", "FINISHED", params={"opt": "adam"}, metrics={"val_loss": 0.25}),
]
LABELS = [run.name for run in RUNS]
AXES = dimensions(RUNS)


def test_the_values_are_those_of_the_store() -> None:
    """Whole numbers of metrics, params letter by letter, nothing where there is nothing."""
    rows = list(csv.reader(io.StringIO(values_csv(RUNS, LABELS, AXES))))
    assert rows[0] == ["run", "run_id", "params.lr", "params.opt", "metrics.val_loss"]
    assert rows[1][2:] == ["0.10", "sgd", repr(1 / 3)]
    assert rows[2][2:] == ["0.001", "adam", "NaN"]
    assert rows[3][2:] == ["", "adam", "0.25"]


def test_lines_break_where_there_is_no_value() -> None:
    picture = parallel_picture(LABELS, AXES)
    assert [len(s.lines) for s in picture.strokes] == [1, 1, 1]
    assert picture.strokes[0].lines == [[(0.0, 0.0), (WIDTH / 2, 0.0), (WIDTH, 0.0)]]
    assert len(picture.strokes[1].lines[0]) == 2
    assert picture.strokes[2].lines[0][0][0] == WIDTH / 2
    assert [text for _, _, text in picture.notes][-6:] == ["lr log", "opt", "val_loss ↓", "A", "B", "C"]


def test_points_are_the_runs_that_have_both() -> None:
    lr, _, loss = AXES
    picture = scatter_picture(LABELS, lr, loss)
    assert [s.label for s in picture.strokes] == ["A <one> & $x$"]
    assert picture.strokes[0].marks == [(WIDTH, 0.0)]
    assert (picture.title, picture.x_title) == ("metrics.val_loss over params.lr (log)", "params.lr (log)")
    assert [text for _, _, text in picture.notes] == ["A"]
    many = dimensions(RUNS * 20)
    assert [s.label for s in scatter_picture(LABELS * 20, many[1], many[2]).strokes] == ["40 runs"]


@pytest.mark.parametrize("picture", [parallel_picture(LABELS, AXES), scatter_picture(LABELS, AXES[1], AXES[2])])
def test_both_pictures_are_whole(picture) -> None:
    """Names are text, not markup; within the frame."""
    root = ElementTree.fromstring(svg(picture))
    assert "A <one> & $x$" in "".join(root.itertext())
    assert all(0 <= y <= HEIGHT for s in picture.strokes for part in (*s.lines, s.marks) for _, y in part)
    assert png(picture).startswith(b"\x89PNG")


@pytest.mark.parametrize("screen", [ParallelScreen, ScatterScreen])
async def test_they_are_written_from_the_screen(
    sample_gateway: MemoryGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, screen: type
) -> None:
    monkeypatch.chdir(tmp_path)
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(screen(RUNS))
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, ExportDialog))
        app.screen.query_one(Input).value = "values.csv"
        await pilot.press("enter")
        await see(pilot, "Written: values.csv")
    assert (tmp_path / "values.csv").read_text(encoding="utf-8").startswith("run,run_id,params.lr,")
