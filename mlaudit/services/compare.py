"""The judgement: a candidate run against the model in production."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.domain.diff import RunDiff
from mlaudit.domain.gate import GatePolicy, Verdict
from mlaudit.domain.models import ModelVersion, Run, StoreInfo
from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class Side:
    """The candidate or the baseline of a comparison."""

    run: Run
    version: ModelVersion | None = None
    """The registered version of the model in question that this run is, if any."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that the diff screen, the reports and a promotion need to know."""

    store: StoreInfo
    model: str | None
    """The registered model's printable name; None for a plain comparison of two runs (``run:ID``) without a model."""
    raw_model: str | None
    model_reason: str
    """How the model was found: ``the run's own version``, ``--model``, ``the policy``, ``the only model in Production here``."""
    candidate: Side
    baseline: Side | None
    selector: str
    """The selector that resolved, or the ones that did not, e.g. ``stage:Production``."""
    diff: RunDiff | None
    """None without a baseline."""
    verdict: Verdict
    policy: GatePolicy


@dataclass(frozen=True, slots=True)
class CompareRun(Request[Comparison]):
    """Judge a run. The policy file was found and read by whoever composes the services."""

    run_id: str
    """An id or unique prefix."""
    model: str | None = None
    against: str | None = None
    """A baseline selector; None: what the policy says."""

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the comparison of run {self.run_id[:12]}"
