"""Which database schema the installed MLflow has, found without importing MLflow and without touching a database."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import re
from pathlib import Path

from mlaudit.domain.errors import MissingExtra, SchemaMismatch

CORE_TABLES = frozenset({"experiments", "runs", "metrics", "params", "tags"})
"""In every MLflow database since the first schema."""

_REVISION = re.compile(r"^(down_)?revision\b[^=\n]*=\s*(.+)$", re.MULTILINE)
_NAME = re.compile(r"['\"]([0-9a-z_]+)['\"]")


@functools.cache
def known_revisions() -> tuple[str, frozenset[str]]:
    """``(head, all)`` revisions of the installed MLflow's schema. Raises MissingExtra when there are none to read."""
    spec = importlib.util.find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("mlflow", "all", "reading a store")
    revisions: set[str] = set()
    parents: set[str] = set()
    for location in spec.submodule_search_locations:
        for script in (Path(location) / "store" / "db_migrations" / "versions").glob("*.py"):
            for down, value in _REVISION.findall(script.read_text(encoding="utf-8")):
                (parents if down else revisions).update(_NAME.findall(value))
    heads = revisions - parents
    if len(heads) != 1:
        raise MissingExtra("mlflow", "all", "reading a database store")
    return heads.pop(), frozenset(revisions)


@functools.cache
def mlflow_version() -> str:
    """The installed MLflow's version."""
    return importlib.metadata.version("mlflow")


def check_revision(shown: str, found: str | None, command_uri: str) -> None:
    """Raises SchemaMismatch, saying what the owner can do, unless ``found`` is the installed MLflow's schema.

    ``shown`` and ``command_uri`` are redacted URIs.
    """
    head, known = known_revisions()
    if found == head:
        return
    mine = f"MLflow {mlflow_version()} has {head}"
    if found is None or found in known:
        raise SchemaMismatch(
            shown,
            f"older schema ({found or 'none recorded'}; {mine}); opening it would change it."
            f" Its owner can migrate it after a backup: mlflow db upgrade {command_uri}",
        )
    raise SchemaMismatch(shown, f"newer schema ({found}; {mine}); upgrade MLflow here: pip install -U mlflow")
