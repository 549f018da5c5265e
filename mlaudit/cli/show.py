"""``mlaudit show``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import invocation
from mlaudit.domain.run_values import run_object
from mlaudit.domain.text import format_duration, format_number, format_size, format_time
from mlaudit.reports.runs import render_json
from mlaudit.services.runs import GetRunDetails, RunDetails


class ReportFormat(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"


def show(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="A run's id, or the unique start of one.")],
    form: Annotated[ReportFormat, typer.Option("--format", help="How to write it.")] = ReportFormat.TEXT,
) -> int:
    """Show all of one run: params, metrics, tags, datasets, registered versions, artifacts."""
    call = invocation(ctx)
    call.connect()
    details = call.ask(GetRunDetails(run_id))
    for problem in details.problems:
        output.say(f"mlaudit: {problem}")
    if form is ReportFormat.JSON:
        output.json_data(render_json(_as_object(details)))
    else:
        output.data("\n".join(_lines(details)))
    return output.ExitCode.PASS


def _as_object(details: RunDetails) -> dict[str, Any]:
    """The run as ``runs --format json`` has it, with datasets, versions and artifacts."""
    run = details.run
    return {
        **run_object(run, {run.experiment_id: details.experiment_name}),
        "datasets": [
            {"name": d.name, "digest": d.digest, "context": d.context, "source_type": d.source_type, "source": d.source}
            for d in run.datasets
        ],
        "versions": [
            {"model": v.model, "version": v.version, "stage": str(v.stage), "aliases": list(v.aliases)}
            for v in details.versions
        ],
        "artifacts": [{"path": a.path, "is_dir": a.is_dir, "size": a.size} for a in details.artifacts],
        "problems": list(details.problems),
    }


def _lines(details: RunDetails) -> list[str]:
    run = details.run
    took = None if run.start_time is None or run.end_time is None else run.end_time - run.start_time
    deleted = " (deleted)" if run.lifecycle_stage == "deleted" else ""
    lines = _pairs(
        "",
        {
            "run": run.run_id + deleted,
            "name": run.name or "—",
            "experiment": details.experiment_name,
            "status": run.status,
            "started": f"{format_time(run.start_time)} UTC" if run.start_time is not None else "—",
            "took": format_duration(took),
            # The store has only the client's word for it.
            "user": f"{run.user} (claimed)" if run.user else "—",
            "artifacts": run.artifact_uri or "—",
        },
    )
    lines += _pairs("Metrics (latest)", {k: format_number(v) for k, v in sorted(run.metrics.items())})
    lines += _pairs("Params", dict(sorted(run.params.items())))
    own = {k: v for k, v in sorted(run.tags.items()) if not k.startswith("mlflow.")}
    mlflow = {k: v for k, v in sorted(run.tags.items()) if k.startswith("mlflow.")}
    lines += _pairs("Tags", {**own, **mlflow})
    lines += _section(
        "Datasets",
        [f"{d.name}  digest {d.digest or '—'}" + (f"  ({d.context})" if d.context else "") for d in run.datasets],
    )
    lines += _section(
        "Registered versions",
        [
            f"{v.model} version {v.version}  {v.stage}" + (f"  aliases {', '.join(v.aliases)}" if v.aliases else "")
            for v in details.versions
        ],
    )
    listed = [a.path + "/" if a.is_dir else f"{a.path}  {format_size(a.size)}" for a in details.artifacts]
    return lines + _section("Artifacts", listed)


def _section(title: str, lines: list[str]) -> list[str]:
    """A titled block after an empty line; says so when there is nothing in it."""
    return ["", title, *(f"  {line}" for line in lines or ["none"])]


def _pairs(title: str, pairs: dict[str, str]) -> list[str]:
    """Keys and values in two columns, long keys not pushing the others apart."""
    width = min(max(map(len, pairs), default=0), 32)
    rows = [f"{key:<{width}}  {value}" for key, value in pairs.items()]
    return _section(title, rows) if title else rows
