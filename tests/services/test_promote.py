"""Plan, confirm, act, read back: nothing is sent twice, and the outcome is what the registry says."""

from __future__ import annotations

import pickle
import shlex
from dataclasses import replace

import pytest

from mlaudit.config.policy import Policies
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import (
    EvidenceError,
    ModelNotFound,
    MultipleBaselines,
    NotConfirmed,
    NothingToRegister,
    PromotionAborted,
    PromotionConflict,
    PromotionUnfinished,
    ReadOnly,
    RunDeleted,
    StalePlan,
    StoreError,
    StoreLocked,
    StoreUnavailable,
    UsageError,
    VersionNotFound,
)
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, Outcome, Role
from mlaudit.domain.models import Stage
from mlaudit.domain.promotion import Event
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.compare import CompareRun, compare_run
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.wiring import Services
from tests.plugins.fake_world import FakeClock, fake_surroundings
from tests.plugins.sample_store import MODEL, SAMPLE, SECOND_MODEL, build_sample_gateway

NONE = Policies()
RULE = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
BOTH = Policies(
    "p", "2" * 64, {MODEL: GatePolicy(metrics=(RULE,), model=MODEL, baselines=("stage:Production", "alias:champion"))}
)
"""A policy that names the stage and an alias."""


@pytest.fixture
def store() -> MemoryGateway:
    return build_sample_gateway()


def plan(store, nickname="better", model=None, policies=NONE, to="Production"):
    return plan_promotion(store, policies, PlanPromotion(SAMPLE.get(nickname, nickname), model, to))


def execute(store, a_plan, reason="", policies=NONE, override=None):
    request = ExecutePromotion(a_plan, reason, bool(reason) if override is None else override)
    return execute_promotion(store, policies, fake_surroundings(), request)


def moves(store):
    """The writes that change what is where; the intent, the record and the tags that point at it left out."""
    return [w for w in store.writes if w.split()[0] in {"create_model", "create_version", "transition", "set_alias"}]


def intents(store, model=MODEL):
    return [tag for tag in store.model_tags(model) if tag.startswith("mlaudit.intent.")]


