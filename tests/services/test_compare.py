"""Which model, which baseline, which values: what a comparison is made of."""

from __future__ import annotations

import math
import pickle

import pytest

from mlaudit.config.policy import Policies, load_policies
from mlaudit.domain.errors import (
    AmbiguousModel,
    AmbiguousRunId,
    BaselineSelectorError,
    ModelNotFound,
    RunNotFound,
    StoreError,
    VersionNotFound,
)
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, Outcome, Role
from mlaudit.domain.models import Dataset, MetricHistory, Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.compare import CompareRun, compare_run
from tests.plugins.sample_store import HOSTILE_KEY, MODEL, SAMPLE, SECOND_MODEL, build_sample_gateway


@pytest.fixture
def store() -> MemoryGateway:
    return build_sample_gateway()


@pytest.fixture
def compare(store):
    """compare(nickname or run id, policies=..., model=..., against=...) -> the comparison."""

    def call(run, policies=None, **options):
        return compare_run(store, policies or Policies(), CompareRun(SAMPLE.get(run, run), **options))

    return call


def policies(**models: GatePolicy) -> Policies:
    named = {name.replace("_", "-"): policy for name, policy in models.items()}
    return Policies("mlaudit.toml", "0" * 64, named)


LOSS = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)


def policy(**fields) -> GatePolicy:
    return GatePolicy(**({"metrics": (LOSS,), "model": MODEL, "path": "mlaudit.toml", "sha256": "0" * 64} | fields))


class TestModel:
    """Which model a run is a candidate for."""

    def test_the_runs_own_version_first(self, compare):
        found = compare("staging", policies(churn=policy()))
        assert (found.model, found.model_reason) == (MODEL, "the run's own version")
        assert found.candidate.version.version == "3"

    def test_the_policys_section_for_the_experiment(self, compare):
        two = policies(a=policy(experiment="other"), b=policy(experiment="fraud-detector"))
        found = compare("better", two)
        assert (found.model, found.model_reason) == ("b", "the policy")
        assert found.verdict.outcome is Outcome.NO_BASELINE

    def test_the_policys_only_section(self, compare):
        assert compare("better", policies(a=policy())).model == "a"

    def test_a_section_for_another_experiment_is_not_about_this_run(self, compare):
        found = compare("better", policies(a=policy(experiment="other")))
        assert (found.model, found.model_reason) == (MODEL, "the only model in Production here")
        assert any(f"no section for model {MODEL}" in w for w in found.verdict.warnings)

    def test_two_sections_for_the_experiment_are_ambiguous(self, compare):
        with pytest.raises(AmbiguousModel, match="a, b") as caught:
            compare("better", policies(a=policy(experiment="fraud-detector"), b=policy(experiment="fraud-detector")))
        assert caught.value.exit_code == 2

    def test_the_only_model_in_production_of_the_experiment(self, compare, store):
        store.add_version("elsewhere", SAMPLE["churn"], stage=Stage.PRODUCTION)
        assert compare("better").model == MODEL
        store.add_version("second", SAMPLE["noise"], stage=Stage.PRODUCTION)
        with pytest.raises(AmbiguousModel, match="fraud-detector, second"):
            compare("better")

    def test_a_run_of_two_models_is_ambiguous(self, compare, store):
        store.add_version("second", SAMPLE["staging"])
        with pytest.raises(AmbiguousModel, match="fraud-detector, second"):
            compare("staging")
        assert compare("staging", model="second").model_reason == "--model"

    def test_nothing_to_go_by_lists_all_models(self, compare, store):
        lone = store.add_run("3", metrics={"loss": 1.0})
        with pytest.raises(AmbiguousModel, match="churn, fraud-detector"):
            compare(lone)

    def test_an_empty_registry(self):
        store = MemoryGateway()
        run = store.add_run(store.add_experiment("e"), metrics={"loss": 1.0})
        with pytest.raises(AmbiguousModel, match="belongs to no registered model and the store has none") as caught:
            compare_run(store, Policies(), CompareRun(run))
        assert caught.value.advice == "name one with --model"

    def test_one_model_that_might_be_meant_is_not_taken_silently(self):
        assert str(AmbiguousModel("a" * 32, ("m",))) == "run aaaaaaaaaaaa may be a candidate for m, but nothing says so"

    def test_a_name_that_is_not_registered(self, compare):
        with pytest.raises(ModelNotFound, match=r"no registered model named 'fraud'; there are: churn, fraud-detector"):
            compare("better", model="fraud")

    def test_a_name_that_only_the_policy_knows(self, compare):
        found = compare("better", policies(new=policy()), model="new")
        assert (found.model, found.verdict.outcome, found.verdict.exit_code) == ("new", Outcome.NO_BASELINE, 4)

    def test_a_model_with_a_hostile_name_is_found_by_what_is_shown(self, compare, store):
        raw = "evil\x1b[2J"
        store.add_version(raw, SAMPLE["production"], stage=Stage.PRODUCTION)
        for name in (raw, "evil␛[2J"):
            found = compare("better", model=name)
            assert (found.model, found.raw_model) == ("evil␛[2J", raw)

    def test_a_production_version_whose_run_is_gone_does_not_stop_the_search(self, compare, store):
        store.add_version("ghost", "f" * 32, stage=Stage.PRODUCTION)
        assert compare("better").model == MODEL


