"""What the gate is told and what it says: rules, policy, sides, checks, verdicts. :mod:`mlaudit.domain.gate` judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mlaudit.domain.models import Dataset, Run


class Outcome(StrEnum):
    """The verdict words."""

    PASS = "PASS"
    NO_BASELINE = "NO_BASELINE"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_COMPARABLE = "NOT_COMPARABLE"
    REGRESSION = "REGRESSION"
    ERROR = "ERROR"


class Direction(StrEnum):
    """Which way a metric gets better."""

    LOWER = "lower"
    HIGHER = "higher"


class Role(StrEnum):
    """What a metric's verdict counts for: primary and guard alike decide, info never does."""

    PRIMARY = "primary"
    GUARD = "guard"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class MetricRule:
    """How one metric is judged."""

    name: str
    role: Role = Role.PRIMARY
    direction: Direction | None = None
    max_rel_regression: float | None = None
    """τ_rel, a fraction of |baseline|."""
    max_abs_regression: float | None = None
    """τ_abs, in the metric's own unit."""
    combine: str = "max"
    """``max`` takes the looser of the two tolerances that are set, ``min`` the stricter."""
    upper_bound: float | None = None
    lower_bound: float | None = None
    select: str = "last"
    """``last``, ``best`` or ``step:<n>``."""
    relative_sd: float | None = None
    """Declared noise: standard deviation as a fraction of |baseline|, used where no replicates measure it."""


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What a model's owners demand of a candidate."""

    metrics: tuple[MetricRule, ...] = ()
    model: str = ""
    """Empty for the built-in policy."""
    experiment: str | None = None
    baselines: tuple[str, ...] = ("stage:Production",)
    on_multiple_baselines: str = "error"
    first_promotion: str = "bounds"
    dataset_context: str | None = "validation"
    dataset_tag: str | None = "dataset_version"
    on_unknown: str = "warn"
    git_commit: str = "ignore"
    nuisance_params: tuple[str, ...] = ("seed", "random_state", "*_seed")
    calibrate: bool = True
    paired: bool = False
    alpha: float = 0.05
    on_inconclusive: str = "block"
    path: str | None = None
    """The policy file, or None: no policy was found and the built-in one is used."""
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class GateSide:
    """What the gate needs to know of the candidate or the baseline."""

    run_id: str
    status: str
    metrics: Mapping[str, tuple[float, ...]]
    """Metric -> the selected value of each replicate, the run's own first."""
    datasets: tuple[Dataset, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    deleted: bool = False
    seeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Metric -> the seed of each of its values, in the same order: what a paired comparison goes by."""
    runs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Metric -> the id of the run of each of its values, in the same order: what the evidence names."""

    @classmethod
    def of(cls, run: Run, metrics: Mapping[str, tuple[float, ...]] | None = None) -> GateSide:
        """A run alone; ``metrics`` replaces its latest values."""
        values = {name: (value,) for name, value in run.metrics.items()} if metrics is None else metrics
        return cls(run.run_id, run.status, values, run.datasets, run.tags, run.lifecycle_stage == "deleted")


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One metric judged; the fields of ``mlaudit.gate/1``."""

    name: str
    role: Role
    direction: Direction | None
    candidate: float | None
    """Mean over the candidate's replicates; may be NaN or infinite; None where missing."""
    baseline: float | None
    n_candidate: int
    n_baseline: int
    delta: float | None
    """δ: how much worse, in the metric's unit; negative is better. None where it cannot be computed."""
    tolerance: float | None
    """τ, in the metric's unit."""
    noise: float | None
    """h, the noise half-width; None where nothing estimates it."""
    df: float | None
    """ν, degrees of freedom of the noise estimate."""
    outcome: Outcome
    reason: str
    """A stable word such as ``within_tolerance``."""
    warnings: tuple[str, ...] = ()
    """Stable words such as ``noise_unknown``; :func:`mlaudit.domain.reasons.explain` has a sentence for each."""
    noise_regression: float | None = None
    """The half-width at α/m, which a REGRESSION among m metrics must exceed; the same as ``noise`` for one metric."""
    se: float | None = None
    """SE, the standard error of δ, of which both half-widths are multiples."""


@dataclass(frozen=True, slots=True)
class Check:
    """A question of comparability and its answer."""

    name: str
    """e.g. ``dataset``, ``dataset_version``, ``candidate_status``."""
    outcome: Outcome
    """PASS, or NOT_COMPARABLE, or ERROR."""
    detail: str
    """A printable sentence."""
    warning: bool = False
    """Not held against the candidate, yet worth a look."""
    reason: str = ""
    """A stable word such as ``dataset_mismatch``."""

    @property
    def unknown(self) -> bool:
        """Whether it passed only because a side does not say."""
        return self.outcome is Outcome.PASS and (self.warning or self.reason.endswith("_unknown"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement."""

    outcome: Outcome
    exit_code: int
    reason: str
    """A stable word for the overall outcome, that of the worst metric or check."""
    metrics: tuple[MetricVerdict, ...] = ()
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    """Printable sentences about the judgement as a whole."""
