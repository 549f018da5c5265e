"""How an SQLite file is opened so that looking at it leaves no trace: no byte changed, no file made beside it.

A database with a rollback journal is opened with ``mode=ro`` and SQLite's own locks. One in WAL mode is harder:
SQLite then wants two files beside it (``-wal``, ``-shm``) and makes or changes them even to read. So it is read
without locks, with the index of its log kept in memory, and the caller looks afterwards whether somebody wrote
meanwhile (:func:`file_state`). Who finds that reads again and takes part in the locking: the files are there
then, and in use.

A log in which nothing is committed is not opened at all (:func:`holds_commit`): SQLite deletes such a one when its last
reader goes, and without locks each reader takes itself for the last. Whoever has it open then writes to a file that
nobody else sees, and loses all of it.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

LOCK_SECONDS = 2.0
"""How long a reader waits for a writer."""
HEADER_BYTES = 100
_VERSIONS = slice(18, 20)
_WAL = b"\x02\x02"
_LOG_HEADER = struct.Struct(">4I8s")
"""Of a log's 32 bytes the magic number, version, page size, number of checkpoints and salt; its checksum follows."""
_LOG_HEADER_BYTES = 32
_LOG_MAGIC = {0x377F0682, 0x377F0683}
_FRAME_HEADER = struct.Struct(">2I8s8x")
"""Before each page: its number, the database's size where it ends a transaction, the log's salt, a checksum."""
_HANDLES = 16
"""Database files that are kept open at once; a process of mlaudit's has one or two."""

_handles: OrderedDict[Path, int] = OrderedDict()
_opening = threading.Lock()


class Access(StrEnum):
    """How a database file is opened for reading."""

    LOCKING = "locking"
    """With SQLite's locks."""
    QUIET = "quiet"
    """In WAL mode, without locks and without touching the files beside it."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells that a file was written or replaced: two equal ones say that nothing happened between them."""

    device: int
    inode: int
    size: int
    modified: int
    log: bytes
    """The start of the write-ahead log, which changes when it is begun anew; empty without one."""

    @property
    def identity(self) -> tuple[int, int]:
        """Differs for another file of the same name."""
        return self.device, self.inode


def sqlite_uri(path: Path, options: str) -> str:
    """SQLite's own ``file:`` URI of a path, for ``sqlite3.connect(..., uri=True)``."""
    return f"file:{quote(str(path))}?{options}"


def header(path: Path) -> bytes:
    """The file's first 100 bytes, fewer where it is shorter. Raises OSError.

    Its handle is kept: on Unix, closing any handle on a file gives up all locks that the process holds on it, and with
    them SQLite's, while it writes.
    """
    if os.name != "posix":
        with path.open("rb") as file:
            return file.read(HEADER_BYTES)
    with _opening:
        known = _handles.get(path)
        if known is None or not os.path.samestat(os.fstat(known), os.stat(path)):
            # Who opens a pipe would wait for ever.
            opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            if known is not None:
                os.close(known)
            _handles[path] = known = opened
        _handles.move_to_end(path)
        while len(_handles) > _HANDLES:
            os.close(_handles.popitem(last=False)[1])
        return os.pread(known, HEADER_BYTES, 0)


def says_wal(start: bytes) -> bool:
    """Whether a file that begins so is a database in WAL mode."""
    return start[_VERSIONS] == _WAL


def in_wal_mode(path: Path) -> bool:
    """Whether the file's header says WAL. Raises OSError."""
    return says_wal(header(path))


def file_state(path: Path, *, wal: bool) -> FileState:
    """The file's state now. Raises OSError."""
    status = os.stat(path)
    log = b""
    if wal:
        try:
            with open(f"{path}-wal", "rb") as file:
                log = file.read(32)
        except FileNotFoundError:
            log = b""
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, log)


def holds_commit(path: Path) -> bool:
    """Whether there is a log beside the database that holds a whole transaction; also where it cannot be read."""
    try:
        with open(f"{path}-wal", "rb") as file:
            start = file.read(_LOG_HEADER_BYTES)
            if len(start) < _LOG_HEADER_BYTES:
                return False
            magic, _, page_bytes, _, salt = _LOG_HEADER.unpack_from(start)
            if magic not in _LOG_MAGIC:
                return False
            while len(frame := file.read(_FRAME_HEADER.size)) == _FRAME_HEADER.size:
                _, ends_with, of_log = _FRAME_HEADER.unpack(frame)
                if of_log != salt:
                    # What follows is left from before the log was begun anew.
                    return False
                if ends_with:
                    return True
                file.seek(page_bytes, os.SEEK_CUR)
    except FileNotFoundError:
        return False
    except OSError:
        # SQLite says what is wrong with it.
        return True
    return False


def connect(path: Path, access: Access, timeout: float = LOCK_SECONDS) -> sqlite3.Connection:
    """A connection in autocommit mode that cannot write. Raises sqlite3.Error."""
    if access is Access.LOCKING:
        options = "mode=ro"
    elif not holds_commit(path):
        # Everything is in the file itself.
        options = "mode=ro&immutable=1"
    elif os.name == "posix":
        options = "mode=ro&vfs=unix-none"
    else:
        options = "mode=ro"
    connection = sqlite3.connect(
        sqlite_uri(path, options), uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    if "unix-none" in options:
        # Exclusive is what makes SQLite keep the log's index in memory; there are no locks in this mode.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if sys.version_info >= (3, 12):
            # The log may have been begun anew since it was looked at.
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
    connection.execute("PRAGMA query_only = ON")
    return connection
