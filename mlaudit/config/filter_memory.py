"""Filters that were used, and those that were given a name: for each experiment of each store, on this machine alone.

One small JSON file for each, in the user's state folder, readable by its owner only. It is no part of the store, so
``--read-only`` does not forbid it. A file that cannot be read is left alone until something is to be written; then it
is put aside, not overwritten, since somebody's named filters may be in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlaudit.config.kept_file import KeptFile
from mlaudit.config.places import state_dir

MOST = 100
"""Filters remembered, and as many named ones."""
LONGEST = 10_000
"""Characters of an expression that is remembered."""
NAME = re.compile(r"\w[\w.-]{0,39}")
"""What a filter may be called."""
_VERSION = 1


class FilterMemory:
    """The filters of one experiment, or of several that are looked at together. Reading and writing never raise."""

    def __init__(self, store: str, experiments: Sequence[str], *, folder: Path | None = None) -> None:
        """``store``: its redacted URI; ``experiments``: their ids; ``folder``: default the user's state folder."""
        self._folder = (folder or state_dir()) / "filters"
        self._key = {"store": store, "experiments": sorted(experiments)}
        self.problem = ""
        """What could not be read, in one printable line."""
        self._files: dict[Path, KeptFile] = {}
        self._history, self._own = self._read(self._path(experiments))
        each = self._key["experiments"] if len(experiments) > 1 else []
        self._of_each = [self._read(self._path([experiment]))[1] for experiment in each]

    @property
    def history(self) -> tuple[str, ...]:
        """Expressions that were used, the newest first, each once."""
        return tuple(self._history)

    @property
    def named(self) -> Mapping[str, str]:
        """Name -> expression; looking at several experiments, also what each of them has under its own names."""
        found: dict[str, str] = {}
        for named in self._of_each:
            for name, expression in named.items():
                found.setdefault(name, expression)
        return found | self._own

    def meanings(self, name: str) -> tuple[str, ...]:
        """The expressions that a name stands for: more than one where several experiments use it differently."""
        if name in self._own:
            return (self._own[name],)
        return tuple(dict.fromkeys(named[name] for named in self._of_each if name in named))

    def remember(self, expression: str) -> None:
        """Put an expression in front; the empty one is not worth it. A failure to write it down is silent."""
        if not expression.strip() or len(expression) > LONGEST:
            return
        self._reread()
        self._history = [expression, *(e for e in self._history if e != expression)][:MOST]
        self._write()

    def name(self, name: str, expression: str) -> bool:
        """Call an expression by a name, which replaces what had it. False: it could not be written down.

        Raises ValueError for a name that does not fit :data:`NAME`.
        """
        if not NAME.fullmatch(name):
            raise ValueError(name)
        self._reread()
        self._own = dict([(name, expression), *((n, e) for n, e in self._own.items() if n != name)][:MOST])
        return self._write()

    def forget(self, name: str) -> bool:
        """Take a name away. False: it could not be written down, or one of several experiments gave it."""
        self._reread()
        self._own.pop(name, None)
        return self._write() and name not in self.named

    def _path(self, experiments: Sequence[str]) -> Path:
        text = json.dumps([self._key["store"], sorted(experiments)])
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"

    @property
    def _own_path(self) -> Path:
        return self._path(self._key["experiments"])

    def _reread(self) -> None:
        """Another mlaudit may have written meanwhile; what only this one knows comes on top."""
        if not self._own_path.exists():
            return
        history, own = self._read(self._own_path)
        self._history = [*(e for e in self._history if e not in history), *history]
        self._own = {**self._own, **own}

    def _read(self, path: Path) -> tuple[list[str], dict[str, str]]:
        file = self._files.setdefault(path, KeptFile(path, "filters"))
        nothing: tuple[list[str], dict[str, str]] = ([], {})
        history, named = file.read(_taken, nothing)
        self.problem = self.problem or file.problem
        return history[:MOST], named

    def _write(self) -> bool:
        content = {"version": _VERSION, **self._key, "history": self._history, "named": self._own}
        return self._files[self._own_path].write(content)


def _taken(kept: Any) -> tuple[list[str], dict[str, str]]:
    """History and named filters; raises KeyError, TypeError, AttributeError."""
    history = [e for e in kept["history"] if isinstance(e, str) and len(e) <= LONGEST]
    return history, {n: e for n, e in kept["named"].items() if NAME.fullmatch(n) and isinstance(e, str)}
