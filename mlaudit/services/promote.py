"""Promotion: plan, confirm, act, read back.

Nothing is ever sent twice. When the answer to a write is lost, the registry is read: it says whether the write was
done. Between the recheck and the transition another client may still act; the read-back finds that and says so.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, NoReturn

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import (
    ModelNotFound,
    MultipleBaselines,
    NotConfirmed,
    NothingToRegister,
    PromotionConflict,
    ReadOnly,
    StalePlan,
    StoreError,
    UsageError,
)
from mlaudit.domain.gate import Outcome
from mlaudit.domain.models import ModelVersion, Stage
from mlaudit.domain.promotion import PromotionOutcome, PromotionPlan
from mlaudit.gateway.base import Gateway, TrackingReader
from mlaudit.services.compare import CompareRun, Comparison, compare_run
from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class PlanPromotion(Request[PromotionPlan]):
    """What promoting this run to Production would do. Changes nothing."""

    run_id: str
    model: str | None = None

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the plan to promote run {self.run_id[:12]}"


@dataclass(frozen=True, slots=True)
class ExecutePromotion(Request[PromotionOutcome]):
    """Do what the plan says, if the registry is still as the plan saw it."""

    plan: PromotionPlan
    typed_name: str = ""
    """What the user typed; must be the model's printable name when ``plan.needs_typed_name``."""

    deadline: ClassVar[float] = 120.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return f"the promotion of {self.plan.model}"


def plan_promotion(gateway: TrackingReader, policies: Policies, request: PlanPromotion) -> PromotionPlan:
    """What would be done, on the registry as it is now; the verdict is that of ``mlaudit diff`` without ``--against``.

    The run's newest version of the model is promoted; if it has none, the newest model it logged is registered first.
    Raises NothingToRegister, UsageError when it is in Production already, MultipleBaselines when two versions are, and
    what :func:`~mlaudit.services.compare.compare_run` raises.
    """
    comparison = compare_run(gateway, policies, CompareRun(request.run_id, request.model))
    run = comparison.candidate.run
    if comparison.model is None or comparison.raw_model is None:
        raise UsageError("a promotion needs a registered model; name one with --model")
    versions = _versions(gateway, comparison.raw_model)
    production = [v for v in versions if v.stage is Stage.PRODUCTION]
    if len(production) > 1:
        # Promotion would archive all of them; which of them is meant to serve must be settled first.
        raise MultipleBaselines(comparison.model, Stage.PRODUCTION, tuple(v.version for v in production))
    # A version whose registration failed has no model behind it.
    version = next((v for v in versions if v.run_id == run.run_id and v.status != "FAILED_REGISTRATION"), None)
    if version is not None and version.stage is Stage.PRODUCTION:
        raise UsageError(f"version {version.version} of {comparison.model}, made by this run, is in Production already")
    source = None
    if version is None:
        sources = gateway.model_sources(run.run_id)
        if not sources:
            raise NothingToRegister(run.run_id)
        source = sources[0]
    plan = PromotionPlan(
        store=comparison.store,
        model=comparison.model,
        raw_model=comparison.raw_model,
        run_id=run.run_id,
        run_name=run.name,
        version=version.version if version else None,
        source=source,
        previous=production[0] if production else None,
        outcome=comparison.verdict.outcome,
        reason=comparison.verdict.reason,
        observed=tuple((v.version, str(v.stage), v.last_updated) for v in versions),
        plan_id="",
        command=_command(comparison),
    )
    return replace(plan, plan_id=_plan_id(plan, comparison, versions))


def execute_promotion(gateway: Gateway, policies: Policies, request: ExecutePromotion) -> PromotionOutcome:
    """Do what the plan says, and say what is in Production afterwards.

    Raises ReadOnly, NotConfirmed, StalePlan, all three before anything is changed; StoreError when nothing was changed;
    PromotionConflict when something was, and not all or not only what was asked; and what planning raises.
    """
    planned = request.plan
    if not gateway.describe().writable:
        raise ReadOnly("promotion", "this store must not be written to")
    plan = _recheck(gateway, policies, planned)
    if plan.needs_typed_name and request.typed_name != plan.model:
        raise NotConfirmed(f"not promoted: the verdict is {plan.outcome}, and the model's name was not typed")
    warnings: list[str] = []
    version = plan.version or _register(gateway, plan, warnings)
    try:
        gateway.transition(plan.raw_model, version, Stage.PRODUCTION, archive_existing=True)
    except StoreError as error:
        lost: StoreError | None = error
    else:
        lost = None
    after = _read_back(gateway, plan, lost)
    production = [v for v in after if v.stage is Stage.PRODUCTION]
    if [v.version for v in production] != [version]:
        _fail(plan, version, production, lost)
    if lost is not None:
        warnings.append(f"the store's answer was lost ({lost.problem}); the registry shows that it was done")
    before = {number for number, stage, _ in plan.observed if stage == Stage.PRODUCTION}
    return PromotionOutcome(
        model=plan.model,
        version=production[0],
        registered=plan.version is None,
        archived=tuple(v for v in after if v.version in before and v.stage is Stage.ARCHIVED),
        warnings=tuple(warnings),
    )


