"""A store on a database: read by the SQL reader, written to by MLflow, which is imported by the first write.

Tracking store and registry may be two; each side has its own reader where it is a database, MLflow otherwise. A
database whose schema is not the installed MLflow's is read all the same and never handed to MLflow: nothing can be
written then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, TypeVar

from mlaudit.domain.errors import ReadOnly
from mlaudit.domain.metric_summary import MetricSummary
from mlaudit.domain.models import (
    Artifact,
    ArtifactStream,
    Experiment,
    MetricHistory,
    ModelSource,
    ModelVersion,
    RegisteredModel,
    Run,
    RunPage,
    Stage,
    StoreInfo,
    StoreKind,
    ViewType,
)
from mlaudit.gateway.schema import Mismatch
from mlaudit.gateway.sql_database import Database
from mlaudit.gateway.sql_reader import SqlRegistry, SqlTracking, open_database
from mlaudit.gateway.uri import Located, ResolvedStore

if TYPE_CHECKING:
    from mlaudit.gateway.mlflow_gateway import MlflowGateway

T = TypeVar("T")

SQL_KINDS = frozenset({StoreKind.SQLITE, StoreKind.POSTGRESQL})


class SqlGateway:
    """Gateway on a store of which at least one side is a database. Thread-safe."""

    def __init__(self, store: ResolvedStore, *, writable: bool = True) -> None:
        """Raises NotAStore, PermissionDenied, StoreUnavailable, StoreLocked: makes first contact with each side."""
        self._store = store
        self._may_write = writable
        self._databases: dict[Located, Database] = {
            place: open_database(place) for place in {store.tracking, store.registry} if place.kind in SQL_KINDS
        }
        tracking, registry = self._databases.get(store.tracking), self._databases.get(store.registry)
        self._tracking = SqlTracking(tracking) if tracking else _by_mlflow(store.only(store.tracking))
        self._registry = SqlRegistry(registry) if registry else _by_mlflow(store.only(store.registry))
        self._writer: MlflowGateway | None = None
        self._opening = threading.Lock()
        for database in self._databases.values():
            database.ask(lambda reading: reading.tables)
        others = self._tracking.other_workspaces() if isinstance(self._tracking, SqlTracking) else 0
        word = "workspace is" if others == 1 else "workspaces are"
        self._hidden = (f"{others} other {word} not shown, only the default one",) if others else ()

    # TrackingReader

    def describe(self) -> StoreInfo:
        """See :class:`~mlaudit.gateway.base.TrackingReader`, as for all methods below."""
        store = self._store
        unfit = store.mismatches
        return StoreInfo(
            store.tracking.kind,
            store.tracking.shown,
            store.registry.shown,
            self._reader_name(),
            store.reason,
            (
                *store.notes,
                *self._hidden,
                *(f"{m.what}: read without MLflow, never written to; {m.remedy}" for m in unfit),
            ),
            writable=self._may_write and not unfit,
            read_only_reason="; ".join(_why(m) for m in unfit),
        )

    def _reader_name(self) -> str:
        """``sql reader (SQLite, read-only)``; with two stores, what reads the registry as well."""
        names = [
            f"sql reader ({self._databases[place].name}, read-only)" if place in self._databases else "MlflowClient"
            for place in (self._store.tracking, self._store.registry)
        ]
        return names[0] if names[0] == names[1] else f"{names[0]}; registry: {names[1]}"

    def list_experiments(self) -> tuple[Experiment, ...]:
        return self._tracking.list_experiments()

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        *,
        filter_string: str = "",
        order_by: Sequence[str] = (),
        max_results: int = 200,
        page_token: str | None = None,
        view: ViewType = ViewType.ACTIVE_ONLY,
    ) -> RunPage:
        return self._tracking.search_runs(
            experiment_ids,
            filter_string=filter_string,
            order_by=order_by,
            max_results=max_results,
            page_token=page_token,
            view=view,
        )

    def get_run(self, run_id: str) -> Run:
        return self._tracking.get_run(run_id)

    def find_run(self, prefix: str) -> Run:
        return self._tracking.find_run(prefix)

    def metric_history(self, run_id: str, key: str, most: int | None = None) -> MetricHistory:
        return self._tracking.metric_history(run_id, key, most)

    def metric_summaries(self, run_id: str, keys: Sequence[str]) -> tuple[MetricSummary, ...]:
        return self._tracking.metric_summaries(run_id, keys)

    def list_artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        return self._tracking.list_artifacts(run_id, path)

    def read_artifact(self, run_id: str, path: str, max_bytes: int) -> bytes:
        return self._tracking.read_artifact(run_id, path, max_bytes)

    def open_artifact(
        self, run_id: str, path: str, whole_most: int | None = None
    ) -> AbstractContextManager[ArtifactStream]:
        return self._tracking.open_artifact(run_id, path, whole_most)

    def list_registered_models(self) -> tuple[RegisteredModel, ...]:
        return self._registry.list_registered_models()

    def list_model_versions(self, model: str) -> tuple[ModelVersion, ...]:
        return self._registry.list_model_versions(model)

    def versions_of_run(self, run_id: str) -> tuple[ModelVersion, ...]:
        return self._registry.versions_of_run(run_id)

    def model_sources(self, run_id: str) -> tuple[ModelSource, ...]:
        return self._tracking.model_sources(run_id)

    # RegistryWriter

    def exclusive(self) -> AbstractContextManager[None]:
        registry = self._registry
        return nullcontext() if isinstance(registry, SqlRegistry) else registry.exclusive()

    def current_user(self) -> str | None:
        tracking = self._tracking
        return None if isinstance(tracking, SqlTracking) else tracking.current_user()

    def model_tags(self, model: str) -> Mapping[str, str]:
        return self._registry.model_tags(model)

    def version_files(self, model: str, version: str) -> tuple[str, ...] | None:
        if not isinstance(self._registry, SqlRegistry) or not isinstance(self._tracking, SqlTracking):
            # The registry's client knows the version, the other one its run's artifacts: only MLflow knows both.
            return self._write("looking for a version's files", lambda w: w.version_files(model, version))
        run_id, source = self._registry.origin(model, version)
        return None if run_id is None else self._tracking.files_at(run_id, source)

    def record_obstacle(self, run_id: str) -> str:
        return self._tracking.record_obstacle(run_id)

    def create_model(self, model: str) -> None:
        self._write("registering a model", lambda w: w.create_model(model))

    def set_model_tag(self, model: str, key: str, value: str) -> None:
        self._write("setting a tag", lambda w: w.set_model_tag(model, key, value))

    def delete_model_tag(self, model: str, key: str) -> None:
        self._write("deleting a tag", lambda w: w.delete_model_tag(model, key))

    def set_version_tag(self, model: str, version: str, key: str, value: str) -> None:
        self._write("setting a tag", lambda w: w.set_version_tag(model, version, key, value))

    def set_alias(self, model: str, alias: str, version: str) -> None:
        self._write("setting an alias", lambda w: w.set_alias(model, alias, version))

    def delete_alias(self, model: str, alias: str) -> None:
        self._write("deleting an alias", lambda w: w.delete_alias(model, alias))

    def write_artifact(self, run_id: str, path: str, text: str) -> None:
        self._write("writing an artifact", lambda w: w.write_artifact(run_id, path, text))

    def create_version(self, model: str, source: str, run_id: str) -> ModelVersion:
        return self._write("registering a model version", lambda w: w.create_version(model, source, run_id))

    def transition(self, model: str, version: str, stage: Stage, *, archive_existing: bool) -> ModelVersion:
        return self._write(
            "changing a stage", lambda w: w.transition(model, version, stage, archive_existing=archive_existing)
        )

    def terminate_run(self, run_id: str, status: str) -> None:
        self._write("ending a run", lambda w: w.terminate_run(run_id, status))

    def _write(self, what: str, do: Callable[[MlflowGateway], T]) -> T:
        """Raises ReadOnly, and what opening the store with MLflow raises."""
        if self._store.mismatches:
            raise ReadOnly(what, "; ".join(_why(m) for m in self._store.mismatches))
        if not self._may_write:
            raise ReadOnly(what, "this store was opened to look only")
        with self._opening:
            if self._writer is None:
                for database in self._databases.values():
                    database.share()
                self._writer = _by_mlflow(self._store)
        return do(self._writer)


def _by_mlflow(store: ResolvedStore) -> MlflowGateway:
    """Imported only now: a look at a database needs none of it."""
    from mlaudit.gateway.mlflow_gateway import MlflowGateway

    return MlflowGateway(store)


def _why(mismatch: Mismatch) -> str:
    return f"the database has {'a' if mismatch.newer else 'an'} {mismatch.what}; {mismatch.remedy}"
