"""Finding runs: pages of runs, one run with all that belongs to it, artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.domain.errors import StoreError
from mlaudit.domain.models import Artifact, ModelVersion, Run, RunPage, ViewType
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.requests import Request
from mlaudit.services.run_lookup import run_to_look_at

PAGE_SIZE = 200
"""Runs a page: what a server answers within a second (mlflow's own pages cost 0.4-0.8 s at this size)."""


@dataclass(frozen=True, slots=True)
class SearchRuns(Request[RunPage]):
    """One page of runs."""

    experiment_ids: tuple[str, ...]
    filter_string: str = ""
    order_by: tuple[str, ...] = ()
    max_results: int = PAGE_SIZE
    page_token: str | None = None
    view: ViewType = ViewType.ACTIVE_ONLY

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return "the search for runs"


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run and what belongs to it."""

    run: Run
    experiment_name: str
    versions: tuple[ModelVersion, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be read, in words; the rest is shown all the same."""


@dataclass(frozen=True, slots=True)
class GetRunDetails(Request[RunDetails]):
    """A run with its registered versions and top-level artifacts.

    ``run_id``: an id or unique prefix, of a deleted run the whole id.
    """

    run_id: str
    deadline: ClassVar[float] = 20.0

    @property
    def what(self) -> str:
        return f"run {self.run_id[:12]}"


@dataclass(frozen=True, slots=True)
class ArtifactList:
    """The entries of one artifact folder."""

    path: str
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True)
class ListArtifacts(Request[ArtifactList]):
    """The entries below a run's artifact folder; ``path`` is raw."""

    run_id: str
    path: str = ""
    deadline: ClassVar[float] = 20.0

    @property
    def what(self) -> str:
        return f"the artifacts of run {self.run_id[:12]}"


def search_runs(reader: TrackingReader, request: SearchRuns) -> RunPage:
    """Raises FilterError, StoreError."""
    return reader.search_runs(
        request.experiment_ids,
        filter_string=request.filter_string,
        order_by=request.order_by,
        max_results=request.max_results,
        page_token=request.page_token,
        view=request.view,
    )


def get_run_details(reader: TrackingReader, request: GetRunDetails) -> RunDetails:
    """A missing artifact folder or registry does not hide the run: it is named in ``problems``. Raises RunNotFound."""
    run = run_to_look_at(reader, request.run_id)
    problems: list[str] = []
    versions: tuple[ModelVersion, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    try:
        versions = reader.versions_of_run(run.run_id)
    except StoreError as error:
        problems.append(f"registered versions could not be read: {error.problem}")
    try:
        artifacts = reader.list_artifacts(run.run_id)
    except StoreError as error:
        problems.append(f"artifacts could not be read: {error.problem}")
    names = {e.experiment_id: e.name for e in reader.list_experiments()}
    return RunDetails(run, names.get(run.experiment_id, run.experiment_id), versions, artifacts, tuple(problems))


def list_artifacts(reader: TrackingReader, request: ListArtifacts) -> ArtifactList:
    """Raises RunNotFound, StoreError."""
    return ArtifactList(request.path, reader.list_artifacts(request.run_id, request.path))
