"""Params and metrics of several runs as axes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.dimensions import Dimension, Spacing, dimensions, rank_correlation
from mlaudit.domain.models import Run


def run(params: dict[str, str] | None = None, metrics: dict[str, float] | None = None) -> Run:
    return Run(run_id="r", name="r", experiment_id="0", status="FINISHED", params=params or {}, metrics=metrics or {})


def one(column: str, *runs: Run) -> Dimension:
    return next(d for d in dimensions(runs) if d.column == column)


def of(*values: float | None, spacing: Spacing = Spacing.LINEAR) -> Dimension:
    return Dimension("metrics.x", tuple(None if v is None else str(v) for v in values), values, spacing)


def test_a_param_of_numbers_is_spaced_by_its_numbers() -> None:
    found = one("params.n", *(run({"n": v}) for v in ("64", "128", "256")))
    assert (found.spacing, found.values, found.ends) == (Spacing.LINEAR, (64, 128, 256), ("64", "256"))
    assert [found.place(v) for v in (64, 160, 256)] == [0, 0.5, 1]


def test_a_wide_range_is_spaced_by_its_logarithm() -> None:
    found = one("params.lr", *(run({"lr": v}) for v in ("0.001", "0.01", "0.1")))
    assert found.spacing is Spacing.LOG
    assert found.place(0.01) == pytest.approx(0.5)
    assert found.spaced(Spacing.LINEAR).place(0.01) == pytest.approx(1 / 11)
    narrow = one("params.lr", run({"lr": "0.001"}), run({"lr": "0.0099"}))
    assert narrow.spacing is Spacing.LINEAR
    assert one("params.lr", run({"lr": "0"}), run({"lr": "1e9"})).spacing is Spacing.LINEAR


@pytest.mark.parametrize("odd", ["adam", "", "nan", "inf", "1e999", "True", "1_000", "[8, 8]"])
def test_one_value_that_is_no_number_makes_categories(odd: str) -> None:
    found = one("params.p", run({"p": "64"}), run({"p": odd}), run({"p": "8"}), run())
    assert found.spacing is Spacing.CATEGORIES
    assert found.categories == ("8", "64", odd)
    assert found.values == (1, 2, 0, None)
    assert [found.place(v) for v in (0, 1, 2)] == [0, 0.5, 1]
    assert not found.can_be_log
    with pytest.raises(ValueError):
        found.spaced(Spacing.LOG)


def test_what_is_missing_and_what_is_no_number_are_told_apart() -> None:
    found = one("metrics.val_loss", *(run(metrics={"val_loss": v}) for v in (0.5, math.nan, 0.25, math.inf)), run())
    assert found.values == (0.5, None, 0.25, None, None)
    assert found.texts == ("0.5", "NaN", "0.25", "inf", None)
    assert (found.missing, found.not_finite) == ((4,), (1, 3))
    assert found.best == (2,)
    assert not found.same


def test_nothing_is_best_where_nobody_knows_or_all_are_the_same() -> None:
    assert one("metrics.strange", run(metrics={"strange": 1}), run(metrics={"strange": 2})).best == ()
    same = one("metrics.val_loss", run(metrics={"val_loss": 1}), run(metrics={"val_loss": 1}))
    assert (same.best, same.same, same.place(1), same.ticks(5).labels) == ((), True, 0.5, ("1",))
    empty = one("metrics.val_loss", run(metrics={"val_loss": math.nan}))
    assert (empty.extent, empty.ends, empty.ticks(5).values) == (None, ("", ""), ())


@pytest.mark.parametrize(
    ("values", "same"),
    [
        ((0.912341, 0.912344), False),
        ((0.5, 0.5), True),
        ((0.5, math.nan), False),
        ((math.nan, math.nan), True),
        ((math.inf, math.nan), False),
        ((0.5, None), False),
    ],
)
def test_values_that_look_alike_are_not_the_same(values: tuple[float | None, ...], same: bool) -> None:
    found = one("metrics.f1", *(run(metrics={} if v is None else {"f1": v}) for v in values))
    assert found.same is same


@pytest.mark.parametrize("value", [0.9123, -0.9123, 1e-300, 1e300, 123456789.0])
def test_values_a_rounding_apart_have_one_place(value: float) -> None:
    found = of(value, math.nextafter(value, math.inf), value)
    assert found.places == (0.5, 0.5, 0.5)
    assert len(found.ticks(6).values) == 1
    assert not found.can_be_log


def test_metrics_that_decide_come_before_the_others() -> None:
    metrics = {"zeta": 1.0, "system/cpu": 2.0, "val_loss": 3.0, "alpha": 4.0}
    columns = [d.column for d in dimensions([run({"b": "1", "a": "2"}, metrics)])]
    assert columns == [
        "params.a",
        "params.b",
        "metrics.val_loss",
        "metrics.alpha",
        "metrics.zeta",
        "metrics.system/cpu",
    ]


def test_of_many_categories_some_are_labelled() -> None:
    found = one("params.p", *(run({"p": f"name {n}"}) for n in range(100)))
    assert len(found.ticks(10).labels) == 10
    assert found.ticks(0).labels == ()


numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=64))


@given(st.lists(numbers, min_size=1, max_size=20), st.sampled_from([Spacing.LINEAR, Spacing.LOG]))
def test_every_value_has_a_place_and_order_is_kept(values: list[float | None], spacing: Spacing) -> None:
    """Also at the ends of what doubles can hold."""
    found = of(*values)
    if spacing is Spacing.LOG:
        if not found.can_be_log:
            return
        found = found.spaced(Spacing.LOG)
    known = sorted(v for v in values if v is not None)
    places = [found.place(v) for v in known]
    assert all(0 <= p <= 1 for p in places)
    assert places == sorted(places)
    assert len(found.ticks(6).values) == len(found.ticks(6).labels) <= 12


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 100, 1000, 1e4]) == (pytest.approx(1), 4)
    assert rank_correlation([1, 2, 3, None], [3, 2, 1, 9]) == (pytest.approx(-1), 3)
    # By hand: ranks (1.5, 1.5, 3) and (1, 2, 3).
    assert rank_correlation([5, 5, 6], [1, 2, 3])[0] == pytest.approx(math.sqrt(3) / 2)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) == (None, 3)
    assert rank_correlation([1, 2], [1, 2]) == (None, 2)
