"""What a filter and an order mean for runs that are held in memory: the same as MLflow's stores make of them."""

from __future__ import annotations

import math
import operator
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlaudit.domain.errors import OrderError
from mlaudit.domain.filter_tokens import ATTRIBUTE_ALIASES, ENTITIES, NUMERIC_ATTRIBUTES, TEXT_ATTRIBUTES, unquote
from mlaudit.domain.filters import Comparison, Terms

ORDER_ATTRIBUTES = NUMERIC_ATTRIBUTES | TEXT_ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Searchable:
    """What of a run can be searched, in the store's raw form."""

    attributes: Mapping[str, str | int | None]
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    datasets: tuple[Mapping[str, str], ...] = ()
    """Each with name, digest and context."""


@dataclass(frozen=True, slots=True)
class Order:
    """One item of an order_by."""

    entity: str
    key: str
    ascending: bool


def like(value: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """SQL's LIKE: ``%`` is any text, ``_`` any character; case matters unless ``ignore_case``."""
    regex = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.fullmatch(regex, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "IN": lambda value, choices: value in choices,
    "NOT IN": lambda value, choices: value not in choices,
    "LIKE": like,
    "ILIKE": lambda value, pattern: like(value, pattern, ignore_case=True),
}


def matches(terms: Terms, subject: Searchable) -> bool:
    """Whether all comparisons of one term hold. A key that the run does not have makes any false but IS NULL."""
    return any(all(_holds(c, subject) for c in term) for term in terms)


def _holds(comparison: Comparison, subject: Searchable) -> bool:
    key, compare = comparison.key, _COMPARE.get(comparison.operator)
    if comparison.entity == "dataset":
        assert compare is not None
        return any(compare(d[key], comparison.value) for d in subject.datasets if d.get(key))
    value = _lookup(subject, comparison.entity, key)
    if compare is None:
        return (value is None) == (comparison.operator == "IS NULL")
    return value is not None and compare(value, comparison.value)


def _lookup(subject: Searchable, entity: str, key: str) -> str | float | None:
    if entity == "metric":
        return subject.metrics.get(key)
    if entity == "attribute":
        return subject.attributes.get(key)
    return (subject.params if entity == "param" else subject.tags).get(key)


def parse_order(items: Sequence[str]) -> list[Order]:
    """``metrics.loss DESC`` and the like. Raises OrderError naming the item that cannot be read."""
    orders: list[Order] = []
    for item in items:
        order = _parse_order_item(item)
        if any((o.entity, o.key) == (order.entity, order.key) for o in orders):
            raise OrderError(item, "this key is already in the order")
        orders.append(order)
    return orders


def _parse_order_item(item: str) -> Order:
    try:
        words = shlex.split(item.replace("`", '"'))
    except ValueError:
        raise OrderError(item, "a quote in the order is never closed", 0) from None
    if not words or len(words) > 2:
        raise OrderError(item, "an order is one key, then ASC or DESC", 0)
    if len(words) == 2 and words[1].upper() not in {"ASC", "DESC"}:
        raise OrderError(item, f"expected ASC or DESC, found {words[1]!r}", item.rfind(words[1]))
    name, dot, key = words[0].partition(".")
    entity = ENTITIES.get(name) if dot else "attribute"
    key = unquote(key) if dot else name
    if entity is None:
        raise OrderError(item, f"unknown kind of key {name!r}: use metrics, params, tags or attributes", 0)
    if entity == "dataset":
        raise OrderError(item, "runs cannot be ordered by a dataset", 0)
    if entity == "attribute":
        key = ATTRIBUTE_ALIASES.get(key, key)
        if key not in ORDER_ATTRIBUTES:
            raise OrderError(item, f"unknown attribute {key!r}: there are {', '.join(sorted(ORDER_ATTRIBUTES))}", 0)
    return Order(entity, key, len(words) == 1 or words[1].upper() == "ASC")


def sort_key(subject: Searchable, orders: Sequence[Order]) -> tuple[Any, ...]:
    """Sorts as MLflow does: numbers, NaN, runs without the key, in either direction; then newest first, then run_id."""
    parts: list[Any] = []
    for order in orders:
        value = _lookup(subject, order.entity, order.key)
        if value is None:
            parts.append((2, _Directed("", order.ascending)))
        elif isinstance(value, float) and math.isnan(value):
            parts.append((1, _Directed("", order.ascending)))
        else:
            parts.append((0, _Directed(value, order.ascending)))
    started = subject.attributes.get("start_time")
    newest = -started if isinstance(started, int) else 0
    return (*parts, started is None, newest, subject.attributes["run_id"])


@dataclass(frozen=True, slots=True, eq=True)
class _Directed:
    """A value that sorts in the asked direction."""

    value: Any
    ascending: bool

    def __lt__(self, other: _Directed) -> bool:
        return bool(self.value < other.value if self.ascending else other.value < self.value)
