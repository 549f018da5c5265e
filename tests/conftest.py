"""Fixtures that every test may ask for."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ("tests.plugins.sample_store", "tests.plugins.servers", "tests.plugins.demo_store")


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test touches what mlaudit remembers for the person who runs it."""
    os.environ["MLAUDIT_STATE_DIR"] = str(tmp_path_factory.mktemp("state"))
