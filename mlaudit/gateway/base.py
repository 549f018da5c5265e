"""What a store must be able to do: the Protocols behind which MLflow, the SQL reader and the in-memory store stand.

All methods are synchronous and may block; the screen reaches them through the worker only. Text in what they return is
clean (:mod:`mlaudit.domain.text`), order is stable, and nothing here changes a store except :class:`RegistryWriter`.

Every method may raise :class:`~mlaudit.domain.errors.StoreError` and its subclasses; others are named where they occur.
Strings that identify (``run_id``, ``key``, ``model``, ``path``) are taken in the store's own, raw form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

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
    ViewType,
)


class TrackingReader(Protocol):
    """Reads experiments, runs, histories, artifacts and the registry. Never writes."""

    def describe(self) -> StoreInfo:
        """Which store this is. Does not touch the store."""
        ...

    def list_experiments(self) -> tuple[Experiment, ...]:
        """All active experiments, most recently updated first, then by name. No truncation."""
        ...

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
        """One page of the runs that match ``filter_string``: MLflow's ``search_runs`` language, OR and parentheses.

        Without ``order_by``: newest start_time first, then run_id. A page may be shorter than ``max_results`` and yet
        have a next one. A first page warns of what the filter silently leaves out (:mod:`mlaudit.domain.filters`).
        ``view``: whether deleted runs are among them.
        Raises FilterError for a filter or order_by that the store rejects. An empty ``experiment_ids`` gives an empty
        page.
        """
        ...

    def get_run(self, run_id: str) -> Run:
        """The run with exactly this id, deleted ones too (see ``lifecycle_stage``). Raises RunNotFound."""
        ...

    def find_run(self, prefix: str) -> Run:
        """The active run whose id is or uniquely starts with ``prefix``. Raises RunNotFound, AmbiguousRunId."""
        ...

    def metric_history(self, run_id: str, key: str, most: int | None = None) -> MetricHistory:
        """Every logged value of a metric by (step, timestamp, value); empty if never logged. Raises RunNotFound.

        With ``most``, a database gives of a longer history about so many points, the least and the greatest of each
        stretch, and says so (``sampled``, ``total``). Other stores give it whole.
        """
        ...

    def metric_summaries(self, run_id: str, keys: Sequence[str]) -> tuple[MetricSummary, ...]:
        """Summaries of metrics in the order of ``keys``, one a key, also of those that were never logged.

        A database gives all of them at once; other stores must read the histories, and give those of the first keys:
        of one at least, and of no more than take about a second. Raises RunNotFound.
        """
        ...

    def list_artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        """The entries directly below ``path``, folders first, then by name. Raises RunNotFound."""
        ...

    def read_artifact(self, run_id: str, path: str, max_bytes: int) -> bytes:
        """At most ``max_bytes`` from the start of a file artifact. Raises RunNotFound, NotAStore when it is missing."""
        ...

    def open_artifact(
        self, run_id: str, path: str, whole_most: int | None = None
    ) -> AbstractContextManager[ArtifactStream]:
        """The content of a file artifact in chunks; leaving early fetches no more of it.

        Some stores can only be asked for a file as a whole: one above ``whole_most`` bytes (None: no limit) is not
        fetched then. Raises RunNotFound, NotAStore when it is missing, ArtifactTooLarge.
        """
        ...

    def list_registered_models(self) -> tuple[RegisteredModel, ...]:
        """All registered models by name. No truncation."""
        ...

    def list_model_versions(self, model: str) -> tuple[ModelVersion, ...]:
        """All versions of a model with stages and aliases, newest first. Raises ModelNotFound."""
        ...

    def versions_of_run(self, run_id: str) -> tuple[ModelVersion, ...]:
        """The versions, of any model, that were registered from this run; model name, then newest first."""
        ...

    def model_sources(self, run_id: str) -> tuple[ModelSource, ...]:
        """The models this run logged, newest first: what could be registered. Raises RunNotFound."""
        ...


class RegistryWriter(Protocol):
    """The writes, and the reads that only a promotion needs. No write is ever sent twice: an ambiguous failure raises,
    and the caller reads back."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Held during a promotion. On a file store, whose writes are not atomic, no other mlaudit is inside at once.

        Raises PromotionBusy when another one stays inside, ReadOnly where a file store cannot be locked.
        """
        ...

    def current_user(self) -> str | None:
        """Who the server says we are, clean; None where nobody authenticated."""
        ...

    def model_tags(self, model: str) -> Mapping[str, str]:
        """A registered model's tags, raw, as they are just now. Raises ModelNotFound."""
        ...

    def version_files(self, model: str, version: str) -> tuple[str, ...] | None:
        """Printable names directly below where the version's model lies; empty: it is gone. None: it cannot be told,
        as the place is outside the artifacts of the version's run. Raises ModelNotFound, VersionNotFound."""
        ...

    def record_obstacle(self, run_id: str) -> str:
        """Why a record could not be kept among a run's artifacts, printable, as far as it can be told without trying;
        empty where nothing speaks against it. Raises RunNotFound."""
        ...

    def create_model(self, model: str) -> None:
        """Make the registered model; does nothing when there is one."""
        ...

    def set_model_tag(self, model: str, key: str, value: str) -> None:
        """Set a tag of a registered model: at most 5,000 characters. Raises ModelNotFound."""
        ...

    def delete_model_tag(self, model: str, key: str) -> None:
        """Take a tag off a registered model; no error when it has none. Raises ModelNotFound."""
        ...

    def set_version_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Set a tag of a version: at most 5,000 characters. Raises ModelNotFound, VersionNotFound."""
        ...

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version, in one step. Raises ModelNotFound, VersionNotFound."""
        ...

    def delete_alias(self, model: str, alias: str) -> None:
        """Take an alias away; no error when there is none. Raises ModelNotFound."""
        ...

    def write_artifact(self, run_id: str, path: str, text: str) -> None:
        """Write a small text file among a run's artifacts. Raises RunNotFound."""
        ...

    def create_version(self, model: str, source: str, run_id: str) -> ModelVersion:
        """Register ``source`` as a new version; creates the registered model if there is none."""
        ...

    def transition(self, model: str, version: str, stage: Stage, *, archive_existing: bool) -> ModelVersion:
        """Move a version to ``stage``; with ``archive_existing`` all others there become Archived, in one transaction.

        ``archive_existing`` together with Archived or None is a ValueError. Raises VersionNotFound.
        """
        ...

    def terminate_run(self, run_id: str, status: str) -> None:
        """Set the status and end time of a run that its process left RUNNING. Raises RunNotFound."""
        ...


class Gateway(TrackingReader, RegistryWriter, Protocol):
    """Both sides of one store."""
