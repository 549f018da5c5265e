"""Pictures of a run's screen; ``pytest --snapshot-update`` after a look at what changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.domain.models import Dataset
from mlaudit.gateway.memory import MemoryGateway
from tests.plugins.screen_tools import app_on, see

Compare = Callable[..., bool]
SMALL, LARGE = (80, 24), (120, 40)
MLMODEL = """\
flavors:
  python_function: {loader_module: mlflow.pytorch, python_version: 3.11.9}
  pytorch: {pytorch_version: 2.4.0, model_data: data}
mlflow_version: 3.1.0
model_size_bytes: 27648
saved_input_example_info: {artifact_path: input_example.json, type: ndarray}
signature:
  inputs: '[{"type": "double", "name": "amount"}, {"type": "long", "name": "hour", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 1]}}]'
"""


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def a_run() -> tuple[MemoryGateway, str]:
    """A run that has something on each of its panes."""
    store = MemoryGateway()
    metrics = {
        "val_loss": [0.41, 0.28, 0.22, 0.24],
        "val_roc_auc": [0.81, 0.90, 0.93, 0.925],
        "epoch_seconds": [3.1, 2.9, 3.0, 3.0],
        "diverged": [1.0, float("nan")],
        "system/cpu_utilization_percentage": [20.0, 97.5],
    }
    tags = {
        "mlflow.source.git.commit": "0123456789abcdef0123456789abcdef01234567",
        "mlflow.source.git.branch": "main",
        "mlflow.source.git.dirty": "true",
        "mlflow.source.name": "train.py",
        "host": "gpu-7",
        "mlflow.note.content": "## Why\n\nA **small** model for the edge:\n\n- 16 units\n- see [the ticket](http://x/1)",
    }
    files = {
        "model/MLmodel": MLMODEL.encode(),
        "model/requirements.txt": b"mlflow==3.1.0\n",
        "model/conda.yaml": b"name: x\n",
        "model/input_example.json": b"[[12.50, 3], [7, 23]]",
        "train.log": b"epoch 1\n",
    }
    run_id = store.add_run(
        store.add_experiment("fraud"),
        name="edge",
        metrics=metrics,
        tags=tags,
        artifacts=files,
        datasets=(Dataset("transactions", "9f8c1a2b", "training", "code"),),
        model=False,
    )
    store.add_version("fraud-detector", run_id, stage="Production", aliases=("champion",))
    return store, run_id


def picture(compare: Compare, size: tuple[int, int], keys: tuple[str, ...], *texts: str) -> bool:
    """Whether the screen after these keys, when these texts are there, is as it was."""
    store, run_id = a_run()
    app = app_on(store)

    async def before(pilot: Pilot[Any]) -> None:
        await see(pilot, "fraud")
        app.show_run(run_id)
        await see(pilot, "edge", "FINISHED")
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await see(pilot, *texts)
        await pilot.pause()

    return compare(app, terminal_size=size, run_before=before)


def test_overview(snap_compare: Compare) -> None:
    assert picture(snap_compare, LARGE, (), "Environment files", "model/requirements.txt", "• 16 units")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_metrics(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, size, ("2", "j", "j"), "↓ 0.22", "↑ 0.93", "1 bad")


def test_artifacts_side_by_side(snap_compare: Compare) -> None:
    assert picture(snap_compare, LARGE, ("5", "enter", "j", "enter"), "Flavors", "12.50", "conda.yaml 8 B")


def test_an_artifact_in_place_of_the_tree(snap_compare: Compare) -> None:
    assert picture(snap_compare, SMALL, ("5", "enter", "j", "enter"), "Flavors", "tensor float32 (-1, 1)")
