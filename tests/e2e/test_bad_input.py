"""Bad input everywhere gives one clear line and no traceback: on the command line, and in the app where it applies."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from mlaudit.cli.main import main
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import MlauditError
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.train_form import TrainFormScreen
from mlaudit.wiring import Services, open_store
from mlaudit.worker.backend import ThreadBackend
from tests.plugins.sample_store import MODEL, SAMPLE, build_sample_gateway
from tests.plugins.screen_tools import app_on, see, until

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


def dead() -> str:
    """The address of a server that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def no_database() -> str:
    """A file that is no database."""
    Path("notes.db").write_text("this is no database\n" * 100)
    return "sqlite:///notes.db"


STORES: dict[str, tuple[Callable[[], str], int, str]] = {
    "unknown URI": (lambda: "gopher://host/x", 5, "gopher"),
    "missing file": (lambda: "sqlite:///missing/mlflow.db", 5, "missing/mlflow.db"),
    "missing directory": (lambda: "nowhere", 5, "nowhere"),
    "no database": (no_database, 5, "notes.db"),
    "dead server": (dead, 5, "connection refused"),
    "nothing here": (lambda: "", 2, "mlflow.db"),
}
"""Case -> how to make it, the exit code, what its line names."""


@pytest.mark.parametrize("case", STORES)
@pytest.mark.parametrize("command", ["experiments", "runs", "show", "diff", "promote"])
def test_a_store_that_is_none(case: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same line whichever command meets it; nothing is created."""
    make, code, named = STORES[case]
    uri = make()
    before = sorted(p.name for p in Path().rglob("*"))
    arguments = [command, *(["abc"] if command in {"show", "diff", "promote"} else [])]
    assert main([*arguments, *(["--tracking-uri", uri] if uri else [])]) == code
    one_line(capsys, named)
    assert sorted(p.name for p in Path().rglob("*")) == before


@pytest.mark.parametrize("case", STORES)
async def test_a_store_that_is_none_in_the_app(case: str) -> None:
    """In place on the first screen, with the way out; the app stays."""
    make, _, named = STORES[case]
    settings = Settings(tracking_uri=make() or None)
    app = MlauditApp(ThreadBackend(Services(settings).handle), settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "Press r to try again")
        said = str(app.screen.query_one("#status", Static).render())
        assert named in said.replace("\n", "")
        assert "Traceback" not in said
        assert isinstance(app.screen, ExperimentsScreen)
        await pilot.press("q")
    assert app.return_code == 0


@pytest.mark.parametrize("case", ["unknown URI", "missing file", "nothing here"])
def test_the_app_does_not_even_open_on_what_is_not_there(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Told where a store is looked for, before a screen is drawn."""
    make, _, named = STORES[case]
    with pytest.raises(MlauditError, match=named):
        open_store(Settings(tracking_uri=make() or None))


def one_line(capsys: pytest.CaptureFixture[str], *named: str) -> None:
    """Nothing on stdout, one line on stderr, and that names these; a wrong filter is shown on two lines below it."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mlaudit: error: "), err
    line, *shown = err.splitlines()
    assert len(shown) == (2 if "bad filter" in line else 0), err
    assert "internal error" not in err
    assert [n for n in named if n not in err] == [], err


def services(gateway: MemoryGateway) -> Any:
    """The program's services on this store."""
    return lambda settings: Services(settings, open_gateway=lambda: gateway)


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["runs", "--filter", "metrics.val_loss <"], 2, "bad filter"),
        (["runs", "--filter", "nonsense"], 2, "bad filter"),
        (["diff", SAMPLE["better"], "--model", "no-such-model"], 2, "no-such-model"),
        (["promote", SAMPLE["better"], "--model", "no-such-model"], 2, "no-such-model"),
        (["diff", SAMPLE["better"], "--against", "version:99"], 2, "version 99"),
        (["diff", SAMPLE["better"], "--against", "nonsense"], 2, "nonsense"),
        (["diff", "0123456789"], 2, "0123456789"),
        (["show", "0123456789"], 2, "0123456789"),
        (["promote", "0123456789"], 2, "0123456789"),
        (["promote", SAMPLE["nomodel"], "--model", MODEL, "--yes"], 2, "logged no model"),
        (["diff", SAMPLE["better"], "--policy", "missing.toml"], 2, "missing.toml"),
    ],
)
def test_a_request_that_cannot_be_met(
    arguments: list[str], code: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad filter, missing model, version, run and policy, and a run with nothing to register."""
    assert main(arguments, services(build_sample_gateway())) == code
    one_line(capsys, named)


def test_an_unknown_metric_is_said_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A key that no run has is a remark on stderr: the list is empty, or the column is, and that is a right answer."""
    for arguments in (["--filter", "metrics.val_los < 1"], ["--columns", "name,metrics.val_los"]):
        assert main(["runs", *arguments], services(build_sample_gateway())) == 0
        _, err = capsys.readouterr()
        assert "val_los" in err
        assert "Traceback" not in err


def test_a_policy_on_an_unknown_metric(capsys: pytest.CaptureFixture[str]) -> None:
    """A primary metric that neither run has is no pass."""
    Path("mlaudit.toml").write_text(
        f'schema = 1\n[model."{MODEL}"]\n[[model."{MODEL}".metric]]\nname = "val_los"\nrole = "primary"\n'
        'direction = "lower"\nmax_rel_regression = 0.05\n'
    )
    assert main(["diff", SAMPLE["better"]], services(build_sample_gateway())) == 4
    out, err = capsys.readouterr()
    assert "NOT_COMPARABLE" in out
    assert "val_los" in out
    assert "Traceback" not in out + err


def test_no_production(capsys: pytest.CaptureFixture[str]) -> None:
    """No baseline is a verdict of its own, with its own code."""
    gateway = build_sample_gateway()
    assert main(["diff", SAMPLE["churn"]], services(gateway)) == 4
    out, err = capsys.readouterr()
    assert "NO_BASELINE" in out
    assert "Traceback" not in out + err


async def test_no_production_in_the_app() -> None:
    """The same verdict on screen."""
    app = app_on(build_sample_gateway())
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "memory")
        await app.push_screen(DiffScreen(SAMPLE["churn"]))
        await see(pilot, "NO_BASELINE", "none: there is no")


