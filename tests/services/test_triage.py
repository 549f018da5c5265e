"""The verdict on every run of a list: the same as one by one, and asked for together."""

from __future__ import annotations

import math
import pickle
from collections import Counter

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import ModelNotFound, StoreError
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, Outcome, Role
from mlaudit.domain.models import Stage
from mlaudit.domain.run_values import verdict_object
from mlaudit.domain.triage import by_verdict, in_a_line, verdict_cell
from mlaudit.reports.runs import render_json
from mlaudit.services.compare import CompareRun, compare_run
from mlaudit.services.triage import JudgeRuns, judge_runs
from tests.plugins.sample_store import MODEL, SAMPLE, build_sample_gateway

LOSS = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
BEST = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05, select="best")
ALIVE = [n for n in SAMPLE if n != "deleted"]


def policies(*rules):
    return Policies("p", "0" * 64, {MODEL: GatePolicy(metrics=rules, model=MODEL, path="p", sha256="0" * 64)})


@pytest.fixture
def store():
    return build_sample_gateway()


@pytest.fixture
def calls(store):
    """How often each method of the store was called."""
    counted = Counter()
    store.fail = lambda method: counted.update([method])
    return counted


@pytest.mark.parametrize("given", [Policies(), policies(LOSS), policies(BEST)], ids=["builtin", "last", "best"])
def test_the_same_verdicts_as_one_by_one(store, given):
    judged = judge_runs(store, given, JudgeRuns(tuple(SAMPLE[n] for n in ALIVE), MODEL))
    assert [j.run_id for j in judged] == [SAMPLE[n] for n in ALIVE]
    for one in judged:
        verdict = compare_run(store, given, CompareRun(one.run_id, MODEL)).verdict
        assert (one.outcome, one.reason, one.exit_code, one.warnings) == (
            verdict.outcome, verdict.reason, verdict.exit_code, verdict.warnings,
        )  # fmt: skip
    assert pickle.loads(pickle.dumps(judged)) == judged


def test_the_worst_change_goes_by_the_direction(store):
    rules = (LOSS, MetricRule("val_f1", Role.GUARD, Direction.HIGHER, max_rel_regression=0.05))
    ids = tuple(SAMPLE[n] for n in ("better", "worse", "diverged"))
    better, worse, diverged = judge_runs(store, policies(*rules), JudgeRuns(ids))
    assert (better.metric, better.change) == ("val_f1", pytest.approx(0.0526, abs=1e-3))
    assert better.worse == pytest.approx(-better.change)
    assert (worse.metric, worse.change, worse.worse) == ("val_loss", pytest.approx(0.26, abs=1e-3), worse.change)
    assert (diverged.metric, diverged.change, diverged.worse) == ("val_loss", None, math.inf)
    assert sorted((diverged, worse, better), key=by_verdict) == [better, worse, diverged]


@pytest.mark.parametrize(("direction", "shown"), [(Direction.HIGHER, "— score"), (Direction.LOWER, "no number score")])
def test_a_change_that_no_double_holds_is_no_number_in_json(store, direction, shown):
    base, candidate = (store.add_run("3", metrics={"score": value}) for value in (1e-308, 1e300))
    store.add_version("tiny", base, stage=Stage.PRODUCTION)
    rule = MetricRule("score", Role.PRIMARY, direction, max_rel_regression=0.05)
    given = Policies("p", "0" * 64, {"tiny": GatePolicy(metrics=(rule,), model="tiny", experiment="churn")})
    compared = compare_run(store, given, CompareRun(candidate, "tiny"))
    judged = in_a_line(compared)
    assert judged.change is None
    assert verdict_cell(judged, "change") == shown
    assert '"change": null' in render_json(verdict_object(judged))


def test_what_is_common_is_asked_for_once(store, calls):
    ids = tuple(SAMPLE[n] for n in ALIVE if n != "churn")
    judge_runs(store, policies(LOSS), JudgeRuns(ids))
    assert calls["search_runs"] == 2  # the runs themselves, and the experiment's finished ones
    assert calls["list_model_versions"] == 2  # one a model
    assert (calls["get_run"], calls["find_run"], calls["metric_history"]) == (0, 0, 0)
    calls.clear()
    judge_runs(store, policies(BEST), JudgeRuns((SAMPLE["better"],)))
    assert calls["metric_history"] == 3  # the candidate, the baseline and its one replicate


def test_a_run_that_cannot_be_judged_says_why_and_hides_no_other(store):
    store.add_version("second", SAMPLE["noise"], stage=Stage.PRODUCTION)
    ids = (SAMPLE["better"], SAMPLE["deleted"], "f" * 32, "' OR '1'='1", SAMPLE["staging"])
    judged = judge_runs(store, Policies(), JudgeRuns(ids))
    assert [j.outcome for j in judged] == [None, None, None, None, Outcome.PASS]
    assert "second" in judged[0].problem
    assert all("no run" in j.problem for j in judged[2:4])


def test_a_deleted_run_is_comparable_with_none(store):
    (judged,) = judge_runs(store, Policies(), JudgeRuns((SAMPLE["deleted"],)))
    assert (judged.outcome, judged.reason) == (Outcome.NOT_COMPARABLE, "candidate_deleted")


def test_errors_of_the_request_and_of_the_store_are_raised(store):
    with pytest.raises(ModelNotFound):
        judge_runs(store, Policies(), JudgeRuns((SAMPLE["better"],), "nosuchmodel"))
    store.fail = lambda method: StoreError("memory://", "is down") if method == "list_model_versions" else None
    with pytest.raises(StoreError, match="is down"):
        judge_runs(store, Policies(), JudgeRuns((SAMPLE["better"],)))


def test_nothing_to_judge(store):
    assert judge_runs(store, Policies(), JudgeRuns(())) == ()
