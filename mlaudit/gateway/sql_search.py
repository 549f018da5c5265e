"""Pages of runs. The first is found by itself; who asks for the second gets all others listed, so that each further
page costs the same however deep it lies, and none repeats or drops a run while runs are added.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mlaudit.domain.filter_match import parse_order
from mlaudit.domain.filters import Parsed, parse
from mlaudit.domain.models import RunPage, ViewType
from mlaudit.gateway.sql_best import first_rows, lead_of
from mlaudit.gateway.sql_database import Database, Reading
from mlaudit.gateway.sql_filter import compile_terms
from mlaudit.gateway.sql_order import Ordering, decode_token, encode_token, fingerprint, ordering
from mlaudit.gateway.sql_remarks import existing, in_view, remarks
from mlaudit.gateway.sql_runs import load_runs

LISTED = 200_000
"""Run ids that a listing holds at most; behind its end the next one begins."""
_KEPT = 3
"""Listings that are kept, the least recently used going first."""
_PLACES = 500
"""Places in them that are known."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """The ids of the runs after a page, in order."""

    ids: tuple[str, ...]
    whole: bool
    """Whether the search ends with them."""


@dataclass(frozen=True, slots=True)
class _Search:
    """What is searched for."""

    experiment_ids: tuple[str, ...]
    parsed: Parsed
    filter_string: str
    order_by: tuple[str, ...]
    view: ViewType

    @property
    def name(self) -> str:
        """The same for the same search."""
        return fingerprint(self.experiment_ids, self.filter_string, self.order_by, str(self.view))


class RunSearch:
    """Searches one database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listings: OrderedDict[str, tuple[_Listing, int]] = OrderedDict()
        self._of: object = None
        self._guard = threading.Lock()

    def page(
        self,
        experiment_ids: Sequence[str],
        filter_string: str,
        order_by: Sequence[str],
        max_results: int,
        page_token: str | None,
        view: ViewType = ViewType.ACTIVE_ONLY,
    ) -> RunPage:
        """See :meth:`~mlaudit.gateway.base.TrackingReader.search_runs`. Raises FilterError, StoreError."""
        parsed = parse(filter_string)
        search = _Search(tuple(experiment_ids), parsed, filter_string, tuple(order_by), view)
        parse_order(order_by)  # a wrong order is one even where there is nothing to sort
        if page_token is None:
            return self._database.ask(lambda r: self._first_page(r, search, max_results))
        return self._database.ask(lambda r: self._next_page(r, search, max_results, page_token))

    def _first_page(self, reading: Reading, search: _Search, size: int) -> RunPage:
        order = _order(reading, search)
        there = existing(reading, search.experiment_ids)
        found = self._first_rows(reading, search, order, there, size + 1)
        ids = [row[0] for row in found[:size]]
        runs = load_runs(reading, ids)
        token = encode_token(search.name, list(found[size - 1])[1:]) if len(found) > size else None
        said = remarks(reading, search.parsed, search.experiment_ids, there, search.view)
        return RunPage(tuple(runs[i] for i in ids if i in runs), token, said)

    def _first_rows(
        self, reading: Reading, search: _Search, order: Ordering, there: Sequence[int], wanted: int
    ) -> list[Any]:
        query = _query(reading, search, order, there).limit(wanted)
        # Where a filter leaves runs out, a bound may be of no use, and is one more look at all runs.
        filtered = all(search.parsed.terms)
        lead = None if filtered else lead_of(reading, parse_order(search.order_by))

        def rows(condition: Any) -> list[Any]:
            return list(reading.connection.execute(query.where(condition)).all())

        return first_rows(reading, lead, wanted, _inside(reading, search, there), rows)

    def _next_page(self, reading: Reading, search: _Search, size: int, page_token: str) -> RunPage:
        order = _order(reading, search)
        values = decode_token(page_token, search.name, len(order.keys))
        listing, start = self._listed(page_token) or (self._list(reading, search, order, values), 0)
        ids = listing.ids[start : start + size]
        end = start + len(ids)
        # Listed a while ago: what was deleted or restored since is left out.
        runs = load_runs(reading, ids, lambda: in_view(reading, search.view), search.view)
        page = tuple(runs[i] for i in ids if i in runs)
        if not ids or (end == len(listing.ids) and listing.whole):
            return RunPage(page)
        last = next((i for i in reversed(ids) if i in runs), None)
        if last is None and end == len(listing.ids):
            # All of it was deleted since, so the next page begins where this one does: in a new listing.
            with self._guard:
                self._listings.pop(page_token, None)
        token = encode_token(search.name, _sort_values(reading, order, last) if last else values)
        if end < len(listing.ids):
            self._keep(token, listing, end)
        return RunPage(page, token)

    def _list(self, reading: Reading, search: _Search, order: Ordering, values: Sequence[Any]) -> _Listing:
        there = existing(reading, search.experiment_ids)
        query = _query(reading, search, order, there, only_ids=True).where(order.after(values)).limit(LISTED + 1)
        ids = [row[0] for row in reading.rows(query)]
        return _Listing(tuple(ids[:LISTED]), len(ids) <= LISTED)

    def _listed(self, token: str) -> tuple[_Listing, int] | None:
        with self._guard:
            if self._of != self._database.identity:
                # Of a file that another one has replaced.
                self._listings.clear()
                self._of = self._database.identity
            found = self._listings.get(token)
            if found is not None:
                self._listings.move_to_end(token)
            return found

    def _keep(self, token: str, listing: _Listing, start: int) -> None:
        with self._guard:
            self._listings[token] = listing, start
            self._listings.move_to_end(token)
            # Several places in one listing cost little more than the listing.
            while len({id(kept) for kept, _ in self._listings.values()}) > _KEPT or len(self._listings) > _PLACES:
                self._listings.popitem(last=False)


def _order(reading: Reading, search: _Search) -> Ordering:
    return ordering(reading.tables, parse_order(search.order_by), postgresql=reading.postgresql)


def _query(
    reading: Reading, search: _Search, order: Ordering, experiments: Sequence[int], *, only_ids: bool = False
) -> Any:
    """Ids, and the values to sort by, of all runs in view of these experiments that match, in order."""
    tables = reading.tables
    runs = tables["runs"]
    columns = [runs.c.run_uuid] if only_ids else [runs.c.run_uuid, *order.expressions]
    return (
        sa.select(*columns)
        .select_from(order.source)
        .where(
            _inside(reading, search, experiments),
            compile_terms(tables, search.parsed.terms, search.filter_string),
        )
        .order_by(*order.clauses)
    )


def _inside(reading: Reading, search: _Search, experiments: Sequence[int]) -> Any:
    """The condition that a run is in view, and of one of these experiments."""
    return sa.and_(reading.tables["runs"].c.experiment_id.in_(experiments), in_view(reading, search.view))


def _sort_values(reading: Reading, order: Ordering, run_id: str) -> list[Any]:
    runs = reading.tables["runs"]
    query = sa.select(*order.expressions).select_from(order.source).where(runs.c.run_uuid == run_id)
    return list(reading.connection.execute(query).one())
