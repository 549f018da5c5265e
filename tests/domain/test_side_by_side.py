"""Several runs beside one another: what differs, and which value is best where the name tells the direction."""

import math

from mlaudit.domain.models import Dataset, Run
from mlaudit.domain.side_by_side import Kind, side_by_side


def run(name: str, **parts: object) -> Run:
    return Run(name * 32, "1", name, "FINISHED", **parts)  # type: ignore[arg-type]


def test_rows_come_in_parts_and_values_by_run() -> None:
    a = run("a", metrics={"loss": 1.0}, params={"lr": "0.1"}, tags={"team": "x", "mlflow.user": "me"})
    b = run("b", params={"lr": "0.2"}, datasets=(Dataset("d", "1", "training"),))
    found = side_by_side([a, b])
    assert [(r.kind, r.name, r.values, r.same) for r in found] == [
        (Kind.METRIC, "loss", ("1", None), False),
        (Kind.PARAM, "lr", ("0.1", "0.2"), False),
        (Kind.DATASET, "training", (None, "d 1"), False),
        (Kind.TAG, "team", ("x", None), False),
    ]


def test_the_best_is_told_only_where_the_direction_is_known() -> None:
    found = side_by_side(
        [
            run("a", metrics={"val_loss": 0.3, "accuracy": 0.9, "speed": 1.0}),
            run("b", metrics={"val_loss": 0.2, "accuracy": 0.9, "speed": 2.0}),
            run("c", metrics={"val_loss": math.nan, "accuracy": 0.8, "speed": 3.0}),
        ]
    )
    assert {row.name: row.best for row in found} == {"accuracy": (0, 1), "speed": (), "val_loss": (1,)}


def test_two_runs_that_both_diverged_do_not_differ_in_that() -> None:
    (row,) = side_by_side([run("a", metrics={"loss": math.nan}), run("b", metrics={"loss": math.nan})])
    assert row.same
    assert row.best == ()
