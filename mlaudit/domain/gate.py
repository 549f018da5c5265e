"""Judges facts by a policy: pure arithmetic, no store, no clock.

``s`` is +1 where lower is better and −1 where higher is; δ = s·(c̄ − b̄) is how much worse the candidate is. It may be
worse by the tolerance τ, and chance alone explains a difference of the noise half-width h, which replicates and
calibration groups measure. REGRESSION if δ > max(τ, h) + ε, PASS if δ + h ≤ τ + ε, INCONCLUSIVE otherwise. Without any
estimate of noise h is 0 and the rule is the plain one: worse than the tolerance is a regression.

Some of it is a decision:

* A verdict that needs no baseline (a non-finite candidate, a violated absolute bound) stands even where the two runs
  are not comparable; every other one becomes NOT_COMPARABLE then, since a difference between scores on two data sets
  means nothing. Of a candidate that has not finished only a non-finite value counts, for its values are not final.
* REGRESSION of one among m metrics needs α/m, so that many metrics do not make false alarms; PASS keeps α, for all must
  pass. Both half-widths are reported, ``noise`` at α and ``noise_regression`` at α/m.
* ``on_inconclusive``: ``block`` ends with exit code 3; ``warn`` keeps the word INCONCLUSIVE and ends with 0; ``pass``
  turns it into PASS. ``first_promotion``: the absolute bounds apply always; ``bounds`` ends with 4, since nothing but
  the bounds has been judged and somebody must decide; ``allow`` keeps the word NO_BASELINE and ends with 0; ``block``
  ends with 4 and says that the policy forbids it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlaudit.domain.comparability import check_sides
from mlaudit.domain.finite import STORED_INFINITY, is_finite
from mlaudit.domain.models import RunStatus
from mlaudit.domain.pairing import paired_values
from mlaudit.domain.reasons import summarise_warnings
from mlaudit.domain.student import quantile
from mlaudit.domain.verdict import (
    Check,
    Direction,
    GatePolicy,
    GateSide,
    MetricRule,
    MetricVerdict,
    Outcome,
    Role,
    Verdict,
)

__all__ = [
    "Check",
    "Direction",
    "GatePolicy",
    "GateSide",
    "GroupNoise",
    "MetricRule",
    "MetricSamples",
    "MetricVerdict",
    "Outcome",
    "Role",
    "Verdict",
    "evaluate",
    "group_noise",
    "judge_metric",
    "mean_of",
]

SLACK = 1e-9
"""Relative float slack: exactly +5 % must pass a 5 % tolerance."""
_EXIT_CODES = {
    Outcome.PASS: 0,
    Outcome.REGRESSION: 1,
    Outcome.ERROR: 2,
    Outcome.INCONCLUSIVE: 3,
    Outcome.NOT_COMPARABLE: 4,
    Outcome.NO_BASELINE: 4,
}
_WORST_FIRST = (
    Outcome.ERROR,
    Outcome.REGRESSION,
    Outcome.NOT_COMPARABLE,
    Outcome.INCONCLUSIVE,
    Outcome.NO_BASELINE,
    Outcome.PASS,
)
_BY_NOISE = frozenset({"worse_than_tolerance", "within_tolerance", "not_worse", "noise_exceeds_margin"})
"""The reasons of verdicts in which an estimate of the noise had a part."""


@dataclass(frozen=True, slots=True)
class GroupNoise:
    """What a calibration group has to say, reckoned once where many candidates are judged."""

    relative_squares: float
    """Σ(x − x̄)² / x̄²."""
    df: int
    """Its number of values − 1."""
    usable: bool = True
    """False around a mean of 0, or so near it that no double holds it: a relative spread means nothing there."""


@dataclass(frozen=True, slots=True)
class MetricSamples:
    """The values that one metric is judged on."""

    candidate: tuple[float, ...]
    """One value a replicate; empty: the metric is missing."""
    baseline: tuple[float, ...]
    groups: tuple[tuple[float, ...] | GroupNoise, ...] = ()
    """Calibration groups: each the replicates of another recipe, which tell how much the metric varies by itself."""


@dataclass(slots=True)
class _Noise:
    """The noise of a difference of means: SE·t is its half-width."""

    se: float
    df: float


def mean_of(values: Sequence[float]) -> float:
    """The mean, of values near the greatest double too."""
    if len(values) == 1:
        return values[0]
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(v / len(values) for v in values)


def _squares(values: Sequence[float]) -> float:
    """Σ(x − x̄)²; exactly 0 for equal values, of which the mean may be rounded."""
    if len(values) < 2 or min(values) == max(values):
        return 0.0
    mean = mean_of(values)
    total = 0.0
    for value in values:
        # A product, since a power raises OverflowError where a product is infinite.
        total += (value - mean) * (value - mean)
    return total


def group_noise(values: Sequence[float]) -> GroupNoise | None:
    """What the finite ones of these values say; None where they are fewer than 2."""
    finite = [v for v in values if is_finite(v)]
    if len(finite) < 2:
        return None
    mean = mean_of(finite)
    shares = [v / mean for v in finite] if mean else []
    squares = _squares(shares) if shares and all(map(math.isfinite, shares)) else math.inf
    usable = math.isfinite(squares)
    return GroupNoise(squares if usable else 0.0, len(finite) - 1, usable)


def tolerance_of(rule: MetricRule, baseline: float) -> float | None:
    """τ in the metric's unit; None where the rule sets none, or only a relative one and the baseline is 0."""
    limits = []
    if rule.max_rel_regression is not None and (baseline != 0 or rule.max_abs_regression is not None):
        limits.append(rule.max_rel_regression * abs(baseline))
    if rule.max_abs_regression is not None:
        limits.append(rule.max_abs_regression)
    if not limits:
        return None
    return min(limits) if rule.combine == "min" else max(limits)


