"""A training script and the options it declares in a ``train.toml`` beside it.

The file is the contract between a team's script and mlaudit: what it does not declare cannot be passed, and what is
passed is checked against it first. ``--name=value`` goes as one argument, so that no value can be taken for an option.
"""

from __future__ import annotations

import importlib.util
import math
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlaudit.domain.errors import MissingExtra, UsageError
from mlaudit.domain.text import clean

DECLARATION = "train.toml"
TYPES = ("int", "float", "str", "bool", "choice")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_KEYS = {"name", "type", "default", "help", "choices", "minimum", "maximum"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One option that a training script declares (``demo/train.toml``)."""

    name: str
    """The option without dashes, e.g. ``learning-rate``."""
    type: str
    """``int``, ``float``, ``str``, ``bool`` (a switch) or ``choice``."""
    default: str
    """As text; ``true`` or ``false`` for a switch; empty: the option is not passed."""
    help: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def allowed(self) -> str:
        """What it may hold, in words: ``an integer from 1 to 1000``."""
        if self.type == "bool":
            return "true or false"
        if self.type == "choice":
            return f"one of {', '.join(self.choices)}"
        kind = {"int": "an integer", "float": "a number"}.get(self.type, "text on one line")
        low, high = (None if v is None else f"{v:.15g}" for v in (self.minimum, self.maximum))
        if low is not None and high is not None:
            return f"{kind} from {low} to {high}"
        return f"{kind} of {low} or more" if low is not None else f"{kind} of {high} or less" if high else kind

    def problem(self, value: str) -> str:
        """Why ``value`` will not do, as ``must be ...``; empty when it will."""
        if not value:
            # The script's own default in place of a field that was emptied would be a surprise.
            return "must not be empty" if self.default else ""
        return "" if self._fits(value) else f"must be {self.allowed}"

    def _fits(self, value: str) -> bool:
        if self.type == "bool":
            return value in {"true", "false"}
        if self.type == "choice":
            return value in self.choices
        if self.type == "str":
            return clean(value) == value and bool(value.strip())
        if self.type == "int" and not _INTEGER.fullmatch(value):
            return False
        try:
            number: float = int(value) if self.type == "int" else float(value)
        except ValueError:
            return False
        if not math.isfinite(number) or "_" in value or value != value.strip():
            return False
        return not (
            (self.minimum is not None and number < self.minimum) or (self.maximum is not None and number > self.maximum)
        )


@dataclass(frozen=True, slots=True)
class TrainingScript:
    """A script that can be launched, and its options."""

    name: str
    path: str
    """Absolute directory of the script and of its train.toml."""
    parameters: tuple[Parameter, ...]
    missing: str = ""
    """Why it cannot run here, as one line (a package is missing); empty when it can."""
    command: tuple[str, ...] = ()
    """The program and its first arguments; the options follow."""
    missing_packages: tuple[str, ...] = ()
    """What ``missing`` names."""

    def check(self, values: Iterable[tuple[str, str]]) -> dict[str, str]:
        """All options with their values, the defaults where none is given.

        Raises UsageError naming the option, the value and what is allowed.
        """
        given = dict(values)
        known = [p.name for p in self.parameters]
        for name in given:
            if name not in known:
                raise UsageError(f"--{clean(name)} is no option of the training script; it has: {', '.join(known)}")
        taken = {p.name: given.get(p.name, p.default) for p in self.parameters}
        for parameter in self.parameters:
            value = taken[parameter.name]
            if problem := parameter.problem(value):
                shown = f", not {clean(value)!r}" if value else ""
                raise UsageError(f"--{parameter.name} {problem}{shown}")
        return taken

    def argv(self, values: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """The whole command. Raises UsageError."""
        taken = self.check(values)
        options: list[str] = []
        for parameter in self.parameters:
            value = taken[parameter.name]
            if parameter.type == "bool":
                options += [f"--{parameter.name}"] if value == "true" else []
            elif value:
                options.append(f"--{parameter.name}={value}")
        return (*self.command, *options)


def read_script(directory: Path) -> TrainingScript:
    """The script that ``train.toml`` in ``directory`` declares. Raises UsageError: which file, and what is wrong."""
    path = directory / DECLARATION
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: this is not TOML: {clean(error)}") from error
    train = table.get("train")
    if not isinstance(train, dict):
        raise UsageError(f"{path}: has no [train] table")
    command = _texts(path, train, "command")
    if not command:
        raise UsageError(f"{path}: train.command must name a program")
    parameters = train.get("parameter", [])
    if not isinstance(parameters, list):
        raise UsageError(f"{path}: parameters are [[train.parameter]] tables")
    declared = tuple(_parameter(path, p) for p in parameters)
    names = [p.name for p in declared]
    if twice := {n for n in names if names.count(n) > 1}:
        raise UsageError(f"{path}: declared twice: {', '.join(sorted(twice))}")
    missing = [name for name in _texts(path, train, "requires") if not _installed(name)]
    return TrainingScript(
        name=clean(train.get("name") or directory.name),
        path=str(directory),
        parameters=declared,
        missing=missing_extra(missing).message() if missing else "",
        command=tuple(_resolve(word, directory) for word in command),
        missing_packages=tuple(missing),
    )


def missing_extra(packages: list[str]) -> MissingExtra:
    """The error that says what to install."""
    return MissingExtra(", ".join(packages), "train", "the training script")


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _resolve(word: str, directory: Path) -> str:
    """``python`` is the interpreter that runs mlaudit; a file beside the declaration is meant where there is one."""
    if word in {"python", "python3"}:
        return sys.executable
    beside = directory / word
    return str(beside) if beside.is_file() else word


def _texts(path: Path, table: dict[str, Any], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v and clean(v) == v for v in value):
        raise UsageError(f"{path}: train.{key} must be a list of texts")
    return value


def _parameter(path: Path, table: Any) -> Parameter:
    if not isinstance(table, dict):
        raise UsageError(f"{path}: parameters are [[train.parameter]] tables")
    name, kind = table.get("name"), table.get("type", "str")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"{path}: a parameter's name must be letters, digits and dashes, not {clean(name)!r}")
    where = f"{path}: parameter {name}"
    if unknown := set(table) - _KEYS:
        raise UsageError(f"{where}: unknown key {', '.join(sorted(map(clean, unknown)))}")
    if kind not in TYPES:
        raise UsageError(f"{where}: type must be one of {', '.join(TYPES)}")
    default, choices = table.get("default", "false" if kind == "bool" else ""), table.get("choices", [])
    if isinstance(default, bool | int | float):
        default = str(default).lower() if isinstance(default, bool) else repr(default)
    if not isinstance(choices, list) or not isinstance(default, str):
        raise UsageError(f"{where}: default must be a value, choices a list")
    if (kind == "choice") != bool(choices):
        raise UsageError(f"{where}: choices belong to the type choice, and to it only")
    limits = [table.get(key) for key in ("minimum", "maximum")]
    if any(v is not None and (isinstance(v, bool) or not isinstance(v, int | float)) for v in limits):
        raise UsageError(f"{where}: minimum and maximum must be numbers")
    parameter = Parameter(name, kind, default, clean(table.get("help", "")), tuple(clean(c) for c in choices), *limits)
    if default and (problem := parameter.problem(default)):
        raise UsageError(f"{where}: its default {problem}")
    return parameter
