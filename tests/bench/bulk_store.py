"""Stores of any size: rows put straight into a database of MLflow's own schema."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

T0 = 1_700_000_000_000
LATEST = 4_000_000_000_000
"""Later than the default experiment: the one that is filled is listed first."""
METRICS = ("train_loss", "val_loss", "val_accuracy", "val_f1", "val_roc_auc")
PARAMS = ("learning_rate", "batch_size", "epochs", "optimizer", "seed")
TAGS = ("mlflow.user", "mlflow.runName", "mlflow.source.name", "mlflow.source.type", "mlflow.source.git.commit", "team")
LONG_METRIC = "long"
SPIKE = 1e6
"""The value of its one point that stands out."""

MODEL = "bench-model"

Rows = Iterator[tuple[Any, ...]]
Table = tuple[str, tuple[str, ...], Rows]
"""Name, columns, rows."""


def run_id(number: int) -> str:
    """The id of a run; not in the order of their numbers."""
    return f"{random.Random(number).getrandbits(128):032x}"


def tables(runs: int, metrics: Sequence[str] = METRICS) -> Iterable[Table]:
    """(table, columns, rows) of a store with so many runs: 5 latest metrics, 5 params and 6 tags each."""
    ids = [run_id(n) for n in range(runs)]
    columns = "run_uuid name source_type user_id status start_time end_time lifecycle_stage artifact_uri experiment_id"
    yield (
        "experiments",
        ("experiment_id", "name", "artifact_location", "lifecycle_stage", "last_update_time"),
        iter([(1, "bench", "/nowhere", "active", LATEST)]),
    )
    yield (
        "runs",
        tuple(columns.split()),
        (
            (
                i,
                f"run-{n}",
                "LOCAL",
                "ada",
                "FINISHED",
                T0 + n * 1000,
                T0 + n * 1000 + 5000,
                "active",
                f"/nowhere/{i}",
                1,
            )
            for n, i in enumerate(ids)
        ),
    )
    value = random.Random(1)
    yield (
        "latest_metrics",
        ("run_uuid", "key", "value", "timestamp", "step", "is_nan"),
        ((i, key, value.random(), T0, 10, False) for i in ids for key in metrics),
    )
    yield (
        "params",
        ("run_uuid", "key", "value"),
        ((i, key, str(value.randrange(8))) for i in ids for key in PARAMS),
    )
    yield (
        "tags",
        ("run_uuid", "key", "value"),
        (
            (i, key, f"run-{n}" if key == "mlflow.runName" else f"{key}-{n % 10}")
            for n, i in enumerate(ids)
            for key in TAGS
        ),
    )


def registry() -> Iterable[Table]:
    """A model whose version 1 is the first run's and in production, and version 2 the second one's."""
    yield (
        "registered_models",
        ("name", "creation_time", "last_updated_time"),
        iter([(MODEL, T0, T0)]),
    )
    columns = "name version creation_time last_updated_time current_stage source run_id status"
    yield (
        "model_versions",
        tuple(columns.split()),
        (
            (MODEL, n + 1, T0 + n, T0 + n, stage, f"/nowhere/{run_id(n)}/model", run_id(n), "READY")
            for n, stage in enumerate(("Production", "None"))
        ),
    )


def long_history(points: int) -> Iterable[Table]:
    """A metric of the first run with so many points, and one spike; the history, and its latest value."""
    value = random.Random(2)
    columns = ("run_uuid", "key", "value", "timestamp", "step", "is_nan")
    last = points - 1
    rows = (
        (run_id(0), LONG_METRIC, SPIKE if n == points // 3 else value.random() / (1 + n / points), T0 + n, n, False)
        for n in range(points)
    )
    yield "metrics", columns, rows
    yield "latest_metrics", columns, iter([(run_id(0), LONG_METRIC, 0.5, T0 + last, last, False)])


def fill_sqlite(path: Path, content: Iterable[Table]) -> None:
    """Put rows into a database that has MLflow's schema."""
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;")
    with connection:
        for table, columns, rows in content:
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
    connection.close()


def fill_postgresql(uri: str, content: Iterable[Table]) -> None:
    """Put rows into a database that has MLflow's schema."""
    import psycopg

    with psycopg.connect(uri.replace("+psycopg", "")) as connection, connection.cursor() as cursor:
        for table, columns, rows in content:
            with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:  # type: ignore[arg-type]
                for row in rows:
                    copy.write_row(row)
        cursor.execute("ANALYZE")
