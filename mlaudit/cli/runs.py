"""``mlaudit runs``."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.filters import expanded, with_nearest_key
from mlaudit.cli.invocation import FIRST_ANSWER, Invocation, invocation
from mlaudit.cli.run_pages import LARGEST_PAGE, LARGEST_SQL_PAGE, RunPages
from mlaudit.cli.triage import Remarks, judge, split_order
from mlaudit.config.settings import Reader
from mlaudit.domain.columns import FIELDS, default_columns, is_numeric, near, table_cell
from mlaudit.domain.errors import FilterError, StoreError, UsageError
from mlaudit.domain.filter_match import parse_order
from mlaudit.domain.models import Run, StoreKind, ViewType
from mlaudit.domain.run_values import run_object
from mlaudit.domain.text import clean
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun, in_order, verdict_cell
from mlaudit.reports import runs as report
from mlaudit.services.experiments import ResolveExperiments
from mlaudit.services.run_export import RunSpool
from mlaudit.services.runs import PAGE_SIZE, SearchRuns
from mlaudit.services.seen_keys import SeenKeys

_SQL = (StoreKind.SQLITE, StoreKind.POSTGRESQL)


class RunsFormat(StrEnum):
    """How a list of runs is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


_EXPORTED = {RunsFormat.CSV, RunsFormat.PARQUET}

_GROUP_OF = {"metric": "metrics", "param": "params", "tag": "tags"}


def runs(
    ctx: typer.Context,
    experiment: Annotated[
        list[str] | None,
        typer.Option(
            "--experiment", "-e", metavar="NAME", help="An experiment's name or id; may be repeated. Default: all."
        ),
    ] = None,
    filter_string: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="EXPR",
            help='A search_runs expression, OR and parentheses too: "metrics.val_loss < 0.3"; or @NAME.',
        ),
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
    deleted: Annotated[bool, typer.Option("--deleted", help="List the deleted runs, and no others.")] = False,
    all_runs: Annotated[bool, typer.Option("--all", help="List deleted runs among the others.")] = False,
    verdict: Annotated[
        bool,
        typer.Option(
            "--verdict", help="Judge each run as mlaudit diff would, and show the verdict and the worst change."
        ),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="With --verdict: the model they are candidates for."),
    ] = None,
    saved_view: Annotated[
        str | None,
        typer.Option(
            "--view",
            metavar="NAME",
            help="A view saved in the app: its filter, order, columns, where none is given.",
        ),
    ] = None,
    form: Annotated[RunsFormat, typer.Option("--format", help="How to write the list.")] = RunsFormat.TABLE,
) -> int:
    """List runs, newest first. The table leaves out what does not fit and says so; other formats have everything."""
    wanted = None if columns is None else report.parse_columns(columns)
    order_by, local_order = split_order(order_by or [])
    if not verdict and (local_order or model is not None or any(c in VERDICT_FIELDS for c in wanted or ())):
        raise UsageError("--model, and the columns and the order of verdicts, need --verdict")
    if form is RunsFormat.PARQUET:
        output.require_binary("parquet")
    view_type = _view_type(deleted=deleted, all_runs=all_runs)
    call = invocation(ctx)
    resolved = call.ask(ResolveExperiments(tuple(experiment or ())), deadline=FIRST_ANSWER)
    names = {e.experiment_id: e.name for e in resolved.experiments}
    call.announce(resolved.store)
    if saved_view is not None:
        from mlaudit.cli.views import listing

        saved = listing(saved_view, resolved.store.uri, names, verdict=verdict)
        filter_string, wanted = filter_string or saved.filter_string, wanted or saved.columns
        if not order_by and not local_order:
            order_by, local_order = saved.order_by, saved.local_order
        if not (deleted or all_runs):
            view_type = saved.view_type
    filter_string = expanded(filter_string, resolved.store.uri, tuple(names))
    by_sql = resolved.store.kind in _SQL and call.settings.reader is Reader.SQL
    largest = LARGEST_SQL_PAGE if by_sql else LARGEST_PAGE
    order = tuple(order_by or ())
    pages = RunPages(call, tuple(names), filter_string, order, maximum, view_type, largest)
    remarks = Remarks()
    listed = _judged_pages(call, pages, model, remarks) if verdict else ((page, {}) for page in pages)
    # What sorts by verdicts needs them all before the first.
    by_page = form in _EXPORTED and not local_order
    found: list[Run] = []
    judged: dict[str, JudgedRun] = {}
    try:
        if by_page:
            _export(listed, form, names, wanted, verdict=verdict)
        else:
            for page, its_verdicts in listed:
                found += page
                judged |= its_verdicts
    except FilterError as problem:
        raise with_nearest_key(problem, _sample(call, tuple(names), view_type)) from problem
    for warning in pages.warnings:
        output.say(f"mlaudit: filter: {warning}")
    _warn_unknown_order(call, tuple(names), pages.seen, order, view_type)
    for column, hint in pages.seen.unknown(wanted or ()):
        output.say(f"mlaudit: no run listed has {column}{hint}")
    if not by_page:
        _write(in_order(found, judged, local_order), judged, form, names, wanted, verdict=verdict)
    remarks.say()
    _say_how_many(pages, "no deleted runs" if deleted else "no runs", filtered=bool(filter_string))
    return output.ExitCode.PASS


