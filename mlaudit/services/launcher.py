"""Launching a training script, watching it, and ending it.

The process is the user's own program: a session and process group of its own, output into a file, no shell, and none of
the settings that mlaudit made for itself. It outlives mlaudit unless it is stopped. How it ended is known exactly while
the process that started it is there to be told; a worker that was started anew finds it by pid *and* start time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from mlaudit.domain.errors import MlauditError, ReadOnly, StoreError, UsageError
from mlaudit.domain.models import RunStatus
from mlaudit.gateway.base import Gateway
from mlaudit.services.process_group import end_group, identity
from mlaudit.services.requests import Request
from mlaudit.services.training_script import Parameter, TrainingScript, missing_extra, read_script

__all__ = [
    "DescribeTraining",
    "Launcher",
    "Parameter",
    "PollTraining",
    "StartTraining",
    "StopTraining",
    "Training",
    "TrainingScript",
    "TrainingStatus",
]

LAUNCH_TAG = "mlaudit.launch_id"
DIRTY_TAG = "mlaudit.git.dirty"
GRACE = (10.0, 5.0)
"""Seconds after SIGINT, and after SIGTERM."""
LAST_THREADS = 3.0
"""Seconds: a process counts as a zombie when its first thread has ended, and has no exit code before its last has."""
KEPT_LOGS = 20
_HEAD = 65_536
"""Bytes from the start of the output in which the run's id is looked for."""
_RUN_ID = re.compile(rb"^run_id: ([0-9a-f]{32})\s*$", re.MULTILINE)
_SEARCH_PAUSE = 3.0
"""Seconds between two searches of the whole store for a run."""
_UNENDED = {RunStatus.RUNNING, RunStatus.SCHEDULED}


@dataclass(frozen=True, slots=True)
class DescribeTraining(Request[TrainingScript]):
    """The bundled training script and its options."""

    @property
    def what(self) -> str:
        return "the training script's options"


@dataclass(frozen=True, slots=True)
class Training:
    """A launched training process."""

    launch_id: str
    """Also the run's tag ``mlaudit.launch_id``."""
    pid: int
    started: float
    """Seconds since the epoch."""
    argv: tuple[str, ...]
    log_path: str
    """stdout and stderr of the process; tail it."""
    identity: str = ""
    """When the process was started, as the system says it: a pid alone may be another's by now."""


@dataclass(frozen=True, slots=True)
class StartTraining(Request[Training]):
    """Start the script with these values (option name -> text). Raises UsageError, MissingExtra, ReadOnly."""

    values: tuple[tuple[str, str], ...]

    # It may be the first that is asked of the store.
    deadline: ClassVar[float] = 20.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return "the start of a training"


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """How a training stands."""

    running: bool
    exit_code: int | None
    """None while it runs; negative for a signal, as Python has it. Also None when nobody was there to be told."""
    run_id: str | None
    """The MLflow run, once the script has started one."""
    run_status: str | None
    """MLflow's status of that run."""
    problem: str = ""
    """Why the run's part is missing or doubtful, in words; the process's part is right all the same."""


@dataclass(frozen=True, slots=True)
class PollTraining(Request[TrainingStatus]):
    """Whether it still runs, and its run."""

    training: Training
    with_run: bool = True
    """False: look at the process and its output only, and do not ask the store."""

    @property
    def what(self) -> str:
        return "the state of the training"


@dataclass(frozen=True, slots=True)
class StopTraining(Request[TrainingStatus]):
    """SIGINT to the group, 10 s, SIGTERM, 5 s, SIGKILL; then a run still RUNNING is set KILLED."""

    training: Training

    deadline: ClassVar[float] = 40.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return "stopping the training"


@dataclass(eq=False, slots=True)
class _Known:
    """What is remembered of a training in the process that answers for it."""

    process: subprocess.Popen[bytes] | None = None
    run_id: str | None = None
    searched: float = -_SEARCH_PAUSE
    stopping: threading.Lock = field(default_factory=threading.Lock)