def champion(store, model=MODEL):
    return next(v.version for v in store.list_model_versions(model) if "champion" in v.aliases)


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

    @pytest.mark.parametrize("to", ["Production", "Staging", "alias:next"])
    def test_a_version_whose_artifacts_are_gone_goes_nowhere_it_would_be_served(self, store, to):
        store.add_version(MODEL, SAMPLE["better"])
        run = store._runs[SAMPLE["better"]]
        run.artifacts = {n: c for n, c in run.artifacts.items() if not n.startswith("model/")}
        for subject in ("better", f"models:/{MODEL}/4"):
            with pytest.raises(UsageError, match=f"the artifacts of version 4 of {MODEL} are gone"):
                plan(store, subject, to=to)
        assert plan(store, "better", to="Archived").version == "4"

    def test_artifacts_that_go_after_the_plan_was_made_stop_it(self, store):
        store.add_version(MODEL, SAMPLE["better"])
        agreed = plan(store)
        store._runs[SAMPLE["better"]].artifacts = {}
        with pytest.raises(StalePlan, match=r"the artifacts of version 4 .* are gone"):
            execute(store, agreed)
        assert moves(store) == []

    def test_artifacts_that_cannot_be_looked_at_are_said(self, store, monkeypatch):
        monkeypatch.setattr(store, "version_files", lambda model, version: None)
        said = "whether the artifacts of version 3 are still there could not be checked"
        assert said in plan(store, "staging").warnings
        assert plan(store, "staging", to="Archived").warnings == ()

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
        assert (found.outcome, found.reason, found.exit_code) == (verdict.outcome, verdict.reason, verdict.exit_code)
        assert found.needs_typed_name is (verdict.exit_code != 0)

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
        for to in ("Production", "Staging"):
            with pytest.raises(RunDeleted, match=f"mlflow runs restore --run-id {SAMPLE['deleted']}"):
                plan(store, "deleted", to=to)
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
        assert plan(store, "worse").command.endswith("--override --reason WHY")
        assert "--to Staging" in plan(store, to="Staging").command
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
        ids.add(plan(store, to="alias:champion").plan_id)
        rules = Policies("p", "1" * 64, {MODEL: GatePolicy(metrics=(RULE,), model=MODEL, path="p", sha256="1" * 64)})
        ids.add(plan(store, policies=rules).plan_id)
        store.transition(MODEL, "3", Stage.NONE, archive_existing=False)
        ids.add(plan(store).plan_id)
        assert len(ids) == 8

    def test_its_command_names_the_policy_that_was_named(self, store):
        """One that was found from the working directory is found from there again."""
        assert "--policy" not in plan(store, policies=Policies("/team/mlaudit.toml", "1" * 64)).command
        named = plan(store, policies=Policies("our rules.toml", "1" * 64, named=True))
        assert named.command.endswith("--policy 'our rules.toml' --yes")

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
        assert moves(store) == [f"create_version {MODEL} 4", f"transition {MODEL} 4 Production"]
        assert not any(tag.startswith("mlaudit.intent.") for tag in store.model_tags(MODEL))

    def test_an_existing_version_is_not_registered_again(self, store):
        outcome = execute(store, plan(store, "staging"))
        assert (outcome.version.version, outcome.registered) == ("3", False)
        assert moves(store) == [f"transition {MODEL} 3 Production"]

    def test_what_the_gate_does_not_let_through_needs_an_override_and_a_reason(self, store):
        bad = plan(store, "worse")
        for reason, override in (("", False), ("", True), ("   ", True), ("because", False)):
            with pytest.raises(NotConfirmed, match="REGRESSION"):
                execute(store, bad, reason, override=override)
        assert store.writes == []
        assert execute(store, bad, "because").version.run_id == SAMPLE["worse"]

    def test_what_the_policy_lets_through_needs_none(self, store):
        rules = Policies("p", "1" * 64, {SECOND_MODEL: GatePolicy(model=SECOND_MODEL, first_promotion="allow")})
        found = plan(store, "churn", policies=rules)
        assert (found.outcome, found.passes) == (Outcome.NO_BASELINE, True)
        assert execute(store, found, policies=rules).version.version == "1"

    def test_a_first_promotion_archives_nothing(self, store):
        outcome = execute(store, plan(store, "churn"), "the first")
        assert (outcome.version.version, outcome.archived) == ("1", ())

    def test_a_model_that_only_the_policy_knows_is_made(self, store):
        rules = Policies("p", "1" * 64, {"new": GatePolicy(metrics=(RULE,), model="new")})
        found = plan(store, model="new", policies=rules)
        outcome = execute(store, found, "the first", rules)
        assert (outcome.model, outcome.version.version) == ("new", "1")

    def test_a_store_that_must_not_be_written(self):
        store = build_sample_gateway()
        found = plan(store)
        store._info = MemoryGateway(writable=False).describe()
        with pytest.raises(ReadOnly):
            execute(store, found)
        assert store.writes == []


