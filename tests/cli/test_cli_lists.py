"""experiments, runs and show on the sample store."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from sample_store import EXPERIMENT, HOSTILE_NAME, MARKUP_NAME, SAMPLE

from mlaudit.config.filter_memory import FilterMemory
from mlaudit.gateway.memory import MemoryGateway


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_experiments_in_three_formats_agree(cli):
    table, as_json, as_csv = (
        cli("experiments"),
        cli("experiments", "--format", "json"),
        cli("experiments", "--format", "csv"),
    )
    names = [e["name"] for e in json.loads(as_json.out)]
    assert EXPERIMENT in names
    assert "churn [b]bold[/b]" in names
    assert [r["name"] for r in rows_of(as_csv.out)] == names
    assert all(name in table.out for name in names)
    assert (table.code, table.err) == (0, "")


def test_runs_json_has_the_promised_fields_and_is_strict_json(cli):
    result = cli("runs", "--format", "json")
    runs = json.loads(result.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    promised = {"run_id", "run_name", "experiment", "status", "start_time", "params", "metrics", "tags"}
    assert all(promised <= run.keys() for run in runs)
    by_id = {run["run_id"]: run for run in runs}
    assert SAMPLE["deleted"] not in by_id
    assert by_id[SAMPLE["production"]]["start_time"].endswith("Z")
    diverged = by_id[SAMPLE["diverged"]]
    assert diverged["metrics"]["val_loss"] is None
    assert diverged["non_finite"]["val_loss"] == "NaN"
    assert by_id[SAMPLE["odd"]]["non_finite"] == {"huge": "Infinity"}
    assert "non_finite" not in by_id[SAMPLE["production"]]


def test_deleted_runs_alone_and_among_the_others(cli):
    def ids(*options):
        found = json.loads(cli("runs", *options, "--format", "json").out)
        return {run["run_id"]: run["lifecycle_stage"] for run in found}

    assert ids("--deleted") == {SAMPLE["deleted"]: "deleted"}
    assert ids("--all") == ids() | ids("--deleted")
    assert "FINISHED deleted" in cli("runs", "--deleted").out
    assert "no deleted runs match" in cli("runs", "--deleted", "--filter", "metrics.val_loss < 0").err
    both = cli("runs", "--all", "--deleted")
    assert (both.code, "give one of them" in both.err) == (2, True)


def test_a_deleted_run_is_shown_and_not_promoted(cli):
    shown = cli("show", SAMPLE["deleted"])
    assert (shown.code, f"{SAMPLE['deleted']} (deleted)" in shown.out) == (0, True)
    refused = cli("promote", SAMPLE["deleted"], "--yes")
    assert refused.code == 2
    assert "is deleted and cannot be promoted; mlflow runs restore" in refused.err


def test_runs_csv_has_whole_values(cli):
    by_id = {r["run_id"]: r for r in rows_of(cli("runs", "--format", "csv").out)}
    assert by_id[SAMPLE["odd"]]["params.long"] == "0123456789" * 600
    assert by_id[SAMPLE["odd"]]["metrics.huge"] == "Infinity"
    assert by_id[SAMPLE["diverged"]]["metrics.val_loss"] == "NaN"
    assert by_id[SAMPLE["failed"]]["metrics.val_loss"] == ""
    production = by_id[SAMPLE["production"]]
    assert float(production["metrics.val_roc_auc"]) == 0.91
    assert production["tags.dataset_version"] == "v1"


def test_filter_order_and_columns(cli):
    result = cli(
        "runs", "-e", EXPERIMENT, "--filter", "metrics.val_loss < 0.6", "--order-by", "metrics.val_loss ASC",
        "--columns", "name,metrics.val_loss,params.seed", "--format", "csv",
    )  # fmt: skip
    header, *rows = csv.reader(io.StringIO(result.out))
    assert header == ["run_name", "metrics.val_loss", "params.seed"]
    losses = [float(row[1]) for row in rows]
    assert losses == sorted(losses)
    assert rows[0][0] == "mlp-wide"
    assert result.err == ""


def test_columns_narrow_the_json(cli):
    runs = json.loads(cli("runs", "--columns", "run_id,params.seed", "--format", "json").out)
    assert all(run.keys() == {"run_id", "params"} and run["params"].keys() <= {"seed"} for run in runs)


def test_an_experiment_is_named_by_id_too_and_may_be_repeated(cli):
    both = json.loads(cli("runs", "--experiment", "2", "--experiment", EXPERIMENT, "--format", "json").out)
    assert {run["experiment_id"] for run in both} == {"1", "2"}


def test_truncation_is_said_and_max_reads_beyond_a_page(cli):
    short = cli("runs", "--max", "3", "--format", "json")
    assert len(json.loads(short.out)) == 3
    assert "showing 3 runs, there are more" in short.err
    assert "showing 1 run, there are more" in cli("runs", "--max", "1").err
    store = MemoryGateway()
    experiment = store.add_experiment("many")
    for number in range(1205):
        store.add_run(experiment, name=f"r{number}", model=False)
    cli.store = store
    whole = cli("runs", "--max", "1205", "--columns", "run_id", "--format", "csv")
    assert len(set(whole.out.splitlines()[1:])) == 1205
    assert whole.err == ""


def test_no_runs_is_said_on_stderr_and_is_valid_output(cli):
    result = cli("runs", "-e", "empty", "--format", "json")
    assert (result.code, json.loads(result.out)) == (0, [])
    assert "no runs" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--filter", "metrics.val_los < 1"),
        ("--order-by", "metrics.val_los DESC"),
        ("--columns", "name,metrics.val_los"),
    ],
)
def test_an_unknown_metric_is_said_with_near_ones(cli, arguments):
    result = cli("runs", *arguments)
    assert result.code == 0
    assert "metrics.val_los" in result.err
    assert "val_loss" in result.err.replace("metrics.val_los;", "")


def test_a_slip_that_is_accepted_in_silence_is_said(cli):
    result = cli("runs", "--filter", "metrics.val_loss < 1 AND")
    assert (result.code, result.err) == (0, "mlaudit: filter: character 22: nothing follows this AND\n")


def test_or_and_parentheses(cli):
    """The same runs as two searches, each once, in the asked order."""

    def listed(expression):
        found = cli("runs", "--filter", expression, "--order-by", "metrics.val_loss DESC", "--format", "json")
        assert (found.code, found.err) == (0, "")
        return {run["run_id"]: run["metrics"]["val_loss"] for run in json.loads(found.out)}

    low, high = listed("metrics.val_loss < 0.25"), listed("metrics.val_loss > 0.3")
    both = listed("(metrics.val_loss < 0.25 OR metrics.val_loss > 0.3) AND run_name LIKE '%'")
    assert low
    assert high
    assert both == low | high
    assert list(both.values()) == sorted(both.values(), reverse=True)


def test_a_named_filter(cli, tmp_path, monkeypatch):
    """Named in the app, for an experiment of a store; used by its name, and what it is comes on stderr."""
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path))
    by_hand = cli("runs", "-e", EXPERIMENT, "--filter", "metrics.val_loss < 0.25", "--format", "json").out
    experiment = json.loads(by_hand)[0]["experiment_id"]
    FilterMemory("memory://", [experiment]).name("low", "metrics.val_loss < 0.25")
    for experiments in (("-e", EXPERIMENT), ()):
        found = cli("runs", *experiments, "--filter", "@low", "--format", "json")
        assert (found.code, found.out) == (0, by_hand)
        assert found.err == "mlaudit: filter @low: metrics.val_loss < 0.25\n"
    wrong = cli("runs", "--filter", "@lo")
    assert (wrong.code, wrong.err.splitlines()[0]) == (
        2, "mlaudit: error: bad filter at character 1: no filter is named 'lo'; there are: @low",
    )  # fmt: skip
    other = next(i for i in ("1", "2") if i != experiment)
    FilterMemory("memory://", [other]).name("low", "metrics.val_loss < 0.1")
    assert "several experiments" in cli("runs", "--filter", "@low").err


def test_markup_and_escape_sequences_stay_text(cli):
    for form in ("table", "json", "csv"):
        result = cli("runs", "--format", form)
        assert MARKUP_NAME in result.out
        assert not set(result.out) & {"\x1b", "\x07", "\x9b", "\u202e"}
        assert HOSTILE_NAME not in result.out


def test_a_table_on_a_terminal_fits_it_and_says_what_it_leaves_out(cli, monkeypatch):
    monkeypatch.setattr("mlaudit.cli.output.terminal_width", lambda: 80)
    result = cli("runs", "-e", EXPERIMENT)
    # A metric that most runs have, not the odd run's "tiny", which is as narrow.
    assert "metrics.val_f1" in result.out.splitlines()[0]
    assert max(map(len, result.out.splitlines())) <= 80
    assert "columns do not fit" in result.err
    monkeypatch.setattr("mlaudit.cli.output.terminal_width", lambda: None)
    assert "do not fit" not in cli("runs", "-e", EXPERIMENT).err


def test_show_has_everything_and_takes_a_prefix(cli):
    result = cli("show", SAMPLE["production"][:10])
    for piece in (
        SAMPLE["production"], "mlp-base", EXPERIMENT, "val_roc_auc", "0.91", "hidden_size", "dataset_version",
        "77aa01cc", "version 2  Production  aliases champion", "confusion_matrix.json", "ada (claimed)",
    ):  # fmt: skip
        assert piece in result.out
    assert (result.code, result.err) == (0, "")


def test_show_json(cli):
    shown = json.loads(cli("show", SAMPLE["production"], "--format", "json").out)
    assert shown["versions"] == [
        {"model": "fraud-detector", "version": "2", "stage": "Production", "aliases": ["champion"]}
    ]
    assert {d["context"] for d in shown["datasets"]} == {"training", "validation"}
    assert {"path": "plots", "is_dir": True, "size": None} in shown["artifacts"]


def test_show_of_a_run_without_anything_says_none(cli):
    assert cli("show", SAMPLE["failed"]).out.count("  none") >= 2


def test_csv_columns_come_in_order_however_late_a_key_is_seen(cli):
    """Fields, metrics, params, own tags, MLflow's tags; the same with and without pages in between."""
    header = next(csv.reader(io.StringIO(cli("runs", "--max", "5000", "--format", "csv").out)))
    groups = [c.partition(".")[0] if "." in c else "" for c in header]
    assert groups == sorted(groups, key=["", "metrics", "params", "tags"].index)
    tags = [c for c in header if c.startswith("tags.")]
    assert tags == sorted(tags, key=lambda c: (c.startswith("tags.mlflow."), c))
    assert len(set(header)) == len(header)


