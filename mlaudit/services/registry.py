"""The registered models and their versions: where each stands, what it came from, and by whose word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.builtin_rules import rules_for
from mlaudit.domain.errors import ModelNotFound, PolicyError, RunNotFound, VersionNotFound
from mlaudit.domain.evidence import Pointer, pointers_among
from mlaudit.domain.intent import intents_among, words_of
from mlaudit.domain.models import ModelVersion, RegisteredModel, Run, Stage, StoreInfo
from mlaudit.domain.text import clean
from mlaudit.domain.verdict import MetricRule, Role
from mlaudit.gateway.base import Gateway
from mlaudit.services.model_names import raw_name_of
from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class VersionState:
    """One version, its run and the newest record about it."""

    version: ModelVersion
    run: Run | None
    """None: the version names none, or it is gone from the store."""
    files: bool | None
    """Whether its model is still there; None where that was not looked at (Archived, and in no stage without an alias)
    or cannot be told."""
    record: Pointer | None
    """The newest record about it, by its tags; whether the record is whole is the history's matter."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with it, in words."""
        said = []
        if self.run is None:
            said.append("run gone" if self.version.run_id else "no run")
        elif self.run.lifecycle_stage != "active":
            said.append("run deleted")
        if self.files is False:
            said.append("artifacts gone")
        if self.version.status not in {"", "READY"}:
            said.append(self.version.status.lower().replace("_", " "))
        return tuple(said)


@dataclass(frozen=True, slots=True)
class ModelState:
    """One registered model, its versions newest first."""

    model: RegisteredModel
    versions: tuple[VersionState, ...]
    warnings: tuple[str, ...]
    """Two versions in Production, unfinished promotions, a policy that cannot be read."""
    unfinished: tuple[str, ...] = ()
    """The intents that stand there, in words: promotions under way, or dead. They are among the warnings, too."""
    rules: tuple[MetricRule, ...] = ()
    """The metrics that decide about a candidate, by the policy or, where that names none, the built-in rules."""
    rules_from: str = ""
    """Whose rules these are, in words."""


@dataclass(frozen=True, slots=True)
class Registry:
    """All registered models, or the one that was asked for."""

    store: StoreInfo
    models: tuple[ModelState, ...]


@dataclass(frozen=True, slots=True)
class ListModels(Request[Registry]):
    """The registered models with their versions."""

    model: str | None = None
    """One model's name; None: all."""

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return "the registered models"


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One registered model without its runs and records."""

    model: RegisteredModel
    versions: tuple[ModelVersion, ...]
    """Newest first."""
    warnings: tuple[str, ...]
    """Two versions in Production, unfinished promotions."""

    def in_stage(self, stage: Stage) -> tuple[str, ...]:
        """The numbers of the versions in a stage, newest first."""
        return tuple(v.version for v in self.versions if v.stage is stage)

    @property
    def last_changed(self) -> int | None:
        """When the model or one of its versions was last updated, in ms; by the store's word."""
        times = (self.model.last_updated, *(v.last_updated for v in self.versions))
        return max((t for t in times if t is not None), default=None)


@dataclass(frozen=True, slots=True)
class ModelList:
    """All registered models, by name."""

    store: StoreInfo
    models: tuple[ModelSummary, ...]


@dataclass(frozen=True, slots=True)
class SummarizeModels(Request[ModelList]):
    """The registered models with what stands where. One question for each model, none for each version."""

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return "the registered models"


def summarize_models(gateway: Gateway, _request: SummarizeModels) -> ModelList:
    """The registered models by name. Raises StoreError."""
    found = []
    for model in gateway.list_registered_models():
        try:
            versions = gateway.list_model_versions(model.raw_name)
        except ModelNotFound:  # deleted since it was listed
            continue
        unfinished = _unfinished(model.tags)
        found.append(ModelSummary(model, versions, (*_two_in_production(versions), *map(_said, unfinished))))
    return ModelList(gateway.describe(), tuple(found))


def list_models(gateway: Gateway, policies: Callable[[], Policies], request: ListModels) -> Registry:
    """The registered models by name; ``policies`` may raise PolicyError. Raises ModelNotFound, StoreError."""
    models = gateway.list_registered_models()
    if request.model is not None:
        known = {m.raw_name: m.name for m in models}
        raw = raw_name_of(request.model, known)
        if raw is None:
            raise ModelNotFound(clean(request.model), tuple(known.values()))
        models = tuple(m for m in models if m.raw_name == raw)
    problem = ""
    try:
        judging = policies()
    except PolicyError as error:
        judging, problem = Policies(), f"{error}: which metrics it names is not known"
    runs: dict[str, Run | None] = {}
    states = []
    for model in models:
        try:
            states.append(_state(gateway, model, runs, judging, problem))
        except ModelNotFound:  # deleted since it was listed
            if request.model is not None:
                raise
    return Registry(gateway.describe(), tuple(states))


def _state(
    gateway: Gateway, model: RegisteredModel, runs: dict[str, Run | None], policies: Policies, problem: str
) -> ModelState:
    found = gateway.list_model_versions(model.raw_name)
    unfinished = _unfinished(gateway.model_tags(model.raw_name))
    warnings = (*_two_in_production(found), *map(_said, unfinished), *((problem,) if problem else ()))
    looked_at = (_version(gateway, v, runs) for v in found)
    versions = tuple(v for v in looked_at if v is not None)
    rules, rules_from = _rules(policies, model.raw_name, versions)
    return ModelState(model, versions, warnings, unfinished, rules, rules_from)


def _two_in_production(versions: Sequence[ModelVersion]) -> tuple[str, ...]:
    production = [v.version for v in versions if v.stage is Stage.PRODUCTION]
    return () if len(production) < 2 else (f"{len(production)} versions are in Production: {', '.join(production)}",)


def _unfinished(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(words_of(k, v) for k, v in intents_among(tags).items())


def _said(unfinished: str) -> str:
    return f"unfinished, or under way: {unfinished}"


def _rules(policies: Policies, raw_model: str, versions: Iterable[VersionState]) -> tuple[tuple[MetricRule, ...], str]:
    """The rules that decide, and whose they are."""
    policy = policies.for_model(raw_model)
    runs = [(v.version.stage, v.run) for v in versions if v.run is not None]
    # The built-in rules go by the metrics that both sides have; one of several in Production is no side.
    production = [run.metrics for stage, run in runs if stage is Stage.PRODUCTION]
    every = {key for _, run in runs for key in run.metrics}
    rules = policy.metrics or rules_for(every, production[0] if len(production) == 1 else None)
    deciding = tuple(r for r in rules if r.role is not Role.INFO)
    return deciding, f"policy {(policy.path or '').rpartition('/')[2]}" if policy.metrics else "built-in rules"


def _version(gateway: Gateway, version: ModelVersion, runs: dict[str, Run | None]) -> VersionState | None:
    """None: it was deleted since it was listed."""
    run_id = version.run_id
    if run_id is not None and run_id not in runs:
        try:
            runs[run_id] = gateway.get_run(run_id)
        except RunNotFound:
            runs[run_id] = None
    run = runs[run_id] if run_id is not None else None
    files = None
    if version.stage in {Stage.PRODUCTION, Stage.STAGING} or version.aliases:
        try:
            found = gateway.version_files(version.raw_model, version.version)
        except VersionNotFound:
            return None
        files = None if found is None else bool(found)
    record = max(pointers_among(version.tags), key=lambda p: (p.seq, p.time), default=None)
    return VersionState(version, run, files, record)
