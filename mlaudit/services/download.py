"""Artifacts as files of the user's own: one of them or a whole folder, into a folder that must exist.

A thread in the worker does it, and is asked how far it is. What it writes lies beside its destination under a hidden
name until it is whole; only then it gets its own name, which must be free. Whatever goes wrong, there is never half a
file under a name that looks like a whole one, and nothing is ever overwritten.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mlaudit.domain.errors import DownloadRefused, MlauditError
from mlaudit.domain.models import Artifact
from mlaudit.domain.text import clean, format_size
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.requests import Request

MOST_FILES = 100_000
DEEPEST = 40
"""Folders within folders; a link to a folder above would go on for ever."""
GRACE = 2.0
"""Seconds that a cancelled download has to notice it."""
_STAGED = re.compile(r"\..+\.mlaudit-[0-9a-f]{12}\.part", re.DOTALL)


class Phase(StrEnum):
    """How a download stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """The process that did it is gone."""


@dataclass(frozen=True, slots=True)
class Download:
    """A download under way."""

    download_id: str
    target: str
    """Where it will be when it is whole, as the system takes it."""
    staging: str
    """Where it is until then."""
    shown: str
    """``target``, printable."""


@dataclass(frozen=True, slots=True)
class DownloadState:
    """How far a download is."""

    phase: Phase
    done: int = 0
    """Bytes."""
    total: int | None = None
    """Bytes; None where the store did not give every file's size, or has not yet been asked."""
    files_done: int = 0
    files: int | None = None
    """None while the folders are being listed."""
    current: str = ""
    """The printable path of the file that is being fetched."""
    idle: float = 0.0
    """Seconds since the last bytes came."""
    problem: str = ""
    """Why it failed, in printable words."""

    @property
    def ended(self) -> bool:
        """Nothing more will happen."""
        return self.phase is not Phase.RUNNING


@dataclass(frozen=True, slots=True)
class StartDownload(Request[Download]):
    """Begin; ``path`` is raw, and empty for all artifacts of the run.

    Raises DownloadRefused: the folder is not there, or the name is taken.
    """

    run_id: str
    path: str
    is_dir: bool
    folder: str
    """Absolute."""

    @property
    def name(self) -> str:
        """Of the file or folder that will be made. Raises DownloadRefused."""
        return safe_name(self.path.rstrip("/").rpartition("/")[2] or f"run-{self.run_id}")

    @property
    def what(self) -> str:
        return f"the download of {clean(self.path) or 'all artifacts'}"


@dataclass(frozen=True, slots=True)
class PollDownload(Request[DownloadState]):
    """How far it is."""

    download_id: str

    @property
    def what(self) -> str:
        return "how far the download is"


@dataclass(frozen=True, slots=True)
class CancelDownload(Request[DownloadState]):
    """End it and leave nothing behind, also when the process that did it is gone."""

    download: Download

    @property
    def what(self) -> str:
        return "the end of the download"


class _Cancelled(Exception):
    """Nobody wants it any more."""


class Downloads:
    """The downloads of this process."""

    def __init__(self, reader: Callable[[], TrackingReader]) -> None:
        self._reader = reader
        self._jobs: dict[str, _Job] = {}

    def start(self, request: StartDownload) -> Download:
        """Raises DownloadRefused; what goes wrong later is told by :meth:`poll`."""
        folder = Path(request.folder)
        name = request.name
        problem = problem_with(folder, name)
        if problem:
            raise DownloadRefused(problem)
        number = uuid.uuid4().hex[:12]
        # The name itself may be as long as the system allows.
        staging = folder / f".{name[:40]}.mlaudit-{number}.part"
        download = Download(number, str(folder / name), str(staging), clean(str(folder / name)))
        job = _Job(self._reader, request, download)
        self._jobs[number] = job
        job.thread.start()
        return download

    def poll(self, request: PollDownload) -> DownloadState:
        """Never raises."""
        job = self._jobs.get(request.download_id)
        return job.state() if job else DownloadState(Phase.LOST, problem="the process that did it was started anew")

    def cancel(self, request: CancelDownload) -> DownloadState:
        """Returns when nothing of it is left, which takes at most :data:`GRACE` seconds."""
        job = self._jobs.get(request.download.download_id)
        if job is not None:
            job.cancelled.set()
            job.thread.join(GRACE)
        staging = Path(request.download.staging)
        if _STAGED.fullmatch(staging.name) and (job is None or job.thread.is_alive()):
            remove(staging)
        return job.state() if job else DownloadState(Phase.CANCELLED)


