"""promote asks, refuses and reports. The plan is handed in: what makes it is tested with the services."""

from __future__ import annotations

import io
import sys

import pytest
from sample_store import MODEL, SAMPLE

from mlaudit.cli import output
from mlaudit.domain.errors import DeadlineExceeded
from mlaudit.domain.gate import Outcome
from mlaudit.domain.models import ModelSource, ModelVersion, Stage, StoreInfo, StoreKind
from mlaudit.domain.promotion import PromotionOutcome, PromotionPlan
from mlaudit.services.promote import ExecutePromotion, PlanPromotion

OLD = ModelVersion(MODEL, MODEL, "2", Stage.PRODUCTION)
NEW = ModelVersion(MODEL, MODEL, "4", Stage.PRODUCTION)


def plan_of(outcome: Outcome) -> PromotionPlan:
    store = StoreInfo(StoreKind.MEMORY, "memory://", "memory://", "fake", "test")
    source = ModelSource("models:/m-1", "model m-1")
    return PromotionPlan(
        store, MODEL, MODEL, SAMPLE["better"], "mlp-wide", None, source, OLD, outcome, "some_reason", (), "id", "cmd"
    )


@pytest.fixture
def promote(cli, monkeypatch):
    """promote(outcome, *arguments, typed=None) -> (result, the executed requests)."""

    def call(outcome, *arguments, typed=None):
        executed = []

        def execute(request):
            executed.append(request)
            archived = ModelVersion(MODEL, MODEL, "2", Stage.ARCHIVED)
            return PromotionOutcome(MODEL, NEW, True, (archived,), ("a warning",))

        cli.answers.update({PlanPromotion: lambda _r: plan_of(outcome), ExecutePromotion: execute})
        monkeypatch.setattr(output, "can_ask", lambda: typed is not None)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed or ""))
        return cli("promote", SAMPLE["better"], *arguments), executed

    return call


def test_yes_promotes_a_pass_and_says_what_is_in_production(promote):
    result, executed = promote(Outcome.PASS, "--yes")
    assert result.code == 0
    assert result.out.splitlines() == [
        "fraud-detector version 4 is in Production (registered now)",
        "fraud-detector version 2 is in Archived",
    ]
    for piece in ("memory://", MODEL, "version 2, which will be archived", "model m-1", "PASS", "a warning"):
        assert piece in result.err
    assert len(executed) == 1


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.REGRESSION, 1),
        (Outcome.INCONCLUSIVE, 3),
        (Outcome.NOT_COMPARABLE, 4),
        (Outcome.NO_BASELINE, 4),
        (Outcome.ERROR, 2),
    ],
)
def test_yes_is_refused_with_the_verdicts_code(promote, outcome, code):
    result, executed = promote(outcome, "--yes")
    assert (result.code, result.out, executed) == (code, "", [])
    assert f"not promoted: the verdict is {outcome}" in result.err


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.REGRESSION])
def test_without_a_terminal_nobody_is_asked_and_nothing_done(promote, outcome):
    result, executed = promote(outcome)
    assert (result.code, executed) == (2, [])
    assert "nobody is there to ask" in result.err


@pytest.mark.parametrize(
    ("outcome", "typed", "done"),
    [
        (Outcome.PASS, "y\n", True),
        (Outcome.PASS, "\n", False),
        (Outcome.PASS, "", False),
        (Outcome.REGRESSION, "y\n", False),
        (Outcome.REGRESSION, f"{MODEL}\n", True),
        (Outcome.REGRESSION, "fraud\n", False),
    ],
)
def test_what_is_typed_decides(promote, outcome, typed, done):
    result, executed = promote(outcome, typed=typed)
    assert (result.code == 0, bool(executed)) == (done, done)
    if done:
        assert executed[0].typed_name == ("" if outcome is Outcome.PASS else MODEL)


def test_an_end_that_nobody_saw_is_said_to_be_unknown(cli):
    def lost(_request):
        raise DeadlineExceeded("memory://", "the promotion", 120)

    cli.answers.update({PlanPromotion: lambda _r: plan_of(Outcome.PASS), ExecutePromotion: lost})
    result = cli("promote", SAMPLE["better"], "--yes")
    assert result.code == 5
    assert "it is not known whether" in result.err
