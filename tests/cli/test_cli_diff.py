"""diff writes the report and ends with the verdict's code. The comparison is handed in."""

from __future__ import annotations

import json
import shutil

import pytest
from sample_store import MODEL, SAMPLE

from mlaudit.domain.diff import diff_runs
from mlaudit.domain.errors import MultipleBaselines, StoreError
from mlaudit.domain.gate import GatePolicy, Outcome, Verdict
from mlaudit.services.compare import CompareRun, Comparison, Side


@pytest.fixture
def diff(cli):
    """diff(outcome, code, *arguments) -> (result, the requests)."""

    def call(outcome, code, *arguments):
        requests = []

        def compare(request):
            requests.append(request)
            candidate, baseline = cli.store.get_run(SAMPLE["better"]), cli.store.get_run(SAMPLE["production"])
            return Comparison(
                cli.store.describe(), MODEL, MODEL, "--model", Side(candidate), Side(baseline), "stage:Production",
                diff_runs(candidate, baseline), Verdict(outcome, code, "some_reason"), GatePolicy(),
            )  # fmt: skip

        cli.answers[CompareRun] = compare
        return cli("diff", SAMPLE["better"], *arguments), requests

    return call


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.PASS, 0), (Outcome.REGRESSION, 1), (Outcome.INCONCLUSIVE, 3), (Outcome.NO_BASELINE, 4)],
)
def test_the_exit_code_is_the_verdicts_in_both_formats(diff, outcome, code):
    text, _ = diff(outcome, code)
    assert (text.code, text.err) == (code, "")
    assert outcome in text.out
    as_json, _ = diff(outcome, code, "--format", "json")
    assert as_json.code == code
    assert json.loads(as_json.out)["verdict"] == outcome


def test_options_reach_the_request(diff):
    _, requests = diff(Outcome.PASS, 0, "--model", "m", "--against", "version:2")
    assert requests == [CompareRun(SAMPLE["better"], "m", "version:2")]


def test_the_report_is_written_whatever_the_code(diff, tmp_path):
    target = tmp_path / "report.json"
    result, _ = diff(Outcome.REGRESSION, 1, "--format", "json", "-o", str(target))
    assert (result.code, result.out) == (1, "")
    assert json.loads(target.read_text())["verdict"] == "REGRESSION"
    assert str(target) in result.err


def test_a_file_that_cannot_be_written_is_exit_code_2(diff, tmp_path):
    result, _ = diff(Outcome.PASS, 0, "-o", str(tmp_path / "missing" / "report"))
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("fails", [False, True])
def test_one_report_that_cannot_be_written_leaves_no_old_one_in_another(diff, cli, tmp_path, fails):
    other = tmp_path / "report.json"
    other.write_text("PASS, of the run before")
    options = ("-o", str(tmp_path / "missing" / "report"), "-o", str(other))
    result = cli("diff", "nosuchrun", *options) if fails else diff(Outcome.REGRESSION, 1, *options)[0]
    assert (result.code, result.out) == (2, "")
    assert "missing" in result.err
    assert json.loads(other.read_text())["verdict"] == ("ERROR" if fails else "REGRESSION")


@pytest.mark.parametrize("command", ["diff", "calibrate"])
def test_a_database_is_not_overwritten(cli, diff, sqlite_template, tmp_path, command):
    store = tmp_path / "mlflow.db"
    shutil.copy(sqlite_template, store)
    before = store.read_bytes()
    result = (
        diff(Outcome.PASS, 0, "-o", str(store))[0] if command == "diff" else cli("calibrate", MODEL, "-o", str(store))
    )
    assert (result.code, result.out) == (2, "")
    assert f"{store} is a database; it is not overwritten" in result.err
    assert store.read_bytes() == before


def test_two_production_versions_are_exit_code_2(cli):
    def compare(_request):
        raise MultipleBaselines(MODEL, "Production", ("2", "4"))

    cli.answers[CompareRun] = compare
    result = cli("diff", SAMPLE["better"])
    assert result.code == 2
    assert "2, 4" in result.err


