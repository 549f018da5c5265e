"""The things mlaudit talks about, under MLflow's own names.

All text in these classes has passed :func:`mlaudit.domain.text.clean` and may be shown as it is. What names a thing in
a later request also keeps the form in which the store has it: ``raw_name`` where a name can be anything, and
``raw_keys`` for the few param, metric and tag keys that cleaning changed. No screen shows those.

Times are milliseconds since the epoch, UTC, as MLflow has them; ``None`` where the store has none.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mlaudit.domain.packed import Packed, keys_of, numbers_of, packed_numbers, shared

_NO_KEYS: Mapping[str, str] = {}


class Stage(StrEnum):
    """The stages of a model version in MLflow's registry."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


class RunStatus(StrEnum):
    """What MLflow says of a run's life. A run that was never ended stays RUNNING for ever."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class ViewType(StrEnum):
    """Which runs a search looks through; a deleted run stays in its store until ``mlflow gc``."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"

    def shows(self, lifecycle_stage: str) -> bool:
        """Whether runs of this lifecycle stage are among them."""
        return self is ViewType.ALL or (lifecycle_stage == "active") == (self is ViewType.ACTIVE_ONLY)


class StoreKind(StrEnum):
    """Where runs are kept."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    FILES = "files"
    SERVER = "server"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """Which store is open, and why that one."""

    kind: StoreKind
    uri: str
    """The tracking URI with password and token removed; safe to show."""
    registry_uri: str
    """The model registry's URI, redacted likewise; mostly the same as ``uri``."""
    reader: str
    """What reads it, e.g. ``MlflowClient 3.17.2``."""
    reason: str
    """Why this store, e.g. ``--tracking-uri`` or ``mlflow.db in this directory``."""
    notes: tuple[str, ...] = ()
    """What a user should know: another store beside it, TLS not verified, a schema that forbids writing."""
    writable: bool = True
    """Whether promotion and training may write here at all."""
    read_only_reason: str = ""
    """Why not, and what would help, in words; empty where nothing is known but the user's own wish."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """An MLflow experiment."""

    experiment_id: str
    name: str
    raw_name: str
    lifecycle_stage: str = "active"
    artifact_location: str = ""
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    run_count: int | None = None
    """Active runs; None where the store does not tell without reading them all."""
    last_run_time: int | None = None
    """When the newest of them started; None likewise, and where there is none."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that a run logged as an input."""

    name: str
    digest: str
    context: str = ""
    """The value of the input's tag ``mlflow.data.context``, e.g. ``training`` or ``validation``; empty if none."""
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """An MLflow run with its params, latest metrics, tags and inputs.

    Mappings are keyed by the printable key; :meth:`raw_key` gives the one to ask the store with.
    A metric's value here is its latest: the greatest (step, timestamp, value). It may be NaN or infinite.
    """

    run_id: str
    experiment_id: str
    name: str
    status: str
    lifecycle_stage: str = "active"
    user: str = ""
    start_time: int | None = None
    end_time: int | None = None
    artifact_uri: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()
    logged_model_ids: tuple[str, ...] = ()
    """MLflow 3's models that this run put out (``m-...``), oldest first."""
    raw_keys: Mapping[str, str] = field(default_factory=dict)
    """Printable key -> key in the store, only for keys that cleaning changed."""

    def raw_key(self, key: str) -> str:
        """The store's form of a param, metric or tag key."""
        return self.raw_keys.get(key, key)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """A run that has travelled takes little room (:mod:`mlaudit.domain.packed`)."""
        params, metrics, tags = self.params, self.metrics, self.tags
        return _arrived, (
            *(self.run_id, self.name, self.artifact_uri, self.start_time, self.end_time),
            (self.experiment_id, self.status, self.lifecycle_stage, self.user),
            *(keys_of(params), tuple(params.values())),
            *(keys_of(metrics), numbers_of(metrics)),
            *(keys_of(tags), tuple(tags.values())),
            *(self.datasets, self.logged_model_ids, dict(self.raw_keys) or None),
        )


