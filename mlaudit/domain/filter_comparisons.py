"""One comparison of a filter: its key, operator and value, read as MLflow reads them, to the letter.

MLflow splits an expression with sqlparse and cuts the key out of the text; what is odd below is odd there.
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
    tokenize,
    unquote,
)
from mlaudit.domain.text import clean

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


class ComparisonReader:
    """Reads comparisons from the tokens of an expression. Every method raises FilterError with the position."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = [t for t in tokenize(expression) if t.kind != "space"]
        self.index = 0

    def comparison(self) -> Comparison:
        """The comparison that begins here."""
        first = self.peek()
        assert first is not None
        if first.is_word("NOT"):
            raise self.error("NOT cannot stand before a comparison; use !=", first)
        entity, key = self._identifier()
        operator = self._operator(entity, key)
        value = None if operator.startswith("IS ") else self._value(entity, key, operator)
        return Comparison(entity, key, operator, value, first.start, self.tokens[self.index - 1].end)

    def _identifier(self) -> tuple[str, str]:
        token = self.next_token("a key such as metrics.loss or params.lr")
        if token.kind not in {"word", "quoted"}:
            if token.kind == "unclosed":
                raise self.error(f"this {token.text[0]} is never closed", token)
            raise self.error(f"expected a key such as metrics.loss or params.lr, found {_shown(token)}", token)
        dot = self.peek()
        if dot is None or dot.kind != "dot":
            return "attribute", self._attribute(unquote(token.text), token)
        name = token.text[1:-1] if token.text.startswith("`") else token.text
        entity = ENTITIES.get(name)
        if entity is None:
            near = difflib.get_close_matches(name.lower(), ("metrics", "params", "tags", "attributes", "datasets"), 1)
            hint = f"; did you mean {near[0]}?" if near else ": use metrics, params, tags, attributes or datasets"
            raise self.error(f"unknown kind of key {name!r}{hint}", token)
        if dot.start != token.end:
            raise self.error(f"no blank may stand before this dot: {token.text}.key", dot)
        self.index += 1
        key, key_token = self._key(token)
        if entity == "attribute":
            return entity, self._attribute(key, key_token)
        if entity == "dataset" and key not in DATASET_KEYS:
            raise self.error(f"datasets have name, digest and context, not {key!r}", key_token)
        return entity, key

    def _key(self, entity: Token) -> tuple[str, Token]:
        """The key after the dot: all that MLflow takes for one name, quotes around the whole of it taken off.

        Names joined by dots, any of them quoted or with an index in brackets, even with blanks or nothing in between:
        ``metrics. loss`` is the key `` loss``, and that is so in MLflow.
        """
        start = self.tokens[self.index - 1].end
        first = self.peek()
        if first is None or not self._is_part(first):
            self._no_key(entity, first)
        while (part := self.peek()) is not None and self._is_part(part):
            self.index += 1
            if part.kind == "word" and (part.text.upper() in RESERVED or _EXPONENT.fullmatch(part.text)):
                raise self.error(f"{part.text!r} as a key needs backticks: {entity.text}.`{part.text}`", part)
            self._index_in_brackets(part)
            follows = self.peek()
            if part.kind == "string" or (part.kind != "dot" and (follows is None or follows.kind != "dot")):
                break
        last = self.tokens[self.index - 1]
        following = self.peek()
        if (
            following is not None
            and following.kind in {"other", "number"}
            and following.text[0] in "-/+@:%&*|$#[{?\\^"
            and following.start == last.end
        ):
            raise self.error(f"a key with {following.text[0]!r} in it needs backticks: {entity.text}.`key`", following)
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
        opening = self.peek()
        if part.kind == "dot" or opening is None or opening.text != "[" or opening.start != part.end:
            return
        closing = next((i for i in range(self.index, len(self.tokens)) if self.tokens[i].text == "]"), None)
        if closing is not None and closing > self.index + 1:
            self.index = closing + 1

    def _no_key(self, entity: Token, found: Token | None) -> None:
        if found is None:
            self.next_token(f"a key after {entity.text}.")
        elif found.kind == "unclosed":
            raise self.error(f"this {found.text[0]} is never closed", found)
        else:
            raise self.error(f"no key after {entity.text}.", found)

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
            raise self.error(f"unknown attribute {key!r}{hint}", token)
        return name

    def _operator(self, entity: str, key: str) -> str:
        allowed = allowed_operators(entity, key)
        token = self.next_token(f"one of {', '.join(allowed)}")
        words = [token.text.upper()]
        if token.is_word("IS", "NOT"):
            while (more := self.peek()) is not None and more.is_word("NOT", "NULL", "IN", "LIKE", "ILIKE"):
                before = self.tokens[self.index - 1]
                if words[-1] == "NOT" and more.is_word("NULL") and self._between(before, more) != " ":
                    # MLflow takes the two for one word.
                    raise self.error("one blank stands between NOT and NULL", more)
                words.append(more.text.upper())
                self.index += 1
        operator = " ".join(words)
        if operator not in allowed:
            raise self.error(f"expected one of {', '.join(allowed)} here, found {operator!r}", token)
        return operator

    def _value(self, entity: str, key: str, operator: str) -> float | str | tuple[str, ...]:
        numeric = entity == "metric" or (entity == "attribute" and key in NUMERIC_ATTRIBUTES)
        wanted = "a bare number" if numeric else "a quoted text"
        token = self.next_token(wanted)
        if token.kind == "unclosed":
            raise self.error(f"this {token.text[0]} is never closed", token)
        if operator in {"IN", "NOT IN"}:
            return self._list(entity, key, token)
        if numeric:
            if token.kind != "number":
                quoted = ", without quotes" if token.kind in {"string", "quoted"} else ""
                raise self.error(f"expected {wanted}{quoted}, found {_shown(token)}", token)
            return float(token.text)
        if token.kind == "string" or (token.kind == "quoted" and token.text[0] == '"'):
            return unquote(token.text)
        raise self.error(f"expected {wanted}, in single quotes, found {_shown(token)}", token)

    def _list(self, entity: str, key: str, token: Token) -> tuple[str, ...]:
        if entity == "attribute" and key != "run_id":
            raise self.error(f"IN works for run_id and datasets only, not for {key}", token)
        if token.kind != "open":
            raise self.error(f"expected a list in parentheses, found {_shown(token)}", token)
        depth, odd = 1, None
        while depth:
            inner = self.next_token("the end of the list, )")
            depth += {"open": 1, "close": -1}.get(inner.kind, 0)
            if odd is None and inner.kind not in {"string", "quoted", "comma", "open", "close"}:
                odd = inner
        text = self.expression[token.start : self.tokens[self.index - 1].end]
        try:
            # MLflow reads the list as Python does, so that is what it means.
            parsed = ast.literal_eval(text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            if odd is not None:
                raise self.error(f"expected a quoted text in the list, found {_shown(odd)}", odd) from None
            raise self.error("this list cannot be read: write ('a', 'b')", token) from None
        values = parsed if isinstance(parsed, tuple) else (parsed,)
        if not values or not all(isinstance(v, str) for v in values):
            if odd is not None:
                raise self.error(f"expected a quoted text in the list, found {_shown(odd)}", odd)
            raise self.error("the list needs at least one quoted text", token)
        return values

    def _between(self, left: Token, right: Token) -> str:
        return self.expression[left.end : right.start]

    def peek(self) -> Token | None:
        """The next token, left where it is."""
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def next_token(self, wanted: str) -> Token:
        """The next token, passed over; ``wanted`` is what is missing at the end."""
        token = self.peek()
        if token is None:
            raise FilterError(self.expression, f"expected {wanted}, found the end", len(self.expression.rstrip()))
        self.index += 1
        return token

    def error(self, problem: str, token: Token) -> FilterError:
        """What is wrong at a token."""
        return FilterError(self.expression, clean(problem), token.start)


def _shown(token: Token) -> str:
    """What was found, in quotes: not all of it where it is long, and no control character as it stands."""
    return repr(clean(token.text, max_length=40))
