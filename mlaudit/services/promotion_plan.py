"""What a promotion, a move or a rollback would do, on the registry as it is now. Changes nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.baseline import SelectorKind, parse_selector
from mlaudit.domain.errors import (
    BaselineSelectorError,
    ModelNotFound,
    MultipleBaselines,
    NothingToRegister,
    RunNotFound,
    StalePlan,
    UsageError,
    VersionNotFound,
)
from mlaudit.domain.evidence import digest, number
from mlaudit.domain.intent import intents_among, words_of
from mlaudit.domain.models import ModelSource, ModelVersion, Stage
from mlaudit.domain.promotion import Event, PromotionPlan, Target
from mlaudit.domain.text import clean
from mlaudit.gateway.base import Gateway, TrackingReader
from mlaudit.services.audit_trail import read_history
from mlaudit.services.compare import CompareRun, Comparison, compare_run
from mlaudit.services.requests import Request
from mlaudit.services.resolution import resolve_model

_MODEL_URI = "models:/"


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


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan with what it was made from; does not leave the service."""

    plan: PromotionPlan
    comparison: Comparison | None
    versions: tuple[ModelVersion, ...]
    """All of the model's, newest first, as they were."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is to be moved."""

    name: str
    """As in the plan's ``subject``."""
    raw_model: str
    run_id: str
    run_name: str
    version: ModelVersion | None
    comparison: Comparison | None


