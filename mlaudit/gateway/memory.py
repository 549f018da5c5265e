"""A store in memory behind the same Protocols as a real one: for tests, and for whoever builds on mlaudit's services.

What is put in is raw, as a store would have it; what comes out is clean, converted at the same edge as with MLflow.
Ids and times are deterministic: the same calls build the same store. One contract suite runs against this and against
the real stores, so that it cannot drift from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from mlaudit.domain.errors import (
    AmbiguousRunId,
    FilterError,
    ModelNotFound,
    NotAStore,
    RunNotFound,
    StoreError,
    VersionNotFound,
)
from mlaudit.domain.filter_match import Searchable, matches, parse_order, sort_key
from mlaudit.domain.filter_warnings import silent_traps, unknown_keys
from mlaudit.domain.filters import Parsed, parse
from mlaudit.domain.metric_summary import MetricSummary, summary_of
from mlaudit.domain.models import (
    Artifact,
    ArtifactStream,
    Dataset,
    Experiment,
    MetricHistory,
    ModelSource,
    ModelVersion,
    RegisteredModel,
    Run,
    RunPage,
    RunStatus,
    Stage,
    StoreInfo,
    StoreKind,
    ViewType,
)
from mlaudit.domain.text import clean, clean_keys, clean_mapping
from mlaudit.gateway.memory_store import MemoryStore, StoredModel, StoredRun


class MemoryGateway(MemoryStore):
    """Gateway on data in memory; filled by the builders of :class:`MemoryStore`. Thread-safe."""

    def __init__(self, *, writable: bool = True, notes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._info = StoreInfo(
            StoreKind.MEMORY, "memory://", "memory://", "MemoryGateway", "handed in", notes, writable=writable
        )
        self.writes: list[str] = []
        """Every write that was done through the RegistryWriter side, in order, in words."""
        self.fail: Callable[[str], StoreError | None] = lambda _method: None
        """Asked before each call with the method's name; a StoreError it returns is raised (for tests of faults)."""
        self.lose: Callable[[str], StoreError | None] = lambda _method: None
        """The same after each call: what was to be done was done, and its answer is lost."""
        self.obstacles: dict[str, str] = {}
        """Run id -> why no record can be kept among its artifacts (for tests)."""
        self.user: str | None = None
        """Whom the store takes its client for, as a server with basic auth does."""

    # TrackingReader

    def describe(self) -> StoreInfo:
        """See :class:`~mlaudit.gateway.base.TrackingReader`, as for all methods below."""
        return self._info

    def list_experiments(self) -> tuple[Experiment, ...]:
        with self._called("list_experiments"):
            active = [self._counted(e) for e in self._experiments.values() if e.lifecycle_stage == "active"]
            return tuple(sorted(active, key=lambda e: (-(e.last_update_time or 0), e.name)))

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
        with self._called("search_runs"):
            if not experiment_ids:
                return RunPage(())
            parsed = parse(filter_string)
            orders = parse_order(order_by)
            offset = _offset(page_token)
            found = [
                (sort_key(subject, orders), run)
                for run in self._runs.values()
                if run.experiment_id in experiment_ids
                and view.shows(run.lifecycle_stage)
                and matches(parsed.terms, subject := _searchable(run))
            ]
            found.sort(key=lambda pair: pair[0])
            page = tuple(self._run(run) for _, run in found[offset : offset + max_results])
            more = offset + max_results < len(found)
            warnings = () if page_token is not None else self._warnings(parsed, experiment_ids, view)
            return RunPage(page, str(offset + max_results) if more else None, warnings)

    def get_run(self, run_id: str) -> Run:
        with self._called("get_run"):
            return self._run(self._stored(run_id))

    def find_run(self, prefix: str) -> Run:
        with self._called("find_run"):
            active = [r for r in self._runs.values() if r.lifecycle_stage == "active"]
            exact = [r for r in active if r.run_id == prefix]
            found = exact or [r for r in active if prefix and r.run_id.startswith(prefix.lower())]
            if not found:
                raise RunNotFound(clean(prefix))
            if len(found) > 1:
                raise AmbiguousRunId(clean(prefix), tuple(sorted(r.run_id for r in found)))
            return self._run(found[0])

    def metric_history(self, run_id: str, key: str, most: int | None = None) -> MetricHistory:  # noqa: ARG002
        with self._called("metric_history"):
            return MetricHistory.from_points(run_id, clean(key), self._stored(run_id).metrics.get(key, []))

    def metric_summaries(self, run_id: str, keys: Sequence[str]) -> tuple[MetricSummary, ...]:
        with self._called("metric_summaries"):
            stored = self._stored(run_id).metrics
            histories = (MetricHistory.from_points(run_id, clean(key), stored.get(key, [])) for key in keys)
            return tuple(summary_of(history) for history in histories)

    def list_artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        with self._called("list_artifacts"):
            files = self._stored(run_id).artifacts
            below = f"{path.strip('/')}/" if path.strip("/") else ""
            entries: dict[str, Artifact] = {}
            for name, content in files.items():
                if not name.startswith(below):
                    continue
                head, deeper, _ = name[len(below) :].partition("/")
                raw = below + head
                entries[raw] = Artifact(clean(raw), raw, bool(deeper), None if deeper else len(content))
            return tuple(sorted(entries.values(), key=lambda a: (not a.is_dir, a.raw_path)))

    def read_artifact(self, run_id: str, path: str, max_bytes: int) -> bytes:
        with self._called("read_artifact"):
            content = self._stored(run_id).artifacts.get(path)
            if content is None:
                raise NotAStore(self._info.uri, f"run {run_id[:12]} has no artifact {clean(path)!r}")
            return content[:max_bytes]

    @contextmanager
    def open_artifact(
        self,
        run_id: str,
        path: str,
        whole_most: int | None = None,  # noqa: ARG002
    ) -> Iterator[ArtifactStream]:
        with self._called("open_artifact"):
            content = self._stored(run_id).artifacts.get(path)
            if content is None:
                raise NotAStore(self._info.uri, f"run {run_id[:12]} has no artifact {clean(path)!r}")
        yield ArtifactStream(iter((content,)), len(content), local=True)

    def list_registered_models(self) -> tuple[RegisteredModel, ...]:
        with self._called("list_registered_models"):
            return tuple(_registered_model(self._models[name]) for name in sorted(self._models))

    def list_model_versions(self, model: str) -> tuple[ModelVersion, ...]:
        with self._called("list_model_versions"):
            return _newest_first(self._model(model))

    def versions_of_run(self, run_id: str) -> tuple[ModelVersion, ...]:
        with self._called("versions_of_run"):
            every = [v for name in sorted(self._models) for v in _newest_first(self._models[name])]
            return tuple(v for v in every if v.run_id == run_id)

    def model_sources(self, run_id: str) -> tuple[ModelSource, ...]:
        with self._called("model_sources"):
            models = self._stored(run_id).models
            return tuple(ModelSource(f"models:/{m}", clean(f"{name} ({m})")) for m, name in reversed(models.items()))

    # RegistryWriter

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        # Each call is one atomic step, as in a database.
        yield

    def current_user(self) -> str | None:
        with self._called("current_user"):
            return self.user

    def model_tags(self, model: str) -> Mapping[str, str]:
        with self._called("model_tags"):
            return dict(self._model(model).tags)

    def version_files(self, model: str, version: str) -> tuple[str, ...] | None:
        with self._called("version_files"):
            found = self._version(model, version)
            if found.run_id is None or found.run_id not in self._runs:
                return ()
            run = self._runs[found.run_id]
            inside = re.fullmatch(rf"runs:/{run.run_id}/(.+)", found.source)
            if not inside and not found.source.startswith("models:/"):
                return None
            below = inside[1] if inside else run.models.get(found.source.removeprefix("models:/"))
            if below in run.artifacts:
                return (clean(below.rpartition("/")[2]),)
            names = [n.removeprefix(f"{below}/") for n in run.artifacts if below and n.startswith(f"{below}/")]
            return tuple(sorted({clean(n.partition("/")[0]) for n in names}))

    def record_obstacle(self, run_id: str) -> str:
        with self._called("record_obstacle"):
            self._stored(run_id)
            return self.obstacles.get(run_id, "")

    def create_model(self, model: str) -> None:
        with self._called("create_model"):
            if model not in self._models:
                self._models[model] = StoredModel(model, self._tick())
                self.writes.append(f"create_model {model}")

    def set_model_tag(self, model: str, key: str, value: str) -> None:
        with self._called("set_model_tag"):
            self._model(model).tags[key] = value
            self.writes.append(f"set_model_tag {model} {key}")

    def delete_model_tag(self, model: str, key: str) -> None:
        with self._called("delete_model_tag"):
            self._model(model).tags.pop(key, None)
            self.writes.append(f"delete_model_tag {model} {key}")

    def set_version_tag(self, model: str, version: str, key: str, value: str) -> None:
        with self._called("set_version_tag"):
            found = self._version(model, version)
            tags = dict(found.tags) | {clean(key): clean(value)}
            self._models[model].versions[version] = replace(found, tags=tags)
            self.writes.append(f"set_version_tag {model} {version} {key}")

    def set_alias(self, model: str, alias: str, version: str) -> None:
        with self._called("set_alias"):
            self._version(model, version)
            self._model(model).aliases[alias] = version
            self.writes.append(f"set_alias {model} {alias} {version}")

    def delete_alias(self, model: str, alias: str) -> None:
        with self._called("delete_alias"):
            self._model(model).aliases.pop(alias, None)
            self.writes.append(f"delete_alias {model} {alias}")

    def write_artifact(self, run_id: str, path: str, text: str) -> None:
        with self._called("write_artifact"):
            self._stored(run_id).artifacts[path] = text.encode()
            self.writes.append(f"write_artifact {run_id} {path}")

    def create_version(self, model: str, source: str, run_id: str) -> ModelVersion:
        with self._called("create_version"):
            self._stored(run_id)
            number = self.add_version(model, run_id, source=source)
            self.writes.append(f"create_version {model} {number}")
            return self._models[model].versions[number]

    def transition(self, model: str, version: str, stage: Stage, *, archive_existing: bool) -> ModelVersion:
        if archive_existing and stage not in {Stage.PRODUCTION, Stage.STAGING}:
            raise ValueError(f"archive_existing has no meaning for stage {stage}")
        with self._called("transition"):
            self._version(model, version)
            stored = self._model(model)
            now = self._tick()
            for number, other in stored.versions.items():
                if number == version:
                    stored.versions[number] = replace(other, stage=stage, last_updated=now)
                elif archive_existing and other.stage == stage:
                    stored.versions[number] = replace(other, stage=Stage.ARCHIVED, last_updated=now)
            self.writes.append(f"transition {model} {version} {stage}")
            return next(v for v in _newest_first(stored) if v.version == version)

    def terminate_run(self, run_id: str, status: str) -> None:
        with self._called("terminate_run"):
            run = self._stored(run_id)
            run.status, run.end_time = str(RunStatus(status)), self._tick()
            self.writes.append(f"terminate_run {run_id} {status}")

    # Inside

    @contextmanager
    def _called(self, method: str) -> Iterator[None]:
        """Holds the lock during a call; fails before it or loses its answer after it, where a test wants that."""
        error = self.fail(method)
        if error is not None:
            raise error
        with self._lock:
            yield
        error = self.lose(method)
        if error is not None:
            raise error

    def _model(self, model: str) -> StoredModel:
        """Raises ModelNotFound."""
        stored = self._models.get(model)
        if stored is None:
            raise ModelNotFound(clean(model), tuple(clean(m) for m in sorted(self._models)))
        return stored

    def _version(self, model: str, version: str) -> ModelVersion:
        """Raises ModelNotFound, VersionNotFound."""
        found = self._model(model).versions.get(version)
        if found is None:
            raise VersionNotFound(clean(model), f"version {clean(version)}")
        return found

    def _warnings(self, parsed: Parsed, experiment_ids: Sequence[str], view: ViewType) -> tuple[str, ...]:
        """What the filter does not find though it looks so, and experiments that are not there."""
        missing = [i for i in experiment_ids if i not in self._experiments]
        runs = [r for r in self._runs.values() if r.experiment_id in experiment_ids and view.shows(r.lifecycle_stage)]
        known = {
            entity: {key for run in runs for key in getattr(run, f"{entity}s")} for entity in ("metric", "param", "tag")
        }
        unknown, named = unknown_keys(parsed.terms, lambda c: c.key in known[c.entity], known.__getitem__)
        return (
            *(f"there is no experiment with the id {clean(i)}" for i in missing),
            *(() if missing else unknown),
            *silent_traps(parsed, named),
        )

    def _counted(self, experiment: Experiment) -> Experiment:
        """The experiment with how many active runs it has and when the newest started."""
        started = [
            r.start_time
            for r in self._runs.values()
            if r.experiment_id == experiment.experiment_id and r.lifecycle_stage == "active"
        ]
        return replace(experiment, run_count=len(started), last_run_time=max(started, default=None))

    def _run(self, run: StoredRun) -> Run:
        """The clean form of a run."""
        printable, changed = clean_keys([*run.params, *run.metrics, *run.tags])
        return Run(
            run.run_id,
            run.experiment_id,
            clean(run.name),
            run.status,
            run.lifecycle_stage,
            clean(run.user),
            run.start_time,
            run.end_time,
            run.artifact_uri,
            {printable[k]: clean(v) for k, v in run.params.items()},
            {printable[k]: run.latest(k) for k in run.metrics},
            {printable[k]: clean(v) for k, v in run.tags.items()},
            tuple(
                Dataset(*map(clean, (d.name, d.digest, d.context, d.source_type, d.source, d.schema, d.profile)))
                for d in run.datasets
            ),
            tuple(run.models),
            changed,
        )


