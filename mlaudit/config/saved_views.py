"""Views of the runs that were given a name: for each experiment of each store, on this machine alone.

One small JSON file for each, beside the filters that are remembered (:mod:`mlaudit.config.filter_memory`). Every change
reads the file again and replaces it whole under a lock, so that two mlaudits do not lose one another's views. A file
that cannot be read is passed over and named; before anything is written it is put aside, never overwritten. A single
view that cannot be read, such as one of a later version, stays in the file as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlaudit.config.file_lock import locked
from mlaudit.config.kept_file import KeptFile
from mlaudit.config.places import state_dir
from mlaudit.domain.errors import UsageError
from mlaudit.domain.saved_view import SavedView, as_plain, from_plain
from mlaudit.domain.text import clean

LONGEST_NAME = 60
MOST = 200
"""Views of one experiment."""
_VERSION = 1


class SavedViews:
    """The views of one experiment, or of several that are looked at together."""

    def __init__(self, store: str, experiments: Sequence[str], *, folder: Path | None = None) -> None:
        """``store``: its redacted URI; ``experiments``: their ids; ``folder``: default the user's state folder."""
        self._key = {"store": store, "experiments": sorted(experiments)}
        text = json.dumps([store, sorted(experiments)])
        name = hashlib.sha256(text.encode()).hexdigest()[:24]
        self.path = (folder or state_dir()) / "views" / f"{name}.json"
        self.problem = ""
        """What could not be read the last time, in one printable line."""

    def read(self) -> Mapping[str, SavedView]:
        """Name -> view, in the order of the names. Never raises; what cannot be read is :attr:`problem`."""
        file = KeptFile(self.path, "views")
        nothing: dict[str, Any] = {}
        raw = file.read(_taken, nothing)
        self.problem = file.problem
        found: dict[str, SavedView] = {}
        odd: list[str] = []
        for name, plain in raw.items():
            try:
                found[_checked(name)] = from_plain(plain)
            except (ValueError, UsageError):
                odd.append(clean(name))
        if odd:
            self.problem = f"no view that this mlaudit can read, in {clean(self.path)}: {', '.join(odd)}"
        return dict(sorted(found.items(), key=lambda item: (item[0].lower(), item[0])))

    def save(self, name: str, view: SavedView, *, replace: bool = False) -> str:
        """Keep a view; returns what else is to be told, mostly nothing.

        Raises UsageError when the name cannot be used, is taken (unless ``replace``), or nothing could be written.
        """
        name = _checked(name)

        def change(raw: dict[str, Any]) -> None:
            if name in raw and not replace:
                raise UsageError(f"there is a view named {name} already")
            if name not in raw and len(raw) >= MOST:
                raise UsageError(f"there are {MOST} views already: delete one first")
            raw[name] = as_plain(view)

        return self._change(change)

    def rename(self, name: str, new: str) -> str:
        """Give a view another name; see :meth:`save`. Raises UsageError likewise, and when there is no such view."""
        new = _checked(new)

        def change(raw: dict[str, Any]) -> None:
            _require(raw, name)
            if new != name and new in raw:
                raise UsageError(f"there is a view named {new} already")
            raw[new] = raw.pop(name)

        return self._change(change)

    def delete(self, name: str) -> str:
        """Forget a view; see :meth:`save`. Raises UsageError when there is none, or nothing could be written."""

        def change(raw: dict[str, Any]) -> None:
            _require(raw, name)
            del raw[name]

        return self._change(change)

    def _change(self, change: Callable[[dict[str, Any]], None]) -> str:
        file = KeptFile(self.path, "views")
        nothing: dict[str, Any] = {}
        try:
            with locked(self.path):
                raw = file.read(_taken, nothing)
                change(raw)
                if not file.write({"version": _VERSION, **self._key, "views": raw}):
                    raise UsageError(f"nothing can be written to {clean(self.path)}")
        except OSError as error:
            raise UsageError(f"nothing can be written to {clean(self.path)}: {error.strerror or error}") from None
        if file.aside is None:
            return ""
        return f"the views that were there could not be read: that file is {clean(file.aside)} now"


def _taken(kept: Any) -> dict[str, Any]:
    """The views as they stand in the file; raises KeyError, TypeError, ValueError."""
    views = kept["views"]
    if not isinstance(views, dict):
        raise ValueError("views")
    return views


def _checked(name: str) -> str:
    """The name without blanks around it. Raises UsageError."""
    name = name.strip()
    if not name:
        raise UsageError("a view needs a name")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"a view's name has at most {LONGEST_NAME} characters")
    if clean(name) != name:
        raise UsageError("a view's name has only characters that can be printed")
    return name


def _require(raw: Mapping[str, Any], name: str) -> None:
    if name not in raw:
        raise UsageError(f"there is no view named {clean(name)}; another mlaudit may have taken it away")
