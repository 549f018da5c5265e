"""What a promotion asks of MLflow's registry beyond reading it and moving a stage: tags, aliases, evidence, user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from mlaudit.domain.errors import ModelNotFound, RunNotFound, VersionNotFound
from mlaudit.domain.models import StoreKind
from mlaudit.domain.text import clean
from mlaudit.gateway import faults, mlflow_client
from mlaudit.gateway.store_lock import locked
from mlaudit.gateway.uri import ResolvedStore

if TYPE_CHECKING:
    from mlaudit.domain.models import RegisteredModel
    from mlaudit.gateway.artifacts import RunArtifacts

_FOLDERS_OF_A_RUN = ("metrics", "params", "artifacts")
"""Without them MLflow's file store finds a run in a search, and then neither reads it nor writes to it."""


class MlflowPromotion:
    """The part of :class:`~mlaudit.gateway.mlflow_gateway.MlflowGateway` that only promotions use."""

    _store: ResolvedStore
    _client: Any

    def exclusive(self) -> AbstractContextManager[None]:
        """See :class:`~mlaudit.gateway.base.RegistryWriter`, as for all methods below."""
        registry = self._store.registry
        if registry.kind is StoreKind.FILES and registry.path is not None:
            return locked(registry.path)
        return nullcontext()

    def current_user(self) -> str | None:
        if self._store.tracking.kind is not StoreKind.SERVER:
            return None
        with self._asking():
            return clean(mlflow_client.current_user(self._client)) or None

    def model_tags(self, model: str) -> Mapping[str, str]:
        if self._registry_is_empty():
            raise ModelNotFound(clean(model))
        with self._asking(lambda: ModelNotFound(clean(model))):
            return {str(k): str(v) for k, v in (self._client.get_registered_model(model).tags or {}).items()}

    def version_files(self, model: str, version: str) -> tuple[str, ...] | None:
        with self._asking(lambda: self._absent(model, version)):
            entity = self._client.get_model_version(model, self._number(version))
        if not entity.run_id:
            return None
        try:
            run = self._raw_run(str(entity.run_id))
        except RunNotFound:
            return ()
        with self._asking():
            return self._artifacts(run).at_source(str(entity.source))

    def record_obstacle(self, run_id: str) -> str:
        run = self._raw_run(run_id)
        tracking = self._store.tracking
        if tracking.kind is StoreKind.FILES and tracking.path is not None:
            folder = tracking.path / str(run.info.experiment_id) / run_id
            lacking = [name for name in _FOLDERS_OF_A_RUN if not (folder / name).is_dir()]
            if lacking:
                return (
                    f"MLflow takes {clean(str(folder))} for no run while it lacks {', '.join(lacking)}"
                    " (git, for one, keeps no empty folder); make what is missing, then promote"
                )
        return self._artifacts(run).obstacle()

    def create_model(self, model: str) -> None:
        if self._missing_model(model):
            with self._writes("registering a model") as client:
                try:
                    client.create_registered_model(model)
                except Exception as error:
                    # Somebody else made it a moment ago.
                    if faults.code(error) != "RESOURCE_ALREADY_EXISTS":
                        raise

    def set_model_tag(self, model: str, key: str, value: str) -> None:
        with self._writes("setting a tag", lambda: ModelNotFound(clean(model))) as client:
            client.set_registered_model_tag(model, key, value)

    def delete_model_tag(self, model: str, key: str) -> None:
        with self._writes("deleting a tag") as client:
            try:
                client.delete_registered_model_tag(model, key)
            except Exception as error:
                if not faults.is_missing(error):
                    raise
                self._require_model(model, error)

    def set_version_tag(self, model: str, version: str, key: str, value: str) -> None:
        with self._writes("setting a tag", lambda: self._absent(model, version)) as client:
            client.set_model_version_tag(model, self._number(version), key, value)

    def set_alias(self, model: str, alias: str, version: str) -> None:
        with self._writes("setting an alias", lambda: self._absent(model, version)) as client:
            client.set_registered_model_alias(model, alias, self._number(version))

    def delete_alias(self, model: str, alias: str) -> None:
        with self._writes("deleting an alias") as client:
            try:
                client.delete_registered_model_alias(model, alias)
            except Exception as error:
                if not faults.is_missing(error):
                    raise
                self._require_model(model, error)

    def write_artifact(self, run_id: str, path: str, text: str) -> None:
        self._raw_run(run_id)
        with self._writes("writing an artifact") as client:
            client.log_text(run_id, text, path)

    # Inside

    def _number(self, version: str) -> Any:
        """A version as its store takes it."""
        # PostgreSQL does not compare its integer column with a text, a server takes nothing but text.
        sql = self._store.registry.kind in {StoreKind.SQLITE, StoreKind.POSTGRESQL}
        return int(version) if sql else version

    def _absent(self, model: str, version: str) -> ModelNotFound | VersionNotFound:
        """What is missing when the store says that something is."""
        if self._missing_model(model):
            return ModelNotFound(clean(model), tuple(m.name for m in self.list_registered_models()))
        return VersionNotFound(clean(model), f"version {clean(version)}")

    def _require_model(self, model: str, error: Exception) -> None:
        """That what was missing was not the model itself. Raises ModelNotFound."""
        if self._missing_model(model):
            raise ModelNotFound(clean(model)) from error

    # What the gateway has

    def list_registered_models(self) -> tuple[RegisteredModel, ...]:
        raise NotImplementedError

    def _asking(self, missing: Callable[[], Any] | None = None) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _writes(self, what: str, missing: Callable[[], Any] | None = None) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def _raw_run(self, run_id: str) -> Any:
        raise NotImplementedError

    def _artifacts(self, run: Any) -> RunArtifacts:
        raise NotImplementedError

    def _missing_model(self, model: str) -> bool:
        raise NotImplementedError

    def _registry_is_empty(self) -> bool:
        raise NotImplementedError
