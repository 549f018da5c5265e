"""The SQL reader on databases in every state: nothing is changed, nothing mixed up, what is wrong is one line."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from contract_stores import EXPERIMENT, MODEL, Store
from test_looking import browse, snapshot

from mlaudit.config.settings import Reader, Settings
from mlaudit.domain.errors import (
    MlauditError,
    NotAStore,
    PermissionDenied,
    ReadOnly,
    RunNotFound,
    SchemaMismatch,
    StoreLocked,
    StoreUnavailable,
)
from mlaudit.domain.models import Stage
from mlaudit.gateway import sql_search
from mlaudit.gateway.mlflow_gateway import MlflowGateway
from mlaudit.gateway.sql_database import Reading, SqliteDatabase
from mlaudit.gateway.sql_gateway import SqlGateway
from mlaudit.gateway.sql_guard import sqlite_reader
from mlaudit.gateway.uri import resolve
from mlaudit.services.recovery import MendStore
from mlaudit.wiring import Services, open_store, training_environment

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
LOOK = """
    import sys
    from mlaudit.config.settings import Settings
    from mlaudit.wiring import open_store
    gateway = open_store(Settings(tracking_uri=sys.argv[1]))
    experiments = gateway.list_experiments()
    runs = gateway.search_runs([e.experiment_id for e in experiments]).runs
    for run in runs[:3]:
        gateway.find_run(run.run_id[:16])
        [gateway.metric_history(run.run_id, k) for k in run.metrics]
    gateway.list_registered_models()
    print(len(experiments), len(runs), "mlflow" in sys.modules)
"""


def opened(path: Path | str, *, writable: bool = False) -> SqlGateway:
    return SqlGateway(resolve(str(path), environ={}), writable=writable)


def looked_at(path: Path) -> str:
    """What a process of its own prints that looks at the store."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LOOK), str(path)],
        cwd=path.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return str(done.stdout).strip()


