"""How much metrics vary by themselves, and what that means for a tolerance: pure arithmetic on replicate groups.

The relative standard deviation is pooled over the groups as the gate pools them: r² = Σ(n_g−1)(sd_g/|mean_g|)² / ν with
ν = Σ(n_g−1). The noise half-width of n_c candidate runs against n_b baseline runs, as a fraction of the baseline, is
then h = t_{1−α,ν}·r·√(1/n_c + 1/n_b).

A tolerance below h can never be passed by a candidate that is exactly as good. The tolerance that is suggested is
therefore h for the runs at hand: one candidate run against the baseline's own group. How many runs a side a decision
needs is another question: so many that a candidate that is no worse passes four times out of five,
(t_{1−α,ν} + t_{0.8,ν})·SE ≤ τ, with the degrees of freedom that these runs themselves add.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlaudit.domain.gate import group_noise, mean_of, tolerance_of
from mlaudit.domain.groups import summary_of
from mlaudit.domain.models import StoreInfo
from mlaudit.domain.student import quantile
from mlaudit.domain.verdict import Direction, MetricRule, MetricVerdict, Outcome, Role

POWER = 0.8
"""The share of candidates no worse than the baseline that a decision should let pass."""
MAX_NEEDED = 1000


@dataclass(frozen=True, slots=True)
class GroupOfRuns:
    """A replicate group."""

    name: str
    """Printable name of its newest run."""
    run_ids: tuple[str, ...]
    is_baseline: bool = False
    """Whether the baseline is one of them."""


@dataclass(frozen=True, slots=True)
class GroupSpread:
    """One metric in one group."""

    group: int
    """Index of the group in :attr:`Calibration.groups`."""
    n: int
    mean: float
    sd: float
    """With n − 1."""
    relative_sd: float | None
    """sd / |mean|; None around a mean of 0."""


@dataclass(frozen=True, slots=True)
class MetricCalibration:
    """What is known of one metric. All fractions are of the baseline's value."""

    name: str
    role: Role
    direction: Direction | None
    select: str
    groups: tuple[GroupSpread, ...]
    relative_sd: float | None
    """r, pooled; None where no group tells it."""
    df: int
    """ν."""
    n_baseline: int
    """Runs of the baseline's group that have the metric; 1 where there is no baseline."""
    noise: float | None
    """h of one candidate run against the baseline's group."""
    suggested: float | None
    """The tolerance suggested: h, rounded up to two digits."""
    tolerance: float | None
    """τ of the policy; None where it sets none, or an absolute one and the baseline has no value, or 0."""
    needed: int | None
    """Runs a side for a decision at τ; None where that is unknown, or more than 1,000."""
    upper_bound: float | None = None
    lower_bound: float | None = None
    max_abs_regression: float | None = None
    combine: str = "max"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The report of ``mlaudit calibrate``."""

    store: StoreInfo
    model: str
    raw_model: str
    experiment: str
    runs: int
    """Finished runs that were looked at."""
    complete: bool
    baseline_run_id: str | None
    selector: str
    alpha: float
    policy_path: str | None
    policy_sha256: str | None
    built_in: bool
    """Whether the built-in rules name the metrics."""
    groups: tuple[GroupOfRuns, ...]
    metrics: tuple[MetricCalibration, ...]
    """Those that decide."""
    warnings: tuple[str, ...] = ()


def round_up(value: float, digits: int = 2) -> float:
    """``value`` with so many significant digits, never smaller than it was."""
    if value <= 0 or not math.isfinite(value):
        return value
    places = digits - 1 - math.floor(math.log10(value))
    rounded = round(value, places)
    return rounded if rounded >= value else round(rounded + 10.0**-places, places)


def runs_needed(relative_sd: float, df_of_others: int, n_baseline: int, tolerance: float, alpha: float) -> int | None:
    """The fewest runs a side; the baseline's group counts with what it has. None for more than 1,000.

    ``df_of_others``: degrees of freedom of the groups beside the baseline's.
    """

    def tell(n: int) -> bool:
        n_b = max(n, n_baseline)
        df = df_of_others + (n - 1) + (n_b - 1)
        if df < 1:
            return False
        se = relative_sd * math.sqrt(1 / n + 1 / n_b)
        return (quantile(alpha, df) + quantile(1 - POWER, df)) * se <= tolerance

    return _fewest(1, tell)


def runs_to_tell(verdict: MetricVerdict, alpha: float, m: int) -> int | None:
    """Runs a side with which the difference that was seen would no longer be INCONCLUSIVE, if it stayed the same.

    Within the tolerance a PASS is asked for, past it a REGRESSION among ``m`` metrics. The baseline counts with what it
    has. None for a metric that is not INCONCLUSIVE, where nothing measures the noise, or for more than 1,000.
    """
    known = (verdict.delta, verdict.tolerance, verdict.se, verdict.df)
    if verdict.outcome is not Outcome.INCONCLUSIVE or None in known:
        return None
    delta, tolerance, se_now, df = (v for v in known if v is not None)
    n_c, n_b = verdict.n_candidate, verdict.n_baseline
    if math.isinf(df) or df < 1:
        return None
    sd = se_now / math.sqrt(1 / n_c + 1 / n_b)
    others = df - (n_c - 1) - (n_b - 1)

    def tell(n: int) -> bool:
        more_b = max(n, n_b)
        se = sd * math.sqrt(1 / n + 1 / more_b)
        now = others + (n - 1) + (more_b - 1)
        if delta <= tolerance:
            return delta + quantile(alpha, now) * se <= tolerance
        return delta > quantile(alpha / m, now) * se

    return _fewest(n_c + 1, tell)


def _fewest(first: int, tell: Callable[[int], bool]) -> int | None:
    """The least n from ``first`` to 1,000 that tells, where all above it do as well; None where none does."""
    if first > MAX_NEEDED or not tell(MAX_NEEDED):
        return None
    return first + bisect_left(range(first, MAX_NEEDED), True, key=tell)


def calibrate_metric(
    rule: MetricRule,
    values: Sequence[Sequence[float]],
    baseline_group: int | None,
    baseline: Sequence[float],
    alpha: float,
) -> MetricCalibration:
    """One metric from the finite values of each group, in the groups' order; a group may have too few to count.

    ``baseline_group``: the group that holds the baseline run. ``baseline``: that run's own finite value, which is its
    group of one where ``baseline_group`` is None; empty where it has none, or there is no baseline.
    """
    spreads = tuple(_spread(index, group) for index, group in enumerate(values) if len(group) > 1)
    usable = [s for s in spreads if s.relative_sd is not None]
    df = sum(s.n - 1 for s in usable)
    pooled = None
    if df:
        noises = (group_noise(values[s.group]) for s in usable)
        pooled = math.sqrt(sum(noise.relative_squares for noise in noises if noise is not None) / df)
    ours = values[baseline_group] if baseline_group is not None else baseline
    n_baseline = max(len(ours), 1)
    mean = mean_of(ours) if ours else None
    tolerance = rule.max_rel_regression
    if mean:
        absolute = tolerance_of(rule, mean)
        tolerance = absolute / abs(mean) if absolute is not None else None
    elif rule.max_abs_regression is not None:
        tolerance = None
    noise = quantile(alpha, df) * pooled * math.sqrt(1 + 1 / n_baseline) if pooled is not None else None
    needed = None
    if pooled is not None and tolerance is not None and tolerance > 0:
        in_usable = any(s.group == baseline_group for s in usable)
        needed = runs_needed(pooled, df - (n_baseline - 1 if in_usable else 0), n_baseline, tolerance, alpha)
    return MetricCalibration(
        rule.name,
        rule.role,
        rule.direction,
        rule.select,
        spreads,
        pooled,
        df,
        n_baseline,
        noise,
        round_up(noise) if noise is not None else None,
        tolerance,
        needed,
        rule.upper_bound,
        rule.lower_bound,
        rule.max_abs_regression,
        rule.combine,
    )


def _spread(index: int, values: Sequence[float]) -> GroupSpread:
    """Of 2 finite values or more."""
    noise = group_noise(values)
    relative = math.sqrt(noise.relative_squares / noise.df) if noise is not None and noise.usable else None
    return GroupSpread(index, len(values), mean_of(values), summary_of(values).sd or 0.0, relative)
