"""``mlaudit promote``: plan, consent, act, and say what is where now."""

from __future__ import annotations

from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.consent import agree, execute, plan_lines, report, require_current, require_plan
from mlaudit.cli.invocation import invocation
from mlaudit.cli.output import ExitCode
from mlaudit.domain.errors import ReadOnly, UsageError
from mlaudit.domain.models import Stage
from mlaudit.services.promote import ExecutePromotion, PlanPromotion

PlanId = Annotated[
    str | None,
    typer.Option(
        "--plan", metavar="ID", help="Refuse unless the plan is still the one with this id.", show_default=False
    ),
]
ExpectCurrent = Annotated[
    str | None,
    typer.Option(
        "--expect-current",
        metavar="VERSION",
        help="Refuse unless this version, or 'none', is there now.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and its id; change nothing.")]


def promote(
    ctx: typer.Context,
    subject: Annotated[
        str, typer.Argument(metavar="RUN_ID", help="A run's id or its unique start, or models:/NAME/VERSION.")
    ],
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="The registered model to promote it in.", show_default=False),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", metavar="TARGET", help="Production, Staging, Archived, alias:NAME or unalias:NAME.")
    ] = "Production",
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.", show_default=False)
    ] = "",
    override: Annotated[
        bool, typer.Option("--override", help="Do it although the gate does not let it through; needs --reason.")
    ] = False,
    expect_current: ExpectCurrent = None,
    plan_id: PlanId = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Move a run's model, or a registered version, to Production and archive the one that was there; or elsewhere.

    Runs the gate. What does not pass is refused with the verdict's exit code, unless --override and --reason are given;
    then, without --yes, the model's name must be typed.
    """
    call = invocation(ctx)
    if call.settings.read_only and not dry_run:
        raise ReadOnly("promotion", "mlaudit was started with --read-only")
    if override and not reason.strip():
        raise UsageError("--override needs --reason TEXT, which is recorded")
    store = call.connect().store
    if not store.writable and not dry_run:
        raise ReadOnly("promotion", store.read_only_reason or "this store must not be written to")
    plan = call.ask(PlanPromotion(subject, model, to))
    require_plan(plan, plan_id)
    require_current(plan, expect_current)
    refused = not plan.passes and not override
    code = plan.exit_code if refused else ExitCode.PASS
    if dry_run:
        for line in plan_lines(plan):
            output.data(line)
        return code
    for line in plan_lines(plan):
        output.say(line)
    if refused:
        output.error(f"not promoted: the verdict is {plan.outcome}; to go past it give --override and --reason TEXT")
        return code
    question = "Promote?" if plan.target.stage is Stage.PRODUCTION else f"Move to {plan.target}?"
    agree(plan, f"Take alias {plan.target.alias} away?" if plan.target.removes else question, yes=yes)
    report(execute(call, ExecutePromotion(plan, reason, override)))
    return ExitCode.PASS
