"""What a run records in MLflow beside its metrics: data, source, confusion matrix, model. Imports MLflow."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import mlflow
import mlflow.pytorch
import numpy as np
import torch
from matplotlib.figure import Figure
from mlflow.data.numpy_dataset import from_numpy
from mlflow.models import infer_signature
from torch import nn
from transactions import Transactions

CLASSES = ("legitimate", "fraud")
COMMIT_TAG, DIRTY_TAG = "mlflow.source.git.commit", "mlaudit.git.dirty"


def record_data(rows: Transactions, version: str, context: str) -> None:
    """Log the rows as an input of the active run: a name, a digest and a schema; the rows themselves stay here."""
    dataset = from_numpy(rows.features, targets=rows.labels, name=f"transactions-{version}", digest=rows.digest)
    mlflow.log_input(dataset, context=context, tags={"synthetic": "true"})


def record_source(script: Path) -> None:
    """Tag the active run with whether the working tree differs from the commit that MLflow noted; nothing outside git.

    Untracked files are not counted: a store, a notebook or a log beside the script does not change what it does.
    """
    run = mlflow.active_run()
    if run is None or COMMIT_TAG not in run.data.tags:
        return
    command = ["git", "-C", str(script.parent), "status", "--porcelain", "--untracked-files=no"]
    # Looking must not write: without this, git refreshes its index file under the feet of the user's own git.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        status = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20, env=environment)
    except (OSError, subprocess.SubprocessError):
        return
    mlflow.set_tag(DIRTY_TAG, "true" if status.stdout.strip() else "false")


def record_confusion(matrix: Any, threshold: float) -> None:
    """Log a 2x2 confusion matrix (rows: actual, columns: predicted) as confusion_matrix.json and .png."""
    counts = [[int(cell) for cell in row] for row in matrix]
    mlflow.log_dict(
        {"labels": list(CLASSES), "rows": "actual", "columns": "predicted", "threshold": threshold, "matrix": counts},
        "confusion_matrix.json",
    )
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.subplots()
    # Fraud is rare: by share of the actual class, or every cell but one would be white.
    shares = np.asarray(counts) / np.maximum(np.sum(counts, axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(2):
        for column in range(2):
            colour = "white" if shares[row, column] > 0.5 else "black"
            text = f"{counts[row][column]}\n{shares[row, column]:.1%}"
            axes.text(column, row, text, ha="center", va="center", color=colour)
    axes.set_xticks([0, 1], CLASSES)
    axes.set_yticks([0, 1], CLASSES, rotation=90, va="center")
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    axes.set_title("Validation, synthetic transactions")
    mlflow.log_figure(figure, "confusion_matrix.png")


def record_model(model: nn.Module, example: np.ndarray[Any, Any], registered_name: str | None) -> str:
    """Log the model with its signature and an input example, as a new version of ``registered_name`` if there is one.

    Returns that version, or an empty string.
    """
    model.eval()
    with torch.no_grad():
        output = model(torch.from_numpy(example)).numpy()
    logged = mlflow.pytorch.log_model(
        model,
        name="model",
        signature=infer_signature(example, output),
        input_example=example,
        registered_model_name=registered_name,
        # Spelled out: to infer them, MLflow would load the model in another process and take its time.
        pip_requirements=[f"{name}=={_version(name)}" for name in ("mlflow", "torch", "numpy")],
    )
    return str(logged.registered_model_version or "")


def _version(package: str) -> str:
    """The installed version, without a local part such as +cpu, which no package index has."""
    from importlib.metadata import version

    return version(package).partition("+")[0]
