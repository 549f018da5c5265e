"""Metric histories out of rows, straight into arrays: a million points in a second, five as objects."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from operator import itemgetter, lt
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.models import MetricHistory, MetricPoint
from mlaudit.domain.text import clean
from mlaudit.gateway.sql_database import Reading
from mlaudit.gateway.sql_runs import number
from mlaudit.gateway.sql_tables import is_nan

_BATCH = 50_000
_WIDEST = 2**62


def whole(reading: Reading, run_id: str, key: str) -> MetricHistory:
    """All points by (step, timestamp, value), NaN before the values of the same moment."""
    metrics = reading.tables["metrics"]
    step, timestamp = (
        metrics.c[name] if reading.tables.has("metrics", name) else sa.literal(0, sa.BigInteger())
        for name in ("step", "timestamp")
    )
    query = sa.select(step, timestamp, metrics.c.value, is_nan(metrics)).where(
        metrics.c.run_uuid == run_id, metrics.c.key == key
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
        of_step, of_time, stored, nan = zip(*rows, strict=True)
        steps.extend(of_step)
        timestamps.extend(of_time)
        values.extend(_values(stored, nan))
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


def thinned(reading: Reading, run_id: str, key: str, most: int) -> MetricHistory:
    """The history if it has at most ``most`` points; else of each of some equal stretches the least, the greatest and
    a NaN, and the first and last point of all: a spike of one point stays, wherever it is."""
    if not reading.tables.has("metrics", "step", "timestamp", "is_nan"):
        return whole(reading, run_id, key)
    metrics = reading.tables["metrics"]
    in_order = (
        sa.select(metrics.c.step, metrics.c.timestamp, metrics.c.value, metrics.c.is_nan)
        .where(metrics.c.run_uuid == run_id, metrics.c.key == key)
        .order_by(metrics.c.step)
    )
    # Ordered by the step, and not merged into the query around it, SQLite takes the run's index (see whole()).
    points = (in_order.order_by(None) if reading.postgresql else in_order.limit(_WIDEST)).subquery()
    ends = [f(points.c[name]) for name in ("step", "timestamp") for f in (sa.func.min, sa.func.max)]
    count, low, high, *times = reading.connection.execute(sa.select(sa.func.count(), *ends).select_from(points)).one()
    axis = points.c.step
    if low == high:
        axis, (low, high) = points.c.timestamp, times  # logged without steps
    if count <= most or high - low >= _WIDEST:
        return whole(reading, run_id, key)
    # Three points a stretch, and the two ends.
    width = (high - low) // max((most - 2) // 3, 1) + 1
    stretch = sa.cast(axis - low, sa.BigInteger).op("/")(sa.literal(width, sa.BigInteger))
    last = in_order.order_by(None).order_by(metrics.c.step.desc()).limit(1)
    queries = [*_extremes(points, stretch, postgresql=reading.postgresql), in_order.limit(1), last]
    chosen = {point for query in queries for point in _points(reading, query)}
    history = MetricHistory.from_points(run_id, clean(key), list(chosen))
    return replace(history, sampled=True, total=count)


def _extremes(points: Any, stretch: Any, *, postgresql: bool) -> list[Any]:
    """Queries for the least, the greatest and a NaN of each stretch, as (step, timestamp, value, is_nan)."""
    step, timestamp, value, is_not = points.c.step, points.c.timestamp, points.c.value, points.c.is_nan
    numbers, nan = is_not == sa.false(), is_not == sa.true()
    if postgresql:
        picked = sa.select(step, timestamp, value, is_not).distinct(stretch)
        return [
            picked.where(numbers).order_by(stretch, value),
            picked.where(numbers).order_by(stretch, value.desc()),
            picked.where(nan).order_by(stretch, step),
        ]
    # SQLite takes the other columns from the row that has the least or the greatest.
    return [
        sa.select(step, timestamp, sa.func.min(value), is_not).where(numbers).group_by(stretch),
        sa.select(step, timestamp, sa.func.max(value), is_not).where(numbers).group_by(stretch),
        sa.select(sa.func.min(step), timestamp, value, is_not).where(nan).group_by(stretch),
    ]


def _points(reading: Reading, query: Any) -> list[MetricPoint]:
    return [
        MetricPoint(int(step), int(timestamp), math.nan if nan else number(value))
        for step, timestamp, value, nan in reading.connection.execute(query)
    ]
