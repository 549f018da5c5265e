"""What was launched, for each store, on this machine alone, so that it can be launched again.

One small JSON file a store in the user's state folder. It is no part of the store; it is written when something is
launched, which ``--read-only`` forbids, and when its end was seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlaudit.config.kept_file import KeptFile
from mlaudit.config.places import state_dir
from mlaudit.domain.text import clean

MOST = 100
"""Launches remembered for each store."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch."""

    launch_id: str
    started: float
    """Seconds since the epoch."""
    script: str
    """The script's key."""
    values: tuple[tuple[str, str], ...]
    """Option and text, all of them, in the script's order."""
    run_id: str | None = None
    """Its run, once that was seen."""
    outcome: str = ""
    """How it ended, in a word or two; empty until its end was seen."""


class LaunchMemory:
    """The launches on one store, the newest first. Reading and writing never raise."""

    def __init__(self, store: str, *, folder: Path | None = None) -> None:
        """``store``: its redacted URI; ``folder``: default the user's state folder."""
        name = hashlib.sha256(store.encode()).hexdigest()[:24]
        self._store = store
        self._file = KeptFile((folder or state_dir()) / "launches" / f"{name}.json", "launches")
        self._launches: Sequence[Launch] = self._file.read(_taken, [])

    @property
    def problem(self) -> str:
        """Which file could not be read, in one printable line."""
        return self._file.problem

    @property
    def launches(self) -> tuple[Launch, ...]:
        """The newest first."""
        return tuple(self._launches)

    def of(self, launch_id: str | None) -> Launch | None:
        """The launch of that id."""
        return next((launch for launch in self._launches if launch.launch_id == launch_id), None)

    def remember(self, launch: Launch) -> None:
        """Put one in front. A failure to write it down is silent."""
        self._change([launch, *(each for each in self._reread() if each.launch_id != launch.launch_id)])

    def settle(self, launch_id: str, run_id: str | None, outcome: str) -> None:
        """Note how one ended, where it is remembered."""
        found = self._reread()
        if any(each.launch_id == launch_id for each in found):
            self._change([replace(e, run_id=run_id, outcome=outcome) if e.launch_id == launch_id else e for e in found])

    def forget(self, launch_id: str) -> None:
        """Take one away."""
        self._change([each for each in self._reread() if each.launch_id != launch_id])

    def _reread(self) -> Sequence[Launch]:
        """Another mlaudit may have written meanwhile."""
        return self._file.read(_taken, self._launches)

    def _change(self, launches: list[Launch]) -> None:
        self._launches = launches[:MOST]
        kept = [
            {
                "launch_id": each.launch_id,
                "started": each.started,
                "script": each.script,
                "values": [list(pair) for pair in each.values],
                "run_id": each.run_id,
                "outcome": each.outcome,
            }
            for each in self._launches
        ]
        self._file.write({"version": _VERSION, "store": self._store, "launches": kept})


def _taken(kept: Any) -> Sequence[Launch]:
    """Raises ValueError, KeyError, TypeError, AttributeError."""
    if kept["version"] != _VERSION:
        raise ValueError(kept["version"])
    return [
        Launch(
            launch_id=str(each["launch_id"]),
            started=float(each["started"]),
            script=clean(each["script"]),
            values=tuple((clean(name), clean(text)) for name, text in each["values"]),
            run_id=None if each["run_id"] is None else str(each["run_id"]),
            outcome=clean(each["outcome"]),
        )
        for each in kept["launches"][:MOST]
    ]
