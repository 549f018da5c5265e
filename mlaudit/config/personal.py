"""A user's own settings of the app, for good: colours, keys, a thin link.

``config.toml`` in the platform's configuration directory, or the file that ``MLAUDIT_CONFIG`` names. What is wrong in
it is told and left out; everything else in it holds. Nothing here changes a judgement, which is the team's policy, nor
which store is opened.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlaudit.domain.text import clean

VARIABLE = "MLAUDIT_CONFIG"
TEMPLATE = """\
# mlaudit's settings of one user. What is commented out is the default.

# The colours of the app; ctrl+t in the app shows what there is.
# theme = "textual-dark"

# For thin links: fewer frames, no animations. The same as --slow.
# slow = false

# Begin where you were in this store the last time. false is the same as --no-restore.
# restore = true

# How many trainings run at a time; more of them wait in the queue.
# trainings_at_once = 1

# Other keys for actions. The names stand in docs/app.md; several keys are separated by commas.
# [keys]
# "runs.sort" = "s,o"
"""
_KINDS: Mapping[str, type] = {"theme": str, "slow": bool, "restore": bool, "trainings_at_once": int, "keys": dict}
_WORDS: Mapping[type, str] = {
    bool: "true or false",
    str: "a text",
    dict: "a table",
    int: "a whole number from 1 to 64",
}


@dataclass(frozen=True, slots=True)
class Personal:
    """What the file says."""

    path: Path
    exists: bool = False
    theme: str | None = None
    slow: bool = False
    restore: bool = True
    trainings_at_once: int = 1
    keys: Mapping[str, str] = field(default_factory=dict)
    """Id of a binding -> its keys, separated by commas."""
    problems: tuple[str, ...] = ()
    """Printable; what they are about is left out."""


def personal_path() -> Path:
    """Where the file is, or would be; absolute, not made here."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_config_dir("mlaudit", appauthor=False)).absolute() / "config.toml"


def read_personal(path: Path | None = None) -> Personal:
    """The user's settings; the defaults where there is no file. Never raises."""
    path = personal_path() if path is None else path
    shown = clean(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Personal(path)
    except OSError as error:
        return Personal(path, True, problems=(f"{shown} is ignored: {error.strerror or error}",))
    except (ValueError, RecursionError) as error:
        return Personal(path, True, problems=(f"{shown} is ignored: this is not TOML: {clean(error)}",))
    problems: list[str] = []
    taken: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KINDS:
            near = difflib.get_close_matches(key, _KINDS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(_KINDS)}"
            problems.append(f"{shown}: unknown key {clean(key)!r} is ignored{hint}")
        elif not isinstance(value, _KINDS[key]) or (_KINDS[key] is int and not _is_count(value)):
            problems.append(f"{shown}: {key} is ignored: it must be {_WORDS[_KINDS[key]]}")
        else:
            taken[key] = value
    keys = {}
    for action, pressed in taken.pop("keys", {}).items():
        if isinstance(pressed, str) and pressed.strip():
            keys[clean(action)] = pressed.strip()
        else:
            problems.append(f"{shown}: keys.{clean(action)} is ignored: it must be a text such as 's' or 'ctrl+s'")
    return Personal(path, True, keys=keys, problems=tuple(problems), **taken)


def _is_count(value: Any) -> bool:
    # true is an int for Python.
    return not isinstance(value, bool) and 1 <= value <= 64
