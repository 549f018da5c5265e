"""Taking an alias off a version goes the way of every other change: plan, intent, read back, record."""

from __future__ import annotations

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import PromotionUnfinished, StalePlan, StoreLocked, StoreUnavailable, UsageError
from mlaudit.domain.gate import GatePolicy
from mlaudit.domain.intent import Intent, recovery_of
from mlaudit.domain.models import Stage
from mlaudit.domain.promotion import Event, Target
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.audit_trail import read_history
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.services.recovery import InspectIntents, RecoverIntents, inspect_intents, recover_intents
from tests.plugins.fake_world import fake_surroundings
from tests.plugins.sample_store import MODEL, SAMPLE, build_sample_gateway

VERSION = f"models:/{MODEL}/2"


@pytest.fixture
def store() -> MemoryGateway:
    return build_sample_gateway()


def plan(store, subject=VERSION, to="unalias:champion", policies=Policies()):  # noqa: B008 - it is frozen
    return plan_promotion(store, policies, PlanPromotion(subject, MODEL, to))


def execute(store, a_plan):
    return execute_promotion(store, Policies(), fake_surroundings(), ExecutePromotion(a_plan))


def aliases(store):
    return {a: v.version for v in store.list_model_versions(MODEL) for a in v.aliases}


def test_it_is_a_target_of_its_own():
    target = Target.parse("UNALIAS:champion")
    assert (str(target), target.event, target.is_judged) == ("unalias:champion", Event.MOVE, False)
    with pytest.raises(UsageError, match="unalias:NAME"):
        Target.parse("unalias:latest")


def test_the_alias_goes_the_stage_stays_and_it_is_recorded(store):
    a_plan = plan(store)
    assert (a_plan.outcome, a_plan.previous, a_plan.aliases, a_plan.warnings) == (None, None, (), ())
    outcome = execute(store, a_plan)
    assert aliases(store) == {"challenger": "3"}
    assert outcome.version.stage is Stage.PRODUCTION
    history = read_history(store, MODEL)
    assert [e.what for e in history.records] == ["alias champion taken off version 2"]
    assert history.problems == history.moved_since == history.unfinished == ()
    assert [w.split()[0] for w in store.writes if "tag" not in w] == ["write_artifact", "delete_alias"]


def test_a_version_without_it_is_refused(store):
    for subject in (f"models:/{MODEL}/3", SAMPLE["staging"]):
        with pytest.raises(UsageError, match="version 3 of fraud-detector has no alias champion"):
            plan(store, subject)
    with pytest.raises(UsageError, match="has no version of fraud-detector to take an alias off"):
        plan(store, SAMPLE["better"])


def test_an_alias_that_the_policy_judges_against_is_warned_of(store):
    policies = Policies("p", "2" * 64, {MODEL: GatePolicy(model=MODEL, baselines=("alias:champion",))})
    assert plan(store, policies=policies).warnings == (
        "the policy judges against alias champion, which names no version then",
    )


def test_an_alias_that_moved_meanwhile_is_left_alone(store):
    a_plan = plan(store)
    store.set_alias(MODEL, "champion", "3")
    with pytest.raises(StalePlan):
        execute(store, a_plan)
    assert aliases(store)["champion"] == "3"


def test_a_lost_answer_is_read_back_and_not_sent_again(store):
    store.lose = lambda method: StoreUnavailable("memory://", "reset") if method == "delete_alias" else None
    outcome = execute(store, plan(store))
    assert "the registry shows that it was done" in outcome.warnings[0]
    assert sum(w.startswith("delete_alias") for w in store.writes) == 1


def test_a_refused_write_changes_nothing(store):
    store.fail = lambda method: StoreLocked("memory://", "locked") if method == "delete_alias" else None
    with pytest.raises(StoreLocked):
        execute(store, plan(store))
    assert aliases(store)["champion"] == "2"
    assert not [t for t in store.model_tags(MODEL) if t.startswith("mlaudit.intent")]


@pytest.mark.parametrize("done", [True, False])
def test_one_that_was_cut_off_is_recovered(store, done):
    """What is not known to be done leaves its intent; recovery asks the registry."""
    store.fail = lambda method: (
        StoreUnavailable("memory://", "gone") if method in ({"set_version_tag"} if done else {"delete_alias"}) else None
    )
    with pytest.raises(PromotionUnfinished):
        execute(store, plan(store))
    store.fail = lambda _method: None
    world = fake_surroundings()
    found = inspect_intents(store, world, InspectIntents(MODEL))
    assert [d.decision for d in found.dead] == ["roll forward" if done else "delete the intent"]
    assert all(s.done for s in recover_intents(store, world, RecoverIntents(found)))
    history = read_history(store, MODEL)
    assert (len(history.records), history.problems, history.moved_since) == (int(done), (), ())
    assert ("champion" in aliases(store)) is not done


def test_an_alias_that_is_elsewhere_is_for_a_person_to_decide(store):
    intent = Intent("op", "move", "unalias:champion", (), "3", "r", None, "None", "p", "ada", "box", "now")
    decision, found = recovery_of(intent, store.list_model_versions(MODEL))
    assert (decision, found) == ("ask", "alias champion names version 2")
