"""What a run's metrics came to, counted by the database: one question for all of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.metric_summary import MetricSummary
from mlaudit.domain.text import clean
from mlaudit.gateway.sql_database import Reading
from mlaudit.gateway.sql_tables import stored

_WIDEST = 2**62


def can_summarize(reading: Reading) -> bool:
    """Whether the schema has all that is needed; the oldest have no steps."""
    return reading.tables.has("metrics", "step", "is_nan")


def summaries(reading: Reading, run_id: str, key: str | None = None) -> dict[str, MetricSummary]:
    """Raw key -> summary, of one metric or of all that the run logged."""
    metrics = reading.tables["metrics"]
    value: Any = metrics.c.value
    usable = sa.and_(metrics.c.is_nan == sa.false(), sa.func.abs(value) < STORED_INFINITY)
    if not reading.postgresql:
        # Its columns may hold anything.
        usable = sa.and_(usable, sa.func.typeof(value).in_(("real", "integer")))
    wanted = [metrics.c.run_uuid == run_id]
    if key is not None:
        wanted.append(metrics.c.key == stored(key, metrics.c.key.type))
    chosen = sa.select(metrics.c.key, metrics.c.step, sa.case((usable, value)).label("value")).where(*wanted)
    # Ordered and not merged into the query around it, SQLite takes the run's index: for the sake of the grouping it
    # would take the one on the key, and read all runs' points.
    points = (chosen if reading.postgresql else chosen.order_by(metrics.c.step).limit(_WIDEST)).cte("points")
    ends = (
        sa.select(
            points.c.key,
            sa.func.count().label("points"),
            sa.func.count(points.c.value).label("finite"),
            sa.func.min(points.c.value).label("least"),
            sa.func.max(points.c.value).label("greatest"),
        )
        .group_by(points.c.key)
        .cte("ends")
    )
    steps = [sa.func.min(sa.case((points.c.value == end, points.c.step))) for end in (ends.c.least, ends.c.greatest)]
    columns = [ends.c.key, ends.c.points, ends.c.finite, ends.c.least, ends.c.greatest]
    query = sa.select(*columns, *steps).join_from(ends, points, points.c.key == ends.c.key).group_by(*columns)
    found: dict[str, MetricSummary] = {}
    for name, count, finite, least, greatest, first, last in reading.connection.execute(query):
        low = None if least is None else (float(least), int(first))
        high = None if greatest is None else (float(greatest), int(last))
        found[str(name)] = MetricSummary(clean(name), int(count), int(finite), low, high)
    return found
