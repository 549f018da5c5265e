"""MLflow's entities made into mlaudit's: the edge where a store's text becomes printable.

Entities are taken as they come (``Any``): they differ between MLflow's versions, and between its own stores.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mlaudit.domain.models import (
    Dataset,
    Experiment,
    MetricHistory,
    MetricPoint,
    ModelSource,
    ModelVersion,
    RegisteredModel,
    Run,
    Stage,
)
from mlaudit.domain.text import clean, clean_keys, clean_mapping

RUN_NAME_TAG = "mlflow.runName"
LOGGED_MODELS_TAG = "mlflow.log-model.history"
DATASET_CONTEXT_TAG = "mlflow.data.context"


def experiment(entity: Any) -> Experiment:
    """An experiment."""
    return Experiment(
        clean(entity.experiment_id),
        clean(entity.name),
        str(entity.name),
        clean(entity.lifecycle_stage),
        clean(entity.artifact_location),
        entity.creation_time,
        entity.last_update_time,
        clean_mapping(entity.tags or {}),
    )


def run(entity: Any) -> Run:
    """A run with its params, latest metrics, tags, inputs and outputs."""
    info, data = entity.info, entity.data
    params, metrics, tags = dict(data.params), dict(data.metrics), dict(data.tags)
    printable, changed = clean_keys([*params, *metrics, *tags])
    return Run(
        clean(info.run_id),
        clean(info.experiment_id),
        # Old stores have the name in the tag only.
        clean(info.run_name or tags.get(RUN_NAME_TAG)),
        clean(info.status),
        clean(info.lifecycle_stage),
        clean(info.user_id or tags.get("mlflow.user")),
        info.start_time or None,
        info.end_time or None,
        clean(info.artifact_uri),
        {printable[k]: clean(v) for k, v in params.items()},
        {printable[k]: float(v) for k, v in metrics.items()},
        {printable[k]: clean(v) for k, v in tags.items()},
        tuple(_datasets(getattr(entity, "inputs", None))),
        tuple(clean(i) for i in model_output_ids(entity)),
        changed,
    )


def _datasets(inputs: Any) -> Iterable[Dataset]:
    for item in getattr(inputs, "dataset_inputs", None) or ():
        tags = {tag.key: tag.value for tag in item.tags or ()}
        data = item.dataset
        yield Dataset(
            clean(data.name),
            clean(data.digest),
            clean(tags.get(DATASET_CONTEXT_TAG)),
            clean(data.source_type),
            clean(data.source),
            clean(data.schema),
            clean(data.profile),
        )


def model_output_ids(entity: Any) -> list[str]:
    """The ids of MLflow 3's models that a run put out, by step."""
    outputs = getattr(getattr(entity, "outputs", None), "model_outputs", None) or ()
    return [str(o.model_id) for o in sorted(outputs, key=lambda o: o.step or 0)]


def history(run_id: str, key: str, entities: Sequence[Any]) -> MetricHistory:
    """A metric's history in order; ``key`` is raw."""
    points = [MetricPoint(int(m.step or 0), int(m.timestamp or 0), float(m.value)) for m in entities]
    return MetricHistory.from_points(run_id, clean(key), points)


def stage(text: str | None) -> Stage:
    """A stage by MLflow's name in any case; what is unknown (registries without stages) counts as None."""
    wanted = (text or "").lower()
    return next((s for s in Stage if s.value.lower() == wanted), Stage.NONE)


def registered_model(entity: Any) -> RegisteredModel:
    """A registered model."""
    return RegisteredModel(
        clean(entity.name),
        str(entity.name),
        clean(entity.description),
        entity.creation_timestamp,
        entity.last_updated_timestamp,
        clean_mapping(aliases(entity)),
        clean_mapping(entity.tags or {}),
    )


def aliases(entity: Any) -> dict[str, str]:
    """Alias -> version of a registered model, raw; some stores give a mapping, some a list."""
    given = getattr(entity, "aliases", None) or {}
    if isinstance(given, dict):
        return {str(k): str(v) for k, v in given.items()}
    return {str(a.alias): str(a.version) for a in given}


def model_version(entity: Any, model_aliases: dict[str, str]) -> ModelVersion:
    """A model version; ``model_aliases`` are those of its model, as versions come without them."""
    number = str(entity.version)
    return ModelVersion(
        clean(entity.name),
        str(entity.name),
        clean(number),
        stage(entity.current_stage),
        clean(entity.run_id) or None,
        clean(entity.source),
        tuple(sorted(clean(a) for a, version in model_aliases.items() if version == number)),
        clean(entity.status),
        clean(entity.description),
        clean(entity.user_id),
        entity.creation_timestamp,
        entity.last_updated_timestamp,
        clean_mapping(entity.tags or {}),
    )


def logged_model_source(model_id: str, name: str | None) -> ModelSource:
    """How a model of MLflow 3 is registered."""
    return ModelSource(f"models:/{model_id}", clean(f"{name or 'model'} ({model_id})"))


def older_model_paths(raw_tags: dict[str, str]) -> list[str]:
    """Artifact paths of the models that MLflow 1 and 2 logged, newest first; empty when the tag cannot be read."""
    try:
        entries = json.loads(raw_tags.get(LOGGED_MODELS_TAG, "[]"))
        paths = [str(e["artifact_path"]) for e in sorted(entries, key=lambda e: str(e.get("utc_time_created", "")))]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
    return list(dict.fromkeys(reversed(paths)))
