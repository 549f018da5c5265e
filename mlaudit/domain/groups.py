"""Runs put together by what they have in common: params, tags, or their recipe; and what a group's values come to.

A value that is missing, NaN or infinite is in no mean: how many were left is :attr:`Summary.n`, and every text of a
group that differs from the group's size in it says so. The sd is that of a sample (n − 1).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mlaudit.domain.columns import NOTHING, duration_of, is_numeric, table_cell
from mlaudit.domain.finite import is_finite
from mlaudit.domain.models import Run
from mlaudit.domain.replicates import is_nuisance, same_recipe
from mlaudit.domain.sorting import Sorting
from mlaudit.domain.text import format_duration, format_number, format_time
from mlaudit.domain.triage import SEVERITY, JudgedRun
from mlaudit.domain.verdict import GatePolicy, Outcome

RECIPE = "recipe"
"""To be grouped by: runs that differ only in their seed and the like (:mod:`mlaudit.domain.replicates`)."""
COUNT = "count"
"""The column that says how many runs a group has."""
GROUP_FIELDS = ("status", "user", "experiment")
"""Fields of a run that it can be grouped by, besides params and tags."""
_TIMES = ("start_time", "end_time")
_LISTED = 8


class Statistic(StrEnum):
    """What a cell of a group shows of a metric."""

    MEAN_SD = "mean ±sd"
    MEAN = "mean"
    SD = "sd"
    MIN = "min"
    MAX = "max"
    N = "n"


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric over the runs of a group."""

    n: int
    """Values that are finite numbers: what all below is of."""
    missing: int
    """Runs without the metric."""
    odd: int
    """Values that are NaN or infinite."""
    mean: float | None = None
    sd: float | None = None
    """None below two values."""
    least: float | None = None
    greatest: float | None = None

    def of(self, statistic: Statistic) -> float | None:
        """One figure, the mean for :attr:`Statistic.MEAN_SD`."""
        match statistic:
            case Statistic.SD:
                return self.sd
            case Statistic.MIN:
                return self.least
            case Statistic.MAX:
                return self.greatest
            case Statistic.N:
                return float(self.n)
            case _:
                return self.mean

    def text(self, statistic: Statistic, shown: Callable[[float | None], str] = format_number) -> str:
        """The cell: ``0.31 ±0.02``, with `` n=4`` where runs of the group have no such number."""
        if statistic is Statistic.N:
            return str(self.n)
        if not self.n:
            return f"{NOTHING} n=0" if self.odd else NOTHING
        text = shown(self.of(statistic))
        if statistic is Statistic.MEAN_SD and self.sd is not None:
            text += f" ±{_rounded(self.sd, shown)}"
        return f"{text} n={self.n}" if self.missing or self.odd else text

    def sentence(self, shown: Callable[[float | None], str] = format_number) -> str:
        """All figures in a line."""
        left_out = [f"{self.missing} without it"] if self.missing else []
        left_out += [f"{self.odd} NaN or infinite"] if self.odd else []
        said = f"n {self.n}" + (f" of {self.n + self.missing + self.odd} ({', '.join(left_out)})" if left_out else "")
        if not self.n:
            return said
        figures = (("mean", self.mean), ("sd", self.sd), ("min", self.least), ("max", self.greatest))
        return " · ".join([said, *(f"{name} {shown(value)}" for name, value in figures)])


def _rounded(value: float, shown: Callable[[float | None], str]) -> str:
    """A spread in three digits, which is more than it is known to."""
    return format_number(value, 3) if shown is format_number else shown(value)


def summary_of(values: Iterable[float | None]) -> Summary:
    """None is a missing value."""
    found = list(values)
    there = [value for value in found if value is not None]
    numbers = [value for value in there if is_finite(value)]
    n = len(numbers)
    counts = n, len(found) - len(there), len(there) - n
    if not n:
        return Summary(*counts)
    try:
        mean = math.fsum(numbers) / n
    except OverflowError:
        mean = math.fsum(value / n for value in numbers)
    return Summary(*counts, mean, _deviation(numbers, mean), min(numbers), max(numbers))


def _deviation(numbers: Sequence[float], mean: float) -> float | None:
    if len(numbers) < 2:
        return None
    unit = max(abs(value - mean) for value in numbers)
    if unit == 0 or not math.isfinite(unit):
        return unit
    return unit * math.sqrt(math.fsum(((value - mean) / unit) ** 2 for value in numbers) / (len(numbers) - 1))


