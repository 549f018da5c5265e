"""What a promotion, a move or a rollback is about: the run, its model and the version of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import ModelNotFound, MultipleBaselines, RunNotFound, UsageError, VersionNotFound
from mlaudit.domain.models import ModelVersion, Run, Stage
from mlaudit.domain.promotion import Target
from mlaudit.domain.text import clean
from mlaudit.gateway.base import Gateway, TrackingReader
from mlaudit.services.compare import CompareRun, Comparison, compare_run
from mlaudit.services.model_names import registered_name
from mlaudit.services.resolution import resolve_model
from mlaudit.services.run_lookup import refuse_deleted, run_to_look_at

MODEL_URI = "models:/"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be moved."""

    name: str
    """As in the plan's ``subject``."""
    raw_model: str
    run_id: str
    run_name: str
    version: ModelVersion | None
    comparison: Comparison | None


def subject_by_run(gateway: Gateway, policies: Policies, run_id: str, model: str | None, target: Target) -> Subject:
    """A run and its newest version of the model in question, if it has one.

    ``run_id``: an id or its unique start. Raises UsageError where no model can be told, and what comparing raises.
    """
    comparison = None
    if target.is_judged:
        comparison = _judged(gateway, policies, CompareRun(run_id, model))
        run, raw_model = comparison.candidate.run, comparison.raw_model
    else:
        run = run_to_look_at(gateway, run_id)
        refuse_deleted(run, "promoted")
        raw_model = resolve_model(gateway, policies, run, model).raw_name
    if raw_model is None:
        raise UsageError("a promotion needs a registered model; name one with --model")
    # A version whose registration failed has no model behind it.
    own = (v for v in versions_of(gateway, raw_model) if v.run_id == run.run_id and v.status != "FAILED_REGISTRATION")
    return Subject(run.run_id, raw_model, run.run_id, run.name, next(own, None), comparison)


def subject_by_version(gateway: Gateway, policies: Policies, uri: str, model: str | None, target: Target) -> Subject:
    """A version by its ``models:/NAME/VERSION``. Raises UsageError, ModelNotFound, VersionNotFound."""
    found = re.fullmatch(r"models:/(.+)/(\d+)", uri)
    if found is None:
        raise UsageError(f"{clean(uri)!r} names no version: use models:/NAME/VERSION, VERSION being a number")
    raw_model = registered_name(gateway, found[1])
    if model is not None and registered_name(gateway, model) != raw_model:
        raise UsageError(f"--model {clean(model)} and {clean(uri)} name two models")
    versions = gateway.list_model_versions(raw_model)
    version = next((v for v in versions if v.version == str(int(found[2]))), None)
    if version is None:
        raise VersionNotFound(clean(raw_model), f"version {found[2]}")
    if version.status == "FAILED_REGISTRATION":
        raise UsageError(f"the registration of version {version.version} failed: there is no model behind it")
    run = run_of(gateway, version)
    comparison = _judged(gateway, policies, CompareRun(run.run_id, raw_model)) if target.is_judged else None
    return Subject(f"{MODEL_URI}{raw_model}/{version.version}", raw_model, run.run_id, run.name, version, comparison)


def _judged(gateway: Gateway, policies: Policies, request: CompareRun) -> Comparison:
    """The comparison. Raises RunDeleted for a deleted run, whoever overrides its verdict."""
    comparison = compare_run(gateway, policies, request)
    refuse_deleted(comparison.candidate.run, "promoted")
    return comparison


def run_of(gateway: Gateway, version: ModelVersion) -> Run:
    """A version's run, deleted or not, which takes its record. Raises UsageError where it has none any more."""
    if version.run_id is None:
        raise UsageError(
            f"version {version.version} of {version.model} does not say which run made it: it cannot be judged,"
            " and its record would have no place"
        )
    try:
        return gateway.get_run(version.run_id)
    except RunNotFound:
        raise UsageError(
            f"version {version.version} of {version.model} was made by run {clean(version.run_id)[:12]}, which is gone:"
            " it cannot be judged, and its record would have no place"
        ) from None


def versions_of(reader: TrackingReader, raw_model: str) -> tuple[ModelVersion, ...]:
    """All versions, newest first; none where nobody has registered the model yet."""
    try:
        return reader.list_model_versions(raw_model)
    except ModelNotFound:
        return ()


def only_in_production(raw_model: str, versions: Sequence[ModelVersion]) -> ModelVersion | None:
    """The version in Production, if any. Raises MultipleBaselines where there are two."""
    production = [v for v in versions if v.stage is Stage.PRODUCTION]
    if len(production) > 1:
        # A promotion would archive all of them; which of them is meant to serve must be settled first.
        raise MultipleBaselines(clean(raw_model), Stage.PRODUCTION, tuple(v.version for v in production))
    return production[0] if production else None