class TestTargets:
    """Other stages, aliases, registered versions."""

    def test_stage_and_alias_move_together_the_alias_last(self, store):
        found = plan(store, "staging", policies=BOTH)
        assert found.aliases == ("champion",)
        outcome = execute(store, found, policies=BOTH)
        assert moves(store) == [f"transition {MODEL} 3 Production", f"set_alias {MODEL} champion 3"]
        assert (outcome.aliases, champion(store)) == (("champion",), "3")

    def test_an_alias_alone(self, store):
        outcome = execute(store, plan(store, "staging", to="alias:champion"))
        assert moves(store) == [f"set_alias {MODEL} champion 3"]
        assert (outcome.version.stage, stages(store)["2"]) == (Stage.STAGING, "Production")

    @pytest.mark.parametrize("to", ["staging", "Staging"])
    def test_staging_archives_nobody(self, store, to):
        outcome = execute(store, plan(store, to=to))
        assert (outcome.version.version, outcome.archived) == ("4", ())
        assert [v for v, s in stages(store).items() if s == "Staging"] == ["4", "3"]

    def test_archiving_is_not_judged(self, store):
        found = plan(store, f"models:/{MODEL}/2", to="Archived")
        assert (found.outcome, found.passes, found.event) == (None, True, Event.MOVE)
        assert any("nothing takes its place" in w for w in found.warnings)
        execute(store, found)
        assert stages(store)["2"] == "Archived"

    def test_one_of_two_in_production_can_be_archived(self, store):
        store.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        execute(store, plan(store, f"models:/{MODEL}/4", to="Archived"))
        assert stages(store)["4"] == "Archived"

    def test_a_version_by_its_uri_even_if_the_run_has_a_newer_one(self, store):
        store.add_version(MODEL, SAMPLE["staging"])
        found = plan(store, f"models:/{MODEL}/3")
        assert (found.version, found.run_id) == ("3", SAMPLE["staging"])
        assert execute(store, found).version.version == "3"

    @pytest.mark.parametrize(
        ("subject", "model", "to", "error"),
        [
            (f"models:/{MODEL}/99", None, "Production", VersionNotFound),
            ("models:/nobody/1", None, "Production", ModelNotFound),
            (f"models:/{MODEL}", None, "Production", UsageError),
            (f"models:/{MODEL}/Staging", None, "Production", UsageError),
            (f"models:/{MODEL}/3", SECOND_MODEL, "Production", UsageError),
            (f"models:/{MODEL}/3", None, "alias:v1", UsageError),
            (f"models:/{MODEL}/3", None, "alias:latest", UsageError),
            (f"models:/{MODEL}/3", None, "alias:Latest", UsageError),
            (f"models:/{MODEL}/3", None, "alias:challenger", UsageError),
            (f"models:/{MODEL}/3", None, "None", UsageError),
            ("better", None, "Archived", UsageError),
        ],
    )
    def test_what_cannot_be_meant(self, store, subject, model, to, error):
        with pytest.raises(error):
            plan(store, subject, model, to=to)

    def test_a_version_whose_run_is_gone(self, store):
        store.add_version(MODEL, "f" * 32)
        with pytest.raises(UsageError, match="which is gone"):
            plan(store, f"models:/{MODEL}/4", to="Archived")


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
            (lambda s: s.delete_run(SAMPLE["better"]), "is deleted"),
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
        assert moves(store) == [f"create_version {MODEL} 4", f"transition {MODEL} 4 Production"]

    def test_a_registration_that_was_not_done(self, store, monkeypatch):
        found = plan(store)
        lose_answer(store, monkeypatch, "create_version", done=False)
        with pytest.raises(StoreUnavailable, match="connection reset"):
            execute(store, found)
        assert store.writes.count("create_version sent") == 1
        assert moves(store) == ["create_version sent"]
        assert stages(store)["2"] == "Production"
        assert intents(store) == []

    def test_a_registration_that_nobody_can_look_up(self, store, monkeypatch):
        found = plan(store)
        lose_answer(store, monkeypatch, "create_version", done=True)
        gone = StoreUnavailable("memory://", "down")
        store.fail = lambda m: gone if m == "list_model_versions" and moves(store) else None
        with pytest.raises(PromotionConflict, match="not known whether a version was registered"):
            execute(store, found)
        assert moves(store) == [f"create_version {MODEL} 4"]

    def test_a_transition_that_was_done(self, store, monkeypatch):
        found = plan(store, "staging")
        lose_answer(store, monkeypatch, "transition", done=True)
        outcome = execute(store, found)
        assert outcome.version.version == "3"
        assert any("answer was lost" in w for w in outcome.warnings)
        assert moves(store) == [f"transition {MODEL} 3 Production"]
        assert intents(store) == []

    def test_a_transition_that_may_still_come_to_be_done(self, store, monkeypatch):
        """The registry shows that it was not done, yet: nobody else may act before that is certain."""
        found = plan(store, "staging")
        lose_answer(store, monkeypatch, "transition", done=False)
        with pytest.raises(PromotionUnfinished, match="connection reset; version 3 is not in Production"):
            execute(store, found)
        assert moves(store) == ["transition sent"]
        assert len(intents(store)) == 1

    def test_a_transition_that_the_store_refused(self, store, monkeypatch):
        """A locked database did nothing, and nothing stays behind."""
        found = plan(store, "staging")
        store.fail = lambda m: StoreLocked("memory://", "database is locked") if m == "transition" else None
        with pytest.raises(StoreLocked):
            execute(store, found)
        assert (moves(store), intents(store)) == ([], [])
        found = plan(store)
        with pytest.raises(PromotionConflict, match="version 4 was registered but not promoted: database is locked"):
            execute(store, found)
        assert (stages(store)["4"], intents(store)) == ("None", [])

    def test_a_transition_that_nobody_can_look_up(self, store):
        found = plan(store, "staging")
        gone = StoreUnavailable("memory://", "down")
        store.fail = lambda m: gone if m == "list_model_versions" and moves(store) else None
        with pytest.raises(PromotionUnfinished, match="could not be read back"):
            execute(store, found)
        assert len(intents(store)) == 1

    @pytest.mark.parametrize(
        "method", ["set_model_tag", "write_artifact", "set_version_tag", "delete_model_tag", "set_alias"]
    )
    def test_every_other_write_whose_answer_is_lost_was_done_once(self, store, method):
        found = plan(store, "staging", policies=BOTH)
        store.lose = lambda m: StoreUnavailable("memory://", "connection reset") if m == method else None
        execute(store, found, policies=BOTH)
        assert len(set(store.writes)) == len(store.writes)
        assert (stages(store)["3"], intents(store)) == ("Production", [])
        assert champion(store) == "3"

    @pytest.mark.parametrize("method", ["set_alias", "set_version_tag"])
    def test_what_fails_after_the_stage_has_moved_leaves_the_intent(self, store, method):
        found = plan(store, "staging", policies=BOTH)
        store.fail = lambda m: StoreUnavailable("memory://", "down") if m == method else None
        with pytest.raises(PromotionUnfinished, match=f"mlaudit recover {MODEL}$"):
            execute(store, found, policies=BOTH)
        assert (stages(store)["3"], len(intents(store))) == ("Production", 1)

    @pytest.mark.parametrize(
        "gone", [VersionNotFound(MODEL, "version 3"), ModelNotFound(MODEL)], ids=["version", "model"]
    )
    def test_a_version_that_is_deleted_after_the_stage_has_moved(self, store, gone):
        found = plan(store, "staging")
        store.fail = lambda m: gone if m == "set_version_tag" else None
        with pytest.raises(PromotionUnfinished, match="version 3 is moved, and its record is not in the history yet"):
            execute(store, found)
        assert len(intents(store)) == 1

    def test_a_run_that_cannot_take_a_record_is_refused_before_anything_is_asked(self, store):
        store.obstacles[SAMPLE["better"]] = "its folder is a place of another machine"
        with pytest.raises(EvidenceError, match="the record could not be kept: its folder is a place of another mach"):
            plan(store)
        assert store.writes == []

    def test_a_record_that_cannot_be_written_keeps_everything_as_it_is(self, store):
        found = plan(store, "staging")
        store.fail = lambda m: StoreUnavailable("memory://", "no space") if m == "write_artifact" else None
        with pytest.raises(StoreUnavailable, match="no space"):
            execute(store, found)
        assert (moves(store), intents(store), stages(store)["2"]) == ([], [], "Production")

    def test_a_version_that_was_registered_for_nothing_is_said(self, store):
        found = plan(store)
        store.fail = lambda m: StoreUnavailable("memory://", "no space") if m == "write_artifact" else None
        with pytest.raises(PromotionConflict, match=r"version 4 was registered but not promoted: .*no space"):
            execute(store, found)
        assert (stages(store)["4"], stages(store)["2"], intents(store)) == ("None", "Production", [])

    def test_and_so_it_is_when_its_alias_could_not_be_set(self, store):
        found = plan(store, to="alias:champion")
        store.fail = lambda m: StoreLocked("memory://", "database is locked") if m == "set_alias" else None
        with pytest.raises(PromotionConflict, match=r"version 4 was registered, and alias champion not moved.*locked"):
            execute(store, found)
        assert (champion(store), intents(store)) == ("2", [])

    @pytest.mark.parametrize("slow", ["list_model_versions", "write_artifact"])
    def test_who_is_too_slow_registers_nothing_or_says_that_he_did(self, store, monkeypatch, slow):
        found, clock = plan(store), FakeClock()
        real = getattr(store, slow)

        def late(*args, **kwargs):
            clock.seconds += 40.0 if intents(store) else 0.0
            return real(*args, **kwargs)

        monkeypatch.setattr(store, slow, late)
        error = PromotionAborted if slow == "list_model_versions" else PromotionConflict
        with pytest.raises(error, match="somebody else may take it for dead") as caught:
            execute_promotion(store, NONE, fake_surroundings(clock), ExecutePromotion(found))
        assert ("4" in stages(store)) is ("nothing was changed" not in str(caught.value))
        assert ("4" in stages(store)) is (slow == "write_artifact")

    @pytest.mark.parametrize("refused", ["write_artifact", "transition"])
    def test_an_intent_that_is_left_when_nothing_was_moved_is_said(self, store, refused):
        found = plan(store, "staging")
        store.fail = lambda m: StoreLocked("memory://", "locked") if m in {refused, "delete_model_tag"} else None
        with pytest.raises(PromotionUnfinished, match=r"nothing was moved: .*locked.*could not be deleted"):
            execute(store, found)
        assert (moves(store), len(intents(store))) == ([], 1)

    @pytest.mark.parametrize(
        ("reason", "said"),
        [("x" * 4_000_000, "4,000,000 are read back"), ("\U0001f680" * 400, "use a shorter reason")],
        ids=["record", "pointer"],
    )
    def test_a_record_that_could_not_be_read_or_pointed_at_afterwards(self, store, reason, said):
        """Both are longer as JSON than what is read of a record, or kept of a tag."""
        found = plan(store, "staging")
        request = ExecutePromotion(found, reason)
        with pytest.raises(EvidenceError, match=said):
            execute_promotion(store, NONE, fake_surroundings(user="\U0001f680" * 60), request)
        assert (moves(store), intents(store), stages(store)["2"]) == ([], [], "Production")
        assert not any(w.startswith("write_artifact") for w in store.writes)

    def test_an_intent_that_cannot_be_deleted_is_said(self, store):
        found = plan(store, "staging")
        store.fail = lambda m: StoreLocked("memory://", "locked") if m == "delete_model_tag" else None
        assert any("could not be deleted" in w for w in execute(store, found).warnings)

    def test_errors_before_any_write_are_the_stores_own(self, store):
        found = plan(store)
        store.fail = lambda m: StoreError("memory://", "is down") if m == "list_model_versions" else None
        with pytest.raises(StoreError, match="is down"):
            execute(store, found)
        assert store.writes == []


