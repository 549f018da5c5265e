"""``mlaudit diff``: the judgement that a CI job asks for."""

from __future__ import annotations

from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import invocation
from mlaudit.cli.show import ReportFormat
from mlaudit.services.compare import CompareRun


def diff(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The candidate: a run's id, or its unique start.")],
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="The registered model it is a candidate for.", show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="SELECTOR",
            help="The baseline: stage:NAME, alias:NAME, version:N or run:ID. Default: the policy's, else Production.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[ReportFormat, typer.Option("--format", help="How to write the report.")] = ReportFormat.TEXT,
    out: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the report here, not to stdout.", show_default=False
        ),
    ] = None,
) -> int:
    """Judge a run against the model in production.

    Exit code: 0 pass, 1 regression, 2 usage or policy error, 3 inconclusive, 4 not comparable or no baseline, 5 store
    or server error.
    """
    call = invocation(ctx)
    call.connect()
    comparison = call.ask(CompareRun(run_id, model, against))
    if form is ReportFormat.JSON:
        import mlaudit.reports.json as json_report

        report = json_report.render(comparison)
    else:
        import mlaudit.reports.text as text_report

        to_stdout = out is None
        report = text_report.render(comparison, colour=to_stdout and output.colour(), width=output.report_width())
    if out is not None:
        output.write_file(out, report)
        output.say(f"mlaudit: {comparison.verdict.outcome}; report written to {out}")
    elif form is ReportFormat.JSON:
        output.json_data(report)
    else:
        output.data(report)
    return comparison.verdict.exit_code