class RunGroup:
    """Some runs and what they have in common. Never changed; what is worked out of it is kept."""

    __slots__ = ("_made", "by", "runs", "values")

    def __init__(self, by: tuple[str, ...], values: tuple[str | None, ...], runs: Sequence[Run]) -> None:
        """``values``: of each column in ``by``, None where the runs have none."""
        self.by = by
        self.values = values
        self.runs = tuple(runs)
        self._made: dict[Hashable, Any] = {}

    @property
    def key(self) -> tuple[str | None, ...]:
        """The same for the same group of a later look."""
        return self.values

    @property
    def label(self) -> str:
        """``hidden_size=64, lr=0.1``; ``no lr`` where the runs have none."""
        return ", ".join(
            value or "" if column == RECIPE else f"no {name}" if value is None else f"{name}={value}"
            for column, value in zip(self.by, self.values, strict=True)
            for name in (column.partition(".")[2] or column,)
        )

    def summary(self, column: str) -> Summary:
        """Of a metric's column, or of ``duration`` in milliseconds."""
        if ("summary", column) not in self._made:
            if column == "duration":
                values: Iterable[float | None] = (duration_of(run) for run in self.runs)
            else:
                key = column.partition(".")[2]
                values = (run.metrics.get(key) for run in self.runs)
            self._made["summary", column] = summary_of(values)
        found: Summary = self._made["summary", column]
        return found

    def spread(self, column: str, experiments: Mapping[str, str]) -> Counter[str]:
        """How many runs show what in this column."""
        if ("spread", column) not in self._made:
            self._made["spread", column] = Counter(table_cell(run, column, experiments) for run in self.runs)
        found: Counter[str] = self._made["spread", column]
        return found

    def cell(self, column: str, statistic: Statistic, experiments: Mapping[str, str]) -> str:
        """A cell for people: a metric's figures, what is the same in all runs, or how many different values."""
        if column == "run_name":
            return self.label
        if column == COUNT:
            return str(len(self.runs))
        if is_numeric(column):
            return self.summary(column).text(statistic, _shown(column))
        spread = self.spread(column, experiments)
        if len(spread) == 1:
            return next(iter(spread))
        if column in _TIMES:
            latest = max((time for run in self.runs if (time := getattr(run, column)) is not None), default=None)
            return f"to {format_time(latest)}"
        return f"{len(spread)} values"

    def detail(self, column: str, title: str, experiments: Mapping[str, str]) -> str:
        """All that is known of one column, in a line."""
        count = f"{len(self.runs)} run{'' if len(self.runs) == 1 else 's'}"
        if column in {"run_name", COUNT}:
            return f"{self.label}: {count}"
        if is_numeric(column):
            return f"{title}: {self.summary(column).sentence(_shown(column))}"
        ranked = self.spread(column, experiments).most_common()
        more = f", {len(ranked) - _LISTED:,} more values" if len(ranked) > _LISTED else ""
        listed = ", ".join(f"{value} ×{times}" for value, times in ranked[:_LISTED])
        return f"{title} in {count}: {listed}{more}"

    def order_value(self, column: str, statistic: Statistic, experiments: Mapping[str, str]) -> Any:
        """What the group is sorted by; None comes last in either direction."""
        if column == "run_name":
            return tuple(_natural(value) for value in self.values)
        if column == COUNT:
            return len(self.runs)
        if is_numeric(column):
            return self.summary(column).of(statistic)
        if column in _TIMES:
            return max((time for run in self.runs if (time := getattr(run, column)) is not None), default=None)
        spread = self.spread(column, experiments)
        value = next(iter(spread))
        return None if len(spread) > 1 or value == NOTHING else _natural(value)


def verdicts_of(group: RunGroup, judged: Mapping[str, JudgedRun]) -> str:
    """``2 PASS, 1 REGRESSION``, the best first; those without a verdict and those not judged yet at the end."""
    counts: Counter[Outcome | str] = Counter()
    for run in group.runs:
        one = judged.get(run.run_id)
        counts["…" if one is None else NOTHING if one.outcome is None else one.outcome] += 1
    return ", ".join(f"{counts[word]} {word}" for word in (*SEVERITY, NOTHING, "…") if counts[word])


def _shown(column: str) -> Callable[[float | None], str]:
    return _duration if column == "duration" else format_number


def _duration(milliseconds: float | None) -> str:
    return format_duration(None if milliseconds is None else round(milliseconds))