class TestConflicts:
    """Somebody who bypasses mlaudit acts between the recheck and the read-back."""

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
        assert "version 3 is back in Staging" in str(caught.value)
        assert stages(store) == {"3": "Staging", "2": "Archived", "1": "Production"}, (
            "theirs stands, only ours went back"
        )
        assert intents(store) == []
        assert not any(t.startswith("mlaudit.evidence.") for v in store.list_model_versions(MODEL) for t in v.tags)

    @pytest.mark.parametrize(
        ("error", "certain"),
        [(StoreUnavailable("memory://", "connection reset"), False), (StoreLocked("memory://", "locked"), True)],
    )
    def test_a_stage_that_may_still_be_put_back_later(self, store, monkeypatch, error, certain):
        """Nobody else may act before that is settled; what the store refused comes to nothing."""
        found, calls = plan(store, "staging"), []
        real = store.transition

        def raced(*args, **kwargs):
            calls.append(args)
            if len(calls) > 1:
                raise error
            answer = real(*args, **kwargs)
            real(MODEL, "1", Stage.PRODUCTION, archive_existing=False)
            return answer

        monkeypatch.setattr(store, "transition", raced)
        with pytest.raises(PromotionConflict if certain else PromotionUnfinished, match="version 3 is in Production"):
            execute(store, found)
        assert (len(calls), len(intents(store))) == (2, 0 if certain else 1)

    def test_a_lost_transition_of_a_version_that_somebody_moved(self, store, monkeypatch):
        """It is not where it was, nor where it was to go: that may still come."""
        found, calls = plan(store, "staging"), []
        real = store.transition

        def lost(*args, **kwargs):
            calls.append(args)
            if len(calls) > 1:
                return real(*args, **kwargs)
            real(MODEL, "3", Stage.ARCHIVED, archive_existing=False)
            raise StoreUnavailable("memory://", "connection reset")

        monkeypatch.setattr(store, "transition", lost)
        with pytest.raises(PromotionUnfinished, match="in Production now: 2"):
            execute(store, found)
        assert len(intents(store)) == 1

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