def problem_with(folder: Path, name: str) -> str:
    """Why nothing of this name can be put there, in words; empty where it can."""
    shown = clean(str(folder / name))
    try:
        if not folder.is_absolute() or not folder.is_dir():
            return f"there is no folder {clean(str(folder))}"
        if os.path.lexists(folder / name):
            return f"{shown} exists already; nothing is overwritten"
    except (OSError, ValueError) as error:
        return clean(error)
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {clean(str(folder))} may not be written"
    return ""


def safe_name(name: str) -> str:
    """A file's name for the user's own folder, printable. Raises DownloadRefused for what is no name of a file."""
    shown = clean(name, max_length=250).strip()
    if shown in {"", ".", ".."} or "/" in shown or "\\" in shown:
        raise DownloadRefused(f"{shown!r} cannot be the name of a file")
    return shown


def remove(staging: Path) -> None:
    """Take away what is not whole; never raises."""
    with suppress(OSError):
        if staging.is_dir() and not staging.is_symlink():
            shutil.rmtree(staging, ignore_errors=True)
        else:
            staging.unlink(missing_ok=True)


def _below(path: str) -> str:
    """What every path below a folder begins with."""
    return f"{path.rstrip('/')}/" if path else ""


class _Job:
    """One download. ``cancelled`` is set from outside; everything else is the thread's own."""

    def __init__(self, reader: Callable[[], TrackingReader], request: StartDownload, download: Download) -> None:
        self._reader = reader
        self._request = request
        self._staging, self._target = Path(download.staging), Path(download.target)
        self.cancelled = threading.Event()
        self._phase = Phase.RUNNING
        self._problem = ""
        self._done = self._files_done = 0
        self._total: int | None = None
        self._files: int | None = None
        self._current = ""
        self._moved = time.monotonic()
        self.thread = threading.Thread(target=self._run, daemon=True, name=f"download {download.download_id}")

    def state(self) -> DownloadState:
        """As of now."""
        phase = Phase.CANCELLED if self._phase is Phase.RUNNING and self.cancelled.is_set() else self._phase
        return DownloadState(
            phase,
            self._done,
            self._total,
            self._files_done,
            self._files,
            self._current,
            time.monotonic() - self._moved,
            self._problem,
        )

    def _run(self) -> None:
        phase, problem = Phase.FAILED, ""
        try:
            self._fetch_all()
            phase = Phase.DONE
        except _Cancelled:
            phase = Phase.CANCELLED
        except MlauditError as error:
            problem = str(error)
        except OSError as error:
            problem = _words(error)
        except Exception as error:  # noqa: BLE001 - a defect must end the download, and be told
            problem = f"internal error ({type(error).__name__})"
        if phase is not Phase.DONE:
            remove(self._staging)
        self._problem, self._phase = problem, phase

    def _fetch_all(self) -> None:
        """Raises MlauditError, OSError, _Cancelled."""
        reader, request = self._reader(), self._request
        parent = request.path.rstrip("/").rpartition("/")[0]
        if request.is_dir:
            found = list(self._files_below(reader, request.path, 0))
        else:
            entries = reader.list_artifacts(request.run_id, parent)
            found = [e for e in entries if e.raw_path == request.path and not e.is_dir]
            if not found:
                raise DownloadRefused(f"the run has no file {clean(request.path)!r}")
        self._files_done = 0
        sizes = [entry.size for entry in found]
        self._total = None if None in sizes else sum(size or 0 for size in sizes)
        self._files = len(found)
        free = shutil.disk_usage(self._staging.parent).free
        if self._total is not None and self._total > free:
            raise DownloadRefused(f"{format_size(self._total)} are too much: there are {format_size(free)} free")
        if request.is_dir:
            self._staging.mkdir()
        for entry in found:
            self._check()
            self._fetch(reader, entry, self._place(entry))
        self._check()
        self._publish()

    def _place(self, entry: Artifact) -> Path:
        """Where a file is written to; its folder is made. Raises DownloadRefused."""
        if not self._request.is_dir:
            return self._staging
        inside = entry.raw_path.removeprefix(_below(self._request.path))
        place = self._staging.joinpath(*map(safe_name, inside.split("/")))
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _files_below(self, reader: TrackingReader, path: str, depth: int) -> Iterator[Artifact]:
        """All files below a folder."""
        if depth > DEEPEST:
            raise DownloadRefused(f"{clean(path)!r} is nested too deeply")
        for entry in reader.list_artifacts(self._request.run_id, path):
            self._check()
            self._moved = time.monotonic()
            # A server may answer anything: only what lies below the folder counts as below it.
            if not entry.raw_path.startswith(_below(path)):
                raise DownloadRefused(f"the store lists {entry.path!r} below {clean(path)!r}")
            if entry.is_dir:
                yield from self._files_below(reader, entry.raw_path, depth + 1)
            else:
                self._files_done += 1
                if self._files_done > MOST_FILES:
                    raise DownloadRefused(f"there are more than {MOST_FILES:,} files")
                yield entry

    def _fetch(self, reader: TrackingReader, entry: Artifact, place: Path) -> None:
        self._current = entry.path
        written = 0
        with reader.open_artifact(self._request.run_id, entry.raw_path) as stream, _writing(place) as write:
            for chunk in stream.chunks:
                self._check()
                write(chunk)
                written += len(chunk)
                self._done += len(chunk)
                self._moved = time.monotonic()
            expected = entry.size if stream.size is None else stream.size
        if expected is not None and written < expected:
            raise DownloadRefused(
                f"{entry.path}: only {written:,} of {expected:,} bytes came, then the store ended the answer"
            )
        self._files_done += 1

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise _Cancelled

    def _publish(self) -> None:
        """Give what is whole its name, if that is still free."""
        try:
            if self._request.is_dir:
                if os.path.lexists(self._target):
                    raise FileExistsError
                os.rename(self._staging, self._target)
                return
            try:
                os.link(self._staging, self._target)
            except FileExistsError:
                raise
            except OSError:  # a file system without links
                with open(self._target, "xb"):
                    pass
                os.replace(self._staging, self._target)
        except (FileExistsError, NotADirectoryError):
            raise DownloadRefused(
                f"{clean(str(self._target))} has come to be meanwhile; nothing is overwritten"
            ) from None
        remove(self._staging)


class _writing:  # noqa: N801 - used like a function
    """Opens a new file; what the disk says then is not taken for the store's word."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __enter__(self) -> Callable[[bytes], None]:
        try:
            self._file = open(self._place, "xb")
        except OSError as error:
            raise DownloadRefused(_words(error)) from error
        return self._write

    def _write(self, chunk: bytes) -> None:
        try:
            self._file.write(chunk)
        except OSError as error:
            raise DownloadRefused(_words(error)) from error

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise DownloadRefused(_words(error)) from error


def _words(error: OSError) -> str:
    why = "the disk is full" if error.errno == errno.ENOSPC else clean(error.strerror or str(error))
    name = Path(str(error.filename)).name if error.filename else ""
    return f"not written: {clean(name)}: {why}" if name else f"not written: {why}"