def _noise(rule: MetricRule, samples: MetricSamples, paired: bool, warnings: list[str]) -> _Noise | None:
    """What estimates the noise; None where nothing does. All values are finite. Adds to ``warnings``."""
    sides = samples.candidate, samples.baseline
    # In units of a power of two, which rounds nothing: the squares of 1e-170 would be 0, those of 1e160 infinite.
    exponent = math.frexp(max(map(abs, (*sides[0], *sides[1]))))[1]
    candidate, baseline = ([math.ldexp(value, -exponent) for value in side] for side in sides)
    n_c, n_b = len(candidate), len(baseline)
    varies = [min(side) < max(side) for side in sides if len(side) > 1]
    if not all(varies):
        warnings.append("zero_variance_replicates")
    if paired:
        if n_c == n_b >= 3:
            differences = [c - b for c, b in zip(candidate, baseline, strict=True)]
            sd = math.sqrt(_squares(differences) / (n_c - 1))
            return _Noise(_in_units(sd / math.sqrt(n_c), exponent), n_c - 1)
        warnings.append("paired_not_possible")
    scale = abs(mean_of(samples.baseline))
    unit = math.ldexp(scale, -exponent)
    squares, df = _squares(candidate) + _squares(baseline), n_c + n_b - 2
    for group in samples.groups:
        known = group if isinstance(group, GroupNoise) else group_noise(group)
        if known is None:
            continue
        if not known.usable or scale == 0:
            # Its spread is known, but not what share of the baseline it is.
            if "calibration_group_unusable" not in warnings:
                warnings.append("calibration_group_unusable")
            continue
        squares += known.relative_squares * unit * unit
        df += known.df
        varies.append(known.relative_squares > 0)
    if df > 0 and not any(varies) and "zero_variance_replicates" not in warnings:
        warnings.append("zero_variance_replicates")
    share = 1 / n_c + 1 / n_b
    if df > 0:
        return _Noise(_in_units(math.sqrt(squares / df * share), exponent), df)
    if rule.relative_sd is not None and scale != 0:
        return _Noise(rule.relative_sd * scale * math.sqrt(share), math.inf)
    warnings.append("noise_unknown")
    return None


