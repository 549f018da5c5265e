"""The order of the columns of a table of runs."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from mlaudit.domain.columns import arranged, differing, order_key
from mlaudit.domain.filter_match import parse_order
from mlaudit.domain.models import Run


def test_pinned_columns_stand_beside_the_first_in_the_order_they_were_pinned() -> None:
    columns = ("run_name", "status", "metrics.a", "metrics.b", "params.c")
    assert arranged(columns, ()) == columns
    assert arranged(columns, ("params.c", "metrics.a")) == ("run_name", "params.c", "metrics.a", "status", "metrics.b")


def test_a_pinned_column_that_is_not_shown_takes_no_place() -> None:
    """Nor does the first one, which stays where it is anyway."""
    assert arranged(("run_name", "status"), ("metrics.gone", "run_name")) == ("run_name", "status")


def test_a_curve_stands_right_of_its_metric_unless_it_was_put_elsewhere() -> None:
    columns = ("run_name", "metrics.a", "metrics.b")
    assert arranged(columns, (), ("b", "a")) == ("run_name", "metrics.a", "curves.a", "metrics.b", "curves.b")
    assert arranged(("run_name", "curves.b", *columns[1:]), (), ("b",))[:2] == ("run_name", "curves.b")
    assert arranged(columns, (), ("hidden",))[-1] == "curves.hidden"


def test_a_curve_that_is_no_longer_wanted_goes() -> None:
    assert arranged(("run_name", "curves.a", "metrics.a"), ()) == ("run_name", "metrics.a")


def test_a_curve_can_be_pinned_apart_from_its_metric() -> None:
    columns = ("run_name", "status", "metrics.a")
    assert arranged(columns, ("curves.a",), ("a",)) == ("run_name", "curves.a", "status", "metrics.a")


@given(st.text("ab.-'\"`\\ /é\t", min_size=1, max_size=6))
@example("a\\")
@example('a"b')
@example("a`b")
@example("'a'")
@example("a\\\\b")
@example("it's")
def test_an_order_names_the_very_key_or_none_at_all(key: str) -> None:
    order = order_key(f"params.{key}")
    assert order is None or [o.key for o in parse_order([f"{order} DESC"])] == [key]
    if not set(key) & set("'\"`\\") and not key[-1].isspace():
        assert order is not None


def test_no_store_sorts_by_a_curve_and_it_never_goes_as_the_same_everywhere() -> None:
    runs = [Run(c * 32, "1", c, "FINISHED", metrics={"a": 1.0}) for c in "ab"]
    assert order_key("curves.a") is None
    assert differing(("run_name", "metrics.a", "curves.a"), runs) == ("run_name", "curves.a")
