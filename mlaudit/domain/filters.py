"""The filter language: comparisons joined by AND and OR, in parentheses, and where an expression goes wrong.

MLflow's ``search_runs`` knows AND alone. mlaudit's language is MLflow's plus ``OR`` and parentheses: what MLflow
accepts means the same here, and what it accepts in silence though it is probably a slip (a missing or a trailing AND)
is one of :attr:`Parsed.warnings`. In an expression that MLflow would refuse anyway such a slip is an error.

MLflow's own errors carry no position; ours do. :func:`locate_error` supplies one for an expression that a store has
already rejected.
"""

from __future__ import annotations

import ast
import difflib
import re
from dataclasses import dataclass, field

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_tokens import (
    ATTRIBUTE_ALIASES,
    DATASET_KEYS,
    ENTITIES,
    NUMERIC_ATTRIBUTES,
    RESERVED,
    TEXT_ATTRIBUTES,
    WORD_OPERATORS,
    Token,
    allowed_operators,
    highlight,
    tokenize,
    unquote,
)

__all__ = [
    "ATTRIBUTE_ALIASES",
    "DATASET_KEYS",
    "ENTITIES",
    "MAX_DEPTH",
    "MAX_TERMS",
    "NUMERIC_ATTRIBUTES",
    "TEXT_ATTRIBUTES",
    "Comparison",
    "FilterWarning",
    "Parsed",
    "Token",
    "highlight",
    "is_unfinished",
    "locate_error",
    "parse",
    "tokenize",
    "unquote",
]

MAX_TERMS = 32
"""As many searches as one expression may need where the store knows AND alone."""
MAX_DEPTH = 50
"""Parentheses within parentheses."""


_EXPONENT = re.compile(r"\d+(?:\.\d+)?[eE]-?\d+")


@dataclass(frozen=True, slots=True)
class Comparison:
    """``metrics.loss < 0.5``: which kind of thing, which key (raw, without quotes), how it is compared, with what.

    Two are equal when they mean the same, wherever they stand.
    """

    entity: str
    """``metric``, ``param``, ``tag``, ``attribute`` or ``dataset``."""
    key: str
    operator: str
    """Upper case, one blank between words."""
    value: float | str | tuple[str, ...] | None
    """None for IS NULL and IS NOT NULL."""
    start: int = field(compare=False)
    end: int = field(compare=False)


Terms = tuple[tuple[Comparison, ...], ...]
"""Disjunctive normal form: one of these must hold, and in it every comparison."""


