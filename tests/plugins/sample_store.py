"""A small store that has one of everything: what the tests of all rooms look at.

``build_sample_gateway()`` gives a fresh one, ``SAMPLE`` the run ids in it by nickname. Load as a pytest plugin for the
fixtures ``sample_gateway`` and ``sample_services``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from mlaudit.config.settings import Settings
from mlaudit.domain.models import Dataset, RunStatus, Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.wiring import Services

EXPERIMENT = "fraud-detector"
SECOND_EXPERIMENT = "churn [b]bold[/b]"
EMPTY_EXPERIMENT = "empty"
MODEL = "fraud-detector"
SECOND_MODEL = "churn"
HOSTILE_NAME = "\x1b[2J evil \x1b]52;c;eA==\x07"
MARKUP_NAME = "[/x]"
ODD_METRIC = "val loss/é 100%"
HOSTILE_KEY = "lr\x1b[31m"

SAMPLE: dict[str, str] = {}
"""Nickname -> run id: production, staging, archived, better, worse, noise, diverged, failed, running, markup, hostile,
odd, nomodel, deleted, churn. The same in every sample store."""


def _curves(final: float, epochs: int = 20) -> dict[str, list[float]]:
    """Metrics by step whose last val_roc_auc is ``final`` and whose losses fit it."""
    share = [1 - math.exp(-4 * (i + 1) / epochs) for i in range(epochs)]
    scale = 1 - math.exp(-4)
    auc = [0.5 + (final - 0.5) * s / scale for s in share]
    return {
        "train_loss": [round(0.75 - 0.6 * a, 6) for a in auc],
        "val_loss": [round(0.80 - 0.6 * a, 6) for a in auc],
        "val_accuracy": [round(0.9 + 0.1 * (a - 0.5), 6) for a in auc],
        "val_f1": [round(a - 0.15, 6) for a in auc],
        "val_roc_auc": [round(a, 6) for a in auc],
    }


def _params(**changed: object) -> dict[str, object]:
    return {"learning_rate": 0.001, "batch_size": 256, "epochs": 20, "hidden_size": 64, "dropout": 0.1, "seed": 0} | (
        changed
    )


_DATA = Dataset("transactions", "9f8c1a2b", "training", "code", '{"generator": "synthetic"}', '{"rows": 20000}', "{}")
_VALIDATION = Dataset("transactions-val", "77aa01cc", "validation", "code")
_ARTIFACTS: Mapping[str, bytes] = {
    "confusion_matrix.json": b'{"tn": 9700, "fp": 41, "fn": 60, "tp": 199}',
    "plots/confusion_matrix.png": b"\x89PNG\r\n\x1a\n",
    "notes.txt": b"synthetic data\n",
}


def build_sample_gateway() -> MemoryGateway:
    """A fresh store: the same ids, times and values each time."""
    store = MemoryGateway()
    fraud = store.add_experiment(EXPERIMENT, tags={"team": "risk"})
    churn = store.add_experiment(SECOND_EXPERIMENT)
    store.add_experiment(EMPTY_EXPERIMENT)
    tags = {"model_type": "mlp", "dataset_version": "v1", "mlflow.source.git.commit": "0123456789abcdef0123"}

    def fraud_run(nickname: str, name: str, final: float, **params: object) -> str:
        run_id = store.add_run(
            fraud,
            name=name,
            params=_params(**params),
            metrics=_curves(final),
            tags=tags | {"recipe": nickname},
            datasets=(_DATA, _VALIDATION),
            artifacts=_ARTIFACTS,
        )
        SAMPLE[nickname] = run_id
        return run_id

    archived = fraud_run("archived", "mlp-first", 0.86, hidden_size=16)
    production = fraud_run("production", "mlp-base", 0.91)
    staging = fraud_run("staging", "mlp-dropout", 0.912, dropout=0.3)
    fraud_run("better", "mlp-wide", 0.95, hidden_size=128, learning_rate=0.002)
    fraud_run("worse", "mlp-tiny", 0.80, hidden_size=4)
    fraud_run("noise", "mlp-seed-7", 0.9101, seed=7)
    _add_unusual_runs(store, fraud, tags)
    SAMPLE["churn"] = store.add_run(
        churn,
        name="logreg",
        params={"C": "1.0"},
        metrics={"accuracy": 0.81, "auc": 0.88},
        tags={"model_type": "linear"},
    )
    store.add_version(MODEL, archived, stage=Stage.ARCHIVED)
    store.add_version(MODEL, production, stage=Stage.PRODUCTION, aliases=("champion",), description="since January")
    store.add_version(MODEL, staging, stage=Stage.STAGING, aliases=("challenger",))
    store.add_version(SECOND_MODEL, SAMPLE["churn"], stage=Stage.NONE)
    return store


def _add_unusual_runs(store: MemoryGateway, fraud: str, tags: Mapping[str, str]) -> None:
    """Diverged, failed, running, hostile, odd, without a model, deleted."""
    broken = {k: [*v[:5], math.nan, math.nan] for k, v in _curves(0.7).items()}
    broken["train_loss"][5] = math.inf
    SAMPLE["diverged"] = store.add_run(
        fraud, name="mlp-hot", params=_params(learning_rate=5.0), metrics=broken, tags=tags
    )
    SAMPLE["failed"] = store.add_run(
        fraud, name="mlp-crashed", params=_params(), status=RunStatus.FAILED, tags=tags, model=False
    )
    half = {k: v[:8] for k, v in _curves(0.9).items()}
    SAMPLE["running"] = store.add_run(
        fraud, name="mlp-live", params=_params(), metrics=half, status=RunStatus.RUNNING, tags=tags, model=False
    )
    SAMPLE["markup"] = store.add_run(
        fraud,
        name=MARKUP_NAME,
        params=_params(note="[@click=app.quit]x[/]"),
        metrics=_curves(0.9),
        tags={"[red]tag": "[/]"},
    )
    SAMPLE["hostile"] = store.add_run(
        fraud,
        name=HOSTILE_NAME,
        params=_params(**{HOSTILE_KEY: "\x1b]0;owned\x07", "rtl": "abc\u202edcba"}),
        metrics=_curves(0.88) | {HOSTILE_KEY: [1.0, 2.0]},
        tags={"note\x9b31m": "line one\nline two"},
        artifacts={"\x1b[7mreport.txt": b"\x1b[2Jhello\n"},
    )
    SAMPLE["odd"] = store.add_run(
        fraud,
        name="odd keys",
        params={"a b": "1", "x.y/z": "2", "long": "0123456789" * 600, "empty": ""},
        metrics={ODD_METRIC: [0.5, 0.25], "huge": 1.7976931348623157e308, "tiny": -1e-300, "steps": [(7, 1, 1.0)]},
    )
    SAMPLE["nomodel"] = store.add_run(fraud, name="no model", params=_params(), metrics=_curves(0.89), model=False)
    SAMPLE["deleted"] = store.add_run(fraud, name="deleted", metrics=_curves(0.5), lifecycle_stage="deleted")


build_sample_gateway()  # fills SAMPLE, so that tests may use it in parameters


@pytest.fixture
def sample_gateway() -> MemoryGateway:
    """A fresh sample store."""
    return build_sample_gateway()


@pytest.fixture
def sample_services(sample_gateway: MemoryGateway) -> Services:
    """The services on ``sample_gateway``."""
    return Services(Settings(), open_gateway=lambda: sample_gateway)
