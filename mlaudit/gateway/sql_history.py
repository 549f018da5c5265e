"""Metric histories out of rows, straight into arrays: a million points in the time that a million objects would take
alone.
"""

from __future__ import annotations

import math
from array import array
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.models import MetricHistory
from mlaudit.domain.text import clean
from mlaudit.gateway.sql_database import Reading
from mlaudit.gateway.sql_runs import number
from mlaudit.gateway.sql_tables import is_nan

_BATCH = 50_000


def whole(reading: Reading, run_id: str, key: str) -> MetricHistory:
    """All points by (step, timestamp, value), NaN before the values of the same moment."""
    metrics = reading.tables["metrics"]
    step, timestamp = (
        metrics.c[name] if reading.tables.has("metrics", name) else sa.literal(0, sa.BigInteger())
        for name in ("step", "timestamp")
    )
    nan = is_nan(metrics)
    query = sa.select(step, timestamp, metrics.c.value, nan).where(*_of(metrics, run_id, key))
    columns = [c for c in (step, timestamp) if isinstance(c, sa.Column)]
    steps, timestamps, values = array("q"), array("q"), array("d")
    order = [*columns, nan.desc(), metrics.c.value] if isinstance(nan, sa.Column) else [*columns, metrics.c.value]
    result = reading.connection.execution_options(yield_per=_BATCH).execute(query.order_by(*order))
    for rows in result.partitions():
        batch = list(zip(*rows, strict=True))
        steps.extend(map(int, batch[0]))
        timestamps.extend(map(int, batch[1]))
        values.extend(_values(batch[2], batch[3]))
    return MetricHistory(run_id, clean(key), steps, timestamps, values)


def _of(metrics: sa.Table, run_id: str, key: str) -> tuple[Any, Any]:
    return metrics.c.run_uuid == run_id, metrics.c.key == key


def _values(stored: Any, nan: Any) -> Any:
    if any(nan) or not all(type(v) is float for v in stored):
        return [math.nan if flag else number(value) for value, flag in zip(stored, nan, strict=True)]
    return stored
