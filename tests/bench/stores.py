"""The stores that figures are taken on, made once and kept where they are wanted again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import bulk_store
from tests.bench.bulk_store import Table

POINTS = 1_000_000
"""Of the one long metric."""


class Stores:
    """SQLite stores in a folder; what is there already is taken as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _template(self) -> Path:
        """An empty database of the installed MLflow's schema."""
        path = self._folder / "template.db"
        if not path.exists():
            script = "import sys, mlflow as m; m.MlflowClient(sys.argv[1], sys.argv[1]).search_experiments()"
            command = [sys.executable, "-c", script, f"sqlite:///{path}"]
            subprocess.run(command, check=True, capture_output=True, cwd=self._folder)
        return path

    def _made(self, name: str, content: list[Table]) -> str:
        path = self._folder / name
        if not path.exists():
            half = Path(shutil.copy(self._template(), path.with_suffix(".half")))
            bulk_store.fill_sqlite(half, content)
            half.rename(path)
        return f"sqlite:///{path}"

    def of(self, runs: int) -> str:
        """So many runs, and a metric with as many points."""
        return self._made(f"runs-{runs}.db", with_runs(runs))

    def long(self) -> str:
        """One run with one metric of :data:`POINTS` points."""
        return self._made("long.db", with_points(POINTS))


def with_runs(runs: int) -> list[Table]:
    """Runs, a model of which the first is in production and the second a candidate, and a history."""
    return [*bulk_store.tables(runs), *bulk_store.registry(), *bulk_store.long_history(runs)]


def with_points(points: int) -> list[Table]:
    """One run with one metric."""
    return [*bulk_store.tables(1, ()), *bulk_store.long_history(points)]


@contextmanager
def postgresql(runs: int) -> Iterator[tuple[str, str] | None]:
    """Two PostgreSQL stores: one of so many runs, and one with the long metric. None where there is no PostgreSQL."""
    import pytest

    from tests.plugins.servers import new_postgresql_store, running_postgresql

    try:
        with running_postgresql() as server:
            uris = new_postgresql_store(server, "bench"), new_postgresql_store(server, "long")
            bulk_store.fill_postgresql(uris[0], with_runs(runs))
            bulk_store.fill_postgresql(uris[1], with_points(POINTS))
            yield uris
    except pytest.skip.Exception as reason:
        print(f"\nPostgreSQL: {reason}")
        yield None