def test_runs_parquet(cli, monkeypatch):
    """The same cells as CSV, typed: times, numbers with NaN and infinity, text."""
    pq = pytest.importorskip("pyarrow.parquet")
    rows = rows_of(cli("runs", "--format", "csv").out)
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
    from mlaudit.cli.main import main
    from mlaudit.wiring import Services

    code = main(["runs", "--format", "parquet"], lambda s: Services(s, open_gateway=lambda: cli.store))
    assert code == 0
    table = pq.read_table(io.BytesIO(raw.getvalue()))
    assert table.column_names == list(rows[0])
    found = table.to_pylist()
    assert [r["run_id"] for r in found] == [r["run_id"] for r in rows]
    for typed, text in zip(found, rows, strict=True):
        assert (typed["run_name"], typed["params.seed"] or "") == (text["run_name"], text["params.seed"])
        loss = typed["metrics.train_loss"]
        assert ("" if loss is None else "NaN" if loss != loss else repr(loss)) == text["metrics.train_loss"]
        assert typed["start_time"].isoformat(timespec="milliseconds").replace("+00:00", "Z") == text["start_time"]
    assert float("inf") in [r["metrics.huge"] for r in found]


def test_parquet_is_not_for_terminals(cli, monkeypatch):
    monkeypatch.setattr("mlaudit.cli.output._is_tty", lambda _stream: True)
    result = cli("runs", "--format", "parquet")
    assert (result.code, result.out) == (2, "")
    assert "parquet is binary" in result.err


def test_show_says_what_the_stores_user_should_know(cli, monkeypatch):
    described = replace(cli.store.describe(), notes=("its schema is older",))
    monkeypatch.setattr(cli.store, "describe", lambda: described)
    result = cli("show", SAMPLE["better"])
    assert result.code == 0
    assert result.err == "mlaudit: its schema is older\n"
