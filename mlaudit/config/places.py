"""Where mlaudit keeps files of its own on this machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def log_dir() -> Path:
    """The user's log directory for mlaudit, absolute, made if need be and closed to others.

    Where it cannot be written, a new private temporary directory.
    """
    import platformdirs

    return writable_dir(Path(platformdirs.user_log_dir("mlaudit", appauthor=False)))


def state_dir() -> Path:
    """Where mlaudit remembers what its user did, such as filters: absolute, not made here.

    ``MLAUDIT_STATE_DIR`` moves it.
    """
    chosen = os.environ.get("MLAUDIT_STATE_DIR")
    if chosen:
        return Path(chosen).absolute()
    import platformdirs

    return Path(platformdirs.user_state_dir("mlaudit", appauthor=False)).absolute()


def writable_dir(folder: Path) -> Path:
    """``folder``, absolute and made if need be; a new private temporary directory where that is not possible."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder.absolute()
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="mlaudit-log-"))
