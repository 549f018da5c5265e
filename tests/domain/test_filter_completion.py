"""What is offered at a place in a filter."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlaudit.domain.filter_completion import MOST, complete
from mlaudit.domain.filter_keys import KnownKeys
from mlaudit.domain.filters import locate_error, parse

SEEN = KnownKeys(
    metrics=("loss", "val_loss", "val auc", "bad\x1bkey", 'no`"way'),
    params=("lr", "optimizer"),
    tags=("mlflow.runName", "mlflow.user", "team"),
    values={
        "params.optimizer": ("adam", "sgd", "it's", "both'\"", "a\\", "x" * 500),
        "tags.team": ("risk", "fraud"),
        "tags.mlflow.runName": ("first run",),
    },
)
NAMED = {"good": "metrics.val_loss < 0.3", "either": "status = 'FAILED' OR metrics.loss > 1"}


def offered(marked: str) -> list[str]:
    """The texts offered at the ``|``."""
    cursor = marked.index("|")
    return [c.text for c in complete(marked.replace("|", "", 1), cursor, SEEN, NAMED)]


def taken(marked: str, text: str) -> str:
    """The expression after one of them is taken."""
    cursor = marked.index("|")
    expression = marked.replace("|", "", 1)
    (chosen,) = [c for c in complete(expression, cursor, SEEN, NAMED) if c.text == text]
    return expression[: chosen.start] + chosen.insert + expression[chosen.end :]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("|", ["metrics.", "params.", "tags.", "status", "run_name"]),
        ("metrics.loss > 1 AND |", ["metrics.", "params.", "tags.", "status"]),
        ("(|", ["metrics.", "params.", "tags.", "status"]),
        ("metrics.|", ["loss", "val_loss", "`val auc`"]),
        ("metric.val|", ["val_loss", "`val auc`"]),
        ("metrics.`val a|", ["`val auc`"]),
        ("metrics.auc|", ["`val auc`"]),
        ("los|", ["metrics.loss", "metrics.val_loss"]),
        ("LOS|", ["metrics.loss", "metrics.val_loss"]),
        ("tags.mlflow.|", ["mlflow.runName", "mlflow.user"]),
        ("tags.user|", ["mlflow.user"]),
        ("datasets.|", ["context", "digest", "name"]),
        ("attributes.st|", ["status", "start_time"]),
        ("metrics.loss |", ["=", "!=", ">", ">=", "<", "<="]),
        ("metrics.loss >|", [">="]),
        ("params.lr |", ["=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"]),
        ("params.lr i|", ["ILIKE", "IS NULL", "IS NOT NULL", "LIKE"]),
        ("params.lr IS |", ["NULL", "NOT NULL"]),
        ("params.lr IS NOT |", ["NULL"]),
        ("start_time |", ["=", "!=", ">", ">=", "<", "<="]),
        ("run_id |", ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"]),
        ("run_id NOT |", ["IN"]),
        ("run_id IN |", ["("]),
        ("run_id IN ('a' |", [")", ","]),
        ("metrics.loss > |", []),
        ("metrics.loss > 0.|", []),
        ("status = |", ["'RUNNING'", "'SCHEDULED'", "'FINISHED'", "'FAILED'", "'KILLED'"]),
        ("status = 'f|", ["'FINISHED'", "'FAILED'"]),
        ("params.optimizer = |", ["'adam'", "'sgd'", '"it\'s"']),
        ("params.optimizer = 'a|", ["'adam'"]),
        ("params.optimizer LIKE ad|", ["'adam'"]),
        ("tags.`team`='|", ["'risk'", "'fraud'"]),
        ("tags.mlflow.runName = '|", ["'first run'"]),
        ("metrics.loss > 1 |", ["AND", "OR"]),
        ("metrics.loss > 1 o|", ["OR"]),
        ("(metrics.loss > 1 |", ["AND", "OR", ")"]),
        ("(metrics.loss > 1) |", ["AND", "OR"]),
        ("run_id IN ('a') |", ["AND", "OR"]),
        ("params.lr IS NOT NULL |", ["AND", "OR"]),
        ("@|", ["@good", "@either"]),
        ("@ei|", ["@either"]),
        ("wholly_else|", []),
        ("nothing.known |", []),
        ("nothing |", []),
        ("datasets.name |", ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"]),
        ("params.unknown |", ["=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"]),
    ],
)
def test_candidates(marked: str, expected: list[str]) -> None:
    """Before anything is typed of a key: kinds and attributes; then keys of every kind. Unprintable ones never."""
    assert offered(marked)[: len(expected)] == expected
    if not (expected and expected[0] in {"metrics.", "=", "LIKE"}):
        assert len(offered(marked)) == len(expected)


@pytest.mark.parametrize(
    ("marked", "text", "result"),
    [
        ("|", "metrics.", "metrics."),
        ("metrics.va|", "`val auc`", "metrics.`val auc` "),
        ("au|", "metrics.`val auc`", "metrics.`val auc` "),
        ("metrics.`val a|uc` > 1", "`val auc`", "metrics.`val auc`  > 1"),
        ("metrics.l|os > 1", "loss", "metrics.loss  > 1"),
        ("params.lr |", "IS NOT NULL", "params.lr IS NOT NULL "),
        ("status = 'f|'", "'FAILED'", "status = 'FAILED' "),
        ("status = 'f| AND metrics.loss > 1 AND tags.team = 'x'", "'FAILED'",
         "status = 'FAILED'  AND metrics.loss > 1 AND tags.team = 'x'"),
        ("run_id NOT |", "IN", "run_id NOT IN "),
        ("@g|", "@good", "metrics.val_loss < 0.3"),
        ("params.lr = '1' AND @e|", "@either", "params.lr = '1' AND (status = 'FAILED' OR metrics.loss > 1) "),
        ("params.lr = '1' AND @g|", "@good", "params.lr = '1' AND metrics.val_loss < 0.3 "),
    ],
)  # fmt: skip
def test_taking_one(marked: str, text: str, result: str) -> None:
    """It replaces what is typed, to the end of the word or of the quotes; what follows stays."""
    assert taken(marked, text) == result


def test_a_filter_can_be_written_by_taking_alone() -> None:
    expression = ""
    for choice in ("params.", "optimizer", "=", "'adam'", "OR", "tags.", "team", "IS NULL"):
        (one,) = [c for c in complete(expression, len(expression), SEEN) if c.text == choice]
        expression = expression[: one.start] + one.insert + expression[one.end :]
    assert parse(expression).terms == parse("params.optimizer = 'adam' OR tags.team IS NULL").terms


@given(
    st.text(alphabet="metricsparamtag .`'\"()<>=!ANDORINLIKE0123456789-,@", max_size=50), st.integers(0, 50)
)  # fmt: skip
def test_any_text_at_any_place(text: str, cursor: int) -> None:
    """Never fails, and what is offered replaces something at the cursor."""
    cursor = min(cursor, len(text))
    for candidate in complete(text, cursor, SEEN, NAMED):
        assert 0 <= candidate.start <= cursor <= candidate.end <= len(text)
        assert candidate.text.isprintable()


def test_two_thousand_keys_are_quick_and_capped() -> None:
    """Within 5 ms; the best of several, since other programs run too."""
    seen = KnownKeys(
        metrics=tuple(f"layer{i}.loss" for i in range(1000)), params=tuple(f"option {i} loss" for i in range(1000))
    )
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        found = complete("metrics.a > 1 AND loss", 22, seen)
        best = min(best, time.perf_counter() - start)
    assert len(found) == MOST
    assert best < 0.005


def test_every_key_that_is_offered_can_be_read() -> None:
    odd = KnownKeys(metrics=("a b", "a-b", "1st", "and", "a`b", "é", "x.y", 'q"q'))
    for candidate in complete("metrics.", 8, odd):
        assert locate_error(f"metrics.{candidate.insert}> 1") is None
