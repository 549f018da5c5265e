"""``mlaudit calibrate``."""

from __future__ import annotations

from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import invocation
from mlaudit.cli.output import ExitCode
from mlaudit.cli.show import ReportFormat
from mlaudit.services.calibrate import CalibrateModel


def calibrate(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The registered model.")],
    form: Annotated[ReportFormat, typer.Option("--format", "-f", help="How to write it.")] = ReportFormat.TEXT,
    out: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it here, not to stdout.", show_default=False),
    ] = None,
) -> int:
    """Measure how much a model's metrics vary by chance, from runs that differ in the seed alone.

    Says, per metric, the noise, the tolerance that it suggests, and how many runs a decision at the policy's tolerance
    needs.
    """
    call = invocation(ctx)
    call.connect()
    calibration = call.ask(CalibrateModel(model))
    from mlaudit.reports import calibration as report

    if form is ReportFormat.JSON:
        text = report.render_json_report(calibration)
    else:
        text = report.render_text(calibration, colour=out is None and output.colour(), width=output.report_width())
    if out is not None:
        output.write_file(out, text)
        output.say(f"mlaudit: calibration written to {out}")
    elif form is ReportFormat.JSON:
        output.json_data(text)
    else:
        output.data(text)
    return ExitCode.PASS
