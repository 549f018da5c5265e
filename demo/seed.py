"""Build the demo store: an MLflow store in SQLite with its artifacts, by really training the runs of plan.py.

    python seed.py DIR [--fresh]

stdout has one JSON object a line, each with an "event":
    reuse   {uri}                               the store is there and complete; nothing was done
    start   {runs}                              the build begins; so many runs
    run     {number, of, name, role}            this one is being trained
    done    {uri, seconds}                      the store is complete
    missing {package}                           a package of the extra "train" is missing
    error   {message}                           one line: why there is no store
Exit codes: 0 complete; 2 DIR cannot be used, or a package is missing; 5 a training failed; 130, 143 stopped.

The store is built where it stays, for its records hold absolute paths. A marker file says "building" until the last run
is in: a build that was cut off is never taken for a store, and the next call clears it away. Only what a build itself
writes is ever deleted, and only in a directory that has the marker.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from plan import EXPERIMENT, MODEL, RECIPE_TAG, ROLE_TAG, RUNS, PlannedRun
from stopping import Stopped, StopSignals

HERE = Path(__file__).resolve().parent
MARKER, LOCK, DATABASE, ARTIFACTS, POLICY = (
    ".mlaudit-demo.json",
    ".mlaudit-demo.lock",
    "mlflow.db",
    "artifacts",
    "mlaudit.toml",
)
LOG, SCRATCH = "training.log", ".mlaudit-demo-tmp"
OWN = (DATABASE, f"{DATABASE}-journal", f"{DATABASE}-wal", f"{DATABASE}-shm", ARTIFACTS, POLICY, LOG, SCRATCH)
"""All that a build writes beside its marker and its lock."""
UNUSABLE, FAILED = 2, 5


class Refused(Exception):
    """The directory cannot be used. ``args``: one line."""


class TrainingFailed(Exception):
    """A run did not end as planned. ``args``: one line."""


def emit(event: str, **fields: str | int | float) -> None:
    """Write one event to the real stdout. Raises BrokenPipeError when the reader is gone."""
    print(json.dumps({"event": event, **fields}), file=sys.__stdout__, flush=True)


def store_uri(directory: Path) -> str:
    """The tracking URI of the demo store in an absolute directory."""
    return f"sqlite:///{directory / DATABASE}"


def state_of(directory: Path) -> str:
    """``complete``, ``building`` (perhaps cut off), or ``new`` (missing or empty). Raises Refused for any other."""
    try:
        state = json.loads((directory / MARKER).read_text(encoding="utf-8"))["state"]
        if state not in {"complete", "building"}:
            raise ValueError(state)
    except FileNotFoundError:
        if directory.is_dir() and any(entry.name != LOCK for entry in directory.iterdir()):
            raise Refused(f"{directory} is not empty and no demo store; name another directory") from None
        return "new"
    except NotADirectoryError:
        raise Refused(f"{directory} is a file; name a directory") from None
    except (ValueError, KeyError, TypeError):
        raise Refused(f"{directory / MARKER} is damaged; name another directory, or delete this one yourself") from None
    if state == "complete" and not (directory / DATABASE).is_file():
        return "building"
    return str(state)


def mark(directory: Path, state: str) -> None:
    """Say in the directory how far its store is; the old word or the new one, never half of it."""
    temporary = directory / f"{MARKER}.new"
    temporary.write_text(json.dumps({"mlaudit_demo": 1, "state": state}) + "\n", encoding="utf-8")
    temporary.replace(directory / MARKER)


def clear(directory: Path) -> None:
    """Delete what a build writes, the marker last; other files of the directory stay."""
    mark(directory, "building")
    for name in OWN:
        path = directory / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (directory / MARKER).unlink()


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory against another build, creating it if need be. Raises Refused when one is under way."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another process is building a demo store in {directory}; wait for it") from None
        yield


def is_ready(directory: Path, fresh: bool) -> bool:
    """Whether the directory has a store to be reused. Raises Refused when it neither has one nor can get one."""
    if state_of(directory) == "complete" and not fresh:
        return True
    if any(character in str(directory) for character in "?#%\n"):
        raise Refused(f"{directory}: a path with ?, # or % cannot be part of an SQLite URI; name another directory")
    return False


def quiet_environment(directory: Path) -> None:
    """Let nothing of the user's MLflow settings in, and let nothing be written outside the directory."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    scratch = directory / SCRATCH
    scratch.mkdir()
    os.environ.update(
        MLFLOW_DISABLE_TELEMETRY="true",
        MLFLOW_TRACKING_URI=store_uri(directory),
        MLFLOW_REGISTRY_URI=store_uri(directory),
        # Matplotlib caches its list of fonts, PyTorch what it compiles.
        MPLCONFIGDIR=str(scratch),
        XDG_CACHE_HOME=str(scratch),
        TMPDIR=str(scratch),
    )
    tempfile.tempdir = None
    os.chdir(directory)


