"""``mlaudit promote``: plan, confirm, act, and say what is in Production now."""

from __future__ import annotations

from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import Invocation, invocation
from mlaudit.cli.output import ExitCode
from mlaudit.domain.errors import DeadlineExceeded, NotConfirmed, ReadOnly
from mlaudit.domain.gate import Outcome
from mlaudit.domain.promotion import PromotionOutcome, PromotionPlan
from mlaudit.services.promote import ExecutePromotion, PlanPromotion


def promote(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run to promote: its id, or its unique start.")],
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="The registered model to promote it in.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Only for a run whose verdict is PASS.")] = False,
) -> int:
    """Move a run's model to Production and archive the one that was there.

    Asks first. When the verdict is not PASS, the model's name must be typed, which needs a terminal: --yes is then
    refused with the verdict's exit code.
    """
    call = invocation(ctx)
    if call.settings.read_only:
        raise ReadOnly("promotion", "mlaudit was started with --read-only")
    call.connect()
    plan = call.ask(PlanPromotion(run_id, model))
    for line in _plan_lines(plan):
        output.say(line)
    if plan.needs_typed_name and yes:
        output.error(
            f"not promoted: the verdict is {plan.outcome}, and --yes is only for PASS;"
            " without --yes, in a terminal, you may type the model's name"
        )
        return output.exit_code_of(plan.outcome)
    typed = "" if yes else _confirm(plan)
    _report(_execute(call, plan, typed))
    return ExitCode.PASS


def _plan_lines(plan: PromotionPlan) -> list[str]:
    """What is going to happen, for the one who must agree to it."""
    source = f", registered now from {plan.source.label}" if plan.version is None and plan.source else ""
    to = f"version {plan.version}" if plan.version is not None else f"a new version{source}"
    before = plan.previous
    now = f"version {before.version}, which will be archived" if before is not None else "nothing"
    return [
        f"server   {plan.store.uri}",
        f"model    {plan.model}",
        f"run      {plan.run_id[:12]} {plan.run_name}".rstrip(),
        f"from     {now}",
        f"to       {to}",
        f"verdict  {plan.outcome} ({plan.reason})",
    ]


def _confirm(plan: PromotionPlan) -> str:
    """What the user typed in agreement; empty where y was enough. Raises NotConfirmed."""
    if not output.can_ask():
        hint = "use --yes" if plan.outcome is Outcome.PASS else f"a verdict of {plan.outcome} needs a terminal"
        raise NotConfirmed(f"not promoted: nobody is there to ask; {hint}")
    if plan.needs_typed_name:
        typed = output.ask(f"The verdict is {plan.outcome}. To promote all the same, type the model's name: ")
        if typed != plan.model:
            raise NotConfirmed("not promoted: that is not the model's name")
        return typed
    if output.ask("Promote? [y/N] ").lower() not in ("y", "yes"):
        raise NotConfirmed("not promoted")
    return ""


def _execute(call: Invocation, plan: PromotionPlan, typed: str) -> PromotionOutcome:
    """Act. An end that nobody saw is said to be one: it must not be taken for "nothing happened"."""
    try:
        return call.ask(ExecutePromotion(plan, typed))
    except (DeadlineExceeded, KeyboardInterrupt):
        output.say(
            f"mlaudit: it is not known whether {plan.model} was promoted; look with: mlaudit show {plan.run_id[:12]}"
        )
        raise


def _report(outcome: PromotionOutcome) -> None:
    for warning in outcome.warnings:
        output.say(f"mlaudit: {warning}")
    version = outcome.version
    registered = " (registered now)" if outcome.registered else ""
    output.data(f"{outcome.model} version {version.version} is in {version.stage}{registered}")
    for archived in outcome.archived:
        output.data(f"{archived.model} version {archived.version} is in {archived.stage}")
