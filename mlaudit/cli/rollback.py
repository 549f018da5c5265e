"""``mlaudit rollback``: what was in Production before goes back; ``mlaudit recover``: what was cut off is ended."""

from __future__ import annotations

from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.consent import agree, execute, plan_lines, report, require_current, require_plan
from mlaudit.cli.invocation import invocation
from mlaudit.cli.output import ExitCode
from mlaudit.cli.promote import DryRun, ExpectCurrent, PlanId
from mlaudit.domain.errors import NotConfirmed, ReadOnly, UsageError
from mlaudit.services.promote import ExecutePromotion, PlanRollback
from mlaudit.services.recovery import InspectIntents, MendStore, RecoverIntents

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="The registered model's name.")]


def rollback(
    ctx: typer.Context,
    model: ModelName,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; needed, and recorded.", show_default=False)
    ] = "",
    expect_current: ExpectCurrent = None,
    plan_id: PlanId = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Put the version back into Production that was there before the one that is there now, by its record.

    That version and its artifacts must still be there. The gate is not asked.
    """
    call = invocation(ctx)
    if call.settings.read_only and not dry_run:
        raise ReadOnly("rollback", "mlaudit was started with --read-only")
    if not reason.strip() and not dry_run:
        raise UsageError("a rollback needs --reason TEXT, which is recorded")
    call.connect()
    plan = call.ask(PlanRollback(model))
    require_plan(plan, plan_id)
    require_current(plan, expect_current)
    for line in plan_lines(plan):
        (output.data if dry_run else output.say)(line)
    if dry_run:
        return ExitCode.PASS
    agree(plan, "Roll back?", yes=yes)
    report(execute(call, ExecutePromotion(plan, reason)))
    return ExitCode.PASS


def recover(
    ctx: typer.Context,
    model: ModelName,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="Do not ask; delete also an intent of which the registry does not tell how far it came.",
        ),
    ] = False,
) -> int:
    """End a promotion whose process was killed: forward where the registry shows that it was done, else back.

    It counts as dead only after it was seen unchanged for a minute. Nothing is written where nothing is unfinished.
    """
    call = invocation(ctx)
    if call.settings.read_only:
        raise ReadOnly("recovery", "mlaudit was started with --read-only")
    for store in call.ask(MendStore()):
        output.say(f"mlaudit: what a killed program had half written to {store} was undone")
    call.connect()
    output.say("mlaudit: looking for what is unfinished; where something is, it is watched for a minute")
    inspection = call.ask(InspectIntents(model))
    for words in inspection.alive:
        output.say(f"mlaudit: under way, or just ended: {words}")
    if not inspection.dead:
        output.data(f"{inspection.model}: nothing to recover")
        return ExitCode.PASS
    unclear = False
    for dead in inspection.dead:
        output.say(f"unfinished  {dead.words}")
        output.say(f"registry    {dead.found}")
        output.say(f"to do       {dead.decision}")
        unclear = unclear or dead.decision == "ask"
    if unclear and not yes:
        if not output.can_ask():
            raise NotConfirmed(
                "not recovered: the registry does not tell how far it came; look at it, then delete the intent by --yes"
            )
        answer = output.ask("The registry stays as it is. Delete the intent that stands in the way? [y/N] ")
        if answer.lower() not in ("y", "yes"):
            raise NotConfirmed("not recovered")
    for settled in call.ask(RecoverIntents(inspection, delete_unclear=unclear)):
        output.data(settled.words)
    return ExitCode.PASS
