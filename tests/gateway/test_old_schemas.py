"""Databases of MLflow 1.0 and after, made by MLflow's own migrations: browsed, filtered and charted, never changed."""

from __future__ import annotations

import logging
import math
import shutil
import sqlite3
from pathlib import Path

import pytest
from test_looking import browse, snapshot

from mlaudit.domain.errors import ModelNotFound
from mlaudit.domain.models import Dataset, Stage, ViewType
from mlaudit.gateway.schema import known_revisions
from mlaudit.gateway.sql_gateway import SqlGateway
from mlaudit.gateway.uri import resolve

pytestmark = pytest.mark.real

T0 = 1_560_000_000_000
REVISIONS = (
    ("", "MLflow 1.0, before migrations were recorded"),
    ("451aebb31d03", "2019: metrics have a step"),
    ("181f10493468", "2019: metrics may be NaN"),
    ("89d4b8295536", "2019: latest_metrics"),
    ("2b4d017a5e9b", "2020: the registry"),
    ("bd07f7e963c5", "2022: indices"),
    ("97727af70f4d", "2022: experiments have times"),
    ("3500859a5d39", "2023: aliases"),
    ("7f2a7d5fae7d", "2023: datasets"),
    ("0584bdc529eb", "2024: before logged models"),
    ("head", "today's"),
)
NAMES = [revision for revision, _ in REVISIONS]
FIRST = """
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) VALUES
  (0, 'Default', '/nowhere/0', 'active'), (1, 'old times', '/nowhere/1', 'active'),
  (2, 'gone', '/nowhere/2', 'deleted');
INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri,
  experiment_id) VALUES
  ('aa00000000000000000000000000000a', '', 'LOCAL', 'ada', 'FINISHED', {T0}, {T0} + 5000, 'active', '/nowhere/a', 1),
  ('bb00000000000000000000000000000b', '', 'LOCAL', 'bob', 'FAILED', {T0} + 1000, NULL, 'active', '/nowhere/b', 1),
  ('cc00000000000000000000000000000c', '', 'LOCAL', 'bob', 'FINISHED', {T0} + 2000, NULL, 'deleted', '/nowhere/c', 1);
INSERT INTO tags (run_uuid, key, value) VALUES
  ('aa00000000000000000000000000000a', 'mlflow.runName', 'first try'),
  ('bb00000000000000000000000000000b', 'mlflow.runName', 'Second'),
  ('aa00000000000000000000000000000a', 'team', 'risk');
INSERT INTO params (run_uuid, key, value) VALUES
  ('aa00000000000000000000000000000a', 'lr', '0.1'), ('bb00000000000000000000000000000b', 'lr', '0.01');
INSERT INTO metrics (run_uuid, key, value, timestamp) VALUES
  ('aa00000000000000000000000000000a', 'loss', 0.9, {T0} + 1),
  ('aa00000000000000000000000000000a', 'loss', 0.3, {T0} + 2),
  ('bb00000000000000000000000000000b', 'loss', 0.5, {T0} + 3),
  ('aa00000000000000000000000000000a', 'auc', 0.8, {T0} + 4);
""".replace("{T0}", str(T0))
LATER = {
    "451aebb31d03": """
        INSERT INTO metrics (run_uuid, key, value, timestamp, step) VALUES
          ('bb00000000000000000000000000000b', 'stepped', 1.0, 7, 5),
          ('bb00000000000000000000000000000b', 'stepped', 2.0, 9, 3);
        """,
    "181f10493468": """
        INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan)
          VALUES ('bb00000000000000000000000000000b', 'broken', 0, 5, 0, 1);
        """,
    "2b4d017a5e9b": """
        INSERT INTO registered_models (name, creation_time) VALUES ('old model', 1);
        INSERT INTO model_versions (name, version, creation_time, current_stage, source, run_id, status) VALUES
          ('old model', 1, 1, 'Archived', 's3://x', 'aa00000000000000000000000000000a', 'READY'),
          ('old model', 2, 2, 'Production', 's3://y', 'bb00000000000000000000000000000b', 'READY'),
          ('old model', 3, 3, 'Deleted_Internal', '', '', 'READY');
        """,
    "3500859a5d39": "INSERT INTO registered_model_aliases (name, alias, version) VALUES ('old model', 'champion', 2);",
    "7f2a7d5fae7d": """
        INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source)
          VALUES ('d1', 1, 'train', 'abc', 'local', 'file:///t');
        INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)
          VALUES ('i1', 'DATASET', 'd1', 'RUN', 'aa00000000000000000000000000000a');
        INSERT INTO input_tags (input_uuid, name, value) VALUES ('i1', 'mlflow.data.context', 'training');
        """,
}  # fmt: skip


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory, mlflow_environment: None) -> dict[str, Path]:
    """One database on its way through the years, a copy of it at each revision."""
    import sqlalchemy as sa
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    root = tmp_path_factory.mktemp("years")
    path = root / "now.db"
    url = f"sqlite:///{path}"
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    _insert(path, FIRST)
    copies: dict[str, Path] = {}
    logging.disable(logging.INFO)
    for revision in NAMES:
        if revision:
            command.upgrade(_get_alembic_config(url), "heads" if revision == "head" else revision)
        _insert(path, LATER.get(revision, ""))
        folder = root / (revision or "initial")
        folder.mkdir()
        copies[revision] = Path(shutil.copy(path, folder / "old é.db"))
    logging.disable(logging.NOTSET)
    return copies


