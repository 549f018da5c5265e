"""A run's artifacts: its folder, and beside it the models that MLflow 3 keeps elsewhere.

A path is looked up below the run's artifact root and nowhere else: ``..`` and links that lead out are refused. Local
files are listed and read in place, up to the asked size; others are downloaded into a private directory that is
removed at once.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from mlaudit.domain.errors import ArtifactTooLarge, NotAStore, PermissionDenied
from mlaudit.domain.models import Artifact, ArtifactStream
from mlaudit.domain.text import clean

MAX_DOWNLOAD = 50_000_000
"""Bytes; what is larger is not fetched as a whole only to read its start."""
CHUNK = 262_144
"""Bytes that are read at once."""

Listed = tuple[str, bool, int | None]
"""Path below the root, whether it is a folder, bytes."""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that MLflow 3 keeps outside the run's folder."""

    model_id: str
    name: str
    created: int
    location: str


class Remote(Protocol):
    """Artifacts that do not lie on this machine."""

    def list_run(self, path: str) -> Iterable[Listed]:
        """The entries below a path of the run's own artifacts."""
        ...

    def list_model(self, model: LoggedModel, path: str) -> Iterable[Listed]:
        """The entries below a path of a model's artifacts."""
        ...

    def stream(self, location: str, path: str) -> AbstractContextManager[ArtifactStream | None]:
        """The content of one file below an artifact URI; None where the store gives files only as a whole."""
        ...

    def fetch(self, location: str, path: str, folder: str) -> str:
        """Download one file below an artifact URI into ``folder``; returns where it lies."""
        ...


def newest_first(models: Iterable[LoggedModel]) -> list[LoggedModel]:
    """A run's models as they are offered for registering."""
    return sorted(models, key=lambda m: -m.created)


