"""The judgement as JSON: ``mlaudit.gate/1``, which ``gate.schema.json`` beside this file describes.

There is no NaN or Infinity in it: such a value is null, and the ``non_finite`` of the object that holds it maps its key
to ``NaN``, ``Infinity`` or ``-Infinity``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlaudit.domain.code_change import CodeChange
from mlaudit.domain.comparison import Comparison, Side
from mlaudit.domain.finite import is_finite
from mlaudit.domain.models import Dataset
from mlaudit.domain.run_values import non_finite_word
from mlaudit.domain.verdict import MetricVerdict
from mlaudit.reports.runs import render_json

SCHEMA = "mlaudit.gate/1"


def render(comparison: Comparison, code: CodeChange | None = None) -> str:
    """The report, indented, keys in a fixed order."""
    return render_json(report_object(comparison, code))


def report_object(comparison: Comparison, code: CodeChange | None = None) -> dict[str, Any]:
    """The report as a JSON object; ``code`` None: nobody looked what changed in the code."""
    verdict, policy, diff = comparison.verdict, comparison.policy, comparison.diff
    return {
        "schema": SCHEMA,
        "verdict": str(verdict.outcome),
        "exit_code": verdict.exit_code,
        "reason": verdict.reason,
        "error": None,
        "model": comparison.model,
        "model_reason": comparison.model_reason or None,
        "store": {"kind": str(comparison.store.kind), "uri": comparison.store.uri},
        "candidate": _side(comparison.candidate),
        "baseline": {**_side(comparison.baseline), "selector": comparison.selector},
        "policy": {"path": policy.path, "sha256": policy.sha256, "built_in": not policy.model},
        "calibration": [list(group) for group in comparison.calibration],
        "metrics": [_metric(m) for m in verdict.metrics],
        "params": [
            {"name": p.name, "candidate": p.candidate, "baseline": p.baseline, "change": str(p.change)}
            for p in (diff.params if diff else ())
        ],
        "datasets": [
            {
                "context": d.context,
                "candidate": [_dataset(x) for x in d.candidate],
                "baseline": [_dataset(x) for x in d.baseline],
                "change": str(d.change),
            }
            for d in (diff.datasets if diff else ())
        ],
        "code": _code(code),
        "checks": [
            {"name": c.name, "verdict": str(c.outcome), "reason": c.reason, "detail": c.detail, "warning": c.warning}
            for c in verdict.checks
        ],
        "warnings": list(verdict.warnings),
    }


def _side(side: Side | None) -> dict[str, Any]:
    """A side; all null where there is none, so that a reader may always look inside."""
    run, version = (side.run, side.version) if side else (None, None)
    return {
        "run_id": run.run_id if run else None,
        "run_name": run.name if run else None,
        "experiment_id": run.experiment_id if run else None,
        "status": run.status if run else None,
        "version": version.version if version else None,
        "stage": str(version.stage) if version else None,
        "replicates": list(side.replicates) if side else [],
    }


def _code(code: CodeChange | None) -> dict[str, Any] | None:
    if code is None:
        return None
    return {
        "candidate": code.candidate,
        "baseline": code.baseline,
        "known": code.known,
        "note": code.note,
        "commits": [{"sha": c.sha, "subject": c.subject} for c in code.commits],
        "more_commits": code.more_commits,
        "behind": code.behind,
        "files": [{"status": f.status, "path": f.path} for f in code.files],
        "more_files": code.more_files,
    }


def _dataset(dataset: Dataset) -> dict[str, str]:
    return {"name": dataset.name, "digest": dataset.digest}


def _metric(metric: MetricVerdict) -> dict[str, Any]:
    numbers: Mapping[str, float | None] = {
        "candidate": metric.candidate,
        "baseline": metric.baseline,
        "delta": metric.delta,
        "tolerance": metric.tolerance,
        "noise": metric.noise,
        "noise_regression": metric.noise_regression,
        "df": metric.df,
    }
    plain = {k: v if v is None or is_finite(v) else None for k, v in numbers.items()}
    return {
        "name": metric.name,
        "role": str(metric.role),
        "direction": str(metric.direction) if metric.direction else None,
        "candidate": plain["candidate"],
        "baseline": plain["baseline"],
        "n_candidate": metric.n_candidate,
        "n_baseline": metric.n_baseline,
        "delta": plain["delta"],
        "tolerance": plain["tolerance"],
        "noise": plain["noise"],
        "noise_regression": plain["noise_regression"],
        "df": plain["df"],
        "verdict": str(metric.outcome),
        "reason": metric.reason,
        "warnings": list(metric.warnings),
        "non_finite": {k: non_finite_word(v) for k, v in numbers.items() if v is not None and not is_finite(v)},
    }
