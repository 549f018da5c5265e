"""What a run's metrics came to, and which way each gets better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.builtin_rules import direction_by_name
from mlaudit.domain.errors import MlauditError, StoreError
from mlaudit.domain.metric_summary import MetricSummary
from mlaudit.domain.verdict import Direction
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.requests import Request
from mlaudit.services.resolution import resolve_model


@dataclass(frozen=True, slots=True)
class MetricSummaries:
    """Raw key -> summary; perhaps not of all that were asked for."""

    by_key: Mapping[str, MetricSummary]


@dataclass(frozen=True, slots=True)
class SummarizeMetrics(Request[MetricSummaries]):
    """Count, least and greatest of these metrics; ``keys`` are raw. Ask again for those that are missing."""

    run_id: str
    keys: tuple[str, ...]

    deadline: ClassVar[float] = 120.0

    @property
    def what(self) -> str:
        return f"the courses of the metrics of run {self.run_id[:12]}"


@dataclass(frozen=True, slots=True)
class Directions:
    """Which way metrics get better."""

    by_name: Mapping[str, Direction | None]
    """Every metric that was asked for, by its printable name; None: nobody says."""
    declared: frozenset[str] = frozenset()
    """Those that the policy names; of the others their name tells."""
    policy: str = ""
    """Which policy that is, in words; empty where there is none."""


@dataclass(frozen=True, slots=True)
class FindDirections(Request[Directions]):
    """By the policy of the run's model, else by the built-in table of names."""

    run_id: str

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"which way the metrics of run {self.run_id[:12]} get better"


def summarize_metrics(reader: TrackingReader, request: SummarizeMetrics) -> MetricSummaries:
    """Raises RunNotFound, StoreError."""
    found = reader.metric_summaries(request.run_id, request.keys)
    return MetricSummaries(dict(zip(request.keys, found, strict=False)))


def find_directions(reader: TrackingReader, policies: Policies, request: FindDirections) -> Directions:
    """A run that belongs to no model is judged by names alone. Raises RunNotFound, StoreError."""
    run = reader.get_run(request.run_id)
    declared: dict[str, Direction | None] = {}
    said = ""
    try:
        model = resolve_model(reader, policies, run, None)
        policy = policies.for_model(model.raw_name)
        declared = {rule.name: rule.direction for rule in policy.metrics}
        said = f"{PurePath(policy.path).name} for {model.name}" if policy.path and policy.model else ""
    except StoreError:
        raise
    except MlauditError:
        # Which model it belongs to is not known; that is no matter here.
        pass
    by_name = {name: declared.get(name) or direction_by_name(name) for name in run.metrics}
    return Directions(by_name, frozenset(name for name in run.metrics if declared.get(name)), said)
