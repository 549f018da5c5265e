"""Text files as lines to look at: cleaned, cut to what can be read, and coloured by what each part is.

A line is a tuple of pieces, each a printable text and what it is; the screen gives each kind its colour. The colours
are worked out here, in the worker, so that a slow pattern never holds up a key.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from mlaudit.domain.text import clean

Role = Literal["", "key", "string", "number", "word", "comment", "title", "dim", "bad"]
Line = tuple[tuple[str, Role], ...]

MAX_LINE = 2_000
"""Characters of a line that are kept; its end says how many more there are."""
MAX_LINES = 20_000
TABLE_ROWS, TABLE_COLUMNS, CELL = 500, 40, 60
"""Of a table: rows, columns, and characters of a cell that are kept."""
HEX_BYTES = 256
LINE_END = re.compile(r"\r\n|\n|\r")
# A string without an end goes to the end of the text: to try again at each quote after it would take for ever.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_LITERALS = frozenset({"true", "false", "null", "NaN", "Infinity", "-Infinity"})
LEXERS = {
    ".yaml": "yaml", ".yml": "yaml", ".py": "python", ".toml": "toml", ".ini": "ini", ".cfg": "ini", ".sh": "bash",
    ".sql": "sql", ".html": "html", ".xml": "xml", ".svg": "xml", ".jsonl": "json", ".ndjson": "json", ".r": "r",
    ".js": "javascript", ".css": "css", ".dockerfile": "docker", ".proto": "protobuf",
}  # fmt: skip
"""Ending of a name -> Pygments' name of its language."""


def text_of(data: bytes) -> str | None:
    """The bytes as text; None where they are none. Cut in the middle of a character, that one is left out."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\x00" in data:
        return None
    text = data.decode("utf-8-sig", errors="replace")
    broken = text.count("�")
    if broken <= 1 and text.endswith("�"):
        return text[:-1]
    return text if broken <= len(text) * 0.02 else data.decode("latin-1") if _is_latin(data) else None


def _is_latin(data: bytes) -> bool:
    """Whether it may be text in an old encoding: next to no control characters."""
    controls = sum((byte < 32 and byte not in b"\t\n\r\x0c\x1b") or 127 <= byte < 160 for byte in data)
    return controls <= len(data) * 0.005


def plain_lines(text: str) -> tuple[Line, ...]:
    """The text line by line; a carriage return alone, as progress bars write it, begins a line too."""
    return tuple(((_cut(line), ""),) for line in _split(text))


def _split(text: str) -> list[str]:
    lines = LINE_END.split(text)
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) > MAX_LINES:
        return [*lines[:MAX_LINES], f"… and {len(lines) - MAX_LINES:,} more lines"]
    return lines


def _cut(line: str) -> str:
    return clean(line.expandtabs(4), max_length=MAX_LINE)


def coloured_lines(text: str, language: str) -> tuple[Line, ...]:
    """The same, with what each part is by Pygments' reading of the language."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment, Keyword, Literal, Name, Number, String

    roles: tuple[tuple[Any, Role], ...] = (
        (Comment, "comment"), (String, "string"), (Number, "number"), (Literal, "string"), (Keyword, "word"),
        (Name.Tag, "key"), (Name.Attribute, "key"), (Name.Function, "key"), (Name.Class, "key"),
    )  # fmt: skip
    # Cleaned before it is read: what a lexer makes of control characters does not matter then.
    shown = "\n".join(_cut(line) for line in _split(text))
    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    lines: list[Line] = []
    current: list[tuple[str, Role]] = []
    for token, value in lexer.get_tokens(shown):
        role: Role = next((role for kind, role in roles if token in kind), "")
        first, *rest = value.split("\n")
        if first:
            current.append((first, role))
        for part in rest:
            lines.append(tuple(current))
            current = [(part, role)] if part else []
    return (*lines, tuple(current)) if current else tuple(lines)


def json_lines(text: str) -> tuple[Line, ...]:
    """JSON spread over lines, with every number and every string exactly as it was written, whole or cut off."""
    lines: list[Line] = []
    current: list[tuple[str, Role]] = []
    depth = 0
    tokens = [match.group() for match in _TOKEN.finditer(text)]

    def end() -> None:
        nonlocal current
        if current:
            lines.append((("  " * min(depth, 40), ""), *current))
        current = []

    for index, token in enumerate(tokens):
        after = tokens[index + 1] if index + 1 < len(tokens) else ""
        if len(lines) >= MAX_LINES:
            current = [("… and more", "dim")]
            break
        if token in "{[":
            current.append((token, ""))
            if after not in ("}", "]"):
                end()
                depth += 1
        elif token in "}]":
            if index and tokens[index - 1] not in ("{", "["):
                end()
                depth = max(0, depth - 1)
            current.append((token, ""))
        elif token == ",":
            current.append((token, ""))
            end()
        elif token == ":":
            current.append((": ", ""))
        else:
            current.append((_cut(token), _json_role(token, after)))
    end()
    return tuple(lines)


def _json_role(token: str, after: str) -> Role:
    if token.startswith('"'):
        return "key" if after == ":" else "string"
    return "word" if token in _LITERALS else "number"


def json_problem(text: str) -> str:
    """Why it is no JSON, in words; empty where it is."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"this is not valid JSON: line {error.lineno}, column {error.colno}: {clean(error.msg)}"
    except (RecursionError, ValueError):
        return "this JSON cannot be checked: it is nested too deeply, or has a number too long"
    return ""


def table_rows(text: str, *, tabs: bool, whole: bool) -> tuple[tuple[tuple[str, ...], ...], str]:
    """The first rows of a CSV or TSV file, its header first, and what was left out in words. Raises csv.Error."""
    lines = LINE_END.split(text)
    if not whole and len(lines) > 1:
        lines.pop()  # it may be cut off
    separator = "\t" if tabs else _separator(lines[0])
    rows: list[tuple[str, ...]] = []
    widest = count = 0
    for row in csv.reader((f"{line}\n" for line in lines), delimiter=separator):
        if not row:
            continue
        widest = max(widest, len(row))
        count += 1
        if len(rows) <= TABLE_ROWS:
            rows.append(tuple(_cell(cell) for cell in row[:TABLE_COLUMNS]))
    said = []
    left = count - len(rows)
    if left or not whole:
        said.append(f"the first {len(rows) - 1:,} rows" + (f" of {count - 1:,}" if whole else ""))
    if widest > TABLE_COLUMNS:
        said.append(f"the first {TABLE_COLUMNS} of {widest:,} columns")
    return tuple(rows), ", ".join(said)


def _separator(line: str) -> str:
    """Of what may separate, what is most often in the first line."""
    return max(",;\t|", key=lambda c: (line.count(c), c == ","))


def _cell(text: str) -> str:
    shown = clean(text, max_length=CELL * 4)
    return shown if len(shown) <= CELL else f"{shown[: CELL - 1]}…"


def hex_lines(data: bytes) -> tuple[Line, ...]:
    """The first bytes as numbers and as characters."""
    return tuple(_hex_line(at, data[at : at + 16]) for at in range(0, min(len(data), HEX_BYTES), 16))


def _hex_line(at: int, part: bytes) -> Line:
    numbers = " ".join(f"{byte:02x}" for byte in part)
    characters = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
    return ((f"{at:08x}  ", "dim"), (f"{numbers:<47}  ", "number"), (characters, ""))


def pairs(rows: list[tuple[str, str]], indent: str = "  ") -> Iterator[Line]:
    """Names and values in two columns."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        yield ((f"{indent}{name:<{width}}  ", "key"), (value, ""))
