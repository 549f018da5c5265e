"""Looking at a store changes nothing: no byte, no file, and the store itself refuses a write."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from contract_stores import MODEL, Store

from mlaudit.domain.errors import MlauditError, PermissionDenied, ReadOnly, StoreLocked
from mlaudit.domain.models import Stage
from mlaudit.gateway import sql_guard
from mlaudit.gateway.base import Gateway
from mlaudit.gateway.mlflow_client import UNREADABLE_TAG
from mlaudit.gateway.mlflow_gateway import MlflowGateway
from mlaudit.gateway.uri import resolve

pytestmark = pytest.mark.real


def snapshot(root: Path) -> dict[str, tuple[str, int]]:
    """Every file and folder below ``root`` with its content's hash and its time of change."""
    return {
        str(p.relative_to(root)): (
            hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "",
            p.stat().st_mtime_ns,
        )
        for p in sorted(root.rglob("*"))
    }


def browse(gateway: Gateway) -> int:
    """Ask for everything that can be looked at; returns how many runs there were."""
    gateway.describe()
    experiments = gateway.list_experiments()
    runs = gateway.search_runs([e.experiment_id for e in experiments], order_by=["attributes.start_time ASC"]).runs
    for run in runs[:6]:
        gateway.find_run(run.run_id[:16])
        for key in list(run.metrics)[:3]:
            gateway.metric_history(run.run_id, run.raw_key(key))
        for entry in gateway.list_artifacts(run.run_id):
            if entry.is_dir:
                gateway.list_artifacts(run.run_id, entry.raw_path)
            else:
                gateway.read_artifact(run.run_id, entry.raw_path, 1000)
        gateway.versions_of_run(run.run_id)
        gateway.model_sources(run.run_id)
    for model in gateway.list_registered_models():
        gateway.list_model_versions(model.raw_name)
    return len(runs)


def opened(uri: str, *, writable: bool = False) -> MlflowGateway:
    return MlflowGateway(resolve(uri, environ={}), writable=writable)


@pytest.fixture
def empty_cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that must stay empty."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_browsing_changes_no_byte(kind: str, request: pytest.FixtureRequest, tmp_path: Path, empty_cwd: Path) -> None:
    """Neither the store's files, nor the folders around, nor the working directory."""
    store: Store = request.getfixturevalue(f"{'sqlite' if kind == 'sqlite' else 'file'}_store")
    original = resolve(store.gateway.describe().uri, environ={}).tracking.path
    assert original is not None
    copy = tmp_path / "store" / "what? 100%20 #é"
    if kind == "sqlite":
        copy.mkdir(parents=True)
        shutil.copy(original, copy / "m.db")
        target = copy / "m.db"
    else:
        shutil.copytree(original, copy)
        shutil.rmtree(copy / ".trash")  # what MLflow's constructor would make anew
        target = copy
    before = snapshot(tmp_path)
    assert browse(opened(str(target))) > 17
    assert snapshot(tmp_path) == before
    assert list(empty_cwd.iterdir()) == []


def test_file_store_without_registry_stays_without(tmp_path: Path, file_store: Store, empty_cwd: Path) -> None:
    """The folders that MLflow makes on sight, models and .trash, are not made."""
    original = resolve(file_store.gateway.describe().uri, environ={}).tracking.path
    assert original is not None
    shutil.copytree(original, tmp_path / "mlruns")
    shutil.rmtree(tmp_path / "mlruns" / "models")
    shutil.rmtree(tmp_path / "mlruns" / ".trash")
    gateway = opened(str(tmp_path / "mlruns"))
    assert gateway.list_registered_models() == ()
    browse(gateway)
    assert not (tmp_path / "mlruns" / "models").exists()
    assert not (tmp_path / "mlruns" / ".trash").exists()


