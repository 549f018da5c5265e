"""On which line of a TOML file a key stands, which :mod:`tomllib` does not say.

The text has been parsed already, so it is valid; this only looks for headers and keys line by line. Where it cannot
tell, as with a key inside an inline table, the line of the nearest thing around it is given.
"""

from __future__ import annotations

import tomllib
from typing import Any

Path = tuple[str | int, ...]
"""Keys from the root; the index of a table in an array of tables is a number."""


def _keys(text: str) -> tuple[str, ...] | None:
    """``a."b c".d`` as ``("a", "b c", "d")``; None when it is no key."""
    try:
        node: Any = tomllib.loads(f"{text} = 0")
    except (ValueError, RecursionError):
        return None
    keys = []
    while isinstance(node, dict) and len(node) == 1:
        key, node = next(iter(node.items()))
        keys.append(key)
    return tuple(keys) if node == 0 else None


def _header(line: str) -> tuple[tuple[str, ...], bool] | None:
    """The keys of a ``[table]`` or ``[[array]]`` line and whether it is an array; None for any other line."""
    for opening, closing in (("[[", "]]"), ("[", "]")):
        if line.startswith(opening):
            # The closing bracket may also stand in a comment behind the header.
            end = line.find(closing)
            while end > 0:
                keys = _keys(line[len(opening) : end])
                if keys:
                    return keys, opening == "[["
                end = line.find(closing, end + 1)
    return None


def _key_of(line: str) -> tuple[str, ...] | None:
    """The key that a line assigns to; None for any other line."""
    end = line.find("=")
    while end > 0:
        if keys := _keys(line[:end]):
            return keys
        end = line.find("=", end + 1)
    return None


def _resolve(keys: tuple[str, ...], counts: dict[Path, int]) -> Path:
    """Keys with the index of the newest table put behind each array of tables on the way."""
    path: Path = ()
    for key in keys:
        path = (*path, key)
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def line_of(text: str, path: Path) -> int:
    """The 1-based line of ``path``, or of the nearest part of it that is found; 0 if none is."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if header := _header(line):
            keys, is_array = header
            if is_array:
                array = (*_resolve(keys[:-1], counts), keys[-1])
                counts[array] = counts.get(array, 0) + 1
                lines.setdefault(array, number)
            table = _resolve(keys, counts)
            lines.setdefault(table, number)
        elif assigned := _key_of(line):
            for end in range(1, len(assigned) + 1):
                lines.setdefault((*table, *assigned[:end]), number)
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)