def _versions(reader: TrackingReader, raw_model: str) -> tuple[ModelVersion, ...]:
    """All versions, newest first; none where nobody has registered the model yet."""
    try:
        return reader.list_model_versions(raw_model)
    except ModelNotFound:
        return ()


def _command(comparison: Comparison) -> str:
    """The command line that does the same. A verdict other than PASS is confirmed by typing, so without ``--yes``."""
    words = ["mlaudit", "--tracking-uri", comparison.store.uri]
    if comparison.store.registry_uri != comparison.store.uri:
        words += ["--registry-uri", comparison.store.registry_uri]
    words += ["promote", comparison.candidate.run.run_id, "--model", comparison.model or ""]
    return shlex.join(words + (["--yes"] if comparison.verdict.outcome is Outcome.PASS else []))


def _plan_id(plan: PromotionPlan, comparison: Comparison, versions: Sequence[ModelVersion]) -> str:
    """sha256 of what is planned and of what it was decided on."""
    facts: dict[str, Any] = asdict(replace(plan, plan_id=""))
    # How a store was found or described is no part of what is promoted.
    facts["store"] = [plan.store.kind, plan.store.uri, plan.store.registry_uri]
    facts["policy"] = comparison.policy.sha256
    facts["baseline"] = comparison.baseline.run.run_id if comparison.baseline else None
    facts["values"] = [(m.name, repr(m.candidate), repr(m.baseline), m.outcome) for m in comparison.verdict.metrics]
    facts["aliases"] = [(v.version, v.aliases) for v in versions]
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _recheck(gateway: Gateway, policies: Policies, planned: PromotionPlan) -> PromotionPlan:
    """The plan made anew. Raises StalePlan when it is another one; nothing has been changed then."""
    try:
        plan = plan_promotion(gateway, policies, PlanPromotion(planned.run_id, planned.raw_model))
    except (UsageError, MultipleBaselines) as error:
        raise StalePlan(planned.model, error.message()) from error
    if plan.plan_id != planned.plan_id:
        raise StalePlan(planned.model, _what_moved(planned, plan))
    return plan


def _what_moved(planned: PromotionPlan, now: PromotionPlan) -> str:
    """In words, the first thing that differs between two plans."""
    if planned.store.uri != now.store.uri:
        return f"the plan is for {planned.store.uri}, and this is {now.store.uri}"
    before = {version: stage for version, stage, _ in planned.observed}
    after = {version: stage for version, stage, _ in now.observed}
    for version in sorted(before.keys() | after.keys(), key=lambda v: (len(v), v)):
        if version not in before:
            return f"version {version} was registered"
        if version not in after:
            return f"version {version} was deleted"
        if before[version] != after[version]:
            return f"version {version} went from {before[version]} to {after[version]}"
    if planned.observed != now.observed:
        return "a version was updated"
    if planned.outcome != now.outcome:
        return f"the verdict went from {planned.outcome} to {now.outcome}"
    return "the policy, an alias or a run's values changed"


def _register(gateway: Gateway, plan: PromotionPlan, warnings: list[str]) -> str:
    """Register the run's model; returns the version. Raises StoreError if it was not, PromotionConflict if unknown."""
    if plan.source is None:
        raise NothingToRegister(plan.run_id)
    try:
        return gateway.create_version(plan.raw_model, plan.source.source, plan.run_id).version
    except StoreError as error:
        known = {version for version, _, _ in plan.observed}
        try:
            versions = _versions(gateway, plan.raw_model)
        except StoreError:
            raise PromotionConflict(
                plan.model, f"it is not known whether a version was registered: {error.problem}; nothing was promoted"
            ) from error
        made = [v for v in versions if v.run_id == plan.run_id and v.version not in known]
        if len(made) != 1:
            raise
        warnings.append(f"the store's answer was lost ({error.problem}); version {made[0].version} was registered")
        return made[0].version


def _read_back(gateway: Gateway, plan: PromotionPlan, lost: StoreError | None) -> tuple[ModelVersion, ...]:
    """The registry after the transition. Raises PromotionConflict when it cannot be read."""
    try:
        return gateway.list_model_versions(plan.raw_model)
    except (StoreError, ModelNotFound) as error:
        first = f"{lost.problem}; " if lost else ""
        raise PromotionConflict(
            plan.model, f"{first}it could not be read back what is in Production now: {error}"
        ) from error


def _fail(plan: PromotionPlan, version: str, production: Sequence[ModelVersion], lost: StoreError | None) -> NoReturn:
    """Raise what describes a registry that is not as it was asked for."""
    there = ", ".join(v.version for v in production) or "no version"
    before = plan.previous.version if plan.previous else None
    unchanged = [v.version for v in production] == ([before] if before else [])
    if lost is not None and unchanged:
        if plan.version is None:
            raise PromotionConflict(
                plan.model, f"version {version} was registered but not promoted: {lost.problem}; in Production: {there}"
            ) from lost
        raise lost
    raise PromotionConflict(plan.model, f"asked for version {version}, in Production now: {there}")
