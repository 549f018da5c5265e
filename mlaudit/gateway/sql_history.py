"""Metric histories out of rows, straight into arrays: a million points in a second, five as objects."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from itertools import islice
from operator import itemgetter, lt
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.models import MetricHistory
from mlaudit.domain.text import clean
from mlaudit.gateway.sql_database import Reading
from mlaudit.gateway.sql_runs import number
from mlaudit.gateway.sql_tables import is_nan, stored

_BATCH = 50_000


def whole(reading: Reading, run_id: str, key: str) -> MetricHistory:
    """All points by (step, timestamp, value), NaN before the values of the same moment."""
    metrics = reading.tables["metrics"]
    step, timestamp = (
        metrics.c[name] if reading.tables.has("metrics", name) else sa.literal(0, sa.BigInteger())
        for name in ("step", "timestamp")
    )
    query = sa.select(step, timestamp, metrics.c.value, is_nan(metrics)).where(
        metrics.c.run_uuid == run_id, metrics.c.key == stored(key, metrics.c.key.type)
    )
    if isinstance(step, sa.Column):
        # By the step alone: asked for more, SQLite leaves the index on the run for the one on the key, and reads all
        # runs' points.
        query = query.order_by(step)
    steps, timestamps, values = array("q"), array("q"), array("d")
    result = reading.connection.execute(query)
    # The driver's own cursor: SQLAlchemy's rows would cost more than reading does.
    cursor: Any = result.cursor
    while rows := cursor.fetchmany(_BATCH):
        of_step, of_time, of_value, nan = zip(*rows, strict=True)
        steps.extend(of_step)
        timestamps.extend(of_time)
        values.extend(_values(of_value, nan))
    result.close()
    _put_in_order(steps, timestamps, values)
    return MetricHistory(run_id, clean(key), steps, timestamps, values)


def _put_in_order(steps: array[int], timestamps: array[int], values: array[float]) -> None:
    """Order by timestamp and value where several points have the same step, in place."""
    if all(map(lt, steps, islice(steps, 1, None))):
        return
    start = 0
    for end in range(1, len(steps) + 1):
        if end < len(steps) and steps[end] == steps[start]:
            continue
        if end - start > 1:
            points = [(timestamps[i], not math.isnan(values[i]), values[i]) for i in range(start, end)]
            # NaN compares as neither less nor greater, which would leave its neighbours unsorted.
            points.sort(key=lambda p: (p[0], p[1], p[2] if p[1] else 0.0))
            timestamps[start:end] = array("q", map(itemgetter(0), points))
            values[start:end] = array("d", map(itemgetter(2), points))
        start = end


def _values(stored: Sequence[Any], nan: Sequence[Any]) -> Sequence[float]:
    if any(nan) or not set(map(type, stored)) <= {float, int}:
        return [math.nan if flag else number(value) for value, flag in zip(stored, nan, strict=True)]
    return stored