def _offset(page_token: str | None) -> int:
    if page_token is None:
        return 0
    if not page_token.isdigit():
        raise FilterError(page_token, "this page token is not one of this store's")
    return int(page_token)


def _searchable(run: StoredRun) -> Searchable:
    attributes: dict[str, str | int | None] = {
        "run_id": run.run_id,
        "run_name": run.name,
        "status": run.status,
        "user_id": run.user,
        "artifact_uri": run.artifact_uri,
        "start_time": run.start_time,
        "end_time": run.end_time,
    }
    datasets = tuple({"name": d.name, "digest": d.digest, "context": d.context} for d in run.datasets)
    return Searchable(attributes, {k: run.latest(k) for k in run.metrics}, run.params, run.tags, datasets)


def _registered_model(model: StoredModel) -> RegisteredModel:
    updated = max((v.last_updated or 0 for v in model.versions.values()), default=model.created)
    return RegisteredModel(
        clean(model.name),
        model.name,
        clean(model.description),
        model.created,
        updated,
        clean_mapping(model.aliases),
        clean_mapping(model.tags),
    )


def _newest_first(model: StoredModel) -> tuple[ModelVersion, ...]:
    versions = sorted(model.versions.values(), key=lambda v: -v.order)
    return tuple(
        replace(v, aliases=tuple(sorted(clean(a) for a, number in model.aliases.items() if number == v.version)))
        for v in versions
    )
