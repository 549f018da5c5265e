"""The team's policy: what a model's owners demand of a candidate, in a file that lies with their code.

``--policy FILE``, else the nearest ``mlaudit.toml`` or ``pyproject.toml`` with a ``[tool.mlaudit]`` table, from the
working directory upwards; in one directory mlaudit.toml goes first. Whatever is not known in it is an error, since a
misspelt rule must not silently be no rule.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlaudit.config.policy_reader import SCHEMA, read_models
from mlaudit.config.toml_lines import line_of
from mlaudit.config.training_reader import read_training
from mlaudit.domain.errors import PolicyError
from mlaudit.domain.text import clean
from mlaudit.domain.training import TrainingScript
from mlaudit.domain.verdict import GatePolicy

FILE_NAME = "mlaudit.toml"
PROJECT_FILE = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a file, by model; or none at all."""

    path: str | None = None
    """The policy file, printable; None: none was found."""
    sha256: str | None = None
    """Of the file's bytes."""
    by_model: Mapping[str, GatePolicy] = field(default_factory=dict)
    """Registered model's raw name -> its policy."""
    named: bool = False
    """Whether the file was named, and not found."""

    @property
    def models(self) -> tuple[str, ...]:
        """The raw names of the models that the file has a section for, as in the file."""
        return tuple(self.by_model)

    def for_model(self, raw_model: str | None) -> GatePolicy:
        """The model's policy; for a model without a section the built-in one, with ``model`` empty and the file named.

        A policy without metrics is completed by :func:`mlaudit.domain.builtin_rules.rules_for`.
        """
        found = self.by_model.get(raw_model) if raw_model is not None else None
        return found or GatePolicy(path=self.path, sha256=self.sha256)


@dataclass(frozen=True, slots=True)
class CheckedPolicies:
    """A policy file with all that is wrong in it."""

    policies: Policies
    """To be used only where there is no mistake."""
    mistakes: tuple[PolicyError, ...] = ()
    """By line; those of the training scripts not among them, since a judgement does not rest on them."""
    scripts: tuple[TrainingScript, ...] = ()
    """The training scripts that the file declares; to be used only where there is no mistake in them."""
    script_mistakes: tuple[PolicyError, ...] = ()
    """By line; with a schema that is not known, that is among both."""

    @property
    def all_mistakes(self) -> tuple[PolicyError, ...]:
        """Every mistake in the file, once, by line."""
        return tuple(
            sorted({m.args: m for m in (*self.mistakes, *self.script_mistakes)}.values(), key=lambda m: m.line)
        )


def load_policies(explicit: str | None = None, directory: Path | None = None) -> Policies:
    """The policies of the file ``explicit``, else of the one that is found upwards from ``directory`` (None: the cwd).

    Raises PolicyError naming file, line and key of the first mistake.
    """
    checked = check_policies(explicit, directory)
    _refuse(checked.mistakes)
    return checked.policies


def load_scripts(explicit: str | None = None, directory: Path | None = None) -> tuple[TrainingScript, ...]:
    """The training scripts that the same file declares; none where it declares none, or there is no file.

    Raises PolicyError naming file, line and key of the first mistake in them.
    """
    checked = check_policies(explicit, directory)
    _refuse(checked.script_mistakes)
    return checked.scripts


def _refuse(mistakes: tuple[PolicyError, ...]) -> None:
    if mistakes:
        first, more = mistakes[0], len(mistakes) - 1
        also = f" (and {more} more: mlaudit policy check)" if more else ""
        raise PolicyError(first.path, first.line, first.problem + also)


def check_policies(explicit: str | None = None, directory: Path | None = None) -> CheckedPolicies:
    """The same with every mistake. Raises PolicyError for a file that cannot be read, or is not TOML."""
    if explicit is not None:
        path = Path(explicit)
        content = _bytes(path, explicit)
        table = _table(path.name, content, explicit)
        if table is None:
            raise PolicyError(clean(explicit), 0, f"it has no [tool.mlaudit] table, as a {PROJECT_FILE} must")
        checked = _policies(explicit, content, *table)
        return replace(checked, policies=replace(checked.policies, named=True))
    try:
        start = (directory or Path.cwd()).absolute()
    except OSError:  # the working directory was removed
        return CheckedPolicies(Policies())
    for folder in (start, *start.parents):
        for name in (FILE_NAME, PROJECT_FILE):
            path = folder / name
            if not _is_file(path):
                continue
            content = _bytes(path, str(path))
            # Another tool's broken pyproject.toml is not ours to complain about.
            if name == PROJECT_FILE and b"mlaudit" not in content:
                continue
            table = _table(name, content, str(path))
            if table is not None:
                return _policies(str(path), content, *table)
    return CheckedPolicies(Policies())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder above that may not be looked into
        return False


def _bytes(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "it cannot be read"
        raise PolicyError(clean(shown), 0, why) from None


def _table(name: str, content: bytes, shown: str) -> tuple[dict[str, Any], tuple[str, ...], str] | None:
    """The policy's table, the keys that lead to it and the file's text; None for a pyproject.toml that has none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PolicyError(clean(shown), line, "it is not UTF-8 text") from None
    # tomllib and line_of must count the same lines.
    text = text.replace("\r\n", "\n")
    try:
        root = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(clean(shown), *_where(str(error), text)) from None
    except ValueError:
        # A whole number of so many digits that Python refuses to read it, and does not say where.
        before = re.split(r"[0-9]{4300}", text.replace("_", ""), maxsplit=1)[0]
        raise PolicyError(clean(shown), before.count("\n") + 1, "this is not TOML: a number is too long") from None
    if name != PROJECT_FILE:
        return root, (), text
    tool = root.get("tool")
    if not isinstance(tool, dict) or "mlaudit" not in tool:
        return None
    if not isinstance(tool["mlaudit"], dict):
        line = line_of(text, ("tool", "mlaudit"))
        raise PolicyError(clean(shown), line, "tool.mlaudit: must be a table")
    return tool["mlaudit"], ("tool", "mlaudit"), text


def _where(message: str, text: str) -> tuple[int, str]:
    """The line that a TOML error names, and what is wrong there."""
    found = re.search(r"\s*\((?:at line (\d+), column \d+|at end of document)\)$", message)
    problem = clean(message[: found.start()] if found else message or "nested too deeply")
    line = int(found[1]) if found and found[1] else len(text.rstrip("\n").split("\n"))
    return line, f"this is not TOML: {problem}"


def _policies(shown: str, content: bytes, table: dict[str, Any], prefix: tuple[str, ...], text: str) -> CheckedPolicies:
    path, digest = clean(shown), hashlib.sha256(content).hexdigest()
    models, mistakes = read_models(table, prefix=prefix, text=text, path=path, sha256=digest)
    scripts: tuple[TrainingScript, ...] = ()
    wrong = mistakes
    if table.get("schema") == SCHEMA:
        folder = Path(shown).absolute().parent
        scripts, wrong = read_training(table, prefix=prefix, text=text, path=path, folder=folder)
    elif "train" not in table:
        wrong = []
    return CheckedPolicies(Policies(path, digest, models), tuple(mistakes), scripts, tuple(wrong))
