"""``mlaudit config``: where the user's own settings lie, what they are, and an editor on them."""

from __future__ import annotations

import os
import shlex
import subprocess

import typer

from mlaudit.cli import output
from mlaudit.config.personal import TEMPLATE, personal_path, read_personal
from mlaudit.domain.errors import UsageError
from mlaudit.domain.text import clean


def path() -> int:
    """Print where the file is, or would be."""
    output.data(str(personal_path()))
    return output.ExitCode.PASS


def show() -> int:
    """Print the settings that are in force, as TOML, and what is wrong in the file."""
    personal = read_personal()
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


def edit() -> int:
    """Open the file in $VISUAL or $EDITOR; a commented one is written first where there is none."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    place = personal_path()
    try:
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(TEMPLATE, encoding="utf-8")
        code = subprocess.run([*editor, str(place)], check=False).returncode
    except OSError as error:
        raise UsageError(f"{clean(error.filename or place)}: {error.strerror}; set EDITOR, or edit {place}") from error
    for problem in read_personal(place).problems:
        output.say(f"mlaudit: {problem}")
    return code


def _text(value: str) -> str:
    escaped = clean(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


app = typer.Typer(
    rich_markup_mode=None, add_completion=False, help="The app's settings of one user: colours, keys, a thin link."
)
for _action in (path, show, edit):
    app.command()(_action)