def build(directory: Path, stop: StopSignals) -> None:
    """Train all runs into the directory. Raises Stopped, TrainingFailed."""
    shutil.copyfile(HERE / POLICY, directory / POLICY)
    quiet_environment(directory)
    with (
        (directory / LOG).open("w", encoding="utf-8") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        stop.check()
        import train  # the script itself: called again and again, it imports PyTorch and MLflow once

        create_experiment(directory)
        for number, planned in enumerate(RUNS, 1):
            stop.check()
            emit("run", number=number, of=len(RUNS), name=planned.name, role=planned.role)
            arguments = planned.arguments()
            print(f"\n$ train.py {' '.join(arguments)}", flush=True)
            os.environ["MLFLOW_RUN_CONTEXT"] = json.dumps({ROLE_TAG: planned.role, RECIPE_TAG: planned.recipe})
            # MLflow notes the program and its git commit from here.
            sys.argv = [str(HERE / "train.py"), *arguments]
            code = train.main(arguments)
            if code >= 128:
                raise Stopped(code - 128)
            if code != planned.exit_code:
                raise TrainingFailed(f"run {planned.name!r} ended with exit code {code}, not {planned.exit_code}")
            if planned.stage:
                move(planned)


def create_experiment(directory: Path) -> None:
    """The experiment, with its artifacts inside the directory."""
    from mlflow import MlflowClient

    note = "Built by mlaudit demo. The transactions are synthetic; the training is real."
    location = str(directory / ARTIFACTS)
    MlflowClient().create_experiment(EXPERIMENT, artifact_location=location, tags={"mlflow.note.content": note})


def move(planned: PlannedRun) -> None:
    """Put the version that was just registered into its stage."""
    from mlflow import MlflowClient

    client = MlflowClient()
    newest = max(client.search_model_versions(f"name='{MODEL}'"), key=lambda version: int(version.version))
    client.transition_model_version_stage(
        MODEL, newest.version, planned.stage, archive_existing_versions=planned.stage == "Production"
    )


def run(directory: Path, fresh: bool, stop: StopSignals) -> int:
    """Build the store unless it is there; returns the exit code. Raises Refused, Stopped, TrainingFailed."""
    # All that can be refused is refused before anything is written.
    if is_ready(directory, fresh):
        emit("reuse", uri=store_uri(directory))
        return 0
    for package in ("torch", "tensorboard", "sklearn", "matplotlib"):
        if importlib.util.find_spec(package) is None:
            emit("missing", package=package)
            return UNUSABLE
    existed = directory.exists()
    with locked(directory):
        # Another process may have built it between the question and the lock.
        if is_ready(directory, fresh):
            emit("reuse", uri=store_uri(directory))
            return 0
        started = time.monotonic()
        clear(directory)
        mark(directory, "building")
        try:
            emit("start", runs=len(RUNS))
            build(directory, stop)
            shutil.rmtree(directory / SCRATCH)
            mark(directory, "complete")
        except BaseException:
            clear(directory)
            (directory / LOCK).unlink(missing_ok=True)
            if not existed:
                with contextlib.suppress(OSError):
                    directory.rmdir()
            raise
    emit("done", uri=store_uri(directory), seconds=round(time.monotonic() - started, 1))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(prog="seed.py", description="Build the mlaudit demo store by real trainings.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--fresh", action="store_true", help="rebuild a store that is there")
    options = parser.parse_args(arguments)
    with StopSignals() as stop:
        try:
            return run(options.directory.resolve(), options.fresh, stop)
        except Stopped as stopped:
            return stopped.exit_code
        except (Refused, OSError) as problem:
            emit("error", message=str(problem))
            return UNUSABLE
        except Exception as problem:  # noqa: BLE001  the reader of the events is told, and the build was cleared away
            emit("error", message=f"{type(problem).__name__}: {problem}".partition("\n")[0])
            return FAILED


if __name__ == "__main__":
    sys.exit(main())
