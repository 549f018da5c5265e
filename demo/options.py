"""The options of the training script. Nothing heavy is imported here, so that ``--help`` answers at once.

train.toml declares the same options for mlaudit's form; a test holds the two together.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

RANGES: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-6, 1000.0),
    "batch_size": (1, 24_000),
    "epochs": (1, 1000),
    "hidden_size": (1, 4096),
    "dropout": (0.0, 0.95),
    "weight_decay": (0.0, 10.0),
    "seed": (0, 2**32 - 1),
}
"""Smallest and largest value of each number."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of the training script's options."""
    # No abbreviations: an option that is misspelled in CI must not be taken for another one.
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train a fraud detector on synthetic transactions and record the run in MLflow.",
        epilog="Exit codes: 0 trained; 1 --gate: it regresses against Production; 2 usage, or a package is missing;"
        " 4 --gate: it cannot be compared; 5 the training or the store failed; 130, 143 stopped by a signal.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--learning-rate", type=float, default=0.004, help="step size (%(default)s)")
    add("--batch-size", type=int, default=256, help="transactions a step (%(default)s)")
    add("--epochs", type=int, default=12, help="passes over the training data (%(default)s)")
    add("--hidden-size", type=int, default=64, help="neurons in each of the two hidden layers (%(default)s)")
    add("--dropout", type=float, default=0.1, help="share of neurons switched off in each step (%(default)s)")
    add("--weight-decay", type=float, default=0.0001, help="pull of the weights towards zero (%(default)s)")
    add("--optimizer", choices=("adamw", "sgd"), default="adamw", help="rule that updates the weights (%(default)s)")
    add("--schedule", choices=("cosine", "constant"), default="cosine", help="the learning rate's course (%(default)s)")
    add("--seed", type=int, default=1, help="of initial weights and batch order; the data do not depend on it")
    add("--dataset-version", choices=("v1", "v2"), default="v1", help="which synthetic transactions (%(default)s)")
    add("--experiment", default="fraud-detector", help="MLflow experiment, created if need be (%(default)s)")
    add("--model-name", default="fraud-detector", help="registered model that gets a new version (%(default)s)")
    add("--tracking-uri", default="", help="MLflow store (MLFLOW_TRACKING_URI, else MLflow's default)")
    add("--run-name", default="", help="name of the run (MLflow makes one up)")
    add("--no-register", action="store_true", help="log the model without registering a version of it")
    add("--stop-on-nan", action="store_true", help="fail as soon as the loss is not a finite number")
    add("--gate", action="store_true", help="exit with 1 when val_loss is over 5 %% above that of the Production model")
    return parser


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; ends the program with 2 when they make no sense."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    for name, (low, high) in RANGES.items():
        if not low <= getattr(options, name) <= high:
            parser.error(f"argument --{name.replace('_', '-')}: must be between {low:g} and {high:g}")
    for name in ("experiment", "model_name"):
        if not getattr(options, name).strip():
            parser.error(f"argument --{name.replace('_', '-')}: must not be empty")
    return options
