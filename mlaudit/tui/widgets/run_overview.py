"""A run's first page: identity, life, origin, data and registered versions, as one text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from mlaudit.domain.columns import duration_of
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_duration, format_time
from mlaudit.services.runs import RunDetails
from mlaudit.tui.widgets.comparison_text import version_words
from mlaudit.tui.widgets.run_table import STATUS_COLORS

_SOURCE_TAGS = (
    ("commit", "mlflow.source.git.commit"),
    ("branch", "mlflow.source.git.branch"),
    ("repository", "mlflow.source.git.repoURL"),
    ("dirty tree", "mlaudit.git.dirty"),
    ("source", "mlflow.source.name"),
    ("source type", "mlflow.source.type"),
    ("parent run", "mlflow.parentRunId"),
)


def overview_text(details: RunDetails) -> Text:
    """Everything but metrics, params, tags and artifacts."""
    run = details.run
    blocks = [_section("", _identity(run, details.experiment_name))]
    blocks.append(_section("Source", _source(run)))
    datasets = [
        (d.context or "—", f"{d.name}  digest {d.digest or '—'}" + (f"  {d.source_type}" if d.source_type else ""))
        for d in run.datasets
    ]
    blocks.append(_section("Datasets", datasets, "none logged: what it was trained and judged on is not known"))
    versions = [(v.model, version_words(v)) for v in details.versions]
    blocks.append(_section("Registered versions", versions, "none"))
    note = run.tags.get("mlflow.note.content")
    if note:
        blocks.append(Text.assemble(("Note\n", "bold"), f"  {note}"))
    return Text("\n\n").join(blocks)


def _identity(run: Run, experiment: str) -> list[tuple[str, str | Text]]:
    status = Text(run.status, style=STATUS_COLORS.get(run.status, ""))  # type: ignore[call-overload]
    if run.lifecycle_stage != "active":
        status.append(f" · {run.lifecycle_stage.upper()}", style="bold")
    ended = "still running" if run.end_time is None and run.status == "RUNNING" else format_time(run.end_time)
    return [
        ("run", run.run_id),
        ("name", run.name or "—"),
        ("experiment", f"{experiment} (#{run.experiment_id})"),
        ("status", status),
        ("started", f"{format_time(run.start_time)} UTC"),
        ("ended", ended if run.end_time is None else f"{ended} UTC, after {format_duration(duration_of(run))}"),
        # The store has only the client's word for it.
        ("user", f"{run.user} (claimed)" if run.user else "—"),
        ("artifacts", run.artifact_uri or "—"),
        ("logged", f"{len(run.metrics)} metrics, {len(run.params)} params, {len(run.tags)} tags"),
    ]


def _source(run: Run) -> list[tuple[str, str | Text]]:
    found: list[tuple[str, str | Text]] = [(name, run.tags[tag]) for name, tag in _SOURCE_TAGS if run.tags.get(tag)]
    if not run.tags.get("mlflow.source.git.commit"):
        found.insert(0, ("commit", Text("not recorded: the run was not started from a git checkout", style="dim")))
    return found


def _section(title: str, rows: Iterable[tuple[str, str | Text]], empty: str = "") -> Text:
    lines = [Text(title, style="bold")] if title else []
    indent = "  " if title else ""
    shown = list(rows)
    width = max((len(name) for name, _ in shown), default=0)
    lines += [Text.assemble((f"{indent}{name:<{width}}  ", "dim"), value) for name, value in shown]
    if not shown and empty:
        lines.append(Text(f"{indent}{empty}", style="dim"))
    return Text("\n").join(lines)
