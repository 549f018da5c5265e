"""What a report for people says of a judgement, bit by bit, in words and figures."""

from __future__ import annotations

from collections.abc import Sequence

from mlaudit.domain.calibration import runs_to_tell
from mlaudit.domain.comparison import Comparison, Side
from mlaudit.domain.finite import is_finite
from mlaudit.domain.reasons import explain, listed
from mlaudit.domain.text import format_number
from mlaudit.domain.verdict import Direction, GatePolicy, MetricRule, MetricVerdict, Role

SHORT_ID = 12


def baseline_title(comparison: Comparison) -> str:
    """The heading of the baseline's column: ``Production``, ``version 3``, ``@champion``, else ``baseline``."""
    kind, _, value = comparison.selector.partition(":")
    if comparison.baseline is None or kind not in {"stage", "version", "alias"}:
        return "baseline"
    return {"stage": value, "version": f"version {value}", "alias": f"@{value}"}[kind]


def relative_change(verdict: MetricVerdict) -> float | None:
    """(candidate − baseline) / |baseline|, whichever direction is better; None where a side is no finite number."""
    candidate, baseline = verdict.candidate, verdict.baseline
    if candidate is None or not baseline or not is_finite(candidate) or not is_finite(baseline):
        return None
    return (candidate - baseline) / abs(baseline)


def worst_accepted(verdict: MetricVerdict, rule: MetricRule | None) -> float | None:
    """The worst value that would be accepted; None where there is none."""
    lower = verdict.direction is Direction.LOWER
    limits = []
    if verdict.baseline is not None and verdict.tolerance is not None:
        limits.append(verdict.baseline + verdict.tolerance if lower else verdict.baseline - verdict.tolerance)
    bound = None if rule is None else (rule.upper_bound if lower else rule.lower_bound)
    if bound is not None:
        limits.append(bound)
    return None if not limits or verdict.direction is None else (min(limits) if lower else max(limits))


def numbers(verdict: MetricVerdict, rule: MetricRule | None) -> str:
    """The figures behind a reason, in brackets after a space; empty where the table says it all."""
    if verdict.reason in {"worse_than_tolerance", "noise_exceeds_margin"}:
        # Past the tolerance the question is whether it is a regression, within it whether it is a pass.
        past = (verdict.delta or 0) > (verdict.tolerance or 0)
        width = verdict.noise_regression if past else verdict.noise
        digits = 3
        if verdict.reason == "worse_than_tolerance":
            digits = _digits_to_tell(verdict.delta, (verdict.tolerance, width), digits)
        noise = f", up to {format_number(width, digits)} by chance" if width else ""
        allowed = format_number(verdict.tolerance, digits)
        return f" ({format_number(verdict.delta, digits)} worse, {allowed} allowed{noise})"
    if verdict.reason == "candidate_non_finite":
        return f" ({format_number(verdict.candidate)})"
    if verdict.reason == "above_upper_bound" and rule:
        return f" ({_beyond(verdict.candidate, '>', rule.upper_bound)})"
    if verdict.reason == "below_lower_bound" and rule:
        return f" ({_beyond(verdict.candidate, '<', rule.lower_bound)})"
    return ""


def _beyond(value: float | None, sign: str, bound: float | None) -> str:
    digits = _digits_to_tell(value, (bound,), 5)
    return f"{format_number(value, digits)} {sign} {format_number(bound, digits)}"


def _digits_to_tell(value: float | None, others: Sequence[float | None], digits: int) -> int:
    """So many digits, or more, that ``value`` does not look like one of the others: never ``0.9 > 0.9``."""
    enough = (n for n in range(digits, 17) if format_number(value, n) not in {format_number(o, n) for o in others})
    return next(enough, digits)


def side_line(side: Side) -> str:
    """A run: its name, the start of its id, its version, and its status unless it has finished."""
    version = side.version
    known = f"version {version.version} in {version.stage}" if version else "not registered"
    run = side.run
    return f"{run.name} {run.run_id[:SHORT_ID]}, {known}".strip() + (
        "" if run.status == "FINISHED" else f", {run.status}"
    )


def judged_line(side: Side) -> str:
    """What is judged where it is not the run alone: ``mean of 3 runs: this one, 0123456789ab and ...``; else empty."""
    if not side.replicates:
        return ""
    others = listed([run_id[:SHORT_ID] for run_id in side.replicates], 6)
    return f"judged as the mean of {len(side.replicates) + 1} runs: this one and {others}"


def counts(verdict: MetricVerdict) -> str:
    """How many runs each side's value is of, the candidate's first: ``3/5``; ``1`` where both are single runs."""
    if verdict.n_candidate <= 1 and verdict.n_baseline <= 1:
        return "1"
    return f"{verdict.n_candidate}/{verdict.n_baseline}"


def calibration_line(comparison: Comparison) -> str:
    """``2 calibration groups of 4 and 3 runs``; empty where there are none."""
    sizes = [str(len(group)) for group in comparison.calibration]
    if not sizes:
        return ""
    return f"{count(len(sizes), 'calibration group')} of {listed(sizes, 8)} runs"


def count(number: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def why(verdict: MetricVerdict, policy: GatePolicy) -> str:
    """The reason in a sentence, with its figures, and for INCONCLUSIVE how many runs would tell."""
    rule = next((rule for rule in policy.metrics if rule.name == verdict.name), None)
    said = explain(verdict.reason) + numbers(verdict, rule)
    deciding = sum(rule.role is not Role.INFO for rule in policy.metrics)
    needed = None if policy.paired else runs_to_tell(verdict, policy.alpha, max(deciding, 1))
    return said if needed is None else f"{said}; the same difference over {needed} runs a side would tell"