def test_several_reports_at_once(diff, tmp_path):
    files = [tmp_path / name for name in ("a.json", "b.xml", "c.md")]
    options = [word for file in files for word in ("-o", str(file))]
    result, _ = diff(Outcome.REGRESSION, 1, *options)
    assert (result.code, result.out) == (1, "")
    assert json.loads(files[0].read_text())["verdict"] == "REGRESSION"
    assert "<testsuites" in files[1].read_text()
    assert "REGRESSION" in files[2].read_text()
    both, _ = diff(Outcome.PASS, 0, "-f", "junit", "-o", str(files[1]), "-f", "text")
    assert both.out.startswith("PASS")


def test_exit_zero_is_for_verdicts_only(diff, cli):
    result, _ = diff(Outcome.REGRESSION, 1, "--exit-zero", "-f", "json")
    assert result.code == 0
    assert json.loads(result.out)["exit_code"] == 1
    assert "--exit-zero" in result.err
    assert diff(Outcome.ERROR, 2, "--exit-zero")[0].code == 2
    cli.answers.clear()
    assert cli("diff", "nosuchrun", "--exit-zero").code == 2


def test_a_second_run_is_the_baseline(diff):
    _, requests = diff(Outcome.PASS, 0, SAMPLE["worse"])
    assert requests == [CompareRun(SAMPLE["better"], None, f"run:{SAMPLE['worse']}")]
    result, requests = diff(Outcome.PASS, 0, SAMPLE["worse"], "--against", "previous")
    assert (result.code, requests) == (2, [])
    _, requests = diff(Outcome.PASS, 0, "--against", "previous")
    assert requests[0].against == "previous"


def test_any_two_runs_and_the_previous_version_for_real(cli):
    two = cli("diff", SAMPLE["worse"], SAMPLE["better"])
    assert two.code == 1
    assert f"run:{SAMPLE['better']}" in two.out
    assert cli("diff", SAMPLE["staging"], "--against", "previous").code == 0


def test_the_summary_of_a_job_is_appended(diff, tmp_path, monkeypatch):
    target = tmp_path / "summary.md"
    target.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    result, _ = diff(Outcome.REGRESSION, 1, "--summary")
    assert result.code == 1
    assert result.out.startswith("REGRESSION")
    assert target.read_text().startswith("before\n<!-- mlaudit.gate/1 -->\n")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    result, requests = diff(Outcome.PASS, 0, "--summary")
    assert (result.code, result.out, requests) == (2, "", [])
    assert "GITHUB_STEP_SUMMARY" in result.err


@pytest.mark.parametrize("code", [2, 5])
def test_where_there_is_no_judgement_the_files_say_so(cli, tmp_path, monkeypatch, code):
    if code == 5:
        cli.store.fail = lambda method: StoreError("memory://", "is down")
    files = [tmp_path / name for name in ("a.json", "b.xml", "c.md", "d.txt")]
    files[0].write_text('{"verdict": "PASS"}')
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    options = [word for file in files for word in ("-o", str(file))]
    result = cli("diff", "nosuchrun", *options, "--summary")
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    report = json.loads(files[0].read_text())
    assert (report["verdict"], report["exit_code"]) == ("ERROR", code)
    assert report["error"] in result.err
    assert all("ERROR" in file.read_text() for file in (*files, tmp_path / "summary.md"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["other", "--against", "run:c"], 2, "name the baseline once"),
        (["--summary"], 2, "GITHUB_STEP_SUMMARY"),
        ([], 5, "internal error (this is a bug): KeyError"),
    ],
)
def test_no_error_leaves_the_report_of_the_run_before(cli, tmp_path, monkeypatch, arguments, code, said):
    def broken(_request):
        raise KeyError("hunter2")

    cli.answers[CompareRun] = broken
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    target = tmp_path / "v.json"
    target.write_text('{"verdict": "PASS"}')
    assert cli("diff", SAMPLE["better"], *arguments, "-o", str(target)).code == code
    report = json.loads(target.read_text())
    assert (report["verdict"], report["exit_code"]) == ("ERROR", code)
    assert said in report["error"]
    assert "hunter2" not in target.read_text()
