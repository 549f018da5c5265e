"""All keys of the app: every binding that has a name, wherever it is declared."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from textual.binding import Binding
from textual.dom import DOMNode

from mlaudit import tui


def all_bindings() -> Iterator[tuple[type[DOMNode], Binding]]:
    """Each class of the app and each of its bindings with an id; imports every module of the screens."""
    for module in pkgutil.walk_packages(tui.__path__, f"{tui.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, DOMNode) and value.__module__ == module.name:
                for binding in vars(value).get("BINDINGS", ()):
                    if isinstance(binding, Binding) and binding.id:
                        yield value, binding


def binding_ids() -> set[str]:
    """The names under which keys can be changed."""
    return {str(binding.id) for _, binding in all_bindings()}
