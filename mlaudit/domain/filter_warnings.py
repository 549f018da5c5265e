"""What a filter says and its writer probably did not mean: MLflow takes it and answers without a word.

Positions in the texts count from 1, as a person counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlaudit.domain.filter_keys import near_keys, written
from mlaudit.domain.filters import Comparison, Parsed, Terms
from mlaudit.domain.models import RunStatus
from mlaudit.domain.text import clean

_KEYED = frozenset({"metric", "param", "tag"})


def silent_traps(parsed: Parsed, unknown: Iterable[Comparison] = ()) -> tuple[str, ...]:
    """What can be seen without a look at the store; nothing more about comparisons whose key is known to be unknown."""
    found = [f"character {w.position + 1}: {w.text}" for w in parsed.warnings]
    silenced = set(unknown)
    found += [text for c in parsed.comparisons if (text := _status_trap(c))]
    found += [
        f"!= leaves out the runs that have no {(name := clean(written(c.entity, c.key)))}{_instead(c, name)}"
        for c in parsed.comparisons
        if c.operator == "!=" and c.entity in _KEYED and c not in silenced and not _null_is_asked_for(c, parsed.terms)
    ]
    return tuple(dict.fromkeys(found))


def named_keys(terms: Terms) -> tuple[Comparison, ...]:
    """The comparisons that need a metric, param or tag to be there, one for each key."""
    first: dict[tuple[str, str], Comparison] = {}
    for comparison in (c for term in terms for c in term):
        if comparison.entity in _KEYED and comparison.operator != "IS NULL":
            first.setdefault((comparison.entity, comparison.key), comparison)
    return tuple(first.values())


def unknown_key(comparison: Comparison, known: Iterable[str]) -> str:
    """That no run has the key, and which known ones are like it."""
    close = [clean(written(comparison.entity, k)) for k in near_keys(comparison.key, known)]
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    return f"no run here has {clean(written(comparison.entity, comparison.key))}{hint}"


def unknown_keys(
    terms: Terms, is_known: Callable[[Comparison], bool], known: Callable[[str], Iterable[str]]
) -> tuple[tuple[str, ...], tuple[Comparison, ...]]:
    """What to say of the keys of these terms that no run has, and the comparisons that name them.

    ``known``: the keys of a kind, to find near ones; asked only where a key is unknown.
    """
    missing = tuple(c for c in named_keys(terms) if not is_known(c))
    named = {(c.entity, c.key) for c in missing}
    every = tuple(c for term in terms for c in term if (c.entity, c.key) in named)
    return tuple(unknown_key(c, known(c.entity)) for c in missing), every


def _instead(comparison: Comparison, name: str) -> str:
    # IS NULL is not for metrics.
    return "" if comparison.entity == "metric" else f"; OR {name} IS NULL would keep them"


def _null_is_asked_for(comparison: Comparison, terms: Terms) -> bool:
    """Whether the runs without the key are dealt with by another comparison: then nothing is left out unseen."""
    return any(
        c.operator in {"IS NULL", "IS NOT NULL"} and (c.entity, c.key) == (comparison.entity, comparison.key)
        for term in terms
        for c in term
    )


def _status_trap(comparison: Comparison) -> str:
    value = comparison.value
    if comparison.entity != "attribute" or comparison.key != "status" or not isinstance(value, str):
        return ""
    if comparison.operator in {"=", "!="} and value not in set(RunStatus):
        if value.upper() in set(RunStatus):
            return f"no run has the status '{clean(value)}': write '{value.upper()}'"
        return f"no run has the status '{clean(value)}': there are {', '.join(RunStatus)}"
    if comparison.operator == "LIKE" and value != value.upper():
        return f"status LIKE '{clean(value)}' finds nothing: a status is written in capitals, or use ILIKE"
    return ""
