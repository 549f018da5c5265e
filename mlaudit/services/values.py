"""The values that the gate judges: of each run and rule the one that the rule selects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlaudit.domain.errors import StoreError
from mlaudit.domain.finite import is_finite
from mlaudit.domain.gate import GroupNoise, group_noise
from mlaudit.domain.models import Run
from mlaudit.domain.replicates import seed_of
from mlaudit.domain.selection import select_value
from mlaudit.domain.verdict import GatePolicy, GateSide, MetricRule
from mlaudit.gateway.base import TrackingReader

MAX_HISTORIES = 200
"""Histories that are read for the sake of replicates and calibration groups, all rules together."""


class ValueReader:
    """Reads each history once, and none where every rule takes the latest value. For one request."""

    def __init__(self, reader: TrackingReader, max_histories: int = MAX_HISTORIES) -> None:
        self._reader = reader
        self._left = max_histories
        self._values: dict[tuple[str, str, str], tuple[float | None, bool]] = {}
        self._groups: dict[tuple[str, ...], dict[tuple[str, str], GroupNoise | None]] = {}
        self._dropped = False

    def side(self, runs: Sequence[Run], who: str, policy: GatePolicy, warnings: list[str]) -> GateSide:
        """The candidate or the baseline with its replicates: ``runs``, itself first. Adds to ``warnings``.

        A metric that the run itself lacks is missing, whatever its replicates have. Raises StoreError.
        """
        run, *others = runs
        metrics, seeds, of_runs = {}, {}, {}
        # Only a paired comparison asks for them.
        known = {r.run_id: seed_of(r, policy) for r in runs} if policy.paired else {}
        for rule in policy.metrics:
            own, others_finite = self._value(run, rule)
            if rule.select == "best" and not others_finite:
                warnings.append(f"the {who}'s best {rule.name} is of the finite values only; it logged others too")
            if own is None:
                if rule.select != "last" and rule.name in run.metrics:
                    warnings.append(f"the {who} logged no {rule.name} at {rule.select.replace(':', ' ')}")
                continue
            found = [(run, own)]
            for other in others:
                value = self._replicate(other, rule)
                if value is not None:
                    found.append((other, value))
            metrics[rule.name] = tuple(value for _, value in found)
            of_runs[rule.name] = tuple(r.run_id for r, _ in found)
            if known:
                seeds[rule.name] = tuple(known[r.run_id] for r, _ in found)
        return replace(GateSide.of(run, metrics), seeds=seeds, runs=of_runs)

    def groups(self, groups: Sequence[Sequence[Run]], rules: Sequence[MetricRule]) -> dict[str, tuple[GroupNoise, ...]]:
        """Metric -> what each calibration group that has 2 finite values or more tells of it. Raises StoreError."""
        # By all of their runs: of one recipe each candidate leaves others.
        known = [(group, self._groups.setdefault(tuple(run.run_id for run in group), {})) for group in groups]
        found = {}
        for rule in rules:
            told = (self._group(group, rule, noises) for group, noises in known)
            found[rule.name] = tuple(noise for noise in told if noise is not None)
        return found

    def _group(
        self, group: Sequence[Run], rule: MetricRule, known: dict[tuple[str, str], GroupNoise | None]
    ) -> GroupNoise | None:
        key = (rule.name, f"{rule.select} {rule.direction}")
        if key not in known:
            values = (self._replicate(run, rule) for run in group)
            known[key] = group_noise([v for v in values if v is not None])
        return known[key]

    def finite_values(self, groups: Sequence[Sequence[Run]], rule: MetricRule) -> tuple[tuple[float, ...], ...]:
        """The finite values of each group, in the groups' order; a group may have none. Raises StoreError."""
        return tuple(
            tuple(v for run in group if (v := self._replicate(run, rule)) is not None and is_finite(v))
            for group in groups
        )

    def limits(self) -> list[str]:
        """What was left out for the sake of time, in words."""
        if not self._dropped:
            return []
        return ["replicates: some were left out, since reading so many metric histories would take too long"]

    def _replicate(self, run: Run, rule: MetricRule) -> float | None:
        """A replicate's value; None where it has none, or where too many histories were read already."""
        if rule.select != "last" and rule.name in run.metrics and self._key(run, rule) not in self._values:
            if self._left <= 0:
                self._dropped = True
                return None
            self._left -= 1
        return self._value(run, rule)[0]

    @staticmethod
    def _key(run: Run, rule: MetricRule) -> tuple[str, str, str]:
        return run.run_id, rule.name, f"{rule.select} {rule.direction}"

    def _value(self, run: Run, rule: MetricRule) -> tuple[float | None, bool]:
        """The selected value, and whether all that were logged are finite (told only where the history was read)."""
        if rule.name not in run.metrics:
            return None, True
        if rule.select == "last":
            return run.metrics[rule.name], True
        key = self._key(run, rule)
        if key not in self._values:
            history = self._reader.metric_history(run.run_id, run.raw_key(rule.name))
            if history.sampled:
                raise StoreError(
                    self._reader.describe().uri,
                    f"it gave only a sample of the history of {rule.name}, which must not be judged",
                )
            value = select_value(history, rule.select, rule.direction)
            self._values[key] = (value, all(map(is_finite, history.values)))
        return self._values[key]
