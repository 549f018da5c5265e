"""The order of a list of runs by several columns, the first one first.

A store sorts by what it keeps. Verdicts it does not know: they are put among the store's keys afterwards, over the
runs that are here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from mlaudit.domain.models import Run
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun, in_order, order_value


class SortKey(NamedTuple):
    """One column to sort by."""

    column: str
    ascending: bool = True


Sorting = tuple[SortKey, ...]
"""The columns by rank; the empty one is the list's own order: newest first."""


def sole(sorting: Sorting, column: str) -> Sorting:
    """By this column and no other: ascending, then descending, then not."""
    if sorting == (SortKey(column, True),):
        return (SortKey(column, False),)
    return () if sorting == (SortKey(column, False),) else (SortKey(column),)


def further(sorting: Sorting, column: str) -> Sorting:
    """This column after the others: ascending, then descending in its place, then without it."""
    known = next((key for key in sorting if key.column == column), None)
    if known is None:
        return (*sorting, SortKey(column))
    if known.ascending:
        return tuple(SortKey(column, False) if key is known else key for key in sorting)
    return tuple(key for key in sorting if key is not known)


def of_the_store(sorting: Sorting) -> Sorting:
    """Those keys that are left to the store: all but verdicts."""
    return tuple(key for key in sorting if key.column not in VERDICT_FIELDS)


def with_verdicts(runs: Sequence[Run], judged: Mapping[str, JudgedRun], sorting: Sorting) -> list[Run]:
    """Runs in the store's order by ``of_the_store(sorting)``, put in order by the verdicts among the keys as well.

    A verdict orders the runs that the keys before it hold equal, and the keys after it those of one verdict. Runs
    without a verdict come last among their equals.
    """
    parts = [list(runs)]
    last = max((rank for rank, key in enumerate(sorting) if key.column in VERDICT_FIELDS), default=-1)
    for key in sorting[: last + 1]:
        split: list[list[Run]] = []
        for part in parts:
            if key.column in VERDICT_FIELDS:
                part = in_order(part, judged, [(key.column, not key.ascending)])
            # Equals stand together: those of one part are in the store's order by the key.
            split += _equals(part, key.column, judged)
        parts = split
    return [run for part in parts for run in part]


def _equals(runs: Sequence[Run], column: str, judged: Mapping[str, JudgedRun]) -> list[list[Run]]:
    return [list(same) for _, same in groupby(runs, lambda run: _value(run, column, judged))]


def _value(run: Run, column: str, judged: Mapping[str, JudgedRun]) -> Any:
    """Something that is equal where the column's values are."""
    if column in VERDICT_FIELDS:
        return order_value(judged, run, column)
    group, dot, key = column.partition(".")
    value = getattr(run, group).get(key) if dot else getattr(run, "name" if column == "run_name" else column)
    # NaN is not equal to itself.
    return "NaN" if value != value else value  # noqa: PLR0124
