"""The registered models and their versions: where each stands, what it came from, and by whose word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.domain.errors import ModelNotFound, RunNotFound
from mlaudit.domain.evidence import Pointer, pointers_among
from mlaudit.domain.intent import intents_among, words_of
from mlaudit.domain.models import ModelVersion, RegisteredModel, Run, Stage, StoreInfo
from mlaudit.domain.text import clean
from mlaudit.gateway.base import Gateway
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
    """Two versions in Production, unfinished promotions."""


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


def list_models(gateway: Gateway, request: ListModels) -> Registry:
    """The registered models by name. Raises ModelNotFound, StoreError."""
    models = gateway.list_registered_models()
    if request.model is not None:
        known = tuple(m.name for m in models)
        models = tuple(m for m in models if request.model in {m.raw_name, m.name})
        if not models:
            raise ModelNotFound(clean(request.model), known)
    runs: dict[str, Run | None] = {}
    return Registry(gateway.describe(), tuple(_state(gateway, model, runs) for model in models))


def _state(gateway: Gateway, model: RegisteredModel, runs: dict[str, Run | None]) -> ModelState:
    versions = gateway.list_model_versions(model.raw_name)
    warnings = []
    production = [v.version for v in versions if v.stage is Stage.PRODUCTION]
    if len(production) > 1:
        warnings.append(f"{len(production)} versions are in Production: {', '.join(production)}")
    intents = intents_among(gateway.model_tags(model.raw_name))
    warnings += [f"unfinished, or under way: {words_of(k, v)}" for k, v in intents.items()]
    return ModelState(model, tuple(_version(gateway, v, runs) for v in versions), tuple(warnings))


def _version(gateway: Gateway, version: ModelVersion, runs: dict[str, Run | None]) -> VersionState:
    run_id = version.run_id
    if run_id is not None and run_id not in runs:
        try:
            runs[run_id] = gateway.get_run(run_id)
        except RunNotFound:
            runs[run_id] = None
    run = runs[run_id] if run_id is not None else None
    files = None
    if version.stage in {Stage.PRODUCTION, Stage.STAGING} or version.aliases:
        found = gateway.version_files(version.raw_model, version.version)
        files = None if found is None else bool(found)
    record = max(pointers_among(version.tags), key=lambda p: (p.seq, p.time), default=None)
    return VersionState(version, run, files, record)
