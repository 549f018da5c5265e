"""Taking values out of a TOML table, checked: each mistake is noted with file, line and key, and what is allowed there.

Reading goes on behind a mistake, with the key's default, so that all of them are found at once.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mlaudit.config.toml_lines import Path, line_of
from mlaudit.domain.errors import PolicyError
from mlaudit.domain.text import clean

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A file of which tables are read, and what was found wrong in it."""

    path: str
    """Printable."""
    text: str
    """Whole, as :mod:`tomllib` was given it."""
    mistakes: list[PolicyError] = field(default_factory=list)


def shown(value: object) -> str:
    """A value as a policy file has it, cut where it is long; of a list or a table what kind of thing it is."""
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)[:60]
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number so long"  # Python would not write every one of them out
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return str(value)[:60]


class Section:
    """One table of a file. Its methods take a value out, checked; a wrong one is noted and the default taken."""

    def __init__(self, file: TomlFile, path: Path, table: object, allowed: Iterable[str]) -> None:
        self._file, self._path = file, path
        self._table: dict[str, Any] = table if isinstance(table, dict) else {}
        self.is_table = isinstance(table, dict)
        """False: something else stands there, which was noted."""
        if not self.is_table:
            self.note("must be a table")
        known = tuple(allowed)
        for key in self._table:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                meant = f" (did you mean {close[0]}?)" if close else ""
                self.note(f"unknown key{meant}; allowed here: {', '.join(known)}", key)

    def note(self, problem: str, *below: str | int) -> None:
        """Note a mistake in this table, or in what is ``below`` it."""
        path = (*self._path, *below)
        named = ".".join(p if _BARE_KEY.fullmatch(p) else json.dumps(p) for p in path if isinstance(p, str))
        mistake = PolicyError(self._file.path, line_of(self._file.text, path), clean(f"{named}: {problem}"))
        self._file.mistakes.append(mistake)

    def wrong(self, key: str, wanted: str) -> None:
        """Note that the value of ``key`` is not what is wanted, and show it."""
        self.note(f"must be {wanted}, not {shown(self._table[key])}", key)

    def has(self, key: str) -> bool:
        """Whether the key is there, right or wrong."""
        return key in self._table

    def raw(self, key: str, default: Any = None) -> Any:
        """The value as it stands there, not checked."""
        return self._table.get(key, default)

    def text(self, key: str, default: T) -> str | T:
        """Text that is not empty."""
        if key not in self._table:
            return default
        value = self._table[key]
        if not isinstance(value, str) or not value.strip():
            self.wrong(key, "text in quotes")
            return default
        return value

    def line(self, key: str, default: T) -> str | T:
        """Text on one line that is printable as it stands: it reaches terminals and reports."""
        value = self.text(key, default)
        if isinstance(value, str) and clean(value) != value:
            self.note("must be text on one line, without control characters", key)
            return default
        return value

    def choice(self, key: str, default: str, allowed: Iterable[str]) -> str:
        """One of a few words."""
        value = self._table.get(key, default)
        words = tuple(str(word) for word in allowed)
        if not isinstance(value, str) or value not in words:
            self.wrong(key, " or ".join(json.dumps(w) for w in words))
            return default
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            self.wrong(key, "true or false")
            return default
        return value

    def number(
        self, key: str, wanted: str = "a number", low: float = -math.inf, high: float = math.inf
    ) -> float | None:
        """A finite number within [low, high]; None when it is not set."""
        if key not in self._table:
            return None
        value = self._table[key]
        number = math.nan
        if not isinstance(value, bool) and isinstance(value, int | float):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
        if not math.isfinite(number) or not low <= number <= high:
            self.wrong(key, wanted)
            return None
        return number

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of texts, each printable as it stands; a single text is a list of one."""
        if key not in self._table:
            return default
        value = self._table[key]
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(v, str) and v.strip() for v in listed):
            self.wrong(key, "a list of texts")
            return default
        if any(clean(v) != v for v in listed):
            self.note("must be texts on one line, without control characters", key)
            return default
        return tuple(listed)

    def section(self, key: str, allowed: Iterable[str]) -> Section:
        """The table ``key``; an empty one when it is not there."""
        return Section(self._file, (*self._path, key), self._table.get(key, {}), allowed)

    def sections(self, key: str, allowed: Iterable[str]) -> list[Section]:
        """The array of tables ``key``."""
        value = self._table.get(key, [])
        if not isinstance(value, list):
            self.note(f"must be an array of tables, [[...{key}]]", key)
            return []
        return [Section(self._file, (*self._path, key, i), v, allowed) for i, v in enumerate(value)]
