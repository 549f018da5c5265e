"""A filter as a condition of SQL: the same comparisons that MLflow's SQL store makes, each as an EXISTS on its table.

MLflow joins a subquery a comparison, and SQLite then goes through all values of a key for each run. What it means is
kept: a comparison with a key that a run lacks is false, ``!=`` and ``NOT IN`` too; NaN fulfils ``!=`` only; LIKE
minds the case and ILIKE does not (on SQLite for ASCII letters only); a run's name is its tag ``mlflow.runName``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_tokens import NUMERIC_ATTRIBUTES
from mlaudit.domain.filters import Comparison, Terms
from mlaudit.gateway.convert import DATASET_CONTEXT_TAG, RUN_NAME_TAG
from mlaudit.gateway.sql_tables import Tables, is_nan

COLUMN_OF = {"run_id": "run_uuid", "run_name": "name"}
"""The column of ``runs`` for an attribute that is called otherwise there."""
_LARGEST = 2.0**63
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    "LIKE": lambda column, value: column.like(value),
    "ILIKE": lambda column, value: column.ilike(value),
    "IN": lambda column, value: column.in_(value),
    "NOT IN": lambda column, value: ~column.in_(value),
}


def compile_terms(tables: Tables, terms: Terms, expression: str) -> Any:
    """The condition that a row of ``runs`` fulfils one of the terms, all of whose comparisons hold.

    Raises FilterError for text that no database can hold.
    """
    if not all(terms):
        return sa.true()  # a term without comparisons holds for every run
    return sa.or_(*(sa.and_(sa.true(), *(_comparison(tables, c, expression) for c in term)) for term in terms))


def _comparison(tables: Tables, comparison: Comparison, expression: str) -> Any:
    key, operator, value = comparison.key, comparison.operator, comparison.value
    texts = [key, *(value if isinstance(value, tuple) else [value] if isinstance(value, str) else [])]
    if any(_UNSTORABLE.search(t) for t in texts):
        raise FilterError(expression, "no store holds text with such a character", comparison.start)
    if comparison.entity == "attribute" and key != "run_name":
        return _attribute(tables, key, operator, value)
    if comparison.entity == "dataset":
        return _dataset(tables, key, operator, value)
    runs = tables["runs"]
    if comparison.entity == "metric":
        return _metric(tables, key, operator, value)
    table = tables["params" if comparison.entity == "param" else "tags"]
    wanted = RUN_NAME_TAG if comparison.entity == "attribute" else key
    row = [table.c.run_uuid == runs.c.run_uuid, table.c.key == wanted]
    if operator in {"IS NULL", "IS NOT NULL"}:
        found = sa.exists().where(*row)
        return ~found if operator == "IS NULL" else found
    return sa.exists().where(*row, _COMPARE[operator](table.c.value, value))


def _attribute(tables: Tables, key: str, operator: str, value: Any) -> Any:
    name = COLUMN_OF.get(key, key)
    if not tables.has("runs", name):
        return sa.false()
    return _COMPARE[operator](tables["runs"].c[name], number(value) if key in NUMERIC_ATTRIBUTES else value)


def number(value: float) -> Any:
    """A number to compare a column of whole numbers with: bound as what it is, or PostgreSQL would round it."""
    if value.is_integer() and -_LARGEST <= value < _LARGEST:
        return int(value)
    return sa.literal(value, sa.Float(53))


def _metric(tables: Tables, key: str, operator: str, value: Any) -> Any:
    runs = tables["runs"]
    if tables.has("latest_metrics"):
        table: Any = tables["latest_metrics"]
        nan, where = is_nan(table), [table.c.key == key]
    else:
        table = tables.latest_metrics(key=key)
        nan, where = table.c.is_nan, []
    holds = _COMPARE[operator](table.c.value, float(value))
    # NaN is stored as 0 with a flag.
    holds = sa.or_(holds, nan == sa.true()) if operator == "!=" else sa.and_(holds, nan == sa.false())
    return sa.exists().where(table.c.run_uuid == runs.c.run_uuid, *where, holds)


def _dataset(tables: Tables, key: str, operator: str, value: Any) -> Any:
    if not (tables.has("datasets") and tables.has("inputs") and tables.has("input_tags")):
        return sa.false()
    datasets, inputs, tags = tables["datasets"], tables["inputs"], tables["input_tags"]
    row = [inputs.c.source_id == datasets.c.dataset_uuid, inputs.c.destination_id == tables["runs"].c.run_uuid]
    if key == "context":
        row += [tags.c.input_uuid == inputs.c.input_uuid, tags.c.name == DATASET_CONTEXT_TAG]
        return sa.exists().where(*row, _COMPARE[operator](tags.c.value, value))
    return sa.exists().where(*row, _COMPARE[operator](datasets.c[key], value))
