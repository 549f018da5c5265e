"""A long history as the least and the greatest of each of some equal stretches: a spike of one point stays, wherever
it is, and a million points cost half a second of CPU.

Measured on SQLite with a million points, CPU: all of them read 1.4 s, two GROUP BY over them 1.1 s since SQLite sorts
them each time, and 0.4 s when each stretch is asked for by itself along the index on (run, key, step) that MLflow's
schema has had since 2024. Where there is no such index the GROUP BY does it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.operators import custom_op

from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.models import MetricHistory, MetricPoint
from mlaudit.domain.text import clean
from mlaudit.gateway import sql_history
from mlaudit.gateway.sql_database import Reading
from mlaudit.gateway.sql_runs import number
from mlaudit.gateway.sql_tables import is_utf8, stored

_WIDEST = 2**62
_INDEX = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = 'index_metrics_run_uuid_key_step'"
_OF_STRETCH = "FROM metrics WHERE run_uuid = ? AND key = ? AND step BETWEEN ? AND ? AND"
_FINITE = f"is_nan = 0 AND value > {-STORED_INFINITY!r} AND value < {STORED_INFINITY!r}"
_LEAST, _GREATEST = (f"SELECT step, timestamp, {f}(value), 0, count(*) {_OF_STRETCH} {_FINITE}" for f in ("min", "max"))
_NOT_FINITE = f"SELECT min(step), timestamp, value, is_nan {_OF_STRETCH} NOT ({_FINITE})"


@dataclass(frozen=True, slots=True)
class _Extent:
    """What there is of a history."""

    count: int
    low: int
    high: int
    """Along the axis."""
    on_time: bool
    """Whether the axis is time: it was logged without steps."""


def thinned(reading: Reading, run_id: str, key: str, most: int) -> MetricHistory:
    """The history if it has at most ``most`` points; else of each stretch the least and the greatest finite point and
    the first that is not finite, and the first and last point of all."""
    if not reading.tables.has("metrics", "step", "timestamp", "is_nan"):
        return sql_history.whole(reading, run_id, key)
    metrics = reading.tables["metrics"]
    # Without the index on the step, SQLite would take the one on the key alone, and read all runs' points.
    indexed = reading.postgresql or reading.connection.exec_driver_sql(_INDEX).first() is not None
    of_key: Any = metrics.c.key if indexed else sa.UnaryExpression(metrics.c.key, operator=custom_op("+"))
    ours = sa.and_(metrics.c.run_uuid == run_id, of_key == stored(key, metrics.c.key.type))
    extent = _extent(reading, ours)
    if extent.count <= most or extent.high - extent.low >= _WIDEST:
        return sql_history.whole(reading, run_id, key)
    # Three points a stretch, and the two ends.
    width = (extent.high - extent.low) // max((most - 2) // 3, 1) + 1
    if indexed and not reading.postgresql and not extent.on_time and is_utf8(key):
        chosen, finite = _along_the_index(reading, (run_id, key), extent, width)
    else:
        chosen, finite = _grouped(reading, ours, extent, width)
    chosen |= set(_ends(reading, ours, extent))
    history = MetricHistory.from_points(run_id, clean(key), list(chosen))
    return MetricHistory(
        history.run_id,
        history.key,
        history.steps,
        history.timestamps,
        history.values,
        sampled=True,
        total=extent.count,
        each=round(extent.count / ((extent.high - extent.low) // width + 1)),
        not_finite=extent.count - finite,
    )


def _extent(reading: Reading, ours: Any) -> _Extent:
    metrics = reading.tables["metrics"]

    def ends(column: Any) -> list[Any]:
        # Each by a query of its own: an end alone is looked up in the index.
        wanted = sa.func.count(), sa.func.min(column), sa.func.max(column)
        return [reading.connection.execute(sa.select(one).where(ours)).scalar() for one in wanted]

    count, low, high = ends(metrics.c.step)
    if not count or low != high:
        return _Extent(count, low or 0, high or 0, on_time=False)
    count, low, high = ends(metrics.c.timestamp)
    return _Extent(count, low, high, on_time=True)


def _along_the_index(
    reading: Reading, of: tuple[str, str], extent: _Extent, width: int
) -> tuple[set[MetricPoint], int]:
    """The points of all stretches, and how many of all points are finite; SQLite with the index on the step."""
    # The driver's own cursor: for thousands of small questions SQLAlchemy would cost more than the answers.
    ask = reading.connection.connection.cursor().execute
    stretches = [(*of, start, start + width - 1) for start in range(extent.low, extent.high + 1, width)]
    finite = 0
    rows: list[tuple[Any, ...]] = []
    for stretch in stretches:
        *least, count = ask(_LEAST, stretch).fetchone()
        if count:
            finite += count
            rows += (least, ask(_GREATEST, stretch).fetchone()[:4])
    if finite < extent.count:
        rows += (row for stretch in stretches if (row := ask(_NOT_FINITE, stretch).fetchone())[0] is not None)
    return set(_points(rows)), finite


def _grouped(reading: Reading, ours: Any, extent: _Extent, width: int) -> tuple[set[MetricPoint], int]:
    """The same by grouping."""
    metrics = reading.tables["metrics"]
    step, timestamp, value, is_nan = (metrics.c[name] for name in ("step", "timestamp", "value", "is_nan"))
    finite = sa.and_(is_nan == sa.false(), value > -STORED_INFINITY, value < STORED_INFINITY)
    axis = timestamp if extent.on_time else step
    stretch = sa.cast(axis - extent.low, sa.BigInteger).op("/")(sa.literal(width, sa.BigInteger))
    if reading.postgresql:
        picked = sa.select(step, timestamp, value, is_nan).distinct(stretch).where(ours)
        least, greatest = (picked.where(finite).order_by(stretch, end) for end in (value, value.desc()))
        odd = picked.where(sa.not_(finite)).order_by(stretch, axis)
    else:
        # SQLite takes the other columns from the row that has the least or the greatest.
        least, greatest = (
            sa.select(step, timestamp, end(value), is_nan).where(ours, finite).group_by(stretch)
            for end in (sa.func.min, sa.func.max)
        )
        first = sa.func.min(axis)
        moment = (step, first) if extent.on_time else (first, timestamp)
        odd = sa.select(*moment, value, is_nan).where(ours, sa.not_(finite)).group_by(stretch)
    execute = reading.connection.execute
    count = execute(sa.select(sa.func.count()).select_from(metrics).where(ours, finite)).scalar_one()
    queries = [least, greatest] if count == extent.count else [least, greatest, odd]
    return {point for query in queries for point in _points(execute(query))}, int(count)


def _ends(reading: Reading, ours: Any, extent: _Extent) -> Iterator[MetricPoint]:
    """The first and the last of all by (step, timestamp, value), NaN before values."""
    metrics = reading.tables["metrics"]
    step, timestamp, value, is_nan = (metrics.c[name] for name in ("step", "timestamp", "value", "is_nan"))
    axis = timestamp if extent.on_time else step
    # Neither an equality nor the bare time: for those SQLite takes the index on the key, and reads all runs' points.
    when = timestamp + 0
    orders = (when, is_nan.desc(), value), (when.desc(), is_nan, value.desc())
    for at, order in zip((extent.low, extent.high), orders, strict=True):
        query = sa.select(step, timestamp, value, is_nan).where(ours, axis.between(at, at)).order_by(*order).limit(1)
        yield from _points(reading.connection.execute(query))


def _points(rows: Iterable[Any]) -> Iterator[MetricPoint]:
    for step, timestamp, value, nan in rows:
        yield MetricPoint(int(step), int(timestamp), math.nan if nan else number(value))
