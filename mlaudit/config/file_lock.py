"""One writer at a time for a file that several mlaudits of one user may change."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 3.0
"""Seconds to wait for another mlaudit that writes the same file; it takes a few milliseconds."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes' ``locked(path)`` out. Makes the folder and a ``.lock`` file beside ``path``, which stays.

    Raises TimeoutError (an OSError) when another one has it for too long, OSError.
    """
    try:
        import fcntl
    except ImportError:
        # Windows: whoever writes last wins there.
        yield
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError(f"another mlaudit has had {path.name} locked for {PATIENCE:g} s") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(handle)
