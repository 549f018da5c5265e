"""The same small content in every kind of store, for the contract suite."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlaudit.domain.models import Dataset
from mlaudit.gateway.base import Gateway
from mlaudit.gateway.memory import MemoryGateway

EXPERIMENT = "contract [b]é[/b]"
MODEL = "fraud model"
T0 = 1_700_000_000_000
HOSTILE_NAME = "\x1b[2J evil \x07"
ODD_METRIC = "val loss/2"
ODD_PARAM = "a b.c"
DATASET = Dataset("transactions", "d1g3st", "training", "local", "file:///x", '{"a": 1}', '{"rows": 3}')


@dataclass
class Store:
    """A gateway and what was put into its store."""

    kind: str
    gateway: Gateway
    experiment: str
    crowd: str
    """An experiment of 17 bare runs, so that two ids begin alike."""
    runs: dict[str, str]
    """Nickname -> run id."""


RUNS: dict[str, dict[str, Any]] = {
    "first": {
        "name": "first",
        "start": T0,
        "params": {"lr": "0.1", ODD_PARAM: "x'y"},
        "metrics": {"loss": [0.9, 0.5, 0.3], "auc": [0.80], ODD_METRIC: [1.0]},
        "tags": {"team": "risk", "note": "100% _sure_"},
        "status": "FINISHED",
    },
    "second": {
        "name": "Second_Run",
        "start": T0 + 1000,
        "params": {"lr": "0.01", "opt": "adam"},
        "metrics": {"loss": [0.8, 0.2], "auc": [0.95]},
        "tags": {"team": "fraud"},
        "status": "FAILED",
    },
    "diverged": {
        "name": "diverged",
        "start": T0 + 2000,
        "params": {"lr": "10"},
        "metrics": {"loss": [1.0, math.nan], "auc": [0.5]},
        "tags": {},
        "status": "FINISHED",
    },
    "hostile": {
        "name": HOSTILE_NAME,
        "start": T0 + 3000,
        "params": {"lr": "\x1b]0;owned\x07"},
        "metrics": {},
        "tags": {"multi": "one\ntwo", "rtl": "a\u202eb"},
        "status": "RUNNING",
    },
    "deleted": {
        "name": "deleted",
        "start": T0 + 4000,
        "params": {},
        "metrics": {"loss": [0.1]},
        "tags": {},
        "status": "FINISHED",
    },
}
REPORT = b"0123456789" * 10


def _points(values: list[float]) -> list[tuple[int, int, float]]:
    return [(step, T0 + step * 10, value) for step, value in enumerate(values)]


def fill_memory() -> Store:
    """The content in a MemoryGateway."""
    store = MemoryGateway()
    experiment, crowd = store.add_experiment(EXPERIMENT), store.add_experiment("crowd")
    for _ in range(17):
        store.add_run(crowd, model=False)
    gone = store.add_experiment("gone", lifecycle_stage="deleted")
    assert gone
    runs: dict[str, str] = {}
    for nickname, run in RUNS.items():
        runs[nickname] = store.add_run(
            experiment,
            name=run["name"],
            params=run["params"],
            metrics={k: _points(v) for k, v in run["metrics"].items()},
            tags=run["tags"],
            datasets=(DATASET,) if nickname == "first" else (),
            status=run["status"],
            start_time=run["start"],
            model=nickname in {"first", "second"},
            artifacts={"report.txt": REPORT, "plots/roc.json": b"{}"} if nickname == "first" else None,
            lifecycle_stage="deleted" if nickname == "deleted" else "active",
        )
    store.add_version(MODEL, runs["first"], stage="Production", aliases=("champion",), tags={"why": "good"})
    store.add_version(MODEL, runs["second"])
    return Store("memory", store, experiment, crowd, runs)


def seed(client: Any, artifact_root: Path | None) -> tuple[str, str, dict[str, str]]:
    """The content in a real store, through MLflow's client: (experiment, crowded experiment, run ids)."""
    from mlflow.entities import Metric, Param, RunTag

    def place(name: str) -> str | None:
        return (artifact_root / name).as_uri() if artifact_root else None

    experiment = client.create_experiment(EXPERIMENT, artifact_location=place("main"))
    crowd = client.create_experiment("crowd", artifact_location=place("crowd"))
    for _ in range(17):
        client.create_run(crowd)
    client.delete_experiment(client.create_experiment("gone", artifact_location=place("gone")))
    runs: dict[str, str] = {}
    for nickname, run in RUNS.items():
        tags = run["tags"] | {"mlflow.user": "ada"}
        run_id = client.create_run(experiment, start_time=run["start"], tags=tags, run_name=run["name"]).info.run_id
        metrics = [Metric(k, v, ts, step) for k, vs in run["metrics"].items() for step, ts, v in _points(vs)]
        client.log_batch(run_id, metrics, [Param(k, v) for k, v in run["params"].items()], [RunTag("seeded", "yes")])
        if run["status"] != "RUNNING":
            client.set_terminated(run_id, run["status"], run["start"] + 300_000)
        runs[nickname] = run_id
    _add_inputs_and_files(client, runs["first"])
    for nickname in ("first", "second"):
        _add_model(client, experiment, runs[nickname])
    client.delete_run(runs["deleted"])
    _register(client, runs)
    return experiment, crowd, runs


def _add_inputs_and_files(client: Any, run_id: str) -> None:
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.entities import DatasetInput, InputTag

    data = MlflowDataset(
        DATASET.name, DATASET.digest, DATASET.source_type, DATASET.source, DATASET.schema, DATASET.profile
    )
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", DATASET.context)])])
    client.log_text(run_id, REPORT.decode(), "report.txt")
    client.log_text(run_id, "{}", "plots/roc.json")


def _add_model(client: Any, experiment: str, run_id: str) -> str:
    from mlflow.entities import LoggedModelOutput

    model = client.create_logged_model(experiment, name="model", source_run_id=run_id)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "MLmodel").write_text("flavors: {}\n")
        client.log_model_artifacts(model.model_id, folder)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
    return str(model.model_id)


def _register(client: Any, runs: dict[str, str]) -> None:
    client.create_registered_model(MODEL)
    for nickname in ("first", "second"):
        model_id = client.get_run(runs[nickname]).outputs.model_outputs[0].model_id
        client.create_model_version(MODEL, f"models:/{model_id}", runs[nickname], model_id=model_id)
    client.transition_model_version_stage(MODEL, "1", "Production")
    client.set_registered_model_alias(MODEL, "champion", "1")
    client.set_model_version_tag(MODEL, "1", "why", "good")
