"""A plan from what was found: its facts, its id, its command, and in what two plans differ."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlaudit.domain.errors import ModelNotFound
from mlaudit.domain.evidence import digest, number
from mlaudit.domain.intent import intents_among, words_of
from mlaudit.domain.models import ModelSource, ModelVersion, Stage
from mlaudit.domain.promotion import Event, PromotionPlan, Target
from mlaudit.domain.text import clean
from mlaudit.gateway.base import Gateway
from mlaudit.services.compare import Comparison
from mlaudit.services.promotion_subject import Subject


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan with what it was made from; does not leave the service."""

    plan: PromotionPlan
    comparison: Comparison | None
    versions: tuple[ModelVersion, ...]
    """All of the model's, newest first, as they were."""


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


def draft(
    gateway: Gateway,
    subject: Subject,
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


def finished(
    plan: PromotionPlan, comparison: Comparison | None, versions: tuple[ModelVersion, ...], words: list[str]
) -> Decision:
    """The plan with its id and the command that does it; ``words``: of the command, the store's options left out."""
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
