"""Columns of a table of runs: which there are, what a cell shows to people, how a store is asked to sort by one.

A column is a field of a run (``run_id``, ``run_name``, ...) or ``metrics.KEY``, ``params.KEY``, ``tags.KEY`` with the
printable key.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mlaudit.domain.models import Run
from mlaudit.domain.text import format_duration, format_number, format_time

FIELDS = (
    "run_id",
    "run_name",
    "experiment",
    "experiment_id",
    "status",
    "start_time",
    "end_time",
    "duration",
    "user",
    "lifecycle_stage",
    "artifact_uri",
)
GROUPS = ("metrics", "params", "tags")
CURVES = "curves"
"""``curves.KEY``: the history of a metric, which no store keeps as a value of the run."""
SHORT_ID = 12
"""Characters of a run id in a table; commands take any unique prefix."""
NOTHING = "—"

_SORTABLE = {
    "run_id": "run_id",
    "run_name": "run_name",
    "status": "status",
    "start_time": "start_time",
    "end_time": "end_time",
    "user": "user_id",
    "artifact_uri": "artifact_uri",
}
"""Field -> MLflow's attribute."""
_SIMPLE_KEY = re.compile(r"[A-Za-z_]\w*")


def keys_of(runs: Sequence[Run], group: str) -> list[str]:
    """Every key of ``metrics``, ``params`` or ``tags`` in these runs, sorted."""
    return sorted({key for run in runs for key in getattr(run, group)})


def all_columns(runs: Sequence[Run]) -> tuple[str, ...]:
    """All fields, then all metrics, params and user tags, then MLflow's own tags."""
    tags = sorted(keys_of(runs, "tags"), key=lambda k: (k.startswith("mlflow."), k))
    return (
        *FIELDS,
        *(f"metrics.{k}" for k in keys_of(runs, "metrics")),
        *(f"params.{k}" for k in keys_of(runs, "params")),
        *(f"tags.{k}" for k in tags),
    )


def near(name: str, known: Iterable[str]) -> str:
    """``; did you mean a, b?`` for the known names like this one, or nothing."""
    close = difflib.get_close_matches(name, sorted(set(known)), n=3, cutoff=0.6)
    return f"; did you mean {', '.join(close)}?" if close else ""


def duration_of(run: Run) -> int | None:
    """Milliseconds from start to end; None while it runs, or where a time is missing."""
    return None if run.start_time is None or run.end_time is None else run.end_time - run.start_time


def is_numeric(column: str) -> bool:
    """Whether its cells are lined up at the right."""
    return column.startswith("metrics.") or column == "duration"


def table_cell(run: Run, column: str, experiments: Mapping[str, str]) -> str:
    """A cell for people: short ids, times in UTC, five digits; ``—`` where there is nothing.

    ``experiments``: id -> name.
    """
    group, dot, key = column.partition(".")
    if dot:
        value = getattr(run, group).get(key)
        if value is None:
            return NOTHING
        return format_number(value) if group == "metrics" else str(value)
    match column:
        case "run_id":
            return run.run_id[:SHORT_ID]
        case "run_name":
            return run.name or NOTHING
        case "experiment":
            return experiments.get(run.experiment_id, run.experiment_id)
        case "start_time" | "end_time":
            return format_time(getattr(run, column))
        case "status" if run.lifecycle_stage != "active":
            return f"{run.status} {run.lifecycle_stage}"
        case "duration":
            return format_duration(duration_of(run))
        case _:
            return str(getattr(run, column) or NOTHING)


def default_columns(runs: Sequence[Run], *, several_experiments: bool = False) -> tuple[str, ...]:
    """What tells runs apart: identity, all metrics, then the params that are not the same everywhere, then the rest.

    Of the metrics those on held-out data come first, then those that most runs have: one odd run must not push the
    others' off the screen.
    """
    counts = Counter(key for run in runs for key in run.metrics)
    metrics = sorted(counts, key=lambda k: (_metric_rank(k), -counts[k], k))
    varying, same = _by_variety(runs, "params")
    return (
        "run_id",
        "run_name",
        *(("experiment",) if several_experiments else ()),
        "status",
        "start_time",
        *(f"metrics.{k}" for k in metrics),
        *(f"params.{k}" for k in (*varying, *same)),
    )


