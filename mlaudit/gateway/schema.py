"""Which database schema the installed MLflow has, found without importing MLflow and without touching a database."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import re
import shlex
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A database whose schema is not the installed MLflow's, which would migrate or refuse it."""

    shown: str
    """The database's redacted URI."""
    found: str | None
    expected: str
    newer: bool
    command: str
    """What makes the two fit, for its owner (older) or for whoever runs mlaudit (newer)."""

    @property
    def what(self) -> str:
        """``older schema (found A; MLflow 3.17.2 has B)``."""
        age = "newer" if self.newer else "older"
        return f"{age} schema ({self.found or 'none recorded'}; MLflow {mlflow_version()} has {self.expected})"

    @property
    def remedy(self) -> str:
        """What to do, in words."""
        if self.newer:
            return f"upgrade MLflow here: {self.command}"
        return f"its owner can migrate it after a backup: {self.command}"

    def error(self) -> SchemaMismatch:
        """For those who must have MLflow open the database."""
        why = "MLflow refuses it" if self.newer else "opening it with MLflow would change it"
        return SchemaMismatch(self.shown, f"{self.what}; {why}; {self.remedy}")


def compare_revision(shown: str, found: str | None, command_uri: str) -> Mismatch | None:
    """None when ``found`` is the installed MLflow's schema. ``shown`` and ``command_uri`` are redacted URIs."""
    head, known = known_revisions()
    if found == head:
        return None
    newer = found is not None and found not in known
    command = "pip install -U mlflow" if newer else f"mlflow db upgrade {shlex.quote(command_uri)}"
    return Mismatch(shown, found, head, newer, command)
