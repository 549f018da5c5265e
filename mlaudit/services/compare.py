"""The judgement: a candidate run against the model in production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.baseline import SelectorKind, parse_selector
from mlaudit.domain.builtin_rules import TOLERANCE, rules_for
from mlaudit.domain.comparison import Comparison, Side
from mlaudit.domain.diff import diff_runs
from mlaudit.domain.errors import AmbiguousModel, ModelNotFound
from mlaudit.domain.gate import GatePolicy, Role, evaluate
from mlaudit.domain.models import ModelVersion, Run, Stage
from mlaudit.domain.verdict import GateSide
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.replicates import ReplicateFinder
from mlaudit.services.requests import Request
from mlaudit.services.resolution import Baseline, Model, resolve_baseline, resolve_model
from mlaudit.services.run_lookup import run_to_look_at
from mlaudit.services.values import ValueReader

__all__ = ["Bench", "CompareRun", "Comparison", "Side", "compare_run"]


@dataclass(frozen=True, slots=True)
class CompareRun(Request[Comparison]):
    """Judge a run. The policy file was found and read by whoever composes the services."""

    run_id: str
    """An id or unique prefix; of a deleted run, which is comparable with none, its whole id."""
    model: str | None = None
    against: str | None = None
    """A baseline selector; None: what the policy says."""

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the comparison of run {self.run_id[:12]}"


def compare_run(reader: TrackingReader, policies: Policies, request: CompareRun) -> Comparison:
    """Judge a run, together with its replicates, by its model's policy.

    Two versions in the baseline's stage, or a baseline whose run is gone, are verdicts and not exceptions, so that a
    report is written. Raises RunNotFound, AmbiguousRunId, ModelNotFound, AmbiguousModel, VersionNotFound,
    BaselineSelectorError, StoreError.
    """
    return Bench(reader, policies).compare(request)


class Bench:
    """Judges run after run on one view of the store: replicates and histories are looked up once. For one request."""

    def __init__(self, reader: TrackingReader, policies: Policies, *, info: bool = True) -> None:
        """``info``: measure the noise of metrics that do not decide, too."""
        self._reader = reader
        self._policies = policies
        self._info = info
        self.finder = ReplicateFinder(reader)
        self._values = ValueReader(reader)

    def compare(self, request: CompareRun) -> Comparison:
        """See :func:`compare_run`."""
        reader = self._reader
        candidate = run_to_look_at(reader, request.run_id)
        model = _model(reader, self._policies, candidate, request)
        policy = self._policies.for_model(model.raw_name if model else None)
        versions = _versions(reader, model)
        version = next((v for v in versions if v.run_id == candidate.run_id), None)
        found = resolve_baseline(
            reader, policy, versions, candidate=candidate, model=model.name if model else None, against=request.against
        )
        baseline = found.run
        rules = policy.metrics or rules_for(candidate.metrics, baseline.metrics if baseline else None)
        judged = replace(policy, metrics=rules)
        replicates = self.finder.find(policy, candidate, baseline)
        warnings = [*_about_policy(policy, model), *found.warnings, *_about_identity(candidate, version, found)]
        warnings += replicates.warnings
        sides = (
            self._values.side(replicates.candidate, "candidate", judged, warnings),
            self._values.side(replicates.baseline, "baseline", judged, warnings) if baseline else None,
        )
        measured = [rule for rule in rules if self._info or rule.role is not Role.INFO]
        groups = self._values.groups(replicates.groups, measured) if baseline else {}
        warnings += self._values.limits()
        checks = (found.check,) if found.check else ()
        return Comparison(
            store=reader.describe(),
            model=model.name if model else None,
            raw_model=model.raw_name if model else None,
            model_reason=model.reason if model else "",
            candidate=_side(candidate, version, replicates.candidate, sides[0]),
            baseline=_side(baseline, found.version, replicates.baseline, sides[1]) if baseline and sides[1] else None,
            selector=found.selector,
            diff=diff_runs(candidate, baseline) if baseline else None,
            verdict=evaluate(judged, *sides, groups=groups, checks=checks, warnings=warnings),
            policy=judged,
            calibration=tuple(tuple(r.run_id for r in group) for group in replicates.groups) if baseline else (),
        )


def _side(run: Run, version: ModelVersion | None, replicates: Sequence[Run], judged: GateSide) -> Side:
    """``replicates``: the run itself first."""
    values = {name: tuple(zip(judged.runs[name], found, strict=True)) for name, found in judged.metrics.items()}
    return Side(run, version, tuple(r.run_id for r in replicates[1:]), values)


def _model(reader: TrackingReader, policies: Policies, candidate: Run, request: CompareRun) -> Model | None:
    """The model in question; None only where a run is named as baseline and no model can be told."""
    try:
        return resolve_model(reader, policies, candidate, request.model)
    except AmbiguousModel:
        if request.against is not None and parse_selector(request.against).kind is SelectorKind.RUN:
            return None
        raise


def _versions(reader: TrackingReader, model: Model | None) -> tuple[ModelVersion, ...]:
    if model is None:
        return ()
    try:
        return reader.list_model_versions(model.raw_name)
    except ModelNotFound:  # the policy knows a model that nobody has registered yet
        return ()


def _about_policy(policy: GatePolicy, model: Model | None) -> list[str]:
    """What a reader must know when it is not a policy's own rules that judge."""
    built_in = f"the built-in rules judge: at most {TOLERANCE:.0%} worse in metrics of well-known names"
    if policy.path is None:
        return [f"no policy file was found; {built_in}"]
    if not policy.model:
        about = f"for model {model.name}" if model else "for a comparison without a model"
        return [f"the policy file has no section {about}; {built_in}"]
    return [] if policy.metrics else [f"the policy names no metric for model {policy.model}; {built_in}"]


def _about_identity(candidate: Run, version: ModelVersion | None, found: Baseline) -> list[str]:
    if found.run is not None and found.run.run_id == candidate.run_id:
        return ["the candidate is itself the baseline: a run is compared with itself"]
    if version is not None and version.stage is Stage.PRODUCTION:
        return [f"the candidate is itself in Production, as version {version.version}"]
    return []