def plan_promotion(gateway: Gateway, policies: Policies, request: PlanPromotion) -> PromotionPlan:
    """What would be done, on the registry as it is now; the verdict is that of ``mlaudit diff`` without ``--against``.

    A run's newest version of the model is taken; if it has none, the newest model it logged is registered first.
    Raises NothingToRegister, UsageError when it is there already, MultipleBaselines when two versions are in
    Production, and what :func:`~mlaudit.services.compare.compare_run` raises.
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
    if request.run_id.startswith(_MODEL_URI):
        subject = _by_version(gateway, policies, request, target)
    else:
        subject = _by_run(gateway, policies, request, target)
    versions = _versions(gateway, subject.raw_model)
    version = subject.version
    _refuse_what_is_there(subject, target, versions)
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
    plan = _plan(gateway, subject, target, target.event, versions, aliases, source, comparison)
    if target.removes and target.alias in _named_by_policy(policies, subject.raw_model):
        named = f"the policy judges against alias {target.alias}, which names no version then"
        plan = replace(plan, warnings=(*plan.warnings, named))
    words = ["promote", subject.name, "--model", plan.model]
    words += [] if target.stage is Stage.PRODUCTION else ["--to", str(target)]
    words += ["--yes"] if plan.passes else ["--override", "--reason", "WHY"]
    return _finished(plan, comparison, versions, words)


def decide_rollback(gateway: Gateway, request: PlanRollback) -> Decision:
    """See :func:`plan_rollback`."""
    raw_model = registered_name(gateway, request.model)
    versions = gateway.list_model_versions(raw_model)
    production = _only_in_production(raw_model, versions)
    if production is None:
        raise UsageError(f"no version of {clean(raw_model)} is in Production, so there is nothing to roll back")
    record = read_history(gateway, raw_model).promotion_of(production.version)
    if record is None or record.previous is None:
        why = "has no record of its promotion" if record is None else "replaced nothing"
        raise UsageError(
            f"version {production.version} of {clean(raw_model)} {why}, so it is not known what to go back to;"
            f" name a version: mlaudit promote models:/{clean(raw_model)}/VERSION"
        )
    back = next((v for v in versions if v.version == record.previous), None)
    if back is None:
        raise UsageError(f"version {record.previous} of {clean(raw_model)}, which was there before, is gone")
    files = gateway.version_files(raw_model, back.version)
    if files == ():
        raise UsageError(f"the artifacts of version {back.version} of {clean(raw_model)} are gone")
    run_id, run_name = _run_of(gateway, back)
    subject = _Subject(f"{_MODEL_URI}{raw_model}/{back.version}", raw_model, run_id, run_name, back, None)
    aliases = tuple(a for a in record.aliases if a in production.aliases)
    plan = _plan(gateway, subject, Target(Stage.PRODUCTION), Event.ROLLBACK, versions, aliases, None, None)
    if files is None:
        unchecked = f"whether the artifacts of version {back.version} are still there could not be checked"
        plan = replace(plan, warnings=(*plan.warnings, unchecked))
    return _finished(plan, None, versions, ["rollback", plan.model, "--reason", "WHY", "--yes"])


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


def registry_facts(versions: Sequence[ModelVersion]) -> tuple[object, ...]:
    """What a plan rests on in the registry: two that are equal are the same state of it."""
    return tuple((v.version, v.stage, v.last_updated, v.aliases, v.run_id, v.status) for v in versions)


def what_moved(planned: PromotionPlan, now: PromotionPlan) -> str:
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


def registered_name(reader: TrackingReader, name: str) -> str:
    """The raw name of a registered model that is called so, in the store or on the screen. Raises ModelNotFound."""
    registered = {m.raw_name: m.name for m in reader.list_registered_models()}
    raw = name if name in registered else next((r for r, shown in registered.items() if shown == name), None)
    if raw is None:
        raise ModelNotFound(clean(name), tuple(registered.values()))
    return raw


# Inside


def _by_run(gateway: Gateway, policies: Policies, request: PlanPromotion, target: Target) -> _Subject:
    comparison = None
    if target.is_judged:
        comparison = compare_run(gateway, policies, CompareRun(request.run_id, request.model))
        run, raw_model = comparison.candidate.run, comparison.raw_model
    else:
        run = gateway.find_run(request.run_id)
        raw_model = resolve_model(gateway, policies, run, request.model).raw_name
    if raw_model is None:
        raise UsageError("a promotion needs a registered model; name one with --model")
    # A version whose registration failed has no model behind it.
    own = (v for v in _versions(gateway, raw_model) if v.run_id == run.run_id and v.status != "FAILED_REGISTRATION")
    return _Subject(run.run_id, raw_model, run.run_id, run.name, next(own, None), comparison)


def _by_version(gateway: Gateway, policies: Policies, request: PlanPromotion, target: Target) -> _Subject:
    found = re.fullmatch(r"models:/(.+)/(\d+)", request.run_id)
    if found is None:
        raise UsageError(
            f"{clean(request.run_id)!r} names no version: use models:/NAME/VERSION, VERSION being a number"
        )
    raw_model = registered_name(gateway, found[1])
    if request.model is not None and registered_name(gateway, request.model) != raw_model:
        raise UsageError(f"--model {clean(request.model)} and {clean(request.run_id)} name two models")
    versions = gateway.list_model_versions(raw_model)
    version = next((v for v in versions if v.version == str(int(found[2]))), None)
    if version is None:
        raise VersionNotFound(clean(raw_model), f"version {found[2]}")
    if version.status == "FAILED_REGISTRATION":
        raise UsageError(f"the registration of version {version.version} failed: there is no model behind it")
    run_id, run_name = _run_of(gateway, version)
    comparison = compare_run(gateway, policies, CompareRun(run_id, raw_model)) if target.is_judged else None
    return _Subject(f"{_MODEL_URI}{raw_model}/{version.version}", raw_model, run_id, run_name, version, comparison)


def _run_of(gateway: Gateway, version: ModelVersion) -> tuple[str, str]:
    """A version's run, which takes its record, and its name. Raises UsageError where it has none any more."""
    if version.run_id is None:
        raise UsageError(
            f"version {version.version} of {version.model} does not say which run made it: it cannot be judged,"
            " and its record would have no place"
        )
    try:
        return version.run_id, gateway.get_run(version.run_id).name
    except RunNotFound:
        raise UsageError(
            f"version {version.version} of {version.model} was made by run {clean(version.run_id)[:12]}, which is gone:"
            " it cannot be judged, and its record would have no place"
        ) from None


def _versions(reader: TrackingReader, raw_model: str) -> tuple[ModelVersion, ...]:
    """All versions, newest first; none where nobody has registered the model yet."""
    try:
        return reader.list_model_versions(raw_model)
    except ModelNotFound:
        return ()


def _only_in_production(raw_model: str, versions: Sequence[ModelVersion]) -> ModelVersion | None:
    production = [v for v in versions if v.stage is Stage.PRODUCTION]
    if len(production) > 1:
        # A promotion would archive all of them; which of them is meant to serve must be settled first.
        raise MultipleBaselines(clean(raw_model), Stage.PRODUCTION, tuple(v.version for v in production))
    return production[0] if production else None


