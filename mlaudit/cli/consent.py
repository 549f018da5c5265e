"""Showing a plan, asking for consent, acting, and saying what came of it: the same for promote and rollback."""

from __future__ import annotations

from mlaudit.cli import output
from mlaudit.cli.invocation import Invocation
from mlaudit.domain.errors import DeadlineExceeded, NotConfirmed, StalePlan, UsageError
from mlaudit.domain.promotion import UNALIAS, Event, PromotionOutcome, PromotionPlan
from mlaudit.services.promote import ExecutePromotion

_SHORTEST_ID = 12


def plan_lines(plan: PromotionPlan) -> list[str]:
    """What is going to happen, for the one who must agree to it."""
    source = f", registered now from {plan.source.label}" if plan.version is None and plan.source else ""
    moved = f"version {plan.version}" if plan.version is not None else f"a new version{source}"
    stage = "" if plan.version is None else f", now in {plan.stage_before}"
    lines = [
        f"server   {plan.store.registry_uri}",
        f"model    {plan.model}",
        f"run      {plan.run_id[:12]} {plan.run_name}".rstrip(),
        *_from(plan),
        f"to       {_to(plan)}: {moved}{stage}",
    ]
    if plan.aliases and plan.target.stage is not None:
        lines.append(f"aliases  {', '.join(plan.aliases)} will point at it")
    verdict = f"{plan.outcome} ({plan.reason})" if plan.outcome is not None else "nothing is judged"
    return [
        *lines,
        f"verdict  {verdict}",
        f"plan     {plan.plan_id}",
        f"command  {plan.command}",
        *(f"mlaudit: {w}" for w in plan.warnings),
    ]


def _to(plan: PromotionPlan) -> str:
    return f"no alias {plan.target.alias}" if plan.target.removes else str(plan.target)


def _from(plan: PromotionPlan) -> list[str]:
    if plan.target.event is Event.MOVE:
        return []
    before = plan.previous
    if before is None:
        return ["from     nothing"]
    archived = ", which will be archived" if plan.target.stage is not None else ""
    return [f"from     version {before.version}{archived}"]


def require_plan(plan: PromotionPlan, wanted: str | None) -> None:
    """That the plan is the one that was agreed to. Raises StalePlan, UsageError."""
    if wanted is None:
        return
    given = wanted.strip().lower()
    if len(given) < _SHORTEST_ID or any(c not in "0123456789abcdef" for c in given):
        raise UsageError(f"--plan takes the id that --dry-run printed, at least {_SHORTEST_ID} characters of it")
    if not plan.plan_id.startswith(given):
        raise StalePlan(plan.model, f"the plan is {plan.plan_id[:_SHORTEST_ID]} now and not {given[:_SHORTEST_ID]}")


def require_current(plan: PromotionPlan, expected: str | None) -> None:
    """That what is replaced is the version that was expected, or ``none``. Raises StalePlan, UsageError."""
    if expected is None:
        return
    if plan.target.event is Event.MOVE:
        raise UsageError(f"--expect-current says what is replaced, and moving to {plan.target} replaces nothing")
    current = plan.previous.version if plan.previous is not None else "none"
    expected = expected.strip().lower()
    if expected != "none" and not expected.isdecimal():
        raise UsageError(f"--expect-current takes a version's number, or 'none', and not {expected!r}")
    if expected != current:
        raise StalePlan(plan.model, f"{plan.target} is at {_version(current)}, expected was {_version(expected)}")


def _version(number: str) -> str:
    return "no version" if number == "none" else f"version {number}"


def agree(plan: PromotionPlan, question: str, *, yes: bool) -> None:
    """Ask, unless ``yes``. Raises NotConfirmed."""
    if yes:
        return
    if not output.can_ask():
        raise NotConfirmed("not done: nobody is there to ask; use --yes")
    if plan.needs_typed_name:
        typed = output.ask(f"The verdict is {plan.outcome}. To go past it, type the model's name: ")
        if typed != plan.model:
            raise NotConfirmed("not done: that is not the model's name")
    elif output.ask(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise NotConfirmed("not done")


def execute(call: Invocation, request: ExecutePromotion) -> PromotionOutcome:
    """Act. An end that nobody saw is said to be one: it must not be taken for "nothing happened"."""
    try:
        return call.ask(request)
    except (DeadlineExceeded, KeyboardInterrupt):
        output.say(
            f"mlaudit: it is not known whether the {request.plan.event} of {request.plan.model} was done; look with:"
            f" mlaudit history {request.plan.model}"
        )
        raise


def report(outcome: PromotionOutcome) -> None:
    """Say what is where now."""
    for warning in outcome.warnings:
        output.say(f"mlaudit: {warning}")
    try:
        _data_of(outcome)
    finally:
        # It was done, whether stdout took the rest or not.
        if outcome.record_id:
            output.say(f"mlaudit: recorded as {outcome.record_id}")


def _data_of(outcome: PromotionOutcome) -> None:
    version = outcome.version
    registered = " (registered now)" if outcome.registered else ""
    output.data(f"{outcome.model} version {version.version} is in {version.stage}{registered}")
    if outcome.target.startswith(UNALIAS):
        output.data(f"{outcome.model} alias {outcome.target.removeprefix(UNALIAS)} is at no version")
    for alias in outcome.aliases:
        output.data(f"{outcome.model} alias {alias} is at version {version.version}")
    for archived in outcome.archived:
        output.data(f"{archived.model} version {archived.version} is in {archived.stage}")
