"""What a promotion, a move or a rollback would do, on the registry as it is now. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.baseline import SelectorKind, parse_selector
from mlaudit.domain.errors import (
    BaselineSelectorError,
    EvidenceError,
    MultipleBaselines,
    NothingToRegister,
    StalePlan,
    UsageError,
)
from mlaudit.domain.models import ModelVersion, Stage
from mlaudit.domain.promotion import Event, PromotionPlan, Target
from mlaudit.domain.text import clean
from mlaudit.gateway.base import Gateway
from mlaudit.services.audit_trail import read_history
from mlaudit.services.model_names import registered_name
from mlaudit.services.plan_facts import Decision, draft, finished, what_moved
from mlaudit.services.promotion_subject import (
    MODEL_URI,
    Subject,
    only_in_production,
    run_of,
    subject_by_run,
    subject_by_version,
    versions_of,
)
from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class PlanPromotion(Request[PromotionPlan]):
    """What bringing this run, or this version, to a target would do. Changes nothing."""

    run_id: str
    """A run's id or its unique start, or ``models:/NAME/VERSION``."""
    model: str | None = None
    to: str = "Production"
    """``Production``, ``Staging``, ``Archived``, ``alias:NAME`` or ``unalias:NAME``."""

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the plan to promote {clean(self.run_id, max_length=40)}"


@dataclass(frozen=True, slots=True)
class PlanRollback(Request[PromotionPlan]):
    """What putting the recorded previous version back into Production would do. Changes nothing."""

    model: str

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the plan to roll back {clean(self.model, max_length=40)}"


def plan_promotion(gateway: Gateway, policies: Policies, request: PlanPromotion) -> PromotionPlan:
    """What would be done, on the registry as it is now; the verdict is that of ``mlaudit diff`` without ``--against``.

    A run's newest version of the model is taken; if it has none, the newest model it logged is registered first.
    Raises NothingToRegister, UsageError when it is there already or its artifacts are gone, MultipleBaselines when two
    versions are in Production, EvidenceError when its record could not be kept, and what
    :func:`~mlaudit.services.compare.compare_run` raises.
    """
    return decide_promotion(gateway, policies, request).plan


def plan_rollback(gateway: Gateway, request: PlanRollback) -> PromotionPlan:
    """What would be done: the version that was in Production before the one there now, by its record, goes back.

    Raises UsageError when there is no such record, or its version or that version's artifacts are gone;
    MultipleBaselines, ModelNotFound, EvidenceError.
    """
    return decide_rollback(gateway, request).plan


def decide_promotion(gateway: Gateway, policies: Policies, request: PlanPromotion) -> Decision:
    """See :func:`plan_promotion`."""
    target = Target.parse(request.to)
    if request.run_id.startswith(MODEL_URI):
        subject = subject_by_version(gateway, policies, request.run_id, request.model, target)
    else:
        subject = subject_by_run(gateway, policies, request.run_id, request.model, target)
    versions = versions_of(gateway, subject.raw_model)
    version = subject.version
    _refuse_what_is_there(subject, target, versions)
    _refuse_without_a_place(gateway, subject.run_id)
    unseen = _refuse_without_files(gateway, version) if version is not None and target.is_judged else ()
    source = None
    if version is None:
        if not target.is_judged:
            what = "to take an alias off" if target.removes else "to archive"
            raise UsageError(f"run {subject.run_id[:12]} has no version of {clean(subject.raw_model)} {what}")
        sources = gateway.model_sources(subject.run_id)
        if not sources:
            raise NothingToRegister(subject.run_id)
        source = sources[0]
    aliases = _aliases(policies, subject.raw_model, target)
    comparison = subject.comparison if target.is_judged else None
    plan = draft(gateway, subject, target, target.event, versions, aliases, source, comparison)
    plan = replace(plan, warnings=(*plan.warnings, *unseen))
    if target.removes and target.alias in _named_by_policy(policies, subject.raw_model):
        named = f"the policy judges against alias {target.alias}, which names no version then"
        plan = replace(plan, warnings=(*plan.warnings, named))
    words = ["promote", subject.name, "--model", plan.model]
    words += [] if target.stage is Stage.PRODUCTION else ["--to", str(target)]
    # One that was found is found again from the same directory; one that was named is not.
    words += ["--policy", policies.path] if policies.named and policies.path else []
    words += ["--yes"] if plan.passes else ["--override", "--reason", "WHY"]
    return finished(plan, comparison, versions, words)


