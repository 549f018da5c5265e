"""Runs out of rows: a page's runs with their params, latest metrics, tags, datasets and models, one query a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.models import Dataset, Run
from mlaudit.domain.text import MAX_LENGTH, clean, clean_keys
from mlaudit.gateway.convert import DATASET_CONTEXT_TAG, RUN_NAME_TAG
from mlaudit.gateway.sql_database import Reading

_IDS: Any = sa.bindparam("ids", expanding=True)
"""Given beside the query, they are not looked at one by one."""
_NO_KEYS: dict[str, str] = {}
_REMEMBERED = 1000
_plain_keys: set[tuple[str, ...]] = set()
"""Some sets of keys that are printable: most runs have the same ones."""
_RUN_COLUMNS = (
    *("run_uuid", "experiment_id", "name", "status", "lifecycle_stage", "user_id", "start_time", "end_time"),
    "artifact_uri",
)


def load_runs(
    reading: Reading, run_ids: Sequence[str], where: Callable[[], Any] = sa.true, named: str = "all"
) -> dict[str, Run]:
    """The runs with these ids by id; those that do not exist or do not fulfil ``where`` are left out.

    ``named`` is the same for the same condition.
    """

    def query() -> Any:
        columns = reading.tables.columns("runs", *_RUN_COLUMNS)
        return sa.select(*columns).where(reading.tables["runs"].c.run_uuid.in_(_IDS), where())

    rows = reading.rows_of(f"runs, {named}", query, run_ids)
    ids = [str(row[0]) for row in rows]
    params, tags = _texts(reading, "params", ids), _texts(reading, "tags", ids)
    metrics = _metrics(reading, ids)
    datasets, models = _datasets(reading, ids), _models(reading, ids)
    return {
        run_id: _run(
            row,
            params[run_id],
            metrics[run_id],
            tags[run_id],
            tuple(datasets[run_id].values()) if run_id in datasets else (),
            tuple(models[run_id]) if run_id in models else (),
        )
        for run_id, row in zip(ids, rows, strict=True)
    }


def _texts(reading: Reading, name: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Params or tags by run; raw."""
    found: dict[str, dict[str, Any]] = {run_id: {} for run_id in ids}

    def query() -> Any:
        table = reading.tables[name]
        return sa.select(table.c.run_uuid, table.c.key, table.c.value).where(table.c.run_uuid.in_(_IDS))

    for run_id, key, value in reading.rows_of(name, query, ids):
        found[run_id][key] = value
    return found


