"""The runs that a list is made of, page by page."""

from __future__ import annotations

from collections.abc import Iterator

from mlaudit.cli.invocation import Asked, Invocation
from mlaudit.domain.models import Run, RunPage, ViewType
from mlaudit.services.runs import SearchRuns
from mlaudit.services.seen_keys import SeenKeys

LARGEST_PAGE = 1000
"""Runs a page, where MLflow gives them: a server needs seconds for so many."""
LARGEST_SQL_PAGE = 5000
"""The same of our own reader: every page opens the database anew, so fewer of them are a third faster."""


class RunPages:
    """At most ``maximum`` runs in pages, each run once; what is known of them afterwards. To be gone through once."""

    def __init__(
        self,
        call: Invocation,
        ids: tuple[str, ...],
        filter_string: str,
        order_by: tuple[str, ...],
        maximum: int,
        view: ViewType,
        largest: int = LARGEST_PAGE,
    ) -> None:
        """``largest``: runs a page at most."""
        self._call = call
        self._largest = largest
        self._search = (ids, filter_string, order_by)
        self._maximum = maximum
        self._view = view
        self.seen = SeenKeys()
        self.more = False
        """Whether there are runs beyond the maximum."""
        self.warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[list[Run]]:
        """Raises FilterError, StoreError."""
        known: set[str] = set()
        asked = self._ask(None, 0) if self._search[0] else None
        while asked is not None:
            page = asked.answer()
            # Tokens of a server are offsets: a run created meanwhile repeats one.
            fresh = list({r.run_id: r for r in page.runs if r.run_id not in known}.values())
            room = self._maximum - len(known)
            known.update(r.run_id for r in fresh)
            self.warnings = self.warnings or page.warnings
            self.more = len(known) > self._maximum
            self.seen.add(fresh[:room])
            token = page.next_page_token
            # The next page is read while this one is written.
            asked = None if token is None or self.more else self._ask(token, len(known))
            yield fresh[:room]

    def _ask(self, token: str | None, known: int) -> Asked[RunPage]:
        """Begin to read a page, with so many runs there already."""
        # One more than asked for, so that truncation is known and not guessed.
        size = min(self._largest, self._maximum + 1 - known)
        return self._call.begin(SearchRuns(*self._search, size, token, self._view))
