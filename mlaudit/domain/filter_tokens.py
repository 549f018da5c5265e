"""The words of MLflow's filter language: what there is, an expression cut into tokens with positions, their colours.

The token patterns follow sqlparse, with which MLflow splits an expression: a doubled quote or a backslash before a
quote does not end a string, and stays in the value as it was typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ENTITIES = {
    "metric": "metric", "metrics": "metric",
    "parameter": "param", "parameters": "param", "param": "param", "params": "param",
    "tag": "tag", "tags": "tag",
    "attribute": "attribute", "attributes": "attribute", "attr": "attribute", "run": "attribute",
    "dataset": "dataset", "datasets": "dataset",
}  # fmt: skip
"""What may stand before the dot -> what it means. Case matters."""

ATTRIBUTE_ALIASES = {"created": "start_time", "Created": "start_time"} | dict.fromkeys(
    ("run name", "Run name", "Run Name"), "run_name"
)
NUMERIC_ATTRIBUTES = frozenset({"start_time", "end_time"})
TEXT_ATTRIBUTES = frozenset({"artifact_uri", "run_id", "run_name", "status", "user_id"})
DATASET_KEYS = frozenset({"name", "digest", "context"})

NUMERIC_OPERATORS = ("=", "!=", ">", ">=", "<", "<=")
KEY_OPERATORS = ("=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL")
TEXT_OPERATORS = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")

RESERVED = frozenset({"AS", "CASE", "FROM", "IN", "USING", "VALUES"})
"""Words that MLflow takes for SQL wherever they stand: as part of a key they need backticks."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>'(?:''|\\'|[^'])*')
      | (?P<quoted>"(?:""|\\"|[^"])*"|`(?:``|[^`])*`)
      | (?P<number>-?\d+(?:\.\d+)?[eE]-?\d+(?!\w)|-?(?:\d+\.\d*|\.\d+)(?!\w)|-?\d+(?!\w))
      | (?P<word>[^\W\d][\w$\#]*|\d\w*)
      | (?P<operator>[<>=~!]+)
      | (?P<dot>\.) | (?P<comma>,) | (?P<open>\() | (?P<close>\))
      | (?P<unclosed>['"`].*)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_DOTTED_WORD = re.compile(r"\w+")
WORD_OPERATORS = {"LIKE", "ILIKE", "IN", "IS", "NOT", "NULL"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression.

    ``kind`` is space, string, quoted, number, word, operator, dot, comma, open, close, unclosed or other.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The character after the last one."""
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these keywords, in any case."""
        return self.kind == "word" and self.text.upper() in words


def allowed_operators(entity: str, key: str) -> tuple[str, ...]:
    """The operators that this kind of key takes."""
    if entity == "metric" or (entity == "attribute" and key in NUMERIC_ATTRIBUTES):
        return NUMERIC_OPERATORS
    return KEY_OPERATORS if entity in {"param", "tag"} else TEXT_OPERATORS


def tokenize(expression: str) -> list[Token]:
    """Every character of ``expression`` in a token, white space included. Never fails."""
    tokens: list[Token] = []
    position = 0
    while position < len(expression):
        # A key's part after a dot may begin with a digit and must not be taken for a number.
        after_dot = bool(tokens) and tokens[-1].kind == "dot"
        match = _DOTTED_WORD.match(expression, position) if after_dot else None
        if match:
            tokens.append(Token("word", match.group(), position))
        else:
            match = _TOKEN.match(expression, position)
            assert match is not None  # the last branch takes any character
            assert match.lastgroup is not None
            tokens.append(Token(match.lastgroup, match.group(), position))
        position = tokens[-1].end
    return tokens


def highlight(expression: str) -> list[tuple[int, int, str]]:
    """``(start, end, kind)`` of all that is worth a colour.

    ``kind`` is entity, key, operator, string, number, keyword, paren or error.
    """
    spans: list[tuple[int, int, str]] = []
    visible = [t for t in tokenize(expression) if t.kind != "space"]
    plain = {
        "string": "string", "number": "number", "operator": "operator", "dot": "key", "comma": "paren",
        "open": "paren", "close": "paren", "unclosed": "error", "other": "error",
    }  # fmt: skip
    for index, token in enumerate(visible):
        before = visible[index - 1].kind if index else ""
        follows = visible[index + 1].kind if index + 1 < len(visible) else ""
        if token.kind in plain:
            kind = plain[token.kind]
        elif before == "dot":
            kind = "key"
        elif follows == "dot":
            kind = "entity" if token.text.strip("`") in ENTITIES else "error"
        elif token.kind == "quoted":
            kind = "string" if before in {"operator", "open", "comma"} else "key"
        elif token.is_word("AND", "OR"):
            kind = "keyword"
        elif token.is_word(*WORD_OPERATORS):
            kind = "operator"
        else:
            kind = "key"
        spans.append((token.start, token.end, kind))
    return spans


def unquote(text: str) -> str:
    """``text`` without one pair of quotes or backticks around it."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"`":
        return text[1:-1]
    return text
