"""What a really trained run leaves in a store, and how ``--gate`` judges it."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlaudit.config.bundled import demo_dir

pytestmark = pytest.mark.real

DRIVER = Path(__file__).parent / "several_trainings.py"
RUNAWAY = ["--schedule=constant", "--learning-rate=0.3", "--weight-decay=10", "--epochs=1"]
"""Every step multiplies the weights by 1 - 0.3 * 10 = -2: 94 steps are too many for a 32-bit number."""
PLAN: dict[str, dict[str, Any]] = {
    "first": {"train": ["--epochs=3", "--run-name=first", "--gate"]},
    "promote": {"stage": ["1", "Production"]},
    "better": {"train": ["--epochs=6", "--hidden-size=96", "--gate", "--no-register"]},
    "worse": {"train": ["--epochs=1", "--learning-rate=0.0001", "--gate"]},
    "diverged": {"train": [*RUNAWAY, "--gate"]},
    "other data": {"train": ["--epochs=1", "--dataset-version=v2", "--gate", "--no-register"]},
    "change": {"touch": "train.py"},
    "failed": {"train": [*RUNAWAY, "--stop-on-nan"]},
    "second production": {"stage": ["2", "Production"]},
    "two productions": {"train": ["--epochs=1", "--hidden-size=4", "--gate", "--no-register"]},
}


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "GIT_"))}
    return {**kept, "MLFLOW_DISABLE_TELEMETRY": "true", **more}


def run(command: list[str], directory: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=directory, env=environment(**more), capture_output=True, text=True, timeout=240, check=False
    )


def copy_scripts(target: Path) -> Path:
    return Path(shutil.copytree(demo_dir(), target, ignore=shutil.ignore_patterns("__pycache__")))


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout.strip()


@dataclass
class Recorded:
    """The store after PLAN."""

    answers: dict[str, Any]
    client: Any
    commit: str
    artifacts: Path

    def run(self, step: str) -> Any:
        first = self.answers[step]["out"].splitlines()[0]
        assert first.startswith("run_id: ")
        return self.client.get_run(first.removeprefix("run_id: "))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Train all of PLAN from a clean git repository into a new SQLite store."""
    root = tmp_path_factory.mktemp("training")
    scripts = copy_scripts(root / "repository" / "demo")
    git(root, "init", "-q", str(root / "repository"))
    git(scripts, "add", ".")
    git(scripts, "commit", "-q", "-m", "Training script")
    work = root / "work"
    work.mkdir()
    steps = [{"touch": str(scripts / step["touch"])} if "touch" in step else step for step in PLAN.values()]
    (root / "plan.json").write_text(json.dumps(steps))
    uri = f"sqlite:///{root}/mlflow.db"
    command = [sys.executable, "-B", str(DRIVER), str(scripts), str(root / "plan.json"), str(root / "result.json")]
    done = run(command, work, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = dict(zip(PLAN, json.loads((root / "result.json").read_text()), strict=True))
    warnings.simplefilter("ignore")
    from mlflow import MlflowClient

    return Recorded(answers, MlflowClient(uri, uri), git(scripts, "rev-parse", "HEAD"), work)


class TestRecord:
    """One run shows the whole MLflow habit."""

    def test_output(self, recorded: Recorded) -> None:
        """stdout: the run id first, then a line an epoch; the store's URI is named on stderr."""
        answer = recorded.answers["first"]
        lines = answer["out"].splitlines()
        assert [line.split()[1] for line in lines if line.startswith("epoch ")] == ["1/3", "2/3", "3/3"]
        assert "tracking: sqlite:///" in answer["err"]
        assert "MLFLOW_TRACKING_URI" in answer["err"]
        assert "Warning" not in answer["err"]

    def test_metrics_by_step(self, recorded: Recorded) -> None:
        """Six validation metrics and the training loss, at steps 1, 2, 3; the model learns."""
        run = recorded.run("first")
        for key in ("train_loss", "val_loss", "val_accuracy", "val_precision", "val_recall", "val_f1", "val_roc_auc"):
            history = recorded.client.get_metric_history(run.info.run_id, key)
            assert [point.step for point in history] == [1, 2, 3]
            assert all(math.isfinite(point.value) for point in history)
        losses = [point.value for point in recorded.client.get_metric_history(run.info.run_id, "val_loss")]
        assert losses[-1] < losses[0]
        assert run.data.metrics["val_roc_auc"] > 0.9

    def test_autologged_metrics(self, recorded: Recorded) -> None:
        """batch_loss comes from mlflow.pytorch.autolog() alone: every 25th of 282 steps, none twice."""
        history = recorded.client.get_metric_history(recorded.run("first").info.run_id, "batch_loss")
        assert sorted(point.step for point in history) == list(range(25, 283, 25))

    def test_autologged_params(self, recorded: Recorded) -> None:
        """The hyperparameters come from autologging, the rest from log_params."""
        params = recorded.run("first").data.params
        assert params["learning_rate"] == "0.004"
        assert params["epochs"] == "3"
        assert params["seed"] == "1"
        assert params["dataset_version"] == "v1"
        source = (demo_dir() / "train.py").read_text()
        assert source.count("log_params(") == 1
        assert '"learning_rate"' not in source.partition("log_params(")[2].partition(")")[0]

    def test_tags(self, recorded: Recorded) -> None:
        """Model type, dataset version, the launcher's context, the run's name."""
        run = recorded.run("first")
        assert run.data.tags["model_type"] == "mlp"
        assert run.data.tags["dataset_version"] == "v1"
        assert run.data.tags["mlaudit.launch_id"] == "launch-7"
        assert run.info.run_name == "first"
        assert run.data.tags["mlflow.source.name"].endswith("train.py")

    def test_git(self, recorded: Recorded) -> None:
        """The commit, and whether the tree was dirty: false at first, true once a tracked file had changed."""
        first, later = recorded.run("first").data.tags, recorded.run("failed").data.tags
        assert first["mlflow.source.git.commit"] == later["mlflow.source.git.commit"] == recorded.commit
        assert (first["mlaudit.git.dirty"], later["mlaudit.git.dirty"]) == ("false", "true")

    def test_datasets(self, recorded: Recorded) -> None:
        """Training and validation data are inputs with digests that depend on the dataset version alone."""

        def digests(step: str) -> dict[str, str]:
            inputs = recorded.run(step).inputs.dataset_inputs
            contexts = [{tag.key: tag.value for tag in data.tags}["mlflow.data.context"] for data in inputs]
            assert all("schema" in data.dataset.to_dictionary() for data in inputs)
            return {context: data.dataset.digest for context, data in zip(contexts, inputs, strict=True)}

        first = digests("first")
        assert set(first) == {"training", "validation"}
        assert first["training"] != first["validation"]
        assert digests("better") == first
        assert digests("other data")["validation"] != first["validation"]

    def test_confusion_matrix(self, recorded: Recorded) -> None:
        """As JSON whose counts fit the metrics, and as a PNG."""
        run = recorded.run("first")
        directory = Path(run.info.artifact_uri)
        directory = directory if directory.is_absolute() else recorded.artifacts / directory
        document = json.loads((directory / "confusion_matrix.json").read_text())
        (_, false_alarms), (missed, caught) = document["matrix"]
        assert document["labels"] == ["legitimate", "fraud"]
        assert run.data.metrics["val_recall"] == pytest.approx(caught / (caught + missed))
        assert run.data.metrics["val_precision"] == pytest.approx(caught / (caught + false_alarms))
        assert (directory / "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")

    def test_model(self, recorded: Recorded) -> None:
        """Logged with signature, input example and exact requirements, and registered; --no-register only logs it."""
        run = recorded.run("first")
        (version,) = recorded.client.search_model_versions(f"run_id='{run.info.run_id}'")
        assert (version.name, str(version.version)) == ("fraud-detector", "1")
        (model,) = run.outputs.model_outputs
        files = {file.path for file in recorded.client.list_logged_model_artifacts(model.model_id)}
        assert {"MLmodel", "requirements.txt", "input_example.json"} <= files
        from mlflow.models import Model

        directory = Path(recorded.client.get_logged_model(model.model_id).artifact_location)
        signature = Model.load(str(directory / "MLmodel")).signature
        assert signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": (-1, 12)}
        assert "torch==" in (directory / "requirements.txt").read_text()
        unregistered = recorded.run("better")
        assert len(unregistered.outputs.model_outputs) == 1
        assert not recorded.client.search_model_versions(f"run_id='{unregistered.info.run_id}'")

    def test_diverged(self, recorded: Recorded) -> None:
        """NaN is logged as NaN, the run is FINISHED, and weights that are no numbers are not logged as a model."""
        run = recorded.run("diverged")
        assert run.info.status == "FINISHED"
        assert math.isnan(run.data.metrics["val_loss"])
        assert math.isnan(run.data.metrics["val_f1"])
        assert not run.outputs.model_outputs
        assert "diverged" in recorded.answers["diverged"]["err"]

    def test_failed(self, recorded: Recorded) -> None:
        """An exception ends the run as FAILED, says why in a tag, and the script with 5."""
        run = recorded.run("failed")
        assert (run.info.status, recorded.answers["failed"]["code"]) == ("FAILED", 5)
        assert run.data.tags["failure"].startswith("FloatingPointError: val_loss is nan")

    def test_nothing_is_running(self, recorded: Recorded) -> None:
        """No run of the store was left RUNNING."""
        runs = recorded.client.search_runs([recorded.run("first").info.experiment_id])
        assert {run.info.status for run in runs} == {"FINISHED", "FAILED"}


class TestGate:
    """The source rule: rejected when new_val_loss > prod_val_loss * 1.05."""

    @pytest.mark.parametrize(
        ("step", "code", "word"),
        [
            ("first", 0, "PASS"),
            ("better", 0, "PASS"),
            ("worse", 1, "REGRESSION"),
            ("diverged", 1, "REGRESSION"),
            ("other data", 4, "NOT_COMPARABLE"),
            ("two productions", 4, "NOT_COMPARABLE"),
        ],
    )
    def test_verdict(self, recorded: Recorded, step: str, code: int, word: str) -> None:
        """Exit code, tag and words agree."""
        answer = recorded.answers[step]
        assert answer["code"] == code, answer["err"]
        assert recorded.run(step).data.tags["gate"] == word
        assert f"gate: {word}: " in answer["err"]

    def test_reasons(self, recorded: Recorded) -> None:
        """No Production is said; a rejection names both losses."""
        assert "no version in Production" in recorded.answers["first"]["err"]
        limit = recorded.run("first").data.metrics["val_loss"] * 1.05
        assert f"{limit:.6g}" in recorded.answers["worse"]["err"]

    def test_without_gate(self, recorded: Recorded) -> None:
        """A run that was not gated carries no verdict."""
        assert "gate" not in recorded.run("failed").data.tags


def test_stopped_runs_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGINT and SIGTERM end the run as KILLED (SQLite, a file store); outside git no dirty flag is claimed."""
    scripts = copy_scripts(tmp_path / "demo")
    uris = {signal.SIGINT: f"sqlite:///{tmp_path}/mlflow.db", signal.SIGTERM: f"file://{tmp_path}/mlruns"}
    processes = {}
    for number, uri in uris.items():
        directory = tmp_path / number.name
        directory.mkdir()
        command = [sys.executable, "-B", str(scripts / "train.py"), "--epochs=1000", f"--tracking-uri={uri}"]
        processes[number] = subprocess.Popen(
            command, cwd=directory, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    run_ids = {}
    try:
        for number, process in processes.items():
            assert process.stdout is not None
            run_ids[number] = process.stdout.readline().strip().removeprefix("run_id: ")
            assert process.stdout.readline().startswith("epoch 1/1000")
            process.send_signal(number)
        for number, process in processes.items():
            _, errors = process.communicate(timeout=30)
            assert process.returncode == 128 + number, errors
            assert f"stopped by {number.name}" in errors
            assert "Traceback" not in errors
    finally:
        for process in processes.values():
            process.kill()
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient

    for number, run_id in run_ids.items():
        run = MlflowClient(uris[number], uris[number]).get_run(run_id)
        assert run.info.status == "KILLED"
        assert run.info.end_time is not None
        assert "mlaudit.git.dirty" not in run.data.tags


def test_store_that_fails(tmp_path: Path) -> None:
    """A store that cannot be opened: one line, no traceback, exit code 5."""
    (tmp_path / "mlflow.db").write_text("no database at all, but long enough to be read as one" * 20)
    command = [sys.executable, "-B", str(demo_dir() / "train.py"), f"--tracking-uri=sqlite:///{tmp_path}/mlflow.db"]
    done = run(command, tmp_path)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("train.py: error: ")
    assert done.stdout == ""
