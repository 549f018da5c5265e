"""The order by several columns: what a key press makes of it, and verdicts among the store's keys."""

from __future__ import annotations

import math

from mlaudit.domain.models import Run
from mlaudit.domain.sorting import SortKey, further, of_the_store, sole, with_verdicts
from mlaudit.domain.triage import JudgedRun
from mlaudit.domain.verdict import Outcome

UP, DOWN = True, False


def test_alone_a_column_goes_up_down_and_not() -> None:
    """A column that was one of several starts anew."""
    once = sole((), "a")
    assert once == (("a", UP),)
    assert sole(once, "a") == (("a", DOWN),)
    assert sole(sole(once, "a"), "a") == ()
    assert sole((SortKey("a", DOWN), SortKey("b")), "a") == (("a", UP),)


def test_a_further_column_comes_after_the_others_and_keeps_its_place() -> None:
    two = further(further((), "a"), "b")
    assert two == (("a", UP), ("b", UP))
    assert further(two, "a") == (("a", DOWN), ("b", UP))
    assert further(further(two, "a"), "a") == (("b", UP),)


def runs_and_verdicts() -> tuple[list[Run], dict[str, JudgedRun]]:
    """By param then score, as a store would give them: a1 a2 a3 b1 b2, and one run without the param."""
    rows = [
        ("a1", {"p": "a"}, 1.0, Outcome.REGRESSION),
        ("a2", {"p": "a"}, 2.0, Outcome.PASS),
        ("a3", {"p": "a"}, math.nan, None),
        ("b1", {"p": "b"}, 1.0, Outcome.PASS),
        ("b2", {"p": "b"}, 1.0, Outcome.REGRESSION),
        ("c", {}, 5.0, Outcome.PASS),
    ]
    runs = [Run(i, "1", i, "FINISHED", params=p, metrics={"score": m}) for i, p, m, _ in rows]
    return runs, {i: JudgedRun(i, outcome, worse=0.0 if outcome else None) for i, _, _, outcome in rows}


def order(*keys: SortKey) -> str:
    runs, judged = runs_and_verdicts()
    return " ".join(run.run_id for run in with_verdicts(runs, judged, keys))


def test_a_verdict_orders_those_that_the_keys_before_it_hold_equal() -> None:
    """The store's order by the param stands; within it the best verdict first, without one last."""
    assert order(SortKey("params.p"), SortKey("verdict")) == "a2 a1 a3 b1 b2 c"
    assert order(SortKey("params.p"), SortKey("verdict", DOWN)) == "a1 a2 a3 b2 b1 c"


def test_keys_after_a_verdict_order_those_of_one_verdict() -> None:
    assert order(SortKey("verdict"), SortKey("params.p")) == "a2 b1 c a1 b2 a3"


def test_a_verdict_between_two_keys_of_the_store() -> None:
    assert order(SortKey("params.p"), SortKey("verdict"), SortKey("metrics.score")) == "a2 a1 a3 b1 b2 c"


def test_without_a_verdict_the_stores_order_stands() -> None:
    """NaN is equal to itself there."""
    assert order(SortKey("params.p"), SortKey("metrics.score")) == "a1 a2 a3 b1 b2 c"
    assert order() == "a1 a2 a3 b1 b2 c"
    assert of_the_store((SortKey("verdict"), SortKey("a"), SortKey("change"))) == (("a", UP),)