def decide_rollback(gateway: Gateway, request: PlanRollback) -> Decision:
    """See :func:`plan_rollback`."""
    raw_model = registered_name(gateway, request.model)
    versions = gateway.list_model_versions(raw_model)
    production = only_in_production(raw_model, versions)
    if production is None:
        raise UsageError(f"no version of {clean(raw_model)} is in Production, so there is nothing to roll back")
    history = read_history(gateway, raw_model)
    record = history.promotion_of(production.version)
    if record is None or record.problem or record.previous is None:
        if record is None:
            why = "has no record of its promotion"
        elif record.problem:
            why = f"was promoted by a record that is not whole ({record.problem})"
        else:
            why = "replaced nothing"
        raise UsageError(
            f"version {production.version} of {clean(raw_model)} {why}, so it is not known what to go back to;"
            f" name a version: mlaudit promote models:/{clean(raw_model)}/VERSION"
        )
    back = next((v for v in versions if v.version == record.previous), None)
    if back is None:
        raise UsageError(f"version {record.previous} of {clean(raw_model)}, which was there before, is gone")
    unseen = _refuse_without_files(gateway, back)
    run = run_of(gateway, back)
    _refuse_without_a_place(gateway, run.run_id)
    subject = Subject(f"{MODEL_URI}{raw_model}/{back.version}", raw_model, run.run_id, run.name, back, None)
    aliases = tuple(a for a in record.aliases if a in production.aliases)
    plan = draft(gateway, subject, Target(Stage.PRODUCTION), Event.ROLLBACK, versions, aliases, None, None)
    broken = (f"the history is broken: {problem}" for problem in history.problems)
    gone: tuple[str, ...] = ()
    if run.lifecycle_stage == "deleted":
        gone = (f"the run of version {back.version} was deleted: no candidate can be judged against it",)
    plan = replace(plan, warnings=(*plan.warnings, *broken, *unseen, *gone))
    return finished(plan, None, versions, ["rollback", plan.model, "--reason", "WHY", "--yes"])


def decide_again(gateway: Gateway, policies: Policies, planned: PromotionPlan) -> Decision:
    """The plan made anew. Raises StalePlan when it is another one; what planning raises."""
    try:
        if planned.event is Event.ROLLBACK:
            decision = decide_rollback(gateway, PlanRollback(planned.raw_model))
        else:
            request = PlanPromotion(planned.subject, planned.raw_model, str(planned.target))
            decision = decide_promotion(gateway, policies, request)
    except (UsageError, MultipleBaselines) as error:
        raise StalePlan(planned.model, error.message()) from error
    if decision.plan.plan_id != planned.plan_id:
        raise StalePlan(planned.model, what_moved(planned, decision.plan))
    return decision


# Inside


def _refuse_without_a_place(gateway: Gateway, run_id: str) -> None:
    """Raises EvidenceError when it is plain beforehand that the record could not be kept: nothing moves without one."""
    obstacle = gateway.record_obstacle(run_id)
    if obstacle:
        raise EvidenceError(f"the record could not be kept: {obstacle}")


def _refuse_without_files(gateway: Gateway, version: ModelVersion) -> tuple[str, ...]:
    """Raises UsageError where the version's artifacts are gone: nothing could be served. Returns what is to be said
    where that cannot be told."""
    files = gateway.version_files(version.raw_model, version.version)
    if files == ():
        raise UsageError(f"the artifacts of version {version.version} of {version.model} are gone")
    if files is None:
        return (f"whether the artifacts of version {version.version} are still there could not be checked",)
    return ()


def _refuse_what_is_there(subject: Subject, target: Target, versions: Sequence[ModelVersion]) -> None:
    """Raises UsageError when the version is where it is to go, MultipleBaselines."""
    version = subject.version
    if target.stage is Stage.PRODUCTION:
        only_in_production(subject.raw_model, versions)
    if version is None:
        return
    there = version.stage is target.stage if target.stage is not None else target.alias in version.aliases
    if target.removes and not there:
        raise UsageError(f"version {version.version} of {version.model} has no alias {target.alias}")
    if there and not target.removes:
        made = "" if subject.name.startswith(MODEL_URI) else ", made by this run,"
        where = f"in {target.stage}" if target.stage is not None else f"named by the alias {target.alias}"
        raise UsageError(f"version {version.version} of {version.model}{made} is {where} already")


def _aliases(policies: Policies, raw_model: str, target: Target) -> tuple[str, ...]:
    """The aliases that are to move: the target's, or, into Production, those that the policy's baseline names."""
    if target.stage is None:
        return () if target.removes else (target.alias,)
    return _named_by_policy(policies, raw_model) if target.stage is Stage.PRODUCTION else ()


def _named_by_policy(policies: Policies, raw_model: str) -> tuple[str, ...]:
    """The aliases that the policy's baseline names."""
    named: list[str] = []
    for word in policies.for_model(raw_model).baselines:
        try:
            selector = parse_selector(word)
        except BaselineSelectorError:
            continue
        if selector.kind is SelectorKind.ALIAS:
            named.append(selector.value)
    return tuple(dict.fromkeys(named))
