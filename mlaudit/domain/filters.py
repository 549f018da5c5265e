"""The language of MLflow's ``search_runs`` filters: tokens with positions, comparisons, where an expression goes wrong.

MLflow's own errors carry no position. :func:`locate_error` supplies one for an expression that the store has already
rejected; it is never asked before the store, so that nothing MLflow accepts is refused here. MLflow also accepts some
slips in silence (a missing or a trailing AND); those are :attr:`Parsed.warnings`, not errors.

The token patterns follow sqlparse, with which MLflow splits an expression: a doubled quote or a backslash before a
quote does not end a string, and stays in the value as it was typed.
"""

from __future__ import annotations

import ast
import difflib
import re
from dataclasses import dataclass

from mlaudit.domain.errors import FilterError

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
_DOTTED_WORD = re.compile(r"\w[\w$\#]*")
_WORD_OPERATORS = {"LIKE", "ILIKE", "IN", "IS", "NOT", "NULL"}


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


@dataclass(frozen=True, slots=True)
class Comparison:
    """``metrics.loss < 0.5``: which kind of thing, which key (raw, without quotes), how it is compared, with what."""

    entity: str
    """``metric``, ``param``, ``tag``, ``attribute`` or ``dataset``."""
    key: str
    operator: str
    """Upper case, one blank between words."""
    value: float | str | tuple[str, ...] | None
    """None for IS NULL and IS NOT NULL."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FilterWarning:
    """Something MLflow accepts and that is probably a slip."""

    position: int
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression's comparisons, all of which must hold."""

    comparisons: tuple[Comparison, ...]
    warnings: tuple[FilterWarning, ...] = ()


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


def parse(expression: str) -> Parsed:
    """The comparisons of an expression. Raises FilterError with the position where it goes wrong."""
    return _Parser(expression).parse()


def locate_error(expression: str) -> FilterError | None:
    """Where a rejected expression goes wrong, or None when nothing wrong can be seen here."""
    try:
        parse(expression)
    except FilterError as error:
        return error
    return None


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
        elif token.is_word(*_WORD_OPERATORS):
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


