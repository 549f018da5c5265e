"""``mlaudit experiments``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import invocation
from mlaudit.domain.text import format_time
from mlaudit.reports.runs import EXPERIMENT_FIELDS, experiment_object, render_csv, render_json


class TableFormat(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def experiments(
    ctx: typer.Context,
    form: Annotated[TableFormat, typer.Option("--format", help="How to write the list.")] = TableFormat.TABLE,
) -> int:
    """List the experiments, most recently updated first."""
    answer = invocation(ctx).connect()
    objects = [experiment_object(e) for e in answer.experiments]
    if form is TableFormat.JSON:
        output.json_data(render_json(objects))
    elif form is TableFormat.CSV:
        output.data(
            render_csv(EXPERIMENT_FIELDS, (["" if o[f] is None else o[f] for f in EXPERIMENT_FIELDS] for o in objects))
        )
    elif not answer.experiments:
        output.say(f"no experiments in {answer.store.uri}")
    else:
        rows = [
            [
                e.experiment_id,
                e.name,
                "—" if e.run_count is None else str(e.run_count),
                format_time(e.last_run_time),
                format_time(e.creation_time),
                format_time(e.last_update_time),
            ]
            for e in answer.experiments
        ]
        header = ("experiment_id", "name", "runs", "last run (UTC)", "created (UTC)", "updated (UTC)")
        output.data(output.table(header, rows, right=frozenset({2})))
    return output.ExitCode.PASS
