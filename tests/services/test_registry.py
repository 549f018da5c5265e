"""The registered models as they are shown: what stands where, what is wrong, which metrics decide."""

from __future__ import annotations

import json

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import EvidenceError, ModelNotFound, PolicyError
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, Role
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.audit_trail import ReadHistory, history_of
from mlaudit.services.calibrate import CalibrateModel, calibrate_model
from mlaudit.services.policy_facts import DescribeModel, describe_model
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.services.record_text import ReadRecord, read_record_text
from mlaudit.services.registry import ListModels, SummarizeModels, list_models, summarize_models
from tests.plugins.fake_world import fake_surroundings
from tests.plugins.sample_store import MODEL, SAMPLE, SECOND_MODEL, build_sample_gateway


@pytest.fixture
def store() -> MemoryGateway:
    return build_sample_gateway()


def the_model(store, policies=Policies):
    (state,) = list_models(store, policies, ListModels(MODEL)).models
    return state


def broken_policy():
    raise PolicyError("mlaudit.toml", 3, "no such key")


def test_a_summary_asks_nothing_about_runs(store):
    store.fail = lambda method: AssertionError(method) if method in {"get_run", "version_files"} else None
    found = summarize_models(store, SummarizeModels())
    assert [m.model.name for m in found.models] == [SECOND_MODEL, MODEL]
    fraud = found.models[1]
    assert (fraud.in_stage(Stage.PRODUCTION), fraud.in_stage(Stage.STAGING)) == (("2",), ("3",))
    assert fraud.last_changed == max(v.last_updated for v in store.list_model_versions(MODEL))
    assert fraud.warnings == ()


def test_two_in_production_and_unfinished_promotions_are_warnings_everywhere(store):
    store.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
    store.set_model_tag(MODEL, "mlaudit.intent.x", "nonsense")
    told = ("2 versions are in Production: 4, 2", "unfinished, or under way: an intent that cannot be read: "
            "mlaudit.intent.x")  # fmt: skip
    assert summarize_models(store, SummarizeModels()).models[1].warnings == told
    state = the_model(store)
    assert state.warnings == told
    assert state.unfinished == ("an intent that cannot be read: mlaudit.intent.x",)


def test_the_built_in_rules_say_which_metrics_decide(store):
    state = the_model(store)
    assert [r.name for r in state.rules] == ["val_accuracy", "val_f1", "val_loss", "val_roc_auc"]
    assert state.rules_from == "built-in rules"


def test_the_policy_says_which_metrics_decide(store):
    loss = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.1)
    info = MetricRule("train_loss", Role.INFO)
    policies = Policies("p.toml", "2" * 64, {MODEL: GatePolicy(metrics=(loss, info), model=MODEL, path="p.toml")})
    state = the_model(store, lambda: policies)
    assert (state.rules, state.rules_from) == ((loss,), "policy p.toml")


def test_a_policy_that_cannot_be_read_hides_no_model(store):
    state = the_model(store, broken_policy)
    assert len(state.versions) == 3
    assert state.warnings == ("policy mlaudit.toml:3: no such key: which metrics it names is not known",)


def test_what_is_wrong_with_a_version_is_said(store):
    store.add_version(MODEL, "0" * 32, stage=Stage.PRODUCTION)
    store.delete_run(SAMPLE["staging"])
    problems = {v.version.version: v.problems for v in the_model(store).versions}
    assert problems == {"4": ("run gone", "artifacts gone"), "3": ("run deleted",), "2": (), "1": ()}


class TestRecordText:
    """A record for a person to read."""

    @pytest.fixture
    def place(self, store):
        plan = plan_promotion(store, Policies(), PlanPromotion(SAMPLE["better"], MODEL))
        done = execute_promotion(store, Policies(), fake_surroundings(), ExecutePromotion(plan))
        return ReadRecord(SAMPLE["better"], f"mlaudit/evidence/{done.record_id}.json")

    def test_a_whole_one(self, store, place):
        text = read_record_text(store, place)
        assert text.problem == ""
        assert json.loads("\n".join(text.lines))["model"] == MODEL

    def test_one_that_was_changed_is_shown_with_what_is_wrong(self, store, place):
        content = store.read_artifact(place.run_id, place.artifact, 10**6).replace(b'"PASS"', b'"EVIL\\u001b[2J"')
        store.write_artifact(place.run_id, place.artifact, content.decode())
        text = read_record_text(store, place)
        assert "its hash is not that of its content" in text.problem
        assert any("EVIL␛[2J" in line or "EVIL\\u001b[2J" in line for line in text.lines)
        assert not any("\x1b" in line for line in text.lines)

    def test_one_that_is_no_json(self, store, place):
        store.write_artifact(place.run_id, place.artifact, "\x1b[31mnot json\nat all")
        text = read_record_text(store, place)
        assert (text.lines, text.problem) == (("␛[31mnot json", "at all"), "the record is not JSON")

    def test_none_at_all(self, store):
        with pytest.raises(EvidenceError, match="is missing"):
            read_record_text(store, ReadRecord(SAMPLE["better"], "mlaudit/evidence/x.json"))


def test_a_model_that_is_deleted_while_all_are_listed_is_left_out(store):
    def delete(method):
        if method == "list_model_versions":
            store._models.pop(SECOND_MODEL, None)

    store.fail = delete
    assert [m.model.name for m in list_models(store, Policies, ListModels()).models] == [MODEL]


def test_the_model_that_was_asked_for_is_missed(store):
    store.fail = lambda method: store._models.pop(MODEL, None) and None if method == "model_tags" else None
    with pytest.raises(ModelNotFound):
        list_models(store, Policies, ListModels(MODEL))


def test_a_version_that_is_deleted_while_all_are_listed_is_left_out(store):
    def delete(method):
        if method == "version_files":
            store._models[MODEL].versions.pop("3", None)

    store.fail = delete
    assert [v.version.version for v in the_model(store).versions] == ["2", "1"]


SHOWN, RAW = "a\u241bb", "a\x1bb"
"""A name, and another one that looks like it on the screen, and comes first in the store."""


@pytest.mark.parametrize("name", [SHOWN, RAW])
def test_a_name_means_the_model_that_is_called_so_before_one_that_looks_so(store, name):
    run_id = store.add_run(store.add_experiment("twins"), metrics={"val_loss": 0.1})
    for raw, count in ((SHOWN, 1), (RAW, 2)):
        for _ in range(count):
            store.add_version(raw, run_id)
    twins = {m.raw_name: m.name for m in store.list_registered_models()}
    assert (twins[RAW], twins[SHOWN]) == (SHOWN, SHOWN)
    (state,) = list_models(store, Policies, ListModels(name)).models
    assert state.model.raw_name == name
    assert describe_model(store, DescribeModel(name)).raw_model == name
    assert calibrate_model(store, Policies(), CalibrateModel(name)).raw_model == name
    out_of_band = {SHOWN: "1", RAW: "2"}[name]
    store.set_alias(name, "champion", out_of_band)
    entries = history_of(store, ReadHistory(name)).entries
    assert [e.version for e in entries] == [out_of_band]
