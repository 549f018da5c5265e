"""Which store is opened, and what is said of those that are none. Nothing here is created."""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlaudit.cli.main import open_app
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import (
    MlauditError,
    NoStore,
    NotAStore,
    PermissionDenied,
    SchemaMismatch,
    StoreUnavailable,
)
from mlaudit.domain.models import StoreKind
from mlaudit.gateway.mlflow_gateway import MlflowGateway
from mlaudit.gateway.postgresql_uri import looking
from mlaudit.gateway.schema import Mismatch, known_revisions
from mlaudit.gateway.uri import check_here, locate, resolve

CORE = ("experiments", "runs", "metrics", "params", "tags")


def make_database(path: Path, revision: str | None = "head", tables: tuple[str, ...] = CORE) -> Path:
    """A database that looks like MLflow's to whoever does not look at the columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    for table in tables:
        connection.execute(f'CREATE TABLE "{table}" (id INTEGER)')
    if revision is not None:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        found = known_revisions()[0] if revision == "head" else revision
        connection.execute("INSERT INTO alembic_version VALUES (?)", (found,))
    connection.commit()
    connection.close()
    return path


def make_files(root: Path, experiment: str = "0") -> Path:
    (root / experiment).mkdir(parents=True)
    (root / experiment / "meta.yaml").write_text("name: Default\n")
    return root


class TestOrder:
    """--tracking-uri, MLFLOW_TRACKING_URI, ./mlruns that was used, ./mlflow.db."""

    def test_option_wins(self, tmp_path: Path) -> None:
        make_database(tmp_path / "a.db")
        store = resolve("a.db", environ={"MLFLOW_TRACKING_URI": "http://nowhere"}, cwd=tmp_path)
        assert (store.tracking.path, store.reason) == (tmp_path / "a.db", "--tracking-uri")

    def test_environment_before_directory(self, tmp_path: Path) -> None:
        make_database(tmp_path / "mlflow.db")
        store = resolve(environ={"MLFLOW_TRACKING_URI": " http://h:5000/ "}, cwd=tmp_path)
        assert store.tracking.kind is StoreKind.SERVER
        assert (store.tracking.uri, store.reason) == ("http://h:5000", "MLFLOW_TRACKING_URI")

    def test_used_mlruns_beside_a_database(self, tmp_path: Path) -> None:
        make_database(tmp_path / "mlflow.db")
        make_files(tmp_path / "mlruns")
        store = resolve(environ={"MLFLOW_TRACKING_URI": ""}, cwd=tmp_path)
        assert store.tracking.kind is StoreKind.FILES
        assert "mlruns" in store.reason
        assert "mlflow.db" in store.notes[0]

    def test_unused_mlruns_beside_a_database(self, tmp_path: Path) -> None:
        make_database(tmp_path / "mlflow.db")
        make_files(tmp_path / "mlruns", "models")
        store = resolve(environ={}, cwd=tmp_path)
        assert store.tracking.kind is StoreKind.SQLITE
        assert "mlruns" in store.notes[0]

    def test_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(NoStore, match="mlaudit demo"):
            resolve(environ={}, cwd=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_registry_of_its_own(self, tmp_path: Path) -> None:
        make_database(tmp_path / "a.db")
        make_database(tmp_path / "r.db")
        store = resolve("a.db", environ={"MLFLOW_REGISTRY_URI": "sqlite:///r.db"}, cwd=tmp_path)
        assert store.registry.path == tmp_path / "r.db"
        assert "registry" in store.notes[0]
        with pytest.raises(NotAStore):
            resolve("a.db", "sqlite:///none.db", environ={}, cwd=tmp_path)

    def test_insecure_tls_is_noted(self) -> None:
        store = resolve("https://h", environ={"MLFLOW_TRACKING_INSECURE_TLS": "true"})
        assert "TLS" in store.notes[0]


class TestBeforeTheScreen:
    @pytest.mark.parametrize("uri", ["missing.db", "sqlite:///missing.db", "mlruns", None])
    def test_a_store_that_is_not_here_is_told(
        self, uri: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with pytest.raises((NotAStore, NoStore)):
            open_app(Settings(tracking_uri=uri))

    def test_nobody_else_is_asked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database server that hangs would keep the screen away for seconds."""
        files = str(make_files(tmp_path / "mlruns"))
        dead = "postgresql://127.0.0.1:1/db"
        check_here(files, dead)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", dead)
        check_here()
        with pytest.raises(StoreUnavailable):
            resolve()


