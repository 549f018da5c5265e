"""``mlaudit runs``."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.experiments import TableFormat
from mlaudit.cli.invocation import FIRST_ANSWER, Invocation, invocation
from mlaudit.domain.errors import FilterError
from mlaudit.domain.models import Run
from mlaudit.reports import runs as report
from mlaudit.services.runs import PAGE_SIZE, ResolveExperiments, SearchRuns

LARGEST_PAGE = 1000
_KEY = re.compile(
    r"\b(metric|param|parameter|tag)s?\.(?:`([^`]+)`|\"([^\"]+)\"|([\w./-]+))",
    re.IGNORECASE,
)
_QUOTED_VALUE = re.compile(r"'[^']*'")


def runs(
    ctx: typer.Context,
    experiment: Annotated[
        list[str] | None,
        typer.Option(
            "--experiment", "-e", metavar="NAME", help="An experiment's name or id; may be repeated. Default: all."
        ),
    ] = None,
    filter_string: Annotated[
        str, typer.Option("--filter", metavar="EXPR", help='A search_runs expression: "metrics.val_loss < 0.3".')
    ] = "",
    order_by: Annotated[
        list[str] | None,
        typer.Option("--order-by", metavar="KEY", help='What to sort by, e.g. "metrics.f1 DESC"; may be repeated.'),
    ] = None,
    maximum: Annotated[int, typer.Option("--max", min=1, metavar="N", help="At most so many runs.")] = 100,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", metavar="LIST", help="Which columns, in which order: run_id,name,metrics.f1,params.seed"
        ),
    ] = None,
    form: Annotated[TableFormat, typer.Option("--format", help="How to write the list.")] = TableFormat.TABLE,
) -> int:
    """List runs, newest first. The table leaves out what does not fit and says so; csv and json have everything."""
    wanted = None if columns is None else report.parse_columns(columns)
    call = invocation(ctx)
    resolved = call.ask(ResolveExperiments(tuple(experiment or ())), deadline=FIRST_ANSWER)
    names = {e.experiment_id: e.name for e in resolved.experiments}
    for note in resolved.store.notes:
        output.say(f"mlaudit: {note}")
    try:
        found, more = _collect(call, tuple(names), filter_string, tuple(order_by or ()), maximum)
    except FilterError as problem:
        _point_at(problem)
        raise
    _warn_unknown(call, tuple(names), found, filter_string, tuple(order_by or ()))
    for column, hint in report.unknown_columns(wanted or (), found):
        output.say(f"mlaudit: no run listed has {column}{hint}")
    if form is TableFormat.JSON:
        output.json_data(report.render_json([report.run_object(run, names, wanted) for run in found]))
    elif form is TableFormat.CSV:
        output.data(report.runs_csv(found, wanted or report.all_columns(found), names))
    elif found:
        _table(found, wanted, names)
    if not found:
        output.say("mlaudit: no runs match" if filter_string else "mlaudit: no runs")
    if more:
        output.say(f"mlaudit: showing {len(found)} runs, there are more; see them with --max N")
    return output.ExitCode.PASS


def _collect(
    call: Invocation, ids: tuple[str, ...], filter_string: str, order_by: tuple[str, ...], maximum: int
) -> tuple[list[Run], bool]:
    """At most ``maximum`` runs, each once, and whether there are more. Raises FilterError, StoreError."""
    found: dict[str, Run] = {}
    token: str | None = None
    while ids:
        # One more than asked for, so that truncation is known and not guessed.
        size = min(LARGEST_PAGE, maximum + 1 - len(found))
        page = call.ask(SearchRuns(ids, filter_string, order_by, size, token))
        for run in page.runs:
            # Tokens are offsets: a run created meanwhile repeats one.
            found.setdefault(run.run_id, run)
        token = page.next_page_token
        if token is None or len(found) > maximum:
            break
    return list(found.values())[:maximum], len(found) > maximum


def _point_at(problem: FilterError) -> None:
    """The expression with a caret under the place where it goes wrong, where that is known and somebody looks."""
    if problem.position >= 0 and output.can_ask() and "\n" not in problem.expression:
        output.say(f"  {problem.expression}\n  {' ' * problem.position}^")


def _warn_unknown(
    call: Invocation, ids: tuple[str, ...], found: list[Run], filter_string: str, order_by: tuple[str, ...]
) -> None:
    """Say which keys of the filter or the order no run has: MLflow gives no rows, or any order, in silence."""
    asked = [] if found else _keys(filter_string)
    asked += [key for item in order_by for key in _keys(item)]
    missing = [(g, k) for g, k in asked if not any(k in getattr(run, g) for run in found)]
    if not missing or not ids:
        return
    sample = [*found, *call.ask(SearchRuns(ids, max_results=PAGE_SIZE)).runs]
    for group, key in dict.fromkeys(missing):
        if sample and not any(key in getattr(run, group) for run in sample):
            hint = report.near(key, report.keys_of(sample, group))
            output.say(f"mlaudit: none of {len({r.run_id for r in sample})} runs looked at has {group}.{key}{hint}")


def _keys(expression: str) -> list[tuple[str, str]]:
    """The (group, key) pairs that an expression names, outside quoted values."""
    groups = {"metric": "metrics", "param": "params", "parameter": "params", "tag": "tags"}
    return [(groups[m[1].lower()], m[2] or m[3] or m[4]) for m in _KEY.finditer(_QUOTED_VALUE.sub("''", expression))]


def _default_columns(found: list[Run], names: dict[str, str]) -> tuple[str, ...]:
    """What tells runs apart: identity, all metrics, then the params that are not the same everywhere."""
    several = ("experiment",) if len({r.experiment_id for r in found}) > 1 and len(names) > 1 else ()
    varying = [k for k in report.keys_of(found, "params") if len({r.params.get(k) for r in found}) > 1]
    same = [k for k in report.keys_of(found, "params") if k not in varying]
    return (
        "run_id",
        "run_name",
        *several,
        "status",
        "start_time",
        *(f"metrics.{k}" for k in report.keys_of(found, "metrics")),
        *(f"params.{k}" for k in (*varying, *same)),
    )


def _table(found: list[Run], wanted: tuple[str, ...] | None, names: dict[str, str]) -> None:
    """Write the table. Columns of our own choice that do not fit are left out and named on stderr."""
    from rich.cells import cell_len

    shown = list(wanted or _default_columns(found, names))
    cells = {c: [report.table_cell(run, c, names) for run in found] for c in shown}
    dropped: list[str] = []
    room = output.terminal_width()
    if room is not None and wanted is None:
        used = 0
        fitting: list[str] = []
        for column in shown:
            width = min(max(map(cell_len, (column, *cells[column]))), 40) + 2
            if fitting and used + width > room + 2:
                dropped.append(column)
            else:
                fitting.append(column)
                used += width
        shown = fitting
    right = frozenset(i for i, c in enumerate(shown) if c.startswith("metrics.") or c == "duration")
    output.data(output.table(shown, [[cells[c][i] for c in shown] for i in range(len(found))], right=right))
    if dropped:
        listed = ", ".join(dropped[:6]) + (", ..." if len(dropped) > 6 else "")
        output.say(f"mlaudit: {len(dropped)} columns do not fit: {listed}; pick some with --columns, or --format csv")
