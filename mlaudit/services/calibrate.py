"""``mlaudit calibrate``: how much the metrics of a model vary by themselves, from the replicates in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.builtin_rules import rules_for
from mlaudit.domain.calibration import Calibration, GroupOfRuns, calibrate_metric
from mlaudit.domain.errors import ModelNotFound, UsageError
from mlaudit.domain.models import Run
from mlaudit.domain.reasons import explain, listed
from mlaudit.domain.text import clean
from mlaudit.domain.verdict import Role
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.model_names import raw_name_of, registered_names
from mlaudit.services.policy_facts import experiment_of
from mlaudit.services.replicates import ReplicateFinder
from mlaudit.services.requests import Request
from mlaudit.services.resolution import resolve_baseline
from mlaudit.services.values import ValueReader


@dataclass(frozen=True, slots=True)
class CalibrateModel(Request[Calibration]):
    """Measure the noise of a model's metrics."""

    model: str

    deadline: ClassVar[float] = 120.0

    @property
    def what(self) -> str:
        return f"the calibration of {self.model}"


def calibrate_model(reader: TrackingReader, policies: Policies, request: CalibrateModel) -> Calibration:
    """By the model's policy: its metrics, nuisance params and experiment.

    Raises ModelNotFound, UsageError, StoreError.
    """
    registered = registered_names(reader)
    raw = raw_name_of(request.model, registered)
    if raw is None and request.model in policies.by_model:
        raw = request.model
    if raw is None:
        raise ModelNotFound(clean(request.model), tuple(registered.values()))
    policy = policies.for_model(raw)
    versions = reader.list_model_versions(raw) if raw in registered else ()
    found = resolve_baseline(reader, policy, versions, candidate=None, model=clean(raw), against=None)
    finder = ReplicateFinder(reader)
    warnings = list(found.warnings)
    if found.check is not None:
        warnings.append(found.check.detail)
    if policy.experiment is not None:
        named = finder.experiment_named(policy.experiment)
        if named is None:
            raise UsageError(f"the policy's experiment {clean(policy.experiment)} is not in this store")
        place = named.experiment_id
    else:
        known = found.run.experiment_id if found.run is not None else experiment_of(reader, versions)
        if known is None:
            raise UsageError(f"no run of {clean(raw)} is known: say experiment = ... in its policy")
        place = known
    runs, complete = finder.looked_at(place)
    groups = finder.groups(policy, place, first=found.run.run_id if found.run is not None else "")
    rules = policy.metrics or rules_for({name for run in runs for name in run.metrics}, None)
    deciding = tuple(rule for rule in rules if rule.role is not Role.INFO)
    values = ValueReader(reader)
    ours = _group_of(groups, found.run)
    alone = [(found.run,)] if found.run is not None else []
    metrics = tuple(
        calibrate_metric(
            rule, values.finite_values(groups, rule), ours, sum(values.finite_values(alone, rule), ()), policy.alpha
        )
        for rule in deciding
    )
    for word, names in (
        ("zero_variance_replicates", [m.name for m in metrics if m.relative_sd == 0]),
        ("calibration_group_unusable", [m.name for m in metrics if any(s.relative_sd is None for s in m.groups)]),
    ):
        if names:
            warnings.append(f"{explain(word)} ({listed(names)})")
    if not complete:
        warnings.append(f"only the newest {len(runs)} finished runs of the experiment were looked at, there are more")
    name = next((e.name for e in reader.list_experiments() if e.experiment_id == place), place)
    return Calibration(
        store=reader.describe(),
        model=clean(raw),
        raw_model=raw,
        experiment=name,
        runs=len(runs),
        complete=complete,
        baseline_run_id=found.run.run_id if found.run is not None else None,
        selector=found.selector,
        alpha=policy.alpha,
        policy_path=policy.path,
        policy_sha256=policy.sha256,
        built_in=not policy.metrics,
        groups=tuple(
            GroupOfRuns(group[0].name or group[0].run_id[:12], tuple(run.run_id for run in group), index == ours)
            for index, group in enumerate(groups)
        ),
        metrics=metrics,
        warnings=(*warnings, *values.limits()),
    )


def _group_of(groups: list[tuple[Run, ...]], baseline: Run | None) -> int | None:
    """The index of the group that holds the baseline."""
    if baseline is None:
        return None
    return next((i for i, group in enumerate(groups) if any(r.run_id == baseline.run_id for r in group)), None)
