"""Which of MLflow's tables and columns a database has, as SQLAlchemy tables of exactly those.

MLflow's schema had 67 revisions since 1.0 and will have more; the columns of the core tables hardly moved. So nothing
here looks at the revision: what a database has is used, and what it lacks reads as its default. Only what no run can
be listed without is required.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from mlaudit.domain.errors import NotAStore

T = TypeVar("T")
_TEXT, _LONG, _INT = sa.String(), sa.BigInteger(), sa.Integer()
_KEYED = {"key": _TEXT, "value": _TEXT}
_METRIC = {"run_uuid": _TEXT, "key": _TEXT, "value": sa.Float(53), "timestamp": _LONG, "step": _LONG}
_METRIC |= {"is_nan": sa.Boolean(create_constraint=False)}
_WORKSPACE = {"workspace": _TEXT}

WANTED: Mapping[str, Mapping[str, Any]] = {
    "experiments": {
        "experiment_id": _INT, "name": _TEXT, "artifact_location": _TEXT, "lifecycle_stage": _TEXT,
        "creation_time": _LONG, "last_update_time": _LONG, **_WORKSPACE,
    },
    "experiment_tags": {"experiment_id": _INT, **_KEYED},
    "runs": {
        "run_uuid": _TEXT, "experiment_id": _INT, "name": _TEXT, "user_id": _TEXT, "status": _TEXT,
        "start_time": _LONG, "end_time": _LONG, "lifecycle_stage": _TEXT, "artifact_uri": _TEXT,
    },
    "params": {"run_uuid": _TEXT, **_KEYED},
    "tags": {"run_uuid": _TEXT, **_KEYED},
    "metrics": _METRIC,
    "latest_metrics": _METRIC,
    "datasets": {
        "dataset_uuid": _TEXT, "name": _TEXT, "digest": _TEXT, "dataset_source_type": _TEXT, "dataset_source": _TEXT,
        "dataset_schema": _TEXT, "dataset_profile": _TEXT,
    },
    "inputs": {
        "input_uuid": _TEXT, "source_type": _TEXT, "source_id": _TEXT, "destination_type": _TEXT,
        "destination_id": _TEXT, "step": _LONG,
    },
    "input_tags": {"input_uuid": _TEXT, "name": _TEXT, "value": _TEXT},
    "logged_models": {
        "model_id": _TEXT, "name": _TEXT, "artifact_location": _TEXT, "creation_timestamp_ms": _LONG,
        "lifecycle_stage": _TEXT,
    },
    "registered_models": {
        "name": _TEXT, "description": _TEXT, "creation_time": _LONG, "last_updated_time": _LONG, **_WORKSPACE,
    },
    "registered_model_tags": {"name": _TEXT, **_KEYED, **_WORKSPACE},
    "registered_model_aliases": {"name": _TEXT, "alias": _TEXT, "version": _INT, **_WORKSPACE},
    "model_versions": {
        "name": _TEXT, "version": _INT, "current_stage": _TEXT, "run_id": _TEXT, "source": _TEXT, "status": _TEXT,
        "description": _TEXT, "user_id": _TEXT, "creation_time": _LONG, "last_updated_time": _LONG, **_WORKSPACE,
    },
    "model_version_tags": {"name": _TEXT, "version": _INT, **_KEYED, **_WORKSPACE},
}  # fmt: skip

_REQUIRED = {
    "experiments": {"experiment_id", "name"},
    "runs": {"run_uuid", "experiment_id"},
    "params": {"run_uuid", "key", "value"},
    "tags": {"run_uuid", "key", "value"},
    "metrics": {"run_uuid", "key", "value"},
}
DEFAULT_WORKSPACE = "default"


class Tables:
    """The tables of one schema. Two databases of the same schema share one, so that SQL is composed once."""

    def __init__(self, columns: Mapping[str, frozenset[str]]) -> None:
        self._once: dict[str, Any] = {}
        self._tables: dict[str, sa.Table] = {}
        metadata = sa.MetaData()
        for name, wanted in WANTED.items():
            found = columns.get(name, frozenset())
            if found:
                self._tables[name] = sa.Table(
                    name, metadata, *(sa.Column(c, kind) for c, kind in wanted.items() if c in found)
                )

    def has(self, table: str, *columns: str) -> bool:
        """Whether there is such a table with these columns."""
        return table in self._tables and all(c in self._tables[table].c for c in columns)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` makes for this schema, made once; ``name`` is its own."""
        if name not in self._once:
            self._once[name] = make()
        found: T = self._once[name]
        return found

    def __getitem__(self, table: str) -> sa.Table:
        """Raises KeyError where the database has none; ask :meth:`has` first unless it is a core table."""
        return self._tables[table]

    def columns(self, table: str, *names: str) -> list[Any]:
        """These columns for a SELECT, in this order; NULL where the schema has no such column."""
        there = self._tables[table].c
        return [there[n] if n in there else sa.null().label(n) for n in names]

    def in_workspace(self, table: str) -> Any:
        """The condition that a row belongs to the default workspace: true for schemas without workspaces."""
        if not self.has(table, "workspace"):
            return sa.true()
        column = self._tables[table].c.workspace
        return sa.or_(column == DEFAULT_WORKSPACE, column.is_(None))

    def latest_metrics(self, *, key: str | None = None, run_ids: Any = None) -> Any:
        """The latest values as something with the columns run_uuid, key, value and is_nan.

        Before ``latest_metrics`` came with MLflow 1.7 they are worked out from the history: that of the greatest
        (step, timestamp, value). ``key`` or ``run_ids`` say which are wanted.
        """
        table = self._tables.get("latest_metrics")
        source = self._tables["metrics"] if table is None else table
        where = [source.c.key == stored(key, source.c.key.type)] if key is not None else []
        where += [source.c.run_uuid.in_(run_ids)] if run_ids is not None else []
        if table is not None:
            return sa.select(source.c.run_uuid, source.c.key, source.c.value, is_nan(source)).where(*where).subquery()
        newest = [source.c[c].desc() for c in ("step", "timestamp", "value") if c in source.c]
        rank = sa.func.row_number().over(partition_by=[source.c.run_uuid, source.c.key], order_by=newest)
        ranked = sa.select(source.c.run_uuid, source.c.key, source.c.value, is_nan(source), rank.label("place"))
        inner = ranked.where(*where).subquery()
        return (
            sa.select(inner.c.run_uuid, inner.c.key, inner.c.value, inner.c.is_nan).where(inner.c.place == 1).subquery()
        )


