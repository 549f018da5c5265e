"""Reads SQLite and PostgreSQL stores without MLflow: harmless, fast, and able to read what MLflow would refuse or
migrate.

It means what MLflow's SQL store means, to the letter; tests/gateway/test_reader_parity.py compares the two and lists
where they differ and why. MLflow is imported only to reach artifacts that do not lie on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.errors import AmbiguousRunId, RunNotFound
from mlaudit.domain.metric_summary import SUMMARY_SECONDS, MetricSummary, summarize
from mlaudit.domain.models import (
    Artifact,
    ArtifactStream,
    Experiment,
    MetricHistory,
    ModelSource,
    Run,
    RunPage,
    StoreKind,
    ViewType,
)
from mlaudit.domain.text import clean, clean_mapping
from mlaudit.gateway import convert, faults, sql_history, sql_stretches, sql_summary
from mlaudit.gateway.artifacts import LoggedModel, RunArtifacts, newest_first
from mlaudit.gateway.run_ids import check_run_id, is_run_id
from mlaudit.gateway.sql_database import Database, PostgresDatabase, Reading, SqliteDatabase
from mlaudit.gateway.sql_registry import SqlRegistry
from mlaudit.gateway.sql_runs import load_runs, milliseconds
from mlaudit.gateway.sql_search import RunSearch
from mlaudit.gateway.sql_tables import DEFAULT_WORKSPACE
from mlaudit.gateway.uri import Located

__all__ = ["SqlRegistry", "SqlTracking", "open_database"]

_CANDIDATES = 6


def open_database(place: Located) -> Database:
    """The database of a store; PostgreSQL is contacted by the first question. Raises NotAStore, PermissionDenied."""
    if place.kind is StoreKind.SQLITE and place.path is not None:
        return SqliteDatabase(place.path, place.shown)
    return PostgresDatabase(place.uri, place.shown)


class SqlTracking:
    """The tracking half of :class:`~mlaudit.gateway.base.TrackingReader` on a database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._search = RunSearch(database)

    def other_workspaces(self) -> int:
        """How many workspaces besides the default one have experiments; those are not shown. Raises StoreError."""

        def question(reading: Reading) -> int:
            if not reading.tables.has("experiments", "workspace"):
                return 0
            workspace = reading.tables["experiments"].c.workspace
            query = sa.select(sa.func.count(workspace.distinct())).where(workspace != DEFAULT_WORKSPACE)
            return int(reading.connection.execute(query).scalar_one())

        return self._database.ask(question)

    def list_experiments(self) -> tuple[Experiment, ...]:
        """See :class:`~mlaudit.gateway.base.TrackingReader`, as for all methods below."""
        found = self._database.ask(_experiments)
        return tuple(sorted(found, key=lambda e: (-(e.last_update_time or 0), e.name)))

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
        if not experiment_ids:
            return RunPage(())
        return self._search.page(experiment_ids, filter_string, order_by, max_results, page_token, view)

    def get_run(self, run_id: str) -> Run:
        check_run_id(run_id)
        found = self._database.ask(lambda r: load_runs(r, [run_id], lambda: _in_workspace(r), "in the workspace"))
        run = found.get(run_id)
        if run is None:
            raise RunNotFound(clean(run_id))
        return run

    def find_run(self, prefix: str) -> Run:
        wanted = prefix.strip().lower()
        if not is_run_id(wanted):
            raise RunNotFound(clean(prefix))
        if len(wanted) >= 32:
            run = self.get_run(wanted)
            if run.lifecycle_stage != "active":
                raise RunNotFound(clean(prefix))
            return run
        ids = self._database.ask(lambda r: _ids_from(r, wanted))
        exact = [i for i in ids if i == wanted]
        if len(exact or ids) > 1:
            raise AmbiguousRunId(clean(prefix), tuple(sorted(map(clean, ids))))
        if not ids:
            raise RunNotFound(clean(prefix))
        return self.get_run((exact or ids)[0])

    def metric_history(self, run_id: str, key: str, most: int | None = None) -> MetricHistory:
        check_run_id(run_id)

        def question(reading: Reading) -> MetricHistory | None:
            if most is None:
                history = sql_history.whole(reading, run_id, key)
            else:
                history = sql_stretches.thinned(reading, run_id, key, most)
            return history if len(history) or _exists(reading, run_id) else None

        found = self._database.ask(question)
        if found is None:
            raise RunNotFound(clean(run_id))
        return found

    def metric_summaries(self, run_id: str, keys: Sequence[str]) -> tuple[MetricSummary, ...]:
        check_run_id(run_id)

        def question(reading: Reading) -> dict[str, MetricSummary] | None:
            if not sql_summary.can_summarize(reading):
                return None
            found = sql_summary.summaries(reading, run_id, keys[0] if len(keys) == 1 else None)
            if not found and not _exists(reading, run_id):
                raise RunNotFound(clean(run_id))
            return found

        found = self._database.ask(question)
        if found is None:
            return summarize(keys, lambda key: self.metric_history(run_id, key), SUMMARY_SECONDS)
        return tuple(found.get(key) or MetricSummary(clean(key), 0, 0) for key in keys)

    def list_artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        with self._artifacts(run_id) as artifacts:
            return artifacts.list(path)

    def read_artifact(self, run_id: str, path: str, max_bytes: int) -> bytes:
        with self._artifacts(run_id) as artifacts:
            return artifacts.read(path, max_bytes)

    @contextmanager
    def open_artifact(self, run_id: str, path: str, whole_most: int | None = None) -> Iterator[ArtifactStream]:
        with self._artifacts(run_id) as artifacts, artifacts.open(path, whole_most) as stream:
            yield stream

    def model_sources(self, run_id: str) -> tuple[ModelSource, ...]:
        run = self.get_run(run_id)
        models = self._database.ask(lambda r: _models(r, run.logged_model_ids))
        taken = {m.name for m in models}
        history = self._database.ask(lambda r: _tag(r, run_id, convert.LOGGED_MODELS_TAG))
        older = convert.older_model_paths({} if history is None else {convert.LOGGED_MODELS_TAG: history})
        return (
            *(convert.logged_model_source(m.model_id, m.name) for m in models),
            *(ModelSource(f"runs:/{run_id}/{path}", clean(path)) for path in older if path not in taken),
        )

    def files_at(self, run_id: str, source: str) -> tuple[str, ...] | None:
        """What lies at a version's raw source, as far as it is among its run's artifacts. Raises StoreError."""
        try:
            with self._artifacts(run_id) as artifacts:
                return artifacts.at_source(source)
        except RunNotFound:
            return ()

    def record_obstacle(self, run_id: str) -> str:
        """See :class:`~mlaudit.gateway.base.RegistryWriter`."""
        with self._artifacts(run_id) as artifacts:
            return artifacts.obstacle()

    @contextmanager
    def _artifacts(self, run_id: str) -> Iterator[RunArtifacts]:
        check_run_id(run_id)
        run = self.get_run(run_id)
        uri = self._database.ask(lambda r: _artifact_uri(r, run_id))
        models = lambda: self._database.ask(lambda r: _models(r, run.logged_model_ids))  # noqa: E731
        with faults.translated(self._database.shown):
            yield RunArtifacts(self._database.shown, run_id, uri, models, _Elsewhere(uri, self._database.shown))


