"""The experiments of a store: the first question of the app, and of most commands.

Apart from the runs, since the app's first paint waits for what is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mlaudit.domain.errors import ExperimentNotFound
from mlaudit.services.requests import Request

if TYPE_CHECKING:
    from mlaudit.domain.models import Experiment, StoreInfo
    from mlaudit.gateway.base import TrackingReader


@dataclass(frozen=True, slots=True)
class ExperimentList:
    """The experiments of a store, and which store it is."""

    store: StoreInfo
    experiments: tuple[Experiment, ...]


@dataclass(frozen=True, slots=True)
class ListExperiments(Request[ExperimentList]):
    """All active experiments."""

    # The first answer also pays for importing MLflow and for connecting.
    deadline: ClassVar[float] = 20.0

    @property
    def what(self) -> str:
        return "the list of experiments"


@dataclass(frozen=True, slots=True)
class ResolveExperiments(Request[ExperimentList]):
    """The experiments with these names or ids. Raises ExperimentNotFound naming those that exist."""

    names: tuple[str, ...] = ()


def list_experiments(reader: TrackingReader, _request: ListExperiments) -> ExperimentList:
    """Raises StoreError."""
    return ExperimentList(reader.describe(), reader.list_experiments())


def resolve_experiments(reader: TrackingReader, request: ResolveExperiments) -> ExperimentList:
    """Experiments by name or id, in the order asked; all of them when no name is given. Raises ExperimentNotFound."""
    every = reader.list_experiments()
    if not request.names:
        return ExperimentList(reader.describe(), every)
    found: list[Experiment] = []
    for name in request.names:
        match = [e for e in every if name in (e.raw_name, e.name)] or [e for e in every if e.experiment_id == name]
        if not match:
            raise ExperimentNotFound(name, tuple(e.name for e in every))
        found += [e for e in match if e not in found]
    return ExperimentList(reader.describe(), tuple(found))
