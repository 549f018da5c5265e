"""What may come next in a filter: kinds of keys, keys, operators, values, AND and OR; and named filters.

Only what stands before the cursor decides. Nothing is offered that MLflow could not read, or that a terminal must not
be shown: keys that cannot be written, and texts with control characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_keys import PLURAL, KnownKeys, quoted_key, written
from mlaudit.domain.filter_tokens import (
    ATTRIBUTE_ALIASES,
    ENTITIES,
    NUMERIC_ATTRIBUTES,
    Token,
    allowed_operators,
    tokenize,
    unquote,
)
from mlaudit.domain.filters import parse
from mlaudit.domain.models import RunStatus
from mlaudit.domain.text import clean

MOST = 50
"""Candidates at once: a longer list costs more time than it saves."""
_LONGEST_VALUE = 120

_COMMON_ATTRIBUTES = ("status", "run_name", "start_time", "end_time", "user_id", "run_id", "artifact_uri")
_GLUED = frozenset({"word", "dot", "other", "quoted", "number", "unclosed", "string"})
"""Tokens that belong together as long as no blank is between them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that may be put into the expression."""

    text: str
    """Printable."""
    kind: str
    """``entity``, ``key``, ``operator``, ``value``, ``keyword`` or ``named``."""
    insert: str
    """What replaces ``start`` to ``end``, a blank behind it where one must follow."""
    start: int
    end: int
    detail: str = ""
    """A word on it, printable: the expression behind a name."""


@dataclass(slots=True)
class _State:
    """What has been read, and what is expected next."""

    expects: str = "operand"
    """operand, dot, operator, in, null, value, list, item, more_items or join."""
    entity: str = ""
    key: str = ""
    operator: str = ""
    open_parentheses: int = 0


@dataclass(frozen=True, slots=True)
class _Typed:
    """The piece under the cursor."""

    text: str
    start: int
    end: int
    tokens: tuple[Token, ...] = field(default=())


def complete(
    expression: str, cursor: int, seen: KnownKeys, named: Mapping[str, str] | None = None
) -> tuple[Candidate, ...]:
    """At most :data:`MOST` candidates for the place before ``cursor``, those that begin with what is typed first.

    ``named``: name (without ``@``) -> expression. What is already there as a whole is not offered again.
    """
    tokens = tokenize(expression[:cursor])
    typed, before = _split(expression, cursor, tokens)
    state = _read([t for t in before if t.kind != "space"])
    if state.expects == "operand" and typed.text.startswith("@"):
        return _ranked(typed.text, _named(expression, typed, named or {}))
    if state.expects == "operand":
        entity, place = _entity_of(typed)
        if entity:
            return _ranked(place.text, _keys(entity, seen, place))
        offered = (*_operands(seen, typed), *_named(expression, typed, named or {}))
        # Before anything is typed the kinds of keys say more than a thousand keys.
        return _ranked(typed.text, offered if typed.text else [c for c in offered if c.kind != "key"])
    return _ranked(typed.text, _continuations(state, seen, typed))


def _split(expression: str, cursor: int, tokens: Sequence[Token]) -> tuple[_Typed, Sequence[Token]]:
    """The piece that ends at the cursor, and the tokens before it."""
    first = len(tokens)
    if tokens and tokens[-1].kind in {"operator", "comma"}:
        first -= 1
    else:
        while first > 0 and tokens[first - 1].kind in _GLUED:
            first -= 1
    piece = tuple(tokens[first:])
    if piece and piece[-1].kind == "comma":
        return _Typed("", cursor, cursor), tokens
    start = piece[0].start if piece else cursor
    return _Typed(expression[start:cursor], start, _end_of_piece(expression, cursor, piece), piece), tokens[:first]


def _end_of_piece(expression: str, cursor: int, piece: Sequence[Token]) -> int:
    """What is replaced goes on to the end of the word or the quotes in which the cursor stands."""
    if not piece:
        return cursor
    token = next((t for t in tokenize(expression) if t.start < cursor < t.end), None)
    if token is None or token.kind not in {"word", "quoted", "string", "operator", "number"}:
        return cursor
    rest = expression[cursor : token.end]
    return cursor if any(c.isspace() for c in rest) else token.end


def _read(tokens: Iterable[Token]) -> _State:
    """What is expected after these tokens. Whatever is wrong among them is passed over."""
    state = _State()
    for token in tokens:
        _step(state, token)
    return state


def _step(state: _State, token: Token) -> None:
    if token.kind == "open" and state.expects == "operand":
        state.open_parentheses += 1
    elif token.kind == "close" and state.expects in {"join", "more_items", "item"}:
        if state.expects == "join":
            state.open_parentheses = max(0, state.open_parentheses - 1)
        state.expects = "join"
    elif token.is_word("AND", "OR") and state.expects in {"join", "operand"}:
        state.expects = "operand"
    elif token.kind in {"word", "quoted"} and state.expects in {"operand", "join"}:
        state.entity, state.key, state.expects = "", unquote(token.text), "operator"
    elif token.kind == "dot" and state.expects == "operator":
        if state.entity:
            state.key += "."
        else:
            state.entity, state.key = ENTITIES.get(state.key, "?"), ""
        state.expects = "key"
    elif state.expects == "key":
        state.key, state.expects = state.key + unquote(token.text), "operator"
    elif state.expects in {"operator", "in", "null"}:
        _step_operator(state, token)
    elif state.expects == "value" and token.kind in {"string", "quoted", "number", "word"}:
        state.expects = "join"
    elif state.expects == "list" and token.kind == "open":
        state.expects = "item"
    elif state.expects == "item" and token.kind in {"string", "quoted"}:
        state.expects = "more_items"
    elif state.expects == "more_items" and token.kind == "comma":
        state.expects = "item"


def _step_operator(state: _State, token: Token) -> None:
    if not state.entity:
        state.entity, state.key = "attribute", ATTRIBUTE_ALIASES.get(state.key, state.key)
    if token.is_word("IS"):
        state.operator, state.expects = "IS", "null"
    elif token.is_word("NULL"):
        state.expects = "join"
    elif token.is_word("NOT"):
        state.operator, state.expects = f"{state.operator} NOT".strip(), "null" if state.expects == "null" else "in"
    elif token.is_word("IN"):
        state.operator, state.expects = "IN", "list"
    elif token.kind == "operator" or token.is_word("LIKE", "ILIKE"):
        state.operator, state.expects = token.text.upper(), "value"


def _entity_of(typed: _Typed) -> tuple[str, _Typed]:
    """The kind of key before the first dot, and the piece after it; an empty kind when there is no such dot."""
    if len(typed.tokens) < 2 or typed.tokens[1].kind != "dot":
        return "", typed
    entity = ENTITIES.get(unquote(typed.tokens[0].text), "")
    after = typed.tokens[1].end
    return entity, _Typed(typed.text[after - typed.start :], after, typed.end)


def _operands(seen: KnownKeys, typed: _Typed) -> Iterable[Candidate]:
    for entity in ("metric", "param", "tag"):
        if seen.of(entity):
            yield Candidate(f"{PLURAL[entity]}.", "entity", f"{PLURAL[entity]}.", typed.start, typed.end)
    for name in _COMMON_ATTRIBUTES:
        yield (
            Candidate(name, "key", f"{name} ", typed.start, typed.end)
            if typed.text
            else Candidate(name, "entity", f"{name} ", typed.start, typed.end)
        )
    yield Candidate("datasets.", "entity", "datasets.", typed.start, typed.end)
    wanted = _bare(typed.text)
    for entity in ("metric", "param", "tag") if wanted else ():
        for key in _matching(seen.of(entity), wanted, f"{PLURAL[entity]}."):
            name = written(entity, key)
            yield Candidate(name, "key", f"{name} ", typed.start, typed.end)


def _keys(entity: str, seen: KnownKeys, place: _Typed) -> Iterable[Candidate]:
    known = _COMMON_ATTRIBUTES if entity == "attribute" else seen.of(entity)
    for key in _matching(known, _bare(place.text)):
        text = quoted_key(key) or key
        yield Candidate(text, "key", f"{text} ", place.start, place.end)


def _matching(keys: Iterable[str], wanted: str, prefix: str = "") -> list[str]:
    """Keys that can be offered, at most :data:`MOST` that begin with what is wanted and as many that contain it.

    Chosen here, before anything is made of them, since there may be thousands.
    """
    starting: list[str] = []
    containing: list[str] = []
    for key in keys:
        lowered = key.lower()
        if lowered.startswith(wanted) or (
            prefix and wanted.startswith(prefix[:1]) and (prefix + lowered).startswith(wanted)
        ):
            chosen = starting
        elif wanted in lowered:
            chosen = containing
        else:
            continue
        if len(chosen) < MOST and quoted_key(key) is not None and _showable(key):
            chosen.append(key)
        elif len(starting) >= MOST:
            break
    return starting + containing


def _named(expression: str, typed: _Typed, named: Mapping[str, str]) -> Iterable[Candidate]:
    alone = not (expression[: typed.start] + expression[typed.end :]).strip()
    for name, text in named.items():
        insert = text if alone or not _needs_parentheses(text) else f"({text})"
        yield Candidate(f"@{name}", "named", f"{insert} " if not alone else insert, typed.start, typed.end, clean(text))


def _needs_parentheses(text: str) -> bool:
    try:
        return parse(text).extended
    except FilterError:
        return False


def _continuations(state: _State, seen: KnownKeys, typed: _Typed) -> Iterable[Candidate]:
    """Everything that may follow a key."""
    if state.expects == "operator":
        entity = state.entity or "attribute"
        key = state.key if state.entity else ATTRIBUTE_ALIASES.get(state.key, state.key)
        known = entity in PLURAL and (entity not in {"attribute", "dataset"} or key in seen.of(entity))
        return _words(allowed_operators(entity, key) if known else (), "operator", typed)
    if state.expects == "null":
        return _words(("NULL",) if state.operator.endswith("NOT") else ("NULL", "NOT NULL"), "operator", typed)
    if state.expects == "in":
        return _words(("IN",), "operator", typed)
    if state.expects in {"value", "item"}:
        return _values(state, seen, typed)
    if state.expects == "list":
        return [Candidate("(", "operator", "(", typed.start, typed.end)]
    if state.expects == "more_items":
        return [
            Candidate(")", "operator", ") ", typed.start, typed.end),
            Candidate(",", "operator", ", ", typed.start, typed.end),
        ]
    if state.expects == "join":
        closing = [Candidate(")", "keyword", ") ", typed.start, typed.end)] if state.open_parentheses else []
        return [*_words(("AND", "OR"), "keyword", typed), *closing]
    return []


def _words(words: Iterable[str], kind: str, typed: _Typed) -> list[Candidate]:
    return [Candidate(word, kind, f"{word} ", typed.start, typed.end) for word in words]


def _values(state: _State, seen: KnownKeys, typed: _Typed) -> Iterable[Candidate]:
    """Values in quotes; numbers cannot be guessed."""
    if state.entity == "metric" or (state.entity == "attribute" and state.key in NUMERIC_ATTRIBUTES):
        return
    if state.entity == "attribute" and state.key == "status":
        known: Iterable[str] = tuple(RunStatus)
    else:
        known = seen.values.get(f"{PLURAL.get(state.entity, '')}.{state.key}", ())
    after = "" if state.expects == "item" else " "
    for value in known:
        quote = next((q for q in "'\"" if q not in value), None)
        # A backslash before the closing quote would keep the text open.
        if quote and not value.endswith("\\") and len(value) <= _LONGEST_VALUE and _showable(value):
            text = f"{quote}{value}{quote}"
            yield Candidate(text, "value", f"{text}{after}", typed.start, typed.end)


def _showable(text: str) -> bool:
    return text.isprintable() and clean(text) == text


def _ranked(typed: str, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Those that begin with what is typed, then those that contain it, quotes and case aside."""
    wanted = _bare(typed)
    if not wanted:
        return tuple(c for c, _ in zip(candidates, range(MOST), strict=False))
    starting: list[Candidate] = []
    containing: list[Candidate] = []
    for candidate in candidates:
        text = _bare(candidate.text)
        if text == wanted and candidate.insert.strip() == typed:
            continue
        # metrics.`val loss` begins with "val" too, as far as somebody is concerned who types a bare key.
        if text.startswith(wanted) or (candidate.kind == "key" and text.partition(".")[2].startswith(wanted)):
            starting.append(candidate)
        elif wanted in text:
            containing.append(candidate)
    return tuple((starting + containing)[:MOST])


def _bare(text: str) -> str:
    return text.replace("`", "").replace("'", "").replace('"', "").lower()
