"""promote asks, refuses and reports. The plan is handed in: what makes it is tested with the services."""

from __future__ import annotations

import errno
import io
import sys

import pytest
from sample_store import MODEL, SAMPLE

from mlaudit.cli import output
from mlaudit.domain.errors import DeadlineExceeded
from mlaudit.domain.gate import Outcome
from mlaudit.domain.models import ModelSource, ModelVersion, Stage, StoreInfo, StoreKind
from mlaudit.domain.promotion import Event, PromotionOutcome, PromotionPlan, Target
from mlaudit.services.promote import ExecutePromotion, PlanPromotion

OLD = ModelVersion(MODEL, MODEL, "2", Stage.PRODUCTION)
NEW = ModelVersion(MODEL, MODEL, "4", Stage.PRODUCTION)
PLAN_ID = "0123456789abcdef" * 4
EXIT_CODES = {"PASS": 0, "REGRESSION": 1, "ERROR": 2, "INCONCLUSIVE": 3, "NOT_COMPARABLE": 4, "NO_BASELINE": 4}


def plan_of(outcome: Outcome) -> PromotionPlan:
    store = StoreInfo(StoreKind.MEMORY, "memory://", "memory://", "fake", "test")
    source = ModelSource("models:/m-1", "model m-1")
    return PromotionPlan(
        store=store,
        model=MODEL,
        raw_model=MODEL,
        event=Event.PROMOTION,
        target=Target(Stage.PRODUCTION),
        subject=SAMPLE["better"],
        run_id=SAMPLE["better"],
        run_name="mlp-wide",
        version=None,
        stage_before=Stage.NONE,
        source=source,
        previous=OLD,
        aliases=(),
        outcome=outcome,
        reason="some_reason",
        exit_code=EXIT_CODES[outcome],
        observed=(),
        plan_id=PLAN_ID,
        command="mlaudit promote it",
        warnings=("a remark",),
    )


@pytest.fixture
def promote(cli, monkeypatch):
    """promote(outcome, *arguments, typed=None) -> (result, the executed requests)."""

    def call(outcome, *arguments, typed=None):
        executed = []

        def execute(request):
            executed.append(request)
            archived = ModelVersion(MODEL, MODEL, "2", Stage.ARCHIVED)
            return PromotionOutcome(
                MODEL, NEW, True, (archived,), ("a warning",), aliases=("champion",), record_id="rec-1"
            )

        cli.answers.update({PlanPromotion: lambda _r: plan_of(outcome), ExecutePromotion: execute})
        monkeypatch.setattr(output, "can_ask", lambda: typed is not None)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed or ""))
        return cli("promote", SAMPLE["better"], *arguments), executed

    return call


def test_what_was_done_is_said_where_stdout_takes_nothing(promote, monkeypatch):
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    result, executed = promote(Outcome.PASS, "--yes")
    assert (result.code, len(executed)) == (5, 1)
    assert result.err.splitlines()[-2:] == [
        "mlaudit: recorded as rec-1",
        "mlaudit: error: cannot write to stdout: No space left on device",
    ]


def test_yes_promotes_a_pass_and_says_what_is_in_production(promote):
    result, executed = promote(Outcome.PASS, "--yes")
    assert result.code == 0
    assert result.out.splitlines() == [
        "fraud-detector version 4 is in Production (registered now)",
        "fraud-detector alias champion is at version 4",
        "fraud-detector version 2 is in Archived",
    ]
    for piece in (
        "memory://",
        MODEL,
        "version 2, which will be archived",
        "model m-1",
        "PASS",
        "a warning",
        PLAN_ID,
        "a remark",
        "rec-1",
    ):
        assert piece in result.err
    assert len(executed) == 1


NOT_PASSING = pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.REGRESSION, 1),
        (Outcome.INCONCLUSIVE, 3),
        (Outcome.NOT_COMPARABLE, 4),
        (Outcome.NO_BASELINE, 4),
        (Outcome.ERROR, 2),
    ],
)


@NOT_PASSING
def test_what_does_not_pass_is_refused_with_the_verdicts_code(promote, outcome, code):
    result, executed = promote(outcome, "--yes")
    assert (result.code, result.out, executed) == (code, "", [])
    assert f"not promoted: the verdict is {outcome}" in result.err


@NOT_PASSING
def test_an_override_with_a_reason_goes_past_it(promote, outcome, code):
    result, executed = promote(outcome, "--yes", "--override", "--reason", "the old one is down")
    assert result.code == 0
    assert (executed[0].override, executed[0].reason) == (True, "the old one is down")


@pytest.mark.parametrize("reason", [[], ["--reason", ""], ["--reason", "  "]])
def test_an_override_without_a_reason_is_a_usage_error(promote, reason):
    result, executed = promote(Outcome.REGRESSION, "--yes", "--override", *reason)
    assert (result.code, executed) == (2, [])
    assert "--override needs --reason TEXT" in result.err


@pytest.mark.parametrize("arguments", [[], ["--override", "--reason", "x"]])
def test_without_a_terminal_nobody_is_asked_and_nothing_done(promote, arguments):
    result, executed = promote(Outcome.REGRESSION if arguments else Outcome.PASS, *arguments)
    assert (result.code, executed) == (2, [])
    assert "nobody is there to ask; use --yes" in result.err


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
    arguments = [] if outcome is Outcome.PASS else ["--override", "--reason", "x"]
    result, executed = promote(outcome, *arguments, typed=typed)
    assert (result.code == 0, bool(executed)) == (done, done)


@pytest.mark.parametrize(("outcome", "code"), [(Outcome.PASS, 0), (Outcome.REGRESSION, 1)])
def test_a_dry_run_prints_the_plan_and_its_id_and_does_nothing(promote, outcome, code):
    result, executed = promote(outcome, "--dry-run")
    assert (result.code, executed) == (code, [])
    assert f"plan     {PLAN_ID}" in result.out
    assert "command  mlaudit promote it" in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--plan", PLAN_ID], 0, ""),
        (["--plan", PLAN_ID[:12].upper()], 0, ""),
        (["--plan", "f" * 64], 5, "the plan is 0123456789ab now and not ffffffffffff"),
        (["--plan", "01234567"], 2, "at least 12 characters"),
        (["--plan", "not a plan's id"], 2, "the id that --dry-run printed"),
        (["--expect-current", "2"], 0, ""),
        (["--expect-current", "7"], 5, "Production is at version 2, expected was version 7"),
        (["--expect-current", "none"], 5, "expected was no version"),
        (["--expect-current", "foo"], 2, "a version's number, or 'none'"),
        (["--expect-current", ""], 2, "a version's number, or 'none'"),
    ],
)
def test_it_refuses_when_the_world_is_not_as_expected(promote, arguments, code, said):
    result, executed = promote(Outcome.PASS, "--yes", *arguments)
    assert (result.code, len(executed)) == (code, 1 if code == 0 else 0)
    assert said in result.err


def test_an_end_that_nobody_saw_is_said_to_be_unknown(cli):
    def lost(_request):
        raise DeadlineExceeded("memory://", "the promotion", 120)

    cli.answers.update({PlanPromotion: lambda _r: plan_of(Outcome.PASS), ExecutePromotion: lost})
    result = cli("promote", SAMPLE["better"], "--yes")
    assert result.code == 5
    assert "it is not known whether" in result.err