def _insert(path: Path, statements: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(statements)
    connection.commit()
    connection.close()


@pytest.fixture(params=NAMES, ids=[f"{revision or 'initial'}" for revision in NAMES])
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def gateway(history: dict[str, Path], revision: str) -> SqlGateway:
    return SqlGateway(resolve(str(history[revision]), environ={}))


def since(revision: str, first: str) -> bool:
    """Whether a revision has what ``first`` brought."""
    return NAMES.index(revision) >= NAMES.index(first)


def names(gateway: SqlGateway, filter_string: str = "", *order_by: str) -> list[str]:
    return [r.name for r in gateway.search_runs(["1"], filter_string=filter_string, order_by=order_by).runs]


def test_said_what_it_is(gateway: SqlGateway, revision: str) -> None:
    info = gateway.describe()
    assert info.writable is (revision == "head")
    if revision != "head":
        assert f"older schema ({revision or 'none recorded'};" in info.notes[0]
        assert known_revisions()[0] in info.notes[0]
        assert "mlflow db upgrade 'sqlite:///" in info.read_only_reason


def test_browsed_without_a_change(gateway: SqlGateway, history: dict[str, Path], revision: str) -> None:
    before = snapshot(history[revision].parent)
    assert [(e.name, e.run_count, e.last_run_time) for e in gateway.list_experiments()] == [
        ("Default", 0, None),
        ("old times", 2, T0 + 1000),
    ]
    assert browse(gateway) == 2
    assert snapshot(history[revision].parent) == before


def test_runs(gateway: SqlGateway) -> None:
    """Their names are in a tag only, and runs are found and sorted by them."""
    assert names(gateway) == ["Second", "first try"]
    assert names(gateway, "", "run_name DESC") == ["first try", "Second"]
    run = gateway.find_run("aa0")
    assert (run.user, run.status, run.start_time, run.end_time) == ("ada", "FINISHED", T0, T0 + 5000)
    assert (run.params, run.metrics) == ({"lr": "0.1"}, {"loss": 0.3, "auc": 0.8})
    assert gateway.get_run("cc00000000000000000000000000000c").lifecycle_stage == "deleted"
    assert [r.run_id[:2] for r in gateway.search_runs(["1"], view=ViewType.DELETED_ONLY).runs] == ["cc"]
    assert len(gateway.search_runs(["1"], view=ViewType.ALL).runs) == 3


@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        ("metrics.loss < 0.4", ["first try"]),
        ("metrics.loss > 0.8", []),
        ("metrics.loss != 0.3", ["Second"]),
        ("params.lr LIKE '0.%' AND tags.team IS NULL", ["Second"]),
        ("run_name ILIKE 'FIRST%'", ["first try"]),
        ("status = 'FAILED' OR tags.team = 'risk'", ["Second", "first try"]),
        (f"start_time <= {T0}", ["first try"]),
        ("datasets.name = 'nobody'", []),
    ],
)
def test_filters(gateway: SqlGateway, filter_string: str, expected: list[str]) -> None:
    assert names(gateway, filter_string) == expected


