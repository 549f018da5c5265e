"""The model in production as something to look at: its run, without judging anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import ModelNotFound
from mlaudit.domain.models import ModelVersion, Run
from mlaudit.domain.verdict import GatePolicy
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.requests import Request
from mlaudit.services.resolution import resolve_baseline, resolve_model
from mlaudit.services.run_lookup import run_to_look_at


@dataclass(frozen=True, slots=True)
class Reference:
    """What a run would be judged against, and by which policy."""

    model: str
    """The registered model's printable name."""
    selector: str
    """The selector that resolved, or all that did not, e.g. ``stage:Production``."""
    run: Run | None
    version: ModelVersion | None
    policy: GatePolicy
    problem: str = ""
    """A printable sentence: why there is no run; empty where there is one."""


@dataclass(frozen=True, slots=True)
class FindReference(Request[Reference]):
    """The baseline of a run's model, found as for :class:`~mlaudit.services.compare.CompareRun`."""

    run_id: str
    model: str | None = None

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the model in production for run {self.run_id[:12]}"


def find_reference(reader: TrackingReader, policies: Policies, request: FindReference) -> Reference:
    """Nobody in production is no error. Raises RunNotFound, AmbiguousModel, ModelNotFound, StoreError, PolicyError."""
    run = run_to_look_at(reader, request.run_id)
    model = resolve_model(reader, policies, run, request.model)
    policy = policies.for_model(model.raw_name)
    try:
        versions = reader.list_model_versions(model.raw_name)
    except ModelNotFound:  # the policy knows a model that nobody has registered yet
        versions = ()
    found = resolve_baseline(reader, policy, versions, candidate=run, model=model.name, against=None)
    problem = "" if found.run else found.check.detail if found.check else f"{model.name} has no {found.selector}"
    return Reference(model.name, found.selector, found.run, found.version, policy, problem)
