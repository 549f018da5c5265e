"""A candidate, a baseline, what differs between them and the verdict: what every front end and report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlaudit.domain.diff import RunDiff
from mlaudit.domain.models import ModelVersion, Run, StoreInfo
from mlaudit.domain.verdict import GatePolicy, Verdict


@dataclass(frozen=True, slots=True)
class Side:
    """The candidate or the baseline of a comparison."""

    run: Run
    version: ModelVersion | None = None
    """The registered version of the model in question that this run is, if any."""
    replicates: tuple[str, ...] = ()
    """Ids of the runs that are judged together with it, if any: what is judged is the mean over it and them."""
    values: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    """Metric that was judged -> the run's id and the value of each replicate that has one, the run's own first."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that the diff screen, the reports and a promotion need to know."""

    store: StoreInfo
    model: str | None
    """The registered model's printable name; None for a plain comparison of two runs (``run:ID``) without a model."""
    raw_model: str | None
    model_reason: str
    """How it was found: ``--model``, ``the run's own version``, ``the policy``, ``the only model in Production here``,
    or nothing."""
    candidate: Side
    baseline: Side | None
    selector: str
    """The selector that resolved, or the ones that did not, e.g. ``stage:Production``."""
    diff: RunDiff | None
    """None without a baseline."""
    verdict: Verdict
    policy: GatePolicy
    """As it was applied: where the file names no metric, with the built-in rules filled in."""
    calibration: tuple[tuple[str, ...], ...] = ()
    """The calibration groups, each the ids of its runs: they tell how much a metric varies by itself."""
