"""The first page of an order without sorting all runs: no index of MLflow's has runs by time, or values by size.

A database that sorts 100,000 runs by all keys of an order carries all of them through its sorter. So first only the
order's leading value is looked at, for the bound that as many runs reach as are wanted; then the search goes over those
alone. What is found is exactly the start of the order, ties included, since every run that is left out comes after the
bound. Where fewer are found than wanted, because other experiments have the best values, it goes over more, or all.

On SQLite with 100,000 runs this made the first page by start time 2.5 times as fast, and by a metric 4 times. Searches
with a filter are left as they were: one that few runs fulfil took a third longer, one of eight runs a third less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from mlaudit.domain.filter_match import Order
from mlaudit.gateway.sql_database import Reading
from mlaudit.gateway.sql_filter import COLUMN_OF
from mlaudit.gateway.sql_tables import stored

_WIDEST = 16
"""Runs that are looked at before it is all of them, by how many are wanted."""
_SPARE = 1.5
"""More than seem to be needed."""
_FREQUENT = 16
"""One row in so many: SQLite finds the values of rarer keys faster by the index, others by going through the table."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The values that an order begins with: those of a column of ``runs``, or of one key in another table."""

    column: Any
    ascending: bool
    missing_first: bool = False
    """Whether runs without a value come before all others."""
    rows: tuple[Any, ...] | None = None
    """Which rows of another table have the values; None for those of ``runs`` itself."""

    def bound(self, reading: Reading, place: int, inside: Any) -> Any:
        """The value at this place (from 1) of the order; None where there are fewer. ``inside``: of which runs."""
        where = self.column.is_not(None), *([inside] if self.rows is None else self.rows)
        best = self.column.asc() if self.ascending else self.column.desc()
        query = sa.select(self.column).where(*where).order_by(best).limit(1).offset(place - 1)
        return reading.connection.execute(query).scalar()

    def reaching(self, reading: Reading, bound: Any) -> Any:
        """The condition that a run's value reaches the bound, or that it comes before all values."""
        value = stored(bound, self.column.type)
        reaches = self.column <= value if self.ascending else self.column >= value
        if self.rows is not None:
            there = sa.select(self.column.table.c.run_uuid).where(*self.rows, reaches)
            return reading.tables["runs"].c.run_uuid.in_(there)
        return sa.or_(reaches, self.column.is_(None)) if self.missing_first else reaches


def lead_of(reading: Reading, orders: Sequence[Order]) -> Lead | None:
    """What these orders begin with; None where it is no column of a table."""
    tables = reading.tables
    if not orders:
        # The default order, in which PostgreSQL puts runs without a start time first.
        started = tables["runs"].c.get("start_time")
        return None if started is None else Lead(started, ascending=False, missing_first=reading.postgresql)
    first = orders[0]
    if first.entity == "attribute":
        column = tables["runs"].c.get(COLUMN_OF.get(first.key, first.key))
        return None if column is None or first.key == "run_name" else Lead(column, first.ascending)
    name = {"metric": "latest_metrics", "param": "params", "tag": "tags"}[first.entity]
    if not tables.has(name):
        return None
    table = tables[name]
    numbers = [table.c.is_nan.is_not(sa.true())] if first.entity == "metric" and "is_nan" in table.c else []
    return Lead(table.c.value, first.ascending, rows=(_of_key(reading, table, first.key), *numbers))


def _of_key(reading: Reading, table: sa.Table, key: str) -> Any:
    """The condition that a row is of this key, so that SQLite goes the shorter way to all of them."""
    wanted = stored(key, table.c.key.type)
    is_it = table.c.key == wanted
    if reading.postgresql:
        return is_it
    having = reading.connection.execute(sa.select(sa.func.count()).select_from(table).where(is_it)).scalar_one()
    rows = reading.connection.execute(sa.select(sa.func.max(sa.literal_column("rowid"))).select_from(table)).scalar()
    if having * _FREQUENT < (rows or 0):
        return is_it
    # SQLite keeps no count of a key's rows: it would take the index and look each of them up behind it.
    return UnaryExpression(table.c.key, operator=custom_op("+")) == wanted


def first_rows(
    reading: Reading, lead: Lead | None, wanted: int, inside: Any, search: Callable[[Any], list[Any]]
) -> list[Any]:
    """The first ``wanted`` rows of a search over all runs ``inside``, or all where there are fewer.

    ``search`` gives at most so many, in order, of those that fulfil a further condition.
    """
    reach, most = wanted, wanted * _WIDEST
    while lead is not None and reach <= most:
        bound = lead.bound(reading, reach, inside)
        if bound is None:
            break
        found = search(lead.reaching(reading, bound))
        if len(found) >= wanted:
            return found
        if not found:
            break
        reach = max(reach + 1, int(reach * wanted / len(found) * _SPARE))
    return search(sa.true())
