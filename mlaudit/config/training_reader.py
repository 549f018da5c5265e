"""From the table ``[train]``, or several ``[train.NAME]``, to :class:`~mlaudit.domain.training.TrainingScript`.

The same keys in mlaudit.toml, in ``[tool.mlaudit.train]`` of a pyproject.toml and in the train.toml of the bundled
script. What is declared is what can be passed: a key that is not known here is a mistake, and so is a default that the
declaration itself forbids.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from mlaudit.config.toml_section import Section, TomlFile
from mlaudit.domain.errors import PolicyError
from mlaudit.domain.text import clean
from mlaudit.domain.training import (
    BUNDLED,
    PARAMETER_NAME,
    SCRIPT_NAME,
    TYPES,
    Parameter,
    Progress,
    TrainingScript,
    same_name,
    takes_value,
)

SINGLE = "train"
"""The key of the script of a plain ``[train]``."""
INTERPRETER = frozenset({"python", "python3"})
"""Programs that stand for the interpreter that runs mlaudit."""
_SCRIPT = (
    "name", "command", "directory", "requires", "environment", "experiment", "pass", "progress", "parameter",
)  # fmt: skip
_PARAMETER = (
    "name", "type", "default", "help", "choices", "minimum", "maximum", "pass", "pass_off", "param",
)  # fmt: skip
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?")
_BRACED = re.compile(r"\{(\w*)\}")


def read_training(
    table: dict[str, Any], *, prefix: tuple[str, ...], text: str, path: str, folder: Path
) -> tuple[tuple[TrainingScript, ...], list[PolicyError]]:
    """The scripts that ``table`` declares, and all mistakes by line; with any of them no script must be used.

    ``prefix``: the keys in the file that lead to ``table``. ``folder``: the file's, absolute.
    """
    if SINGLE not in table:
        return (), []
    file, train = TomlFile(path, text), table[SINGLE]
    names = list(train) if isinstance(train, dict) else []
    # Nothing but tables, none of which is a key of a script's own: these are scripts by name.
    several = bool(names) and all(isinstance(train[n], dict) and n not in _SCRIPT for n in names)
    if not several:
        scripts = [_script(Section(file, (*prefix, SINGLE), train, _SCRIPT), SINGLE, path, folder)]
    else:
        root = Section(file, (*prefix, SINGLE), train, names)
        for name in names:
            if not SCRIPT_NAME.fullmatch(name):
                root.note("a script's name must be of letters, digits, - and _", name)
            elif name == BUNDLED:
                root.note("is the name of the script that comes with mlaudit", name)
        scripts = [_script(root.section(name, _SCRIPT), name, path, folder) for name in names]
    return tuple(scripts), sorted(file.mistakes, key=lambda mistake: mistake.line)


def _script(table: Section, key: str, path: str, folder: Path) -> TrainingScript:
    command = _words(table, "command")
    if table.is_table and table.raw("command", []) == []:
        table.note('must name a program and its first arguments, such as ["python", "train.py"]', "command")
    requires = _words(table, "requires")
    if requires and command and command[0] not in INTERPRETER:
        table.note('can be looked up only for "python" as the program, the interpreter that runs mlaudit', "requires")
    general = _passed(table, "pass", switch=False)
    parameters: list[Parameter] = []
    for section in table.sections("parameter", _PARAMETER):
        parameter = _parameter(section, general)
        if parameter is None:
            continue
        if any(same_name(parameter.name, other.name) for other in parameters):
            section.note(f"{parameter.name!r} is declared already", "name")
        parameters.append(parameter)
    directory = table.text("directory", ".")
    environment = None
    if table.has("environment"):
        environment = table.texts("environment", ())
        for name in environment:
            if not _VARIABLE.fullmatch(name):
                table.note(f"{name!r} is no name of a variable; a * may stand at its end", "environment")
    return TrainingScript(
        name=clean(table.text("name", folder.name if key == SINGLE else key)),
        path=str(folder),
        parameters=tuple(parameters),
        command=command,
        key=key,
        source=path,
        directory=str((folder / directory).absolute()),
        environment=environment,
        experiment=table.line("experiment", ""),
        requires=requires,
        progress=_progress(table, parameters),
    )


def _words(table: Section, key: str) -> tuple[str, ...]:
    """A list of words, each printable as it stands."""
    if not table.has(key):
        return ()
    value = table.raw(key)
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() and clean(v) == v for v in value):
        # A single text is not taken for a list: it looks as if a shell would cut it into words.
        table.wrong(key, "a list of texts, one for each word")
        return ()
    return tuple(value)


def _passed(table: Section, key: str, *, switch: bool) -> tuple[str, ...]:
    """The words of a text such as ``--lr {}``, cut as a shell cuts words."""
    value = table.line(key, "")
    try:
        words = tuple(shlex.split(value))
    except ValueError:
        table.note("has a quote that is not closed", key)
        return ()
    if unknown := [place for word in words for place in _BRACED.findall(word) if place not in {"", "value", "name"}]:
        table.note(f"{{{unknown[0]}}} is no place; there are {{}} or {{value}}, and {{name}}", key)
    elif words and not switch and not takes_value(words):
        table.note("has no place for the value: put {} where it goes", key)
    return words


def _parameter(table: Section, general: tuple[str, ...]) -> Parameter | None:
    """The parameter; None for one that cannot be named or has no type that is known."""
    name = table.text("name", None)
    if name is None or not PARAMETER_NAME.fullmatch(name):
        if name is not None:
            table.wrong("name", "letters, digits, - _ and ., a letter first")
        elif not table.has("name"):
            table.note("is missing: every parameter needs one", "name")
        return None
    kind = table.choice("type", "str", TYPES)
    if table.has("type") and table.raw("type") not in TYPES:
        return None
    switch = kind == "bool"
    choices = _choices(table, kind)
    low, high = table.number("minimum"), table.number("maximum")
    if kind not in {"int", "float"}:
        for key in ("minimum", "maximum"):
            if table.has(key):
                table.note("belongs to int and float only", key)
    elif low is not None and high is not None and low > high:
        table.note("is below minimum, so nothing would do", "maximum")
    passed = _passed(table, "pass", switch=switch) or (() if switch else general)
    passed_off = _passed(table, "pass_off", switch=True)
    if passed_off and (not switch or takes_value(passed)):
        table.note("belongs to a bool whose pass has no place for the value", "pass_off")
    default = "false" if switch else ""
    if table.has("default"):
        value = _as_text(table.raw("default"))
        if value is None:
            table.wrong("default", "a text, a number, true or false")
        default = value or default
    parameter = Parameter(
        name,
        kind,
        default,
        clean(table.text("help", "")),
        choices,
        low,
        high,
        passed,
        passed_off,
        table.line("param", ""),
    )
    if default and (kind != "choice" or choices) and (problem := parameter.problem(default)):
        table.note(f"{clean(default)!r} {problem}", "default")
    return parameter


def _choices(table: Section, kind: str) -> tuple[str, ...]:
    if not table.has("choices"):
        if kind == "choice":
            table.note("is missing: a choice needs a list of what may be chosen", "choices")
        return ()
    listed = table.raw("choices")
    texts = [_as_text(value) for value in listed] if isinstance(listed, list) else []
    found = tuple(text for text in texts if text and clean(text) == text)
    if not found or len(found) != len(texts):
        table.wrong("choices", "a list of texts or numbers")
    elif len(set(found)) != len(found):
        table.note("names something twice", "choices")
    elif kind != "choice":
        table.note('belongs to type = "choice" only', "choices")
    return tuple(dict.fromkeys(found))


def _as_text(value: object) -> str | None:
    """A value of TOML as it is typed on a command line; None for what cannot be."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        try:
            return repr(value)
        except ValueError:  # more digits than Python writes out
            return None
    return value if isinstance(value, str) else None


def _progress(table: Section, parameters: list[Parameter]) -> Progress | None:
    if not table.has("progress"):
        return None
    section = table.section("progress", ("parameter", "metric"))
    name, metric = section.text("parameter", ""), section.text("metric", "")
    for key, value in (("parameter", name), ("metric", metric)):
        if not value and not section.has(key):
            section.note("is missing: progress is told by a parameter and a metric", key)
    counted = next((p for p in parameters if p.name == name), None)
    listed = table.raw("parameter", [])
    names = [p.get("name") for p in listed if isinstance(p, dict)] if isinstance(listed, list) else []
    if counted is None and name in names:
        # It is there, and what is wrong with it has been said.
        return None
    if name and (counted is None or counted.type != "int"):
        section.note(f"{name!r} is no int parameter of this script", "parameter")
        return None
    return Progress(name, metric) if name and metric else None
