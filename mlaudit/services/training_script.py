"""The training scripts that can be started here: those of the team's mlaudit.toml, else the bundled one.

They are read anew each time, since the file may change while the app is open; nothing of them is run to describe them.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mlaudit.config.training_reader import INTERPRETER, read_training
from mlaudit.domain.errors import MissingExtra, UsageError
from mlaudit.domain.text import clean
from mlaudit.domain.training import BUNDLED, Parameter, TrainingScript

__all__ = ["BUNDLED", "Parameter", "TrainingScript", "cannot_run", "choose_script", "read_script", "scripts_here"]

DECLARATION = "train.toml"


def scripts_here(declared: Sequence[TrainingScript], bundled: Callable[[], Path]) -> tuple[TrainingScript, ...]:
    """The declared ones, made ready for this machine; where there is none, the one in the directory ``bundled``.

    Raises MlauditError where that is missing, UsageError where it is broken.
    """
    return tuple(_ready(script) for script in declared) or (read_script(bundled()),)


def choose_script(scripts: Sequence[TrainingScript], key: str | None) -> TrainingScript:
    """The script of that key; without one, the only one there is. Raises UsageError that names all."""
    if key is None and len(scripts) == 1:
        return scripts[0]
    found = next((s for s in scripts if s.key == key), None)
    if found is None:
        there = ", ".join(s.key for s in scripts)
        said = "which script is meant" if key is None else f"there is no training script {clean(key)!r}"
        raise UsageError(f"{said}; {scripts[0].source} has: {there} (--script NAME)")
    return found


def read_script(directory: Path) -> TrainingScript:
    """The script that ``train.toml`` in ``directory`` declares; it runs in mlaudit's own working directory.

    Raises UsageError: which file, and what is wrong.
    """
    path = directory / DECLARATION
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: this is not TOML: {clean(error)}") from error
    scripts, mistakes = read_training(table, prefix=(), text=text, path=clean(path), folder=directory.absolute())
    if mistakes:
        raise mistakes[0]
    if len(scripts) != 1:
        raise UsageError(f"{path}: has no [train] table")
    (script,) = scripts
    beside = tuple(str(directory / word) if (directory / word).is_file() else word for word in script.command)
    return _ready(replace(script, key=BUNDLED, command=beside, directory=""))


def cannot_run(script: TrainingScript) -> UsageError:
    """The error that says why a script with something ``missing`` cannot be run."""
    return _missing_extra(script.missing_packages) if script.key == BUNDLED else UsageError(script.missing)


def _missing_extra(packages: Sequence[str]) -> MissingExtra:
    """The error that says what to install for the bundled script."""
    return MissingExtra(", ".join(packages), "train", "the training script")


def _ready(script: TrainingScript) -> TrainingScript:
    """The script with ``python`` as the interpreter that runs mlaudit, and with what keeps it from running here."""
    program, *rest = script.command
    directory = Path(script.directory) if script.directory else None
    missing = ""
    if own := program in INTERPRETER:
        program = sys.executable
    elif directory is not None:
        missing = _no_program(program, directory)
        if "/" in program:
            # Where a relative program is looked for is otherwise left to the system.
            program = str(directory / program)
    packages = tuple(name for name in script.requires if own and not _installed(name))
    if packages and script.key == BUNDLED:
        missing = _missing_extra(packages).message()
    elif packages:
        missing = f"{script.name} needs the package {', '.join(packages)}, which {clean(sys.executable)} does not have"
    if directory is not None and not directory.is_dir():
        missing = f"there is no directory {clean(directory)}, in which {script.source} runs it"
    return replace(script, command=(program, *rest), missing=missing, missing_packages=packages)


def _no_program(program: str, directory: Path) -> str:
    """Why a program would not be found; empty when it would."""
    if "/" in program:
        return "" if (directory / program).is_file() else f"there is no program {clean(directory / program)}"
    if shutil.which(program) is not None:
        return ""
    beside = f"; the one in {clean(directory)} is called ./{program}" if (directory / program).is_file() else ""
    return f"there is no program {program} on the PATH{beside}"


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
