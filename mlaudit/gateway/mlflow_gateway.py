"""MlflowClient behind the gateway's Protocols.

Reading and writing are two clients with URIs of their own. The reading one cannot change the store: SQLite and
PostgreSQL refuse it themselves, the file store is opened without the directories its constructor makes. The writing
one is built by the first write, and sends nothing twice: over HTTP its requests are never retried.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mlaudit.domain.errors import (
    AmbiguousRunId,
    ModelNotFound,
    ReadOnly,
    RunNotFound,
    StoreUnavailable,
    UsageError,
)
from mlaudit.domain.metric_summary import SUMMARY_SECONDS, MetricSummary, summarize
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
from mlaudit.domain.text import clean
from mlaudit.gateway import convert, environment, faults, mlflow_client, server_probe
from mlaudit.gateway.artifacts import LoggedModel, RunArtifacts, newest_first
from mlaudit.gateway.mlflow_promotion import MlflowPromotion
from mlaudit.gateway.run_ids import check_run_id, is_run_id
from mlaudit.gateway.run_search import RunSearch
from mlaudit.gateway.schema import mlflow_version
from mlaudit.gateway.uri import ResolvedStore

_PAGE = 1000
_CANDIDATES = 6
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"

_writing = threading.Lock()


class MlflowGateway(MlflowPromotion):
    """Gateway on a real store through MLflow's own client. Safe to use from several threads."""

    def __init__(self, store: ResolvedStore, *, writable: bool = True) -> None:
        """Imports MLflow and makes first contact.

        Raises SchemaMismatch, StoreUnavailable, NotAStore, PermissionDenied, StoreLocked.
        """
        for mismatch in store.mismatches:
            raise mismatch.error()
        self._store = store
        self._shown = store.tracking.shown
        self._writable = writable
        self._alive = False
        self._writer: Any = None
        environment.prepare({store.tracking.kind, store.registry.kind})
        self._ensure_contact()
        with faults.translated(self._shown):
            self._client = mlflow_client.reader(store)
        self._runs = RunSearch(self._client)

    # TrackingReader

    def describe(self) -> StoreInfo:
        """See :class:`~mlaudit.gateway.base.TrackingReader`, as for all methods below."""
        return StoreInfo(
            self._store.tracking.kind,
            self._shown,
            self._store.registry.shown,
            f"MlflowClient {mlflow_version()}",
            self._store.reason,
            self._store.notes,
            writable=self._writable,
        )

    def list_experiments(self) -> tuple[Experiment, ...]:
        with self._asking():
            found = _all_pages(lambda token: self._client.search_experiments(max_results=_PAGE, page_token=token))
            experiments = [convert.experiment(e) for e in found]
        return tuple(sorted(experiments, key=lambda e: (-(e.last_update_time or 0), e.name)))

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
        with self._asking():
            return self._runs.page(experiment_ids, filter_string, order_by, max_results, page_token, view)

    def get_run(self, run_id: str) -> Run:
        return convert.run(self._raw_run(run_id))

    def find_run(self, prefix: str) -> Run:
        wanted = prefix.strip().lower()
        # Nothing else may stand in an id, and % or a quote would mean something in the search below.
        if not is_run_id(wanted):
            raise RunNotFound(clean(prefix))
        if len(wanted) >= 32:
            run = self.get_run(wanted)
            if run.lifecycle_stage != "active":
                raise RunNotFound(clean(prefix))
            return run
        experiments = [e.experiment_id for e in self.list_experiments()]
        if not experiments:
            raise RunNotFound(clean(prefix))
        with self._asking():
            page = self._runs.plain_page(experiments, f"attributes.run_id LIKE '{wanted}%'", (), _CANDIDATES, None)
        # To LIKE an underscore is any character.
        found = [r for r in page.runs if r.run_id.lower().startswith(wanted)]
        exact = [r for r in found if r.run_id.lower() == wanted]
        if len(exact or found) > 1:
            raise AmbiguousRunId(clean(prefix), tuple(sorted(r.run_id for r in found)))
        if not found:
            raise RunNotFound(clean(prefix))
        return (exact or found)[0]

    def metric_history(self, run_id: str, key: str, most: int | None = None) -> MetricHistory:  # noqa: ARG002
        check_run_id(run_id)
        with self._asking(lambda: RunNotFound(clean(run_id))):
            points = list(self._client.get_metric_history(run_id, key))
        if not points:
            # A database store answers the same for a run that does not exist.
            self._raw_run(run_id)
        return convert.history(run_id, key, points)

    def metric_summaries(self, run_id: str, keys: Sequence[str]) -> tuple[MetricSummary, ...]:
        return summarize(keys, lambda key: self.metric_history(run_id, key), SUMMARY_SECONDS)

    def list_artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        run = self._raw_run(run_id)
        with self._asking():
            return self._artifacts(run).list(path)

    def read_artifact(self, run_id: str, path: str, max_bytes: int) -> bytes:
        run = self._raw_run(run_id)
        with self._asking():
            return self._artifacts(run).read(path, max_bytes)

    @contextmanager
    def open_artifact(self, run_id: str, path: str, whole_most: int | None = None) -> Iterator[ArtifactStream]:
        run = self._raw_run(run_id)
        with self._asking(), self._artifacts(run).open(path, whole_most) as stream:
            yield stream

    def list_registered_models(self) -> tuple[RegisteredModel, ...]:
        if self._registry_is_empty():
            return ()
        with self._asking():
            found = _all_pages(lambda token: self._client.search_registered_models(max_results=_PAGE, page_token=token))
            return tuple(sorted((convert.registered_model(m) for m in found), key=lambda m: m.raw_name))

    def list_model_versions(self, model: str) -> tuple[ModelVersion, ...]:
        if self._registry_is_empty():
            raise ModelNotFound(clean(model))
        aliases = self._aliases(model)
        with self._asking():
            quote = next((q for q in "'\"" if q not in model), None)
            search = f"name={quote}{model}{quote}" if quote else ""
            found = [v for v in self._search_versions(search) if v.name == model]
            versions = [convert.model_version(v, aliases) for v in found]
        return tuple(sorted(versions, key=lambda v: -v.order))

    def versions_of_run(self, run_id: str) -> tuple[ModelVersion, ...]:
        if self._registry_is_empty() or not is_run_id(run_id):
            return ()
        with self._asking():
            found = self._search_versions(f"run_id='{run_id}'")
        aliases = {name: self._aliases(name) for name in {v.name for v in found}}
        versions = [convert.model_version(v, aliases[v.name]) for v in found]
        return tuple(sorted(versions, key=lambda v: (v.raw_model, -v.order)))

    def model_sources(self, run_id: str) -> tuple[ModelSource, ...]:
        run = self._raw_run(run_id)
        with self._asking():
            models = self._models(run)
            sources = [convert.logged_model_source(m.model_id, m.name) for m in models]
            taken = {m.name for m in models}
            older = [p for p in convert.older_model_paths(dict(run.data.tags)) if p not in taken]
        return (*sources, *(ModelSource(f"runs:/{run_id}/{path}", clean(path)) for path in older))

    # RegistryWriter

    def create_version(self, model: str, source: str, run_id: str) -> ModelVersion:
        self.create_model(model)
        model_id = source.removeprefix("models:/") if source.startswith("models:/m-") else None
        with self._writes("registering a model version") as client:
            place = self._underlying(source)
            created = client.create_model_version(model, place, run_id, await_creation_for=0, model_id=model_id)
        return convert.model_version(created, self._aliases(model))

    def transition(self, model: str, version: str, stage: Stage, *, archive_existing: bool) -> ModelVersion:
        if archive_existing and stage not in {Stage.PRODUCTION, Stage.STAGING}:
            # MLflow's server fails on this, and its client would repeat the request for minutes.
            raise ValueError(f"archive_existing has no meaning for stage {stage}")
        with self._writes("changing a stage", lambda: self._absent(model, version)) as client:
            moved = client.transition_model_version_stage(model, self._number(version), stage.value, archive_existing)
        return convert.model_version(moved, self._aliases(model))

    def terminate_run(self, run_id: str, status: str) -> None:
        self._raw_run(run_id)
        with self._writes("ending a run", lambda: RunNotFound(clean(run_id))) as client:
            client.set_terminated(run_id, status)

    # Inside

    @contextmanager
    def _asking(self, missing: Callable[[], UsageError] | None = None) -> Iterator[None]:
        """Translates errors; after the server failed, the next call makes quick first contact before MLflow waits."""
        self._ensure_contact()
        try:
            with faults.translated(self._shown, missing):
                yield
        except StoreUnavailable:
            self._alive = False
            raise

    def _ensure_contact(self) -> None:
        if self._alive:
            return
        for place in {self._store.tracking, self._store.registry}:
            if place.kind is StoreKind.SERVER:
                server_probe.probe(place.uri, place.shown)
        self._alive = True

    @contextmanager
    def _writes(self, what: str, missing: Callable[[], UsageError] | None = None) -> Iterator[Any]:
        """The writing client. While it is in use no request of this process is retried, whatever the user set."""
        if not self._writable:
            raise ReadOnly(what, "this store was opened to look only")
        self._ensure_contact()
        with _writing:
            before = os.environ.get(_RETRIES)
            os.environ[_RETRIES] = "0"
            try:
                with faults.translated(self._shown, missing):
                    if self._writer is None:
                        self._writer = mlflow_client.writer(self._store)
                    mlflow_client.make_default(self._client)
                    yield self._writer
            except StoreUnavailable:
                self._alive = False
                raise
            finally:
                if before is None:
                    del os.environ[_RETRIES]
                else:
                    os.environ[_RETRIES] = before

    def _raw_run(self, run_id: str) -> Any:
        """MLflow's own entity. Raises RunNotFound."""
        check_run_id(run_id)
        with self._asking(lambda: RunNotFound(clean(run_id))):
            return self._client.get_run(run_id)

    def _artifacts(self, run: Any) -> RunArtifacts:
        run_id, root = str(run.info.run_id), str(run.info.artifact_uri)
        remote = mlflow_client.ClientArtifacts(self._client, run_id)
        return RunArtifacts(self._shown, run_id, root, lambda: self._models(run), remote)

    def _models(self, run: Any) -> list[LoggedModel]:
        """The run's MLflow 3 models, newest first. One that is gone from the store is left out."""
        found: list[LoggedModel] = []
        for index, model_id in enumerate(convert.model_output_ids(run)):
            try:
                entity = self._client.get_logged_model(model_id)
            except Exception as error:
                if not faults.is_missing(error):
                    raise
                continue
            name = str(entity.name or model_id)
            found.append(LoggedModel(model_id, name, entity.creation_timestamp or index, entity.artifact_location))
        return newest_first(found)

    def _aliases(self, model: str) -> dict[str, str]:
        """Raw alias -> version. Raises ModelNotFound."""
        try:
            with self._asking(lambda: ModelNotFound(clean(model))):
                try:
                    return convert.aliases(self._client.get_registered_model(model))
                except Exception as error:
                    # A name that no model can have; which those are, differs between stores.
                    if faults.is_invalid(error):
                        raise ModelNotFound(clean(model)) from error
                    raise
        except ModelNotFound:
            raise ModelNotFound(clean(model), tuple(m.name for m in self.list_registered_models())) from None

    def _missing_model(self, model: str) -> bool:
        return model not in {m.raw_name for m in self.list_registered_models()}

    def _search_versions(self, search: str) -> list[Any]:
        return _all_pages(lambda token: self._client.search_model_versions(search, _PAGE, None, token))

    def _registry_is_empty(self) -> bool:
        """Whether a file store has no registry yet; MLflow's would make its folder when asked."""
        registry = self._store.registry
        return (
            registry.kind is StoreKind.FILES and registry.path is not None and not (registry.path / "models").is_dir()
        )

    def _underlying(self, source: str) -> str:
        """Where the artifacts of ``runs:/...`` lie, which is what the registry keeps."""
        match = re.fullmatch(r"runs:/([^/]+)/(.+)", source)
        if match is None:
            return source
        base = str(self._raw_run(match.group(1)).info.artifact_uri)
        return f"{base.rstrip('/')}/{match.group(2)}"


def _all_pages(ask: Callable[[str | None], Any]) -> list[Any]:
    """Everything a paged search finds."""
    found: list[Any] = []
    token: str | None = None
    while True:
        page = ask(token)
        found += list(page)
        token = page.token or None
        if token is None:
            return found
