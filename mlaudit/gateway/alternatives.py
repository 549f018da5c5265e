"""One page out of several searches: how ``OR`` is answered by stores that know AND alone.

Every alternative is searched in the asked order, and the pages are merged; a run that several of them find comes once.
The merge compares numbers and times as MLflow's stores do (numbers, NaN, nothing; then newest first, then run_id).
Texts sort by the database's own rules, which nobody knows from outside: those are put in order by the store itself, by
one more search for just the runs at hand.

A page token tells for each alternative which of its pages comes next and how much of that has been given. Like MLflow's
own tokens it counts, so a run that is created between two pages may repeat another; none is lost.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_match import Order, Searchable, parse_order, sort_key
from mlaudit.domain.filters import NUMERIC_ATTRIBUTES, Parsed

Found = tuple[list[Any], str | None]
"""Runs as MLflow has them, and the token of the next page."""
Ask = Callable[[str, int, str | None], Found]
"""Search with (filter, max_results, page token) in the asked order. Raises FilterError when the store refuses it."""

MOST_IDS = 4000
"""Runs whose order is asked for at once; databases take some 30,000 values in one statement."""
_MARK = "or:"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an alternative goes on: its page, and how many runs of that have been given."""

    token: str | None = None
    skip: int = 0
    done: bool = False


@dataclass(slots=True)
class _Stream:
    """What is at hand of one alternative."""

    place: _Place
    runs: list[Any]
    pages: list[tuple[str | None, int]]
    """Token and length of the pages that ``runs`` came from, before those given were taken off."""
    next_token: str | None
    given: int = 0
    vanished: frozenset[str] = frozenset()
    """Ids of runs that were deleted since."""

    def head(self) -> Any | None:
        while self.given < len(self.runs) and self.runs[self.given].info.run_id in self.vanished:
            self.given += 1
        return self.runs[self.given] if self.given < len(self.runs) else None

    def next_place(self) -> _Place:
        if self.place.done:
            return self.place
        skip = self.place.skip + self.given
        for token, length in self.pages:
            if skip < length:
                return _Place(token, skip)
            skip -= length
        return _Place(self.next_token) if self.next_token is not None else _Place(done=True)


@dataclass(frozen=True, slots=True)
class AlternativesPage:
    """One merged page."""

    runs: list[Any]
    next_page_token: str | None
    empty_terms: tuple[int, ...]
    """Which terms found nothing at all; known on a first page."""
    guessed_order: bool = False
    """Whether texts had to be compared here, perhaps not as the store does."""


def term_filters(expression: str, parsed: Parsed) -> list[str]:
    """Each term as MLflow takes it, its comparisons as they were written."""
    return [" AND ".join(expression[c.start : c.end] for c in term) for term in parsed.terms]


