"""Charts as files: what is in them, and how the screen asks for a name."""

import csv
import io
import math
import stat
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import Input

from mlaudit.domain.bands import mean_band
from mlaudit.domain.scales import XUnit, YScale
from mlaudit.domain.series import clean_curve
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.chart_files import picture_of, points_csv, problem_with, svg, write_chart
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.export import ExportDialog, default_name
from mlaudit.tui.widgets.chart_series import Preparing, Reading, Series
from mlaudit.tui.widgets.metric_chart import ChartView
from mlaudit.tui.widgets.plot import Look
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import app_on, see, until

NAN = math.nan
NS = {"s": "http://www.w3.org/2000/svg"}


def view(*series: Series, reading: Reading | None = None, look: Look | None = None) -> ChartView:
    reading = reading or Reading()
    prepared = Preparing().all(series, reading)
    return ChartView("val_loss", series, prepared, look or Look(reading.unit, reading.scale), "")


def run(values: Sequence[float], label: str = "run", steps: Sequence[int] | None = None) -> Series:
    steps = list(range(len(values))) if steps is None else steps
    return Series(label, steps, values, timestamps=[1000 * s for s in range(len(values))], run_id="abc")


def rows(shown: ChartView) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(points_csv(shown)))))


class TestCsv:
    """Every point, whatever is seen."""

    def test_all_points_with_their_times_even_where_the_chart_is_zoomed(self) -> None:
        found = rows(view(run([0.1, NAN, math.inf]), run([5.0], '[/x], "quoted"'), look=Look(view=(0, 1))))
        assert [r["value"] for r in found] == ["0.1", "NaN", "inf", "5.0"]
        assert found[1]["time"] == "1970-01-01T00:00:01.000Z"
        assert found[3]["series"] == '[/x], "quoted"'
        assert found[0]["run_id"] == "abc"

    def test_smoothed_values_stand_beside_those_logged(self) -> None:
        shown = view(run([1.0, 3.0, NAN, 5.0]), reading=Reading(weight=0.6))
        assert [r["smoothed"] for r in rows(shown)] == ["1.0", repr(2.25), "", "5.0"]

    def test_over_time_they_belong_to_the_same_points(self) -> None:
        late_first = replace(run([1.0, 3.0]), timestamps=[9000, 1000])
        shown = view(late_first, reading=Reading(unit=XUnit.WALL, weight=0.6))
        found = [(r["value"], float(r["smoothed"])) for r in rows(shown)]
        assert found == [("1.0", pytest.approx(1.75)), ("3.0", 3.0)], "averaged in the order of time"

    def test_bands(self) -> None:
        band = mean_band([clean_curve([0, 1], [1.0, 2.0]), clean_curve([0, 1], [3.0, 4.0])])
        shown = view(Series("mean", band.steps, band.means, band=band))  # type: ignore[arg-type]
        assert [(r["band_low"], r["value"], r["band_high"]) for r in rows(shown)] == [
            ("1.0", "2.0", "3.0"),
            ("2.0", "3.0", "4.0"),
        ]


class TestSvg:
    """A picture of what is seen."""

    def test_it_is_well_formed_and_names_are_text(self) -> None:
        root = ET.fromstring(svg(picture_of(view(run([1.0, 2.0], "<b>&[/x]"), run([2.0, 1.0], "b")))))
        texts = [t.text for t in root.iterfind(".//s:text", NS)]
        assert "A <b>&[/x]" in texts
        assert "val_loss" in texts
        assert "step" in texts

    def test_a_gap_is_a_gap_and_a_lone_point_a_dot(self) -> None:
        picture = picture_of(view(run([1.0, 2.0, NAN, 3.0])))
        assert [len(line) for line in picture.strokes[0].lines] == [2, 1]
        assert "h0" in svg(picture)

    def test_a_million_points_make_a_small_file_that_keeps_the_spike(self) -> None:
        values = np.zeros(1_000_000)
        values[123_456] = 9.0
        picture = picture_of(view(Series("long", np.arange(1_000_000), values)))  # type: ignore[arg-type]
        assert len(svg(picture)) < 100_000
        assert min(y for line in picture.strokes[0].lines for _, y in line) == 0

    def test_zoom_scale_smoothing_and_band_are_as_on_screen(self) -> None:
        band = mean_band([clean_curve(range(100), [10.0 + i for i in range(100)])] * 3)
        series = replace(run([10.0**-i for i in range(100)]), band=band)
        picture = picture_of(
            view(series, reading=Reading(scale=YScale.LOG, weight=0.9), look=Look(scale=YScale.LOG, view=(10, 20)))
        )
        assert [label for _, label in picture.x_ticks][:2] == ["10", "12"]
        assert picture.strokes[0].raw
        assert picture.strokes[0].band

    def test_nothing_seen_is_said(self) -> None:
        assert "nothing was logged here" in svg(picture_of(view(run([]))))


class TestFiles:
    """Whole files or none, and never over another by accident."""

    def test_a_png_is_one(self, tmp_path: Path) -> None:
        pytest.importorskip("matplotlib")
        path = tmp_path / "x.png"
        size = write_chart(view(run([1.0, NAN, 2.0, 3.0], "_secret $x^"), run([], "$")), path)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size == size

    def test_what_is_there_stays_unless_asked(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_text("mine")
        path.chmod(0o640)
        with pytest.raises(FileExistsError):
            write_chart(view(run([1.0])), path)
        assert path.read_text() == "mine"
        write_chart(view(run([1.0])), path, replace=True)
        assert path.read_text().startswith("series,run_id")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]

    def test_problems_in_words(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "must end in .csv, .svg, .png" in problem_with(tmp_path / "x.txt")
        assert "no directory" in problem_with(tmp_path / "no" / "x.svg")
        (tmp_path / "d.svg").mkdir()
        assert "is a directory" in problem_with(tmp_path / "d.svg")
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
        assert "mlaudit[train]" in problem_with(tmp_path / "x.png")
        assert problem_with(tmp_path / "x.svg") == ""


class TestScreen:
    """o asks for a name, and before it replaces anything."""

    async def test_from_the_key_to_the_file(
        self, sample_gateway: MemoryGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await app.push_screen(ChartScreen((sample_gateway.get_run(SAMPLE["better"]),)))
            await see(pilot, "20 points")
            await pilot.press("o")
            await until(pilot, lambda: isinstance(app.screen, ExportDialog))
            await see(pilot, "all 20 points")
            field = app.screen.query_one(Input)
            assert field.value == "val_loss.svg"
            field.value = "nowhere/x.svg"
            await pilot.press("enter")
            await see(pilot, "there is no directory nowhere")
            field.value = "val_loss.csv"
            await pilot.press("enter")
            await see(pilot, "Written: val_loss.csv")
            assert len((tmp_path / "val_loss.csv").read_text().splitlines()) == 21

            (tmp_path / "val_loss.svg").write_text("mine")
            await pilot.press("o")
            await until(pilot, lambda: isinstance(app.screen, ExportDialog))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ChartScreen))
            assert (tmp_path / "val_loss.svg").read_text() == "mine", "the first button is Cancel"
            await pilot.press("o")
            await until(pilot, lambda: isinstance(app.screen, ExportDialog))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            await pilot.press("right", "enter")
            await until(pilot, lambda: (tmp_path / "val_loss.svg").read_text().startswith("<svg"))

    def test_the_default_name_is_a_name(self) -> None:
        shown = view(run([1.0]))
        assert default_name(replace(shown, metric="val/loss é%")) == "val_loss.svg"
        assert default_name(replace(shown, metric="../..")) == "chart.svg"
