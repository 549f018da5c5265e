"""The file that takes what the worker and its libraries have to say, since the terminal belongs to the screen."""

from __future__ import annotations

import os
import time
from pathlib import Path

from mlaudit.config.places import log_dir, writable_dir

KEPT = 10
"""Log files of earlier sessions that stay."""
_PATTERN = "mlaudit-*.log"


def new_log_path(folder: Path | None = None) -> str:
    """An unused absolute path in ``folder`` (default: the user's log directory), which is made if need be.

    Where that directory cannot be written, a file in a private temporary one.
    """
    folder = log_dir() if folder is None else writable_dir(folder)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return str(folder / f"mlaudit-{stamp}-{os.getpid()}.log")


def open_log(path: str) -> int:
    """A file descriptor that appends to ``path``; only its owner may read it. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def delete_old_logs(path: str, kept: int = KEPT) -> None:
    """Delete the sessions' logs beside ``path`` but for it and the newest ``kept``. Never raises."""
    try:
        others = [p for p in Path(path).parent.glob(_PATTERN) if p != Path(path)]
        others.sort(key=lambda p: p.stat().st_mtime, reverse=True)
        for old in others[kept:]:
            old.unlink()
    except OSError:
        # Another session deletes the same files, or they belong to somebody else: they are no concern of this one.
        return
