"""Trainings that wait for others to end, and what is remembered of them between two sessions.

One small file each in the user's state directory, with the session that it belongs to: as long as that session runs,
no other one takes it. What a session leaves behind is taken over by the next on the same machine and store.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mlaudit.config.kept_file import KeptFile
from mlaudit.config.places import state_dir
from mlaudit.domain.text import clean
from mlaudit.services.process_group import identity
from mlaudit.tui.planned_training import Planned, from_record

FORMAT = "mlaudit.waiting/1"


@dataclass(eq=False, slots=True)
class Waiting:
    """One of them. Only :class:`~mlaudit.tui.training_queue.TrainingQueue` changes it."""

    planned: Planned
    added: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    held: bool = False
    """It is not started before somebody says so: an earlier session left it, or its start has failed."""
    problem: str = ""
    """Why its start has failed; empty when none was tried."""
    starting: bool = False
    """It is being started just now."""
    waiting_id: str = field(default_factory=lambda: uuid.uuid4().hex)


def keep(waiting: Waiting, store: str) -> bool:
    """Write it down as this session's; whether that could be done. ``store`` is the redacted URI."""
    return KeptFile(_path(waiting.waiting_id), "waiting trainings").write(
        {
            "format": FORMAT,
            "host": platform.node(),
            "store": store,
            "owner": [os.getpid(), identity(os.getpid())],
            "added": waiting.added,
            "planned": waiting.planned.record(),
        }
    )


def drop(waiting: Waiting) -> None:
    """Forget it."""
    with contextlib.suppress(OSError):
        _path(waiting.waiting_id).unlink(missing_ok=True)


def left_waiting(store: str) -> Iterator[tuple[Waiting | None, str]]:
    """What earlier sessions left behind for this store, the oldest first, each taken over by this one and held.

    None with a sentence: a file that is broken or cannot be taken over, which is left as it is.
    """
    _put_back()
    found: list[Waiting] = []
    for path in sorted(_folder().glob("*.json")):
        if path.name.startswith("."):
            continue
        file = KeptFile(path, "waiting trainings")
        taken = file.read(partial(_taken, path, store), None)
        if file.problem:
            yield None, file.problem
        if taken is not None and (claimed := _claim(path)):
            if not keep(taken, store):
                with contextlib.suppress(OSError):
                    claimed.rename(path)
                yield None, f"a training that waits since an earlier session could not be taken over: {clean(path)}"
                continue
            with contextlib.suppress(OSError):
                claimed.unlink()
            found.append(taken)
    for waiting in sorted(found, key=lambda w: w.added):
        yield waiting, ""


def _taken(path: Path, store: str, record: Any) -> Waiting | None:
    """None for one of another machine, store or living session. Raises what is wrong with a record."""
    if record["format"] != FORMAT:
        raise ValueError(record["format"])
    pid, started = record["owner"]
    mine = (record["host"], record["store"]) == (platform.node(), store)
    if not mine or (started and identity(int(pid)) == started):
        return None
    if not path.stem.isalnum():
        raise ValueError(path.stem)
    return Waiting(from_record(record["planned"]), float(record["added"]), held=True, waiting_id=path.stem)


def _claim(path: Path) -> Path | None:
    """Take the file out of the way, which only one of several sessions can; where it is now."""
    claimed = path.with_name(f".{path.stem}.{os.getpid()}.claimed")
    try:
        path.rename(claimed)
    except OSError:
        return None
    return claimed


def _put_back() -> None:
    """What a session had claimed that ended before it had written it down as its own."""
    for claimed in _folder().glob(".*.claimed"):
        stem, _, pid = claimed.name[1:].removesuffix(".claimed").rpartition(".")
        if not stem.isalnum() or not pid.isdecimal() or (int(pid) != os.getpid() and identity(int(pid))):
            continue
        with contextlib.suppress(OSError):
            if _path(stem).exists():
                claimed.unlink()
            else:
                claimed.rename(_path(stem))


def _folder() -> Path:
    return state_dir() / "waiting"


def _path(waiting_id: str) -> Path:
    return _folder() / f"{waiting_id}.json"
