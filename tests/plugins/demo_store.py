"""The session fixture ``demo_store``: one complete demo store, really trained, for all tests of a run.

It is built once, also under xdist, and is to be treated as read-only: copy the directory before changing anything
(``mlflow.db`` in the copy works; its artifact locations still point into the original, which is right for reading).
MLAUDIT_TEST_DEMO_DIR names a store that is there already, or a directory to build one in and keep it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlaudit.config.bundled import demo_dir


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a complete demo store: mlflow.db, artifacts/ and mlaudit.toml."""
    named = os.environ.get("MLAUDIT_TEST_DEMO_DIR")
    base = tmp_path_factory.getbasetemp()
    # A worker of xdist has its own directory inside one that all workers of the run share.
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    store = Path(named).resolve() if named else shared / "demo-store"
    with (shared / "demo-store.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        seed = [sys.executable, "-B", str(demo_dir() / "seed.py"), str(store)]
        built = subprocess.run(seed, capture_output=True, text=True, timeout=280, check=False)
    assert built.returncode == 0, f"no demo store: {built.stdout[-2000:]}{built.stderr[-2000:]}"
    return store
