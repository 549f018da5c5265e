"""OR over a store that knows AND alone: several searches become one, in order, page by page."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_match import parse_order, sort_key
from mlaudit.domain.filters import parse
from mlaudit.gateway.alternatives import Alternatives, Found, searchable, term_filters


def make_run(number: int, rng: random.Random) -> Any:
    """A run with values that collide, are missing or not a number."""
    metrics = {"m": rng.choice([0.5, 1.0, 2.0, math.nan, math.inf])} if rng.random() < 0.8 else {}
    params = {"p": rng.choice(["a", "B", "é", "Z"])} if rng.random() < 0.8 else {}
    run_id = f"{rng.randrange(16**6):06x}{number:04x}"
    info = SimpleNamespace(
        run_id=run_id, run_name=None, status="FINISHED", user_id="u", artifact_uri="",
        start_time=rng.randrange(5), end_time=None,
    )  # fmt: skip
    return SimpleNamespace(info=info, data=SimpleNamespace(metrics=metrics, params=params, tags={}))


class FakeStore:
    """Filters are ``a``, ``b``, ...: the runs whose groups hold that letter. Tokens are offsets, as MLflow's are."""

    def __init__(self, count: int, order_by: Sequence[str], *, collation: bool = False) -> None:
        rng = random.Random(count)
        self.runs = [make_run(i, rng) for i in range(count)]
        self.groups = {r.info.run_id: {letter for letter in "abc" if rng.random() < 0.5} for r in self.runs}
        self.orders, self.collation = parse_order(order_by), collation
        self.asked: list[str] = []
        self.knows_lists = True

    def place(self, run: Any) -> Any:
        """Where a run comes in this store's order; with ``collation``, letters in any case are alike."""
        if not self.collation:
            return sort_key(searchable(run), self.orders)
        value = run.data.params.get("p")
        return value is None, (value or "").lower(), sort_key(searchable(run), ())

    def ask(self, text: str, size: int, token: str | None) -> Found:
        self.asked.append(text)
        if text.startswith("attributes.run_id IN"):
            if not self.knows_lists:
                raise FilterError(text, "no lists here")
            found = [r for r in self.runs if f"'{r.info.run_id}'" in text]
        else:
            found = [r for r in self.runs if text in self.groups[r.info.run_id]]
        found.sort(key=self.place)
        offset = int(token or 0)
        return found[offset : offset + size], str(offset + size) if offset + size < len(found) else None

    def expected(self) -> list[str]:
        return [r.info.run_id for r in sorted(self.runs, key=self.place) if self.groups[r.info.run_id]]


def read_all(store: FakeStore, alternatives: Alternatives, order_by: Sequence[str], sizes: list[int]) -> list[str]:
    seen: list[str] = []
    token = None
    for turn in range(500):
        size = sizes[turn % len(sizes)]
        page = alternatives.page(store.ask, ["1"], ["a", "b", "c"], order_by, size, token)
        assert len(page.runs) <= size
        seen += [r.info.run_id for r in page.runs]
        token = page.next_page_token
        if token is None:
            return seen
    raise AssertionError("the pages never end")


ORDERS = [
    [], ["metrics.m DESC"], ["metrics.m ASC", "start_time ASC"], ["params.p DESC"], ["params.p", "metrics.m"],
]  # fmt: skip


@pytest.mark.parametrize("order_by", ORDERS)
@pytest.mark.parametrize("sizes", [[1], [7], [50], [1000], [3, 40, 1, 7]])
@pytest.mark.parametrize("count", [0, 1, 10, 97])
def test_the_pages_hold_every_run_once_in_order(order_by: list[str], sizes: list[int], count: int) -> None:
    """Whatever the page's size, also when it changes on the way."""
    store = FakeStore(count, order_by)
    assert read_all(store, Alternatives(), order_by, sizes) == store.expected()


def test_texts_come_in_the_stores_own_order() -> None:
    store = FakeStore(97, ["params.p"], collation=True)
    assert read_all(store, Alternatives(), ["params.p"], [10]) == store.expected()


def test_a_store_that_takes_no_list_of_ids_still_loses_no_run() -> None:
    """Its texts are compared by their characters, and that is said."""
    store = FakeStore(97, ["params.p"], collation=True)
    store.knows_lists = False
    assert set(read_all(store, Alternatives(), ["params.p"], [10])) == set(store.expected())
    assert Alternatives().page(store.ask, ["1"], ["a", "b"], ["params.p"], 10, None).guessed_order


def test_every_page_is_fetched_once() -> None:
    store = FakeStore(400, [])
    read_all(store, Alternatives(), [], [20])
    pages = sum(math.ceil(sum(letter in g for g in store.groups.values()) / 20) for letter in "abc")
    assert len(store.asked) == pages


def test_another_gateway_reads_on_from_a_token() -> None:
    """The token holds all that is needed: the kept pages only save time."""
    store = FakeStore(97, [])
    first = Alternatives().page(store.ask, ["1"], ["a", "b", "c"], [], 30, None)
    second = Alternatives().page(store.ask, ["1"], ["a", "b", "c"], [], 30, first.next_page_token)
    assert [r.info.run_id for r in (*first.runs, *second.runs)] == store.expected()[:60]


def test_a_first_page_is_always_fresh() -> None:
    store = FakeStore(30, [])
    alternatives = Alternatives()
    before = alternatives.page(store.ask, ["1"], ["a", "b", "c"], [], 10, None)
    gone = before.runs[0].info.run_id
    store.runs = [r for r in store.runs if r.info.run_id != gone]
    after = alternatives.page(store.ask, ["1"], ["a", "b", "c"], [], 10, None)
    assert gone not in [r.info.run_id for r in after.runs]


@pytest.mark.parametrize("order_by", [[], ["params.p"]])
def test_runs_deleted_while_pages_are_read_end_nothing(order_by: list[str]) -> None:
    store = FakeStore(97, order_by)
    alternatives = Alternatives()
    seen: list[str] = []
    token = None
    rng = random.Random(1)
    for _ in range(200):
        page = alternatives.page(store.ask, ["1"], ["a", "b", "c"], order_by, 10, token)
        seen += [r.info.run_id for r in page.runs]
        token = page.next_page_token
        if token is None:
            break
        store.runs.remove(rng.choice(store.runs))
    assert token is None
    assert len(set(seen)) > 60


@pytest.mark.parametrize("token", ["7", "or:", "or:!", "or:W10=", "or:W1tdXQ==", "or:WzFd"])
def test_a_foreign_token_is_refused(token: str) -> None:
    store = FakeStore(5, [])
    with pytest.raises(FilterError):
        Alternatives().page(store.ask, ["1"], ["a", "b", "c"], [], 10, token)


def test_empty_terms_are_told() -> None:
    store = FakeStore(20, [])
    assert Alternatives().page(store.ask, ["1"], ["a", "z", "y"], [], 10, None).empty_terms == (1, 2)


def test_terms_are_written_as_they_were_typed() -> None:
    text = "(metrics.`a b`  > 1.50 OR run_id IN ('x',  'y')) AND params.p like 'q'"
    assert term_filters(text, parse(text)) == [
        "metrics.`a b`  > 1.50 AND params.p like 'q'",
        "run_id IN ('x',  'y') AND params.p like 'q'",
    ]