class _Elsewhere:
    """Artifacts that do not lie here; MLflow is imported by the first question about them."""

    def __init__(self, artifact_uri: str, shown: str) -> None:
        self._artifact_uri = artifact_uri
        self._shown = shown

    @property
    def _stored(self) -> Any:
        from mlaudit.gateway.mlflow_client import StoredArtifacts

        return StoredArtifacts(self._artifact_uri, self._shown)

    def list_run(self, path: str) -> Any:
        return self._stored.list_run(path)

    def list_model(self, model: LoggedModel, path: str) -> Any:
        return self._stored.list_model(model, path)

    def stream(self, location: str, path: str) -> AbstractContextManager[ArtifactStream | None]:
        stream: AbstractContextManager[ArtifactStream | None] = self._stored.stream(location, path)
        return stream

    def fetch(self, location: str, path: str, folder: str) -> str:
        return str(self._stored.fetch(location, path, folder))


def _experiments(reading: Reading) -> list[Experiment]:
    tables = reading.tables
    experiments = tables["experiments"]
    columns = tables.columns(
        "experiments",
        *("experiment_id", "name", "lifecycle_stage", "artifact_location", "creation_time", "last_update_time"),
    )
    stage = experiments.c.lifecycle_stage == "active" if "lifecycle_stage" in experiments.c else sa.true()
    runs = tables["runs"]
    counted = [runs.c.lifecycle_stage == "active"] if "lifecycle_stage" in runs.c else []
    newest = sa.func.max(runs.c.start_time) if "start_time" in runs.c else sa.null()
    activity = (
        sa.select(runs.c.experiment_id, sa.func.count().label("run_count"), newest.label("newest"))
        .where(*counted)
        .group_by(runs.c.experiment_id)
        .subquery()
    )
    query = (
        sa.select(*columns, sa.func.coalesce(activity.c.run_count, 0), activity.c.newest)
        .select_from(experiments.outerjoin(activity, activity.c.experiment_id == experiments.c.experiment_id))
        .where(stage, tables.in_workspace("experiments"))
    )
    rows: Any = reading.connection.execute(query).all()
    tags: dict[int, dict[str, Any]] = {}
    if tables.has("experiment_tags", "experiment_id"):
        table = tables["experiment_tags"]
        query_tags = sa.select(table.c.experiment_id, table.c.key, table.c.value)
        for row in reading.connection.execute(query_tags):
            tags.setdefault(row[0], {})[row[1]] = row[2]
    return [
        Experiment(
            clean(experiment_id),
            clean(name),
            str(name),
            clean(stage or "active"),
            clean(location),
            milliseconds(created),
            milliseconds(updated),
            clean_mapping(tags.get(experiment_id, {})),
            run_count,
            milliseconds(last_run_time),
        )
        for experiment_id, name, stage, location, created, updated, run_count, last_run_time in rows
    ]


