"""Plan, confirm, act, read back: nothing is sent twice, and the outcome is what the registry says."""

from __future__ import annotations

import pickle
import shlex
from dataclasses import replace

import pytest

from mlaudit.config.policy import Policies
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import (
    ModelNotFound,
    MultipleBaselines,
    NotConfirmed,
    NothingToRegister,
    PromotionConflict,
    ReadOnly,
    StalePlan,
    StoreError,
    StoreUnavailable,
    UsageError,
)
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, Outcome, Role
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.compare import CompareRun, compare_run
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.wiring import Services
from tests.plugins.sample_store import MODEL, SAMPLE, SECOND_MODEL, build_sample_gateway

NONE = Policies()
RULE = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)


@pytest.fixture
def store() -> MemoryGateway:
    return build_sample_gateway()


def plan(store, nickname="better", model=None, policies=NONE):
    return plan_promotion(store, policies, PlanPromotion(SAMPLE[nickname], model))


def execute(store, a_plan, typed="", policies=NONE):
    return execute_promotion(store, policies, ExecutePromotion(a_plan, typed))


def stages(store, model=MODEL):
    return {v.version: str(v.stage) for v in store.list_model_versions(model)}


def lose_answer(store, monkeypatch, method, *, done):
    """Let the answer of a write be lost, after it was done or before."""
    real = getattr(store, method)

    def lost(*args, **kwargs):
        if done:
            real(*args, **kwargs)
        else:
            store.writes.append(f"{method} sent")
        raise StoreUnavailable("memory://", "connection reset")

    monkeypatch.setattr(store, method, lost)


class TestPlan:
    """What would be done."""

    def test_a_run_without_a_version_is_registered_first(self, store):
        found = plan(store)
        assert (found.model, found.version, found.previous.version) == (MODEL, None, "2")
        assert found.source == store.model_sources(SAMPLE["better"])[0]
        assert found.outcome is Outcome.PASS
        assert not found.needs_typed_name
        assert found.observed == tuple((v.version, v.stage, v.last_updated) for v in store.list_model_versions(MODEL))
        assert store.writes == []

    def test_the_newest_version_of_the_run_is_taken(self, store):
        assert plan(store, "staging").version == "3"
        store.add_version(MODEL, SAMPLE["staging"])
        found = plan(store, "staging")
        assert (found.version, found.source) == ("4", None)

    def test_a_version_whose_registration_failed_is_passed_over(self, store):
        number = store.add_version(MODEL, SAMPLE["staging"])
        versions = store._models[MODEL].versions
        versions[number] = replace(versions[number], status="FAILED_REGISTRATION")
        assert plan(store, "staging").version == "3"

    def test_the_newest_logged_model_is_registered(self, store):
        newest = store.add_logged_model(SAMPLE["better"], "second")
        assert plan(store).source.source == f"models:/{newest}"

    @pytest.mark.parametrize("nickname", ["worse", "diverged", "running", "markup"])
    def test_the_verdict_is_that_of_diff(self, store, nickname):
        if nickname == "running":
            store.add_logged_model(SAMPLE[nickname])
        found = plan(store, nickname)
        verdict = compare_run(store, NONE, CompareRun(SAMPLE[nickname])).verdict
        assert (found.outcome, found.reason) == (verdict.outcome, verdict.reason)
        assert found.needs_typed_name is (verdict.outcome is not Outcome.PASS)

    def test_a_first_promotion(self, store):
        found = plan(store, "churn")
        assert (found.model, found.previous, found.outcome) == (SECOND_MODEL, None, Outcome.NO_BASELINE)
        assert found.needs_typed_name

    def test_what_cannot_be_planned(self, store):
        with pytest.raises(NothingToRegister):
            plan(store, "nomodel")
        with pytest.raises(UsageError, match="version 2 of fraud-detector, made by this run, is in Production already"):
            plan(store, "production")
        with pytest.raises(ModelNotFound):
            plan(store, model="typo")
        store.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        with pytest.raises(MultipleBaselines, match="4, 2"):
            plan(store)
        newest = GatePolicy(metrics=(RULE,), model=MODEL, on_multiple_baselines="newest")
        with pytest.raises(MultipleBaselines, match="4, 2"):
            plan(store, policies=Policies("p", "0" * 64, {MODEL: newest}))

    def test_the_command_does_the_same(self, store):
        words = shlex.split(plan(store).command)
        expected = ["mlaudit", "--tracking-uri", "memory://", "promote", SAMPLE["better"], "--model", MODEL, "--yes"]
        assert words == expected
        assert "--yes" not in plan(store, "worse").command
        store.add_version("it's; rm -rf /", SAMPLE["better"])
        assert shlex.split(plan(store, model="it's; rm -rf /").command)[6] == "it's; rm -rf /"

    def test_the_same_state_gives_the_same_id_and_another_another(self, store):
        first = plan(store)
        assert plan(store) == first
        assert len(first.plan_id) == 64
        ids = {first.plan_id, plan(store, "worse").plan_id, plan(store, model=SECOND_MODEL).plan_id}
        store.set_alias(MODEL, "champion", "3")
        ids.add(plan(store).plan_id)
        store.log_metric(SAMPLE["better"], "val_loss", 0.2, 99)
        ids.add(plan(store).plan_id)
        rules = Policies("p", "1" * 64, {MODEL: GatePolicy(metrics=(RULE,), model=MODEL, path="p", sha256="1" * 64)})
        ids.add(plan(store, policies=rules).plan_id)
        store.transition(MODEL, "3", Stage.NONE, archive_existing=False)
        ids.add(plan(store).plan_id)
        assert len(ids) == 7

    def test_a_plan_travels_between_processes(self, store):
        found = plan(store)
        assert pickle.loads(pickle.dumps(found)) == found


