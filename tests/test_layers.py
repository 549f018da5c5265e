"""Who may import whom: by the import statements of every module, and by what importing each really loads."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "mlaudit").rglob("*.py"))
# Which modules of the package may import a third party's; an entry without .py is the start of a path.
ALLOWED = {
    "mlflow": ("gateway/mlflow_client.py",),
    "sqlalchemy": ("gateway/sql_",),
    "psycopg": ("gateway/inspection.py",),
    "textual": ("tui/",),
    "rich": ("tui/", "cli/", "reports/"),
    "typer": ("cli/",),
    "torch": (),
    "pickle": (),
}
ROOMS = {
    "domain": {"domain"},
    "gateway": {"gateway", "domain", "config"},
    "config": {"config", "domain"},
    "reports": {"reports", "domain"},
    "services": {"services", "gateway", "config", "domain"},
    "tui": {"tui", "worker", "domain", "config", "services"},
    "cli": {"cli", "wiring", "services", "reports", "config", "domain", "gateway", "tui", "worker"},
}


def imported(path: Path) -> set[str]:
    """The dotted names that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_imports_what_its_room_may(path: Path) -> None:
    """No room reaches past its neighbours, and a third party's package stays in the one room that has it."""
    inside = path.relative_to(ROOT / "mlaudit").as_posix()
    names = imported(path)
    for package, rooms in ALLOWED.items():
        if package in {name.split(".")[0] for name in names}:
            assert any(inside == room or (not room.endswith(".py") and inside.startswith(room)) for room in rooms), (
                package
            )
    room = inside.split("/")[0]
    if room in ROOMS:
        reached = {name.split(".")[1] for name in names if name.startswith("mlaudit.")}
        assert reached <= ROOMS[room]


# What is really loaded: only this shows that a deferred import is deferred.

HEAVY = {"mlflow", "textual", "pandas", "torch", "numpy", "scipy", "sqlalchemy", "rich", "psycopg", "sklearn"}
MAY_LOAD = {
    "domain": set(),
    "config": set(),
    "services": set(),
    "reports": {"rich"},
    "gateway": {"mlflow", "pandas", "numpy", "sqlalchemy", "psycopg", "scipy", "sklearn"},
    "worker": {"rich"},
    "wiring": set(),
    "cli": set(),
    "tui": {"textual", "rich", "numpy"},
}
"""Room -> which of the heavy packages importing one of its modules may load."""
GRANTED = {"tui": ("textual.app", "textual.widgets"), "cli": ("typer",)}
"""Room -> what most of its modules load and may load; loading it once makes the test three times as fast."""
PROBE = """
import importlib, json, os, sys

def third_party():
    found = set()
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("mlaudit", "__main__"):
            found.add(top)
    return found

for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
at_start = third_party()
for name in json.loads(sys.argv[1]):
    # Each in a child of its own, made from a process that has loaded nothing but what is no matter here.
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            importlib.import_module(name)
            answer = sorted(third_party() - at_start)
        except BaseException as problem:
            answer = [f"!{type(problem).__name__}: {problem}"]
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        print(json.dumps([name, json.loads(answers.read())]), flush=True)
    os.waitpid(pid, 0)
"""


def loads(*modules: str, granted: Iterable[str] = ()) -> dict[str, set[str]]:
    """Module -> the third-party packages that importing it alone loads, each seen in a process of its own.

    What is ``granted`` is there already: it saves time, and is not reported.
    """
    result = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(modules), json.dumps(list(granted))],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return {name: set(packages) for name, packages in map(json.loads, result.stdout.splitlines())}


def modules_of(room: str) -> list[str]:
    """The dotted names of a room's modules, but for those that run at their import."""
    found = [p.relative_to(ROOT).with_suffix("") for p in MODULES if p.name != "__main__.py"]
    dotted = [".".join(p.parts).removesuffix(".__init__") for p in found]
    return [name for name in dotted if f"{name}.".startswith(f"mlaudit.{room}.")]


@pytest.mark.parametrize("room", sorted(MAY_LOAD))
def test_importing_a_module_loads_what_its_room_may(room: str) -> None:
    """Every module on its own, in a fresh process: what stands in ``sys.modules`` afterwards."""
    names = modules_of(room)
    assert names
    found = loads(*names, granted=GRANTED.get(room, ()))
    assert sorted(found) == sorted(names)
    for name, packages in found.items():
        assert not [p for p in packages if p.startswith("!")], (name, packages)
        if room == "domain":
            assert packages == set(), name
        else:
            assert packages & HEAVY <= MAY_LOAD[room], name


def test_every_room_is_looked_at() -> None:
    """No module of the package is left out above."""
    seen = {name for room in MAY_LOAD for name in modules_of(room)}
    missing = {name for name in modules_of("") if name not in seen} - {"mlaudit"}
    assert missing == set()


def test_numpy_is_not_loaded_before_the_first_paint() -> None:
    """The app and its first screen, as they are imported before anything is on screen."""
    assert HEAVY & loads("mlaudit.tui.app")["mlaudit.tui.app"] == {"textual", "rich"}


def test_a_session_of_the_app_never_loads_mlflow() -> None:
    """The screens' process, with a store open in its worker, the first screen painted and runs listed."""
    code = (
        "import asyncio, sys\n"
        "from mlaudit.config.settings import Settings\n"
        "from mlaudit.tui.app import MlauditApp\n"
        "from mlaudit.worker.process import WorkerProcess\n"
        "async def main():\n"
        "    backend = WorkerProcess(Settings(tracking_uri='sqlite:////nowhere/x.db'), '/dev/null')\n"
        "    app = MlauditApp(backend, Settings())\n"
        "    async with app.run_test() as pilot:\n"
        "        first = sorted({'numpy', 'mlflow', 'pandas', 'sqlalchemy', 'torch', 'scipy'} & set(sys.modules))\n"
        "        while 'no such' not in str(app.screen.query_one('#status').render()).lower() and len(app.workers):\n"
        "            await asyncio.sleep(0.02)\n"
        "        import mlaudit.tui.screens.runs, mlaudit.tui.screens.chart, mlaudit.tui.screens.diff\n"
        "        last = sorted({'mlflow', 'pandas', 'sqlalchemy', 'torch'} & set(sys.modules))\n"
        "        print('at the first paint:', first, 'later:', last)\n"
        "asyncio.run(main())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    assert "at the first paint: [] later: []" in result.stdout, result.stdout + result.stderr
