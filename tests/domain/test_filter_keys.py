"""Which keys there are to filter by, how they are written, and which one was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.filter_keys import KnownKeys, near_keys, quoted_key, seen_in, suggestion, written
from mlaudit.domain.filters import parse
from mlaudit.domain.models import Run

SEEN = KnownKeys(
    metrics=("loss", "val_loss", "val-auc", "f1 score"),
    params=("lr", "optimizer", "n.layers"),
    tags=("team", "mlflow.user"),
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("loss", "loss"),
        ("mlflow.runName", "mlflow.runName"),
        ("val loss", "`val loss`"),
        ("val-loss", "`val-loss`"),
        ("and", "`and`"),
        ("a.in", "`a.in`"),
        ("1st", "`1st`"),
        ("é", "`é`"),
        ("a`b", '"a`b"'),
        ('a`b"c', None),
        ("", None),
        ("'x'", None),
        ("a..b", "`a..b`"),
    ],
)
def test_keys_are_quoted_where_they_must_be(key: str, expected: str | None) -> None:
    assert quoted_key(key) == expected


@given(st.text(min_size=1, max_size=12))
def test_a_written_key_is_read_back_as_itself(key: str) -> None:
    if quoted_key(key) is not None:
        (comparison,) = parse(f"{written('metric', key)} > 1").comparisons
        assert comparison.key == key


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("loss > 1", "metrics.loss"),
        ("metrics.val-auc > 1", "metrics.`val-auc`"),
        ("metrics.los = 'x'", None),
        ("optimiser = 'adam'", "params.optimizer"),
        ("metric.loss ? 1", None),
        ("metrcs.loss > 1", "metrics.loss"),
        ("param.optimizr > '1'", None),
        ("wholly_else > 1", None),
        ("f1 score > 1", None),
        ("metrics.a > 1 AND lr = '1'", "params.lr"),
    ],
)
def test_the_key_that_was_meant_where_an_expression_is_wrong(expression: str, expected: str | None) -> None:
    """Only where the place that is wrong is a key."""
    from mlaudit.domain.filters import locate_error

    error = locate_error(expression)
    assert error is not None
    assert suggestion(expression, error.position, SEEN) == expected


def test_near_keys_mind_no_case_and_keep_the_stores_form() -> None:
    assert near_keys("val_los", ["Val_Loss", "x", "loss"], 1) == ["Val_Loss"]


def test_seen_in_runs_has_raw_keys_and_some_values() -> None:
    runs = [
        Run("r1", "1", "", "FINISHED", metrics={"m": 1.0}, params={"p": "x", "a␛": "1"}, raw_keys={"a␛": "a\x1b"}),
        *(Run(f"n{i}", "1", "", "FINISHED", params={"p": str(i)}, tags={"t": "same"}) for i in range(100)),
    ]
    seen = seen_in(runs)
    assert (seen.metrics, seen.params, seen.tags) == (("m",), ("a\x1b", "p"), ("t",))
    assert seen.values["tags.t"] == ("same",)
    assert seen.values["params.p"][:2] == ("x", "0")
    assert len(seen.values["params.p"]) == 50
