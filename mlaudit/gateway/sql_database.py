"""A database to look at: opened read-only, asked within one consistent transaction, its errors in mlaudit's words.

SQLite gets a connection of its own for each question. That costs a third of a millisecond, and no page of a file that
was replaced meanwhile can be mixed with the new one's. Whether it was replaced or written past SQLite's locks during
the question is looked at afterwards; then the question is asked again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from mlaudit.domain.errors import MlauditError, NotAStore, PermissionDenied, StoreError, StoreUnavailable
from mlaudit.gateway import faults, inspection, postgresql_uri, sqlite_file
from mlaudit.gateway.sql_tables import WANTED, Tables, tables_of
from mlaudit.gateway.sqlite_file import Access, FileState

log = logging.getLogger(__name__)

T = TypeVar("T")
_ATTEMPTS = 3
CHUNK = 900
"""Ids a query: SQLite's oldest limit is 999 parameters."""
_IDS_MARK = "__[POSTCOMPILE_ids]"

_SQLITE_COLUMNS = (
    "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
    f" WHERE m.type = 'table' AND m.name IN ({', '.join(repr(t) for t in WANTED)})"
)
_POSTGRESQL_COLUMNS = (
    # to_regclass follows the search path, as MLflow's own queries do.
    "SELECT t.name, a.attname FROM unnest(CAST(:names AS text[])) AS t(name)"
    " JOIN pg_attribute a ON a.attrelid = to_regclass(quote_ident(t.name)) AND a.attnum > 0 AND NOT a.attisdropped"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One transaction on a database."""

    connection: sa.Connection
    tables: Tables

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, else SQLite."""
        return self.connection.dialect.name == "postgresql"

    def rows(self, query: Any) -> list[Any]:
        """All rows as the driver's own tuples: SQLAlchemy's rows around them cost more than reading them does."""
        cursor: Any = self.connection.execute(query).cursor
        found: list[Any] = cursor.fetchall()
        return found

    def rows_of(self, name: str, query: Callable[[], Any], ids: Sequence[str]) -> list[Any]:
        """The same of a query with the expanding parameter ``ids``, of which there may be any number.

        ``name`` is the same for the same query. From SQLite, rows come by parts of :data:`CHUNK` ids.

        It is composed once for all databases of this schema, and the ids are put in here: SQLAlchemy takes longer to
        write down hundreds of parameters with their names than SQLite or PostgreSQL to look them all up.
        """
        if not ids:
            return []
        dialect = self.connection.dialect
        if self.postgresql:
            text, others = self.tables.once(
                f"{name}, PostgreSQL", lambda: _with_array(query().compile(dialect=dialect))
            )
            answer: Any = self.connection.exec_driver_sql(text, {**others, "ids": _array(ids)}).cursor
            return cast(list[Any], answer.fetchall())
        before, after, first, last = self.tables.once(
            f"{name}, SQLite", lambda: _around_ids(query().compile(dialect=dialect))
        )
        cursor: Any = self.connection.connection.cursor()
        found: list[Any] = []
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            found += cursor.execute(f"{before}{', '.join('?' * len(chunk))}{after}", [*first, *chunk, *last])
        return found


def _around_ids(compiled: Any) -> tuple[str, str, list[Any], list[Any]]:
    """A query for SQLite: its text before and after the marks of the ids, and its other arguments likewise."""
    before, _, after = compiled.string.partition(_IDS_MARK)
    names = list(compiled.positiontup)
    values = [compiled.params[name] for name in names]
    place = names.index("ids")
    return before, after, values[:place], values[place + 1 :]


def _with_array(compiled: Any) -> tuple[str, dict[str, Any]]:
    """A query for PostgreSQL: its text with the ids as one array, and its other arguments."""
    text = compiled.string.replace(f"IN ({_IDS_MARK})", "= ANY(CAST(%(ids)s AS text[]))")
    return text, {name: value for name, value in compiled.params.items() if name != "ids"}


def _array(texts: Sequence[str]) -> str:
    """An array as PostgreSQL writes it: a driver goes through a list text by text, which takes ten times as long."""
    joined = "".join(texts)
    if "\\" in joined or '"' in joined:
        texts = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return '{"' + '","'.join(texts) + '"}'


class Database(Protocol):
    """Something that answers questions in read-only transactions."""

    shown: str
    """Redacted URI."""
    name: str
    """SQLite or PostgreSQL."""

    @property
    def identity(self) -> object:
        """Another value says that the database was replaced by another."""
        ...

    def share(self) -> None:
        """To be called before this process writes to the database by other means."""
        ...

    def ask(self, question: Callable[[Reading], T]) -> T:
        """The answer; ``question`` may be called again when the database moved under it. Raises StoreError."""
        ...


class _Moved(Exception):
    """The file was written or replaced while it was read."""


class SqliteDatabase:
    """An SQLite file. Thread-safe."""

    name = "SQLite"

    def __init__(self, path: Path, shown: str) -> None:
        """Looks at the file's header. Raises NotAStore, PermissionDenied."""
        self.shown = shown
        self._path = path
        self._shared = False
        self._lenient = False
        self._guard = threading.Lock()
        # Made anew for each question; SQLAlchemy's part in it is the SQL.
        self._engines = {
            access: sa.create_engine("sqlite://", poolclass=NullPool, creator=partial(self._connect, access))
            for access in Access
        }
        self._wal = False
        self._identity: tuple[int, int] | None = None
        self._seen: FileState | None = None
        self._look()

    def share(self) -> None:
        """From now on this process also writes to the file: take part in SQLite's locking.

        Closing a handle that SQLite does not know gives up all locks that the process holds on the file.
        """
        self._shared = True

    def ask(self, question: Callable[[Reading], T]) -> T:
        """See :class:`Database`."""
        for attempt in range(_ATTEMPTS):
            try:
                return self._ask(question, last=attempt == _ATTEMPTS - 1)
            except _Moved:
                log.info("%s moved while it was read", self.shown)
        raise StoreUnavailable(
            self.shown, "the file keeps being rewritten while it is read; try again when that is done"
        )

    def _ask(self, question: Callable[[Reading], T], *, last: bool) -> T:
        self._look()
        # Who wrote to a WAL database meanwhile is there still: the last attempt goes by SQLite's locks.
        quiet = self._wal and not self._shared and not last
        access = Access.QUIET if quiet else Access.LOCKING
        before, after = self._state() if quiet else None, None
        lenient = self._lenient
        try:
            with self._engines[access].connect() as connection:
                connection.exec_driver_sql("BEGIN")
                tables = self._read_tables(connection)
                # Here, since only now SQLite holds its lock on the file.
                before = before or self._state()
                answer = question(Reading(connection, tables))
                # Before SQLite gives its lock up: whoever keeps to the locks and writes after that moved nothing.
                after = self._state()
                connection.exec_driver_sql("ROLLBACK")
        except MlauditError:
            raise
        except Exception as error:
            if not lenient and "could not decode" in str(error).lower():
                # Text that is no UTF-8. From now on it is let through, and made printable like any other.
                self._lenient = True
                return self._ask(question, last=last)
            if before is not None and (quiet or not self._wal) and self._has_moved(before):
                raise _Moved from error
            raise self._problem(error) from error
        if (quiet or not self._wal) and after != before:
            raise _Moved
        return answer

    def _look(self) -> None:
        """Notice another file of the same name, or another journal mode. Raises NotAStore, PermissionDenied."""
        with self._guard:
            state = self._state()
            if state == self._seen:
                return
            try:
                self._wal = sqlite_file.in_wal_mode(self._path)
            except OSError as error:
                raise self._problem(error) from error
            self._identity = state.identity
            self._seen = state

    @property
    def identity(self) -> object:
        """See :class:`Database`."""
        return self._identity

    def _state(self) -> FileState:
        try:
            return sqlite_file.file_state(self._path, wal=self._wal)
        except OSError as error:
            raise self._problem(error) from error

    def _has_moved(self, before: FileState) -> bool:
        return self._state() != before

    def _connect(self, access: Access) -> sqlite3.Connection:
        connection = sqlite_file.connect(self._path, access)
        # MLflow's own setting: LIKE minds the case.
        connection.execute("PRAGMA case_sensitive_like = ON")
        if self._lenient:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return connection

    def _read_tables(self, connection: sa.Connection) -> Tables:
        return tables_of(_by_table(connection.exec_driver_sql(_SQLITE_COLUMNS)), self.shown)

    def _problem(self, error: BaseException) -> StoreError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return NotAStore(self.shown, "the database file is gone")
        if isinstance(error, PermissionError):
            return PermissionDenied(self.shown, "the database file may not be read")
        text = str(error).lower()
        if "readonly" in text or "read-only" in text:
            return inspection.interrupted_writer(self.shown)
        return faults.classify(error, self.shown)


class PostgresDatabase:
    """A PostgreSQL database. Thread-safe; keeps a few connections."""

    name = "PostgreSQL"

    def __init__(self, uri: str, shown: str) -> None:
        """Does not connect yet."""
        self.shown = shown
        self._engine = sa.create_engine(
            postgresql_uri.looking(uri),
            pool_size=2,
            max_overflow=6,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
        )
        self._tables: Tables | None = None

    @property
    def identity(self) -> object:
        """See :class:`Database`; a server's database is taken for the same as long as it has its name."""
        return self.shown

    def share(self) -> None:
        """Nothing to mind: a server keeps readers and writers apart."""

    def ask(self, question: Callable[[Reading], T]) -> T:
        """See :class:`Database`."""
        with faults.translated(self.shown):
            known = self._tables
            try:
                return self._ask(question)
            except sa.exc.ProgrammingError:
                # The schema was migrated since it was looked at.
                if known is None:
                    raise
                self._tables = None
                return self._ask(question)

    def _ask(self, question: Callable[[Reading], T]) -> T:
        with self._engine.connect() as connection:
            tables = self._tables
            if tables is None:
                found = connection.execute(sa.text(_POSTGRESQL_COLUMNS), {"names": list(WANTED)})
                tables = self._tables = tables_of(_by_table(found), self.shown)
            return question(Reading(connection, tables))


def _by_table(rows: Any) -> Mapping[str, frozenset[str]]:
    """Columns by table, from rows of (table, column); only those that mlaudit reads."""
    found: dict[str, set[str]] = {}
    for table, column in rows:
        if column in WANTED[table]:
            found.setdefault(table, set()).add(column)
    return {table: frozenset(columns) for table, columns in found.items()}
