"""The commands of the program by name. Each is imported when it is asked for: one of them, or all for a list of them.

Measured: importing all of them takes longer than importing Textual, and the app, which needs none, waits for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import typer

from mlaudit.cli.invocation import register

_HOME: Mapping[str, str] = {
    "experiments": "experiments",
    "runs": "runs",
    "show": "show",
    "diff": "diff",
    "calibrate": "calibrate",
    "promote": "promote",
    "models": "models",
    "history": "history",
    "rollback": "rollback",
    "recover": "rollback",
    "demo": "demo",
    "train": "train",
    "policy": "policy",
    "config": "config",
}
"""The module below mlaudit.cli that has the command: a function of that name, or a Typer ``app`` of its own."""


class Commands(Mapping[str, Any]):
    """Name -> Typer's command, in the order in which ``--help`` lists them."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = _command(name, importlib.import_module(f"mlaudit.cli.{_HOME[name]}"))
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_HOME)

    def __len__(self) -> int:
        return len(_HOME)


def _command(name: str, module: Any) -> Any:
    its_own: typer.Typer | None = getattr(module, "app", None)
    if its_own is None:
        its_own = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
        function: Callable[..., Any] = getattr(module, name)
        register(its_own, function)
    command: Any = typer.main.get_command(its_own)
    command.name = name
    return command
