"""Texts that no store should hold and any may: escape codes, directions, markup, and what is too much of anything."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterable

PAYLOAD = "7777"
"""Stands in the escape codes here, so that they can be told from a program's own."""

_CONTROLS = [chr(c) for c in (*range(0x20), 0x7F, *range(0x80, 0xA0))]
_INVISIBLE = [
    *"\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u034f\u2028\u2029",
    "\U000e0041",
    "\ue000",
    "\uffff",
    "\u0378",
]
_DIRECTIONS = [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"]
_SURROGATES = ["\ud800", "\udfff", "\udc80x", "\ud83d\ude00"]
_ESCAPES = [
    f"\x1b[{PAYLOAD}m red \x1b[0;{PAYLOAD}m",
    f"\x1b[2J\x1b[{PAYLOAD};1H",
    f"\x1b]52;c;{PAYLOAD}\x07",
    f"\x1b]52;c;{PAYLOAD}\x1b\\",
    f"\x1b]0;{PAYLOAD}\x07",
    f"\x1b]8;;http://{PAYLOAD}/\x1b\\link\x1b]8;;\x1b\\",
    f"\x1bP{PAYLOAD}q\x1b\\",
    f"\x1b_G{PAYLOAD}\x1b\\",
    f"\x1b^{PAYLOAD}\x1b\\",
    f"\x9b{PAYLOAD}m",
    f"\x9d52;c;{PAYLOAD}\x9c",
    f"\x1b[?{PAYLOAD}h",
    "\x1bc",
    "\x1b(0",
    "\x1b#8",
    "\x1b7\x1b8",
    "\x1b[6n\x1b[c",
    "\r\x1b[Kover",
    "a\rb\tc\vd\fe",
    "\x08\x08\x08gone",
    "one\ntwo\r\nthree",
]
_MARKUP = [
    "[/x]", "[/]", "[", "]", "[]", "[[", "[/", r"\[", "\\", "[b]bold[/b]", "[red]red", "[link=http://x]x[/link]",
    "[@click=app.quit]x[/]", "[@click=app.bell]x[/]", "[@click='app.exit(1)']x[/]", "[$primary]x[/]", "[on red]x[/]",
    "{x}", "{0}", "%s", "%(x)s", "${HOME}", "`x`", "<b>", "&lt;", "'", '"', "''", '""', "a=b", "a;b", "a,b", "#", "|",
    "../../etc/passwd", "C:\\x", "~", "-rf", "--yes", " lead", "trail ", "  ",
    ":smile:", "None", "NaN", "null", "true", "=1+1", "@x", "+1", "models:/x/1",
]  # fmt: skip
_MUCH = [
    "x" * 20_000,
    "e" + "\u0301" * 400,
    "漢字" * 300,
    "👩‍👩‍👧‍👦" * 40,
    "🏳️‍🌈🇩🇪",
    "\u0e33" * 50,
    "ﷺ" * 30,
    "ß" * 300,
    " " * 400,
    "\n" * 300,
]

HOSTILE: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *(f"c{c}d" for c in _CONTROLS),
            *(f"i{c}j" for c in (*_INVISIBLE, *_DIRECTIONS)),
            *_SURROGATES,
            *_ESCAPES,
            *_MARKUP,
            *_MUCH,
        ]
    )
)
"""Some two hundred of them, each of another kind."""


def more(count: int, seed: int = 0, *, surrogates: bool = True) -> list[str]:
    """So many different ones, put together at random; none longer than 300 characters."""
    draw = random.Random(seed)
    parts = [*_CONTROLS, *_INVISIBLE, *_DIRECTIONS, *_ESCAPES, *_MARKUP, "é", "漢", "👩‍👧", "e\u0301"]
    if surrogates:
        parts += _SURROGATES
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(draw.choices(parts, k=draw.randint(1, 8)))[:280] + f" {len(made)}"] = None
    return list(made)


def unprintable(text: str, allowed: str = "\n") -> set[str]:
    """The characters of a painted or printed text that must not reach a terminal."""
    bad = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return {c for c in set(text) if c not in allowed and unicodedata.category(c) in bad}


def in_parts(texts: Iterable[str], size: int) -> list[list[str]]:
    """The texts in lists of ``size``."""
    listed = list(texts)
    return [listed[i : i + size] for i in range(0, len(listed), size)]