class TestExecute:
    """Doing it."""

    def test_register_promote_archive_read_back(self, store):
        outcome = execute(store, plan(store))
        assert (outcome.model, outcome.version.version, outcome.version.stage) == (MODEL, "4", Stage.PRODUCTION)
        assert outcome.version.run_id == SAMPLE["better"]
        assert outcome.registered
        assert [(v.version, v.stage) for v in outcome.archived] == [("2", Stage.ARCHIVED)]
        assert outcome.warnings == ()
        assert stages(store) == {"4": "Production", "3": "Staging", "2": "Archived", "1": "Archived"}
        assert store.writes == [f"create_version {MODEL} 4", f"transition {MODEL} 4 Production"]

    def test_an_existing_version_is_not_registered_again(self, store):
        outcome = execute(store, plan(store, "staging"))
        assert (outcome.version.version, outcome.registered) == ("3", False)
        assert store.writes == [f"transition {MODEL} 3 Production"]

    def test_the_name_must_be_typed_when_the_verdict_is_not_pass(self, store):
        bad = plan(store, "worse")
        for typed in ("", "yes", MODEL.upper(), MODEL + " "):
            with pytest.raises(NotConfirmed, match="REGRESSION"):
                execute(store, bad, typed)
        assert store.writes == []
        assert execute(store, bad, MODEL).version.run_id == SAMPLE["worse"]

    def test_a_first_promotion_archives_nothing(self, store):
        outcome = execute(store, plan(store, "churn"), SECOND_MODEL)
        assert (outcome.version.version, outcome.archived) == ("1", ())

    def test_a_model_that_only_the_policy_knows_is_made(self, store):
        rules = Policies("p", "1" * 64, {"new": GatePolicy(metrics=(RULE,), model="new")})
        found = plan(store, model="new", policies=rules)
        outcome = execute(store, found, "new", rules)
        assert (outcome.model, outcome.version.version) == ("new", "1")

    def test_a_store_that_must_not_be_written(self):
        store = build_sample_gateway()
        found = plan(store)
        store._info = MemoryGateway(writable=False).describe()
        with pytest.raises(ReadOnly):
            execute(store, found)
        assert store.writes == []


class TestStale:
    """The registry, the run or the policy moved after the plan: nothing is changed."""

    @pytest.mark.parametrize(
        ("move", "said"),
        [
            (lambda s: s.add_version(MODEL, SAMPLE["noise"]), "version 4 was registered"),
            (
                lambda s: s.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=True),
                "version 2 went from Production to Archived",
            ),
            (lambda s: s.set_alias(MODEL, "champion", "3"), "alias"),
            (lambda s: s.log_metric(SAMPLE["better"], "val_loss", 9.0, 99), "from PASS to REGRESSION"),
            (lambda s: s.delete_run(SAMPLE["better"]), "no run"),
            (lambda s: s.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION), "2 versions in Production"),
            (lambda s: s.transition(MODEL, "2", Stage.PRODUCTION, archive_existing=True), "a version was updated"),
        ],
    )
    def test_moves(self, store, move, said):
        found = plan(store)
        move(store)
        store.writes.clear()
        with pytest.raises(StalePlan, match=said) as caught:
            execute(store, found)
        assert store.writes == []
        assert caught.value.exit_code == 5
        assert "nothing was changed" in str(caught.value)

    def test_another_policy(self, store):
        found = plan(store)
        rules = Policies("p", "1" * 64, {MODEL: GatePolicy(metrics=(RULE,), model=MODEL, path="p", sha256="1" * 64)})
        with pytest.raises(StalePlan, match="policy"):
            execute(store, found, policies=rules)

    def test_a_plan_is_used_once(self, store):
        found = plan(store)
        execute(store, found)
        with pytest.raises(StalePlan, match="already"):
            execute(store, found)