class TestForms:
    @pytest.mark.parametrize("name", ["m.db", "with blank é.db", "a?b#c.db", "a%20b.db", "100%.db"])
    def test_sqlite_paths_in_every_form(self, tmp_path: Path, name: str) -> None:
        path = make_database(tmp_path / name)
        for uri in (str(path), f"sqlite:///{path}", path.as_uri(), f"./{name}", f"sqlite:///{name}"):
            assert resolve(uri, environ={}, cwd=tmp_path).tracking.path == path, uri

    def test_options_and_quotes_of_a_sqlalchemy_uri(self, tmp_path: Path) -> None:
        path = make_database(tmp_path / "a b.db")
        assert locate("sqlite:///a%20b.db?timeout=5", tmp_path).path == path

    def test_directories(self, tmp_path: Path) -> None:
        root = make_files(tmp_path / "ml runs")
        for uri in (str(root), root.as_uri(), "ml runs", "file:ml%20runs"):
            located = resolve(uri, environ={}, cwd=tmp_path).tracking
            assert (located.kind, located.path) == (StoreKind.FILES, root)

    @pytest.mark.parametrize(
        ("uri", "said"),
        [
            ("databricks", "Databricks"),
            ("databricks://profile", "Databricks"),
            ("uc:http://x", "Unity Catalog"),
            ("mysql+pymysql://u:hunter2@h/d", "MySQL"),
            ("mssql://u:hunter2@h/d", "SQL Server"),
            ("s3://bucket/x", "no store is known"),
            ("localhost:5000", "http://localhost:5000"),
            ("http://", "no address"),
            ("http://h:port", "no address"),
            ("sqlite://", "three slashes"),
            ("sqlite:///:memory:", "in-memory"),
            ("sqlite:///", "in-memory"),
            ("file://otherhost/x", "another host"),
            ("file://[x", "no file: URI"),
            ("~nobody-of-this-name/x", "no such directory"),
            ("~nobody-of-this-name/m.db", "no such file"),
            pytest.param("x" * 300, "cannot be read", id="name too long for a folder"),
            pytest.param("sqlite:///" + "x" * 300, "cannot be read", id="name too long for a file"),
            ("x\x00y", "cannot be read"),
            ("sqlite:///x\x00y", "cannot be read"),
            ("admin:hunter2@host:5000", r"^\*\*\*@host:5000: .*two slashes"),
            ("http:/admin:hunter2@host:5000", r"^\*\*\*@host:5000: .*no address"),
            ("postgresql:/u:hunter2@h/db", r"^\*\*\*@h/db: .*two slashes"),
            ("//admin:hunter2@host:5000", r"^\*\*\*@host:5000: .*two slashes"),
            ("mysql:/u:hunter2@h/db", "MySQL"),
            ("/nowhere/at/all", "no such directory"),
            ("/nowhere/m.db", "no such file"),
            ("\x1b[2J\n", "no such directory"),
        ],
    )
    def test_refused_in_one_line(self, uri: str, said: str, tmp_path: Path) -> None:
        with pytest.raises(MlauditError, match=said) as caught:
            resolve(uri, environ={}, cwd=tmp_path)
        assert str(caught.value).isprintable()
        assert "hunter2" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []


