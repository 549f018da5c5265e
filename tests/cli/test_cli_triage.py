"""runs --verdict: the verdicts beside the runs, sorted by, in every format."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import pytest
from sample_store import MODEL, SAMPLE

from mlaudit.cli.main import main
from mlaudit.domain.gate import Outcome
from mlaudit.domain.models import Stage
from mlaudit.domain.triage import JudgedRun
from mlaudit.services.runs import SearchRuns, search_runs
from mlaudit.services.triage import JudgeRuns
from mlaudit.wiring import Services


def names(result):
    return [line.split()[0] for line in result.out.splitlines()[1:]]


@pytest.fixture
def runs(cli):
    def call(*arguments):
        return cli("runs", "-e", "fraud-detector", "--verdict", *arguments)

    return call


def test_the_table_shows_verdict_and_worst_change(runs):
    result = runs("--columns", "run_id,verdict,change,verdict_reason", "--order-by", "verdict")
    assert result.code == 0
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in result.out.splitlines()[1:]}
    assert rows[SAMPLE["worse"][:12]][0] == "REGRESSION"
    assert rows[SAMPLE["worse"][:12]][1].startswith("+26.0% val_loss")
    assert rows[SAMPLE["diverged"][:12]][1].startswith("no number val_accuracy")
    assert "no policy file was found" in result.err
    verdicts = [words[0] for words in rows.values()]
    assert verdicts == sorted(verdicts, key=["PASS", "NOT_COMPARABLE", "REGRESSION"].index)


def test_by_default_it_stands_beside_the_name(runs):
    header = runs().out.splitlines()[0].split()
    assert header[:4] == ["run_id", "run_name", "verdict", "change"]


def test_sorted_by_change_with_the_unknown_last(runs, cli):
    down = names(runs("--columns", "run_id", "--order-by", "change DESC"))
    up = names(runs("--columns", "run_id", "--order-by", "change"))
    assert down[0] == SAMPLE["diverged"][:12]
    assert down.index(SAMPLE["worse"][:12]) < down.index(SAMPLE["noise"][:12]) < down.index(SAMPLE["better"][:12])
    assert up[0] == SAMPLE["better"][:12]
    assert set(down[-2:]) == set(up[-2:])


def test_the_stores_own_order_stays_below_it(runs):
    found = names(runs("--columns", "run_id", "--order-by", "verdict DESC", "--order-by", "metrics.val_loss DESC"))
    # Both are regressions, and NaN is MLflow's greatest.
    assert found[:2] in (
        [SAMPLE["diverged"][:12], SAMPLE["worse"][:12]],
        [SAMPLE["worse"][:12], SAMPLE["archived"][:12]],
    )
    assert found[-1] == SAMPLE["better"][:12]


def test_the_order_of_verdicts_cannot_stand_below_the_stores(runs):
    result = runs("--order-by", "status ASC", "--order-by", "verdict")
    assert (result.code, result.out) == (2, "")
    assert "--order-by verdict must stand before --order-by 'status ASC'" in result.err


def test_json_and_csv(runs, cli):
    objects = {o["run_id"]: o for o in json.loads(runs("--format", "json").out)}
    worse = objects[SAMPLE["worse"]]["verdict"]
    assert (worse["verdict"], worse["metric"], worse["n_baseline"]) == ("REGRESSION", "val_loss", 2)
    assert worse["baseline_run_id"] == SAMPLE["production"]
    assert objects[SAMPLE["diverged"]]["verdict"]["worse"] is None
    narrow = json.loads(runs("--format", "json", "--columns", "run_id,verdict").out)[0]
    assert set(narrow) == {"run_id", "verdict"}
    rows = {row["run_id"]: row for row in csv.DictReader(io.StringIO(runs("--format", "csv").out))}
    assert rows[SAMPLE["worse"]]["verdict"] == "REGRESSION"
    assert float(rows[SAMPLE["worse"]]["change"]) == pytest.approx(0.26, abs=1e-3)
    assert "verdict" not in json.loads(cli("runs", "--format", "json").out)[0]


def test_an_export_judges_page_by_page_unless_verdicts_sort_it(cli, monkeypatch):
    """So that no more than a page of runs is kept; both come to the same rows."""
    asked = []

    def search(request):
        asked.append("search")
        return search_runs(cli.store, request)

    def answer(request):
        asked.append("judge")
        return tuple(JudgedRun(run_id, Outcome.PASS) for run_id in request.run_ids)

    monkeypatch.setattr("mlaudit.cli.runs.LARGEST_PAGE", 5)
    cli.answers |= {JudgeRuns: answer, SearchRuns: search}
    paged = cli("runs", "--verdict", "--max", "10", "--format", "csv")
    # A page is judged while the next one is read.
    assert asked.count("search") == 3
    assert asked[0] == "search"
    assert asked.index("judge") <= 2
    rows = list(csv.reader(io.StringIO(paged.out)))
    assert rows[0][:6] == ["run_id", "run_name", "verdict", "verdict_reason", "change", "change_metric"]
    assert [row[2] for row in rows[1:]] == ["PASS"] * 10
    assert cli("runs", "--verdict", "--max", "10", "--format", "csv", "--order-by", "verdict").out == paged.out


def test_parquet_has_the_verdicts_of_the_csv(runs, cli, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet")
    rows = {row["run_id"]: row for row in csv.DictReader(io.StringIO(runs("--format", "csv").out))}
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
    arguments = ["runs", "-e", "fraud-detector", "--verdict", "--format", "parquet"]
    assert main(arguments, lambda settings: Services(settings, open_gateway=lambda: cli.store)) == 0
    table = pq.read_table(io.BytesIO(raw.getvalue()))
    assert table.column_names == list(next(iter(rows.values())))
    found = {row["run_id"]: row for row in table.to_pylist()}
    assert {k: v["verdict"] or "" for k, v in found.items()} == {k: v["verdict"] for k, v in rows.items()}
    assert found[SAMPLE["worse"]]["change"] == pytest.approx(0.26, abs=1e-3)


def test_runs_that_cannot_be_judged_are_listed_and_said(runs, cli):
    cli.store.add_version("second", SAMPLE["noise"], stage=Stage.PRODUCTION)
    result = runs("--columns", "run_id,verdict")
    assert f"{SAMPLE['better'][:12]}  —" in result.out
    assert "runs not judged: " in result.err
    assert "runs not judged: " not in runs("--model", MODEL).err


@pytest.mark.parametrize(
    "arguments", [["--order-by", "verdict"], ["--columns", "run_id,change"], ["--model", MODEL]], ids=lambda a: a[0]
)
def test_without_the_switch_it_is_a_usage_error(cli, arguments):
    result = cli("runs", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "--verdict" in result.err


def test_long_lists_are_asked_for_in_chunks(cli, monkeypatch):
    asked = []

    def answer(request):
        asked.append(len(request.run_ids))
        return tuple(JudgedRun(run_id, Outcome.PASS) for run_id in request.run_ids)

    monkeypatch.setattr("mlaudit.services.triage.CHUNK", 4)
    cli.answers[JudgeRuns] = answer
    assert cli("runs", "--verdict", "--max", "10").code == 0
    assert asked == [4, 4, 2]


def test_the_policys_digest_is_said(runs, tmp_path):
    policy = tmp_path / "mlaudit.toml"
    policy.write_text(f"schema = 1\n[model.{MODEL}]\n")
    result = runs("--policy", str(policy), "--format", "json")
    digest = hashlib.sha256(policy.read_bytes()).hexdigest()
    assert f"sha256 {digest}" in result.err
    assert {o["verdict"]["policy_sha256"] for o in json.loads(result.out)} == {digest}