def test_wal_database_is_left_as_it_was(tmp_path: Path, sqlite_template: Path) -> None:
    """In a process of its own: SQLite's two side files go when the last handle is closed."""
    path = tmp_path / "wal.db"
    shutil.copy(sqlite_template, path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    connection.close()
    before = snapshot(tmp_path)
    script = """
        import sys
        from mlaudit.config.settings import Settings
        from mlaudit.wiring import open_store
        print(len(open_store(Settings(tracking_uri=sys.argv[1])).list_experiments()))
    """
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "1\n", done.stderr
    assert done.stderr == ""
    assert snapshot(tmp_path) == before


def test_database_itself_refuses_a_write(sqlite_store: Store) -> None:
    """Not only mlaudit's own code: SQLite refuses what comes over the reading client."""
    gateway = sqlite_store.gateway
    assert isinstance(gateway, MlflowGateway)
    with pytest.raises(PermissionDenied, match="may not be written: its file, or the directory"), gateway._asking():
        gateway._client.set_tag(sqlite_store.runs["first"], "a", "b")


def test_postgresql_itself_refuses_a_write(postgresql_store: str) -> None:
    gateway = opened(postgresql_store)
    with pytest.raises(PermissionDenied), gateway._asking():
        gateway._client.create_experiment("must not be")
    assert "must not be" not in {e.name for e in gateway.list_experiments()}


def test_reader_of_wal_mode_cannot_write_either(tmp_path: Path, sqlite_template: Path) -> None:
    """There the file is opened read-write, and query_only alone forbids."""
    path = tmp_path / "wal.db"
    shutil.copy(sqlite_template, path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert "mode=rw" in sql_guard.sqlite_reader(path)
    gateway = opened(str(path))
    with pytest.raises(PermissionDenied), gateway._asking():
        gateway._client.create_experiment("must not be")


def test_writes_are_off_when_only_looking(sqlite_store: Store) -> None:
    gateway = opened(sqlite_store.gateway.describe().uri)
    run_id = sqlite_store.runs["first"]
    for write in (
        lambda: gateway.create_version("new", "models:/m-x", run_id),
        lambda: gateway.transition(MODEL, "1", Stage.ARCHIVED, archive_existing=False),
        lambda: gateway.terminate_run(run_id, "KILLED"),
    ):
        with pytest.raises(ReadOnly):
            write()
    assert gateway.describe().writable is False
    assert "new" not in {m.name for m in gateway.list_registered_models()}


def test_locked_database_is_said_to_be_locked(tmp_path: Path, sqlite_template: Path) -> None:
    """Before it is opened and while it is read, and not after MLflow's 20 s."""
    path = tmp_path / "m.db"
    shutil.copy(sqlite_template, path)
    gateway = opened(str(path))
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreLocked):
            opened(str(path))
        with pytest.raises(StoreLocked):
            gateway.list_experiments()
    finally:
        holder.close()
    assert len(gateway.list_experiments()) == 1


def test_database_that_goes_away(tmp_path: Path, sqlite_template: Path) -> None:
    """It is an error, and it is not made anew."""
    path = tmp_path / "m.db"
    shutil.copy(sqlite_template, path)
    gateway = opened(str(path))
    uri = sql_guard.sqlite_reader(path)
    path.unlink()
    sql_guard.dispose(uri)
    with pytest.raises(MlauditError) as caught:
        gateway.list_experiments()
    assert "\n" not in str(caught.value)
    assert not path.exists()


def test_damaged_runs_do_not_hide_the_others(tmp_path: Path, file_store: Store) -> None:
    """A run with a garbage metric file is shown with a tag that says so; one with a garbage meta.yaml is left out."""
    original = resolve(file_store.gateway.describe().uri, environ={}).tracking.path
    assert original is not None
    root = tmp_path / "mlruns"
    shutil.copytree(original, root)
    first = root / file_store.experiment / file_store.runs["first"]
    (first / "metrics" / "auc").write_bytes(b"\xff\xfe not a metric")
    (root / file_store.experiment / file_store.runs["diverged"] / "meta.yaml").write_text("{[")
    gateway = opened(str(root))
    runs = {r.run_id: r for r in gateway.search_runs([file_store.experiment]).runs}
    assert file_store.runs["second"] in runs
    assert file_store.runs["diverged"] not in runs
    damaged = runs[file_store.runs["first"]]
    assert "metrics" in damaged.tags[UNREADABLE_TAG]
    assert damaged.params["lr"] == "0.1"
    with pytest.raises(MlauditError):
        gateway.get_run(file_store.runs["diverged"])
