"""The filter language: comparisons joined by AND and OR, in parentheses, and where an expression goes wrong.

MLflow's ``search_runs`` knows AND alone. mlaudit's language is MLflow's plus ``OR`` and parentheses: what MLflow
accepts means the same here, and what it accepts in silence though it is probably a slip (a missing or a trailing AND)
is one of :attr:`Parsed.warnings`. In an expression that MLflow would refuse anyway such a slip is an error.

MLflow's own errors carry no position; ours do. :func:`locate_error` supplies one for an expression that a store has
already rejected.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_comparisons import Comparison, ComparisonReader
from mlaudit.domain.filter_tokens import (
    ATTRIBUTE_ALIASES,
    DATASET_KEYS,
    ENTITIES,
    NUMERIC_ATTRIBUTES,
    TEXT_ATTRIBUTES,
    WORD_OPERATORS,
    Token,
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
    "Terms",
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


class _Parser(ComparisonReader):
    """Recursive descent: OR binds less than AND; parentheses group. The terms grow on the way, as numbers."""

    def __init__(self, expression: str) -> None:
        super().__init__(expression)
        self.extended = False
        self.comparisons: list[Comparison] = []
        self.numbers: dict[Comparison, int] = {}
        self.slips: list[_Slip] = []

    def parse(self) -> Parsed:
        terms = self._either(0) if self.tokens else ((),)
        left = self.peek()
        if left is not None:
            raise self.error("this ) closes nothing", left)
        self.slips.sort(key=lambda slip: slip.token.start)
        if self.extended and self.slips:
            raise self.error(self.slips[0].error, self.slips[0].token)
        warnings = tuple(FilterWarning(s.token.start, s.warning) for s in self.slips)
        distinct = tuple(self.numbers)
        found = tuple(tuple(distinct[n] for n in term) for term in _needed(terms))
        return Parsed(tuple(self.comparisons), found, warnings, self.extended)

    def _either(self, depth: int) -> _Numbers:
        """ANDs joined by OR."""
        terms = self._all(depth, None)
        while (token := self.peek()) is not None and token.is_word("OR"):
            self.extended = True
            self.index += 1
            first = self.peek()
            terms = self._capped((*terms, *self._all(depth, token)), first)
        return terms

    def _all(self, depth: int, after: Token | None) -> _Numbers:
        """Comparisons and parentheses joined by AND; ``after``: the OR before them."""
        terms: _Numbers = ((),)
        joined, last_and = True, None
        while (token := self.peek()) is not None and token.kind != "close" and not token.is_word("OR"):
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
            self.next_token("a comparison after OR" if after else "a comparison")
        elif found.is_word("OR") and after is None:
            raise self.error("this OR has nothing before it", found)
        elif found is not None:
            raise self.error(f"expected a comparison here, found {found.text!r}", found)

    def _missing_and(self, token: Token) -> None:
        if token.kind not in {"word", "quoted", "open"} or token.is_word(*WORD_OPERATORS):
            raise self.error(f"expected AND, OR or the end, found {token.text!r}", token)
        self.slips.append(
            _Slip(token, "AND is missing here; read as if it stood there", "AND or OR is missing before this")
        )

    def _parentheses(self, depth: int) -> _Numbers:
        opening = self.next_token("(")
        self.extended = True
        if depth >= MAX_DEPTH:
            raise self.error(f"parentheses may be {MAX_DEPTH} deep at most", opening)
        terms = self._either(depth + 1)
        if self.peek() is None:
            raise self.error("this ( is never closed", opening)
        self.index += 1
        return terms

    def _one(self) -> _Numbers:
        comparison = self.comparison()
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


def _needed(terms: _Numbers) -> _Numbers:
    """Without the terms that ask for more than another one does: they find nothing that it does not find."""
    sets = [frozenset(term) for term in terms]
    return tuple(t for t, own in zip(terms, sets, strict=True) if not any(other < own for other in sets))