def _view_type(*, deleted: bool, all_runs: bool) -> ViewType:
    if deleted and all_runs:
        raise UsageError("--deleted lists deleted runs alone and --all lists them among the others: give one of them")
    return ViewType.DELETED_ONLY if deleted else ViewType.ALL if all_runs else ViewType.ACTIVE_ONLY


def _say_how_many(pages: RunPages, none: str, *, filtered: bool) -> None:
    """Where there is none, or more than is listed."""
    if not pages.seen.count:
        output.say(f"mlaudit: {none} match" if filtered else f"mlaudit: {none}")
    if pages.more:
        shown = f"{pages.seen.count} run{'' if pages.seen.count == 1 else 's'}"
        output.say(f"mlaudit: showing {shown}, there are more; see them with --max N")


Judged = tuple[list[Run], dict[str, JudgedRun]]
"""Some runs, and the verdicts of those that were judged."""


def _judged_pages(call: Invocation, pages: RunPages, model: str | None, remarks: Remarks) -> Iterator[Judged]:
    """Raises MlauditError."""
    for page in pages:
        judged = judge(call, [run.run_id for run in page], model)
        remarks.add(judged)
        yield page, judged


def _write(
    found: list[Run],
    judged: dict[str, JudgedRun],
    form: RunsFormat,
    names: dict[str, str],
    wanted: tuple[str, ...] | None,
    *,
    verdict: bool,
) -> None:
    """Write a list of which all is there; a table of nothing is none."""
    if form is RunsFormat.JSON:
        output.json_data(report.render_json([run_object(run, names, wanted, judged.get(run.run_id)) for run in found]))
    elif form in _EXPORTED:
        _export([(found, judged)], form, names, wanted, verdict=verdict)
    elif found:
        _table(found, wanted, names, judged)


def _export(
    pages: Iterable[Judged], form: RunsFormat, names: dict[str, str], wanted: tuple[str, ...] | None, *, verdict: bool
) -> None:
    """Write any number of runs, keeping a page of them at a time."""
    # Runs make no cycles: the collector would look through each page again and again, and find nothing. Judging may.
    paused = gc.isenabled() and not verdict
    if paused:
        gc.disable()
    try:
        with RunSpool(names, wanted, verdicts=verdict) as spool:
            for page, judged in pages:
                spool.add(page, judged)
            if form is RunsFormat.PARQUET:
                output.binary_data(spool.write_parquet)
            else:
                for text in spool.csv():
                    output.data(text)
    finally:
        if paused:
            gc.enable()


def _sample(call: Invocation, ids: tuple[str, ...], view: ViewType) -> tuple[Run, ...]:
    """Some runs to know keys from; none where the store fails, since only a remark depends on them."""
    try:
        return call.ask(SearchRuns(ids, max_results=PAGE_SIZE, view=view)).runs if ids else ()
    except (FilterError, StoreError):
        return ()


def _warn_unknown_order(
    call: Invocation, ids: tuple[str, ...], seen: SeenKeys, order_by: tuple[str, ...], view: ViewType
) -> None:
    """Say which keys of the order no run has: MLflow gives any order, in silence."""
    missing = [(g, k) for g, k in _order_keys(order_by) if not seen.has(g, k)]
    sampled = SeenKeys()
    if missing:
        sampled.add(_sample(call, ids, view))
    for group, key in dict.fromkeys(missing):
        if sampled.count and not sampled.has(group, key):
            hint = near(key, seen.printable[group] | sampled.printable[group])
            output.say(f"mlaudit: none of the runs looked at has {clean(f'{group}.{key}')}{hint}")


def _order_keys(order_by: tuple[str, ...]) -> list[tuple[str, str]]:
    """The (group, raw key) pairs that runs are sorted by."""
    try:
        return [(_GROUP_OF[o.entity], o.key) for o in parse_order(order_by) if o.entity in _GROUP_OF]
    except FilterError:
        return []


def _table(
    found: list[Run], wanted: tuple[str, ...] | None, names: dict[str, str], judged: dict[str, JudgedRun]
) -> None:
    """Write the table. Columns of our own choice that do not fit are left out and named on stderr."""
    from rich.cells import cell_len

    several = len({r.experiment_id for r in found}) > 1 and len(names) > 1
    first, rest = FIELDS[:2], default_columns(found, several_experiments=several)[2:]
    shown = list(wanted or (*first, *(("verdict", "change") if judged else ()), *rest))

    def cell(run: Run, column: str) -> str:
        if column in VERDICT_FIELDS:
            return verdict_cell(judged.get(run.run_id), column)
        return table_cell(run, column, names)

    cells = {c: [cell(run, c) for run in found] for c in shown}
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
    right = frozenset(i for i, c in enumerate(shown) if is_numeric(c))
    output.data(output.table(shown, [[cells[c][i] for c in shown] for i in range(len(found))], right=right))
    if dropped:
        listed = ", ".join(dropped[:6]) + (", ..." if len(dropped) > 6 else "")
        output.say(f"mlaudit: {len(dropped)} columns do not fit: {listed}; pick some with --columns, or --format csv")
