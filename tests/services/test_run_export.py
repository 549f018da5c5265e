"""Runs as CSV, JSON and Parquet, through a temporary file."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from mlaudit.domain.models import Run
from mlaudit.domain.run_values import full_cell, run_object
from mlaudit.domain.triage import JudgedRun
from mlaudit.domain.verdict import Outcome
from mlaudit.reports.runs import render_csv, render_json
from mlaudit.services.run_export import CHUNK, ExportFormat, ExportStopped, spool

NAMES = {"1": "fraud"}
RUNS = [
    Run(
        "a" * 32, "1", "one", "FINISHED", start_time=1_700_000_000_123, end_time=1_700_000_060_123,
        metrics={"loss": 0.1 + 0.2, "bad": math.nan}, params={"note": '=1+1, "x"⏎y', "empty": ""},
    ),
    Run("b" * 32, "1", "", "RUNNING", metrics={"loss": math.inf}, tags={"mlflow.user": "me", "team": "ü \u2028"}),
]  # fmt: skip
JUDGED = {"a" * 32: JudgedRun("a" * 32, Outcome.REGRESSION, "worse", 1, "loss", 0.25, 0.25)}


def written(form: ExportFormat, columns: tuple[str, ...] | None = None, runs: list[Run] = RUNS) -> bytes:
    """What is written of these runs, taken one by one."""
    file = io.BytesIO()
    with spool(form, NAMES, columns) as spooled:
        for run in runs:
            spooled.add([run], JUDGED)
        spooled.write(file)
    return file.getvalue()


@pytest.mark.parametrize("columns", [None, ("run_name", "metrics.bad", "params.none", "metrics.loss")])
def test_json_is_what_the_report_of_all_of_them_is(columns: tuple[str, ...] | None) -> None:
    """Byte for byte, although they are never in memory together."""
    objects = [run_object(run, NAMES, columns, JUDGED.get(run.run_id)) for run in RUNS]
    assert written(ExportFormat.JSON, columns).decode() == render_json(objects) + "\n"
    assert json.loads(written(ExportFormat.JSON))[0]["non_finite"] == {"bad": "NaN"}


def test_no_runs_are_an_empty_list_and_a_header() -> None:
    assert written(ExportFormat.JSON, runs=[]) == b"[]\n"
    assert written(ExportFormat.CSV, ("run_id", "params.x"), runs=[]) == b"run_id,params.x\n"


def test_verdicts_are_columns_where_they_are_wanted() -> None:
    """As the command line writes them; a run without one has empty cells."""
    columns = ("run_name", "verdict", "change", "change_metric", "metrics.loss")
    text = written(ExportFormat.CSV, columns).decode()
    cells = [[full_cell(run, column, NAMES, JUDGED.get(run.run_id)) for column in columns] for run in RUNS]
    assert text == render_csv(columns, cells)
    assert list(csv.reader(io.StringIO(text)))[1] == ["one", "REGRESSION", "0.25", "loss", "0.30000000000000004"]
    assert "verdict" not in written(ExportFormat.CSV).decode().partition("\n")[0]


def test_parquet_has_types() -> None:
    """Metrics and the change are numbers, NaN stays NaN, an empty text stays one, what is missing is null."""
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = ("run_id", "verdict", "change", "metrics.bad", "metrics.loss", "params.empty")
    table = parquet.read_table(io.BytesIO(written(ExportFormat.PARQUET, columns)))
    assert table.column_names == list(columns)
    first, second = table.to_pylist()
    assert math.isnan(first.pop("metrics.bad"))
    assert first == {
        "run_id": "a" * 32, "verdict": "REGRESSION", "change": 0.25, "metrics.loss": 0.1 + 0.2, "params.empty": "",
    }  # fmt: skip
    assert (second["verdict"], second["change"], second["metrics.loss"]) == (None, None, math.inf)
    assert (second["metrics.bad"], second["params.empty"]) == (None, None)


@pytest.mark.parametrize("form", list(ExportFormat))
def test_writing_can_be_stopped(form: ExportFormat) -> None:
    """Between rows, long before the end."""
    file = io.BytesIO()
    with spool(form, NAMES) as spooled:
        spooled.add(Run(f"{n:032x}", "1", "x", "FINISHED") for n in range(3 * CHUNK))
        spooled.stop()
        with pytest.raises(ExportStopped):
            spooled.write(file)


@pytest.mark.parametrize("form", [ExportFormat.CSV, ExportFormat.PARQUET])
def test_what_waits_in_memory_is_written_as_what_waits_in_the_file(
    form: ExportFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, half of it or none; in the order in which it came."""
    if form is ExportFormat.PARQUET:
        pytest.importorskip("pyarrow")
    runs = [Run(f"{n:032x}", "1", f"run {n}", "FINISHED", metrics={f"m{n % 3}": n / 7}) for n in range(2500)]

    def together() -> tuple[bytes, int]:
        file = io.BytesIO()
        with spool(form, NAMES) as spooled:
            for start in range(0, len(runs), 700):
                spooled.add(runs[start : start + 700])
            spooled.write(file)
            return file.getvalue(), spooled._file.tell()

    whole, filed = together()
    assert filed == 0
    for room in (200_000, 0):
        monkeypatch.setattr("mlaudit.services.run_export._WAITING", room)
        same, more = together()
        assert same == whole
        assert more > filed
        filed = more
