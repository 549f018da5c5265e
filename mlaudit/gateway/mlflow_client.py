"""Opens MLflow's clients: the one module, outside the demo, that imports MLflow.

A reading client cannot change its store: SQLite and PostgreSQL refuse it themselves, and a file store is opened without
the directories that its constructor would make. Reader and writer have URIs of their own, as MLflow keeps one store and
one engine a URI.
"""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

from mlaudit.domain.models import StoreKind
from mlaudit.gateway.uri import Located, ResolvedStore

_READER_SCHEME = "mlaudit-files"


def reader(store: ResolvedStore) -> Any:
    """An MlflowClient that cannot write. Raises what MLflow raises."""
    return _client(_reading_uri(store.tracking), _reading_uri(store.registry))


def writer(store: ResolvedStore) -> Any:
    """An MlflowClient that can. Raises what MLflow raises."""
    return _client(_writing_uri(store.tracking), _writing_uri(store.registry))


def download_model_file(client: Any, model_id: str, path: str, folder: str) -> str:
    """Fetch one file of an MLflow 3 model into ``folder``; returns where it lies."""
    from mlflow.artifacts import download_artifacts

    uri = f"models:/{model_id}/{path}"
    return str(download_artifacts(uri, dst_path=folder, tracking_uri=client.tracking_uri))


def _reading_uri(place: Located) -> str:
    if place.kind is StoreKind.SQLITE and place.path is not None:
        from mlaudit.gateway import sql_guard

        return sql_guard.sqlite_reader(place.path)
    if place.kind is StoreKind.POSTGRESQL:
        from mlaudit.gateway import sql_guard

        return sql_guard.postgresql_reader(place.uri)
    if place.kind is StoreKind.FILES:
        return f"{_READER_SCHEME}{place.uri.removeprefix('file')}"
    return place.uri


def _writing_uri(place: Located) -> str:
    if place.kind is StoreKind.SQLITE and place.path is not None:
        from mlaudit.gateway import sql_guard

        return sql_guard.sqlite_writer(place.path)
    if place.kind is StoreKind.POSTGRESQL:
        from mlaudit.gateway import sql_guard

        return sql_guard.postgresql_writer(place.uri)
    return place.uri


def _client(tracking_uri: str, registry_uri: str) -> Any:
    """An MlflowClient whose stores are open already, so that what is wrong with them comes out here."""
    _quieten()
    from mlflow import MlflowClient

    _register_reading_file_store()
    client = MlflowClient(tracking_uri, registry_uri)
    _ = client._tracking_client.store
    return client


def _quieten() -> None:
    """MLflow's talk goes to this process's log, if there is one, and never to the terminal."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    import mlflow  # noqa: F401 - its import installs the handlers that are taken away here

    for name in ("mlflow", "alembic", "urllib3", "sqlalchemy", "git", "botocore", "boto3"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = True


def _register_reading_file_store() -> None:
    """Teach MLflow the scheme under which a file store is opened without making its directories."""
    from mlflow.store.model_registry.file_store import FileStore as RegistryFileStore
    from mlflow.store.tracking.file_store import FileStore
    from mlflow.tracking._model_registry import utils as registry_utils
    from mlflow.tracking._tracking_service import utils as tracking_utils
    from mlflow.utils.file_utils import local_file_uri_to_path

    if _READER_SCHEME in tracking_utils._tracking_store_registry._registry:
        return

    class ReadingFileStore(FileStore):
        """MLflow's, without the constructor that makes the root and its trash."""

        def __init__(self, uri: str) -> None:
            super(FileStore, self).__init__()  # type: ignore[no-untyped-call]
            plain = f"file{uri.removeprefix(_READER_SCHEME)}"
            self.root_directory = local_file_uri_to_path(plain)  # type: ignore[no-untyped-call]
            self.artifact_root_uri = plain
            self.trash_folder = os.path.join(self.root_directory, FileStore.TRASH_FOLDER_NAME)

        def _get_deleted_experiments(self, full_path: bool = False) -> list[str]:
            if not os.path.isdir(self.trash_folder):
                return []
            return list(super()._get_deleted_experiments(full_path))  # type: ignore[no-untyped-call]

    class ReadingRegistry(RegistryFileStore):
        """MLflow's, without the constructor that makes the models folder."""

        def __init__(self, uri: str) -> None:
            super(RegistryFileStore, self).__init__()  # type: ignore[no-untyped-call]
            self.root_directory = local_file_uri_to_path(f"file{uri.removeprefix(_READER_SCHEME)}")  # type: ignore[no-untyped-call]

    def tracking_store(store_uri: str, **_: Any) -> ReadingFileStore:
        return ReadingFileStore(store_uri)

    def registry_store(store_uri: str, **_: Any) -> ReadingRegistry:
        return ReadingRegistry(store_uri)

    tracking_utils._tracking_store_registry.register(_READER_SCHEME, tracking_store)  # type: ignore[no-untyped-call]
    registry_utils._get_store_registry().register(_READER_SCHEME, registry_store)  # type: ignore[no-untyped-call]
