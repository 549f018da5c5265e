"""Opens MLflow's clients: the one module, outside the demo, that imports MLflow.

A reading client cannot change its store: SQLite and PostgreSQL refuse it themselves, and a file store is opened
without the directories that its constructor would make. Reader and writer have URIs of their own, as MLflow keeps one
store and one engine a URI.
"""

from __future__ import annotations

import logging
import os
import posixpath
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.models import ArtifactStream, StoreKind
from mlaudit.gateway import environment
from mlaudit.gateway.artifacts import CHUNK, Listed, LoggedModel
from mlaudit.gateway.uri import Located, ResolvedStore

log = logging.getLogger(__name__)

UNREADABLE_TAG = "mlaudit.unreadable"
"""Tag of a run in a file store some of whose files cannot be read; its value names the parts that are missing."""

_READER_SCHEME = "mlaudit-files"


def reader(store: ResolvedStore) -> Any:
    """An MlflowClient that cannot write. Raises what MLflow raises."""
    client = _client(_reading_uri(store.tracking), _reading_uri(store.registry))
    make_default(client)
    return client


def make_default(client: Any) -> None:
    """What MLflow asks where it forgets which client called it.

    Its registries look up an MLflow 3 model through a client of the process's default store. Left alone, that is an
    ``mlflow.db`` in the working directory, which would be created. ``mlflow.set_tracking_uri`` will not do: it sets the
    environment too, which training processes inherit.
    """
    from mlflow.tracking._model_registry import utils as registry_utils
    from mlflow.tracking._tracking_service import utils as tracking_utils

    tracking_utils._tracking_uri = client.tracking_uri
    registry_utils._registry_uri = client._registry_uri


def writer(store: ResolvedStore) -> Any:
    """An MlflowClient that can. Raises what MLflow raises."""
    return _client(_writing_uri(store.tracking), _writing_uri(store.registry))


