"""The files in which a run recorded what it was trained with: beside the artifacts, and with each of its models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.domain.models import Artifact
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.model_card import ENVIRONMENT_FILES
from mlaudit.services.requests import Request

NAMES = frozenset(
    {*ENVIRONMENT_FILES, "environment.yml", "environment.yaml", "pip-freeze.txt", "pyproject.toml", "poetry.lock"}
    | {"uv.lock", "Pipfile.lock", "conda-lock.yml", "Dockerfile"}
)
MOST_FOLDERS = 12


@dataclass(frozen=True, slots=True)
class EnvironmentFiles:
    """What was found."""

    files: tuple[Artifact, ...]
    """At the top first, then folder by folder."""
    skipped: int = 0
    """Folders that were not looked into, as there are too many."""


@dataclass(frozen=True, slots=True)
class FindEnvironment(Request[EnvironmentFiles]):
    """At the top of a run's artifacts and directly below, where models are."""

    run_id: str

    deadline: ClassVar[float] = 30.0

    @property
    def what(self) -> str:
        return f"the environment files of run {self.run_id[:12]}"


def find_environment(reader: TrackingReader, request: FindEnvironment) -> EnvironmentFiles:
    """Raises RunNotFound, StoreError."""
    top = reader.list_artifacts(request.run_id)
    folders = [entry for entry in top if entry.is_dir]
    found = list(_among(top))
    for folder in folders[:MOST_FOLDERS]:
        found += _among(reader.list_artifacts(request.run_id, folder.raw_path))
    return EnvironmentFiles(tuple(found), max(0, len(folders) - MOST_FOLDERS))


def _among(entries: tuple[Artifact, ...]) -> list[Artifact]:
    return [entry for entry in entries if not entry.is_dir and entry.raw_path.rpartition("/")[2] in NAMES]
