"""What a filter silently leaves out, found by asking the database for its keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.filter_warnings import silent_traps, unknown_keys
from mlaudit.domain.filters import Comparison, Parsed
from mlaudit.domain.models import ViewType
from mlaudit.domain.text import clean
from mlaudit.gateway.sql_database import Reading

_TABLE_OF = {"metric": "metrics", "param": "params", "tag": "tags"}
_SAMPLE = 200
"""Runs whose keys are looked through for one like an unknown key."""
_DIGITS = 19
"""Of the largest whole number that SQLite has."""


def remarks(
    reading: Reading, parsed: Parsed, experiment_ids: Sequence[str], there: Sequence[int], view: ViewType
) -> tuple[str, ...]:
    """Warnings for a search's first page; ``there`` are those of the asked experiments that exist."""
    missing = [i for i in experiment_ids if _number(reading, i) not in there]
    said = tuple(f"there is no experiment with the id {clean(i)}" for i in missing)
    if missing:
        return (*said, *silent_traps(parsed))
    unknown, named = unknown_keys(
        parsed.terms,
        lambda c: _is_known(reading, c, there, view),
        lambda entity: _keys_nearby(reading, entity, there, view),
    )
    return (*unknown, *silent_traps(parsed, named))


def existing(reading: Reading, experiment_ids: Sequence[str]) -> tuple[int, ...]:
    """Those of these experiments that exist, in the default workspace, as the database has them."""
    experiments = reading.tables["experiments"]
    numbers = [n for n in (_number(reading, i) for i in experiment_ids) if n is not None]
    query = sa.select(experiments.c.experiment_id).where(
        experiments.c.experiment_id.in_(numbers), reading.tables.in_workspace("experiments")
    )
    return tuple(reading.connection.execute(query).scalars())


def _number(reading: Reading, experiment_id: str) -> int | None:
    """An experiment's id as the database has it; None for what can be none there.

    SQLite keeps the 18 digits of an experiment that was moved there from a file store; PostgreSQL's column is shorter.
    """
    if not (experiment_id.isascii() and experiment_id.isdigit() and len(experiment_id) <= _DIGITS):
        return None
    number = int(experiment_id)
    return number if number < (2**31 if reading.postgresql else 2**63) else None


def _is_known(reading: Reading, comparison: Comparison, there: Sequence[int], view: ViewType) -> bool:
    """Whether any run in view of these experiments has the key."""
    table, runs = _keys_table(reading, comparison.entity), reading.tables["runs"]
    query = (
        sa.select(table.c.run_uuid)
        .join_from(table, runs, runs.c.run_uuid == table.c.run_uuid)
        .where(table.c.key == comparison.key, runs.c.experiment_id.in_(there), in_view(reading, view))
        .limit(1)
    )
    return reading.connection.execute(query).first() is not None


def _keys_nearby(reading: Reading, entity: str, there: Sequence[int], view: ViewType) -> Iterable[str]:
    """The keys that some of these experiments' newest runs have."""
    table, runs = _keys_table(reading, entity), reading.tables["runs"]
    inside = runs.c.experiment_id.in_(there), in_view(reading, view)
    newest = sa.select(runs.c.run_uuid).where(*inside).limit(_SAMPLE)
    if "start_time" in runs.c:
        newest = newest.order_by(runs.c.start_time.desc())
    ids = list(reading.connection.execute(newest).scalars())
    query = sa.select(table.c.key).where(table.c.run_uuid.in_(ids)).distinct()
    return [str(key) for key in reading.connection.execute(query).scalars()]


def _keys_table(reading: Reading, entity: str) -> sa.Table:
    latest = entity == "metric" and reading.tables.has("latest_metrics")
    return reading.tables["latest_metrics" if latest else _TABLE_OF[entity]]


def in_view(reading: Reading, view: ViewType) -> Any:
    """The condition that a run is in view; schemas from before runs could be deleted have active ones only."""
    if view is ViewType.ALL:
        return sa.true()
    if not reading.tables.has("runs", "lifecycle_stage"):
        return sa.true() if view is ViewType.ACTIVE_ONLY else sa.false()
    stage = reading.tables["runs"].c.lifecycle_stage
    return stage == "active" if view is ViewType.ACTIVE_ONLY else stage == "deleted"
