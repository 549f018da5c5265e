"""The one place where untrusted text is made printable, and where numbers and times get their form.

A run name may hold ``\\x1b[2J``, an OSC 52 clipboard write, a right-to-left override or a lone surrogate, and neither
Textual nor Rich strips them. The gateway passes every text from a store through :func:`clean` once; every sink after it
may print what it gets. What is replaced stays visible, so that two names that differ also look different.

Markup is another matter: ``[/x]`` is printable and stays as it is; sinks must not parse store text as markup.
"""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from mlaudit.domain.finite import STORED_INFINITY

MAX_LENGTH = 20_000
"""Longest text that is let through, in characters; MLflow's own limit is 8,000 for tags and 6,000 for params."""
MAX_COMBINING = 4
"""Combining marks in a row that are let through; more of them climb over the lines above."""

_REPLACED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@functools.lru_cache(maxsize=4096)
def _visible(char: str) -> str:
    """What stands for a character that must not reach a terminal."""
    code = ord(char)
    if char == "\n":
        return "⏎"
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"‹U+{code:04X}›"


def _left_out(combining: int) -> str:
    """What stands for the marks of a row that are not let through."""
    more = combining - MAX_COMBINING
    return f"‹+{more} mark{'' if more == 1 else 's'}›"


def clean(text: object, *, max_length: int = MAX_LENGTH, keep_newlines: bool = False) -> str:
    """``text`` with every control, format, surrogate, private, unassigned and line-separator character made visible.

    ``None`` becomes the empty text. Longer than ``max_length`` is cut, and the end says how many characters were.
    Of many combining marks in a row four are let through, and the number of the others is said.
    """
    if text is None:
        return ""
    raw = text if isinstance(text, str) else str(text)
    cut = len(raw) - max_length
    if cut > 0:
        raw = raw[:max_length]
    # isascii and isprintable cover nearly all text at C speed; only the rest is looked at character by character.
    if not (raw.isascii() and raw.isprintable()):
        out: list[str] = []
        combining = 0
        for char in raw:
            category = unicodedata.category(char)
            if category in {"Mn", "Me"}:
                combining += 1
                if combining <= MAX_COMBINING:
                    out.append(char)
                continue
            if combining > MAX_COMBINING:
                out.append(_left_out(combining))
            combining = 0
            out.append(_visible(char) if category in _REPLACED and not (keep_newlines and char == "\n") else char)
        if combining > MAX_COMBINING:
            out.append(_left_out(combining))
        raw = "".join(out)
    return f"{raw}… (+{cut} characters)" if cut > 0 else raw


def clean_in_place(text: str) -> str:
    """``text`` made visible one character for one, for a field in which a cursor counts characters.

    What has no picture of its own, such as a zero-width or a bidirectional mark, becomes ``�``.
    """
    if text.isascii() and text.isprintable():
        return text
    shown = []
    for char in text:
        visible = _visible(char) if unicodedata.category(char) in _REPLACED else char
        shown.append(visible if len(visible) == 1 else "�")
    return "".join(shown)


def clean_keys(keys: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Printable forms of keys: ``(raw -> printable, printable -> raw where they differ)``.

    Two keys that would look alike are told apart by a number, so that no value hides another.
    """
    ordered = sorted(set(keys))
    printable: dict[str, str] = {}
    taken = {k for k in ordered if clean(k) == k}
    changed: dict[str, str] = {}
    for key in ordered:
        shown = clean(key)
        if shown != key:
            number = 2
            base = shown
            while shown in taken:
                shown = f"{base} ({number})"
                number += 1
            taken.add(shown)
            changed[shown] = key
        printable[key] = shown
    return printable, changed


def clean_mapping(mapping: Mapping[str, object]) -> dict[str, str]:
    """Keys and values made printable; see :func:`clean_keys` for keys that collide."""
    printable, _ = clean_keys(mapping)
    return {printable[k]: clean(v) for k, v in mapping.items()}


def format_number(value: float | None, digits: int = 5) -> str:
    """A metric's value in at most about 11 characters: ``0.0001``, ``1.2346e-07``, ``NaN``, ``inf``; ``—`` for None.

    ±1.797e308 is shown as ``±inf``: it is how MLflow's SQL stores keep infinite.
    """
    if value is None:
        return "—"
    if math.isnan(value):
        return "NaN"
    if abs(value) >= STORED_INFINITY:
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    if float(value).is_integer() and abs(value) < 1e9:
        return str(int(value))
    magnitude = abs(value)
    if 1e-4 <= magnitude < 1e9:
        # 99999.7 in five digits would be 1e+05, which looks rounder than it is.
        short = f"{value:.{digits}g}"
        return short if magnitude < 10**digits and "e" not in short else f"{value:.1f}"
    return f"{value:.{digits - 1}e}"


def format_change(value: float | None) -> str:
    """A relative change as ``+5.0%``; ``—`` for None or where it has no meaning."""
    if value is None or not math.isfinite(value):
        return "—"
    percent = value * 100 or 0.0  # no negative zero
    if math.isinf(percent):
        return "—"
    if abs(percent) < 0.05 and percent != 0:
        return f"{percent:+.2g}%"
    return f"{percent:+.1f}%" if abs(percent) < 1000 else f"{percent:+.3g}%"


def format_time(milliseconds: int | None) -> str:
    """``2026-03-01 14:05`` in UTC; ``—`` for None; far-away times that no calendar has are shown as their number."""
    if milliseconds is None:
        return "—"
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return f"{milliseconds} ms"


def format_iso(milliseconds: int | None) -> str | None:
    """ISO 8601 with milliseconds and Z; None for None or where no calendar has it."""
    if milliseconds is None:
        return None
    minutes, rest = divmod(milliseconds, 60_000)
    try:
        minute = _iso_minute(minutes)
    except (OverflowError, OSError, ValueError):
        return None
    return f"{minute}:{rest // 1000:02}.{rest % 1000:03}Z"


@functools.lru_cache(maxsize=1024)
def _iso_minute(minutes: int) -> str:
    """Remembered, since an export writes as many times as runs, and those begin close to one another."""
    return datetime.fromtimestamp(minutes * 60, UTC).isoformat(timespec="minutes").removesuffix("+00:00")


def format_duration(milliseconds: int | None) -> str:
    """``850ms``, ``12.3s``, ``4m 05s``, ``2h 10m``, ``3d 04h``; ``—`` for None or a negative span."""
    if milliseconds is None or milliseconds < 0:
        return "—"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h {minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours:02d}h"


def format_size(size: int | None) -> str:
    """``532 B``, ``1.2 kB``, ``3.4 MB``; ``—`` for None."""
    if size is None:
        return "—"
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"
