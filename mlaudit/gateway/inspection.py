"""A look at a store before MLflow gets it: MLflow would create, migrate or overwrite what it does not recognise.

Nothing here writes. Every refusal is one line that says what is there and what can be done.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from mlaudit.domain.errors import (
    MissingExtra,
    NotAStore,
    PermissionDenied,
    StoreError,
    StoreLocked,
    StoreUnavailable,
)
from mlaudit.domain.text import clean
from mlaudit.gateway import postgresql_uri, sqlite_file
from mlaudit.gateway.redaction import redact
from mlaudit.gateway.schema import CORE_TABLES

SQLITE_HEADER = b"SQLite format 3\x00"
LFS_HEADER = b"version https://git-lfs"


def check_sqlite(path: Path, shown: str) -> str | None:
    """That ``path`` is an MLflow database; returns its schema's revision, None where none is recorded.

    Raises NotAStore, StoreLocked, PermissionDenied.
    """
    header = _read_header(path, shown)
    access = sqlite_file.Access.QUIET if sqlite_file.says_wal(header) else sqlite_file.Access.LOCKING
    try:
        connection = sqlite_file.connect(path, access)
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            _check_tables(tables, shown)
            found = (
                connection.execute("SELECT version_num FROM alembic_version").fetchone()
                if ("alembic_version" in tables)
                else None
            )
        finally:
            connection.close()
    except sqlite3.Error as error:
        if "readonly" in str(error).lower():
            raise interrupted_writer(shown) from None
        raise sqlite_problem(error, shown) from None
    return clean(found[0]) if found else None


def interrupted_writer(shown: str) -> StoreError:
    """What SQLite means when a file that is only read "may not be written": a writer died half-way."""
    return StoreLocked(
        shown,
        "a program that wrote to this database was interrupted and left its -journal file; only one that may write"
        " can undo what was half done: let its owner open it once, or use mlaudit recover MODEL",
    )


def _read_header(path: Path, shown: str) -> bytes:
    try:
        if path.is_dir():
            raise NotAStore(shown, "is a directory, not a database file")
        header = sqlite_file.header(path)
    except (FileNotFoundError, NotADirectoryError):
        raise NotAStore(shown, "there is no such file; nothing was created") from None
    except PermissionError:
        raise PermissionDenied(shown, "this file may not be read") from None
    except (OSError, ValueError) as error:
        raise NotAStore(shown, f"cannot be read: {clean(error)}") from None
    if not header:
        raise NotAStore(shown, "the file is empty, no MLflow database")
    if header.startswith(LFS_HEADER):
        raise NotAStore(shown, "is a Git LFS pointer, not the database itself; fetch it with: git lfs pull")
    if not header.startswith(SQLITE_HEADER):
        raise NotAStore(shown, "is no SQLite database")
    return header


def _check_tables(tables: set[str], shown: str) -> None:
    if not tables:
        raise NotAStore(shown, "the database has no tables, so it is no MLflow store")
    if not tables >= CORE_TABLES:
        some = ", ".join(clean(t, max_length=40) for t in sorted(tables)[:4])
        more = ", ..." if len(tables) > 4 else ""
        raise NotAStore(shown, f"the database belongs to another program (its tables: {some}{more})")


def sqlite_problem(error: BaseException, shown: str) -> StoreError:
    """What an SQLite error means for the user."""
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return StoreLocked(shown, "the database is locked by another process; try again when it is done")
    if "malformed" in text or "not a database" in text or "truncated" in text:
        return NotAStore(shown, "the database file is damaged or encrypted")
    if "unable to open" in text:
        return PermissionDenied(shown, "the database cannot be opened; is its file gone or not readable?")
    if "readonly" in text or "read-only" in text:
        return PermissionDenied(shown, "the database may not be written: its file, or the directory that it lies in")
    if "disk i/o" in text:
        return StoreUnavailable(shown, "the disk reported an error while the database was read")
    return NotAStore(shown, f"SQLite says: {clean(redact(str(error)), max_length=200)}")


def check_files(root: Path, shown: str) -> None:
    """That ``root`` holds experiments as MLflow's file store keeps them. Raises NotAStore, PermissionDenied."""
    try:
        names = sorted(os.listdir(root))
    except FileNotFoundError:
        raise NotAStore(shown, "there is no such directory; nothing was created") from None
    except NotADirectoryError:
        raise NotAStore(shown, "is neither a directory nor an SQLite database") from None
    except PermissionError:
        raise PermissionDenied(shown, "this directory may not be read") from None
    except (OSError, ValueError) as error:
        raise NotAStore(shown, f"cannot be read: {clean(error)}") from None
    # One that may not be looked into does not hide the others.
    if any(os.path.isfile(root / name / "meta.yaml") for name in names if name not in {"models", ".trash"}):
        return
    closed = [name for name in names if _is_closed(root / name)]
    if closed:
        raise PermissionDenied(shown, f"its folders may not be read ({clean(closed[0], max_length=60)})")
    if "mlflow.db" in names:
        raise NotAStore(
            shown, f"holds no experiments, but an mlflow.db: name that, sqlite:///{clean(root / 'mlflow.db')}"
        )
    if any((root / "mlruns").glob("*/meta.yaml")):
        raise NotAStore(shown, f"holds no experiments itself, but {clean(root / 'mlruns')} does: name that")
    what = "holds no experiments (no folder with a meta.yaml)" if names else "is an empty directory"
    raise NotAStore(shown, f"{what}, so it is no MLflow store")


