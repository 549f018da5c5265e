"""The keys that a filter may name: those seen in an experiment, how they are written, which is like a wrong one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlaudit.domain.filter_tokens import DATASET_KEYS, NUMERIC_ATTRIBUTES, RESERVED, TEXT_ATTRIBUTES, tokenize, unquote
from mlaudit.domain.models import Run

PLURAL = {"metric": "metrics", "param": "params", "tag": "tags", "attribute": "attributes", "dataset": "datasets"}
"""What a kind of key is called in an expression."""

MAX_VALUES = 50
"""Values of one param or tag that are kept; nobody reads a longer list."""

_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_KEYWORDS = RESERVED | {"AND", "OR", "NOT", "IS", "NULL", "LIKE", "ILIKE", "ASC", "DESC"}


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Raw keys, and values under ``params.KEY`` and ``tags.KEY`` (the key raw, without quotes)."""

    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def merged(self, other: KnownKeys) -> KnownKeys:
        """These keys and the other's."""
        values = dict(self.values)
        for name, more in other.values.items():
            values[name] = tuple(dict.fromkeys((*values.get(name, ()), *more)))[:MAX_VALUES]
        return KnownKeys(
            tuple(sorted({*self.metrics, *other.metrics})),
            tuple(sorted({*self.params, *other.params})),
            tuple(sorted({*self.tags, *other.tags})),
            values,
        )

    def of(self, entity: str) -> tuple[str, ...]:
        """The keys of one kind (``metric``, ``param``, ``tag``, ``attribute`` or ``dataset``)."""
        if entity == "attribute":
            return tuple(sorted(NUMERIC_ATTRIBUTES | TEXT_ATTRIBUTES))
        if entity == "dataset":
            return tuple(sorted(DATASET_KEYS))
        return {"metric": self.metrics, "param": self.params, "tag": self.tags}[entity]


def seen_in(runs: Iterable[Run]) -> KnownKeys:
    """The keys of these runs, and up to :data:`MAX_VALUES` values of each param and tag, in the order seen."""
    found: dict[str, dict[str, None]] = {"metrics": {}, "params": {}, "tags": {}}
    values: dict[str, dict[str, None]] = {}
    for run in runs:
        found["metrics"] |= dict.fromkeys(map(run.raw_key, run.metrics))
        for group, pairs in (("params", run.params), ("tags", run.tags)):
            for printable, value in pairs.items():
                key = run.raw_key(printable)
                found[group][key] = None
                some = values.setdefault(f"{group}.{key}", {})
                if len(some) < MAX_VALUES:
                    some[value] = None
    return KnownKeys(
        tuple(sorted(found["metrics"])),
        tuple(sorted(found["params"])),
        tuple(sorted(found["tags"])),
        {name: tuple(some) for name, some in values.items()},
    )


def quoted_key(key: str) -> str | None:
    """A key as it is written after the dot, in backticks where it needs them; None where MLflow has no way to."""
    if _PLAIN.fullmatch(key) and not _KEYWORDS & {part.upper() for part in key.split(".")}:
        return key
    # Quotes are taken off a key one after the other: what is left must not look quoted itself.
    if not key or unquote(key) != key:
        return None
    if "`" not in key:
        return f"`{key}`"
    return f'"{key}"' if '"' not in key else None


def written(entity: str, key: str) -> str:
    """``metrics.loss``, or ``params.`a b```: how a key is named in an expression."""
    if entity == "attribute":
        return key
    return f"{PLURAL[entity]}.{quoted_key(key) or key}"


def near_keys(key: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known keys most like this one, best first."""
    lowered: dict[str, str] = {}
    for name in known:
        lowered.setdefault(name.lower(), name)
    # One letter of two is half the key, and a likely slip.
    cutoff = 0.6 if len(key) > 3 else 0.5
    return [lowered[n] for n in difflib.get_close_matches(key.lower(), lowered, n=count, cutoff=cutoff)]


def suggestion(expression: str, position: int, seen: KnownKeys) -> str | None:
    """The known key that was probably meant where an expression goes wrong, as it would be written.

    ``metrics.val-loss`` gives ``metrics.`val-loss```, ``loss`` gives ``metrics.loss``; None when nothing is like it.
    """
    typed = _typed_at(expression, position)
    if not typed:
        return None
    exact: dict[str, str] = {}
    for entity in ("metric", "param", "tag"):
        for key in seen.of(entity):
            exact.setdefault(f"{PLURAL[entity]}.{key}", written(entity, key))
    bare = {name.partition(".")[2]: name for name in reversed(exact)}
    if typed in bare:
        return exact[bare[typed]]
    found = near_keys(typed, exact, 1) or [bare[k] for k in near_keys(typed, bare, 1)]
    return exact[found[0]] if found and exact[found[0]] != typed else None


def _typed_at(expression: str, position: int) -> str:
    """What stands around a position without a blank or an operator in it: ``metrics.val-loss``."""
    tokens = tokenize(expression)
    at = next((i for i, t in enumerate(tokens) if t.start <= position < t.end), None)
    part = {"word", "dot", "other", "quoted", "number"}
    if at is None or tokens[at].kind not in part:
        return ""
    first, last = at, at
    while first > 0 and tokens[first - 1].kind in part:
        first -= 1
    while last + 1 < len(tokens) and tokens[last + 1].kind in part:
        last += 1
    return "".join(unquote(t.text) if t.kind == "quoted" else t.text for t in tokens[first : last + 1])
