"""What a training's process is told through its environment, and how its run is found by that.

Measured with MLflow 3.17: the tags in ``MLFLOW_RUN_CONTEXT`` are given to every run that is begun through the fluent
API (``start_run``, nested ones too, and the one that ``log_metric`` begins by itself), in the process and in its
children, whatever experiment the script chooses; so a script need not know of mlaudit. They are not given to a run
made by ``MlflowClient.create_run``: such a script is found only where it prints ``run_id: ID`` on a line of its own.
A run made beforehand and handed over in ``MLFLOW_RUN_ID`` is no way: a script that calls ``set_experiment`` is refused
by MLflow then, and one that begins no run leaves an empty one behind.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlaudit.domain.models import Run
from mlaudit.domain.training import TrainingScript
from mlaudit.gateway.base import TrackingReader

LAUNCH_TAG = "mlaudit.launch_id"
DIRTY_TAG = "mlaudit.git.dirty"
PARENT_TAG = "mlflow.parentRunId"
MOST_RUNS = 50
"""Runs of one process that are looked at."""
_HEAD = 65_536
"""Bytes from the start of the output in which the run's id is looked for."""
_RUN_ID = re.compile(rb"^run_id: ([0-9a-f]{32})\s*$", re.MULTILINE)
BASE = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TERM", "TZ", "LANG", "LANGUAGE", "LC_*", "MLFLOW_*",
)  # fmt: skip
"""Variables that a script gets even where its declaration names those that it gets: without them hardly a program
runs, and none reaches the store."""


def training_environment(script: TrainingScript, users: Mapping[str, str], launch_id: str) -> dict[str, str]:
    """The environment of a training's process. ``users``: the user's own, with the store's place in it."""
    environment = dict(users)
    if script.environment is not None:
        environment = {n: v for n, v in users.items() if _named(n, BASE) or _named(n, script.environment)}
    # The user's shell may have one set; every training would go on with that same old run.
    environment.pop("MLFLOW_RUN_ID", None)
    if script.experiment:
        environment["MLFLOW_EXPERIMENT_NAME"] = script.experiment
        environment.pop("MLFLOW_EXPERIMENT_ID", None)
    environment["PYTHONUNBUFFERED"] = "1"
    context = environment.get("MLFLOW_RUN_CONTEXT", "")
    environment["MLFLOW_RUN_CONTEXT"] = run_context(context, launch_id, Path(script.path))
    return environment


def _named(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name.startswith(a[:-1]) if a.endswith("*") else name == a for a in allowed)


def printed_run(log_path: str) -> str | None:
    """The run that the script says on a line of its own, ``run_id: ID``, near the start of its output."""
    try:
        with open(log_path, "rb") as output:
            found = _RUN_ID.search(output.read(_HEAD))
    except OSError:
        return None
    return found.group(1).decode() if found else None


@dataclass(frozen=True, slots=True)
class TaggedRuns:
    """The runs that bear a launch's tag."""

    runs: tuple[Run, ...] = ()
    """The oldest first."""
    whole: bool = True
    """False: there are more than were looked at."""

    @property
    def main(self) -> Run | None:
        """The first that was begun, and not as the child of another."""
        return next((run for run in self.runs if PARENT_TAG not in run.tags), self.runs[0] if self.runs else None)

    @property
    def more(self) -> int:
        """How many there are beside that one and children of others; -1: nobody has counted them."""
        own = sum(PARENT_TAG not in run.tags for run in self.runs)
        return max(0, own - 1) if self.whole else -1


def tagged_runs(reader: TrackingReader, launch_id: str) -> TaggedRuns:
    """What the process of this launch has begun so far. Raises StoreError."""
    experiments = [e.experiment_id for e in reader.list_experiments()]
    search = f"tags.`{LAUNCH_TAG}` = '{launch_id}'"
    oldest = ("attributes.start_time ASC",)
    page = reader.search_runs(experiments, filter_string=search, order_by=oldest, max_results=MOST_RUNS)
    return TaggedRuns(page.runs, page.next_page_token is None)


def run_context(users: str, launch_id: str, directory: Path) -> str:
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