class Launcher:
    """Starts trainings and answers for them. Safe to call from several threads."""

    def __init__(
        self,
        gateway: Callable[[], Gateway],
        environment: Callable[[], Mapping[str, str]],
        script_dir: Callable[[], Path],
        log_dir: Callable[[], Path],
        *,
        grace: tuple[float, float] = GRACE,
    ) -> None:
        """``environment`` gives the user's variables with the store's place in MLFLOW_TRACKING_URI.

        ``script_dir`` is the absolute directory with train.toml. All four are called when needed and may raise
        MlauditError.
        """
        self._gateway, self._environment = gateway, environment
        self._script_dir, self._log_dir = script_dir, log_dir
        self._grace = grace
        self._known: dict[str, _Known] = {}
        self._guard = threading.Lock()

    def describe(self, _request: DescribeTraining) -> TrainingScript:
        """Raises UsageError where the declaration is wrong, MlauditError where there is none."""
        return read_script(self._script_dir())

    def start(self, request: StartTraining) -> Training:
        """Raises UsageError, MissingExtra, ReadOnly, StoreError."""
        directory = self._script_dir()
        script = read_script(directory)
        argv = script.argv(request.values)
        if script.missing:
            raise missing_extra(list(script.missing_packages))
        # Asked now: a store that cannot be reached or written is better told here than by a traceback in the output.
        store = self._gateway().describe()
        if not store.writable:
            raise ReadOnly("training", store.read_only_reason or f"{store.uri} may only be read")
        launch_id = uuid.uuid4().hex
        environment = dict(self._environment())
        environment["PYTHONUNBUFFERED"] = "1"
        environment["MLFLOW_RUN_CONTEXT"] = _run_context(
            environment.get("MLFLOW_RUN_CONTEXT", ""), launch_id, directory
        )
        log_path, log = self._open_log(launch_id)
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise UsageError(f"the training script could not be started: {argv[0]}: {error.strerror}") from error
        finally:
            os.close(log)
        training = Training(launch_id, process.pid, time.time(), argv, log_path, identity(process.pid))
        with self._guard:
            self._known[launch_id] = _Known(process)
        return training

    def poll(self, request: PollTraining) -> TrainingStatus:
        """A store that fails is told in ``problem``."""
        training = request.training
        known = self._remembered(training)
        running, code = _state(training, known)
        if not request.with_run:
            return TrainingStatus(running, code, self._find_in_output(training, known), None)
        return self._with_run(training, known, running, code)

    def stop(self, request: StopTraining) -> TrainingStatus:
        """How it stands afterwards. One that has ended already is left alone; what its run says is put right."""
        training = request.training
        known = self._remembered(training)
        with known.stopping:
            running, code = _state(training, known)
            if running:
                first, second = self._grace
                steps = ((signal.SIGINT, first), (signal.SIGTERM, second), (signal.SIGKILL, 5.0))
                gone = end_group(training.pid, training.identity, steps, lambda: _state(training, known))
                running, code = _state(training, known, seconds=LAST_THREADS if gone else 0)
                running = running or not gone
            status = self._with_run(training, known, running, code, search=True)
            if running or status.run_id is None or status.run_status not in _UNENDED:
                return status
            try:
                self._gateway().terminate_run(status.run_id, RunStatus.KILLED)
            except MlauditError as error:
                said = f"run {status.run_id[:12]} may still say {status.run_status}: {error}"
                return TrainingStatus(False, code, status.run_id, status.run_status, said)
            return self._with_run(training, known, False, code)

    # Inside

    def _remembered(self, training: Training) -> _Known:
        with self._guard:
            return self._known.setdefault(training.launch_id, _Known())

    def _with_run(
        self, training: Training, known: _Known, running: bool, code: int | None, *, search: bool = False
    ) -> TrainingStatus:
        """``search``: look for the run in the store even if that was done a moment ago."""
        run_id = self._find_in_output(training, known)
        try:
            if run_id is None and (search or not running or time.monotonic() > known.searched + _SEARCH_PAUSE):
                run_id = known.run_id = self._find_in_store(training)
                known.searched = time.monotonic()
            status = None if run_id is None else self._gateway().get_run(run_id).status
        except StoreError as error:
            return TrainingStatus(running, code, run_id, None, str(error))
        except UsageError:
            # The output named a run that this store does not have.
            return TrainingStatus(running, code, None, None, "the script's run is not in this store")
        return TrainingStatus(running, code, run_id, status)

    def _find_in_output(self, training: Training, known: _Known) -> str | None:
        if known.run_id is None:
            try:
                with open(training.log_path, "rb") as output:
                    found = _RUN_ID.search(output.read(_HEAD))
            except OSError:
                found = None
            known.run_id = found.group(1).decode() if found else None
        return known.run_id

    def _find_in_store(self, training: Training) -> str | None:
        gateway = self._gateway()
        experiments = [e.experiment_id for e in gateway.list_experiments()]
        search = f"tags.`{LAUNCH_TAG}` = '{training.launch_id}'"
        page = gateway.search_runs(experiments, filter_string=search, max_results=1)
        return page.runs[0].run_id if page.runs else None

    def _open_log(self, launch_id: str) -> tuple[str, int]:
        folder = self._log_dir()
        try:
            others = sorted(folder.glob("training-*.log"), key=lambda p: p.stat().st_mtime, reverse=True)
            for old in others[KEPT_LOGS:]:
                old.unlink()
            path = folder / f"training-{time.strftime('%Y%m%d-%H%M%S')}-{launch_id[:8]}.log"
            return str(path), os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise UsageError(f"no file for the training's output in {folder}: {error.strerror}") from error


def _state(training: Training, known: _Known, *, seconds: float = 0) -> tuple[bool, int | None]:
    """Whether the process runs, and its exit code where that is known; its end is waited for so many seconds."""
    if known.process is not None:
        if seconds:
            with contextlib.suppress(subprocess.TimeoutExpired):
                known.process.wait(seconds)
        code = known.process.poll()
        return code is None, code
    return training.pid > 1 and bool(training.identity) and identity(training.pid) == training.identity, None


def _run_context(users: str, launch_id: str, directory: Path) -> str:
    """The tags that MLflow gives the run, as JSON: the user's own, the launch, and whether the tree was dirty."""
    try:
        tags = json.loads(users) if users else {}
    except ValueError:
        tags = {}
    tags = dict(tags) if isinstance(tags, dict) else {}
    tags[LAUNCH_TAG] = launch_id
    dirty = _is_dirty(directory)
    if dirty is not None:
        tags[DIRTY_TAG] = "true" if dirty else "false"
    return json.dumps(tags)


def _is_dirty(directory: Path) -> bool | None:
    """Whether tracked files differ from the commit that MLflow will note; None outside git."""
    command = ["git", "-C", str(directory), "status", "--porcelain", "--untracked-files=no"]
    # Looking must not write: without this, git refreshes its index under the feet of the user's own git.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=5, env=environment)
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(done.stdout.strip())
