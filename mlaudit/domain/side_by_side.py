"""Several runs beside one another: each metric, param, tag and dataset as one row with a value for each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mlaudit.domain.builtin_rules import direction_by_name
from mlaudit.domain.finite import is_finite
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_number
from mlaudit.domain.verdict import Direction


class Kind(StrEnum):
    """What a row is about."""

    METRIC = "metric"
    PARAM = "param"
    DATASET = "dataset"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that at least one of the runs has."""

    kind: Kind
    name: str
    values: tuple[str | None, ...]
    """Printable, one for each run; None where a run does not have it."""
    same: bool
    """Whether all runs have it, with the same value."""
    direction: Direction | None = None
    """Of a metric whose exact name is in the built-in table."""
    best: tuple[int, ...] = ()
    """Indexes of the runs with the best finite value, where the direction is known and not all are the same."""


def side_by_side(runs: Sequence[Run]) -> tuple[Row, ...]:
    """Metrics, params, datasets, the users' own tags; each part by name. ``runs``: 2 or more."""
    rows = [_metric(name, runs) for name in _keys([r.metrics for r in runs])]
    rows += [_texts(Kind.PARAM, name, [r.params.get(name) for r in runs]) for name in _keys([r.params for r in runs])]
    contexts = sorted({d.context for run in runs for d in run.datasets})
    rows += [_texts(Kind.DATASET, c or "(no context)", [_datasets(run, c) for run in runs]) for c in contexts]
    tags = [name for name in _keys([r.tags for r in runs]) if not name.startswith("mlflow.")]
    rows += [_texts(Kind.TAG, name, [r.tags.get(name) for r in runs]) for name in tags]
    return tuple(rows)


def _keys(mappings: Sequence[object]) -> list[str]:
    return sorted({key for mapping in mappings for key in mapping})  # type: ignore[attr-defined]


def _texts(kind: Kind, name: str, values: Sequence[str | None]) -> Row:
    return Row(kind, name, tuple(values), len(set(values)) == 1)


def _datasets(run: Run, context: str) -> str | None:
    found = [f"{d.name} {d.digest}".strip() for d in run.datasets if d.context == context]
    return ", ".join(sorted(found)) if found else None


def _metric(name: str, runs: Sequence[Run]) -> Row:
    values = [run.metrics.get(name) for run in runs]
    shown = tuple(None if v is None else format_number(v) for v in values)
    # NaN is not equal to itself, yet two runs that both diverged do not differ in that.
    same = len({repr(v) for v in values}) == 1
    direction = direction_by_name(name)
    finite = [v for v in values if v is not None and is_finite(v)]
    if direction is None or same or not finite:
        return Row(Kind.METRIC, name, shown, same, direction)
    best = min(finite) if direction is Direction.LOWER else max(finite)
    return Row(Kind.METRIC, name, shown, same, direction, tuple(i for i, v in enumerate(values) if v == best))
