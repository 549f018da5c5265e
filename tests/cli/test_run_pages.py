"""The pages that a list of runs is made of: the next is read while one is dealt with."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mlaudit.cli.invocation import Invocation
from mlaudit.cli.run_pages import RunPages
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import DeadlineExceeded, StoreUnavailable
from mlaudit.domain.models import ViewType
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.runs import SearchRuns
from mlaudit.wiring import Services

PATIENCE = 10.0


class Watched(Services):
    """Says which pages were asked for; the second waits until it is let go."""

    def __init__(self, store: MemoryGateway) -> None:
        super().__init__(Settings(), open_gateway=lambda: store)
        self.count = 0
        self.second = threading.Event()
        self.let_go = threading.Event()
        self.problem: Exception | None = None

    def handle(self, request: Any, *rest: Any) -> Any:
        assert isinstance(request, SearchRuns)
        self.count += 1
        if self.count == 2:
            self.second.set()
            assert self.let_go.wait(PATIENCE)
            if self.problem is not None:
                raise self.problem
        return super().handle(request, *rest)


@pytest.fixture
def services(sample_gateway: MemoryGateway) -> Watched:
    return Watched(sample_gateway)


@pytest.fixture
def call(services: Watched) -> Invocation:
    return Invocation(lambda _: services)


def pages_of(call: Invocation, store: MemoryGateway, maximum: int = 1000) -> RunPages:
    ids = tuple(e.experiment_id for e in store.list_experiments())
    return RunPages(call, ids, "", (), maximum, ViewType.ACTIVE_ONLY, 5)


def test_the_next_is_read_while_one_is_dealt_with(
    call: Invocation, services: Watched, sample_gateway: MemoryGateway
) -> None:
    """All runs come once, in order."""
    expected = [
        r.run_id for r in sample_gateway.search_runs([e.experiment_id for e in sample_gateway.list_experiments()]).runs
    ]
    pages = iter(pages_of(call, sample_gateway))
    first = next(pages)
    assert services.second.wait(PATIENCE)
    services.let_go.set()
    found = [run.run_id for page in (first, *pages) for run in page]
    assert found == expected
    assert len(found) > 10
    assert not call.abandoned


def test_what_is_not_wanted_is_not_read(call: Invocation, services: Watched, sample_gateway: MemoryGateway) -> None:
    """Nor is more than the one run that tells that there are more."""
    pages = pages_of(call, sample_gateway, 4)
    assert [len(page) for page in pages] == [4]
    assert pages.more
    assert services.count == 1


def test_a_page_that_nobody_waits_for_is_given_up(
    call: Invocation, services: Watched, sample_gateway: MemoryGateway
) -> None:
    """So that the program ends at once though a store hangs."""
    pages = iter(pages_of(call, sample_gateway))
    next(pages)
    assert services.second.wait(PATIENCE)
    del pages
    assert call.abandoned
    services.let_go.set()


def test_its_failure_comes_when_it_is_its_turn(
    call: Invocation, services: Watched, sample_gateway: MemoryGateway
) -> None:
    """The page before it is there all the same."""
    services.problem = StoreUnavailable("x", "away")
    services.let_go.set()
    pages = iter(pages_of(call, sample_gateway))
    assert len(next(pages)) == 5
    with pytest.raises(StoreUnavailable):
        next(pages)
    assert not call.abandoned


def test_it_has_its_deadline_all_the_same(
    call: Invocation, services: Watched, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted from when it was asked for."""
    monkeypatch.setattr(SearchRuns, "deadline", 0.2)
    pages = iter(pages_of(call, sample_gateway))
    next(pages)
    with pytest.raises(DeadlineExceeded):
        next(pages)
    assert call.abandoned
    services.let_go.set()
