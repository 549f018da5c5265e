"""A session that goes through every screen and asks for all there is leaves every kind of store as it was.

With the real worker process, on seeded stores: every file's bytes, names and times of change before and after, and of
PostgreSQL a dump. A promotion is planned up to its question and cancelled.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.config.settings import Settings
from mlaudit.gateway.mlflow_client import make_default
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.chart_grid import ChartGridScreen
from mlaudit.tui.screens.compare import CompareScreen
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.group_by import GroupByScreen
from mlaudit.tui.screens.history import HistoryScreen
from mlaudit.tui.screens.log import LogScreen
from mlaudit.tui.screens.model import ModelScreen
from mlaudit.tui.screens.models import ModelsScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.screens.train_form import TrainFormScreen
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from mlaudit.tui.widgets.run_table import RunTable
from mlaudit.worker.process import WorkerProcess
from tests.gateway.contract_stores import MODEL, seed
from tests.plugins.screen_tools import see, text_of, until
from tests.plugins.servers import _postgresql_binaries, running_mlflow_server

pytestmark = pytest.mark.real

Look = Callable[[], object]
WAITING = ("loading", "reading run", "comparing run", "Reading")
KINDS = ("sqlite", "wal", "older schema", "newer schema", "files", "server", "postgresql")


def files_below(root: Path, *, but: tuple[str, ...] = ()) -> dict[str, tuple[str, int]]:
    """Every file and folder with its content's hash and its time of change."""
    return {
        str(p.relative_to(root)): (
            hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "",
            p.stat().st_mtime_ns,
        )
        for p in sorted(root.rglob("*"))
        if p.name not in but
    }


def seeded(uri: str, artifact_root: Path | None) -> str:
    """Fill the store; returns its URI."""
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    make_default(client)
    seed(client, artifact_root)
    return uri


def dump(uri: str) -> str:
    """All of a PostgreSQL database as text."""
    binaries = _postgresql_binaries()
    assert binaries is not None
    plain = uri.replace("postgresql+psycopg://", "postgresql://")
    done = subprocess.run([str(binaries / "pg_dump"), plain], capture_output=True, text=True, check=True, timeout=60)
    # Newer ones put a random word into each dump.
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Look]]:
    """The URI of a seeded store, and a way to look at all that it consists of."""
    kind, root = request.param, tmp_path / "the store é"
    root.mkdir()
    if kind == "files":
        request.getfixturevalue("mlflow_environment")
        yield seeded((root / "mlruns").as_uri(), None), lambda: files_below(root)
        return
    if kind == "postgresql":
        uri = seeded(request.getfixturevalue("fourth_postgresql_store"), root / "artifacts")
        yield uri, lambda: (dump(uri), files_below(root))
        return
    template = request.getfixturevalue("sqlite_template")
    if kind == "server":
        with running_mlflow_server(root, template) as uri:
            # What the server writes into its own log is not the store.
            yield seeded(uri, None), lambda: files_below(root, but=("server.log",))
        return
    database = root / "mlflow.db"
    shutil.copy(template, database)
    uri = seeded(f"sqlite:///{database}", root / "artifacts")
    with sqlite3.connect(database) as connection:
        if kind == "wal":
            connection.execute("PRAGMA journal_mode = WAL")
        elif kind.endswith("schema"):
            revision = "1bd49d398cd23" if kind.startswith("older") else "ffffffffffff"
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    yield uri, lambda: files_below(root)