class _Parser:
    """Reads comparisons from left to right."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = [t for t in tokenize(expression) if t.kind != "space"]
        self.index = 0

    def parse(self) -> Parsed:
        comparisons: list[Comparison] = []
        warnings: list[FilterWarning] = []
        joined = True
        last_and: Token | None = None
        while (token := self._peek()) is not None:
            if token.is_word("AND"):
                if joined:
                    warnings.append(FilterWarning(token.start, "this AND has nothing before it"))
                joined, last_and = True, token
                self.index += 1
                continue
            if not joined:
                self._refuse_or(token)
                warnings.append(FilterWarning(token.start, "AND is missing here; read as if it stood there"))
            comparisons.append(self._comparison())
            joined = False
        if joined and last_and is not None:
            warnings.append(FilterWarning(last_and.start, "nothing follows this AND"))
        return Parsed(tuple(comparisons), tuple(warnings))

    def _refuse_or(self, token: Token) -> None:
        if token.is_word("OR"):
            raise self._error("OR is not supported yet: only AND joins comparisons", token)
        if token.kind not in {"word", "quoted", "open"} or token.is_word(*_WORD_OPERATORS):
            raise self._error(f"expected AND or the end, found {token.text!r}", token)

    def _comparison(self) -> Comparison:
        first = self._peek()
        assert first is not None
        if first.kind == "open":
            raise self._error("parentheses are not supported yet", first)
        if first.is_word("NOT"):
            raise self._error("NOT cannot stand before a comparison; use !=", first)
        if first.is_word("OR"):
            raise self._error("OR is not supported yet: only AND joins comparisons", first)
        entity, key = self._identifier()
        operator = self._operator(entity, key)
        value = None if operator.startswith("IS ") else self._value(entity, key, operator)
        return Comparison(entity, key, operator, value, first.start, self.tokens[self.index - 1].end)

    def _identifier(self) -> tuple[str, str]:
        token = self._next("a key such as metrics.loss or params.lr")
        if token.kind not in {"word", "quoted"}:
            if token.kind == "unclosed":
                raise self._error(f"this {token.text[0]} is never closed", token)
            raise self._error(f"expected a key such as metrics.loss or params.lr, found {token.text!r}", token)
        dot = self._peek()
        if dot is None or dot.kind != "dot":
            return "attribute", self._attribute(unquote(token.text), token)
        name = token.text[1:-1] if token.text.startswith("`") else token.text
        entity = ENTITIES.get(name)
        if entity is None:
            near = difflib.get_close_matches(name.lower(), ("metrics", "params", "tags", "attributes", "datasets"), 1)
            hint = f"; did you mean {near[0]}?" if near else ": use metrics, params, tags, attributes or datasets"
            raise self._error(f"unknown kind of key {name!r}{hint}", token)
        self.index += 1
        key, key_token = self._key(token)
        if entity == "attribute":
            return entity, self._attribute(key, key_token)
        if entity == "dataset" and key not in DATASET_KEYS:
            raise self._error(f"datasets have name, digest and context, not {key!r}", key_token)
        return entity, key

    def _key(self, entity: Token) -> tuple[str, Token]:
        """The key after the dot: quoted, or words joined by dots."""
        first = self._next(f"a key after {entity.text}.")
        if first.kind == "quoted":
            return unquote(first.text), first
        if first.kind != "word":
            problem = (
                f"this {first.text[0]} is never closed" if first.kind == "unclosed" else f"no key after {entity.text}."
            )
            raise self._error(problem, first)
        parts = [first.text]
        while (dot := self._peek()) is not None and dot.kind == "dot":
            self.index += 1
            part = self._next("the rest of the key")
            if part.kind != "word":
                raise self._error(f"no key after {entity.text}.{'.'.join(parts)}.", part)
            parts.append(part.text)
        following = self._peek()
        if following is not None and following.kind in {"other", "number"} and following.text[0] in "-/+@:%&*|":
            raise self._error(f"a key with {following.text[0]!r} in it needs backticks: {entity.text}.`key`", following)
        return ".".join(parts), first

    def _attribute(self, key: str, token: Token) -> str:
        name = ATTRIBUTE_ALIASES.get(key, key)
        if name not in NUMERIC_ATTRIBUTES | TEXT_ATTRIBUTES:
            known = sorted(NUMERIC_ATTRIBUTES | TEXT_ATTRIBUTES)
            near = difflib.get_close_matches(key.lower(), known, 1)
            hint = (
                f"; did you mean {near[0]}?"
                if near
                else f": there are {', '.join(known)}; or put metrics., params. or tags. before it"
            )
            raise self._error(f"unknown attribute {key!r}{hint}", token)
        return name

    def _operator(self, entity: str, key: str) -> str:
        allowed = _allowed(entity, key)
        token = self._next(f"one of {', '.join(allowed)}")
        words = [token.text.upper()]
        if token.is_word("IS", "NOT"):
            while (more := self._peek()) is not None and more.is_word("NOT", "NULL", "IN", "LIKE", "ILIKE"):
                words.append(more.text.upper())
                self.index += 1
        operator = " ".join(words)
        if operator not in allowed:
            raise self._error(f"expected one of {', '.join(allowed)} here, found {operator!r}", token)
        return operator

    def _value(self, entity: str, key: str, operator: str) -> float | str | tuple[str, ...]:
        numeric = entity == "metric" or (entity == "attribute" and key in NUMERIC_ATTRIBUTES)
        wanted = "a bare number" if numeric else "a quoted text"
        token = self._next(wanted)
        if token.kind == "unclosed":
            raise self._error(f"this {token.text[0]} is never closed", token)
        if operator in {"IN", "NOT IN"}:
            return self._list(entity, key, token)
        if numeric:
            if token.kind != "number":
                quoted = ", without quotes" if token.kind in {"string", "quoted"} else ""
                raise self._error(f"expected {wanted}{quoted}, found {token.text}", token)
            return float(token.text)
        if token.kind == "string" or (token.kind == "quoted" and token.text[0] == '"'):
            return unquote(token.text)
        raise self._error(f"expected {wanted}, in single quotes, found {token.text}", token)

    def _list(self, entity: str, key: str, token: Token) -> tuple[str, ...]:
        if entity == "attribute" and key != "run_id":
            raise self._error(f"IN works for run_id and datasets only, not for {key}", token)
        if token.kind != "open":
            raise self._error(f"expected a list in parentheses, found {token.text}", token)
        while (inner := self._next("the end of the list, )")).kind != "close":
            if inner.kind not in {"string", "quoted", "comma"}:
                raise self._error(f"expected a quoted text in the list, found {inner.text}", inner)
        text = self.expression[token.start : self.tokens[self.index - 1].end]
        try:
            # MLflow reads the list as Python does, so that is what it means.
            parsed = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            raise self._error("this list cannot be read: write ('a', 'b')", token) from None
        values = parsed if isinstance(parsed, tuple) else (parsed,)
        if not values or not all(isinstance(v, str) for v in values):
            raise self._error("the list needs at least one quoted text", token)
        return values

    def _peek(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def _next(self, wanted: str) -> Token:
        token = self._peek()
        if token is None:
            raise FilterError(self.expression, f"expected {wanted}, found the end", len(self.expression.rstrip()))
        self.index += 1
        return token

    def _error(self, problem: str, token: Token) -> FilterError:
        return FilterError(self.expression, problem, token.start)


def _allowed(entity: str, key: str) -> tuple[str, ...]:
    """The operators that this kind of key takes."""
    if entity == "metric" or (entity == "attribute" and key in NUMERIC_ATTRIBUTES):
        return NUMERIC_OPERATORS
    return KEY_OPERATORS if entity in {"param", "tag"} else TEXT_OPERATORS
