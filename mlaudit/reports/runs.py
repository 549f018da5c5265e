"""Runs and experiments as columns, CSV and JSON.

A column is a field of a run (``run_id``, ``name``, ...) or ``metrics.KEY``, ``params.KEY``, ``tags.KEY``. JSON has no
NaN or Infinity: such a metric is null, and the object's ``non_finite`` maps its key to ``NaN``, ``Infinity`` or
``-Infinity``.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlaudit.domain.columns import FIELDS, GROUPS, duration_of, keys_of
from mlaudit.domain.errors import UsageError
from mlaudit.domain.models import Experiment, Run, is_finite
from mlaudit.domain.text import format_iso
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun, verdict_field

ALIASES = {"name": "run_name", "id": "run_id", "metric": "metrics", "param": "params", "tag": "tags"}
EXPERIMENT_FIELDS = (
    *("experiment_id", "name", "run_count", "last_run_time", "creation_time", "last_update_time", "artifact_location"),
)


def near(name: str, known: Iterable[str]) -> str:
    """``; did you mean a, b?`` for the known names like this one, or nothing."""
    close = difflib.get_close_matches(name, sorted(set(known)), n=3, cutoff=0.6)
    return f"; did you mean {', '.join(close)}?" if close else ""


def parse_columns(text: str) -> tuple[str, ...]:
    """Column names from a comma-separated list, aliases resolved, duplicates dropped. Raises UsageError."""
    columns: list[str] = []
    try:
        items = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error as problem:
        raise UsageError(f"--columns is no list of names separated by commas: {problem}") from None
    for item in items:
        name = item.strip()
        if not name:
            continue
        group, dot, key = name.partition(".")
        group = ALIASES.get(group, group)
        if dot and key and group in GROUPS:
            column = f"{group}.{key}"
        elif not dot and group in (*FIELDS, *VERDICT_FIELDS):
            column = group
        else:
            hint = near(name, (*FIELDS, "name")) or "; there are metrics.KEY, params.KEY, tags.KEY and: " + ", ".join(
                FIELDS
            )
            raise UsageError(f"unknown column {name!r}{hint}")
        if column not in columns:
            columns.append(column)
    if not columns:
        raise UsageError("--columns names no column")
    return tuple(columns)


def all_columns(runs: Sequence[Run]) -> tuple[str, ...]:
    """All fields, then all metrics, params and user tags, then MLflow's own tags."""
    tags = sorted(keys_of(runs, "tags"), key=lambda k: (k.startswith("mlflow."), k))
    return (
        *FIELDS,
        *(f"metrics.{k}" for k in keys_of(runs, "metrics")),
        *(f"params.{k}" for k in keys_of(runs, "params")),
        *(f"tags.{k}" for k in tags),
    )


def _field(run: Run, name: str, experiments: Mapping[str, str]) -> Any:
    """A field's value as JSON has it; duration in seconds."""
    duration = duration_of(run)
    values: dict[str, Any] = {
        "run_id": run.run_id,
        "run_name": run.name,
        "experiment": experiments.get(run.experiment_id, run.experiment_id),
        "experiment_id": run.experiment_id,
        "status": run.status,
        "start_time": format_iso(run.start_time),
        "end_time": format_iso(run.end_time),
        "duration": None if duration is None else duration / 1000,
        "user": run.user,
        "lifecycle_stage": run.lifecycle_stage,
        "artifact_uri": run.artifact_uri,
    }
    return values[name]


def non_finite_word(value: float) -> str:
    """``NaN``, ``Infinity`` or ``-Infinity``; ±1.797e308 counts as infinite, as MLflow's SQL stores mean it."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def verdict_object(judged: JudgedRun) -> dict[str, Any]:
    """A judgement as a JSON object: what ``mlaudit runs --verdict`` adds to a run."""
    return {
        "verdict": str(judged.outcome) if judged.outcome is not None else None,
        "reason": judged.reason or None,
        "exit_code": judged.exit_code,
        "metric": judged.metric or None,
        "change": judged.change,
        "worse": judged.worse if judged.worse is not None and math.isfinite(judged.worse) else None,
        "n_candidate": judged.n_candidate,
        "n_baseline": judged.n_baseline,
        "baseline_run_id": judged.baseline_run_id or None,
        "policy_sha256": judged.policy_sha256 or None,
        "warnings": list(judged.warnings),
        "problem": judged.problem or None,
    }


def _csv_cell(run: Run, column: str, experiments: Mapping[str, str], judged: JudgedRun | None) -> str:
    """A cell for programs: the whole value; empty where there is nothing."""
    if column in VERDICT_FIELDS:
        field = verdict_field(judged, column)
        return "" if field is None else str(field)
    group, dot, key = column.partition(".")
    if not dot:
        value = _field(run, column, experiments)
        return "" if value is None else str(value)
    value = getattr(run, group).get(key)
    if value is None:
        return ""
    if group != "metrics":
        return str(value)
    return repr(float(value)) if is_finite(value) else non_finite_word(value)


def render_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV with one header line, quoted where needed, lines ending in a newline."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def runs_csv(
    runs: Sequence[Run],
    columns: Sequence[str],
    experiments: Mapping[str, str],
    judged: Mapping[str, JudgedRun] | None = None,
) -> str:
    """The runs as CSV. Values are the store's: a cell that starts with ``=`` is left as it is."""
    known = judged or {}
    return render_csv(columns, ([_csv_cell(r, c, experiments, known.get(r.run_id)) for c in columns] for r in runs))


def finite_metrics(metrics: Mapping[str, float]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Metrics as JSON can have them, and the words for those it cannot."""
    plain = {k: (v if is_finite(v) else None) for k, v in metrics.items()}
    return plain, {k: non_finite_word(v) for k, v in metrics.items() if not is_finite(v)}


def run_object(
    run: Run,
    experiments: Mapping[str, str],
    columns: Sequence[str] | None = None,
    judged: JudgedRun | None = None,
) -> dict[str, Any]:
    """A run as a JSON object; ``columns`` keeps only those fields and keys, in that order.

    A run that was judged has its judgement whole under ``verdict``.
    """
    metrics, odd = finite_metrics(run.metrics)
    groups: dict[str, dict[str, Any]] = {"params": dict(run.params), "metrics": dict(metrics), "tags": dict(run.tags)}
    out: dict[str, Any] = {}
    for column in (*FIELDS, *groups) if columns is None else columns:
        group, dot, key = column.partition(".")
        if dot:
            if key in groups[group]:
                out.setdefault(group, {})[key] = groups[group][key]
            else:
                out.setdefault(group, {})
        elif column not in VERDICT_FIELDS:
            out[column] = groups[column] if column in groups else _field(run, column, experiments)
    if judged is not None:
        out["verdict"] = verdict_object(judged)
    shown = {k: w for k, w in odd.items() if k in out.get("metrics", {})}
    if shown:
        out["non_finite"] = shown
    return out


def render_json(value: object) -> str:
    """Indented JSON, without NaN or Infinity (a ValueError, never bad JSON)."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def experiment_object(experiment: Experiment) -> dict[str, Any]:
    """An experiment as a JSON object; times in ISO 8601."""
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "run_count": experiment.run_count,
        "last_run_time": format_iso(experiment.last_run_time),
        "creation_time": format_iso(experiment.creation_time),
        "last_update_time": format_iso(experiment.last_update_time),
        "artifact_location": experiment.artifact_location,
        "tags": dict(experiment.tags),
    }
