"""What is remembered of trainings between two sessions, so that one that was left running is found again.

One small file a training, in the user's state directory: written when it starts, since mlaudit may be killed too, and
taken away when its end was seen. A record counts on the machine and for the store that it was made on; as long as the
session runs that watches the training, it is that one's alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlaudit.config.places import state_dir
from mlaudit.services.process_group import identity
from mlaudit.services.training import StartTraining, Training
from mlaudit.tui.planned_training import Planned, described

FORMAT = "mlaudit.training/1"


def remember(training: Training, planned: Planned, store: str, run_id: str | None = None) -> None:
    """Write the record of a training, or write it anew, as this session's. Where it cannot: nothing.

    ``store`` is the redacted URI.
    """
    record = {
        "format": FORMAT,
        "host": platform.node(),
        "store": store,
        "owner": [os.getpid(), identity(os.getpid())],
        "launch_id": training.launch_id,
        "pid": training.pid,
        "identity": training.identity,
        "started": training.started,
        "log_path": training.log_path,
        "run_id": run_id,
        **planned.description(),
    }
    path = _path(training)
    new = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The arguments are left out: nobody needs them again.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(record, file)
        os.replace(new, path)


def forget(training: Training) -> None:
    """Take the record away."""
    with contextlib.suppress(OSError):
        _path(training).unlink(missing_ok=True)


def remembered(store: str) -> Iterator[tuple[Training, Planned, str | None]]:
    """The trainings recorded here for this store, oldest first, each with its run's id where that was known.

    Those of another session that still runs are left out.
    Of what was planned only what is said of it is known.
    """
    found = []
    for path in _folder().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(path.read_text(encoding="utf-8"))
            here = (record["format"], record["host"], record["store"]) == (FORMAT, platform.node(), store)
            if here and not _is_anothers(record):
                found.append(_read(record))
    yield from sorted(found, key=lambda found: found[0].started)


def _is_anothers(record: dict[str, Any]) -> bool:
    """Raises TypeError, ValueError. Records of versions that did not say whose they are belong to nobody."""
    pid, started = record.get("owner", (0, ""))
    return int(pid) not in {0, os.getpid()} and bool(started) and identity(int(pid)) == started


def _read(record: dict[str, Any]) -> tuple[Training, Planned, str | None]:
    """Raises KeyError, TypeError, ValueError."""
    training = Training(
        launch_id=str(record["launch_id"]),
        pid=int(record["pid"]),
        started=float(record["started"]),
        argv=(),
        log_path=str(record["log_path"]),
        identity=str(record["identity"]),
    )
    if not training.launch_id.isalnum():
        raise ValueError(training.launch_id)
    run_id = record["run_id"]
    # Records of versions that did not say this are as good otherwise.
    nothing = {"name": "a training", "changed": "", "metric": "", "steps": 0, "counted": ""}
    planned = described(nothing | record, StartTraining(()))
    return training, planned, None if run_id is None else str(run_id)


def _folder() -> Path:
    return state_dir() / "trainings"


def _path(training: Training) -> Path:
    return _folder() / f"{training.launch_id}.json"