def set_wal(path: Path, *, leave: bool) -> sqlite3.Connection | None:
    """Turn to WAL mode and commit something; with ``leave`` the log stays, as after a crash of its writer."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("UPDATE experiments SET name = 'from the log' WHERE name = 'crowd'")
    connection.commit()
    if leave:
        return connection
    connection.close()
    return None


@pytest.fixture
def database(tmp_path: Path, sqlite_store: Store) -> Path:
    """A seeded database in a folder of its own."""
    original = resolve(sqlite_store.gateway.describe().uri, environ={}).tracking.path
    assert original is not None
    (tmp_path / "store").mkdir()
    shutil.copy(original, tmp_path / "store" / "m.db")
    return tmp_path / "store" / "m.db"


def names(gateway: SqlGateway) -> set[str]:
    return {e.name for e in gateway.list_experiments()}


class TestNothingChanges:
    def test_whole_session_without_mlflow(self, database: Path) -> None:
        """In a process of its own, that ends without having imported MLflow."""
        before = snapshot(database.parent)
        assert looked_at(database) == "3 21 False"
        assert snapshot(database.parent) == before

    def test_everything_that_can_be_looked_at(self, database: Path) -> None:
        before = snapshot(database.parent)
        assert browse(opened(database)) == 21
        assert snapshot(database.parent) == before

    def test_wal_mode_at_rest(self, database: Path) -> None:
        set_wal(database, leave=False)
        before = snapshot(database.parent)
        assert set(before) == {"m.db"}
        assert looked_at(database) == "3 21 False"
        assert "from the log" in names(opened(database))
        assert snapshot(database.parent) == before

    def test_wal_mode_that_was_turned_on_meanwhile(self, database: Path) -> None:
        """In place, so that the file stays the same one."""
        gateway = opened(database)
        gateway.list_experiments()
        set_wal(database, leave=False)
        before = snapshot(database.parent)
        assert "from the log" in names(gateway)
        assert snapshot(database.parent) == before

    @pytest.mark.parametrize("shm", [True, False], ids=["with -shm", "without -shm"])
    def test_wal_that_a_crash_left(self, database: Path, tmp_path: Path, shm: bool) -> None:
        """What is only in the log is seen, and the log stays as it is."""
        writer = set_wal(database, leave=True)
        left = tmp_path / "left"
        shutil.copytree(database.parent, left)
        assert writer is not None
        writer.close()
        if not shm:
            (left / "m.db-shm").unlink()
        before = snapshot(left)
        assert looked_at(left / "m.db") == "3 21 False"
        assert "from the log" in names(opened(left / "m.db"))
        assert snapshot(left) == before

    def test_wal_in_use(self, database: Path) -> None:
        """Beside a writer that has it open, commits are seen one by one, and no file comes or goes."""
        writer = set_wal(database, leave=True)
        assert writer is not None
        gateway = opened(database)
        files = set(snapshot(database.parent))
        for number in range(3):
            writer.execute("UPDATE experiments SET name = ? WHERE experiment_id = 2", (f"name {number}",))
            writer.commit()
            assert f"name {number}" in names(gateway)
        assert set(snapshot(database.parent)) == files
        writer.close()

    @pytest.mark.parametrize("log", ["empty", "nothing committed", "begun anew"])
    def test_wal_in_use_that_holds_nothing_yet(self, database: Path, log: str) -> None:
        """SQLite deletes such a log when its last reader goes; what its writer commits then would be lost."""
        set_wal(database, leave=False)
        writer = sqlite3.connect(database, isolation_level=None)
        writer.execute("PRAGMA cache_size = 5")
        if log == "begun anew":
            writer.execute("UPDATE experiments SET name = 'before' WHERE experiment_id = 2")
            writer.execute("PRAGMA wal_checkpoint(RESTART)")
        assert writer.execute("SELECT count(*) FROM experiments").fetchone() != (0,)
        if log != "empty":
            # More than the cache holds goes into the log before it is committed.
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE experiments SET name = 'committed' WHERE experiment_id = 2")
            rows = [(f"key {n}", "x" * 400) for n in range(500)]
            writer.executemany("INSERT INTO tags (key, value, run_uuid) SELECT ?, ?, min(run_uuid) FROM runs", rows)
        before = snapshot(database.parent)
        assert (database.with_name("m.db-wal").stat().st_size == 0) is (log == "empty")
        assert looked_at(database) == "3 21 False"
        assert ("before" if log == "begun anew" else "from the log") in names(opened(database))
        assert snapshot(database.parent) == before
        if log == "empty":
            writer.execute("UPDATE experiments SET name = 'committed' WHERE experiment_id = 2")
        else:
            writer.execute("COMMIT")
        assert "committed" in names(opened(database))
        with closing(sqlite3.connect(database)) as other:
            assert other.execute("SELECT name FROM experiments WHERE experiment_id = 2").fetchone() == ("committed",)
        writer.close()

    def test_read_only_directory(self, sqlite_store: Store, sqlite_template: Path) -> None:
        """Neither a usual database nor one in WAL mode needs a folder that may be written."""
        folder = Path(tempfile.mkdtemp(prefix="mlaudit-ro-"))
        try:
            plain, wal = folder / "plain.db", folder / "wal.db"
            for path in (plain, wal):
                shutil.copy(sqlite_template, path)
                path.chmod(0o444)
            connection = sqlite3.connect(wal)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.close()
            folder.chmod(0o555)
            me = os.geteuid()
            if me == 0:
                os.seteuid(65534)  # root may write everywhere
            try:
                found = [names(opened(path)) for path in (plain, wal)]
            finally:
                os.seteuid(me)
            assert found == [{"Default"}, {"Default"}]
            assert {p.name for p in folder.iterdir()} == {"plain.db", "wal.db"}
        finally:
            folder.chmod(0o755)
            shutil.rmtree(folder)

    def test_database_itself_refuses_a_write(self, database: Path) -> None:
        reader = SqliteDatabase(database, "x")
        with pytest.raises(MlauditError):
            reader.ask(lambda r: r.connection.execute(sa.text("DELETE FROM runs")))

    def test_postgresql_itself_refuses_a_write(self, postgresql_store: str) -> None:
        gateway = opened(postgresql_store)
        (reader,) = gateway._databases.values()
        with pytest.raises(PermissionDenied):
            reader.ask(lambda r: r.connection.execute(sa.text("DELETE FROM runs")))

    def test_ids_with_what_marks_an_array_are_found(self, postgresql_store: str) -> None:
        """MLflow makes none of these; whoever filled the table by hand did."""
        (reader,) = opened(postgresql_store)._databases.values()
        ids = ['a"b', "a\\b", '\\"', "a,b", "{}", "", "NULL", "a b", "ä%s", "plain"]

        def question(reading: Reading) -> list[str]:
            own = sa.text("SELECT unnest(CAST(:all AS text[])) AS v").bindparams(all=ids).columns(sa.column("v"))
            place = own.subquery()
            query = sa.select(place.c.v).where(place.c.v.in_(sa.bindparam("ids", expanding=True)))
            return [row[0] for row in reading.rows_of("test", lambda: query, ids)]

        assert reader.ask(question) == ids


class TestMoving:
    def test_locked_by_a_writer(self, database: Path) -> None:
        """A short wait, then one line; afterwards it goes on."""
        gateway = opened(database)
        holder = sqlite3.connect(database)
        holder.execute("BEGIN EXCLUSIVE")
        try:
            with pytest.raises(StoreLocked):
                gateway.list_experiments()
            with pytest.raises(StoreLocked):
                opened(database)
        finally:
            holder.close()
        assert EXPERIMENT in names(gateway)

    def test_replaced_by_another_file(self, database: Path, sqlite_template: Path) -> None:
        gateway = opened(database)
        assert EXPERIMENT in names(gateway)
        other = database.with_name("other.db")
        shutil.copy(sqlite_template, other)
        other.replace(database)
        assert names(gateway) == {"Default"}

    def test_replaced_by_one_in_wal_mode(self, database: Path, sqlite_template: Path) -> None:
        gateway = opened(database)
        other = database.with_name("other.db")
        shutil.copy(sqlite_template, other)
        connection = sqlite3.connect(other)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        other.replace(database)
        assert names(gateway) == {"Default"}
        assert {p.name for p in database.parent.iterdir()} == {"m.db"}

    def test_pages_of_a_replaced_file_are_not_served(self, database: Path, sqlite_store: Store) -> None:
        """A listing of the old file's runs does not outlive it."""
        gateway = opened(database)
        first = gateway.search_runs([sqlite_store.crowd], max_results=4)
        second = gateway.search_runs([sqlite_store.crowd], max_results=4, page_token=first.next_page_token)
        other = database.with_name("other.db")
        shutil.copy(database, other)
        connection = sqlite3.connect(other)
        with connection:
            connection.execute("UPDATE runs SET lifecycle_stage = 'deleted'")
        connection.close()
        other.replace(database)
        third = gateway.search_runs([sqlite_store.crowd], max_results=4, page_token=second.next_page_token)
        assert third.runs == ()

    def test_paging_ends_where_all_that_was_listed_is_deleted(
        self, database: Path, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Behind the end of a listing the next one begins, also where its last page has nothing left to begin after."""
        monkeypatch.setattr(sql_search, "LISTED", 6)
        gateway = opened(database)
        shown: list[str] = []
        token = None
        for asked in range(1, 12):
            page = gateway.search_runs([sqlite_store.crowd], max_results=4, page_token=token)
            shown += [r.run_id for r in page.runs]
            token = page.next_page_token
            if asked == 2:
                kept = ", ".join(repr(i) for i in shown)
                listed = f"SELECT run_uuid FROM runs WHERE experiment_id = {sqlite_store.crowd}"
                order = "ORDER BY start_time DESC, run_uuid"
                next_two = f"{listed} AND run_uuid NOT IN ({kept}) {order} LIMIT 2"
                change(database, f"UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid IN ({next_two})")
            if token is None:
                break
        assert token is None
        assert (len(shown), len(set(shown))) == (15, 15)

    def test_a_writer_that_waits_for_its_turn_moves_nothing(self, database: Path) -> None:
        """What is written when the reader has given up its lock is of the next answer."""
        reader = SqliteDatabase(database, "x")
        asked: list[int] = []

        def write(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if statement == "ROLLBACK":
                change(database, "UPDATE experiments SET name = name || '.' WHERE name LIKE 'crowd%'")

        sa.event.listen(sa.Engine, "after_cursor_execute", write)
        try:
            reader.ask(lambda _: asked.append(1))
        finally:
            sa.event.remove(sa.Engine, "after_cursor_execute", write)
        assert asked == [1]

    def test_written_over_while_it_is_read(self, database: Path, sqlite_template: Path) -> None:
        """Past SQLite's locks, as cp does: what was read is thrown away and asked anew."""
        reader = SqliteDatabase(database, "x")
        asked: list[int] = []

        def question(reading: Reading) -> int:
            count = int(reading.connection.execute(sa.text("SELECT count(*) FROM runs")).scalar_one())
            asked.append(count)
            if len(asked) == 1:
                shutil.copyfile(sqlite_template, database)
            return count

        assert reader.ask(question) == 0
        assert len(asked) == 2

    def test_written_over_again_and_again(self, database: Path) -> None:
        reader = SqliteDatabase(database, "x")
        content = database.read_bytes()
        times = iter(range(1, 100))

        def question(reading: Reading) -> None:
            database.write_bytes(content)
            os.utime(database, ns=(0, next(times)))

        with pytest.raises(StoreUnavailable, match="rewritten"):
            reader.ask(question)

    def test_truncated_while_open(self, database: Path) -> None:
        gateway = opened(database)
        os.truncate(database, 3 * 4096)
        with pytest.raises(NotAStore) as caught:
            gateway.list_experiments()
        assert "\n" not in str(caught.value)

    def test_gone(self, database: Path) -> None:
        gateway = opened(database)
        database.unlink()
        with pytest.raises(NotAStore, match="gone"):
            gateway.list_experiments()
        assert not database.exists()

    def test_writer_that_died_half_way(self, database: Path, tmp_path: Path) -> None:
        """Its journal must be rolled back first, which only a writer may do: said, and nothing touched."""
        writer = sqlite3.connect(database, isolation_level=None)
        writer.execute("PRAGMA cache_size = 5")
        writer.execute("BEGIN")
        writer.execute("UPDATE tags SET value = value || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'")
        writer.execute("CREATE TABLE filler AS SELECT zeroblob(100000) AS x")
        left = tmp_path / "left"
        shutil.copytree(database.parent, left)
        writer.execute("ROLLBACK")
        writer.close()
        assert (left / "m.db-journal").exists()
        before = snapshot(left)
        with pytest.raises(StoreLocked, match=r"interrupted.* mlaudit recover"):
            opened(left / "m.db").list_experiments()
        assert snapshot(left) == before
        settings = Settings(tracking_uri=f"sqlite:///{left / 'm.db'}")
        with pytest.raises(ReadOnly):
            Services(replace(settings, read_only=True)).handle(MendStore())
        assert snapshot(left) == before
        assert Services(settings).handle(MendStore()) == (f"sqlite:///{left / 'm.db'}",)
        assert not (left / "m.db-journal").exists()
        assert len(opened(left / "m.db").list_experiments()) > 0
        after = snapshot(left)
        assert Services(settings).handle(MendStore()) == ()
        assert snapshot(left) == after

    def test_text_that_is_no_utf8(self, database: Path, sqlite_store: Store) -> None:
        connection = sqlite3.connect(database)
        with connection:
            connection.execute("UPDATE tags SET value = CAST(x'ff41' AS TEXT) WHERE key = 'team'")
        connection.close()
        run = opened(database).get_run(sqlite_store.runs["first"])
        assert run.tags["team"] == "‹U+DCFF›A"

    def test_key_that_is_no_utf8(self, database: Path, sqlite_store: Store) -> None:
        """Runs are ordered by it, and its history is read, whole and thinned."""
        odd = "CAST(x'fe41' AS TEXT)"
        rows = f"SELECT run_uuid, {odd}, abs(random() % 1000), 0, 0, 0 FROM runs"
        change(database, f"INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) {rows}")
        change(database, f"INSERT INTO params (run_uuid, key, value) SELECT run_uuid, {odd}, run_uuid FROM runs")
        steps = "WITH RECURSIVE steps(step) AS (SELECT 0 UNION ALL SELECT step + 1 FROM steps WHERE step < 99)"
        points = f"{steps} SELECT '{sqlite_store.runs['first']}', {odd}, step, step, step, 0 FROM steps"
        change(database, f"INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) {points}")
        gateway = opened(database)
        (column,) = {k for k in gateway.get_run(sqlite_store.runs["first"]).metrics if "U+DCFE" in k}
        key = gateway.get_run(sqlite_store.runs["first"]).raw_key(column)
        for direction, descending in (("ASC", False), ("DESC", True)):
            for size in (3, 100):
                by_metric, by_param = (
                    gateway.search_runs(
                        [sqlite_store.crowd], order_by=[f"{kind}.`{key}` {direction}"], max_results=size
                    ).runs
                    for kind in ("metrics", "params")
                )
                values = [run.metrics[column] for run in by_metric]
                assert values == sorted(values, reverse=descending)
                ids = [run.run_id for run in by_param]
                assert ids == sorted(ids, reverse=descending)
        history = gateway.metric_history(sqlite_store.runs["first"], key)
        assert list(history.values) == list(range(100))
        assert len(gateway.metric_history(sqlite_store.runs["first"], key, 20).values) < 100
        (summary,) = gateway.metric_summaries(sqlite_store.runs["first"], [key])
        assert summary.count == 100

    def test_pages_by_text_that_is_no_utf8(self, database: Path, sqlite_store: Store) -> None:
        rows = "SELECT run_uuid, 'odd', CAST(CASE WHEN rowid % 2 THEN x'ff41' ELSE x'41' END AS TEXT) FROM runs"
        change(database, f"INSERT INTO tags (run_uuid, key, value) {rows}")
        gateway = opened(database)
        for order in ("tags.odd DESC", "tags.odd ASC"):
            whole = gateway.search_runs([sqlite_store.crowd], order_by=[order])
            found: list[str] = []
            token = None
            while token is not None or not found:
                page = gateway.search_runs([sqlite_store.crowd], order_by=[order], max_results=2, page_token=token)
                found += [run.run_id for run in page.runs]
                token = page.next_page_token
            assert found == [run.run_id for run in whole.runs]
            assert len(found) == 17


def change(path: Path, *statements: str) -> None:
    """Past MLflow, which would not let all of it through."""
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


class TestLocks:
    def test_nothing_costs_a_writer_its_locks(self, database: Path) -> None:
        """Closing a handle on a file would give up all locks of the process, a promotion's too."""
        gateway = opened(database, writable=True)
        gateway.set_model_tag(MODEL, "a", "b")
        writer = sqlite3.connect(database, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        training_environment(Settings(tracking_uri=str(database)))
        sqlite_reader(database)
        gateway.list_experiments()
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
        other = subprocess.run([sys.executable, "-c", code, str(database)], capture_output=True, text=True, check=False)
        writer.close()
        assert "database is locked" in other.stderr


class TestIds:
    def test_of_an_experiment_from_a_file_store(self, database: Path, sqlite_store: Store) -> None:
        """They have 18 digits and keep them when the store is moved into a database."""
        moved = "123456789012345678"
        change(
            database,
            f"UPDATE experiments SET experiment_id = {moved} WHERE experiment_id = {sqlite_store.crowd}",
            f"UPDATE runs SET experiment_id = {moved} WHERE experiment_id = {sqlite_store.crowd}",
        )
        gateway = opened(database)
        first = gateway.search_runs([moved], max_results=10)
        second = gateway.search_runs([moved], max_results=10, page_token=first.next_page_token)
        assert (len(first.runs), len(second.runs), first.warnings) == (10, 7, ())

    @pytest.mark.parametrize("wrong", ["²", "9" * 19, pytest.param("9" * 5000, id="long"), "-1", "x"])
    def test_that_no_experiment_has(self, database: Path, wrong: str) -> None:
        page = opened(database).search_runs([wrong])
        assert page.runs == ()
        assert page.warnings[0].startswith("there is no experiment with the id")

    def test_of_a_hostile_store_are_printable(self, database: Path, sqlite_store: Store) -> None:
        """MLflow does not look at the run that a version of s3:// is said to be from."""
        change(
            database,
            "PRAGMA foreign_keys = OFF",
            "UPDATE model_versions SET run_id = char(27) || '[2J'",
            f"UPDATE runs SET run_uuid = char(27) || '[2J' WHERE run_uuid = '{sqlite_store.runs['diverged']}'",
        )
        gateway = opened(database)
        versions = gateway.list_model_versions(MODEL)
        runs = gateway.search_runs([sqlite_store.experiment]).runs
        assert {v.run_id for v in versions} == {"␛[2J"}
        assert "␛[2J" in {r.run_id for r in runs}


class TestForeign:
    def test_mlflows_table_names_with_other_columns(self, tmp_path: Path) -> None:
        path = tmp_path / "m.db"
        connection = sqlite3.connect(path)
        for table in ("experiments", "runs", "metrics", "params", "tags"):
            connection.execute(f"CREATE TABLE {table} (id INTEGER)")
        connection.commit()
        connection.close()
        with pytest.raises(NotAStore, match="experiments has no experiment_id, name"):
            opened(path)


class TestSchemas:
    def revised(self, path: Path, revision: str) -> Path:
        connection = sqlite3.connect(path)
        with connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.close()
        return path

    @pytest.mark.parametrize(
        ("revision", "age", "command"),
        [("0584bdc529eb", "older", "mlflow db upgrade sqlite:///"), ("f" * 12, "newer", "pip install -U mlflow")],
    )
    def test_read_but_never_written(self, database: Path, revision: str, age: str, command: str) -> None:
        """The note names both revisions and the command; every write is refused with that command."""
        self.revised(database, revision)
        before = snapshot(database.parent)
        gateway = opened(database, writable=True)
        info = gateway.describe()
        assert not info.writable
        assert any(f"{age} schema ({revision}" in n and command in n for n in info.notes)
        assert command in info.read_only_reason
        run_id = browse(gateway) and gateway.search_runs(["1"]).runs[0].run_id
        for write in (
            lambda: gateway.create_version("new", "models:/m-x", str(run_id)),
            lambda: gateway.transition(MODEL, "1", Stage.ARCHIVED, archive_existing=False),
            lambda: gateway.terminate_run(str(run_id), "KILLED"),
        ):
            with pytest.raises(ReadOnly, match=command):
                write()
        assert snapshot(database.parent) == before

    def test_reader_mlflow_refuses_it(self, database: Path) -> None:
        self.revised(database, "0584bdc529eb")
        with pytest.raises(SchemaMismatch, match="mlflow db upgrade"):
            open_store(Settings(tracking_uri=str(database), reader=Reader.MLFLOW))

    def test_which_reader(self, database: Path, file_store: Store) -> None:
        assert isinstance(open_store(Settings(tracking_uri=str(database), reader=Reader.MLFLOW)), MlflowGateway)
        gateway = open_store(Settings(tracking_uri=str(database)))
        assert gateway.describe().reader == "sql reader (SQLite, read-only)"
        assert isinstance(open_store(Settings(tracking_uri=file_store.gateway.describe().uri)), MlflowGateway)


class TestWorkspaces:
    def test_only_the_default_one_is_shown_and_that_is_said(self, database: Path, sqlite_store: Store) -> None:
        """Neither its experiments nor its runs, by whatever way they are asked for."""
        connection = sqlite3.connect(database)
        with connection:
            connection.execute("UPDATE experiments SET workspace = 'theirs' WHERE name = ?", (EXPERIMENT,))
            connection.execute("UPDATE registered_models SET workspace = 'theirs'")
        connection.close()
        gateway = opened(database)
        assert "1 other workspace is not shown, only the default one" in gateway.describe().notes
        assert EXPERIMENT not in names(gateway)
        run_id = sqlite_store.runs["first"]
        assert gateway.search_runs([sqlite_store.experiment]).runs == ()
        for ask in (gateway.get_run, gateway.find_run, lambda i: gateway.find_run(i[:12]), gateway.list_artifacts):
            with pytest.raises(RunNotFound):
                ask(run_id)
        assert gateway.list_registered_models() == ()


class TestTwoStores:
    def test_registry_in_another_database(self, database: Path, tmp_path: Path, sqlite_template: Path) -> None:
        """Each side has its own reader, and writes go where they belong."""
        registry = tmp_path / "registry.db"
        shutil.copy(sqlite_template, registry)
        gateway = SqlGateway(resolve(str(database), str(registry), environ={}))
        assert EXPERIMENT in names(gateway)
        assert gateway.list_registered_models() == ()
        run = next(r for r in gateway.search_runs(["1"]).runs if r.name == "first")
        gateway.create_version("elsewhere", gateway.model_sources(run.run_id)[0].source, run.run_id)
        assert [m.name for m in gateway.list_registered_models()] == ["elsewhere"]
        assert [m.name for m in opened(registry).list_registered_models()] == ["elsewhere"]
        assert "elsewhere" not in [m.name for m in opened(database).list_registered_models()]

    def test_files_and_a_database(self, database: Path, file_store: Store) -> None:
        gateway = SqlGateway(resolve(file_store.gateway.describe().uri, str(database), environ={}))
        info = gateway.describe()
        assert info.reader == "MlflowClient; registry: sql reader (SQLite, read-only)"
        assert EXPERIMENT in names(gateway)
        assert [m.name for m in gateway.list_registered_models()] == [
            m.name for m in opened(database).list_registered_models()
        ]

    def test_older_registry_forbids_writing(self, database: Path, tmp_path: Path, sqlite_template: Path) -> None:
        registry = tmp_path / "registry.db"
        shutil.copy(sqlite_template, registry)
        TestSchemas().revised(registry, "0584bdc529eb")
        info = SqlGateway(resolve(str(database), str(registry), environ={})).describe()
        assert not info.writable
        assert "registry.db" in info.read_only_reason
