"""How long looking takes at size, with MLflow's own figures beside ours: ``python -m tests.bench.scale``.

Each figure is taken in a process of its own, on stores made here. What would take MLflow minutes is stopped after
``--patience`` seconds and shown as "more than". ``--runs`` and ``--skip-mlflow`` make it shorter; PostgreSQL is
measured too where it is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import bulk_store

ROOT = Path(__file__).parents[2]
POINTS = 1_000_000
POSTGRESQL_RUNS = 10_000

WORK = {
    "first page, cold process": "first page",
    "order_by a metric, first page": "order",
    "filter on a metric and a param, first page": "filter",
    "page 20 of 200": "deep",
    "whole table": "export",
    f"history of {POINTS:,} points": "history",
}
"""What is done -> the name that ``tests.bench.one`` knows it by."""


def measure(reader: str, work: str, uri: str, patience: float) -> dict[str, float] | None:
    """Seconds in the reader (``seconds``, ``cpu``), of the process (``wall``), MB at most; None after ``patience``."""
    command = [sys.executable, "-m", "tests.bench.one", reader, work, uri]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=patience
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(name: str, work: str, uri: str, options: argparse.Namespace) -> str:
    """A line of the table: our figures, MLflow's, and how many times ours fit into those."""
    ours = measure("mlaudit", work, uri, options.patience)
    theirs = None if options.skip_mlflow else measure("mlflow", work, uri, options.patience)
    more = options.patience

    def shown(found: dict[str, float] | None) -> str:
        if found is None:
            return f"> {more:.0f} s"
        inner = f"{found['seconds']:.3f} s, {found['cpu']:.3f} of it CPU"
        return f"{inner} ({found['wall']:.2f} s, {found['megabytes']:.0f} MB)"

    if options.skip_mlflow:
        return f"| {name} | {shown(ours)} | - | - |"
    if ours is None:
        return f"| {name} | {shown(ours)} | {shown(theirs)} | - |"
    key = "wall" if "cold" in name or work == "export" else "seconds"
    ratio = (theirs[key] if theirs else more) / ours[key]
    return f"| {name} | {shown(ours)} | {shown(theirs)} | {'' if theirs else '> '}{ratio:.1f} |"


def table(title: str, uri: str, works: dict[str, str], options: argparse.Namespace) -> None:
    """Print one store's table."""
    print(f"\n### {title}\n\n| work | mlaudit: reader (process, memory) | MLflow | times faster |\n|---|---|---|---|")
    for name, work in works.items():
        print(row(name, work, uri, options), flush=True)


def template(folder: Path) -> Path:
    """An empty database of the installed MLflow's schema."""
    path = folder / "template.db"
    script = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1], sys.argv[1]).search_experiments()"
    subprocess.run([sys.executable, "-c", script, f"sqlite:///{path}"], check=True, capture_output=True, cwd=folder)
    return path


@contextmanager
def postgresql() -> Iterator[str | None]:
    """A PostgreSQL store with :data:`POSTGRESQL_RUNS` runs, or None where there is no PostgreSQL."""
    import pytest

    from tests.plugins.servers import new_postgresql_store, running_postgresql

    try:
        with running_postgresql() as server:
            uri = new_postgresql_store(server, "bench")
            bulk_store.fill_postgresql(uri, bulk_store.tables(POSTGRESQL_RUNS))
            yield uri
    except pytest.skip.Exception as reason:
        print(f"\nPostgreSQL: {reason}")
        yield None


def main() -> None:
    """Make the stores, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--patience", type=float, default=60.0, help="seconds after which a figure is given up")
    parser.add_argument("--skip-mlflow", action="store_true")
    parser.add_argument("--skip-postgresql", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    folder = Path(tempfile.mkdtemp(prefix="mlaudit-bench-"))
    try:
        empty = template(folder)
        print(
            f"On {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}. Seconds within the process after its imports;"
        )
        print(
            "in parentheses the whole process and its memory. Ratios: of the process where it starts cold or exports."
        )
        for runs in options.runs:
            path = Path(shutil.copy(empty, folder / f"{runs}.db"))
            bulk_store.fill_sqlite(path, bulk_store.tables(runs))
            works = {n: w for n, w in WORK.items() if w != "history"}
            table(f"SQLite, {runs:,} runs", f"sqlite:///{path}", works, options)
            path.unlink()
        path = Path(shutil.copy(empty, folder / "long.db"))
        bulk_store.fill_sqlite(path, [*bulk_store.tables(1, ()), *bulk_store.long_history(POINTS)])
        table(
            "SQLite, one long metric", f"sqlite:///{path}", {n: w for n, w in WORK.items() if w == "history"}, options
        )
        if not options.skip_postgresql:
            with postgresql() as uri:
                if uri is not None:
                    works = {n: w for n, w in WORK.items() if w != "history"}
                    table(f"PostgreSQL, {POSTGRESQL_RUNS:,} runs", uri, works, options)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
