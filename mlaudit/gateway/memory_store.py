"""What the in-memory store holds, and the calls that fill it.

Everything here is raw, as a real store would have it, and deterministic: the same calls give the same ids and times.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlaudit.domain.errors import ExperimentNotFound, RunNotFound
from mlaudit.domain.models import Dataset, Experiment, MetricHistory, MetricPoint, ModelVersion, RunStatus, Stage
from mlaudit.domain.text import clean, clean_mapping

FIRST_TIME = 1_767_225_600_000
"""2026-01-01 00:00 UTC in milliseconds: when the store's own clock starts."""
MINUTE = 60_000

Points = Sequence[float] | Sequence[tuple[int, int, float]]
"""Values by step, or (step, timestamp in ms, value)."""


@dataclass
class StoredRun:
    """A run as a store has it: raw text."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    start_time: int
    end_time: int | None
    user: str
    lifecycle_stage: str
    params: dict[str, str]
    metrics: dict[str, list[MetricPoint]]
    tags: dict[str, str]
    datasets: tuple[Dataset, ...]
    artifacts: dict[str, bytes]
    models: dict[str, str] = field(default_factory=dict)
    """MLflow 3's models, oldest first: id -> name."""

    @property
    def artifact_uri(self) -> str:
        return f"memory:///{self.experiment_id}/{self.run_id}/artifacts"

    def latest(self, key: str) -> float:
        """The value with the greatest (step, timestamp, value)."""
        history = MetricHistory.from_points(self.run_id, key, self.metrics[key])
        return history.values[-1]


@dataclass
class StoredModel:
    """A registered model; versions by number."""

    name: str
    created: int
    versions: dict[str, ModelVersion] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


class MemoryStore:
    """The data and its builders. Every builder is one atomic step, so a store may be filled while others read it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._experiments: dict[str, Experiment] = {}
        self._runs: dict[str, StoredRun] = {}
        self._models: dict[str, StoredModel] = {}
        self._clock = FIRST_TIME

    def add_experiment(
        self, name: str, *, lifecycle_stage: str = "active", tags: Mapping[str, str] | None = None
    ) -> str:
        """A new experiment; returns its id ("1", "2", ...)."""
        with self._lock:
            experiment_id = str(len(self._experiments) + 1)
            now = self._tick()
            self._experiments[experiment_id] = Experiment(
                experiment_id,
                clean(name),
                name,
                lifecycle_stage,
                f"memory:///{experiment_id}",
                now,
                now,
                clean_mapping(tags or {}),
            )
            return experiment_id

    def add_run(
        self,
        experiment_id: str,
        *,
        name: str = "",
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, Points | float] | None = None,
        tags: Mapping[str, str] | None = None,
        datasets: Sequence[Dataset] = (),
        status: str = RunStatus.FINISHED,
        artifacts: Mapping[str, bytes] | None = None,
        model: bool = True,
        run_id: str | None = None,
        start_time: int | None = None,
        duration: int = 5 * MINUTE,
        user: str = "ada",
        lifecycle_stage: str = "active",
    ) -> str:
        """A new run; returns its id. ``model``: it logged an MLflow 3 model. Raises ExperimentNotFound.

        ``metrics`` takes a single value (step 0), values by step, or (step, timestamp, value).
        """
        with self._lock:
            if experiment_id not in self._experiments:
                raise ExperimentNotFound(experiment_id)
            run_id = run_id or hashlib.md5(f"run {len(self._runs)}".encode(), usedforsecurity=False).hexdigest()
            started = self._tick() if start_time is None else start_time
            ended = None if status in {RunStatus.RUNNING, RunStatus.SCHEDULED} else started + duration
            run = StoredRun(
                run_id,
                experiment_id,
                name or f"run-{len(self._runs) + 1}",
                str(status),
                started,
                ended,
                user,
                lifecycle_stage,
                {k: str(v) for k, v in (params or {}).items()},
                {k: _points(v, started) for k, v in (metrics or {}).items()},
                {"mlflow.user": user} | dict(tags or {}),
                tuple(datasets),
                dict(artifacts or {}),
            )
            run.tags["mlflow.runName"] = run.name
            self._runs[run_id] = run
            if model:
                self.add_logged_model(run_id)
            return run_id

    def add_logged_model(self, run_id: str, name: str = "model") -> str:
        """One more MLflow 3 model of a run, under ``name``; returns its id (``m-...``)."""
        run = self._stored(run_id)
        digest = hashlib.md5(f"{run_id} model {len(run.models)}".encode(), usedforsecurity=False)
        model_id = f"m-{digest.hexdigest()}"
        run.models[model_id] = name
        run.artifacts.setdefault(f"{name}/MLmodel", b"flavors: {}\n")
        return model_id

    def log_metric(self, run_id: str, key: str, value: float, step: int, timestamp: int | None = None) -> None:
        """One more point, as a training that still runs writes it."""
        with self._lock:
            point = MetricPoint(step, self._tick() if timestamp is None else timestamp, value)
            self._stored(run_id).metrics.setdefault(key, []).append(point)

    def add_version(
        self,
        model: str,
        run_id: str | None,
        *,
        stage: Stage | str = Stage.NONE,
        aliases: Sequence[str] = (),
        source: str | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """A version of a registered model, which is made if there is none; returns its number. Stages may collide."""
        with self._lock:
            stored = self._models.setdefault(model, StoredModel(model, self._tick()))
            number = str(max((int(v) for v in stored.versions), default=0) + 1)
            if source is None:
                models = list(self._runs[run_id].models) if run_id in self._runs else []
                source = f"models:/{models[-1]}" if models else f"runs:/{run_id}/model"
            now = self._tick()
            stored.versions[number] = ModelVersion(
                clean(model),
                model,
                number,
                Stage(stage),
                run_id,
                clean(source),
                description=clean(description),
                user="ada",
                creation_time=now,
                last_updated=now,
                tags=clean_mapping(tags or {}),
            )
            stored.aliases.update(dict.fromkeys(aliases, number))
            return number

    def delete_run(self, run_id: str) -> None:
        """As another client would: the run stays, with lifecycle_stage ``deleted``."""
        self._stored(run_id).lifecycle_stage = "deleted"

    def _tick(self) -> int:
        self._clock += MINUTE
        return self._clock

    def _stored(self, run_id: str) -> StoredRun:
        run = self._runs.get(run_id)
        if run is None:
            raise RunNotFound(clean(run_id))
        return run


def _points(values: Points | float, started: int) -> list[MetricPoint]:
    listed: Sequence[float | tuple[int, int, float]] = [values] if isinstance(values, int | float) else values
    points: list[MetricPoint] = []
    for step, value in enumerate(listed):
        if isinstance(value, tuple):
            points.append(MetricPoint(value[0], value[1], float(value[2])))
        else:
            points.append(MetricPoint(step, started + step * 1000, float(value)))
    return points
