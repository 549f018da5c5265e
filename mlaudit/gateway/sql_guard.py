"""Makes the database itself refuse a write while mlaudit only looks.

Reading and writing go through different URIs, since MLflow keeps one engine a URI. A SQLite reader opens the file with
``mode=ro`` and ``PRAGMA query_only``, a writer with ``mode=rw``, so that neither can create it. A PostgreSQL reader's
transactions are read-only. SQLAlchemy composes and parses the URIs here, as its versions quote paths differently.
"""

from __future__ import annotations

import atexit
import functools
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import Engine

from mlaudit.gateway import postgresql_uri, sqlite_file

_LOOK = "mlaudit=look"
_BUSY_MILLISECONDS = 3000


def sqlite_reader(path: Path) -> str:
    """The URI with which MLflow reads this database and cannot change it."""
    _install()
    # mode=ro on a database in WAL mode leaves its two side files behind, a read-write handle removes them on closing.
    # Where they lie there already, another program uses them, or left changes in them that are not ours to merge.
    mode = "rw" if sqlite_file.in_wal_mode(path) and not Path(f"{path}-wal").exists() else "ro"
    return _sqlite(path, {"mode": mode, "mlaudit": "look"})


def sqlite_writer(path: Path) -> str:
    """The URI with which MLflow writes to this database, never creating it."""
    _install()
    return _sqlite(path, {"mode": "rw"})


def _sqlite(path: Path, options: dict[str, str]) -> str:
    database = f"file:{quote(str(path))}"
    url = sqlalchemy.URL.create("sqlite+pysqlite", database=database, query={**options, "uri": "true"})
    text = url.render_as_string(hide_password=False)
    if sqlalchemy.make_url(text).database != database:
        # A path that is read back differently would open, or create, another file.
        raise ValueError(f"SQLAlchemy {sqlalchemy.__version__} cannot express the path {path}")
    return text


def postgresql_reader(uri: str) -> str:
    """The URI with which MLflow reads this database in transactions that PostgreSQL keeps read-only."""
    return sqlalchemy.make_url(postgresql_uri.looking(uri)).render_as_string(hide_password=False)


def postgresql_writer(uri: str) -> str:
    """The URI with which MLflow writes to this database."""
    url = sqlalchemy.make_url(postgresql_uri.patient(uri)).update_query_dict({"application_name": "mlaudit"})
    return url.render_as_string(hide_password=False)


def dispose(uri: str) -> None:
    """Close the connections that MLflow keeps for ``uri``, if it has any."""
    for engine in _engines.pop(uri, []):
        engine.dispose()


def _dispose_all() -> None:
    for uri in tuple(_engines):
        dispose(uri)


_engines: dict[str, list[Engine]] = {}


@functools.cache
def _install() -> None:
    """Watch every connection of this process; only those that are to look are changed."""
    # The last handle on a database in WAL mode takes the two side files away, if it is closed properly.
    atexit.register(_dispose_all)
    event.listen(Engine, "do_connect", _connect)
    event.listen(Engine, "before_cursor_execute", _shorten_wait, retval=True)
    event.listen(Engine, "engine_connect", _remember)


def _connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
    """A connection that refuses writes where the URI says so; None leaves connecting to SQLAlchemy."""
    if dialect.name != "sqlite" or not arguments or _LOOK not in str(arguments[0]):
        return None
    connection = dialect.connect(*arguments, **options)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _shorten_wait(
    connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    """MLflow waits 20 s for a locked database; who looks at a screen is told sooner."""
    if "busy_timeout" in statement and connection.engine.url.query.get("mlaudit") == "look":
        statement = f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS};"
    return statement, parameters


def _remember(connection: Any) -> None:
    uri = connection.engine.url.render_as_string(hide_password=False)
    known = _engines.setdefault(uri, [])
    if connection.engine not in known:
        known.append(connection.engine)
