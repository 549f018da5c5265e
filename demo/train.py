"""Train a fraud detector on synthetic transactions and record the run in MLflow.

The transactions are synthetic: invented by transactions.py, learnable in part, and about nobody. The program shows the
whole MLflow habit of a training script: autologging, params, metrics by step, tags, datasets with digests, a confusion
matrix, and the model with its signature, registered under its name.

Exit codes: 0 trained; 1 --gate: it regresses against Production; 2 usage, or a package is missing; 4 --gate: it cannot
be compared; 5 the training or the store failed; 130, 143 stopped by a signal.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import math
import os
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from options import parse
from stopping import Stopped, StopSignals

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.utils.tensorboard import SummaryWriter
    from transactions import Transactions

PACKAGES = ("torch", "mlflow", "tensorboard", "sklearn", "matplotlib")
HYPERPARAMETERS = (
    "learning_rate", "batch_size", "epochs", "hidden_size", "dropout", "weight_decay", "optimizer", "schedule", "seed",
)  # fmt: skip
THRESHOLD = 0.5
"""Probability from which a transaction is called fraud."""
BATCH_LOG_INTERVAL = 25
"""Optimizer steps between two autologged points."""
ALLOWED_REGRESSION = 1.05
PASSED, REGRESSED, USAGE, NOT_COMPARABLE, FAILED = 0, 1, 2, 4, 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the arguments (default: the program's own) say; returns the exit code."""
    options = parse(arguments)
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        print(f"train.py: error: {', '.join(missing)} missing: pip install 'mlaudit[train]'", file=sys.stderr)
        return USAGE
    with StopSignals() as stop:
        try:
            connect(options)
            stop.check()
            return record_run(options, stop)
        except Stopped as stopped:
            print(f"train.py: stopped by {stopped.name}", file=sys.stderr)
            return stopped.exit_code
        except Exception as problem:  # noqa: BLE001  a store that cannot be reached: a line says more than a traceback
            first_line = without_password(str(problem)).strip().partition("\n")[0]
            print(f"train.py: error: {type(problem).__name__}: {first_line}", file=sys.stderr)
            return FAILED


