"""One promotion at a time on a file store, whose writes are not atomic: the system's lock on a file in its root.

The file is there only while a promotion is under way. The lock ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlaudit.domain.errors import PromotionBusy, ReadOnly

FILE_NAME = ".mlaudit.lock"
PATIENCE = 30.0
"""Seconds to wait for another promotion to end."""
_STEP = 0.05


@contextmanager
def locked(
    root: Path,
    *,
    patience: float = PATIENCE,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the lock of the file store at ``root``. Raises PromotionBusy, ReadOnly where it cannot be locked."""
    try:
        import fcntl
    except ImportError:  # Windows
        raise ReadOnly("promotion", "a file store can be locked on Unix only; use a database or a server") from None
    path = root / FILE_NAME
    end = monotonic() + patience
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise ReadOnly("promotion", f"the file store cannot be locked ({error.strerror})") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            if monotonic() >= end:
                raise PromotionBusy("this file store", "another process holds its lock") from None
            sleep(_STEP)
            continue
        except OSError as error:
            os.close(descriptor)
            raise ReadOnly("promotion", f"the file store cannot be locked ({error.strerror})") from error
        if _is_at(path, descriptor):
            break
        # Whoever held it has taken the file away; the lock is on a file that nobody else will find.
        os.close(descriptor)
    try:
        yield
    finally:
        # While the lock is still held, so that nobody's file but this one is taken away.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there = os.stat(path)
    except OSError:
        return False
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