async def at(pilot: Pilot[Any], kind: type[Any], *texts: str) -> None:
    """Wait for a screen, and until its answers are there."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    await until(
        pilot, lambda: not any(w in text_of(pilot) for w in ("loading", "reading run", "comparing run", "Reading"))
    )
    if texts:
        await see(pilot, *texts)


async def back(pilot: Pilot[Any], kind: type[Any]) -> None:
    """Escape until this screen is there."""
    for _ in range(6):
        if isinstance(pilot.app.screen, kind):
            return
        await pilot.press("escape")
        await pilot.pause()
    assert isinstance(pilot.app.screen, kind), text_of(pilot)


async def look_at_runs(pilot: Pilot[Any]) -> None:
    """The table by all its keys, the filter, the columns, marked runs beside and over one another."""
    await pilot.press("a")
    await at(pilot, RunsScreen, "Second_Run")
    await pilot.press("G", "g", "right", "right", "s", "s", "s", "D", "D", "r", "C")
    await pilot.pause()
    await back(pilot, RunsScreen)
    table = pilot.app.screen.query_one(RunTable)
    table.cursor_column = next(n for n, column in enumerate(table.columns) if column.startswith("metrics."))
    await pilot.press("i", "f", "Y", "ctrl+y", "w")
    await see(pilot, "Saved views", "▄")
    await back(pilot, RunsScreen)
    await pilot.press("s", "right", "S", "T", "z", "Z", "T", "x")
    await see(pilot, "deleted ones too")
    await pilot.press("x", "x", "b")
    await at(pilot, GroupByScreen)
    await pilot.press("enter")
    await see(pilot, "group", "shown: mean")
    await pilot.press("enter", "B", "space", "u", "b")
    await at(pilot, GroupByScreen)
    await pilot.press("x")
    await at(pilot, RunsScreen, "Second_Run")
    await pilot.press("slash")
    pilot.app.screen.query_one("#expression").value = "metrics.loss < 0.4 OR params.lr = '10'"  # type: ignore[attr-defined]
    await pilot.press("enter")
    await see(pilot, "diverged")
    await at(pilot, RunsScreen)
    await pilot.press("A", "equals_sign")
    await at(pilot, CompareScreen, "lr")
    await pilot.press("a", "c")
    await at(pilot, ChartScreen)
    await pilot.press("L", "X", "E", "plus", "0", "P", "v")
    await at(pilot, ChartGridScreen)
    await back(pilot, RunsScreen)


async def look_at_one_run(pilot: Pilot[Any]) -> None:
    """Every pane with its artifacts, the comparison, the question of a promotion, which is cancelled."""
    await pilot.press("u", "slash")
    pilot.app.screen.query_one("#expression").value = "attributes.run_name = 'Second_Run'"  # type: ignore[attr-defined]
    await pilot.press("enter")
    await until(pilot, lambda: "diverged" not in text_of(pilot))
    await at(pilot, RunsScreen)
    await pilot.press("enter")
    await at(pilot, RunScreen, "Second_Run")
    await pilot.press("2", "3", "4", "5")
    tree = pilot.app.screen.query_one(ArtifactTree)
    await until(pilot, lambda: tree.cursor_node is not None)
    await pilot.press("enter")
    await see(pilot, "MLmodel")
    await pilot.press("j", "enter")
    await see(pilot, "Flavors")
    await pilot.press("d")
    await at(pilot, DiffScreen, "NOT_COMPARABLE")
    await pilot.press("v", "a", "p")
    await pilot.pause()
    if pilot.app.may_write:  # type: ignore[attr-defined]
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await at(pilot, DiffScreen, "cancelled")
    await back(pilot, ExperimentsScreen)


async def look_at_the_rest(pilot: Pilot[Any]) -> None:
    """The registry with its history, the form of a training, log, help, palette."""
    await pilot.press("m")
    await at(pilot, ModelsScreen, MODEL)
    await pilot.press("enter")
    await at(pilot, ModelScreen, "Production")
    await pilot.press("H")
    await at(pilot, HistoryScreen, "OUT OF BAND")
    await pilot.press("V")
    await at(pilot, HistoryScreen)
    await back(pilot, ExperimentsScreen)
    if pilot.app.may_write:  # type: ignore[attr-defined]
        await pilot.press("t")
        await at(pilot, TrainFormScreen, "learning-rate")
        await back(pilot, ExperimentsScreen)
    await pilot.press("ctrl+l")
    await at(pilot, LogScreen)
    await back(pilot, ExperimentsScreen)
    await pilot.press("question_mark", "escape", "ctrl+p", "escape", "r")
    await at(pilot, ExperimentsScreen)


async def test_a_session_through_every_screen(
    store: tuple[str, Look], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte, not a file, not a time of change; and nothing in the working directory."""
    uri, look = store
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = look()
    settings = Settings(tracking_uri=uri, registry_uri=uri)
    backend = WorkerProcess(settings, str(tmp_path / "worker.log"))
    app = MlauditApp(backend, settings, log_path=backend.log_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: "contract" in text_of(pilot))
        await look_at_runs(pilot)
        await look_at_one_run(pilot)
        await look_at_the_rest(pilot)
        await pilot.press("q")
    assert app.return_value == 0
    assert look() == before
    assert list(elsewhere.iterdir()) == []