class TestLostAnswers:
    """A write whose answer is lost is looked up, never sent again."""

    def test_a_registration_that_was_done(self, store, monkeypatch):
        found = plan(store)
        lose_answer(store, monkeypatch, "create_version", done=True)
        outcome = execute(store, found)
        assert outcome.version.version == "4"
        assert any("version 4 was registered" in w for w in outcome.warnings)
        assert store.writes == [f"create_version {MODEL} 4", f"transition {MODEL} 4 Production"]

    def test_a_registration_that_was_not_done(self, store, monkeypatch):
        found = plan(store)
        lose_answer(store, monkeypatch, "create_version", done=False)
        with pytest.raises(StoreUnavailable, match="connection reset"):
            execute(store, found)
        assert store.writes == ["create_version sent"]
        assert stages(store)["2"] == "Production"

    def test_a_registration_that_nobody_can_look_up(self, store, monkeypatch):
        found = plan(store)
        lose_answer(store, monkeypatch, "create_version", done=True)
        gone = StoreUnavailable("memory://", "down")
        store.fail = lambda m: gone if m == "list_model_versions" and store.writes else None
        with pytest.raises(PromotionConflict, match="not known whether a version was registered"):
            execute(store, found)
        assert store.writes == [f"create_version {MODEL} 4"]

    def test_a_transition_that_was_done(self, store, monkeypatch):
        found = plan(store, "staging")
        lose_answer(store, monkeypatch, "transition", done=True)
        outcome = execute(store, found)
        assert outcome.version.version == "3"
        assert any("answer was lost" in w for w in outcome.warnings)
        assert store.writes == [f"transition {MODEL} 3 Production"]

    def test_a_transition_that_was_not_done(self, store, monkeypatch):
        found = plan(store, "staging")
        lose_answer(store, monkeypatch, "transition", done=False)
        with pytest.raises(StoreUnavailable, match="connection reset"):
            execute(store, found)
        assert store.writes == ["transition sent"]

    def test_a_transition_that_was_not_done_after_a_registration(self, store, monkeypatch):
        found = plan(store)
        lose_answer(store, monkeypatch, "transition", done=False)
        with pytest.raises(PromotionConflict, match="version 4 was registered but not promoted: connection reset"):
            execute(store, found)
        assert stages(store)["4"] == "None"

    def test_a_transition_that_nobody_can_look_up(self, store, monkeypatch):
        found = plan(store, "staging")
        gone = StoreUnavailable("memory://", "down")
        store.fail = lambda m: gone if m == "list_model_versions" and store.writes else None
        with pytest.raises(PromotionConflict, match="could not be read back"):
            execute(store, found)

    def test_errors_before_any_write_are_the_stores_own(self, store):
        found = plan(store)
        store.fail = lambda m: StoreError("memory://", "is down") if m == "list_model_versions" else None
        with pytest.raises(StoreError, match="is down"):
            execute(store, found)
        assert store.writes == []


class TestConflicts:
    """Somebody else acts between the recheck and the read-back."""

    @pytest.mark.parametrize("archive", [True, False])
    def test_another_client_promotes_too(self, store, monkeypatch, archive):
        found = plan(store, "staging")
        real = store.transition

        def raced(*args, **kwargs):
            answer = real(*args, **kwargs)
            real(MODEL, "1", Stage.PRODUCTION, archive_existing=archive)
            return answer

        monkeypatch.setattr(store, "transition", raced)
        there = "1" if archive else "3, 1"
        with pytest.raises(PromotionConflict, match=f"asked for version 3, in Production now: {there}") as caught:
            execute(store, found)
        assert caught.value.exit_code == 5

    def test_a_transition_that_does_nothing(self, store, monkeypatch):
        found = plan(store, "staging")
        monkeypatch.setattr(store, "transition", lambda *a, **k: None)
        with pytest.raises(PromotionConflict, match="in Production now: 2"):
            execute(store, found)


class TestWiring:
    """The services answer these requests."""

    def test_the_whole_path(self, store, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        services = Services(Settings(), open_gateway=lambda: store)
        assert services.handle(CompareRun(SAMPLE["better"])).verdict.outcome is Outcome.PASS
        found = services.handle(PlanPromotion(SAMPLE["better"]))
        # The policy is read anew for each judgement.
        rule = f'[[model.{MODEL}.metric]]\nname = "val_loss"\ndirection = "lower"\nupper_bound = 0.1\n'
        (tmp_path / "mlaudit.toml").write_text(f"schema = 1\n{rule}")
        assert services.handle(CompareRun(SAMPLE["better"])).verdict.reason == "above_upper_bound"
        with pytest.raises(StalePlan):
            services.handle(ExecutePromotion(found))
        (tmp_path / "mlaudit.toml").unlink()
        assert services.handle(ExecutePromotion(found)).version.version == "4"

    def test_read_only_refuses_to_write_and_still_plans(self, store):
        services = Services(Settings(read_only=True), open_gateway=lambda: store)
        found = services.handle(PlanPromotion(SAMPLE["better"]))
        with pytest.raises(ReadOnly):
            services.handle(ExecutePromotion(found))
        assert store.writes == []
