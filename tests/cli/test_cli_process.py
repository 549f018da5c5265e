"""The command line as a process of its own: what it loads, what it prints, how it ends."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
needs_gateway = pytest.mark.skipif(
    importlib.util.find_spec("mlaudit.gateway.mlflow_client") is None, reason="the MLflow gateway is not built yet"
)


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m mlaudit`` with no MLflow setting from outside."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "COVERAGE"))}
    return subprocess.run(
        [sys.executable, "-m", "mlaudit", *arguments],
        cwd=cwd,
        env=clean | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
        check=False,
    )


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "--help"], ["diff", "--help"], ["promote", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    result = python(
        "import sys; from mlaudit.cli.main import main\n"
        f"code = main({arguments!r})\n"
        "heavy = {'mlflow', 'textual', 'pandas', 'torch', 'numpy', 'scipy', 'sqlalchemy', 'rich'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy), 'code:', code)"
    )
    assert "heavy: [] code: 0" in result.stdout
    assert "Usage: mlaudit" in result.stdout
    assert result.stderr == ""


def test_version_and_the_module_entry_point(tmp_path):
    result = run("--version", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("mlaudit ")


def test_without_a_terminal_the_app_is_not_opened(tmp_path):
    result = run(cwd=tmp_path)
    assert result.returncode == 2
    assert "needs a terminal" in result.stderr
    assert result.stdout == ""


def test_a_hung_store_does_not_hang_the_exit():
    """MLflow's thread pools are joined at a normal exit; a given-up request must not wait for them."""
    started = time.monotonic()
    result = python(
        "import sys, time, concurrent.futures as f\n"
        "import mlaudit.cli.invocation as i, mlaudit.wiring as w\n"
        "i.FIRST_ANSWER = 0.5\n"
        "pool = f.ThreadPoolExecutor()\n"
        "w.Services.handle = lambda self, request: pool.submit(time.sleep, 40).result()\n"
        "sys.argv = ['mlaudit', 'experiments']\n"
        "from mlaudit.cli.main import run; run()"
    )
    assert time.monotonic() - started < 20
    assert result.returncode == 5
    assert result.stderr == "mlaudit: error: the store: no answer to the list of experiments within 0.5 s\n"


@pytest.mark.real
def test_a_reader_that_goes_away_is_no_error():
    """As in ``mlaudit runs | head -1``."""
    code = "import sys; from mlaudit.cli import output\nfor i in range(20000): output.data(f'line {i}')\nsys.exit(3)"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line 0\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 3


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an ``mlflow.db`` that MLflow itself has written, in a process of its own."""
    directory = tmp_path_factory.mktemp("store")
    code = (
        "import mlflow\n"
        f"mlflow.set_tracking_uri('sqlite:///{directory}/mlflow.db')\n"
        "mlflow.set_experiment('real')\n"
        "for n in range(3):\n"
        "    with mlflow.start_run(run_name=f'r{n}'):\n"
        "        mlflow.log_param('seed', n); mlflow.log_metric('val_loss', 0.5 - n / 10)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=directory, check=True, capture_output=True, timeout=120)
    return directory


@needs_gateway
@pytest.mark.real
def test_runs_of_a_real_store_and_not_a_word_on_stderr(sqlite_store):
    result = run(
        "runs", "-e", "real", "--order-by", "metrics.val_loss ASC", "--columns", "name,metrics.val_loss",
        "--format", "csv", cwd=sqlite_store,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == ["run_name", "r2", "r1", "r0"]


@needs_gateway
@pytest.mark.real
@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("gopher://host", None),
        ("sqlite:///missing/mlflow.db", None),
        ("sqlite:///notes.db", None),
        ("DEAD", 5),
    ],
)
def test_a_store_that_is_none_is_one_line_and_soon(tmp_path, uri, code):
    (tmp_path / "notes.db").write_text("this is no database\n" * 100)
    if uri == "DEAD":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            uri = f"http://127.0.0.1:{probe.getsockname()[1]}"
    before = sorted(tmp_path.rglob("*"))
    started = time.monotonic()
    result = run("runs", "--tracking-uri", uri, cwd=tmp_path)
    assert time.monotonic() - started < 25
    assert result.returncode in ({2, 5} if code is None else {code})
    assert result.stdout == ""
    assert result.stderr.startswith("mlaudit: error: ")
    assert result.stderr.count("\n") == 1
    assert "internal error" not in result.stderr
    assert sorted(tmp_path.rglob("*")) == before