def _metric_rank(key: str) -> int:
    """What was measured on held-out data is what runs are chosen by; the machine's own metrics interest last."""
    if key.startswith(("val", "eval", "test")):
        return 0
    return 2 if key.startswith("system/") else 1


def tag_columns(runs: Sequence[Run]) -> tuple[str, ...]:
    """The users' own tags, those that differ between runs first; MLflow's own (``mlflow.*``) are left out."""
    varying, same = _by_variety(runs, "tags")
    return tuple(f"tags.{k}" for k in (*varying, *same) if not k.startswith("mlflow."))


def key_columns(runs: Sequence[Run]) -> set[str]:
    """Every metric, param and tag of the users' own that these runs have, as columns; quick where runs are alike."""
    return {
        f"{group}.{key}"
        for group in GROUPS
        for keys in {tuple(getattr(run, group)) for run in runs}
        for key in keys
        if group != "tags" or not key.startswith("mlflow.")
    }


def _by_variety(runs: Sequence[Run], group: str) -> tuple[list[str], list[str]]:
    """The keys whose values differ between the runs, and those with one value; each sorted."""
    first: dict[str, str] = {}
    varying: set[str] = set()
    counts: Counter[str] = Counter()
    for run in runs:
        for key, value in getattr(run, group).items():
            counts[key] += 1
            if first.setdefault(key, value) != value:
                varying.add(key)
    # A key that some runs lack tells them apart as well.
    varying |= {key for key, count in counts.items() if count < len(runs)}
    return sorted(varying), sorted(counts.keys() - varying)


def curve_column(key: str) -> str:
    """The column of a metric's history as a little curve."""
    return f"{CURVES}.{key}"


def is_curve(column: str) -> bool:
    """Whether the column shows a history."""
    return column.startswith(f"{CURVES}.")


def arranged(columns: Sequence[str], pinned: Sequence[str], curves: Sequence[str] = ()) -> tuple[str, ...]:
    """The columns as they stand: the first, those that are pinned, then the others as they were.

    ``curves`` are the metrics whose histories are shown, right of their values unless ``columns`` has them elsewhere.
    """
    wanted = [curve_column(key) for key in curves]
    shown = [c for c in columns if not is_curve(c) or c in wanted]
    for key, column in zip(curves, wanted, strict=True):
        if column not in shown:
            metric = f"metrics.{key}"
            shown.insert(shown.index(metric) + 1 if metric in shown else len(shown), column)
    first, *rest = shown
    pins = [c for c in pinned if c in rest]
    return (first, *pins, *(c for c in rest if c not in pins))


def differing(columns: Sequence[str], runs: Sequence[Run]) -> tuple[str, ...]:
    """Those of the columns whose value is not the same in all runs; all fields but metrics, params and tags stay."""

    def differs(column: str) -> bool:
        group, _, key = column.partition(".")
        if group not in GROUPS or len(runs) < 2:
            return True
        values = (getattr(run, group).get(key) for run in runs)
        first = repr(next(values))
        # By their text: NaN is not equal to itself.
        return any(repr(value) != first for value in values)

    return tuple(column for column in columns if differs(column))


def order_key(column: str, raw_key: str | None = None) -> str | None:
    """How ``order_by`` names the column; None for one that no store can sort by. ``raw_key``: the store's key."""
    group, dot, key = column.partition(".")
    if not dot:
        attribute = _SORTABLE.get(column)
        return None if attribute is None else f"attributes.{attribute}"
    if group not in GROUPS:
        return None
    key = key if raw_key is None else raw_key
    if _SIMPLE_KEY.fullmatch(key):
        return f"{group}.{key}"
    # An order is split into words as a shell does, backticks being quotes: inside them only these stand for themselves.
    odd = '"' in key or "`" in key or "\\\\" in key or key.endswith("\\")
    # MLflow takes blanks off the end, and quotes off both.
    if odd or key != key.rstrip() or (len(key) > 1 and key[0] == key[-1] == "'"):
        return None
    return f"{group}.`{key}`"