def current_user(client: Any) -> str | None:
    """The name that the tracking server authenticated the client by; None where it has no such thing."""
    from mlflow.utils.rest_utils import http_request

    answer: Any = http_request(  # type: ignore[no-untyped-call]
        client._tracking_client.store.get_host_creds(), "/api/2.0/mlflow/users/current", "GET", raise_on_status=False
    )
    if answer.status_code != 200:
        return None
    try:
        told = answer.json()
        return str(told.get("user", told)["username"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


class ClientArtifacts:
    """The artifacts of one run that do not lie here, through a client: it knows how to reach a server's."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client = client
        self._run_id = run_id

    def list_run(self, path: str) -> list[Listed]:
        """See :class:`~mlaudit.gateway.artifacts.Remote`."""
        return [(f.path, f.is_dir, f.file_size) for f in self._client.list_artifacts(self._run_id, path or None)]

    def list_model(self, model: LoggedModel, path: str) -> list[Listed]:
        """See :class:`~mlaudit.gateway.artifacts.Remote`."""
        listed = self._client.list_logged_model_artifacts(model.model_id, path or None)
        return [(f.path, f.is_dir, f.file_size) for f in listed]

    @contextmanager
    def stream(self, location: str, path: str) -> Iterator[ArtifactStream | None]:
        """See :class:`~mlaudit.gateway.artifacts.Remote`."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with _streamed(get_artifact_repository(location, tracking_uri=self._client.tracking_uri), path) as stream:
            yield stream

    def fetch(self, location: str, path: str, folder: str) -> str:
        """See :class:`~mlaudit.gateway.artifacts.Remote`."""
        from mlflow.artifacts import download_artifacts

        uri = f"{location.rstrip('/')}/{path}"
        return str(download_artifacts(uri, dst_path=folder, tracking_uri=self._client.tracking_uri))


class StoredArtifacts:
    """The artifacts of one run by their address alone, without a tracking store: for databases MLflow is not handed."""

    def __init__(self, artifact_uri: str, shown: str) -> None:
        self._artifact_uri = artifact_uri
        self._shown = shown

    def list_run(self, path: str) -> list[Listed]:
        """See :class:`~mlaudit.gateway.artifacts.Remote`. Raises StoreError."""
        return self._list(self._artifact_uri, path)

    def list_model(self, model: LoggedModel, path: str) -> list[Listed]:
        """See :class:`~mlaudit.gateway.artifacts.Remote`. Raises StoreError."""
        return self._list(model.location, path)

    @contextmanager
    def stream(self, location: str, path: str) -> Iterator[ArtifactStream | None]:
        """See :class:`~mlaudit.gateway.artifacts.Remote`. Raises StoreError."""
        with _streamed(self._repository(location), path) as stream:
            yield stream

    def fetch(self, location: str, path: str, folder: str) -> str:
        """See :class:`~mlaudit.gateway.artifacts.Remote`. Raises StoreError."""
        return str(self._repository(location).download_artifacts(path, folder))

    def _list(self, location: str, path: str) -> list[Listed]:
        return [(f.path, f.is_dir, f.file_size) for f in self._repository(location).list_artifacts(path or None)]

    def _repository(self, location: str) -> Any:
        scheme = location.partition(":")[0]
        if scheme in {"mlflow-artifacts", "runs", "models"} or not scheme:
            raise StoreUnavailable(
                self._shown, "the artifacts are kept by a tracking server; open the store by the server's address"
            )
        environment.prepare({StoreKind.SQLITE})
        _quieten()
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(location)


@contextmanager
def _streamed(repository: Any, path: str) -> Iterator[ArtifactStream | None]:
    """A file's content as it comes: a tracking server's and S3's. MLflow itself has only whole downloads, so that the
    start of a large file could not be looked at, nor a download be stopped. None for all other repositories."""
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    if isinstance(repository, HttpArtifactRepository):
        from mlflow.utils.rest_utils import http_request

        # MLflow puts the path into the address as it is; a # or ? in it would end it there.
        place = f"/{quote(path)}"
        answer: Any = http_request(repository._host_creds, place, "GET", stream=True)  # type: ignore[no-untyped-call]
        with closing(answer):
            answer.raise_for_status()
            length = answer.headers.get("Content-Length", "")
            # Packed for the way, it is not the file's.
            known = length.isdigit() and not answer.headers.get("Content-Encoding")
            yield ArtifactStream(answer.iter_content(CHUNK), int(length) if known else None)
    elif type(repository).__name__ == "S3ArtifactRepository":
        bucket, root = repository.parse_s3_compliant_uri(repository.artifact_uri)
        owner = getattr(repository, "_bucket_owner_params", None) or {}
        found = repository._get_s3_client().get_object(Bucket=bucket, Key=posixpath.join(root, path), **owner)
        with closing(found["Body"]) as body:
            yield ArtifactStream(body.iter_chunks(CHUNK), int(found["ContentLength"]))
    else:
        yield None


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


@contextmanager
def _malformed(what: str) -> Iterator[None]:
    """Damaged files become the one exception for which MLflow leaves the thing out instead of failing for all."""
    from mlflow.exceptions import MissingConfigException, MlflowException

    try:
        yield
    except MlflowException:
        raise
    except Exception as error:
        raise MissingConfigException(f"{what} is damaged: {error}") from error


def _quieten() -> None:
    """MLflow's talk goes to this process's log, if there is one, and never to the terminal."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    import mlflow  # noqa: F401 - its import installs the handlers that are taken away here

    for name in ("mlflow", "alembic", "urllib3", "sqlalchemy", "git", "botocore", "boto3"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = True
    if not logging.getLogger().handlers:
        # MLflow's file store logs through logging.warning(), which would set up a handler on stderr.
        logging.getLogger().addHandler(logging.NullHandler())


def _register_reading_file_store() -> None:
    """Teach MLflow the scheme under which a file store is opened without making its directories."""
    from mlflow.entities import Run as MlflowRun
    from mlflow.entities import RunData, RunTag
    from mlflow.store.model_registry.file_store import FileModelVersion
    from mlflow.store.model_registry.file_store import FileStore as RegistryFileStore
    from mlflow.store.tracking.file_store import FileStore
    from mlflow.tracking._model_registry import utils as registry_utils
    from mlflow.tracking._tracking_service import utils as tracking_utils
    from mlflow.utils.file_utils import local_file_uri_to_path

    if _READER_SCHEME in tracking_utils._tracking_store_registry._registry:
        return

    class ReadingFileStore(FileStore):
        """MLflow's, without the constructor that makes the root and its trash, and forgiving of a damaged run."""

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

        def _is_valid_run_directory(self, run_dir: str) -> bool:
            # MLflow wants metrics/, params/ and artifacts/, though its own search finds runs without them; git, for
            # one, keeps no empty folder. What lies below an artifact folder is still no run.
            above = os.path.relpath(run_dir, self.root_directory).split(os.sep)[:-1]
            return FileStore.ARTIFACTS_FOLDER_NAME not in above and os.path.isfile(os.path.join(run_dir, "meta.yaml"))

        def _get_experiment(self, experiment_id: str, *more: Any) -> Any:
            with _malformed(f"experiment {experiment_id}"):
                return super()._get_experiment(experiment_id, *more)  # type: ignore[no-untyped-call]

        def _get_run_info_from_dir(self, run_dir: str) -> Any:
            with _malformed(f"run {os.path.basename(run_dir)}"):
                return super()._get_run_info_from_dir(run_dir)  # type: ignore[no-untyped-call]

        def _get_run_from_info(self, run_info: Any) -> Any:
            try:
                return super()._get_run_from_info(run_info)  # type: ignore[no-untyped-call]
            except Exception:
                # The run is shown all the same, with what can be read and a tag that says what cannot.
                log.warning("run %s is damaged", run_info.run_id, exc_info=True)
                return self._damaged_run(run_info)

        def _damaged_run(self, run_info: Any) -> Any:
            missing: list[str] = []
            parts: dict[str, Any] = {}
            for part in ("metrics", "params", "tags", "inputs", "outputs"):
                try:
                    parts[part] = getattr(self, f"_get_all_{part}")(run_info)
                except Exception as error:  # noqa: BLE001 - whatever a damaged file makes MLflow raise
                    parts[part] = None if part in {"inputs", "outputs"} else []
                    missing.append(f"{part} ({type(error).__name__})")
            tags = [*parts["tags"], RunTag(UNREADABLE_TAG, ", ".join(missing))]
            data = RunData(parts["metrics"], parts["params"], tags)
            return MlflowRun(run_info, data, parts["inputs"], parts["outputs"])

    class ReadingRegistry(RegistryFileStore):
        """MLflow's, without the constructor that makes the models folder."""

        def __init__(self, uri: str) -> None:
            super(RegistryFileStore, self).__init__()  # type: ignore[no-untyped-call]
            self.root_directory = local_file_uri_to_path(f"file{uri.removeprefix(_READER_SCHEME)}")  # type: ignore[no-untyped-call]

        def _get_file_model_version_from_dir(self, directory: str) -> Any:
            # MLflow's also asks the process's default store for the version's metrics, which mlaudit does not show.
            meta: Any = RegistryFileStore._read_yaml(  # type: ignore[no-untyped-call]
                directory, RegistryFileStore.META_DATA_FILE_NAME
            )
            meta["tags"] = self._get_model_version_tags_from_dir(directory)
            meta["aliases"] = self._get_model_version_aliases(directory)  # type: ignore[no-untyped-call]
            return FileModelVersion.from_dictionary(meta)

    def tracking_store(store_uri: str, **_: Any) -> ReadingFileStore:
        return ReadingFileStore(store_uri)

    def registry_store(store_uri: str, **_: Any) -> ReadingRegistry:
        return ReadingRegistry(store_uri)

    tracking_utils._tracking_store_registry.register(_READER_SCHEME, tracking_store)  # type: ignore[no-untyped-call]
    registry_utils._get_store_registry().register(_READER_SCHEME, registry_store)  # type: ignore[no-untyped-call]