def _in_workspace(reading: Reading) -> Any:
    """The condition that a run belongs to an experiment of the default workspace."""
    tables = reading.tables
    if not tables.has("experiments", "workspace"):
        return sa.true()
    inside = sa.select(tables["experiments"].c.experiment_id).where(tables.in_workspace("experiments"))
    return tables["runs"].c.experiment_id.in_(inside)


def _exists(reading: Reading, run_id: str) -> bool:
    runs = reading.tables["runs"]
    query = sa.select(runs.c.run_uuid).where(runs.c.run_uuid == run_id, _in_workspace(reading))
    return reading.connection.execute(query).first() is not None


def _ids_from(reading: Reading, wanted: str) -> list[str]:
    """Ids of active runs of active experiments that begin with ``wanted``, the shortest first."""
    tables = reading.tables
    runs, experiments = tables["runs"], tables["experiments"]
    there = sa.select(experiments.c.experiment_id).where(tables.in_workspace("experiments"))
    if "lifecycle_stage" in experiments.c:
        there = there.where(experiments.c.lifecycle_stage == "active")
    if reading.postgresql:
        begins: Any = runs.c.run_uuid.startswith(wanted, autoescape=True)
    else:
        # A range, since SQLite reads every row for a LIKE.
        begins = sa.and_(runs.c.run_uuid >= wanted, runs.c.run_uuid < wanted + "\U0010ffff")
    active = runs.c.lifecycle_stage == "active" if "lifecycle_stage" in runs.c else sa.true()
    query = sa.select(runs.c.run_uuid).where(begins, active, runs.c.experiment_id.in_(there))
    return [str(i) for i in reading.connection.execute(query.order_by(runs.c.run_uuid).limit(_CANDIDATES)).scalars()]


def _artifact_uri(reading: Reading, run_id: str) -> str:
    runs = reading.tables["runs"]
    columns = reading.tables.columns("runs", "artifact_uri")
    return str(reading.connection.execute(sa.select(*columns).where(runs.c.run_uuid == run_id)).scalar() or "")


def _tag(reading: Reading, run_id: str, key: str) -> str | None:
    tags = reading.tables["tags"]
    value = reading.connection.execute(
        sa.select(tags.c.value).where(tags.c.run_uuid == run_id, tags.c.key == key)
    ).scalar()
    return None if value is None else str(value)


def _models(reading: Reading, model_ids: Sequence[str]) -> list[LoggedModel]:
    """The run's MLflow 3 models, newest first, without those that were deleted."""
    tables = reading.tables
    if not model_ids or not tables.has("logged_models", "model_id", "artifact_location"):
        return []
    models = tables["logged_models"]
    columns = tables.columns("logged_models", "model_id", "name", "creation_timestamp_ms", "artifact_location")
    query = sa.select(*columns).where(models.c.model_id.in_(model_ids))
    if "lifecycle_stage" in models.c:
        query = query.where(models.c.lifecycle_stage != "deleted")
    rows = {row[0]: row for row in reading.connection.execute(query)}
    return newest_first(
        LoggedModel(str(i), str(rows[i][1] or i), rows[i][2] or place, str(rows[i][3]))
        for place, i in enumerate(model_ids)
        if i in rows
    )
