"""The order of a search, and where in it a page ends.

A page's token holds the values by which its last run was sorted, not how many runs came before. The next page begins
after those, so a run that is added meanwhile neither pushes one onto the next page again nor hides one.

The order is MLflow's: numbers, then NaN, then runs without the key, in either direction; then newest first, then
run_id.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_match import Order
from mlaudit.gateway.convert import RUN_NAME_TAG
from mlaudit.gateway.sql_filter import COLUMN_OF
from mlaudit.gateway.sql_tables import Tables, stored


@dataclass(frozen=True, slots=True)
class Key:
    """One expression to sort by."""

    expression: Any
    ascending: bool = True

    @property
    def clause(self) -> Any:
        """For ORDER BY."""
        return self.expression.asc() if self.ascending else self.expression.desc()


@dataclass(frozen=True, slots=True)
class Ordering:
    """How runs are sorted: ``source`` is the table of runs with what must be joined for it."""

    source: Any
    keys: tuple[Key, ...]

    @property
    def expressions(self) -> list[Any]:
        """What a token holds, to be selected with each run."""
        return [k.expression.label(f"sort_{i}") for i, k in enumerate(self.keys)]

    @property
    def clauses(self) -> list[Any]:
        """For ORDER BY."""
        return [k.clause for k in self.keys]

    def after(self, values: Sequence[Any]) -> Any:
        """The condition that a run comes after the one with these sort values."""
        ways: list[Any] = []
        same: list[Any] = []
        for key, value in zip(self.keys, values, strict=True):
            if value is None:
                # A key that says whether there is a value stands before each that may have none, so all are NULL here.
                same.append(key.expression.is_(None))
                continue
            bound = stored(value, key.expression.type)
            ways.append(sa.and_(*same, key.expression > bound if key.ascending else key.expression < bound))
            same.append(key.expression == bound)
        return sa.or_(*ways)


def ordering(tables: Tables, orders: Sequence[Order], *, postgresql: bool) -> Ordering:
    """The ordering that ``orders`` ask for."""
    runs = tables["runs"]
    source: Any = runs
    keys: list[Key] = []
    for order in orders:
        if order.entity == "attribute":
            value = _attribute(tables, order.key)
            missing: Any = sa.case((value.is_(None), 1), else_=0)
        else:
            values = _values(tables, order)
            source = source.outerjoin(values, values.c.run_uuid == runs.c.run_uuid)
            value = values.c.value
            missing = sa.case((value.is_(None), 1), else_=0)
            if order.entity == "metric":
                missing = sa.case((values.c.is_nan == sa.true(), 1), (value.is_(None), 2), else_=0)
        keys += [Key(missing), Key(value, order.ascending)]
    if not any(o.entity == "attribute" and o.key == "start_time" for o in orders):
        started = _attribute(tables, "start_time")
        # Where a run has no start time, the databases differ, and MLflow leaves it to them.
        rank = sa.case((started.is_(None), 0 if postgresql else 1), else_=1 if postgresql else 0)
        keys += [Key(rank), Key(started, ascending=False)]
    return Ordering(source, (*keys, Key(runs.c.run_uuid)))


def _attribute(tables: Tables, key: str) -> Any:
    runs = tables["runs"]
    name = COLUMN_OF.get(key, key)
    if key == "run_name":
        # What MLflow 1 wrote has the name in a tag only; it is shown, so it is what is sorted by.
        tags = tables["tags"]
        tag = (
            sa.select(tags.c.value)
            .where(tags.c.run_uuid == runs.c.run_uuid, tags.c.key == RUN_NAME_TAG)
            .scalar_subquery()
        )
        return sa.func.coalesce(sa.func.nullif(runs.c.name, ""), tag) if tables.has("runs", "name") else tag
    return runs.c[name] if tables.has("runs", name) else sa.cast(sa.null(), sa.BigInteger())


def _values(tables: Tables, order: Order) -> Any:
    """The values of one key, with their run's id."""
    if order.entity == "metric":
        return tables.latest_metrics(key=order.key)
    table = tables["params" if order.entity == "param" else "tags"]
    of_key = table.c.key == stored(order.key, table.c.key.type)
    return sa.select(table.c.run_uuid, table.c.value).where(of_key).subquery()


def fingerprint(*parts: object) -> str:
    """Of a search, so that a token is used for no other."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def encode_token(search: str, values: Sequence[Any]) -> str:
    """The token of the page after the run with these sort values."""
    return base64.urlsafe_b64encode(json.dumps([search, list(values)]).encode()).decode()


def decode_token(token: str, search: str, count: int) -> list[Any]:
    """The sort values in a token. Raises FilterError for what is no token of this search."""
    try:
        found, values = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):
        found, values = "", []
    if found != search or not isinstance(values, list) or len(values) != count:
        raise FilterError(token, "this page token is not one of this search's")
    return values