@dataclass(frozen=True, slots=True)
class FilterWarning:
    """Something that is accepted and that is probably a slip."""

    position: int
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an expression says."""

    comparisons: tuple[Comparison, ...]
    """Every comparison, in the order in which they are written."""
    terms: Terms = ((),)
    """The expression as an OR of ANDs, each once, at most :data:`MAX_TERMS`; ``((),)`` for an empty expression."""
    warnings: tuple[FilterWarning, ...] = ()
    extended: bool = False
    """Whether it uses OR or parentheses, so that MLflow itself would refuse it as it is written."""


def parse(expression: str) -> Parsed:
    """What an expression says. Raises FilterError with the position where it goes wrong."""
    return _Parser(expression).parse()


def locate_error(expression: str) -> FilterError | None:
    """Where a rejected expression goes wrong, or None when nothing wrong can be seen here."""
    try:
        parse(expression)
    except FilterError as error:
        return error
    return None


_Numbers = tuple[tuple[int, ...], ...]
"""Terms whose comparisons are numbered, since those are quicker to tell apart."""


def is_unfinished(error: FilterError) -> bool:
    """Whether an expression may become right by typing on at its end: what is wrong is its last word, or missing."""
    expression, position = error.expression, error.position
    if position >= len(expression.rstrip()):
        return True
    tokens = [t for t in tokenize(expression) if t.kind != "space"]
    at = next((t for t in tokens if t.start <= position < t.end), None)
    if at is None:
        return False
    if at.kind == "unclosed" or (at.kind == "open" and "never closed" in error.problem):
        return True
    last = tokens[-1]
    if last.is_word("AND", "OR"):
        return at is last
    # What is quoted or closed is as its writer wants it.
    return at is last and at.end == len(expression) and at.kind in {"word", "number", "operator", "other"}


@dataclass(frozen=True, slots=True)
class _Slip:
    """An AND too many or too few."""

    token: Token
    warning: str
    error: str


class _Parser:
    """Recursive descent: OR binds less than AND; parentheses group. The terms grow on the way, as numbers."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = [t for t in tokenize(expression) if t.kind != "space"]
        self.index = 0
        self.extended = False
        self.comparisons: list[Comparison] = []
        self.numbers: dict[Comparison, int] = {}
        self.slips: list[_Slip] = []

    def parse(self) -> Parsed:
        terms = self._either(0) if self.tokens else ((),)
        left = self._peek()
        if left is not None:
            raise self._error("this ) closes nothing", left)
        self.slips.sort(key=lambda slip: slip.token.start)
        if self.extended and self.slips:
            raise self._error(self.slips[0].error, self.slips[0].token)
        warnings = tuple(FilterWarning(s.token.start, s.warning) for s in self.slips)
        distinct = tuple(self.numbers)
        found = tuple(tuple(distinct[n] for n in term) for term in _needed(terms))
        return Parsed(tuple(self.comparisons), found, warnings, self.extended)

    def _either(self, depth: int) -> _Numbers:
        """ANDs joined by OR."""
        terms = self._all(depth, None)
        while (token := self._peek()) is not None and token.is_word("OR"):
            self.extended = True
            self.index += 1
            first = self._peek()
            terms = self._capped((*terms, *self._all(depth, token)), first)
        return terms

    def _all(self, depth: int, after: Token | None) -> _Numbers:
        """Comparisons and parentheses joined by AND; ``after``: the OR before them."""
        terms: _Numbers = ((),)
        joined, last_and = True, None
        while (token := self._peek()) is not None and token.kind != "close" and not token.is_word("OR"):
            if token.is_word("AND"):
                if joined:
                    text = "this AND has nothing before it"
                    self.slips.append(_Slip(token, text, text))
                joined, last_and = True, token
                self.index += 1
                continue
            if not joined:
                self._missing_and(token)
            right = self._parentheses(depth) if token.kind == "open" else self._one()
            terms = self._capped(tuple((*a, *b) for a in terms for b in right), token)
            joined = False
        if joined:
            self._nothing_more(token, last_and, after)
        return terms

    def _nothing_more(self, found: Token | None, last_and: Token | None, after: Token | None) -> None:
        """An AND is followed by nothing, which may pass, or there is nothing at all, which may not."""
        if last_and is not None:
            text = "nothing follows this AND"
            self.slips.append(_Slip(last_and, text, text))
            return
        if found is None:
            self._next("a comparison after OR" if after else "a comparison")
        elif found.is_word("OR") and after is None:
            raise self._error("this OR has nothing before it", found)
        elif found is not None:
            raise self._error(f"expected a comparison here, found {found.text!r}", found)

    def _missing_and(self, token: Token) -> None:
        if token.kind not in {"word", "quoted", "open"} or token.is_word(*WORD_OPERATORS):
            raise self._error(f"expected AND, OR or the end, found {token.text!r}", token)
        self.slips.append(
            _Slip(token, "AND is missing here; read as if it stood there", "AND or OR is missing before this")
        )

    def _parentheses(self, depth: int) -> _Numbers:
        opening = self._next("(")
        self.extended = True
        if depth >= MAX_DEPTH:
            raise self._error(f"parentheses may be {MAX_DEPTH} deep at most", opening)
        terms = self._either(depth + 1)
        if self._peek() is None:
            raise self._error("this ( is never closed", opening)
        self.index += 1
        return terms

    def _one(self) -> _Numbers:
        comparison = self._comparison()
        self.comparisons.append(comparison)
        return ((self.numbers.setdefault(comparison, len(self.numbers)),),)

    def _capped(self, terms: _Numbers, token: Token | None) -> _Numbers:
        """Each term once, each comparison in it once. Raises FilterError at ``token`` when they are too many."""
        distinct: dict[frozenset[int], tuple[int, ...]] = {}
        for term in terms:
            distinct.setdefault(frozenset(term), tuple(dict.fromkeys(term)))
        if len(distinct) > MAX_TERMS:
            problem = f"here the filter grows to {len(distinct)} searches joined by OR; {MAX_TERMS} are the most"
            raise FilterError(self.expression, problem, token.start if token else len(self.expression))
        return tuple(distinct.values())

    def _comparison(self) -> Comparison:
        first = self._peek()
        assert first is not None
        if first.is_word("NOT"):
            raise self._error("NOT cannot stand before a comparison; use !=", first)
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
        if dot.start != token.end:
            raise self._error(f"no blank may stand before this dot: {token.text}.key", dot)
        self.index += 1
        key, key_token = self._key(token)
        if entity == "attribute":
            return entity, self._attribute(key, key_token)
        if entity == "dataset" and key not in DATASET_KEYS:
            raise self._error(f"datasets have name, digest and context, not {key!r}", key_token)
        return entity, key

    def _key(self, entity: Token) -> tuple[str, Token]:
        """The key after the dot: all that MLflow takes for one name, quotes around the whole of it taken off.

        Names joined by dots, any of them quoted or with an index in brackets, even with blanks or nothing in between:
        ``metrics. loss`` is the key `` loss``, and that is so in MLflow.
        """
        start = self.tokens[self.index - 1].end
        first = self._peek()
        if first is None or not self._is_part(first):
            self._no_key(entity, first)
        while (part := self._peek()) is not None and self._is_part(part):
            self.index += 1
            if part.kind == "word" and (part.text.upper() in RESERVED or _EXPONENT.fullmatch(part.text)):
                raise self._error(f"{part.text!r} as a key needs backticks: {entity.text}.`{part.text}`", part)
            self._index_in_brackets(part)
            follows = self._peek()
            if part.kind == "string" or (part.kind != "dot" and (follows is None or follows.kind != "dot")):
                break
        last = self.tokens[self.index - 1]
        following = self._peek()
        if (
            following is not None
            and following.kind in {"other", "number"}
            and following.text[0] in "-/+@:%&*|$#[{?\\^"
            and following.start == last.end
        ):
            raise self._error(f"a key with {following.text[0]!r} in it needs backticks: {entity.text}.`key`", following)
        key = self.expression[start : last.end]
        for quotes in ("'\"", "`"):
            if len(key) >= 2 and key[0] == key[-1] and key[0] in quotes:
                key = key[1:-1]
        assert first is not None
        return key, first

    def _is_part(self, token: Token) -> bool:
        """Whether a key may go on with this: after a blank no keyword does."""
        if token.kind in {"quoted", "string", "dot"}:
            return True
        before = self.tokens[self.index - 1]
        return token.kind == "word" and (token.start == before.end or not token.is_word("AND", "OR", *WORD_OPERATORS))

    def _index_in_brackets(self, part: Token) -> None:
        """Pass over ``[0]`` after a name."""
        opening = self._peek()
        if part.kind == "dot" or opening is None or opening.text != "[" or opening.start != part.end:
            return
        closing = next((i for i in range(self.index, len(self.tokens)) if self.tokens[i].text == "]"), None)
        if closing is not None and closing > self.index + 1:
            self.index = closing + 1

    def _no_key(self, entity: Token, found: Token | None) -> None:
        if found is None:
            self._next(f"a key after {entity.text}.")
        elif found.kind == "unclosed":
            raise self._error(f"this {found.text[0]} is never closed", found)
        else:
            raise self._error(f"no key after {entity.text}.", found)

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
        allowed = allowed_operators(entity, key)
        token = self._next(f"one of {', '.join(allowed)}")
        words = [token.text.upper()]
        if token.is_word("IS", "NOT"):
            while (more := self._peek()) is not None and more.is_word("NOT", "NULL", "IN", "LIKE", "ILIKE"):
                before = self.tokens[self.index - 1]
                if words[-1] == "NOT" and more.is_word("NULL") and self._between(before, more) != " ":
                    # MLflow takes the two for one word.
                    raise self._error("one blank stands between NOT and NULL", more)
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
        depth, odd = 1, None
        while depth:
            inner = self._next("the end of the list, )")
            depth += {"open": 1, "close": -1}.get(inner.kind, 0)
            if odd is None and inner.kind not in {"string", "quoted", "comma", "open", "close"}:
                odd = inner
        text = self.expression[token.start : self.tokens[self.index - 1].end]
        try:
            # MLflow reads the list as Python does, so that is what it means.
            parsed = ast.literal_eval(text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            if odd is not None:
                raise self._error(f"expected a quoted text in the list, found {odd.text}", odd) from None
            raise self._error("this list cannot be read: write ('a', 'b')", token) from None
        values = parsed if isinstance(parsed, tuple) else (parsed,)
        if not values or not all(isinstance(v, str) for v in values):
            if odd is not None:
                raise self._error(f"expected a quoted text in the list, found {odd.text}", odd)
            raise self._error("the list needs at least one quoted text", token)
        return values

    def _between(self, left: Token, right: Token) -> str:
        return self.expression[left.end : right.start]

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


def _needed(terms: _Numbers) -> _Numbers:
    """Without the terms that ask for more than another one does: they find nothing that it does not find."""
    sets = [frozenset(term) for term in terms]
    return tuple(t for t, own in zip(terms, sets, strict=True) if not any(other < own for other in sets))
