"""Runs and experiments as CSV and JSON.

A column is a field of a run (``run_id``, ``name``, ...) or ``metrics.KEY``, ``params.KEY``, ``tags.KEY``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from mlaudit.domain.columns import FIELDS, GROUPS, near
from mlaudit.domain.errors import UsageError
from mlaudit.domain.models import Experiment
from mlaudit.domain.text import format_iso
from mlaudit.domain.triage import VERDICT_FIELDS

ALIASES = {"name": "run_name", "id": "run_id", "metric": "metrics", "param": "params", "tag": "tags"}
EXPERIMENT_FIELDS = (
    *("experiment_id", "name", "run_count", "last_run_time", "creation_time", "last_update_time", "artifact_location"),
)


def parse_columns(text: str) -> tuple[str, ...]:
    """Column names from a comma-separated list, aliases resolved, duplicates dropped. Raises UsageError."""
    columns: list[str] = []
    try:
        items = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error as problem:
        raise UsageError(f"--columns is no list of names separated by commas: {problem}") from None
    for item in items:
        name = item.strip()
        if not name:
            continue
        group, dot, key = name.partition(".")
        group = ALIASES.get(group, group)
        if dot and key and group in GROUPS:
            column = f"{group}.{key}"
        elif not dot and group in (*FIELDS, *VERDICT_FIELDS):
            column = group
        else:
            hint = near(name, (*FIELDS, "name")) or "; there are metrics.KEY, params.KEY, tags.KEY and: " + ", ".join(
                FIELDS
            )
            raise UsageError(f"unknown column {name!r}{hint}")
        if column not in columns:
            columns.append(column)
    if not columns:
        raise UsageError("--columns names no column")
    return tuple(columns)


def render_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV with one header line, quoted where needed, lines ending in a newline."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def render_json(value: object) -> str:
    """Indented JSON, without NaN or Infinity (a ValueError, never bad JSON)."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def experiment_object(experiment: Experiment) -> dict[str, Any]:
    """An experiment as a JSON object; times in ISO 8601."""
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "run_count": experiment.run_count,
        "last_run_time": format_iso(experiment.last_run_time),
        "creation_time": format_iso(experiment.creation_time),
        "last_update_time": format_iso(experiment.last_update_time),
        "artifact_location": experiment.artifact_location,
        "tags": dict(experiment.tags),
    }
