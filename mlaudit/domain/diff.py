"""States facts: what differs between a candidate and a baseline. Judging them is :mod:`mlaudit.domain.gate`'s."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlaudit.domain.models import Dataset, Run


class Change(StrEnum):
    """How a param (or tag, or dataset) differs, seen from the baseline."""

    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    """Only the candidate has it."""
    REMOVED = "removed"
    """Only the baseline has it."""


@dataclass(frozen=True, slots=True)
class ParamDiff:
    """One param on both sides."""

    name: str
    candidate: str | None
    baseline: str | None
    change: Change


@dataclass(frozen=True, slots=True)
class MetricDiff:
    """The latest value of one metric on both sides; None where that side never logged it."""

    name: str
    candidate: float | None
    baseline: float | None

    @property
    def delta(self) -> float | None:
        """candidate − baseline; None when a side is missing."""
        if self.candidate is None or self.baseline is None:
            return None
        return self.candidate - self.baseline

    @property
    def relative(self) -> float | None:
        """(candidate − baseline) / |baseline|; None when a side is missing or the baseline is 0."""
        delta = self.delta
        return None if delta is None or not self.baseline else delta / abs(self.baseline)


@dataclass(frozen=True, slots=True)
class DatasetDiff:
    """The datasets of both sides that were logged in one context, e.g. ``validation``."""

    context: str
    candidate: tuple[Dataset, ...]
    baseline: tuple[Dataset, ...]
    change: Change


@dataclass(frozen=True, slots=True)
class RunDiff:
    """All that differs between two runs, and what is the same. Sorted by name."""

    params: tuple[ParamDiff, ...]
    metrics: tuple[MetricDiff, ...]
    tags: tuple[ParamDiff, ...]
    """User tags only: MLflow's own (``mlflow.*``) are left out."""
    datasets: tuple[DatasetDiff, ...]


def _pairs(candidate: dict[str, str], baseline: dict[str, str]) -> tuple[ParamDiff, ...]:
    out = []
    for name in sorted(candidate.keys() | baseline.keys()):
        c, b = candidate.get(name), baseline.get(name)
        if b is None:
            change = Change.ADDED
        elif c is None:
            change = Change.REMOVED
        else:
            change = Change.SAME if c == b else Change.CHANGED
        out.append(ParamDiff(name, c, b, change))
    return tuple(out)


def _datasets(candidate: Run, baseline: Run) -> tuple[DatasetDiff, ...]:
    out = []
    for context in sorted({d.context for d in (*candidate.datasets, *baseline.datasets)}):
        c = tuple(d for d in candidate.datasets if d.context == context)
        b = tuple(d for d in baseline.datasets if d.context == context)
        if not b:
            change = Change.ADDED
        elif not c:
            change = Change.REMOVED
        else:
            same = {(d.name, d.digest) for d in c} == {(d.name, d.digest) for d in b}
            change = Change.SAME if same else Change.CHANGED
        out.append(DatasetDiff(context, c, b, change))
    return tuple(out)


def diff_runs(candidate: Run, baseline: Run) -> RunDiff:
    """What differs between two runs. Values are compared as the store has them: params and tags as text."""

    def user_tags(run: Run) -> dict[str, str]:
        return {k: v for k, v in run.tags.items() if not run.raw_key(k).startswith("mlflow.")}

    names = sorted(candidate.metrics.keys() | baseline.metrics.keys())
    return RunDiff(
        params=_pairs(dict(candidate.params), dict(baseline.params)),
        metrics=tuple(MetricDiff(n, candidate.metrics.get(n), baseline.metrics.get(n)) for n in names),
        tags=_pairs(user_tags(candidate), user_tags(baseline)),
        datasets=_datasets(candidate, baseline),
    )