@pytest.mark.parametrize("run_id", ["0123456789abcdef0123456789abcdef", SAMPLE["deleted"][:12]])
async def test_a_run_that_is_gone_in_the_app(run_id: str) -> None:
    """Deleted while its screen was asked for: said in place."""
    app = app_on(build_sample_gateway())
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "memory")
        await app.push_screen(DiffScreen(run_id, model="no-such-model"))
        await see(pilot, "Press r to try", "was not compared")


# A package that is not installed

HIDE = """
import importlib.machinery as m
find = m.PathFinder.find_spec
m.PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] == "torch" else find(name, *rest)
"""


@pytest.mark.parametrize("arguments", [["train"], ["demo", "here", "--no-open"]])
def test_missing_torch(tmp_path: Path, sqlite_template: Path, arguments: list[str]) -> None:
    """One line that says which extra to install; no run is left behind and no store half-built."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDE)
    work = tmp_path / "work"
    work.mkdir()
    shutil.copy(sqlite_template, work / "mlflow.db")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    result = subprocess.run(
        [sys.executable, "-m", "mlaudit", *arguments],
        cwd=work,
        env=kept | {"PYTHONPATH": os.pathsep.join((str(hidden), str(ROOT)))},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("mlaudit: error: ")
    assert result.stderr.count("\n") == 1
    assert "mlaudit[train]" in result.stderr
    assert not (work / "here" / "mlflow.db").exists()


async def test_missing_torch_in_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form of a training says it in place."""
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name.startswith("torch") else found(name, *rest)
    )
    app = app_on(build_sample_gateway())
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "memory")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TrainFormScreen))
        await see(pilot, "[train]")