class RunArtifacts:
    """The artifacts of one run. ``models`` gives the run's MLflow 3 models, newest first."""

    def __init__(
        self, shown: str, run_id: str, artifact_uri: str, models: Callable[[], list[LoggedModel]], remote: Remote
    ) -> None:
        self._shown = shown
        self._run_id = run_id
        self._artifact_uri = artifact_uri
        self._models = models
        self._remote = remote

    def list(self, path: str) -> tuple[Artifact, ...]:
        """Entries directly below ``path``, folders first, then by name."""
        self._check(path)
        path = path.strip("/")
        model, inner = self._model_of(path)
        if model is None:
            local = _local_root(self._artifact_uri)
            listed = self._remote.list_run(path) if local is None else self._list_local(local, path)
            entries = [_entry(*found) for found in listed]
        else:
            local = _local_root(model.location)
            listed = self._remote.list_model(model, inner) if local is None else self._list_local(local, inner)
            top = path[: len(path) - len(inner)].rstrip("/")
            entries = [_entry(f"{top}/{below}", is_dir, size) for below, is_dir, size in listed]
        if not path:
            taken = {e.raw_path for e in entries}
            entries += [_entry(n, True, None) for n in self._model_folders() if n not in taken]
        return tuple(sorted(entries, key=lambda a: (not a.is_dir, a.raw_path)))

    def _list_local(self, root: Path, path: str) -> Iterable[Listed]:
        base, folder = os.path.realpath(root), os.path.realpath(root / path)
        if os.path.commonpath([base, folder]) != base or not os.path.isdir(folder):
            return
        below = f"{path}/" if path else ""
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    is_dir = entry.is_dir()
                    yield below + entry.name, is_dir, None if is_dir else _size(entry)
        except PermissionError:
            raise PermissionDenied(self._shown, f"the folder {clean(folder)} may not be read") from None

    def read(self, path: str, max_bytes: int) -> bytes:
        """At most ``max_bytes`` from the start. Raises NotAStore: missing, a folder, or too large to fetch."""
        with self.open(path, MAX_DOWNLOAD) as stream:
            return stream.read(max_bytes)

    @contextmanager
    def open(self, path: str, whole_most: int | None = None) -> Iterator[ArtifactStream]:
        """The content in chunks. Raises NotAStore: missing or a folder; ArtifactTooLarge: see the Protocol."""
        self._check(path)
        path = path.strip("/")
        model, inner = self._model_of(path)
        location = model.location if model is not None else self._artifact_uri
        inner = inner if model is not None else path
        local = _local_root(location)
        if local is not None:
            with self._open_local(local, inner, path) as stream:
                yield stream
            return
        if not inner:
            raise self._absent(path)
        with ExitStack() as stack:
            try:
                found = stack.enter_context(self._remote.stream(location, inner))
            except Exception:
                # Asked only now, since it would double the time of every success.
                self._file(path)
                raise
            if found is not None:
                yield found
                return
        entry = self._file(path)
        if whole_most is not None and (entry.size or 0) > whole_most:
            raise ArtifactTooLarge(self._shown, entry.path, entry.size or 0)
        with tempfile.TemporaryDirectory(prefix="mlaudit-") as folder:
            fetched = Path(self._remote.fetch(location, inner, folder))
            with self._open_local(Path(folder), str(fetched.relative_to(folder)), path) as stream:
                yield stream

    def _file(self, path: str) -> Artifact:
        """The entry of a file. Raises NotAStore: missing or a folder."""
        entry = next((a for a in self.list(path.rpartition("/")[0]) if a.raw_path == path), None)
        if entry is None or entry.is_dir:
            raise self._absent(path)
        return entry

    def at_source(self, source: str) -> tuple[str, ...] | None:
        """Printable names directly below where a registered version of this run has its model; empty: nothing is there.

        A source that is a single file has its own name only. None when the place is not this run's: it is not looked
        into then.
        """
        if source.startswith("models:/"):
            model = next((m for m in self._models() if m.model_id == source.removeprefix("models:/")), None)
            if model is None:
                return ()
            local = _local_root(model.location)
            listed = self._remote.list_model(model, "") if local is None else self._list_local(local, "")
            return tuple(sorted(clean(path) for path, _, _ in listed))
        for root in (f"runs:/{self._run_id}", self._artifact_uri.rstrip("/")):
            if root and f"{source}/".startswith(f"{root}/"):
                path = source[len(root) + 1 :]
                return self._names_at(path.rstrip("/")) if _is_below(path) else None
        return None

    def _names_at(self, path: str) -> tuple[str, ...]:
        entries = self.list(path)
        if not entries and path:
            entries = tuple(a for a in self.list(path.rpartition("/")[0]) if a.raw_path == path and not a.is_dir)
        return tuple(sorted(a.path.rpartition("/")[2] for a in entries))

    def obstacle(self) -> str:
        """Why nothing could be written here, as far as it shows without trying; empty where nothing speaks against it.

        MLflow makes every folder that is missing, also those of a machine that the store was copied from.
        """
        root = _local_root(self._artifact_uri)
        if root is None:
            return ""
        root = root.absolute()
        belong = f"the artifacts of run {self._run_id[:12]} belong into {clean(str(root))}"
        # EXPERIMENTS/EXPERIMENT/RUN/artifacts: MLflow makes a run's folder and an experiment's with the first artifact.
        near = [folder for folder in root.parents[1:4] if folder != folder.parent]
        if near and not any(folder.is_dir() for folder in near):
            return f"{belong}, a place of another machine"
        there = next(folder for folder in (root, *root.parents) if folder.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            return f"{belong}, which may not be written"
        return ""

    @contextmanager
    def _open_local(self, root: Path, inner: str, path: str) -> Iterator[ArtifactStream]:
        base = os.path.realpath(root)
        target = os.path.realpath(root / inner)
        if os.path.commonpath([base, target]) != base or not os.path.isfile(target):
            raise self._absent(path)
        try:
            file = open(target, "rb", buffering=0)  # noqa: SIM115 - closed below, whoever reads it
        except PermissionError:
            raise PermissionDenied(self._shown, f"artifact {clean(path)!r} may not be read") from None
        with file:
            yield ArtifactStream(iter(lambda: file.read(CHUNK), b""), os.fstat(file.fileno()).st_size, local=True)

    def _model_folders(self) -> dict[str, LoggedModel]:
        """Folder name -> model: the newest has its name, older ones of the same name their id."""
        folders: dict[str, LoggedModel] = {}
        for model in self._models():
            folders[model.name if model.name not in folders else model.model_id] = model
        return folders

    def _model_of(self, path: str) -> tuple[LoggedModel | None, str]:
        """The model whose folder the path begins with, and the rest of the path."""
        head, _, inner = path.partition("/")
        if not head:
            return None, ""
        return self._model_folders().get(head), inner

    def _check(self, path: str) -> None:
        if not _is_below(path):
            raise self._absent(path)

    def _absent(self, path: str) -> NotAStore:
        return NotAStore(self._shown, f"run {self._run_id[:12]} has no artifact {clean(path)!r}")


def _is_below(path: str) -> bool:
    """Whether a path cannot lead out of where it begins."""
    return not (path.startswith("/") or "\\" in path or ".." in path.split("/") or "\x00" in path)


def _size(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat().st_size
    except OSError:
        # A link to nowhere.
        return None


def _entry(path: str, is_dir: bool, size: int | None) -> Artifact:
    return Artifact(clean(path), path, is_dir, None if is_dir else size)


def _local_root(location: str) -> Path | None:
    """The directory of an artifact URI on this machine; None for any other kind."""
    # mlflow-artifacts:/1/... has one slash only, and a plain path may hold a colon or a #.
    scheme = location.partition(":")[0] if re.match(r"[A-Za-z][\w+.-]+:/", location) else ""
    if not scheme:
        return Path(location)
    return Path(unquote(urlsplit(location).path)) if scheme == "file" else None
