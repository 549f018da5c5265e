"""A reader that asks the store each question once, for the length of one request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

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
    StoreInfo,
    ViewType,
)
from mlaudit.gateway.base import TrackingReader

T = TypeVar("T")
FEW_MODELS = 20
"""Up to so many registered models, all their versions are read at once instead of asking run by run."""


class RememberingReader:
    """A :class:`~mlaudit.gateway.base.TrackingReader` on another one. It never looks again: use it for one request."""

    def __init__(self, reader: TrackingReader) -> None:
        self._reader = reader
        self._answers: dict[Hashable, Any] = {}
        self._lock = threading.RLock()

    def remember(self, runs: Sequence[Run]) -> None:
        """Runs that are at hand already: they are not asked for again."""
        with self._lock:
            self._answers |= {("get_run", run.run_id): run for run in runs}

    def describe(self) -> StoreInfo:
        """See :class:`~mlaudit.gateway.base.TrackingReader`, as for all methods below."""
        return self._reader.describe()

    def list_experiments(self) -> tuple[Experiment, ...]:
        return self._once(("list_experiments",), self._reader.list_experiments)

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
        page = self._reader.search_runs(
            experiment_ids,
            filter_string=filter_string,
            order_by=order_by,
            max_results=max_results,
            page_token=page_token,
            view=view,
        )
        self.remember(page.runs)
        return page

    def get_run(self, run_id: str) -> Run:
        return self._once(("get_run", run_id), lambda: self._reader.get_run(run_id))

    def find_run(self, prefix: str) -> Run:
        known = self._answers.get(("get_run", prefix))
        if isinstance(known, Run) and known.lifecycle_stage == "active":
            return known
        return self._once(("find_run", prefix), lambda: self._reader.find_run(prefix))

    def metric_history(self, run_id: str, key: str, most: int | None = None) -> MetricHistory:
        return self._reader.metric_history(run_id, key, most)

    def metric_summaries(self, run_id: str, keys: Sequence[str]) -> tuple[MetricSummary, ...]:
        return self._reader.metric_summaries(run_id, keys)

    def list_artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        return self._reader.list_artifacts(run_id, path)

    def read_artifact(self, run_id: str, path: str, max_bytes: int) -> bytes:
        return self._reader.read_artifact(run_id, path, max_bytes)

    def open_artifact(
        self, run_id: str, path: str, whole_most: int | None = None
    ) -> AbstractContextManager[ArtifactStream]:
        return self._reader.open_artifact(run_id, path, whole_most)

    def list_registered_models(self) -> tuple[RegisteredModel, ...]:
        return self._once(("list_registered_models",), self._reader.list_registered_models)

    def list_model_versions(self, model: str) -> tuple[ModelVersion, ...]:
        return self._once(("list_model_versions", model), lambda: self._reader.list_model_versions(model))

    def versions_of_run(self, run_id: str) -> tuple[ModelVersion, ...]:
        models = self.list_registered_models()
        if len(models) > FEW_MODELS:
            return self._once(("versions_of_run", run_id), lambda: self._reader.versions_of_run(run_id))
        every = [version for model in models for version in self.list_model_versions(model.raw_name)]
        return tuple(version for version in every if version.run_id == run_id)

    def model_sources(self, run_id: str) -> tuple[ModelSource, ...]:
        return self._reader.model_sources(run_id)

    def _once(self, question: Hashable, ask: Callable[[], T]) -> T:
        """The answer, which may also be an error: the same question gets the same one."""
        with self._lock:
            if question not in self._answers:
                try:
                    self._answers[question] = ask()
                except Exception as error:
                    self._answers[question] = error
                    raise
            answer = self._answers[question]
        if isinstance(answer, Exception):
            raise answer
        return cast(T, answer)
