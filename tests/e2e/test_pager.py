"""Reading an artifact in the user's pager, on a terminal without a display: the app steps aside and comes back."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.plugins.terminal import Terminal

pytestmark = pytest.mark.real


@pytest.fixture
def store(sqlite_template: Path, tmp_path: Path) -> Path:
    """The folder of a store with one run that has one artifact."""
    from mlflow import MlflowClient

    shutil.copy(sqlite_template, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment("fraud", artifact_location=(tmp_path / "artifacts").as_uri())
    run = client.create_run(experiment, run_name="the only one")
    client.log_text(run.info.run_id, "\x1b[2Jfirst line\nsecond line\n", "train.log")
    client.set_terminated(run.info.run_id)
    return tmp_path


def test_the_pager_has_the_terminal_until_it_ends(store: Path) -> None:
    """What it is given is printable; what it leaves on the screen is painted over."""
    pager = store / "pager"
    body = "import sys\nsys.stdout.write('\\x1b[2J\\x1b[HPAGER:' + open(sys.argv[1]).read())\n"
    body += "sys.stdout.flush()\nsys.stdin.readline()\n"
    pager.write_text(f"#!{sys.executable}\n{body}")
    pager.chmod(0o755)
    environ = {"PAGER": str(pager), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    with Terminal(cwd=store, size=(100, 30), environ=environ) as t:
        t.see("fraud", "2 experiments")
        t.press("a")
        t.see("the only one", "1 run")
        t.press("enter")
        t.see("Overview")
        t.press("5")
        t.see("train.log")
        t.press("O")
        t.see("Read it in the pager?")
        t.press("right", "enter")
        t.see("PAGER:␛[2Jfirst line", "second line")
        assert "Overview" not in t.text
        t.press("enter")
        t.see("Overview", "train.log")
        t.gone("PAGER")
        t.press("1")
        t.see("Registered versions")
        t.press("q")
        assert t.exit_code() == 0