def connect(options: argparse.Namespace) -> None:
    """Import MLflow quietly, choose the store and the experiment, and say which store it is."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # Stages are deprecated in MLflow and yet what the registry is asked about here.
    warnings.simplefilter("ignore")
    import mlflow

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    origin = "MLFLOW_TRACKING_URI" if os.environ.get("MLFLOW_TRACKING_URI") else "MLflow's default"
    if options.tracking_uri:
        mlflow.set_tracking_uri(options.tracking_uri)
        origin = "--tracking-uri"
    print(f"tracking: {without_password(mlflow.get_tracking_uri())} ({origin})", file=sys.stderr, flush=True)
    mlflow.set_experiment(options.experiment)


def without_password(text: str) -> str:
    """The text with the user information of URIs replaced."""
    return re.sub(r"://[^/\s]*@", "://***@", text)


def record_run(options: argparse.Namespace, stop: StopSignals) -> int:
    """One MLflow run from start to end, whatever comes: FINISHED, FAILED, or KILLED when it was stopped."""
    import mlflow

    run = mlflow.start_run(run_name=options.run_name or None)
    status = "FAILED"
    try:
        print(f"run_id: {run.info.run_id}", flush=True)
        code = train(options, stop)
        status = "FINISHED"
    except Stopped:
        status = "KILLED"
        raise
    except Exception as problem:  # noqa: BLE001  whatever it is, the run says so
        traceback.print_exc()
        mlflow.set_tag("failure", f"{type(problem).__name__}: {problem}"[:500])
        return FAILED
    finally:
        mlflow.end_run(status)
        print(f"run {run.info.run_id} ended as {status}", file=sys.stderr, flush=True)
    return code


def train(options: argparse.Namespace, stop: StopSignals) -> int:
    """Train and record in the active run; returns the exit code. Raises Stopped; FloatingPointError (--stop-on-nan)."""
    import mlflow
    import torch
    from mlflow.utils.autologging_utils.metrics_queue import flush_metrics_queue
    from recording import record_data, record_model, record_source
    from torch.utils.tensorboard import SummaryWriter
    from transactions import FEATURES, generate

    stop.check()
    # One thread is the quickest for so small a model, and makes a run repeatable on any number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    training, validation = generate(options.dataset_version)
    model = build_model(len(FEATURES), options.hidden_size, options.dropout)

    mlflow.set_tags({"model_type": "mlp", "dataset_version": options.dataset_version, "data": "synthetic"})
    record_source(Path(__file__).resolve())
    mlflow.log_params({"dataset_version": options.dataset_version, "layers": 2, "threshold": THRESHOLD})
    record_data(training, options.dataset_version, "training")
    record_data(validation, options.dataset_version, "validation")

    # On a plain PyTorch loop autologging sees what goes through TensorBoard's writer, and nothing else: the
    # hyperparameters by add_hparams, and by add_scalar every n-th point, if it is told n.
    mlflow.pytorch.autolog(log_every_n_step=BATCH_LOG_INTERVAL, log_models=False)
    with tempfile.TemporaryDirectory(prefix="mlaudit-train-") as events, SummaryWriter(events) as writer:
        writer.add_hparams({name: getattr(options, name) for name in HYPERPARAMETERS}, {})
        val_loss = fit(model, training, validation, options, writer, stop)
        # The writer hands a point to MLflow when the next one comes. This sends the last.
        flush_metrics_queue()  # type: ignore[no-untyped-call]
    stop.check()

    if not all(bool(torch.isfinite(weights).all()) for weights in model.parameters()):
        print("the training diverged: its model is not logged, for its weights are not numbers", file=sys.stderr)
    else:
        name = None if options.no_register else options.model_name
        version = record_model(model, validation.features[:8], name)
        print(f"model: {name} version {version}" if version else "model: logged, not registered", flush=True)
    return gate(options, val_loss) if options.gate else PASSED


def build_model(features: int, hidden: int, dropout: float) -> nn.Module:
    """A small multi-layer perceptron that gives one logit a row: the log-odds of fraud."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, 1),
    )  # fmt: skip


