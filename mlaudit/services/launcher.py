"""Launching a training script, watching it, and ending it.

The process is the user's own program: a session and process group of its own, output into a file, no shell, and none of
the settings that mlaudit made for itself. It outlives mlaudit unless it is stopped. How it ended is known exactly while
the process that started it is there to be told; a worker that was started anew finds it by pid *and* start time.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlaudit.domain.errors import MlauditError, ReadOnly, StoreError, UsageError
from mlaudit.domain.models import Run, RunStatus
from mlaudit.domain.text import clean
from mlaudit.gateway.base import Gateway
from mlaudit.services.process_group import end_group, identity
from mlaudit.services.training import (
    DescribeTraining,
    PollTraining,
    StartTraining,
    StopTraining,
    Training,
    TrainingStatus,
)
from mlaudit.services.training_environment import (
    DIRTY_TAG,
    LAUNCH_TAG,
    TaggedRuns,
    printed_run,
    tagged_runs,
    training_environment,
)
from mlaudit.services.training_script import Parameter, TrainingScript, cannot_run, choose_script

__all__ = [
    "DIRTY_TAG",
    "LAUNCH_TAG",
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

GRACE = (10.0, 5.0)
"""Seconds after SIGINT, and after SIGTERM."""
LAST_THREADS = 3.0
"""Seconds: a process counts as a zombie when its first thread has ended, and has no exit code before its last has."""
KEPT_LOGS = 20
_SEARCH_PAUSE = 3.0
"""Seconds between two searches of the whole store for a run."""
_UNENDED = {RunStatus.RUNNING, RunStatus.SCHEDULED}


@dataclass(eq=False, slots=True)
class _Known:
    """What is remembered of a training in the process that answers for it."""

    log_path: str
    process: subprocess.Popen[bytes] | None = None
    run_id: str | None = None
    more_runs: int = 0
    searched: float = -_SEARCH_PAUSE
    stopping: threading.Lock = field(default_factory=threading.Lock)


class Launcher:
    """Starts trainings and answers for them. Safe to call from several threads."""

    def __init__(
        self,
        gateway: Callable[[], Gateway],
        environment: Callable[[], Mapping[str, str]],
        scripts: Callable[[], Sequence[TrainingScript]],
        log_dir: Callable[[], Path],
        *,
        grace: tuple[float, float] = GRACE,
    ) -> None:
        """``environment`` gives the user's variables with the store's place in MLFLOW_TRACKING_URI.

        ``scripts`` are those that can be started. All four are called whenever needed and may raise MlauditError.
        """
        self._gateway, self._environment = gateway, environment
        self._scripts, self._log_dir = scripts, log_dir
        self._grace = grace
        self._known: dict[str, _Known] = {}
        self._guard = threading.Lock()

    def describe(self, _request: DescribeTraining) -> tuple[TrainingScript, ...]:
        """Raises UsageError where a declaration is wrong, MlauditError where there is none."""
        return tuple(self._scripts())

    def start(self, request: StartTraining) -> Training:
        """Raises UsageError, MissingExtra, ReadOnly, StoreError."""
        script = choose_script(self._scripts(), request.script)
        argv = script.argv(request.values)
        if script.missing:
            raise cannot_run(script)
        if request.command is not None and (request.command, request.directory) != (argv, script.directory):
            now = clean(shlex.join(argv))
            raise UsageError(
                f"{script.source} has changed since the question, and would run another command now: {now}"
            )
        # Asked now: a store that cannot be reached or written is better told here than by a traceback in the output.
        store = self._gateway().describe()
        if not store.writable:
            raise ReadOnly("training", store.read_only_reason or f"{store.uri} may only be read")
        launch_id = uuid.uuid4().hex
        environment = training_environment(script, self._environment(), launch_id)
        log_path, log = self._open_log(launch_id)
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=script.directory or None,
                start_new_session=True,
            )
        except OSError as error:
            raise UsageError(f"the training script could not be started: {clean(argv[0])}: {error.strerror}") from error
        finally:
            os.close(log)
        training = Training(launch_id, process.pid, time.time(), argv, log_path, identity(process.pid))
        with self._guard:
            self._known[launch_id] = _Known(log_path, process)
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
            if running:
                return status
            try:
                ended = self._end_runs(training, status)
            except MlauditError as error:
                about = f"run {status.run_id[:12]} may still say {status.run_status}" if status.run_id else "not known"
                said = f"whether all of its runs have ended: {about}: {error}"
                return replace(status, running=False, exit_code=code, problem=said, answered=False)
            return self._with_run(training, known, False, code) if ended else status

    # Inside

    def _remembered(self, training: Training) -> _Known:
        with self._guard:
            return self._known.setdefault(training.launch_id, _Known(training.log_path))

    def _end_runs(self, training: Training, status: TrainingStatus) -> bool:
        """Set every run of a process that is gone KILLED that says that it goes on; whether there was one."""
        gateway = self._gateway()
        left = [run.run_id for run in self._tagged(training).runs if run.status in _UNENDED]
        if status.run_id is not None and status.run_status in _UNENDED and status.run_id not in left:
            left.append(status.run_id)
        for run_id in left:
            gateway.terminate_run(run_id, RunStatus.KILLED)
        return bool(left)

    def _with_run(
        self, training: Training, known: _Known, running: bool, code: int | None, *, search: bool = False
    ) -> TrainingStatus:
        """``search``: look for the run in the store even if that was done a moment ago."""
        run_id = self._find_in_output(training, known)
        run: Run | None = None
        try:
            if run_id is None and (search or not running or time.monotonic() > known.searched + _SEARCH_PAUSE):
                found = self._tagged(training)
                known.searched = time.monotonic()
                run, known.more_runs = found.main, found.more
                run_id = known.run_id = run.run_id if run else None
            elif run_id is not None and not running:
                # At the end all of them are there to be counted.
                known.more_runs = self._tagged(training).more
            if run is None and run_id is not None:
                run = self._gateway().get_run(run_id)
        except StoreError as error:
            return TrainingStatus(running, code, run_id, None, str(error), known.more_runs, answered=False)
        except UsageError:
            # The output named a run that this store does not have.
            return TrainingStatus(running, code, None, None, "the script's run is not in this store")
        return TrainingStatus(running, code, run_id, run.status if run else None, more_runs=known.more_runs)

    def _find_in_output(self, training: Training, known: _Known) -> str | None:
        if known.run_id is None:
            known.run_id = printed_run(training.log_path)
        return known.run_id

    def _tagged(self, training: Training) -> TaggedRuns:
        return tagged_runs(self._gateway(), training.launch_id)

    def _delete_old_logs(self, folder: Path) -> None:
        """All but the newest, and those of trainings that may still write to theirs."""
        others = sorted(folder.glob("training-*.log"), key=_changed, reverse=True)
        with self._guard:
            ours = {Path(known.log_path).name for known in self._known.values()}
        for old in others[KEPT_LOGS:]:
            if old.name not in ours:
                with contextlib.suppress(OSError):
                    old.unlink()

    def _open_log(self, launch_id: str) -> tuple[str, int]:
        folder = self._log_dir()
        self._delete_old_logs(folder)
        try:
            path = folder / f"training-{time.strftime('%Y%m%d-%H%M%S')}-{launch_id[:8]}.log"
            return str(path), os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise UsageError(f"no file for the training's output in {folder}: {error.strerror}") from error


def _changed(path: Path) -> float:
    """When a file was last written; 0 where it is gone: another mlaudit may delete the same ones."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _state(training: Training, known: _Known, *, seconds: float = 0) -> tuple[bool, int | None]:
    """Whether the process runs, and its exit code where that is known; its end is waited for so many seconds."""
    if known.process is not None:
        if seconds:
            with contextlib.suppress(subprocess.TimeoutExpired):
                known.process.wait(seconds)
        code = known.process.poll()
        return code is None, code
    return training.pid > 1 and bool(training.identity) and identity(training.pid) == training.identity, None