class TestBaseline:
    """What the candidate is judged against."""

    @pytest.mark.parametrize(
        ("against", "nickname", "version"),
        [
            ("stage:Production", "production", "2"),
            ("stage:staging", "staging", "3"),
            ("alias:challenger", "staging", "3"),
            ("version:1", "archived", "1"),
            ("previous", "staging", "3"),
        ],
    )
    def test_selectors(self, compare, against, nickname, version):
        found = compare("better", against=against)
        assert found.baseline.run.run_id == SAMPLE[nickname]
        assert found.baseline.version.version == version
        assert found.selector.lower() == against.lower()

    def test_a_run_by_prefix_needs_no_model(self, compare, store):
        lone = store.add_run("3", metrics={"val_loss": 0.2}, tags={"dataset_version": "v1"})
        found = compare(lone, against=f"run:{SAMPLE['production'][:10]}")
        assert (found.model, found.model_reason) == (None, "")
        assert found.baseline.run.run_id == SAMPLE["production"]
        assert found.verdict.outcome is Outcome.NOT_COMPARABLE  # it lacks most of the baseline's metrics
        assert any("without a model" in w for w in compare(lone, policies(x=policy(experiment="y")), against=
                   f"run:{SAMPLE['production']}").verdict.warnings)  # fmt: skip

    def test_a_run_keeps_its_model_and_policy(self, compare):
        found = compare("better", policies(**{"fraud-detector": policy()}), against=f"run:{SAMPLE['staging']}")
        assert found.model == MODEL
        assert found.baseline.version.version == "3"
        assert [m.name for m in found.verdict.metrics] == ["val_loss"]

    def test_previous_is_older_than_the_candidate(self, compare):
        assert compare("staging", against="previous").baseline.version.version == "2"
        assert compare("archived", against="previous").verdict.outcome is Outcome.NO_BASELINE

    @pytest.mark.parametrize(
        ("against", "error", "piece"),
        [
            ("version:99", VersionNotFound, "no version 99"),
            ("alias:nobody", VersionNotFound, "no alias nobody"),
            ("run:ffffff", RunNotFound, "ffffff"),
            ("run:" + SAMPLE["deleted"], RunNotFound, "no run"),
            ("production", BaselineSelectorError, "stage:NAME"),
            ("stage:Prod", BaselineSelectorError, "Production"),
        ],
    )
    def test_what_was_asked_for_and_is_not_there_is_an_error(self, compare, against, error, piece):
        with pytest.raises(error, match=piece) as caught:
            compare("better", against=against)
        assert caught.value.exit_code == 2

    def test_an_ambiguous_run_prefix(self, compare, store):
        store.add_run("1", run_id="abc1" + "0" * 28)
        store.add_run("1", run_id="abc2" + "0" * 28)
        with pytest.raises(AmbiguousRunId):
            compare("better", against="run:abc")

    def test_nobody_in_production_is_a_verdict(self, compare, store):
        store.transition(MODEL, "2", Stage.ARCHIVED, archive_existing=False)
        found = compare("staging")
        assert (found.verdict.outcome, found.verdict.reason, found.verdict.exit_code) == (
            Outcome.NO_BASELINE, "first_promotion", 4,
        )  # fmt: skip
        assert (found.baseline, found.diff, found.selector) == (None, None, "stage:Production")

    def test_the_policys_list_takes_the_first_that_resolves(self, compare, store):
        store.transition(MODEL, "2", Stage.ARCHIVED, archive_existing=False)
        chain = policy(baselines=("stage:Production", "alias:gone", "run:ffff", "version:77", "alias:champion"))
        found = compare("better", policies(**{"fraud-detector": chain}))
        assert (found.selector, found.baseline.version.version) == ("alias:champion", "2")
        for piece in ("alias:gone", "run:ffff", "version:77"):
            assert any(piece in w and "passed over" in w for w in found.verdict.warnings)
        none = policy(baselines=("stage:Production", "version:77"))
        nothing = compare("better", policies(**{"fraud-detector": none}))
        assert (nothing.selector, nothing.verdict.outcome) == ("stage:Production, version:77", Outcome.NO_BASELINE)

    def test_two_in_production_is_an_error_that_lists_them(self, compare, store):
        store.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        found = compare("better")
        assert (found.verdict.outcome, found.verdict.exit_code) == (Outcome.ERROR, 2)
        assert found.verdict.reason == "multiple_baselines"
        assert "4, 2" in found.verdict.checks[0].detail
        assert found.baseline is None

    def test_unless_the_policy_takes_the_newest(self, compare, store):
        store.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        newest = policies(**{"fraud-detector": policy(on_multiple_baselines="newest")})
        found = compare("better", newest)
        assert found.baseline.version.version == "4"
        assert any("4, 2" in w for w in found.verdict.warnings)

    def test_a_deleted_baseline_run_is_shown_but_not_judged_against(self, compare, store):
        store.delete_run(SAMPLE["production"])
        found = compare("better", model=MODEL)
        assert (found.verdict.outcome, found.verdict.reason) == (Outcome.NOT_COMPARABLE, "baseline_deleted")
        assert found.diff is not None

    @pytest.mark.parametrize("run_id", ["f" * 32, None])
    def test_a_baseline_run_that_is_gone(self, compare, store, run_id):
        number = store.add_version(MODEL, run_id)
        store.transition(MODEL, number, Stage.PRODUCTION, archive_existing=True)
        found = compare("better", model=MODEL)
        assert (found.verdict.outcome, found.verdict.reason) == (Outcome.NOT_COMPARABLE, "baseline_run_missing")
        assert found.verdict.exit_code == 4
        assert f"version {number}" in found.verdict.checks[0].detail
        assert found.baseline is None

    def test_the_candidate_is_the_baseline(self, compare):
        found = compare("production")
        assert found.verdict.outcome is Outcome.PASS
        assert any("compared with itself" in w for w in found.verdict.warnings)
        other = compare("production", against="version:1")
        assert any("itself in Production, as version 2" in w for w in other.verdict.warnings)


