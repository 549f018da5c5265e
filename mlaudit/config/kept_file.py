"""One small JSON file of what mlaudit remembers for its user: private, replaced at once or not at all.

A file that cannot be read is left alone until something is to be written; then it is put aside, not overwritten, since
something of worth may be in it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mlaudit.domain.text import clean

T = TypeVar("T")


class KeptFile:
    """Reading and writing never raise; what went wrong in reading is said in :attr:`problem`."""

    def __init__(self, path: Path, what: str) -> None:
        """``what`` is in it, in the plural, for :attr:`problem`."""
        self.path = path
        self._what = what
        self._broken = False
        self.problem = ""
        """Which file could not be read and why, in one printable line; it stays, since what was in it is missed."""
        self.aside: Path | None = None
        """Where :meth:`write` has put a file that could not be read."""

    def read(self, take: Callable[[Any], T], empty: T) -> T:
        """What ``take`` makes of the file's content; ``empty`` where there is none or it is broken.

        ``take`` says that it is by ValueError, KeyError, TypeError or AttributeError.
        """
        try:
            taken = take(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return empty
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not what mlaudit wrote"
            self._broken = True
            self.problem = (
                f"the {self._what} kept in {clean(self.path)} cannot be read ({reason}); they are passed over"
            )
            return empty
        # Another mlaudit may have put the broken file aside: what is there now is good, and stays.
        self._broken = False
        return taken

    def write(self, content: object) -> bool:
        """Whether it could be written down."""
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._broken and self.path.exists():
                self.aside = self.path.replace(self._free_name())
                self._broken = False
            replace_json(self.path, content)
        except (OSError, ValueError):
            return False
        return True

    def _free_name(self) -> Path:
        """For a file that is put aside: an earlier one may be there already."""
        number, name = 1, self.path.with_suffix(".broken")
        while name.exists():
            number += 1
            name = self.path.with_suffix(f".broken{number}")
        return name


def replace_json(path: Path, content: object) -> None:
    """Put a file in the place of another in one step, readable by its owner only. Raises OSError, ValueError."""
    text = json.dumps(content, indent=1)
    # mkstemp's files are for their owner only.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