class Alternatives:
    """Merges searches. Keeps the pages of the search that is being read, so that each is fetched once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._search: tuple[Any, ...] = ()
        self._kept: dict[tuple[str, str | None], Found] = {}

    def page(
        self,
        ask: Ask,
        scope: Sequence[str],
        filters: Sequence[str],
        order_by: Sequence[str],
        max_results: int,
        page_token: str | None,
    ) -> AlternativesPage:
        """A page of all runs that any of the filters finds; ``scope``: the experiments, to tell searches apart.

        It may be shorter than ``max_results`` without being the last. Raises FilterError.
        """
        orders = parse_order(order_by)
        size = max(1, min(max_results, MOST_IDS // len(filters)))
        places = _read_token(page_token, len(filters))
        fetch = self._fetcher(ask, (tuple(scope), tuple(filters), tuple(order_by), size), fresh=page_token is None)
        streams = [_stream(f, p, size, fetch) for f, p in zip(filters, places, strict=True)]
        key, guessed = _comparison_key(ask, streams, orders, size)
        runs = _merge(streams, key, size)
        after = [s.next_place() for s in streams]
        token = None if all(p.done for p in after) else _write_token(after)
        empty = tuple(i for i, s in enumerate(streams) if not s.runs) if page_token is None else ()
        return AlternativesPage(runs, token, empty, guessed)

    def _fetcher(self, ask: Ask, search: tuple[Any, ...], *, fresh: bool) -> Callable[[str, str | None], Found]:
        """``ask`` that remembers, as long as the same search is read on; a first page always asks anew."""
        size = search[-1]
        with self._lock:
            if fresh or self._search != search:
                self._search, self._kept = search, {}
            kept = self._kept

        def fetch(text: str, token: str | None) -> Found:
            with self._lock:
                found = kept.get((text, token))
            if found is None:
                found = ask(text, size, token)
                with self._lock:
                    # What lies before is never asked for again.
                    for old in [k for k in kept if k[0] == text][:-1]:
                        del kept[old]
                    kept[(text, token)] = found
            return found

        return fetch


def _stream(text: str, place: _Place, size: int, fetch: Callable[[str, str | None], Found]) -> _Stream:
    """As many runs of one alternative as a page may need, unless it has fewer."""
    stream = _Stream(place, [], [], None)
    if place.done:
        return stream
    token = place.token
    while True:
        runs, following = fetch(text, token)
        stream.pages.append((token, len(runs)))
        stream.runs += runs
        stream.next_token = following
        if following is None or len(stream.runs) >= place.skip + size:
            break
        token = following
    stream.runs = stream.runs[place.skip :]
    return stream


def _comparison_key(
    ask: Ask, streams: Sequence[_Stream], orders: Sequence[Order], size: int
) -> tuple[Callable[[Any], Any], bool]:
    """What to compare runs by, and whether that is a guess."""

    def by_value(run: Any) -> Any:
        return sort_key(searchable(run), orders)

    ids = list(dict.fromkeys(str(r.info.run_id) for s in streams for r in s.runs))
    if not any(_is_text(o) for o in orders) or len([s for s in streams if s.runs]) < 2:
        return by_value, False
    ranks = _ranks(ask, ids, size)
    if not ranks:
        return by_value, True
    for stream in streams:
        stream.vanished = _vanished(stream, ranks, all_ranked=len(ranks) < size)
    return lambda run: ranks.get(run.info.run_id, len(ids)), False


def _is_text(order: Order) -> bool:
    return not (order.entity == "metric" or (order.entity == "attribute" and order.key in NUMERIC_ATTRIBUTES))


def _ranks(ask: Ask, ids: Sequence[str], size: int) -> dict[str, int]:
    """The places of the first ``size`` of these runs in the store's own order; empty when it cannot be asked."""
    if any("'" in i or "\\" in i for i in ids):
        return {}
    listed = ", ".join(f"'{i}'" for i in ids)
    try:
        found, _ = ask(f"attributes.run_id IN ({listed})", size, None)
    except FilterError:
        # MLflow's servers before 2.0 know no list of ids.
        return {}
    return {str(r.info.run_id): place for place, r in enumerate(found)}


def _vanished(stream: _Stream, ranks: dict[str, int], *, all_ranked: bool) -> frozenset[str]:
    """Runs without a place, though one after them has one, or though every run got one."""
    last = max((i for i, r in enumerate(stream.runs) if r.info.run_id in ranks), default=-1)
    looked_at = stream.runs if all_ranked else stream.runs[: last + 1]
    return frozenset(r.info.run_id for r in looked_at if r.info.run_id not in ranks)


def _merge(streams: Sequence[_Stream], key: Callable[[Any], Any], size: int) -> list[Any]:
    """The first runs of all, each once. Only heads are compared, so no stream's own order is ever broken."""
    merged: dict[str, Any] = {}
    keys: dict[str, Any] = {}
    while len(merged) < size:
        heads = [(s, r) for s in streams if (r := s.head()) is not None]
        if not heads:
            break
        for _, run in heads:
            if run.info.run_id not in keys:
                keys[run.info.run_id] = key(run)
        first = min(heads, key=lambda pair: keys[pair[1].info.run_id])[1]
        merged.setdefault(first.info.run_id, first)
        for stream, run in heads:
            if run.info.run_id == first.info.run_id:
                stream.given += 1
    return list(merged.values())


def searchable(run: Any) -> Searchable:
    """What of MLflow's run can be compared."""
    info, data = run.info, run.data
    attributes: dict[str, str | int | None] = {
        "run_id": info.run_id,
        "run_name": info.run_name,
        "status": info.status,
        "user_id": info.user_id,
        "artifact_uri": info.artifact_uri,
        "start_time": info.start_time,
        "end_time": info.end_time,
    }
    return Searchable(attributes, data.metrics, data.params, data.tags)


def _write_token(places: Sequence[_Place]) -> str:
    text = json.dumps([[p.token, p.skip, p.done] for p in places], separators=(",", ":"))
    return _MARK + base64.urlsafe_b64encode(text.encode()).decode()


def _read_token(token: str | None, terms: int) -> list[_Place]:
    if token is None:
        return [_Place()] * terms
    try:
        if not token.startswith(_MARK):
            raise ValueError(token)
        places = [_Place(*item) for item in json.loads(base64.urlsafe_b64decode(token[len(_MARK) :]))]
        if len(places) != terms:
            raise ValueError(token)
    except (ValueError, TypeError, binascii.Error):
        raise FilterError(token, "this page token belongs to another search") from None
    return places