def _in_units(value: float, exponent: int) -> float:
    """``value`` · 2^``exponent``; the greatest double, which stands for infinite, where no double holds it."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return STORED_INFINITY


def _beyond_bounds(rule: MetricRule, value: float) -> str | None:
    """The word for the absolute bound that ``value`` violates; None if it violates none."""
    if rule.upper_bound is not None and value > rule.upper_bound + SLACK * max(abs(value), abs(rule.upper_bound)):
        return "above_upper_bound"
    if rule.lower_bound is not None and value < rule.lower_bound - SLACK * max(abs(value), abs(rule.lower_bound)):
        return "below_lower_bound"
    return None


def judge_metric(
    rule: MetricRule,
    samples: MetricSamples,
    *,
    alpha: float = 0.05,
    m: int = 1,
    paired: bool = False,
    has_baseline: bool = True,
    comparable: bool = True,
    final: bool = True,
) -> MetricVerdict:
    """One metric judged.

    ``m`` is the number of metrics that decide (primary and guard). ``has_baseline``: there is a baseline run at all.
    ``comparable``: its values may be compared with the candidate's. ``final``: the candidate has finished.
    """
    warnings: list[str] = []
    direction = rule.direction
    candidate = samples.candidate
    baseline = tuple(v for v in samples.baseline if is_finite(v))
    if baseline and len(baseline) < len(samples.baseline):
        warnings.append("baseline_non_finite_dropped")
    finite = all(map(is_finite, candidate))
    c = (mean_of(candidate) if finite else _worst(candidate)) if candidate else None
    b = mean_of(baseline) if baseline else (_worst(samples.baseline) if samples.baseline else None)
    delta = tolerance = None
    if baseline and b is not None:
        tolerance = tolerance_of(rule, b)
        if c is not None and finite and direction is not None:
            delta = c - b if direction is Direction.LOWER else b - c
    noise = strict = df = se = None

    def verdict(outcome: Outcome, reason: str) -> MetricVerdict:
        counts = len(candidate), len(baseline)
        return MetricVerdict(
            rule.name, rule.role, direction, c, b, *counts,
            delta, tolerance, noise, df, outcome, reason, tuple(warnings), strict, se,
        )  # fmt: skip

    if c is None:
        return verdict(Outcome.NOT_COMPARABLE, "candidate_missing")
    if not finite:
        return verdict(Outcome.REGRESSION, "candidate_non_finite")
    if final and (violated := _beyond_bounds(rule, c)):
        return verdict(Outcome.REGRESSION, violated)
    if not comparable or not final:
        return verdict(Outcome.NOT_COMPARABLE, "runs_not_comparable")
    if not has_baseline:
        return verdict(Outcome.NO_BASELINE, "first_promotion")
    if direction is None:
        return verdict(Outcome.NOT_COMPARABLE, "direction_undeclared")
    if b is None:
        return verdict(Outcome.NOT_COMPARABLE, "baseline_missing")
    if delta is None:
        return verdict(Outcome.NOT_COMPARABLE, "baseline_non_finite")
    if tolerance is None:
        if rule.max_rel_regression is not None:
            if delta <= 0:
                return verdict(Outcome.PASS, "zero_baseline_not_worse")
            return verdict(Outcome.NOT_COMPARABLE, "relative_tolerance_undefined")
        if rule.upper_bound is not None or rule.lower_bound is not None:
            return verdict(Outcome.PASS, "within_bounds")
        return verdict(Outcome.NOT_COMPARABLE, "no_tolerance")
    estimate = _noise(rule, replace(samples, baseline=baseline) if warnings else samples, paired, warnings)
    if estimate is not None:
        se, df = estimate.se, estimate.df
        noise = quantile(alpha, df) * se
        strict = noise if m <= 1 else quantile(alpha / m, df) * se
    slack = SLACK * max(abs(c), abs(b))
    if delta > max(tolerance, strict or 0.0) + slack:
        return verdict(Outcome.REGRESSION, "worse_than_tolerance")
    if delta + (noise or 0.0) <= tolerance + slack:
        return verdict(Outcome.PASS, "within_tolerance" if delta > 0 else "not_worse")
    return verdict(Outcome.INCONCLUSIVE, "noise_exceeds_margin")


def _worst(values: Sequence[float]) -> float:
    """The value to show for replicates of which some are not finite: the first that is not."""
    return next(v for v in values if not is_finite(v))


def evaluate(
    policy: GatePolicy,
    candidate: GateSide,
    baseline: GateSide | None,
    *,
    groups: Mapping[str, tuple[tuple[float, ...] | GroupNoise, ...]] | None = None,
    checks: Sequence[Check] = (),
    warnings: Sequence[str] = (),
) -> Verdict:
    """The judgement by ``policy``, whose metrics are the rules; see :func:`mlaudit.domain.builtin_rules.rules_for`.

    ``groups``: calibration groups by metric. ``checks`` and ``warnings`` were found before, e.g. that the baseline's
    run is gone; a check that is not PASS keeps every metric from being compared.
    """
    every = (*checks, *check_sides(policy, candidate, baseline))
    deciding = [rule for rule in policy.metrics if rule.role is not Role.INFO]
    comparable = all(c.outcome is Outcome.PASS for c in every)
    verdicts = []
    for rule in policy.metrics:
        ours = candidate.metrics.get(rule.name, ())
        theirs = baseline.metrics.get(rule.name, ()) if baseline else ()
        samples = MetricSamples(ours, theirs, (groups or {}).get(rule.name, ()))
        judge = functools.partial(
            judge_metric,
            alpha=policy.alpha,
            m=len(deciding),
            has_baseline=baseline is not None,
            comparable=comparable,
            final=candidate.status == RunStatus.FINISHED,
        )
        verdict = judge(rule, samples)
        if policy.paired and baseline is not None and verdict.reason in _BY_NOISE:
            # Only now, so that no replicate escapes the bounds, and being a number at all, for want of a partner.
            pairs = paired_values(ours, candidate.seeds.get(rule.name, ()), theirs, baseline.seeds.get(rule.name, ()))
            if isinstance(pairs, str):
                verdict = replace(verdict, warnings=(*verdict.warnings, pairs))
            else:
                unbound = replace(rule, upper_bound=None, lower_bound=None)
                said = [w for w in verdict.warnings if w == "baseline_non_finite_dropped"]
                if len(pairs[0]) < max(len(ours), len(theirs)):
                    said.append("unpaired_left_out")
                verdict = judge(unbound, replace(samples, candidate=pairs[0], baseline=pairs[1]), paired=True)
                verdict = replace(verdict, warnings=(*verdict.warnings, *said))
        verdicts.append(verdict)
    outcome, reason = _overall(verdicts, every, baseline is not None)
    sentences = (*warnings, *(c.detail for c in every if c.warning), *summarise_warnings(verdicts))
    return _by_policy(policy, Verdict(outcome, _EXIT_CODES[outcome], reason, tuple(verdicts), every, sentences))


def _overall(metrics: Iterable[MetricVerdict], checks: Iterable[Check], has_baseline: bool) -> tuple[Outcome, str]:
    """The worst outcome and its reason; a check's reason goes before a metric's, being the cause."""
    found = [(c.outcome, c.reason) for c in checks if c.outcome is not Outcome.PASS]
    judged = [(v.outcome, v.reason) for v in metrics if v.role is not Role.INFO]
    if not judged and not found:
        # Never PASS: nobody has looked.
        return (
            (Outcome.NOT_COMPARABLE, "no_metric_judged") if has_baseline else (Outcome.NO_BASELINE, "first_promotion")
        )
    # A stable sort: of equal outcomes the first stays first, and "within" is said rather than "not worse".
    ordered = sorted([*found, *judged], key=lambda o: (_WORST_FIRST.index(o[0]), o[1] == "not_worse"))
    return ordered[0]


def _by_policy(policy: GatePolicy, verdict: Verdict) -> Verdict:
    """The verdict with what the policy makes of INCONCLUSIVE and of a first promotion; see the module's docstring."""
    if verdict.outcome is Outcome.INCONCLUSIVE and policy.on_inconclusive != "block":
        said = (*verdict.warnings, "inconclusive, which the policy lets pass (on_inconclusive)")
        if policy.on_inconclusive == "pass":
            return replace(verdict, outcome=Outcome.PASS, exit_code=0, reason="inconclusive_allowed", warnings=said)
        return replace(verdict, exit_code=0, warnings=said)
    if verdict.outcome is Outcome.NO_BASELINE and policy.first_promotion == "allow":
        said = (*verdict.warnings, "no baseline, which the policy allows (first_promotion)")
        return replace(verdict, exit_code=0, reason="first_promotion_allowed", warnings=said)
    if verdict.outcome is Outcome.NO_BASELINE and policy.first_promotion == "block":
        return replace(verdict, reason="first_promotion_blocked")
    return verdict