def closed_folders(root: Path) -> tuple[str, ...]:
    """A sentence where folders of a file store may not be read, and nothing in them is seen: empty for none."""
    try:
        closed = sorted(name for name in os.listdir(root) if _is_closed(root / name))
    except OSError:
        return ()
    if not closed:
        return ()
    folders = "1 folder" if len(closed) == 1 else f"{len(closed):,} folders"
    return (f"{folders} of this store may not be read and nothing of that is shown: {clean(closed[0], max_length=60)}",)


def _is_closed(folder: Path) -> bool:
    """Whether we may not look into it."""
    try:
        os.stat(folder / "meta.yaml")
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def check_postgresql(conninfo: str, shown: str) -> str | None:
    """That this PostgreSQL database is MLflow's; returns its schema's revision. ``conninfo`` is a libpq URI.

    Raises MissingExtra, NotAStore, StoreUnavailable, PermissionDenied.
    """
    try:
        import psycopg
    except ImportError:
        raise MissingExtra("psycopg", "postgres", "a PostgreSQL store") from None
    try:
        with psycopg.connect(postgresql_uri.looking(conninfo)) as connection:
            # to_regclass follows the search path, as MLflow's own queries do.
            tables = {t for t in (*CORE_TABLES, "alembic_version") if _has_table(connection, t)}
            if not tables >= CORE_TABLES:
                raise NotAStore(shown, "the database holds no MLflow tables; nothing was created")
            row = None
            if "alembic_version" in tables:
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.Error as error:
        raise postgresql_problem(error, shown) from None
    return clean(row[0]) if row else None


def _has_table(connection: Any, name: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
    return bool(row and row[0])


def postgresql_problem(error: BaseException, shown: str) -> StoreError:
    """What a PostgreSQL error means for the user."""
    text = clean(redact(" ".join(str(error).split())), max_length=300)
    lower = text.lower()
    if "password" in lower or "authentication" in lower or "permission denied" in lower or "no pg_hba" in lower:
        return PermissionDenied(shown, f"PostgreSQL refuses these credentials: {text}")
    if "does not exist" in lower and "database" in lower:
        return NotAStore(shown, "PostgreSQL has no such database; nothing was created")
    if "invalid" in lower and ("uri" in lower or "connection option" in lower or "dsn" in lower):
        return NotAStore(shown, f"PostgreSQL cannot read this address: {text}")
    if not any(kind.__name__ in {"OperationalError", "InterfaceError"} for kind in type(error).__mro__):
        return StoreError(shown, f"PostgreSQL rejects a query: {text}")
    return StoreUnavailable(shown, f"PostgreSQL does not answer: {text}")
