"""A run's values in full: what programs get, and what is copied or written to a file.

JSON has no NaN or Infinity: such a metric is null there, and the object's ``non_finite`` maps its key to ``NaN``,
``Infinity`` or ``-Infinity``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlaudit.domain.columns import FIELDS, duration_of
from mlaudit.domain.finite import is_finite
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_iso
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun, verdict_field


def non_finite_word(value: float) -> str:
    """``NaN``, ``Infinity`` or ``-Infinity``; ±1.797e308 counts as infinite, as MLflow's SQL stores mean it."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def run_field(run: Run, name: str, experiments: Mapping[str, str]) -> Any:
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


def full_cell(run: Run, column: str, experiments: Mapping[str, str], judged: JudgedRun | None = None) -> str:
    """A cell for programs: the whole value; empty where there is nothing."""
    if column in VERDICT_FIELDS:
        field = verdict_field(judged, column)
        return "" if field is None else str(field)
    group, dot, key = column.partition(".")
    if not dot:
        value = run_field(run, column, experiments)
        return "" if value is None else str(value)
    value = getattr(run, group).get(key)
    if value is None:
        return ""
    if group != "metrics":
        return str(value)
    return repr(float(value)) if is_finite(value) else non_finite_word(value)


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
            out[column] = groups[column] if column in groups else run_field(run, column, experiments)
    if judged is not None:
        out["verdict"] = verdict_object(judged)
    shown = {k: w for k, w in odd.items() if k in out.get("metrics", {})}
    if shown:
        out["non_finite"] = shown
    return out


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