def is_utf8(text: str) -> bool:
    """Whether a text that was read is one that a driver takes back; SQLite holds others as well."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def stored(value: Any, kind: Any) -> Any:
    """A value that was read, to compare a column of its kind with."""
    if isinstance(value, str) and not is_utf8(value):
        # SQLite let it through though it is not UTF-8; a driver does not take it back as text.
        return sa.cast(sa.literal(value.encode("utf-8", "surrogateescape"), sa.LargeBinary()), sa.Text())
    return sa.literal(value, kind)


def is_nan(metrics: sa.Table) -> Any:
    """Whether a metric's row stands for NaN, as a column of that name."""
    if "is_nan" in metrics.c:
        return metrics.c.is_nan
    return metrics.c.value.is_(None).label("is_nan")


@functools.lru_cache(maxsize=16)
def _tables(columns: frozenset[tuple[str, frozenset[str]]]) -> Tables:
    return Tables(dict(columns))


def tables_of(columns: Mapping[str, frozenset[str]], shown: str) -> Tables:
    """The tables for a database with these columns by table. Raises NotAStore when it cannot be MLflow's."""
    for table, needed in _REQUIRED.items():
        missing = sorted(needed - columns.get(table, frozenset()))
        if missing:
            raise NotAStore(shown, f"the database's tables are not MLflow's: {table} has no {', '.join(missing)}")
    return _tables(frozenset(columns.items()))
