"""Which model a run is a candidate for, and which version it is judged against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlaudit.config.policy import Policies
from mlaudit.domain.baseline import Selector, SelectorKind, parse_selector
from mlaudit.domain.errors import (
    AmbiguousModel,
    AmbiguousRunId,
    ModelNotFound,
    MultipleBaselines,
    RunNotFound,
    VersionNotFound,
)
from mlaudit.domain.gate import Check, GatePolicy, Outcome
from mlaudit.domain.models import ModelVersion, Run, Stage
from mlaudit.domain.text import clean
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.model_names import raw_name_of, registered_names


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model, and how it was found."""

    name: str
    raw_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a baseline selector came to."""

    selector: str
    """The selector that resolved, or all that did not."""
    run: Run | None = None
    version: ModelVersion | None = None
    check: Check | None = None
    """Why there is no run although there is a version, or too many."""
    warnings: tuple[str, ...] = ()


def resolve_model(reader: TrackingReader, policies: Policies, run: Run, name: str | None) -> Model:
    """The model that ``run`` is a candidate for.

    ``name`` when it is given (a model that is registered, or that the policy knows); else the model of the run's own
    versions; else the policy's section for the run's experiment, or its only section; else the only model whose version
    in Production comes from the run's experiment. Raises ModelNotFound, AmbiguousModel.
    """
    if name is not None:
        return _named(reader, policies, name)
    own = {v.raw_model: v.model for v in reader.versions_of_run(run.run_id)}
    if len(own) == 1:
        return Model(*_only(own), "the run's own version")
    if own:
        raise AmbiguousModel(run.run_id, tuple(own.values()))
    declared = _by_policy(reader, policies, run)
    if len(declared) == 1:
        return Model(clean(declared[0]), declared[0], "the policy")
    if declared:
        raise AmbiguousModel(run.run_id, tuple(map(clean, declared)))
    return _in_production(reader, run)


def _only(models: dict[str, str]) -> tuple[str, str]:
    ((raw, shown),) = models.items()
    return shown, raw


def _named(reader: TrackingReader, policies: Policies, name: str) -> Model:
    registered = registered_names(reader)
    raw = raw_name_of(name, registered)
    if raw is None and name in policies.by_model:
        raw = name
    if raw is None:
        raise ModelNotFound(clean(name), tuple(registered.values()))
    return Model(clean(raw), raw, "--model")


def _by_policy(reader: TrackingReader, policies: Policies, run: Run) -> list[str]:
    """The policy's sections that this run can belong to."""
    sections = policies.by_model
    if not sections:
        return []
    experiment = next((e for e in reader.list_experiments() if e.experiment_id == run.experiment_id), None)
    names = {experiment.raw_name, experiment.name} if experiment else set()
    matching = [raw for raw, policy in sections.items() if policy.experiment in names]
    if matching:
        return matching
    # A section that names another experiment is not about this run.
    return [raw for raw, policy in sections.items() if policy.experiment is None] if len(sections) == 1 else []


def _in_production(reader: TrackingReader, run: Run) -> Model:
    """The only model whose version in Production was made in the run's experiment. Raises AmbiguousModel."""
    registered = reader.list_registered_models()
    here: dict[str, str] = {}
    for model in registered:
        for version in reader.list_model_versions(model.raw_name):
            if version.stage is not Stage.PRODUCTION or version.run_id is None:
                continue
            try:
                source = reader.get_run(version.run_id)
            except RunNotFound:
                continue
            if source.experiment_id == run.experiment_id:
                here[model.raw_name] = model.name
    if len(here) == 1:
        return Model(*_only(here), "the only model in Production here")
    raise AmbiguousModel(run.run_id, tuple(here.values()) or tuple(m.name for m in registered))


def resolve_baseline(
    reader: TrackingReader,
    policy: GatePolicy,
    versions: Sequence[ModelVersion],
    *,
    candidate: Run | None,
    model: str | None,
    against: str | None,
) -> Baseline:
    """What the candidate is judged against: ``against``, else the first of the policy's baselines that resolves.

    ``versions``: all of the model's, newest first. ``candidate`` None: there is none yet. A stage with nobody in it is
    no error, for somebody has to be the first; an alias, version or run that was asked for by ``against`` and is not
    there is. Raises VersionNotFound, RunNotFound, AmbiguousRunId, BaselineSelectorError.
    """
    words = (against,) if against is not None else policy.baselines
    selectors = [parse_selector(word) for word in words]
    warnings: list[str] = []
    for selector in selectors:
        try:
            found = _resolve(reader, policy, selector, versions, candidate, model or "")
        except (VersionNotFound, RunNotFound, AmbiguousRunId) as error:
            if against is not None:
                raise
            warnings.append(f"baseline {clean(str(selector))} was passed over: {error}")
            continue
        except MultipleBaselines as error:
            check = Check("baseline", Outcome.ERROR, error.message(), reason="multiple_baselines")
            return Baseline(clean(str(selector)), check=check, warnings=tuple(warnings))
        if found is not None:
            return Baseline(clean(str(selector)), found.run, found.version, found.check, (*warnings, *found.warnings))
    return Baseline(", ".join(clean(str(s)) for s in selectors), warnings=tuple(warnings))


def _resolve(
    reader: TrackingReader,
    policy: GatePolicy,
    selector: Selector,
    versions: Sequence[ModelVersion],
    candidate: Run | None,
    model: str,
) -> Baseline | None:
    """What one selector names; None for a stage with nobody in it, and for no previous version."""
    warnings: tuple[str, ...] = ()
    if selector.kind is SelectorKind.RUN:
        run = reader.find_run(selector.value)
        version = next((v for v in versions if v.run_id == run.run_id), None)
        return Baseline("", run, version)
    if selector.kind is SelectorKind.PREVIOUS:
        run_id = candidate.run_id if candidate is not None else None
        own = max((v.order for v in versions if run_id is not None and v.run_id == run_id), default=None)
        found = [v for v in versions if (run_id is None or v.run_id != run_id) and (own is None or v.order < own)][:1]
    elif selector.kind is SelectorKind.STAGE:
        found = [v for v in versions if v.stage == selector.value]
        if len(found) > 1 and policy.on_multiple_baselines != "newest":
            raise MultipleBaselines(model, selector.value, tuple(v.version for v in found))
        if len(found) > 1:
            listed = ", ".join(v.version for v in found)
            warnings = (f"versions {listed} are all in {selector.value}; the policy takes the newest",)
    else:
        by_alias = selector.kind is SelectorKind.ALIAS
        found = [v for v in versions if (selector.value in v.aliases if by_alias else v.version == selector.value)]
        if not found:
            raise VersionNotFound(model, clean(f"{selector.kind} {selector.value}"))
    return Baseline("", *_run_of(reader, found[0]), warnings) if found else None


def _run_of(reader: TrackingReader, version: ModelVersion) -> tuple[Run | None, ModelVersion, Check | None]:
    """A version's run; where it is gone, a check that says so."""
    if version.run_id is None:
        problem = f"version {version.version} does not say which run made it"
    else:
        try:
            return reader.get_run(version.run_id), version, None
        except RunNotFound:
            problem = f"version {version.version} was made by run {clean(version.run_id)}, which is not in this store"
    return None, version, Check("baseline_run", Outcome.NOT_COMPARABLE, problem, reason="baseline_run_missing")
