"""demo/ci/run.sh on a real server: it promotes what passes, and leaves Production alone otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlaudit.config.bundled import demo_dir
from mlaudit.gateway import environment

MODEL = "ci-model"
SMALL = ("--epochs", "1", "--hidden-size", "8")
POLICY = f"""
schema = 1
[model.{MODEL}]
[[model.{MODEL}.metric]]
name = "val_loss"
direction = "lower"
max_rel_regression = 0.05
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory, mlflow_server):
    """job(options, **environment) -> (the finished process, the reports' directory): the script as a CI job runs it."""
    root = tmp_path_factory.mktemp("job")
    program = root / "mlaudit"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mlaudit "$@"\n')
    program.chmod(0o755)
    policy = root / "policy.toml"
    policy.write_text(POLICY)
    project = Path(__file__).parents[2]

    def run(*options, **changed):
        # Outside of any clone and of any policy file.
        reports = root / "reports"
        variables = environment.child_environment() | {
            "MLFLOW_TRACKING_URI": mlflow_server,
            "MODEL": MODEL,
            "SEEDS": "1",
            "POLICY": str(policy),
            "REPORTS": str(reports),
            "MLAUDIT": str(program),
            "PYTHONPATH": f"{project}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
            "GITHUB_STEP_SUMMARY": str(root / "summary.md"),
        }
        done = subprocess.run(
            [str(demo_dir() / "ci" / "run.sh"), *options],
            cwd=root, env=variables | changed, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        return done, reports

    return run


@pytest.fixture(scope="module")
def production(mlflow_server):
    """production() -> the versions in Production, by MLflow's own client; there is one, of val_loss 0.4."""
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server, mlflow_server)
    run = client.create_run(client.create_experiment(MODEL), run_name="in production")
    client.log_metric(run.info.run_id, "val_loss", 0.4)
    client.set_terminated(run.info.run_id)
    client.create_registered_model(MODEL)
    client.create_model_version(MODEL, f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.transition_model_version_stage(MODEL, "1", "Production")

    def versions():
        found = client.search_model_versions(f"name='{MODEL}'")
        return {str(v.version): v.run_id for v in found if v.current_stage == "Production"}

    return versions


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_story(job, production):
    """A worse model leaves Production as it is, with exit code 1; a better one is promoted. Both are really trained."""
    before = production()
    worse, reports = job(*SMALL, "--learning-rate", "0.00001")
    assert worse.returncode == 1, worse.stderr
    report = json.loads((reports / "verdict.json").read_text())
    assert (report["verdict"], report["baseline"]["run_id"]) == ("REGRESSION", next(iter(before.values())))
    assert "<failure" in (reports / "verdict.xml").read_text()
    assert worse.stdout.count("VERDICT: REGRESSION (exit code 1)") == 1
    assert "not promoted: the comparison ended with 1" in worse.stderr
    assert production() == before

    promoted, _ = job(*SMALL)
    assert promoted.returncode == 0, promoted.stderr
    report = json.loads((reports / "verdict.json").read_text())
    assert report["verdict"] == "PASS"
    assert production() == {report["candidate"]["version"]: report["candidate"]["run_id"]}
    assert json.loads((reports / "candidate.json").read_text())["run_id"] == report["candidate"]["run_id"]
    summary = (reports.parent / "summary.md").read_text()
    assert summary.count("<!-- mlaudit.gate/1 -->") == 2


FAKE = """#!/bin/sh
echo "$*" >>"$CALLS"
case " $* " in
  *" train "*" --seed 1"*) echo first; exit "${TRAIN_CODE:-0}" ;;
  *" train "*) echo other ;;
  *" diff "*) exit "$DIFF_CODE" ;;
esac
"""


@pytest.fixture
def calls(tmp_path):
    """calls(diff's exit code, environment) -> (the script's exit code, what it called mlaudit with)."""

    def run(code, **changed):
        program, log = tmp_path / "fake mlaudit", tmp_path / "calls"
        program.write_text(FAKE)
        program.chmod(0o755)
        log.write_text("")
        variables = os.environ | {"MLAUDIT": str(program), "CALLS": str(log), "DIFF_CODE": str(code)} | changed
        variables.pop("GITHUB_STEP_SUMMARY", None)
        script = [str(demo_dir() / "ci" / "run.sh"), "--epochs", "2"]
        done = subprocess.run(script, cwd=tmp_path, env=variables, capture_output=True, timeout=60, check=False)
        return done.returncode, log.read_text().splitlines()

    return run


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_whatever_does_not_pass_ends_the_job_with_its_code_and_promotes_nothing(calls, code):
    ended, called = calls(code)
    assert ended == code
    assert not any(" promote " in call for call in called)


def test_every_seed_is_trained_and_only_the_first_is_registered_and_promoted(calls):
    ended, called = calls(0, SEEDS="1 2 3")
    trainings = [call for call in called if call.startswith("train ")]
    assert ended == 0
    assert [call.split("--seed ")[1] for call in trainings] == ["1", "2 --no-register", "3 --no-register"]
    assert all("--epochs 2" in call for call in trainings)
    assert " promote first " in called[-1]


def test_a_pull_request_promotes_nothing(calls):
    ended, called = calls(0, PROMOTE="no")
    assert ended == 0
    assert " diff first " in called[-1]


def test_a_training_that_fails_ends_the_job(calls):
    ended, called = calls(0, TRAIN_CODE="5")
    assert (ended, len(called)) == (5, 1)
