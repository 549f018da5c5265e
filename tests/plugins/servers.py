"""Real stores for tests: a database of MLflow's schema, an ``mlflow server``, PostgreSQL. Load as a pytest plugin.

Each is built once a session. What cannot be had here is skipped with the reason; with ``CI=true`` that is a failure.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlaudit.domain.models import StoreKind
from mlaudit.gateway import environment

READY_SECONDS = 90


def unavailable(reason: str) -> None:
    """Skip the test, or fail it where nothing may be missing."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"missing on a machine that must have it: {reason}")
    pytest.skip(reason)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop_group(process: subprocess.Popen[bytes], first: signal.Signals = signal.SIGTERM, grace: float = 5.0) -> None:
    """End a process that leads its own group, and the group with it."""
    for sign in (first, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue
    process.wait(grace)


@pytest.fixture(scope="session")
def mlflow_environment() -> None:
    """The environment in which MLflow can be used for seeding every kind of store."""
    environment.prepare({StoreKind.FILES})


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, mlflow_environment: None) -> Path:
    """A database of the installed MLflow's schema without runs. Copy it: making the schema takes seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("template") / "template.db"
    uri = f"sqlite:///{path}"
    MlflowClient(uri, uri).search_experiments()
    return path


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[str]:
    """The address of a real tracking server on a database of its own."""
    with running_mlflow_server(tmp_path_factory.mktemp("server"), sqlite_template) as uri:
        yield uri


@dataclass(frozen=True)
class GuardedServer:
    """A tracking server that wants a name and a password."""

    uri: str
    admin: str
    password: str


@pytest.fixture(scope="session")
def basic_auth_server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[GuardedServer]:
    """An ``mlflow server --app-name basic-auth``, whose users may read everything unless they are told otherwise."""
    if importlib.util.find_spec("flask_wtf") is None:
        unavailable("Flask-WTF is not installed, which MLflow's basic-auth app needs")
    root = tmp_path_factory.mktemp("guarded")
    admin, password = "root", "correct-horse-battery"
    (root / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{root / 'auth.db'}\n"
        f"admin_username = {admin}\nadmin_password = {password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        # Otherwise every request costs a password hash.
        "auth_cache_ttl_seconds = 60\n"
    )
    secrets = {"MLFLOW_AUTH_CONFIG_PATH": str(root / "auth.ini"), "MLFLOW_FLASK_SERVER_SECRET_KEY": "of the tests"}
    with running_mlflow_server(root, sqlite_template, "--app-name", "basic-auth", **secrets) as uri:
        yield GuardedServer(uri, admin, password)


@contextmanager
def running_mlflow_server(root: Path, template: Path, *options: str, **variables: str) -> Iterator[str]:
    """An ``mlflow server`` on a copy of the database ``template`` in ``root``; yields its address."""
    shutil.copy(template, root / "mlflow.db")
    port = free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}", "--artifacts-destination", str(root / "artifacts")),
        *options,
    ]
    environ = (
        environment.child_environment()
        | variables
        | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
    )
    with (root / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=root, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        uri = f"http://127.0.0.1:{port}"
        if not _healthy(uri, process):
            unavailable(f"mlflow server did not start: {(root / 'server.log').read_text(errors='replace')[-800:]}")
        yield uri
    finally:
        stop_group(process)


def _healthy(uri: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=2) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            time.sleep(0.2)
    return False


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """``postgresql://`` URI of the administrator's database of a PostgreSQL server of this session."""
    with running_postgresql() as uri:
        yield uri


@contextmanager
def running_postgresql() -> Iterator[str]:
    """A PostgreSQL server; yields the ``postgresql://`` URI of its administrator's database."""
    binaries = _postgresql_binaries()
    if binaries is None:
        unavailable("PostgreSQL's initdb is not installed")
        raise AssertionError  # unavailable() never returns
    pytest.importorskip("psycopg")
    # Not below pytest's own folder, which another user may not enter; and a socket's path must be short.
    root = Path(tempfile.mkdtemp(prefix="pg-"))
    prefix: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            unavailable("PostgreSQL refuses to run as root, and setpriv is missing")
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(root, "postgres", "postgres")
    data, port = root / "data", free_port()
    process: subprocess.Popen[bytes] | None = None
    try:
        initdb = [*prefix, str(binaries / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust", "-N", "-E", "UTF8"]
        made = subprocess.run(initdb, cwd=root, capture_output=True, check=False)
        if made.returncode:
            unavailable(f"initdb failed: {made.stderr.decode(errors='replace')[-500:]}")
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={root}", "-c", "fsync=off"]
        postgres = [*prefix, str(binaries / "postgres"), "-D", str(data), "-p", str(port), *options]
        process = subprocess.Popen(
            postgres,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        uri = f"postgresql://tester@127.0.0.1:{port}/postgres"
        if not _accepts(uri, process):
            unavailable("PostgreSQL did not start")
        yield uri
    finally:
        if process is not None:
            # SIGTERM would wait for every client to go.
            stop_group(process, signal.SIGINT)
        shutil.rmtree(root, ignore_errors=True)


def new_postgresql_store(server: str, name: str) -> str:
    """URI of a new database of that name with the installed MLflow's schema."""
    import psycopg
    from mlflow import MlflowClient

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    uri = server.rpartition("/")[0].replace("postgresql://", "postgresql+psycopg://") + f"/{name}"
    MlflowClient(uri, uri).search_experiments()
    return uri


@pytest.fixture(scope="session")
def postgresql_store(postgresql_server: str, mlflow_environment: None) -> str:
    """URI of a PostgreSQL database with the installed MLflow's schema and no runs."""
    return new_postgresql_store(postgresql_server, "mlflow")


@pytest.fixture(scope="session")
def second_postgresql_store(postgresql_server: str, mlflow_environment: None) -> str:
    """Another one."""
    return new_postgresql_store(postgresql_server, "second")


@pytest.fixture(scope="session")
def third_postgresql_store(postgresql_server: str, mlflow_environment: None) -> str:
    """One more."""
    return new_postgresql_store(postgresql_server, "third")


@pytest.fixture(scope="session")
def fifth_postgresql_store(postgresql_server: str, mlflow_environment: None) -> str:
    """The last one."""
    return new_postgresql_store(postgresql_server, "fifth")


@pytest.fixture(scope="session")
def fourth_postgresql_store(postgresql_server: str, mlflow_environment: None) -> str:
    """And one more."""
    return new_postgresql_store(postgresql_server, "fourth")


def _postgresql_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _accepts(uri: str, process: subprocess.Popen[bytes]) -> bool:
    import psycopg

    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg.connect(uri, connect_timeout=2).close()
        except psycopg.Error:
            time.sleep(0.1)
        else:
            return True
    return False