class TestNotAStore:
    def refused(self, path: Path) -> str:
        before = path.read_bytes() if path.is_file() else b""
        around = sorted(os.listdir(path.parent))
        with pytest.raises(NotAStore) as caught:
            resolve(str(path), environ={})
        assert (path.read_bytes() if path.is_file() else b"") == before
        assert sorted(os.listdir(path.parent)) == around
        assert str(caught.value).isprintable()
        return str(caught.value)

    def test_files_that_are_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "empty.db").write_bytes(b"")
        (tmp_path / "text.db").write_text("hello")
        (tmp_path / "lfs.db").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
        assert "is empty" in self.refused(tmp_path / "empty.db")
        assert "no SQLite database" in self.refused(tmp_path / "text.db")
        assert "git lfs pull" in self.refused(tmp_path / "lfs.db")

    def test_databases_of_others(self, tmp_path: Path) -> None:
        assert "another program" in self.refused(make_database(tmp_path / "o.db", None, ("users", "orders\x1b[2J")))
        sqlite3.connect(tmp_path / "n.db").executescript("PRAGMA user_version = 1; VACUUM;")
        assert "no tables" in self.refused(tmp_path / "n.db")

    def test_damaged_database(self, tmp_path: Path) -> None:
        path = make_database(tmp_path / "m.db")
        path.write_bytes(path.read_bytes()[:3000])
        assert "damaged" in self.refused(path)

    def test_directories(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "other" / "sub").mkdir(parents=True)
        make_files(tmp_path / "project" / "mlruns")
        make_database(tmp_path / "withdb" / "mlflow.db")
        assert "empty directory" in self.refused(tmp_path / "empty")
        assert "no experiments" in self.refused(tmp_path / "other")
        assert "project/mlruns" in self.refused(tmp_path / "project")
        assert "sqlite:///" in self.refused(tmp_path / "withdb")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_unreadable(self, tmp_path: Path) -> None:
        path = make_database(tmp_path / "m.db")
        path.chmod(0)
        with pytest.raises(PermissionDenied):
            resolve(str(path), environ={})

    def test_in_a_folder_of_another_user(self, open_folder: Path) -> None:
        make_database(open_folder / "secret" / "m.db")
        (open_folder / "secret").chmod(0)
        with as_somebody_else():
            assert locate(f"sqlite:///{open_folder}/secret/m.db").path == open_folder / "secret" / "m.db"
            for uri in (f"sqlite:///{open_folder}/secret/m.db", f"{open_folder}/secret/m.db", f"{open_folder}/secret"):
                with pytest.raises(PermissionDenied):
                    resolve(uri, environ={})

    def test_one_folder_of_another_user_hides_no_store(self, open_folder: Path) -> None:
        make_files(open_folder, "1")
        make_files(open_folder, "2")
        (open_folder / "1").chmod(0)
        with as_somebody_else():
            found = resolve(str(open_folder), environ={})
        assert found.tracking.path == open_folder
        assert found.notes == ("1 folder of this store may not be read and nothing of that is shown: 1",)
        (open_folder / "2").chmod(0)
        with as_somebody_else(), pytest.raises(PermissionDenied, match="folders may not be read"):
            resolve(str(open_folder), environ={})

    def test_working_directory_is_gone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        with pytest.raises(NotAStore, match="working directory"):
            resolve(environ={})


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder
        for inside in folder.iterdir():
            inside.chmod(0o755)


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """As a user without rights, where the tests are run by one who may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class TestSchema:
    def mismatch(self, path: Path) -> Mismatch:
        (found,) = resolve(str(path), environ={}).mismatches
        return found

    def test_older(self, tmp_path: Path) -> None:
        """It is found, with the exact command for its owner; MLflow is not handed it."""
        path = make_database(tmp_path / "old files" / "old.db", "1bd49d398cd23")
        found = self.mismatch(path)
        assert (found.found, found.expected, found.newer) == ("1bd49d398cd23", known_revisions()[0], False)
        assert found.command == f"mlflow db upgrade 'sqlite:///{path}'"
        assert found.command in found.remedy
        with pytest.raises(SchemaMismatch, match=r"older schema \(1bd49d398cd23.*mlflow db upgrade 'sqlite:///"):
            MlflowGateway(resolve(str(path), environ={}))

    def test_older_than_migrations(self, tmp_path: Path) -> None:
        assert "none recorded" in self.mismatch(make_database(tmp_path / "m.db", None)).what

    def test_newer(self, tmp_path: Path) -> None:
        found = self.mismatch(make_database(tmp_path / "m.db", "fffffff"))
        assert found.newer
        assert "newer schema (fffffff" in found.what
        assert found.command == "pip install -U mlflow"

    def test_current(self, tmp_path: Path) -> None:
        assert resolve(str(make_database(tmp_path / "m.db")), environ={}).mismatches == ()

    def test_head_is_what_mlflow_says(self) -> None:
        from mlflow.store.db.utils import _get_latest_schema_revision

        assert known_revisions()[0] == _get_latest_schema_revision()


class TestPostgresql:
    def test_nobody_listens(self) -> None:
        with pytest.raises(StoreUnavailable) as caught:
            resolve("postgresql://ada:hunter2@127.0.0.1:1/db", environ={})
        assert "hunter2" not in str(caught.value)
        assert str(caught.value).isprintable()

    @pytest.mark.real
    def test_database_that_is_not_mlflows_stays_so(self, postgresql_server: str) -> None:
        import psycopg

        with pytest.raises(NotAStore, match="no MLflow tables"):
            resolve(postgresql_server, environ={})
        with psycopg.connect(postgresql_server) as connection:
            row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert row == (0,)

    @pytest.mark.parametrize(
        ("uri", "options", "seconds"),
        [
            ("postgresql://u:p%40@h/db", "-c default_transaction_read_only=on", "5"),
            ("postgresql://h/db?options=-csearch_path=ml", "-csearch_path=ml -c default_transaction_read_only=on", "5"),
            (
                "postgresql://h/db?options=-c+search_path%3Dml&connect_timeout=9",
                "-c search_path=ml -c default_transaction_read_only=on",
                "9",
            ),
        ],
    )
    def test_users_own_options_stay(self, uri: str, options: str, seconds: str) -> None:
        """For libpq, which has the first look, and for SQLAlchemy, which reads."""
        import sqlalchemy
        from psycopg.conninfo import conninfo_to_dict

        asked = looking(uri)
        for read in (conninfo_to_dict(asked), sqlalchemy.make_url(asked).query):
            assert (read["options"], read["connect_timeout"]) == (options, seconds)
        assert conninfo_to_dict(asked).get("password") == ("p@" if "@" in uri else None)

    @pytest.mark.real
    def test_store_in_a_schema_of_its_own(self, postgresql_server: str) -> None:
        """The search path that finds it is given as the URI's options, or as PostgreSQL's own variable."""
        import psycopg

        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA ml")
            try:
                for table in CORE:
                    connection.execute(f'CREATE TABLE ml."{table}" (id INTEGER)')
                for path in ("-csearch_path=ml", "-csearch_path%3Dml", "-c%20search_path%3Dml"):
                    resolve(f"{postgresql_server}?options={path}", environ={})
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("PGOPTIONS", "-csearch_path=ml")
                    resolve(postgresql_server, environ={})
            finally:
                connection.execute("DROP SCHEMA ml CASCADE")

    @pytest.mark.real
    def test_no_such_database(self, postgresql_server: str) -> None:
        with pytest.raises(NotAStore, match="no such database"):
            resolve(postgresql_server.replace("/postgres", "/nothing"), environ={})


def test_resolving_does_not_import_mlflow(tmp_path: Path) -> None:
    """A wrong path must be told at once, and importing MLflow takes seconds."""
    import subprocess

    code = (
        "import sys\n"
        "from mlaudit.domain.errors import NotAStore\n"
        "from mlaudit.gateway.uri import resolve\n"
        "try:\n    resolve('/nowhere', environ={})\nexcept NotAStore:\n    print('mlflow' in sys.modules)\n"
    )
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False)
    assert done.stdout == "False\n", done.stderr