def _metrics(reading: Reading, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """Latest values by run; keys raw."""
    found: dict[str, dict[str, float]] = {run_id: {} for run_id in ids}

    def query() -> Any:
        latest = reading.tables.latest_metrics(run_ids=_IDS)
        return sa.select(latest.c.run_uuid, latest.c.key, latest.c.value, latest.c.is_nan)

    for run_id, key, value, nan in reading.rows_of("latest metrics", query, ids):
        found[run_id][key] = math.nan if nan else number(value)
    return found


def number(value: Any) -> float:
    """A stored metric value; what is no number counts as NaN, which is never judged."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _datasets(reading: Reading, ids: Sequence[str]) -> dict[str, dict[str, Dataset]]:
    """Datasets by run, then by the dataset's id."""
    tables = reading.tables
    found: dict[str, dict[str, Dataset]] = {}
    if not (tables.has("datasets") and tables.has("inputs")):
        return found

    def query() -> Any:
        datasets, inputs = tables["datasets"], tables["inputs"]
        context: Any = sa.null()
        if tables.has("input_tags"):
            tags = tables["input_tags"]
            context = (
                sa.select(tags.c.value)
                .where(tags.c.input_uuid == inputs.c.input_uuid, tags.c.name == DATASET_CONTEXT_TAG)
                .scalar_subquery()
            )
        wanted = tables.columns(
            "datasets", "name", "digest", "dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile"
        )
        return (
            sa.select(inputs.c.destination_id, datasets.c.dataset_uuid, context.label("context"), *wanted)
            .join_from(inputs, datasets, inputs.c.source_id == datasets.c.dataset_uuid)
            .where(inputs.c.destination_type == "RUN", inputs.c.destination_id.in_(_IDS))
        )

    for run_id, dataset_id, use, name, digest, *rest in reading.rows_of("datasets", query, ids):
        data = Dataset(*map(clean, (name, digest, use, *rest)))
        found.setdefault(run_id, {}).setdefault(dataset_id, data)
    return found


def _models(reading: Reading, ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of MLflow 3's models that each run put out, by step."""
    found: dict[str, list[str]] = {}
    if not reading.tables.has("inputs", "step"):
        return found

    def query() -> Any:
        inputs = reading.tables["inputs"]
        return (
            sa.select(inputs.c.source_id, inputs.c.destination_id)
            .where(
                inputs.c.source_type == "RUN_OUTPUT",
                inputs.c.source_id.in_(_IDS),
                inputs.c.destination_type == "MODEL_OUTPUT",
            )
            .order_by(inputs.c.step)
        )

    for run_id, model_id in reading.rows_of("models of runs", query, ids):
        found.setdefault(run_id, []).append(clean(model_id))
    return found


def _run(
    row: Any,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    tags: Mapping[str, Any],
    datasets: tuple[Dataset, ...],
    models: tuple[str, ...],
) -> Run:
    run_id, experiment_id, name, status, stage, user, started, ended, artifact_uri = row
    clean_params, clean_metrics, clean_tags, changed = _printable(params, metrics, tags)
    texts: tuple[Any, ...] = (
        *(name or tags.get(RUN_NAME_TAG), status, stage or "active"),
        *(user or tags.get("mlflow.user"), artifact_uri, run_id, str(experiment_id)),
    )
    plain = texts if _is_plain(texts) else tuple(map(clean, texts))
    name, status, stage, user, artifact_uri, run_id, experiment_id = plain
    return Run(
        run_id,
        experiment_id,
        name,
        status,
        stage,
        user,
        milliseconds(started),
        milliseconds(ended),
        artifact_uri,
        clean_params,
        clean_metrics,
        clean_tags,
        datasets,
        models,
        changed,
    )


def _printable(
    params: Mapping[str, Any], metrics: Mapping[str, float], tags: Mapping[str, Any]
) -> tuple[Mapping[str, str], Mapping[str, float], Mapping[str, str], Mapping[str, str]]:
    """Params, metrics and tags with printable keys and texts, and the keys that were changed for it."""
    # Nearly all keys and values are plain; then there is nothing to tell apart, at a tenth of the cost.
    keys = (*params, *metrics, *tags)
    if keys in _plain_keys or _is_plain(keys):
        if len(_plain_keys) < _REMEMBERED:
            _plain_keys.add(keys)
        return _clean_values(params), metrics, _clean_values(tags), _NO_KEYS
    printable, changed = clean_keys([*params, *metrics, *tags])
    return (
        {printable[k]: clean(v) for k, v in params.items()},
        {printable[k]: v for k, v in metrics.items()},
        {printable[k]: clean(v) for k, v in tags.items()},
        changed,
    )


def _is_plain(texts: Iterable[Any]) -> bool:
    """Whether :func:`clean` would change none of these; False also where that cannot be told at once."""
    try:
        joined = "".join(texts)
    except TypeError:
        return False
    return joined.isascii() and joined.isprintable() and len(joined) <= MAX_LENGTH


def _clean_values(mapping: Mapping[str, Any]) -> Mapping[str, str]:
    return mapping if _is_plain(mapping.values()) else {k: clean(v) for k, v in mapping.items()}


def milliseconds(value: Any) -> int | None:
    """A stored time; 0 is how MLflow says that there is none."""
    return int(value) or None if isinstance(value, int | float) else None