def _arrived(
    run_id: str,
    name: str,
    artifact_uri: str,
    start_time: int | None,
    end_time: int | None,
    common: tuple[str, str, str, str],
    param_keys: tuple[str, ...],
    params: tuple[str, ...],
    metric_keys: tuple[str, ...],
    metrics: bytes,
    tag_keys: tuple[str, ...],
    tags: tuple[str, ...],
    datasets: tuple[Dataset, ...],
    logged_model_ids: tuple[str, ...],
    raw_keys: Mapping[str, str] | None,
) -> Run:
    experiment_id, status, lifecycle_stage, user = map(shared, common)
    return Run(
        run_id,
        experiment_id,
        name,
        status,
        lifecycle_stage,
        user,
        start_time,
        end_time,
        artifact_uri,
        Packed(param_keys, tuple(map(shared, params))),
        packed_numbers(metric_keys, metrics),
        # MLflow keeps the name in a tag as well.
        Packed(tag_keys, tuple(name if tag == name else shared(tag) for tag in tags)),
        datasets,
        logged_model_ids,
        _NO_KEYS if raw_keys is None else raw_keys,
    )


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of a run search."""

    runs: tuple[Run, ...]
    next_page_token: str | None = None
    """Opaque; ``None`` says that this was the last page."""
    warnings: tuple[str, ...] = ()
    """What the filter says and its writer probably did not mean, in words; filled on a search's first page."""


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One logged value of a metric."""

    step: int
    timestamp: int
    value: float


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """All logged values of one metric of one run, ordered by (step, timestamp, value).

    Columns instead of points, since a history may have a million of them. All three have the same length.
    """

    run_id: str
    key: str
    """The printable key."""
    steps: array[int] = field(default_factory=lambda: array("q"))
    timestamps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    """May hold NaN and ±inf (also as ±1.797e308)."""
    sampled: bool = False
    """True when the store gave only some of the points; never judge those."""
    total: int | None = None
    """Of a sampled history: how many points the store has, where these are the least and greatest of each stretch (and
    one that is not finite), so that no spike is missing. None where it is not known what is missing."""
    each: int | None = None
    """Where ``total`` is known: how many points a stretch has, on average."""
    not_finite: int | None = None
    """Where ``total`` is known: how many of all points are not finite."""

    def __len__(self) -> int:
        return len(self.values)

    def point(self, index: int) -> MetricPoint:
        """The point at ``index``. Raises IndexError."""
        return MetricPoint(self.steps[index], self.timestamps[index], self.values[index])

    @classmethod
    def from_points(cls, run_id: str, key: str, points: list[MetricPoint]) -> MetricHistory:
        """A history of these points, put into order."""
        # NaN has no order, and the sort must not depend on where it stood.
        ordered = sorted(points, key=lambda p: (p.step, p.timestamp, not math.isnan(p.value), p.value))
        return cls(
            run_id,
            key,
            array("q", (p.step for p in ordered)),
            array("q", (p.timestamp for p in ordered)),
            array("d", (p.value for p in ordered)),
        )


@dataclass(frozen=True, slots=True)
class Artifact:
    """One entry of a run's artifact folder."""

    path: str
    """Printable path relative to the run's artifact root."""
    raw_path: str
    is_dir: bool
    size: int | None = None
    """Bytes; None for folders and where the store does not say."""


@dataclass(frozen=True, slots=True)
class ArtifactStream:
    """The content of a file artifact as it comes from its store. It does not travel between processes."""

    chunks: Iterator[bytes]
    """From the start of the file on; to be asked for no longer than the gateway's context lasts."""
    size: int | None = None
    """Bytes of the whole file; None where the store does not say."""
    local: bool = False
    """Whether it lies on this machine or has been fetched already, so that reading all of it costs nothing."""

    def read(self, most: int) -> bytes:
        """At most so many bytes, and no more chunks than that takes."""
        parts: list[bytes] = []
        missing = most
        while missing > 0 and (chunk := next(self.chunks, b"")):
            parts.append(chunk[:missing])
            missing -= len(parts[-1])
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model."""

    model: str
    """The registered model's printable name."""
    raw_model: str
    version: str
    """MLflow's number as text; ``order`` compares it."""
    stage: Stage
    run_id: str | None = None
    source: str = ""
    aliases: tuple[str, ...] = ()
    status: str = "READY"
    description: str = ""
    user: str = ""
    creation_time: int | None = None
    last_updated: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def order(self) -> int:
        """The version as a number, for sorting (newest is greatest)."""
        return int(self.version) if self.version.isdigit() else -1


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered model; its versions are asked for separately."""

    name: str
    raw_name: str
    description: str = ""
    creation_time: int | None = None
    last_updated: int | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Alias -> version."""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model that a run logged and that can be registered."""

    source: str
    """What ``create_version`` takes: ``models:/m-...`` or ``runs:/<run_id>/<path>``."""
    label: str
    """Printable, for choosing."""
