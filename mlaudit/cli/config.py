"""``mlaudit config``: where the user's own settings lie, what they are, and an editor on them."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import replace

from mlaudit.cli import output
from mlaudit.cli.invocation import group, register
from mlaudit.config.personal import TEMPLATE, Personal, personal_path, read_personal
from mlaudit.domain.errors import UsageError
from mlaudit.domain.text import clean


def path() -> int:
    """Print where the file is, or would be."""
    output.data(str(personal_path()))
    return output.ExitCode.PASS


def show() -> int:
    """Print the settings that are in force, as TOML, and what is wrong in the file."""
    personal = _in_force(read_personal())
    where = f"# {clean(personal.path)}" + ("" if personal.exists else " (there is none: these are the defaults)")
    theme = "" if personal.theme is None else f"theme = {_text(personal.theme)}"
    keys = [f"{_text(action)} = {_text(pressed)}" for action, pressed in sorted(personal.keys.items())]
    lines = [where, theme or "# theme: the default", f"slow = {str(personal.slow).lower()}"]
    lines.append(f"trainings_at_once = {personal.trainings_at_once}")
    lines += [f"restore = {str(personal.restore).lower()}"]
    lines += ["", "[keys]", *keys] if keys else []
    output.data("\n".join(lines))
    for problem in personal.problems:
        output.say(f"mlaudit: {problem}")
    return output.ExitCode.USAGE if personal.problems else output.ExitCode.PASS


def _in_force(personal: Personal) -> Personal:
    """Without a theme and actions that the app does not have; each is one more problem."""
    problems = list(personal.problems)
    theme, keys = personal.theme, dict(personal.keys)
    # Imported for what the file names alone: both load the app's screens or their library.
    if theme is not None:
        from mlaudit.tui.themes import theme_names

        if theme not in (known := theme_names()):
            problems.append(f"there is no theme {clean(theme)!r}; there are {', '.join(known)}")
            theme = None
    if keys:
        from mlaudit.tui.keys import binding_ids

        unknown = sorted(keys.keys() - binding_ids())
        for action in unknown:
            del keys[action]
        if unknown:
            problems.append(f"settings, keys: there is no action {', '.join(unknown)}")
    return replace(personal, theme=theme, keys=keys, problems=tuple(problems))


def edit() -> int:
    """Open the file in $VISUAL or $EDITOR; a commented one is written first where there is none."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        editor = shlex.split(named)
    except ValueError as error:
        raise UsageError(f"the editor {named!r} has a quote that is not closed; set EDITOR") from error
    place = personal_path()
    try:
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(TEMPLATE, encoding="utf-8")
        code = subprocess.run([*editor, str(place)], check=False).returncode
    except OSError as error:
        raise UsageError(f"{clean(error.filename or place)}: {error.strerror}; set EDITOR, or edit {place}") from error
    for problem in _in_force(read_personal(place)).problems:
        output.say(f"mlaudit: {problem}")
    return code


def _text(value: str) -> str:
    escaped = clean(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


app = group("The app's settings of one user: colours, keys, a thin link.")
for _action in (path, show, edit):
    register(app, _action)