def _refuse_what_is_there(subject: _Subject, target: Target, versions: Sequence[ModelVersion]) -> None:
    """Raises UsageError when the version is where it is to go, MultipleBaselines."""
    version = subject.version
    if target.stage is Stage.PRODUCTION:
        _only_in_production(subject.raw_model, versions)
    if version is None:
        return
    there = version.stage is target.stage if target.stage is not None else target.alias in version.aliases
    if target.removes and not there:
        raise UsageError(f"version {version.version} of {version.model} has no alias {target.alias}")
    if there and not target.removes:
        made = "" if subject.name.startswith(_MODEL_URI) else ", made by this run,"
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


def _plan(
    gateway: Gateway,
    subject: _Subject,
    target: Target,
    event: Event,
    versions: Sequence[ModelVersion],
    aliases: tuple[str, ...],
    source: ModelSource | None,
    comparison: Comparison | None,
) -> PromotionPlan:
    """A plan, its id and its command still missing."""
    version, verdict = subject.version, comparison.verdict if comparison else None
    previous = None
    if target.stage is Stage.PRODUCTION:
        previous = next((v for v in versions if v.stage is Stage.PRODUCTION), None)
    elif target.stage is None and not target.removes:
        previous = next((v for v in versions if target.alias in v.aliases), None)
    warnings = []
    if version is not None and version.stage is Stage.PRODUCTION and target.stage not in {None, Stage.PRODUCTION}:
        warnings.append(f"version {version.version} leaves Production, and nothing takes its place")
    try:
        intents = intents_among(gateway.model_tags(subject.raw_model))
    except ModelNotFound:
        intents = {}
    warnings += [f"unfinished, or under way: {words_of(k, v)}" for k, v in intents.items()]
    return PromotionPlan(
        store=gateway.describe(),
        model=clean(subject.raw_model),
        raw_model=subject.raw_model,
        event=event,
        target=target,
        subject=subject.name,
        run_id=subject.run_id,
        run_name=subject.run_name,
        version=version.version if version else None,
        stage_before=version.stage if version else Stage.NONE,
        source=source,
        previous=previous,
        aliases=aliases,
        outcome=verdict.outcome if verdict else None,
        reason=verdict.reason if verdict else "not_judged",
        exit_code=verdict.exit_code if verdict else 0,
        observed=tuple((v.version, str(v.stage), v.last_updated) for v in versions),
        plan_id="",
        command="",
        warnings=tuple(warnings),
    )


def _finished(
    plan: PromotionPlan, comparison: Comparison | None, versions: tuple[ModelVersion, ...], words: list[str]
) -> Decision:
    store = ["--tracking-uri", plan.store.uri]
    if plan.store.registry_uri != plan.store.uri:
        store += ["--registry-uri", plan.store.registry_uri]
    # A name that cannot be printed cannot be typed either; the command is for reading then.
    command = clean(shlex.join(["mlaudit", *store, *words]))
    done = replace(plan, command=command, plan_id=_plan_id(plan, comparison, versions))
    return Decision(done, comparison, versions)


def _plan_id(plan: PromotionPlan, comparison: Comparison | None, versions: Sequence[ModelVersion]) -> str:
    """sha256 of what is planned and of what it was decided on; how a store was found or described is no part of it."""
    facts: dict[str, Any] = {
        "store": [plan.store.kind, plan.store.uri, plan.store.registry_uri],
        "what": [plan.raw_model, plan.event, str(plan.target), plan.run_id, plan.version, plan.stage_before],
        "source": plan.source.source if plan.source else None,
        "moves": [plan.previous.version if plan.previous else None, plan.aliases],
        "verdict": [plan.outcome, plan.reason, plan.exit_code],
        "observed": plan.observed,
        "aliases": [(v.version, v.aliases) for v in versions],
    }
    if comparison is not None:
        facts["policy"] = comparison.policy.sha256
        facts["baseline"] = comparison.baseline.run.run_id if comparison.baseline else None
        facts["values"] = [
            (m.name, number(m.candidate), number(m.baseline), m.outcome) for m in comparison.verdict.metrics
        ]
    return digest(facts)