class TestVerdict:
    """The sample runs, and what is said about the rules."""

    @pytest.mark.parametrize(
        ("nickname", "outcome", "code"),
        [
            ("better", Outcome.PASS, 0),
            ("noise", Outcome.PASS, 0),
            ("worse", Outcome.REGRESSION, 1),
            ("diverged", Outcome.REGRESSION, 1),
            ("failed", Outcome.NOT_COMPARABLE, 4),
            ("running", Outcome.NOT_COMPARABLE, 4),
            ("odd", Outcome.NOT_COMPARABLE, 4),
            ("churn", Outcome.NO_BASELINE, 4),
        ],
    )
    @pytest.mark.parametrize("with_policy", [False, True])
    def test_sample_runs(self, compare, nickname, outcome, code, with_policy):
        given = policies(**{"fraud-detector": policy(), "churn": policy(metrics=())}) if with_policy else None
        verdict = compare(nickname, given, model=SECOND_MODEL if nickname == "churn" else MODEL).verdict
        assert (verdict.outcome, verdict.exit_code) == (outcome, code)

    def test_other_data_are_not_comparable(self, compare, store):
        run = store.add_run(
            "1", metrics={"val_loss": 9.0}, datasets=(Dataset("v", "other", "validation"),),
            tags={"dataset_version": "v1"},
        )  # fmt: skip
        verdict = compare(run, policies(**{"fraud-detector": policy()})).verdict
        assert (verdict.outcome, verdict.reason) == (Outcome.NOT_COMPARABLE, "dataset_mismatch")

    def test_no_policy_is_said_and_so_is_a_section_without_metrics(self, compare):
        assert any("no policy file was found" in w for w in compare("better").verdict.warnings)
        bare = compare("better", policies(**{"fraud-detector": policy(metrics=())}))
        assert any("names no metric" in w for w in bare.verdict.warnings)
        assert {m.name for m in bare.policy.metrics} >= {"val_loss", "val_f1"}
        full = compare("better", policies(**{"fraud-detector": policy()}))
        assert not any("built-in" in w for w in full.verdict.warnings)

    def test_a_candidate_that_logs_nothing_known_is_never_a_pass(self, compare, store):
        base = store.add_run("3", metrics={"my_score": 1.0})
        lone = store.add_run("3", metrics={"my_score": 1.0})
        verdict = compare(lone, against=f"run:{base}").verdict
        assert (verdict.outcome, verdict.reason, verdict.exit_code) == (Outcome.NOT_COMPARABLE, "no_metric_judged", 4)

    def test_an_unknown_run(self, compare):
        with pytest.raises(RunNotFound):
            compare("nonsense")

    def test_a_store_that_fails(self, compare, store):
        store.fail = lambda method: StoreError("memory://", "is down") if method == "list_model_versions" else None
        with pytest.raises(StoreError, match="is down"):
            compare("staging")

    def test_requests_and_answers_travel_between_processes(self, compare):
        found = compare("worse")
        assert pickle.loads(pickle.dumps(found)) == found

    def test_the_demo_policy_is_valid_and_judges(self, compare, pytestconfig):
        path = pytestconfig.rootpath / "demo" / "mlaudit.toml"
        if not path.exists():
            pytest.skip("no demo in this tree")
        demo = load_policies(str(path))
        assert "fraud-detector" in demo.models
        assert compare("worse", demo).verdict.outcome is Outcome.REGRESSION