def _natural(value: str | None) -> tuple[int, float, str]:
    """Numbers by size, before texts; nothing at the end."""
    if value is None:
        return 2, 0.0, ""
    try:
        number = float(value)
    except ValueError:
        return 1, 0.0, value
    return (1, 0.0, value) if math.isnan(number) else (0, number, value)


def group_value(run: Run, column: str, experiments: Mapping[str, str]) -> str | None:
    """What a run is grouped by: a param, a tag or a field; None where it has none. Not for :data:`RECIPE`."""
    group, dot, key = column.partition(".")
    if dot:
        value = getattr(run, group).get(key)
        return None if value is None else str(value)
    if column == "experiment":
        return experiments.get(run.experiment_id, run.experiment_id)
    return str(getattr(run, column)) or None


def group_runs(
    runs: Sequence[Run],
    by: Sequence[str],
    policy: GatePolicy | None = None,
    experiments: Mapping[str, str] | None = None,
) -> list[RunGroup]:
    """The runs by their values of these columns, in the order of each group's first.

    ``policy`` says for :data:`RECIPE` in which params repetitions may differ; None: the built-in ones.
    ``experiments``: id -> name.
    """
    names = experiments or {}
    recipes = _recipes(runs, policy or GatePolicy()) if RECIPE in by else {}
    columns = tuple(by)
    parts: dict[tuple[str | None, ...], list[Run]] = {}
    for run in runs:
        values = tuple(recipes[run.run_id] if c == RECIPE else group_value(run, c, names) for c in columns)
        parts.setdefault(values, []).append(run)
    return [RunGroup(columns, values, part) for values, part in parts.items()]


def _recipes(runs: Sequence[Run], policy: GatePolicy) -> dict[str, str]:
    """Run id -> its recipe's name: the params that recipes differ in, and a number where that tells too little."""
    parts = same_recipe(runs, policy)
    firsts = [part[0] for part in parts]
    params = [{k: v for k, v in run.params.items() if not is_nuisance(policy, run.raw_key(k))} for run in firsts]
    keys = sorted({key for known in params for key in known})
    differing = [key for key in keys if len({known.get(key) for known in params}) > 1]
    names = [", ".join(f"{k}={known[k]}" for k in differing if k in known) or "no params" for known in params]
    seen: Counter[str] = Counter()
    found: dict[str, str] = {}
    for part, name in zip(parts, names, strict=True):
        seen[name] += 1
        # Of other data, or by other code.
        told_apart = name if seen[name] == 1 else f"{name} ({seen[name]})"
        found |= {run.run_id: told_apart for run in part}
    return found


def sorted_groups(
    groups: Sequence[RunGroup], sorting: Sorting, statistic: Statistic, experiments: Mapping[str, str]
) -> list[RunGroup]:
    """The groups by several columns: metrics by the figure that is shown, the mean of ``mean ±sd``; nothing last."""
    found = list(groups)
    for column, ascending in reversed(sorting):
        keyed = [(group.order_value(column, statistic, experiments), group) for group in found]
        known = sorted((pair for pair in keyed if pair[0] is not None), key=lambda p: p[0], reverse=not ascending)
        found = [group for _, group in known] + [group for order, group in keyed if order is None]
    return found


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """Something that runs can be grouped by."""

    column: str
    distinct: int
    """How many different values the runs looked at have, none being one."""
    without: int
    """How many of those runs have none."""


def group_choices(runs: Sequence[Run], *, several_experiments: bool = False) -> list[GroupChoice]:
    """What these runs can be grouped by; first what differs and still puts some together, then what is the same in all.

    Within that: params, the users' own tags, fields, MLflow's own tags.
    """
    tags = {key for run in runs for key in run.tags}
    own = sorted(key for key in tags if not key.startswith("mlflow."))
    columns = [
        *(f"params.{key}" for key in sorted({key for run in runs for key in run.params})),
        *(f"tags.{key}" for key in own),
        *(field for field in GROUP_FIELDS if field != "experiment" or several_experiments),
        *(f"tags.{key}" for key in sorted(tags.difference(own))),
    ]
    choices = []
    for column in columns:
        values = Counter(group_value(run, column, {}) for run in runs)
        choices.append(GroupChoice(column, len(values), values.get(None, 0)))

    def rank(choice: GroupChoice) -> int:
        return 0 if 1 < choice.distinct < len(runs) else 1 if choice.distinct > 1 else 2

    return sorted(choices, key=rank)
