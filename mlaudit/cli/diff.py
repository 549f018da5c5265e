"""``mlaudit diff``: the judgement that a CI job asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import Invocation, describe_failure, invocation
from mlaudit.cli.output import ExitCode
from mlaudit.cli.report_targets import GateFormat, Target, report_targets
from mlaudit.domain.code_change import CodeChange
from mlaudit.domain.comparability import GIT_COMMIT_TAG
from mlaudit.domain.comparison import Comparison
from mlaudit.domain.errors import MlauditError, OutputFailed, UsageError
from mlaudit.domain.text import clean
from mlaudit.domain.verdict import Outcome, Verdict
from mlaudit.services.code import DescribeCode
from mlaudit.services.compare import CompareRun

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def diff(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The candidate: a run's id, or its unique start.")],
    baseline: Annotated[
        str | None,
        typer.Argument(metavar="[BASELINE]", help="The run to judge it against; the same as --against run:ID."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="The registered model it is a candidate for.", show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="SELECTOR",
            help="The baseline: stage:NAME, alias:NAME, version:N, run:ID or previous."
            " Default: the policy's, else stage:Production.",
            show_default=False,
        ),
    ] = None,
    forms: Annotated[
        list[GateFormat] | None,
        typer.Option(
            "--format",
            "-f",
            help="How to write the report, text by default; may be repeated, once for each --output.",
            show_default=False,
        ),
    ] = None,
    outs: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the report here, not to stdout; may be repeated. Without a --format of its own the suffix"
            " tells: .json, .md, .xml (junit), else text.",
            show_default=False,
        ),
    ] = None,
    exit_zero: Annotated[
        bool,
        typer.Option("--exit-zero", help="End with 0 whatever the verdict. Errors keep their code."),
    ] = False,
    summary: Annotated[
        bool,
        typer.Option("--summary", help=f"Append the report as Markdown to the file that ${SUMMARY_VARIABLE} names."),
    ] = False,
) -> int:
    """Judge a run against the model in production, or against another run.

    Exit code: 0 pass, 1 regression, 2 usage or policy error, 3 inconclusive, 4 not comparable or no baseline, 5 store
    or server error. The reports are written whatever the code.
    """
    targets = report_targets(forms or (), outs or ())
    summary_file = os.environ.get(SUMMARY_VARIABLE, "") if summary else ""
    call = invocation(ctx)
    try:
        if baseline is not None and against is not None:
            raise UsageError("name the baseline once: either as the second run or with --against")
        if summary and not summary_file:
            raise UsageError(
                f"--summary needs the variable {SUMMARY_VARIABLE}, which GitHub Actions sets; use -o report.md"
            )
        call.connect()
        comparison = call.ask(CompareRun(run_id, model, f"run:{baseline}" if baseline is not None else against))
        code = _code(call, comparison)
    except Exception as problem:
        # A job reads its reports whatever happened, and must not take those of the run before for this one's.
        _write_failures(targets, summary_file, problem, model)
        raise
    _write_reports(targets, summary_file, comparison, code)
    return _ending(comparison.verdict, exit_zero=exit_zero)


def _ending(verdict: Verdict, *, exit_zero: bool) -> int:
    """The exit code; that it is not the verdict's own is said. A verdict ERROR is an error, and keeps its code."""
    if not exit_zero or not verdict.exit_code or verdict.outcome is Outcome.ERROR:
        return verdict.exit_code
    output.say(f"mlaudit: {verdict.outcome}; ends with 0 and not {verdict.exit_code}: --exit-zero")
    return ExitCode.PASS


def _write_reports(
    targets: Sequence[Target], summary_file: str, comparison: Comparison, code: CodeChange | None
) -> None:
    writing: list[Callable[[], None]] = [partial(_write, target, comparison, code) for target in targets]
    if summary_file:
        writing.append(lambda: output.append_file(summary_file, _render(GateFormat.MARKDOWN, comparison, code)))
    _all_of(writing)
    written = [target.path for target in targets if target.path is not None]
    if written:
        output.say(f"mlaudit: {comparison.verdict.outcome}; report written to {', '.join(written)}")


def _write_failures(targets: Sequence[Target], summary_file: str, problem: Exception, model: str | None) -> None:
    """Write the report of an error to every file; stdout stays empty, since the error goes to stderr."""
    line, exit_code = describe_failure(problem)
    message = clean(line)
    writing: list[Callable[[], None]] = [
        partial(output.write_file, target.path, _failure(target.form, message, exit_code, model))
        for target in targets
        if target.path is not None
    ]
    if summary_file:
        writing.append(
            partial(output.append_file, summary_file, _failure(GateFormat.MARKDOWN, message, exit_code, model))
        )
    _all_of(writing)


def _all_of(writing: Sequence[Callable[[], None]]) -> None:
    """Write each report, whether another could be written or not: an old one must not stay in its place.

    Raises the first UsageError or OutputFailed.
    """
    failed: list[MlauditError] = []
    for write in writing:
        try:
            write()
        except (UsageError, OutputFailed) as problem:
            failed.append(problem)
    if failed:
        raise failed[0]


def _failure(form: GateFormat, message: str, exit_code: int, model: str | None) -> str:
    """The report of an error."""
    from mlaudit.reports import failure

    if form is GateFormat.JSON:
        return failure.render_json_report(message, exit_code, clean(model) if model is not None else None)
    render = {
        GateFormat.MARKDOWN: failure.render_markdown,
        GateFormat.JUNIT: failure.render_junit,
        GateFormat.TEXT: failure.render_text,
    }[form]
    return render(message, exit_code)


def _code(call: Invocation, comparison: Comparison) -> CodeChange | None:
    """What changed in the code, as far as a clone here knows; None without a baseline."""
    if comparison.baseline is None:
        return None
    sides = (comparison.candidate.run, comparison.baseline.run)
    return call.ask(DescribeCode(*(run.tags.get(GIT_COMMIT_TAG) for run in sides)))


def _write(target: Target, comparison: Comparison, code: CodeChange | None) -> None:
    report = _render(target.form, comparison, code, colour=target.path is None and output.colour())
    if target.path is not None:
        output.write_file(target.path, report)
    elif target.form is GateFormat.JSON:
        output.json_data(report)
    else:
        output.data(report)


def _render(form: GateFormat, comparison: Comparison, code: CodeChange | None, *, colour: bool = False) -> str:
    """The report in one format. Each is imported only when it is asked for."""
    if form is GateFormat.JSON:
        import mlaudit.reports.json as json_report

        return json_report.render(comparison, code)
    if form is GateFormat.MARKDOWN:
        from mlaudit.reports import markdown

        return markdown.render(comparison, code)
    if form is GateFormat.JUNIT:
        from mlaudit.reports import junit

        return junit.render(comparison, code)
    from mlaudit.reports import text

    return text.render(comparison, code, colour=colour, width=output.report_width())
