"""Who may import whom, by the import statements of every module."""

from __future__ import annotations

import ast
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
