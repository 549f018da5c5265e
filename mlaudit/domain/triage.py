"""A judgement in one line: what a list of runs shows of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlaudit.domain.comparison import Comparison
from mlaudit.domain.finite import is_finite
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_change
from mlaudit.domain.verdict import MetricVerdict, Outcome, Role

SEVERITY = (
    Outcome.PASS,
    Outcome.NO_BASELINE,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_COMPARABLE,
    Outcome.REGRESSION,
    Outcome.ERROR,
)
"""Best first."""
VERDICT_FIELDS = ("verdict", "verdict_reason", "change", "change_metric")
"""The columns of a table of runs that only a judgement fills; ``change`` is a fraction of the baseline's value."""


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """The verdict on one run, and the metric that changed most for the worse."""

    run_id: str
    outcome: Outcome | None = None
    """None: the run could not be judged at all, and :attr:`problem` says why."""
    reason: str = ""
    """A stable word."""
    exit_code: int = 0
    metric: str = ""
    """Among those that decide, the one with the worst change; empty where none can be computed."""
    change: float | None = None
    """Its (candidate − baseline) / |baseline|, negative where the candidate's value is smaller; None for no number."""
    worse: float | None = None
    """The same by the metric's direction: positive is worse; infinite where the candidate's value is no number."""
    n_candidate: int = 0
    """Runs whose mean is judged: this one and its replicates."""
    n_baseline: int = 0
    baseline_run_id: str = ""
    """Empty without a baseline."""
    policy_sha256: str = ""
    """Of the policy file that judged; empty without one."""
    warnings: tuple[str, ...] = ()
    """Printable sentences."""
    problem: str = ""
    """Printable; empty where there is a verdict."""
    advice: str = ""
    """What somebody in a shell can do about the problem; may be empty."""


def worse_by(metric: MetricVerdict) -> float | None:
    """δ / |baseline|: how much worse, as a fraction; infinite for a candidate that is no number, None if unknown."""
    if metric.candidate is not None and not is_finite(metric.candidate):
        return math.inf
    return metric.delta / abs(metric.baseline) if metric.delta is not None and metric.baseline else None


def in_a_line(comparison: Comparison) -> JudgedRun:
    """The comparison, as far as a list shows it."""
    verdict, baseline = comparison.verdict, comparison.baseline
    known = [(w, m) for m in verdict.metrics if m.role is not Role.INFO and (w := worse_by(m)) is not None]
    worst, metric = max(known, key=lambda pair: pair[0], default=(None, None))
    change = None
    if metric is not None and metric.candidate is not None and metric.baseline and worst != math.inf:
        change = (metric.candidate - metric.baseline) / abs(metric.baseline)
        # A baseline next to 0: no number says by how much, and JSON could not hold it.
        change = change if math.isfinite(change) else None
    return JudgedRun(
        comparison.candidate.run.run_id,
        verdict.outcome,
        verdict.reason,
        verdict.exit_code,
        metric.name if metric else "",
        change,
        worst,
        len(comparison.candidate.replicates) + 1,
        len(baseline.replicates) + 1 if baseline else 0,
        baseline.run.run_id if baseline else "",
        comparison.policy.sha256 or "",
        verdict.warnings,
    )


def by_verdict(judged: JudgedRun) -> tuple[int, float]:
    """A sort key: the best verdict first, of equal ones the smallest worsening."""
    assert judged.outcome is not None
    return SEVERITY.index(judged.outcome), -math.inf if judged.worse is None else judged.worse


def verdict_field(judged: JudgedRun | None, field: str) -> str | float | None:
    """One of :data:`VERDICT_FIELDS` for a program; None where there is none."""
    if judged is None:
        return None
    values: dict[str, str | float | None] = {
        "verdict": str(judged.outcome) if judged.outcome is not None else None,
        "verdict_reason": judged.reason or None,
        "change": judged.change,
        "change_metric": judged.metric or None,
    }
    return values[field]


def verdict_cell(judged: JudgedRun | None, field: str) -> str:
    """The same for people; the change with its metric, ``no number`` where the candidate's value is none."""
    if judged is None or judged.outcome is None:
        return "—"
    if field == "change" and judged.metric:
        return f"{'no number' if judged.worse == math.inf else format_change(judged.change)} {judged.metric}"
    value = verdict_field(judged, field)
    return "—" if value is None else str(value)


def in_order(runs: Sequence[Run], judged: Mapping[str, JudgedRun], orders: Sequence[tuple[str, bool]]) -> list[Run]:
    """The runs by (``verdict`` or ``change``, whether it descends); what has no verdict comes last.

    Ascending puts the best verdict and the smallest worsening first; where an order says nothing they stay as they are.
    """
    found = list(runs)
    for key, descending in reversed(orders):
        keyed = [(order_value(judged, run, key), run) for run in found]
        known = sorted(((k, run) for k, run in keyed if k is not None), key=lambda pair: pair[0], reverse=descending)
        found = [run for _, run in known] + [run for k, run in keyed if k is None]
    return found


def order_value(judged: Mapping[str, JudgedRun], run: Run, key: str) -> float | None:
    """What ``verdict`` or ``change`` sorts a run by; None where it has no verdict."""
    one = judged.get(run.run_id)
    if one is None or one.outcome is None:
        return None
    return one.worse if key == "change" else by_verdict(one)[0]
