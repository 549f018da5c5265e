"""An ``MLmodel`` file in words: flavors, signature, input example, size, environment files. Nothing is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mlaudit.domain.text import clean, format_size
from mlaudit.services.preview_lines import Line, pairs

ENVIRONMENT_FILES = ("requirements.txt", "conda.yaml", "python_env.yaml")
MOST_COLUMNS = 200
EXAMPLE_LINES = 20
_FACTS = ("loader_module", "python_version", "data", "model_path", "serialization_format", "code", "config")
"""What of a flavor is told besides its version, as far as it is a plain value."""


def model_card(
    text: str, beside: Mapping[str, int | None] | None, example: Callable[[str], tuple[Line, ...]] = lambda _: ()
) -> tuple[Line, ...]:
    """What an ``MLmodel`` file says. ``beside``: the files in its folder with their sizes; None: not known.

    ``example`` gives the first lines of a file beside it. Raises ValueError in printable words when it is no such file.
    """
    import yaml

    if "<<" in text:
        # Merged often enough, a few lines become gigabytes; MLflow writes none.
        raise ValueError("this YAML merges keys, which is not read")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(text, Loader=loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(f"this is not valid YAML: {clean(' '.join(str(error).split()), max_length=160)}") from None
    if not isinstance(found, dict):
        raise ValueError("this is not an MLmodel file: it is no mapping")
    lines: list[Line] = []
    for title, part in (
        ("Flavors", _flavors(found.get("flavors"))),
        ("Inputs", _schema(found, "inputs")),
        ("Outputs", _schema(found, "outputs")),
        ("Params", _schema(found, "params")),
        ("Model", pairs(_facts(found, beside))),
        ("Input example", _example(found, example)),
    ):
        rows = list(part)
        if rows:
            lines += [((title, "title"),), *rows, ()]
    return tuple(lines)


def _flavors(flavors: object) -> Iterator[Line]:
    if not isinstance(flavors, dict) or not flavors:
        yield (("  none named", "dim"),)
        return
    rows = []
    for name, facts in flavors.items():
        facts = facts if isinstance(facts, dict) else {}
        versions = [f"version {_word(value)}" for key, value in facts.items() if key == f"{name}_version"]
        said = versions + [f"{key} {_word(facts[key])}" for key in _FACTS if _is_plain(facts.get(key))]
        rows.append((_word(name), ", ".join(said)))
    yield from pairs(rows)


def _schema(model: Mapping[str, Any], part: str) -> Iterator[Line]:
    """A part of the signature, a column a line. Without a signature that is said once, at the inputs."""
    signature = model.get("signature")
    if not isinstance(signature, dict):
        if part == "inputs":
            yield (("  no signature: what the model takes and gives is not recorded", "dim"),)
        return
    stored = signature.get(part)
    if stored is None:
        if part != "params":
            yield (("  not recorded", "dim"),)
        return
    try:
        columns = json.loads(stored) if isinstance(stored, str) else stored
    except (ValueError, RecursionError):
        yield (("  cannot be read: it is not valid JSON", "bad"),)
        return
    columns = columns if isinstance(columns, list) else [columns]
    yield from pairs([_column(column, at) for at, column in enumerate(columns[:MOST_COLUMNS])])
    if len(columns) > MOST_COLUMNS:
        yield ((f"  … and {len(columns) - MOST_COLUMNS} more", "dim"),)


def _column(column: object, at: int) -> tuple[str, str]:
    if not isinstance(column, dict):
        return f"#{at}", _word(column)
    said = _type(column)
    if column.get("required") is False:
        said += ", optional"
    if "default" in column:
        said += f", default {_word(column['default'])}"
    if _is_plain(column.get("shape")) or isinstance(column.get("shape"), list):
        said += f", shape {_shape(column['shape'])}"
    return _word(column.get("name", f"#{at}")), said


def _type(column: object, depth: int = 0) -> str:
    """``double``, ``tensor float64 (-1, 28, 28)``, ``array of {a: long, b: string}``."""
    if not isinstance(column, dict) or depth > 4:
        return "…" if isinstance(column, dict) else _word(column)
    kind = _word(column.get("type", column.get("dtype", "?")))
    spec = column.get("tensor-spec")
    if isinstance(spec, dict):
        return f"tensor {_word(spec.get('dtype', '?'))} {_shape(spec.get('shape'))}"
    if "items" in column:
        return f"{kind} of {_type(column['items'], depth + 1)}"
    if isinstance(column.get("properties"), dict):
        inner = list(column["properties"].items())
        shown = ", ".join(f"{_word(name)}: {_type(what, depth + 1)}" for name, what in inner[:12])
        return f"{kind} {{{shown}{', …' if len(inner) > 12 else ''}}}"
    if isinstance(column.get("values"), dict):
        return f"{kind} to {_type(column['values'], depth + 1)}"
    return kind


def _shape(shape: object) -> str:
    if not isinstance(shape, list):
        return _word(shape)
    return f"({', '.join(_word(side) for side in shape[:12])})"


def _example(model: Mapping[str, Any], lines: Callable[[str], tuple[Line, ...]]) -> Iterator[Line]:
    """The start of the example, where the file names one beside it."""
    info = model.get("saved_input_example_info")
    name = info.get("artifact_path") if isinstance(info, dict) else None
    if not isinstance(name, str) or "/" in name or not name:
        return
    shown = lines(name)
    for line in shown[:EXAMPLE_LINES]:
        yield (("  ", ""), *line)
    if len(shown) > EXAMPLE_LINES:
        yield ((f"  … and more in {clean(name)}", "dim"),)


def _facts(model: Mapping[str, Any], beside: Mapping[str, int | None] | None) -> list[tuple[str, str]]:
    rows = []
    size = model.get("model_size_bytes")
    rows.append(("size", format_size(size) if isinstance(size, int) else "not recorded"))
    example = model.get("saved_input_example_info")
    if isinstance(example, dict):
        kind = example.get("type")
        path = _word(example.get("artifact_path", "?"))
        rows.append(("input example", f"{path}{f' ({_word(kind)})' if kind else ''}"))
    else:
        rows.append(("input example", "none"))
    if beside is None:
        rows.append(("environment", "the folder could not be listed"))
    else:
        there = [f"{name} {format_size(beside[name])}" for name in ENVIRONMENT_FILES if name in beside]
        first, *others = there or ["no requirements.txt, conda.yaml or python_env.yaml"]
        rows += [("environment", first), *(("", other) for other in others)]
    for key in ("mlflow_version", "utc_time_created", "model_id", "model_uuid", "run_id", "artifact_path"):
        if _is_plain(model.get(key)):
            rows.append((key.replace("_", " "), _word(model[key])))
    return rows


def _is_plain(value: object) -> bool:
    """Whether a value is one and not a structure, which an alias may have made endless."""
    return value is not None and not isinstance(value, Mapping | list | tuple | set) and value != ""


def _word(value: object) -> str:
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return "…"
    return clean(value, max_length=200)
