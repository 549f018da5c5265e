"""Fixtures of the gateway's tests: one store of each kind with the same content, built once a session."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from contract_stores import Store, fill_memory, seed

from mlaudit.gateway.base import Gateway
from mlaudit.gateway.mlflow_client import make_default
from mlaudit.gateway.mlflow_gateway import MlflowGateway
from mlaudit.gateway.sql_gateway import SqlGateway
from mlaudit.gateway.uri import resolve

KINDS = ("memory", "sqlite", "files", "server", "postgresql", "sqlite by sql", "postgresql by sql")


def seeded(kind: str, uri: str, artifact_root: Path | None) -> Store:
    """Fill the store at ``uri`` and open it as mlaudit does; "by sql" is the way that is the default for databases."""
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    make_default(client)
    experiment, crowd, runs = seed(client, artifact_root)
    found = resolve(uri, uri, environ={})
    gateway: Gateway = SqlGateway(found) if kind.endswith("by sql") else MlflowGateway(found)
    return Store(kind, gateway, experiment, crowd, runs)


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Store:
    """A seeded SQLite store whose path needs quoting."""
    root = tmp_path_factory.mktemp("sqlite é")
    shutil.copy(sqlite_template, root / "runs.db")
    return seeded("sqlite", f"sqlite:///{root / 'runs.db'}", root / "artifacts")


@pytest.fixture(scope="session")
def file_store(tmp_path_factory: pytest.TempPathFactory, mlflow_environment: None) -> Store:
    """A seeded file store."""
    root = tmp_path_factory.mktemp("files") / "mlruns"
    return seeded("files", root.as_uri(), None)


@pytest.fixture(scope="session", params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same content in every kind of store."""
    kind = request.param
    if kind == "memory":
        return fill_memory()
    if kind == "sqlite":
        return request.getfixturevalue("sqlite_store")
    if kind == "files":
        return request.getfixturevalue("file_store")
    if kind == "server":
        return seeded("server", request.getfixturevalue("mlflow_server"), None)
    if kind == "sqlite by sql":
        root = tmp_path_factory.mktemp("100% é #?")
        shutil.copy(request.getfixturevalue("sqlite_template"), root / "runs.db")
        return seeded(kind, f"sqlite:///{quote(str(root / 'runs.db'))}", root / "artifacts")
    uri = request.getfixturevalue("postgresql_store" if kind == "postgresql" else "second_postgresql_store")
    return seeded(kind, uri, tmp_path_factory.mktemp("pg-artifacts"))
