"""Long histories as each stretch's least and greatest, worked out by the database."""

from __future__ import annotations

import math
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlaudit.domain.errors import RunNotFound
from mlaudit.domain.finite import STORED_INFINITY, is_finite
from mlaudit.gateway.sql_gateway import SqlGateway
from mlaudit.gateway.uri import resolve
from mlaudit.services.history import GetHistory, get_history
from tests.bench.bulk_store import T0, fill_postgresql, fill_sqlite, run_id, tables

pytestmark = pytest.mark.real

COUNT = 20_000
SPIKE, DIP, BROKEN, ENDLESS = 7_777, 13_131, 4_242, 7_770
RUN = run_id(0)


def rows() -> Iterator[tuple[Any, ...]]:
    """A quiet curve with one spike, one dip, one NaN and, near the spike, one that is infinite, as MLflow keeps it; the
    same key of another run is far above it."""
    for n in range(COUNT):
        value = {SPIKE: 1e6, DIP: -1e6, ENDLESS: STORED_INFINITY}.get(n, math.sin(n / 500))
        yield RUN, "curve", 0.0 if n == BROKEN else value, T0 + n, n, n == BROKEN
    for n in range(COUNT // 10):
        yield run_id(1), "curve", 1e9, T0 + n, n, False
        yield RUN, "constant", 1.0, T0 + n, n, False
        yield RUN, "stepless", 5.0 if n == 77 else float(n % 3), T0 + n, 0, False
        yield RUN, "ends", 1.0, T0 + n, n, False
    for value, later in ((7.0, 0), (8.0, 1), (9.0, 1)):
        yield RUN, "ends", value, T0 + 10**6 + later, COUNT // 10 - 1, False
        yield RUN, "ends", -value, T0 - 10**6 - later, 0, False


@pytest.fixture(scope="session", params=["sqlite", "sqlite-older", "postgresql"])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SqlGateway:
    content = [*tables(2), ("metrics", ("run_uuid", "key", "value", "timestamp", "step", "is_nan"), rows())]
    if request.param.startswith("sqlite"):
        template: Path = request.getfixturevalue("sqlite_template")
        uri = str(shutil.copy(template, tmp_path_factory.mktemp("long") / "long.db"))
        fill_sqlite(Path(uri), content)
        if request.param == "sqlite-older":
            with sqlite3.connect(uri) as connection:
                connection.execute("DROP INDEX index_metrics_run_uuid_key_step")
            connection.close()
    else:
        uri = request.getfixturevalue("fifth_postgresql_store")
        fill_postgresql(uri, content)
    return SqlGateway(resolve(uri, environ={}))


def test_no_spike_is_lost(gateway: SqlGateway) -> None:
    """Few points, said to be few, each one of the store's: the spike, the dip, the NaN and both ends among them."""
    whole = gateway.metric_history(RUN, "curve")
    assert (len(whole), whole.sampled, whole.total) == (COUNT, False, None)
    thin = gateway.metric_history(RUN, "curve", 600)
    assert (thin.sampled, thin.total, thin.each, thin.not_finite) == (True, COUNT, 101, 2)
    assert 200 < len(thin) <= 600
    assert list(thin.steps) == sorted(thin.steps)
    points = {(p.step, p.timestamp, repr(p.value)) for p in map(whole.point, range(COUNT))}
    assert {(p.step, p.timestamp, repr(p.value)) for p in map(thin.point, range(len(thin)))} <= points
    assert {0, SPIKE, DIP, BROKEN, ENDLESS, COUNT - 1} <= set(thin.steps)
    finite = [v for v in thin.values if is_finite(v)]
    assert (max(finite), min(finite)) == (1e6, -1e6)
    assert math.isnan(thin.values[list(thin.steps).index(BROKEN)])


def test_short_ones_come_whole(gateway: SqlGateway) -> None:
    history = gateway.metric_history(RUN, "curve", COUNT)
    assert (len(history), history.sampled) == (COUNT, False)
    assert len(gateway.metric_history(RUN, "never", 10)) == 0
    with pytest.raises(RunNotFound):
        gateway.metric_history("f" * 32, "curve", 10)


def test_constant_and_without_steps(gateway: SqlGateway) -> None:
    """Neither many equal values nor a single step makes it long, or loses the point that stands out."""
    constant = gateway.metric_history(RUN, "constant", 100)
    assert 2 <= len(constant) <= 100
    assert set(constant.values) == {1.0}
    stepless = gateway.metric_history(RUN, "stepless", 100)
    assert 2 <= len(stepless) <= 100
    assert max(stepless.values) == 5.0
    assert stepless.total == COUNT // 10


def test_no_other_runs_points_are_read(tmp_path: Path, sqlite_template: Path) -> None:
    """SQLite is led to the index on the run: the one on the key has the points of all runs that log the same."""
    path = Path(shutil.copy(sqlite_template, tmp_path / "plans.db"))
    with sqlite3.connect(path) as connection:
        columns = "run_uuid = ? AND key = ? AND step BETWEEN ? AND ?"
        plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT value FROM metrics WHERE {columns}", ("r", "k", 1, 2))
        assert "index_metrics_run_uuid_key_step (run_uuid=? AND key=? AND step>?" in str(plan.fetchall())
    connection.close()


def test_the_last_point_is_that_of_the_latest_value(gateway: SqlGateway) -> None:
    """Of several points at the last step the one that the run's latest metric is."""
    whole, thin = gateway.metric_history(RUN, "ends"), gateway.metric_history(RUN, "ends", 100)
    assert thin.sampled
    assert (thin.point(0), thin.point(len(thin) - 1)) == (whole.point(0), whole.point(len(whole) - 1))
    assert thin.values[-1] == 9.0


def test_request(gateway: SqlGateway) -> None:
    history = get_history(gateway, GetHistory(RUN, "a printable key", raw_key="curve", most=90))
    assert (history.key, history.total, len(history) <= 90) == ("a printable key", COUNT, True)
