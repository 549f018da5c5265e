"""What is installed works: the wheel, in an environment that holds nothing of the checkout.

The wheel is built by the project's own backend and installed by pip into a new virtual environment. Its dependencies
are not downloaded again: a path file lets the environment see those of the running tests, from which the checkout's
own editable installation is kept out by asking where everything was imported from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = ("mlaudit", "demo", "README.md", "LICENSE", "pyproject.toml")

pytestmark = pytest.mark.real


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command without anything of the tests' environment that points into the checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLFLOW_", "COVERAGE", "VIRTUAL_ENV"))}
    return subprocess.run(
        [str(c) for c in command], cwd=cwd, env=kept | environ, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the checkout."""
    base = tmp_path_factory.mktemp("wheel")
    source = base / "source"
    source.mkdir()
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    built = run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", base / "dist", source, cwd=base
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    (found,) = (base / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a virtual environment with the wheel in it."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    made = run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=environment.parent)
    assert made.returncode == 0, made.stderr
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    pip = run(
        *(sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install", "-q"),
        *("--no-deps", "--no-index", "--no-compile", wheel),
        cwd=environment.parent,
    )
    assert pip.returncode == 0, pip.stdout + pip.stderr
    # A plain line adds a folder to the path and reads none of its .pth files: the editable installation stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


def test_the_wheel_holds_what_it_must(wheel: Path) -> None:
    """Every module, style sheet, schema and demo file of the checkout, the type marker and the licence; no test."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    data = [p for p in (ROOT / "mlaudit").rglob("*") if p.is_file() and p.suffix not in {".pyc"}]
    missing = {p.relative_to(ROOT).as_posix() for p in data} - names
    assert missing == set()
    demo = [p for p in (ROOT / "demo").iterdir() if p.is_file()]
    assert {f"mlaudit/_demo/{p.name}" for p in demo} <= names
    assert "mlaudit/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [name for name in names if name.startswith("tests") or "__pycache__" in name] == []


def test_the_program_runs(installed: Path, tmp_path: Path) -> None:
    """--version and --help of the console script; the version is the wheel's."""
    program = installed / "bin" / "mlaudit"
    version = run(program, "--version", cwd=tmp_path)
    assert (version.returncode, version.stderr) == (0, "")
    asked = run(
        installed / "bin" / "python", "-c", "import importlib.metadata as m; print(m.version('mlaudit'))", cwd=tmp_path
    )
    assert version.stdout.strip() == f"mlaudit {asked.stdout.strip()}"
    shown = run(program, "--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    for command in ("runs", "diff", "promote", "train", "demo"):
        assert f"\n  {command} " in shown.stdout


def test_everything_comes_from_the_installation(installed: Path, tmp_path: Path) -> None:
    """The package, its screens' style sheets and the training script lie in the environment and not in the checkout."""
    code = (
        "import importlib, pkgutil, mlaudit\n"
        "from pathlib import Path\n"
        "from textual.screen import Screen\n"
        "from mlaudit.config.bundled import demo_dir\n"
        "import mlaudit.tui.screens as screens\n"
        "print(Path(mlaudit.__file__).resolve()); print(demo_dir() / 'train.py')\n"
        "for found in pkgutil.iter_modules(screens.__path__):\n"
        "    module = importlib.import_module(f'mlaudit.tui.screens.{found.name}')\n"
        "    for kind in vars(module).values():\n"
        "        if isinstance(kind, type) and issubclass(kind, Screen) and kind.__module__ == module.__name__:\n"
        "            for sheet in [kind.CSS_PATH] if isinstance(kind.CSS_PATH, str) else kind.CSS_PATH or []:\n"
        "                print((Path(module.__file__).parent / sheet).resolve(strict=True))\n"
    )
    result = run(installed / "bin" / "python", "-c", code, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert len([p for p in paths if p.suffix == ".tcss"]) >= 4
    assert all(p.is_file() and p.is_relative_to(installed) for p in paths), paths


def test_the_training_script_is_found(installed: Path, tmp_path: Path) -> None:
    """``mlaudit train --help`` lists its options, and they are checked before anything starts."""
    program = installed / "bin" / "mlaudit"
    shown = run(program, "train", "--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    for option in ("--learning-rate", "--epochs", "--seed", "--gate"):
        assert option in shown.stdout
    wrong = run(program, "train", "--epochs", "many", cwd=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("mlaudit: error: ")
    assert wrong.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_it_reads_a_store(installed: Path, tmp_path: Path, sqlite_template: Path) -> None:
    """The installed program and its dependencies work together."""
    shutil.copy(sqlite_template, tmp_path / "mlflow.db")
    result = run(installed / "bin" / "mlaudit", "experiments", "--format", "csv", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Default" in result.stdout