def test_orders_and_pages(gateway: SqlGateway) -> None:
    assert names(gateway, "", "metrics.loss") == ["first try", "Second"]
    assert names(gateway, "", "metrics.auc DESC", "params.lr") == ["first try", "Second"]
    first = gateway.search_runs(["1"], order_by=["metrics.loss DESC"], max_results=1)
    second = gateway.search_runs(["1"], order_by=["metrics.loss DESC"], max_results=1, page_token=first.next_page_token)
    assert [r.name for r in (*first.runs, *second.runs)] == ["Second", "first try"]
    assert second.next_page_token is None


def test_charted(gateway: SqlGateway, revision: str) -> None:
    history = gateway.metric_history("aa00000000000000000000000000000a", "loss")
    assert (list(history.steps), list(history.values)) == ([0, 0], [0.9, 0.3])
    assert list(history.timestamps) == [T0 + 1, T0 + 2]
    second = gateway.get_run("bb00000000000000000000000000000b")
    if since(revision, "451aebb31d03"):
        # The greatest step is the latest, though it was logged before.
        assert second.metrics["stepped"] == 1.0
        stepped = gateway.metric_history(second.run_id, "stepped")
        assert (list(stepped.steps), list(stepped.values)) == ([3, 5], [2.0, 1.0])
    if since(revision, "181f10493468"):
        assert math.isnan(second.metrics["broken"])
        assert math.isnan(gateway.metric_history(second.run_id, "broken").values[0])
        assert names(gateway, "metrics.broken = 0") == []
        assert names(gateway, "metrics.broken != 0") == ["Second"]


def test_registry(gateway: SqlGateway, revision: str) -> None:
    if not since(revision, "2b4d017a5e9b"):
        assert gateway.list_registered_models() == ()
        assert gateway.versions_of_run("aa00000000000000000000000000000a") == ()
        with pytest.raises(ModelNotFound):
            gateway.list_model_versions("old model")
        return
    aliases = ("champion",) if since(revision, "3500859a5d39") else ()
    assert [m.name for m in gateway.list_registered_models()] == ["old model"]
    assert [(v.version, v.stage, v.aliases) for v in gateway.list_model_versions("old model")] == [
        ("2", Stage.PRODUCTION, aliases),
        ("1", Stage.ARCHIVED, ()),
    ]
    assert [v.version for v in gateway.versions_of_run("aa00000000000000000000000000000a")] == ["1"]


def test_datasets(gateway: SqlGateway, revision: str) -> None:
    run = gateway.get_run("aa00000000000000000000000000000a")
    if since(revision, "7f2a7d5fae7d"):
        assert run.datasets == (Dataset("train", "abc", "training", "local", "file:///t"),)
        assert names(gateway, "datasets.context = 'training'") == ["first try"]
    else:
        assert run.datasets == ()


def test_a_newer_schema(history: dict[str, Path], tmp_path: Path) -> None:
    """With tables and columns that nobody knows yet, and without one that is only nice to have."""
    path = Path(shutil.copy(history["head"], tmp_path / "newer.db"))
    _insert(
        path,
        "UPDATE alembic_version SET version_num = 'f00000000000'; ALTER TABLE runs ADD COLUMN mood TEXT;"
        " CREATE TABLE moods (id INTEGER); DROP TABLE input_tags; ALTER TABLE runs DROP COLUMN user_id;",
    )
    gateway = SqlGateway(resolve(str(path), environ={}))
    assert "newer schema (f00000000000" in gateway.describe().notes[0]
    assert names(gateway, "metrics.loss < 0.4") == ["first try"]
    assert browse(gateway) == 2
    assert names(gateway, "user_id = 'ada'") == []
    assert gateway.get_run("aa00000000000000000000000000000a").datasets[0].name == "train"