class TestSelect:
    """last, best and step:n."""

    def judge(self, store, select, candidate, baseline, direction=Direction.LOWER):
        runs = [store.add_run("3", metrics={"score": values}, tags={"dataset_version": "1"}) for values in
                (candidate, baseline)]  # fmt: skip
        rule = MetricRule("score", Role.PRIMARY, direction, max_rel_regression=0.05, select=select)
        only = Policies("p", "0" * 64, {"m": policy(metrics=(rule,), model="m")})
        verdict = compare_run(store, only, CompareRun(runs[0], "m", f"run:{runs[1]}")).verdict
        return verdict, verdict.metrics[0]

    def test_last_is_the_greatest_step(self, store):
        _, metric = self.judge(store, "last", [(9, 1, 0.3), (1, 9, 0.1)], [0.3])
        assert metric.candidate == 0.3

    @pytest.mark.parametrize(("direction", "best"), [(Direction.LOWER, 0.1), (Direction.HIGHER, 0.9)])
    def test_best(self, store, direction, best):
        _, metric = self.judge(store, "best", [0.5, 0.1, 0.9, 0.5], [0.5], direction)
        assert metric.candidate == best

    def test_best_of_finite_values_says_that_there_were_others(self, store):
        verdict, metric = self.judge(store, "best", [0.5, math.nan, math.inf], [0.5])
        assert (metric.candidate, metric.outcome) == (0.5, Outcome.PASS)
        assert any("finite values only" in w for w in verdict.warnings)
        verdict, metric = self.judge(store, "best", [math.nan, math.nan], [0.5])
        assert metric.reason == "candidate_non_finite"

    def test_step(self, store):
        _, metric = self.judge(store, "step:1", [0.5, 0.2, 0.4], [0.5, 0.2])
        assert metric.candidate == 0.2
        _, repeated = self.judge(store, "step:0", [(0, 1, 0.7), (0, 2, 0.6)], [0.6])
        assert repeated.candidate == 0.6
        verdict, missing = self.judge(store, "step:7", [0.5], [0.5] * 9)
        assert missing.reason == "candidate_missing"
        assert any("no score at step 7" in w for w in verdict.warnings)

    def test_a_sampled_history_is_not_judged(self, store, monkeypatch):
        sampled = MetricHistory("r", "score", sampled=True)
        monkeypatch.setattr(store, "metric_history", lambda run_id, key: sampled)
        with pytest.raises(StoreError, match="sample"):
            self.judge(store, "best", [0.5], [0.5])

    def test_a_key_that_cleaning_changed_is_asked_for_by_its_raw_form(self, store):
        asked = []
        real = store.metric_history
        store.metric_history = lambda run_id, key: (asked.append(key), real(run_id, key))[1]
        rule = MetricRule("lr␛[31m", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05, select="best")
        only = Policies("p", "0" * 64, {"m": policy(metrics=(rule,), model="m")})
        found = compare_run(store, only, CompareRun(SAMPLE["hostile"], "m", f"run:{SAMPLE['hostile']}"))
        assert asked == [HOSTILE_KEY]
        assert found.verdict.metrics[0].candidate == 1.0
