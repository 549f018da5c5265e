"""A script that knows nothing of mlaudit and just uses MLflow: declared, launched, and its run found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.test_cli_process import run

pytestmark = pytest.mark.real

SCRIPT = """
import argparse
import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--how", default="plain")
parser.add_argument("--amp", action=argparse.BooleanOptionalAction)
options = parser.parse_args()
if options.how == "client":
    mlflow.MlflowClient().create_run("0")
else:
    if options.how == "own":
        mlflow.set_experiment("its own")
    with mlflow.start_run(run_name="first"):
        mlflow.log_params(vars(options))
        for step in range(3):
            mlflow.log_metric("val_loss", 1 / (step + 1), step=step)
        with mlflow.start_run(run_name="child", nested=True):
            pass
    if options.how == "own":
        with mlflow.start_run(run_name="second"):
            pass
"""
DECLARATION = """\
schema = 1

[train.plain]
command = ["python", "plain.py"]
directory = "code"
experiment = "declared"

[[train.plain.parameter]]
name = "data"
default = "d.csv"
pass = "{}"

[[train.plain.parameter]]
name = "learning-rate"
type = "float"
default = 0.1
param = "lr"
pass = "--lr {}"

[[train.plain.parameter]]
name = "how"
type = "choice"
choices = ["plain", "own", "client"]
default = "plain"

[[train.plain.parameter]]
name = "amp"
type = "bool"
pass_off = "--no-amp"
"""


@pytest.fixture
def project(tmp_path: Path, sqlite_template: Path) -> Path:
    shutil.copy(sqlite_template, tmp_path / "mlflow.db")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "plain.py").write_text(SCRIPT)
    (tmp_path / "mlaudit.toml").write_text(DECLARATION)
    return tmp_path


@pytest.mark.parametrize(("how", "experiment", "more"), [("plain", "declared", 0), ("own", "its own", 1)])
def test_its_run_is_found_whatever_experiment_it_chooses(project: Path, how: str, experiment: str, more: int) -> None:
    store = f"sqlite:///{project / 'mlflow.db'}"
    said = run("train", "--tracking-uri", store, "--", "--how", how, "--learning-rate=-0.5", cwd=project)
    assert said.returncode == 0, said.stderr
    assert f"python plain.py d.csv --lr -0.5 --how={how} --no-amp" in said.stderr
    assert ("has recorded 1 more" in said.stderr) == bool(more)
    shown = run("show", said.stdout.strip(), "--tracking-uri", store, cwd=project)
    assert "first" in shown.stdout
    assert experiment in shown.stdout
    assert "FINISHED" in shown.stdout


def test_a_run_that_cannot_be_told_is_not_guessed(project: Path) -> None:
    said = run("train", "--tracking-uri", f"sqlite:///{project / 'mlflow.db'}", "--how", "client", cwd=project)
    assert (said.returncode, said.stdout) == (0, "")
    assert "recorded no run with mlflow.start_run(), and printed none as run_id: ID" in said.stderr