def fit(
    model: nn.Module,
    training: Transactions,
    validation: Transactions,
    options: argparse.Namespace,
    writer: SummaryWriter,
    stop: StopSignals,
) -> float:
    """Train the model in place, logging metrics after every epoch; returns the last epoch's validation loss."""
    import mlflow
    import torch

    features, labels = torch.from_numpy(training.features), torch.from_numpy(training.labels)
    step_count = options.epochs * math.ceil(len(labels) / options.batch_size)
    optimizer = make_optimizer(model, options)
    # The learning rate's share of --learning-rate after so many steps.
    shares = {"constant": lambda _: 1.0, "cosine": lambda step: (1 + math.cos(math.pi * step / step_count)) / 2}
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, shares[options.schedule])
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    step, metrics = 0, {"val_loss": math.nan}
    for epoch in range(1, options.epochs + 1):
        model.train()
        total = 0.0
        for rows in batches(len(labels), options.batch_size):
            stop.check()
            optimizer.zero_grad()
            loss = loss_of(model(features[rows]).squeeze(1), labels[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            scheduler.step()
            step += 1
            total += loss.item() * len(rows)
            writer.add_scalar("batch_loss", loss.item(), step)
        metrics, confusion = evaluate(model, validation)
        metrics["train_loss"] = total / len(labels)
        mlflow.log_metrics(metrics, step=epoch)
        shown = ("train_loss", "val_loss", "val_f1", "val_roc_auc")
        print(f"epoch {epoch}/{options.epochs}", *(f"{name} {metrics[name]:.4g}" for name in shown), flush=True)
        if options.stop_on_nan and not math.isfinite(metrics["val_loss"]):
            raise FloatingPointError(f"val_loss is {metrics['val_loss']} after epoch {epoch}")
    stop.check()
    if confusion is not None:
        from recording import record_confusion

        record_confusion(confusion, THRESHOLD)
    return metrics["val_loss"]


def make_optimizer(model: nn.Module, options: argparse.Namespace) -> torch.optim.Optimizer:
    """The optimizer that was asked for."""
    import torch

    kind = torch.optim.AdamW if options.optimizer == "adamw" else torch.optim.SGD
    return kind(model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)


def batches(rows: int, size: int) -> Iterator[torch.Tensor]:
    """Row numbers in a new random order, ``size`` at a time; the last batch may be smaller."""
    import torch

    yield from torch.split(torch.randperm(rows), size)


def evaluate(model: nn.Module, rows: Transactions) -> tuple[dict[str, float], Any]:
    """The validation metrics and the confusion matrix; all NaN and None when the model gives no numbers."""
    import torch
    from sklearn import metrics as score

    names = ("val_loss", "val_accuracy", "val_precision", "val_recall", "val_f1", "val_roc_auc")
    model.eval()
    with torch.no_grad():
        logits = model(torch.from_numpy(rows.features)).squeeze(1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(rows.labels)).item()
    if not bool(torch.isfinite(logits).all()):
        return {**dict.fromkeys(names, math.nan), "val_loss": loss}, None
    actual, scores = rows.labels, torch.sigmoid(logits).numpy()
    predicted = (scores >= THRESHOLD).astype(actual.dtype)
    precision, recall, f1, _ = score.precision_recall_fscore_support(
        actual, predicted, average="binary", zero_division=0.0
    )
    accuracy, area = score.accuracy_score(actual, predicted), score.roc_auc_score(actual, scores)
    values = (loss, accuracy, precision, recall, f1, area)
    return {name: float(value) for name, value in zip(names, values, strict=True)}, score.confusion_matrix(
        actual, predicted, labels=[0, 1]
    )


def gate(options: argparse.Namespace, new_val_loss: float) -> int:
    """The rule that mlaudit started from, as a script can have it: one metric, 5 %, no notion of noise.

    Returns the exit code, says why on stderr, and notes the answer in the run's tag ``gate``.
    """
    import mlflow

    code, why = judge(options, new_val_loss)
    word = {PASSED: "PASS", REGRESSED: "REGRESSION", NOT_COMPARABLE: "NOT_COMPARABLE"}[code]
    mlflow.set_tag("gate", word)
    print(f"gate: {word}: {why}", file=sys.stderr, flush=True)
    return code


def judge(options: argparse.Namespace, new_val_loss: float) -> tuple[int, str]:
    """The exit code of the gate, and the reason in words."""
    from mlflow import MlflowClient

    client, model = MlflowClient(), options.model_name
    quote = '"' if "'" in model else "'"
    found = client.search_model_versions(f"name={quote}{model}{quote}")
    versions = [version for version in found if version.current_stage == "Production"]
    if len(versions) > 1:
        return NOT_COMPARABLE, f"{model} has {len(versions)} versions in Production"
    if not math.isfinite(new_val_loss):
        return REGRESSED, f"val_loss is {new_val_loss}"
    if not versions:
        return PASSED, f"{model} has no version in Production to compare with"
    production = client.get_run(str(versions[0].run_id))
    prod_val_loss = production.data.metrics.get("val_loss", math.nan)
    if production.data.tags.get("dataset_version") != options.dataset_version:
        return NOT_COMPARABLE, f"{model} version {versions[0].version} was judged on other transactions"
    if not math.isfinite(prod_val_loss):
        return NOT_COMPARABLE, f"{model} version {versions[0].version} has no usable val_loss"
    limit = prod_val_loss * ALLOWED_REGRESSION
    if new_val_loss > limit:
        return REGRESSED, f"val_loss {new_val_loss:.6g} > {limit:.6g}, which is Production's {prod_val_loss:.6g} + 5 %"
    return PASSED, f"val_loss {new_val_loss:.6g} <= {limit:.6g}, which is Production's {prod_val_loss:.6g} + 5 %"


if __name__ == "__main__":
    sys.exit(main())
