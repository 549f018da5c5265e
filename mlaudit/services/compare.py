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
from mlaudit.domain.errors import AmbiguousModel, ModelNotFound, StoreError
from mlaudit.domain.gate import GatePolicy, GateSide, MetricRule, evaluate
from mlaudit.domain.models import ModelVersion, Run, Stage, is_finite
from mlaudit.domain.selection import select_value
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.requests import Request
from mlaudit.services.resolution import Baseline, Model, resolve_baseline, resolve_model

__all__ = ["CompareRun", "Comparison", "Side", "compare_run"]


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


def compare_run(reader: TrackingReader, policies: Policies, request: CompareRun) -> Comparison:
    """Judge a run by its model's policy.

    Two versions in the baseline's stage, or a baseline whose run is gone, are verdicts and not exceptions, so that a
    report is written. Raises RunNotFound, AmbiguousRunId, ModelNotFound, AmbiguousModel, VersionNotFound,
    BaselineSelectorError, StoreError.
    """
    candidate = reader.find_run(request.run_id)
    model = _model(reader, policies, candidate, request)
    policy = policies.for_model(model.raw_name if model else None)
    versions = _versions(reader, model)
    version = next((v for v in versions if v.run_id == candidate.run_id), None)
    found = resolve_baseline(
        reader, policy, versions, candidate=candidate, model=model.name if model else None, against=request.against
    )
    baseline = found.run
    rules = policy.metrics or rules_for(candidate.metrics, baseline.metrics if baseline else None)
    warnings = [*_about_policy(policy, model), *found.warnings, *_about_identity(candidate, version, found)]
    judged = replace(policy, metrics=rules)
    verdict = evaluate(
        judged,
        _gate_side(reader, candidate, "candidate", rules, warnings),
        _gate_side(reader, baseline, "baseline", rules, warnings) if baseline else None,
        checks=(found.check,) if found.check else (),
        warnings=warnings,
    )
    return Comparison(
        store=reader.describe(),
        model=model.name if model else None,
        raw_model=model.raw_name if model else None,
        model_reason=model.reason if model else "",
        candidate=Side(candidate, version),
        baseline=Side(baseline, found.version) if baseline else None,
        selector=found.selector,
        diff=diff_runs(candidate, baseline) if baseline else None,
        verdict=verdict,
        policy=judged,
    )


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


def _gate_side(
    reader: TrackingReader, run: Run, who: str, rules: Sequence[MetricRule], warnings: list[str]
) -> GateSide:
    """What the gate needs of a run: the value that each rule selects. Adds to ``warnings``."""
    values = {}
    for rule in rules:
        if rule.name not in run.metrics:
            continue
        value: float | None = run.metrics[rule.name]
        if rule.select != "last":
            history = reader.metric_history(run.run_id, run.raw_key(rule.name))
            if history.sampled:
                raise StoreError(
                    reader.describe().uri,
                    f"it gave only a sample of the history of {rule.name}, which must not be judged",
                )
            value = select_value(history, rule.select, rule.direction)
            if rule.select == "best" and not all(map(is_finite, history.values)):
                warnings.append(f"the {who}'s best {rule.name} is of the finite values only; it logged others too")
            if value is None:
                warnings.append(f"the {who} logged no {rule.name} at {rule.select.replace(':', ' ')}")
        if value is not None:
            values[rule.name] = (value,)
    return GateSide.of(run, values)
