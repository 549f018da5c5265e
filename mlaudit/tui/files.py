"""Files that the app writes where its user says: never over another one unasked, and never half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def place_problem(path: Path) -> str:
    """Why nothing can be written there, in words; empty where it can. Whether the file exists is another question."""
    if path.is_dir():
        return f"{path} is a directory"
    if not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    return ""


def write_file(path: Path, write: Callable[[BinaryIO], object], *, replace: bool = False) -> int:
    """Have ``write`` write the file; its size in bytes. What was there before stays until the new one is whole.

    A file that is replaced keeps its permissions. Raises FileExistsError unless ``replace``, OSError, and what
    ``write`` raises.
    """
    if replace:
        return _replace(path, write)
    with path.open("xb") as file:
        try:
            write(file)
            return file.tell()
        except BaseException:
            # The error is what matters, not that nothing could be cleaned up after it.
            with contextlib.suppress(OSError):
                path.unlink()
            raise


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> int:
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            size = file.tell()
        os.chmod(name, target.stat().st_mode & 0o777)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return size
