"""The history: records, their chain, what breaks it, and what moved without one."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import (
    EvidenceError,
    ModelNotFound,
    NotConfirmed,
    PromotionUnfinished,
    StoreUnavailable,
    UsageError,
)
from mlaudit.domain.evidence import HEAD_KEY, Anchor, Pointer, canonical, digest, number, parse_record, seal
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, Role
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.audit_trail import OUT_OF_BAND, ReadHistory, history_of, read_history
from mlaudit.services.promote import (
    ExecutePromotion,
    PlanPromotion,
    PlanRollback,
    execute_promotion,
    plan_promotion,
    plan_rollback,
)
from mlaudit.services.registry import ListModels, list_models
from mlaudit.services.surroundings import ci_job_url
from tests.plugins.fake_world import fake_surroundings
from tests.plugins.sample_store import HOSTILE_NAME, MODEL, SAMPLE, build_sample_gateway

RULES = (
    MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05, relative_sd=0.01),
    MetricRule("val_f1", Role.GUARD, Direction.HIGHER, max_rel_regression=0.05),
)
BOTH = Policies("p", "0" * 64, {MODEL: GatePolicy(RULES, MODEL, baselines=("stage:Production", "alias:champion"))})
POLICY = Policies("mlaudit.toml", "c" * 64, {MODEL: GatePolicy(RULES, MODEL, path="mlaudit.toml", sha256="c" * 64)})


@pytest.fixture
def store() -> MemoryGateway:
    return build_sample_gateway()


def promote(store, subject, *, to="Production", why="because", policies=POLICY, **around):
    plan = plan_promotion(store, policies, PlanPromotion(SAMPLE.get(subject, subject), MODEL, to))
    request = ExecutePromotion(plan, why, override=not plan.passes)
    return execute_promotion(store, policies, fake_surroundings(**around), request)


def roll_back(store, why="it was bad"):
    plan = plan_rollback(store, PlanRollback(MODEL))
    return execute_promotion(store, POLICY, fake_surroundings(), ExecutePromotion(plan, why))


def stored_record(store, outcome):
    run = store._runs[outcome.version.run_id]
    return json.loads(run.artifacts[f"mlaudit/evidence/{outcome.record_id}.json"])


class TestRecord:
    """What a record says."""

    def test_all_that_was_decided_on(self, store):
        store.add_version(MODEL, SAMPLE["worse"])
        url = "https://ci.example/job/7"
        record = stored_record(store, promote(store, "worse", why="the old one is down", ci_url=url))
        assert (record["schema"], record["seq"], record["prev_sha256"], record["prev"]) == (
            "mlaudit.evidence/1",
            1,
            None,
            None,
        )
        assert record["actor"] == {"name": "ada", "known_by": "claimed"}
        assert (record["host"], record["ci_url"], record["model"]) == ("box", url, MODEL)
        assert (record["event"], record["target"], record["version"], record["registered"]) == (
            "promotion",
            "Production",
            "4",
            False,
        )
        assert record["override"] == {"who": "ada", "why": "the old one is down"}
        assert (record["previous"], record["previous_stage"]) == ({"version": "2"}, "None")
        assert record["policy"] == {"path": "mlaudit.toml", "sha256": "c" * 64}
        assert (record["verdict"]["outcome"], record["verdict"]["exit_code"]) == ("REGRESSION", 1)
        assert record["baseline_selector"] == "stage:Production"
        candidate, baseline = record["candidate"], record["baseline"]
        assert (candidate["run_id"], candidate["version"]) == (SAMPLE["worse"], "4")
        assert (baseline["run_id"], baseline["version"]) == (SAMPLE["production"], "2")
        for side in (candidate, baseline):
            assert side["commit"] == "0123456789abcdef0123"
            assert {"name": "transactions-val", "digest": "77aa01cc", "context": "validation"} in side["datasets"]
            assert side["dataset_tag"] == {"name": "dataset_version", "value": "v1"}
            assert len(side["artifacts_sha256"]) == 64
            assert isinstance(side["replicates"], list)
        assert record["before"]["stages"] == {"1": "Archived", "2": "Production", "3": "Staging"}
        assert record["before"]["aliases"] == {"challenger": "3", "champion": "2"}
        assert {c["name"] for c in record["checks"]} >= {"dataset", "candidate_status"}

    def test_every_metric_with_all_its_figures(self, store):
        record = stored_record(store, promote(store, "better"))
        loss = next(m for m in record["metrics"] if m["name"] == "val_loss")
        for name in ("candidate", "baseline", "delta", "tolerance", "se", "noise", "n_candidate", "n_baseline"):
            assert isinstance(loss[name], int | float), name
        assert math.isclose(loss["delta"], loss["candidate"] - loss["baseline"], rel_tol=1e-9)
        assert loss["noise"] > loss["se"] > 0
        for side in ("candidate", "baseline"):
            values = [v["value"] for v in loss[f"{side}_values"]]
            assert len(values) == loss[f"n_{side}"]
            assert math.isclose(math.fsum(values) / len(values), loss[side], rel_tol=1e-12)
        assert loss["candidate_values"][0]["run_id"] == SAMPLE["better"]
        assert loss["baseline_values"][0]["run_id"] == SAMPLE["production"]
        assert {m["name"] for m in record["metrics"]} == {"val_loss", "val_f1"}

    def test_what_is_not_finite_is_named(self, store):
        record = stored_record(store, promote(store, "diverged"))
        assert next(m for m in record["metrics"] if m["name"] == "val_loss")["candidate"] == "NaN"
        assert number(-math.inf) == "-Infinity"

    def test_the_server_knows_who_it_is(self, store):
        store.user = "grace"
        record = stored_record(store, promote(store, "better"))
        assert record["actor"] == {"name": "grace", "known_by": "authenticated"}

    def test_the_listing_changes_with_the_artifacts_and_not_with_the_records(self, store):
        first = stored_record(store, promote(store, "better"))
        roll_back(store)
        second = stored_record(store, promote(store, "better"))
        store._runs[SAMPLE["better"]].artifacts["notes.txt"] += b"more"
        roll_back(store)
        third = stored_record(store, promote(store, "better"))
        digests = [r["candidate"]["artifacts_sha256"] for r in (first, second, third)]
        assert digests[0] == digests[1] != digests[2]

    def test_canonical_and_sealed(self, store):
        outcome = promote(store, "better")
        run = store._runs[outcome.version.run_id]
        content = run.artifacts[f"mlaudit/evidence/{outcome.record_id}.json"]
        record = parse_record(content)
        assert content.decode() == canonical(record) + "\n"
        assert record["record_sha256"] == digest(record)
        with pytest.raises(ValueError):
            canonical({"x": math.nan})
        for bad in (b"{", b"[]", b"{}", canonical({**record, "why": "other"}).encode(), b"[" * 100_000):
            with pytest.raises(EvidenceError):
                parse_record(bad)

    def test_tags_are_short_and_say_the_essential(self, store):
        outcome = promote(store, "better", why="x" * 9000)
        tags = next(v.tags for v in store.list_model_versions(MODEL) if v.version == "4")
        pointer = Pointer.parse(tags[f"mlaudit.evidence.{outcome.record_id}"])
        assert len(tags[pointer.key]) < 5000
        record = stored_record(store, outcome)
        assert (pointer.verdict, pointer.sha256, pointer.previous) == ("PASS", record["record_sha256"], "2")
        assert pointer.artifact == f"mlaudit/evidence/{outcome.record_id}.json"
        assert store.model_tags(MODEL)[HEAD_KEY] == tags[pointer.key]

    @pytest.mark.parametrize(
        ("environ", "url"),
        [
            ({}, None),
            ({"CI_JOB_URL": "https://user:secret@gitlab/x/-/jobs/1"}, "https://***@gitlab/x/-/jobs/1"),
            (
                {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
                "https://github.com/a/b/actions/runs/7",
            ),
            ({"BUILD_URL": "http://jenkins/job/1/\x1b[2J"}, "http://jenkins/job/1/␛[2J"),
        ],
    )
    def test_the_job_on_ci(self, environ, url):
        assert ci_job_url(environ) == url


class TestChain:
    """Records follow one another."""

    def test_promotions_moves_and_rollbacks_in_order(self, store):
        promote(store, "better")
        promote(store, f"models:/{MODEL}/3", to="Archived")
        promote(store, f"models:/{MODEL}/3", to="alias:champion")
        roll_back(store)
        history = read_history(store, MODEL)
        assert [(e.seq, e.event, e.version, e.target) for e in history.records] == [
            (1, "promotion", "4", "Production"),
            (2, "move", "3", "Archived"),
            (3, "promotion", "3", "alias:champion"),
            (4, "rollback", "2", "Production"),
        ]
        assert (history.problems, history.moved_since, history.unfinished) == ((), (), ())
        assert history.head.seq == 4
        first = [e.what for e in history.entries if e.event == OUT_OF_BAND]
        assert all("before the first record" in what for what in first)

    def test_another_name_for_it(self, store):
        assert history_of(store, ReadHistory(MODEL)).model == MODEL
        with pytest.raises(ModelNotFound):
            history_of(store, ReadHistory("nobody"))

    def tampered(self, store):
        outcome = promote(store, "better")
        promote(store, "noise")
        return outcome, f"mlaudit/evidence/{outcome.record_id}.json"

    def test_a_record_that_was_edited(self, store):
        _, path = self.tampered(store)
        artifacts = store._runs[SAMPLE["better"]].artifacts
        artifacts[path] = artifacts[path].replace(b'"because"', b'"another"')
        history = read_history(store, MODEL)
        assert any("record 1" in p and "was changed" in p for p in history.problems)
        assert (history.records[0].seq, history.records[0].version) == (1, "4"), "what its tag says is still shown"

    def test_a_record_that_was_edited_and_sealed_anew(self, store):
        _, path = self.tampered(store)
        artifacts = store._runs[SAMPLE["better"]].artifacts
        artifacts[path] = canonical(seal({**json.loads(artifacts[path]), "why": "another"})).encode()
        assert any("hashes differ" in p for p in read_history(store, MODEL).problems)

    def test_and_its_tag_too(self, store):
        """The record after it still names the old hash."""
        outcome, path = self.tampered(store)
        artifacts = store._runs[SAMPLE["better"]].artifacts
        record = seal({**json.loads(artifacts[path]), "why": "another"})
        artifacts[path] = canonical(record).encode()
        store.set_version_tag(MODEL, "4", f"mlaudit.evidence.{outcome.record_id}", Pointer.of(record).text())
        assert read_history(store, MODEL).problems == (
            f"record 2 ({read_history(store, MODEL).records[1].record_id}) does not follow the one before it:"
            " the chain breaks here",
        )

    @pytest.mark.parametrize("lacking", ["prev", "model", "prev_sha256", "before", "aliases"])
    def test_a_record_that_lacks_something(self, store, lacking):
        """Sealed anew, and so is its tag, so that only what is missing is wrong."""
        _, path = self.tampered(store)
        artifacts = store._runs[SAMPLE["better"]].artifacts
        record = seal({k: v for k, v in json.loads(artifacts[path]).items() if k != lacking})
        artifacts[path] = canonical(record).encode()
        if lacking != "prev_sha256":
            pointer = Pointer.of(record)
            store.set_version_tag(MODEL, "4", pointer.key, pointer.text())
        assert any("record 1" in p for p in read_history(store, MODEL).problems)
        store.transition(MODEL, "4", Stage.PRODUCTION, archive_existing=True)
        with pytest.raises(UsageError, match="not whole"):
            plan_rollback(store, PlanRollback(MODEL))

    def test_a_record_that_is_gone(self, store):
        _, path = self.tampered(store)
        del store._runs[SAMPLE["better"]].artifacts[path]
        assert any("is missing" in p for p in read_history(store, MODEL).problems)

    def test_a_tag_that_was_taken_off_or_spoilt(self, store):
        outcome, _ = self.tampered(store)
        key = f"mlaudit.evidence.{outcome.record_id}"
        version = store._models[MODEL].versions["4"]
        store._models[MODEL].versions["4"] = replace(version, tags={})
        history = read_history(store, MODEL)
        assert len(history.records) == 2, "the record after it still leads there"
        assert any("was taken off version 4" in p for p in history.problems)
        store.set_version_tag(MODEL, "4", key, "nonsense\x1b")
        assert any("cannot be read" in p for p in read_history(store, MODEL).problems)

    def test_a_head_that_was_taken_off_or_spoilt(self, store):
        self.tampered(store)
        store.delete_model_tag(MODEL, HEAD_KEY)
        assert any("head" in p for p in read_history(store, MODEL).problems)
        store.set_model_tag(MODEL, HEAD_KEY, "{}")
        assert any("cannot be read" in p for p in read_history(store, MODEL).problems)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("verdict", "PASS"), ("actor", "eve"), ("previous", "1"), ("why", ""), ("sha256", "0")],
    )
    @pytest.mark.parametrize("place", ["the tag of record 2", "the model's head"])
    def test_a_tag_or_a_head_that_says_something_else_than_its_record(self, store, place, field, value):
        """The list of versions believes the tags."""
        self.tampered(store)
        pointer = read_history(store, MODEL).head
        spoilt = replace(pointer, **{field: value})
        assert spoilt != pointer
        if "head" in place:
            store.set_model_tag(MODEL, HEAD_KEY, spoilt.text())
        else:
            store.set_version_tag(MODEL, pointer.version, pointer.key, spoilt.text())
        problems = read_history(store, MODEL).problems
        if field == "sha256" and "head" not in place:
            assert any("hashes differ" in p for p in problems)
        else:
            assert any(p.startswith(place) and f"says another {field} than" in p for p in problems)

    def test_a_record_in_the_place_of_another(self, store):
        outcome, path = self.tampered(store)
        artifacts = store._runs[SAMPLE["better"]].artifacts
        record = seal({**json.loads(artifacts[path]), "id": "another"})
        artifacts[path] = canonical(record).encode()
        pointer = replace(Pointer.of(record), id=outcome.record_id, artifact=path)
        store.set_version_tag(MODEL, "4", pointer.key, pointer.text())
        assert any("it is another record: another" in p for p in read_history(store, MODEL).problems)

    def test_a_record_of_another_model_or_of_another_name(self, store):
        outcome, path = self.tampered(store)
        artifacts = store._runs[SAMPLE["better"]].artifacts
        record = seal({**json.loads(artifacts[path]), "model": "old-name"})
        artifacts[path] = canonical(record).encode()
        store.set_version_tag(MODEL, "4", f"mlaudit.evidence.{outcome.record_id}", Pointer.of(record).text())
        assert any("or this one had another name then: old-name" in p for p in read_history(store, MODEL).problems)

    def test_no_record_is_not_called_a_whole_chain(self, store):
        assert read_history(store, MODEL).standing == "0 records; there is nothing to verify"

    def test_an_intent_hides_no_more_than_the_step_that_it_is_at(self, store):
        """Whoever takes tags off can write an intent, too."""
        outcome, _ = self.tampered(store)
        promote(store, "better")
        head = store.model_tags(MODEL)[HEAD_KEY]
        store.set_model_tag(MODEL, "mlaudit.intent.x", "nonsense")
        version = store._models[MODEL].versions["4"]
        key = f"mlaudit.evidence.{outcome.record_id}"
        store._models[MODEL].versions["4"] = replace(version, tags={k: v for k, v in version.tags.items() if k != key})
        assert any(
            "tag of record 1" in p and "was taken off version 4" in p for p in read_history(store, MODEL).problems
        )
        store._models[MODEL].versions["4"] = version
        assert read_history(store, MODEL).problems == ()
        store.delete_model_tag(MODEL, HEAD_KEY)
        assert any("no tag mlaudit.head" in p for p in read_history(store, MODEL).problems)
        store.set_model_tag(MODEL, HEAD_KEY, version.tags[key])
        assert any("head names" in p for p in read_history(store, MODEL).problems)
        store.set_model_tag(MODEL, HEAD_KEY, head)
        assert read_history(store, MODEL).problems == ()

    def test_the_newest_record_hidden(self, store):
        """Its tag is taken off, the head and the stages put back: only an anchor shows that."""
        promote(store, "better")
        before = read_history(store, MODEL)
        head = store.model_tags(MODEL)[HEAD_KEY]
        state = dict(store._models[MODEL].versions)
        promote(store, "noise")
        anchored = read_history(store, MODEL).records[-1]
        store._models[MODEL].versions = state
        store.set_model_tag(MODEL, HEAD_KEY, head)
        history = read_history(store, MODEL)
        assert (history.problems, history.moved_since) == ((), ())
        assert [e.sha256 for e in history.records] == [e.sha256 for e in before.records]
        assert anchored.sha256 not in {e.sha256 for e in history.records}

    def test_a_deleted_version_does_not_take_its_records_along(self, store):
        promote(store, "better")
        roll_back(store)
        promote(store, "noise")
        del store._models[MODEL].versions["4"]
        history = read_history(store, MODEL)
        assert [e.seq for e in history.records] == [1, 2, 3]
        assert history.problems == ()
        assert any("version 4" in what and "deleted" in what for what in history.moved_since)

    def test_hostile_records_are_made_printable(self, store):
        outcome = promote(store, "better", why=f"\x1b]0;x\x07 {HOSTILE_NAME} [/x]")
        history = read_history(store, MODEL)
        assert history.records[0].why.isprintable()
        assert outcome.record_id == history.records[0].record_id

    def test_an_anchor(self):
        anchor = Anchor("m", 3, "id", "f" * 64, "2026")
        assert Anchor.parse(anchor.text().encode()) == anchor
        for bad in (b"", b"{}", b"[]", b'{"schema": "mlaudit.anchor/1"}', b"\xff"):
            assert Anchor.parse(bad) is None

    @pytest.mark.parametrize("seq", ["Infinity", "-Infinity", "NaN", "1e999", "2.5", "0", "-1", "true", '"3"', "null"])
    def test_a_number_that_is_none_is_no_pointer_and_no_anchor(self, seq):
        pointer = Pointer("i", 77, "promotion", "Production", "1", "PASS", None, "f", None, "r", "a", "2026", "me")
        for text, parse in ((pointer.text(), Pointer.parse), (Anchor("m", 77, "i", "f", "2026").text(), Anchor.parse)):
            assert parse(text) is not None
            assert parse(text.replace("77", seq)) is None


class TestOutOfBand:
    """What moved behind mlaudit's back."""

    @pytest.mark.parametrize(("run_id", "now"), [(SAMPLE["worse"], f"run {SAMPLE['worse'][:12]}"), (None, "no run")])
    def test_a_version_that_is_of_another_run_now(self, store, run_id, now):
        promote(store, "better")
        version = store._models[MODEL].versions["4"]
        store._models[MODEL].versions["4"] = replace(version, run_id=run_id)
        history = read_history(store, MODEL)
        assert history.problems == ()
        assert history.moved_since == (f"version 4 went from run {SAMPLE['better'][:12]} to {now}",)
        assert history.entries[-1].time == ""

    def test_after_the_last_record(self, store):
        promote(store, "better")
        store.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=True)
        store.set_alias(MODEL, "champion", "1")
        store.delete_alias(MODEL, "challenger")
        history = read_history(store, MODEL)
        assert history.problems == ()
        assert history.moved_since == (
            "version 3 went from Staging to Production",
            "version 4 went from Production to Archived",
            "alias challenger went from version 3 to nothing",
            "alias champion went from version 2 to version 1",
        )
        shown = [e.what for e in history.entries if e.event == OUT_OF_BAND and "before the first" not in e.what]
        assert shown == list(history.moved_since)

    def test_an_alias_moved_out_of_band_has_no_time(self, store):
        """MLflow keeps none, and the last update of the version it points at is another thing's."""
        promote(store, "better")
        store.set_alias(MODEL, "champion", "1")
        store.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=False)
        times = {e.what: bool(e.time) for e in read_history(store, MODEL).entries if "before the first" not in e.what}
        assert times["version 3 went from Staging to Production"]
        assert not times["alias champion went from version 2 to version 1"]

    def test_between_two_records(self, store):
        promote(store, "better")
        store.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=True)
        promote(store, "noise")
        history = read_history(store, MODEL)
        assert (history.problems, history.moved_since) == ((), ())
        kinds = [(e.event, e.what) for e in history.entries][-4:]
        assert [k for k, _ in kinds] == ["promotion", OUT_OF_BAND, OUT_OF_BAND, "promotion"]
        assert kinds[1][1] == "version 3 went from Staging to Production (before record 2)"

    @pytest.mark.parametrize("policies", [POLICY, BOTH], ids=["stage", "alias"])
    def test_what_an_unfinished_promotion_moved_is_its_own(self, store, policies):
        promote(store, "noise", policies=policies)
        plan = plan_promotion(store, policies, PlanPromotion(SAMPLE["better"], MODEL))
        store.fail = lambda m: StoreUnavailable("memory://", "down") if m == "set_version_tag" else None
        with pytest.raises(PromotionUnfinished):
            execute_promotion(store, policies, fake_surroundings(), ExecutePromotion(plan))
        store.fail = lambda m: None
        history = read_history(store, MODEL)
        assert (len(history.unfinished), history.moved_since, history.holds) == (1, (), True)
        assert not any("version 5" in e.what for e in history.entries)
        store.transition(MODEL, "3", Stage.ARCHIVED, archive_existing=False)
        assert read_history(store, MODEL).moved_since == ("version 3 went from Staging to Archived",), "others' is said"
        (key,) = (t for t in store.model_tags(MODEL) if t.startswith("mlaudit.intent."))
        store.set_model_tag(MODEL, key, "not json")
        assert "version 5 went from None to Production" in read_history(store, MODEL).moved_since

    def test_without_any_record(self, store):
        history = read_history(store, MODEL)
        assert history.records == ()
        assert [e.event for e in history.entries] == [OUT_OF_BAND] * 5
        assert history.moved_since == ()


class TestRollback:
    """Back to what was there before."""

    def test_it_goes_back_and_needs_a_reason(self, store):
        promote(store, "better")
        plan = plan_rollback(store, PlanRollback(MODEL))
        assert (plan.event, plan.version, plan.previous.version, plan.outcome) == ("rollback", "2", "4", None)
        with pytest.raises(NotConfirmed, match="needs a reason"):
            execute_promotion(store, POLICY, fake_surroundings(), ExecutePromotion(plan))
        outcome = roll_back(store, "fraud went up")
        assert (outcome.version.version, [v.version for v in outcome.archived]) == ("2", ["4"])
        record = stored_record(store, outcome)
        assert (record["event"], record["why"], record["verdict"]) == ("rollback", "fraud went up", None)

    def test_the_alias_goes_back_too(self, store):
        both = GatePolicy(RULES, MODEL, baselines=("stage:Production", "alias:champion"))
        promote(store, "better", policies=Policies("p", "0" * 64, {MODEL: both}))
        roll_back(store)
        assert next(v.version for v in store.list_model_versions(MODEL) if "champion" in v.aliases) == "2"

    def test_twice_goes_back_two_and_not_to_the_bad_one(self, store):
        promote(store, "noise")
        promote(store, "better")
        assert [roll_back(store).version.version for _ in range(2)] == ["4", "2"]
        with pytest.raises(UsageError, match="version 2 of fraud-detector has no record of its promotion"):
            plan_rollback(store, PlanRollback(MODEL))

    def test_a_damaged_newest_record_is_not_passed_over_for_an_older_one(self, store):
        """Version 4 replaced 2 once, and 3 the last time."""
        promote(store, "better")
        roll_back(store)
        promote(store, f"models:/{MODEL}/3")
        last = promote(store, f"models:/{MODEL}/4")
        run = store._runs[SAMPLE["better"]]
        run.artifacts[f"mlaudit/evidence/{last.record_id}.json"] = b"{"
        with pytest.raises(UsageError, match=r"version 4 of .* a record that is not whole .*name a version"):
            plan_rollback(store, PlanRollback(MODEL))

    def test_a_broken_chain_is_said_before_one_goes_back(self, store):
        first = promote(store, "better")
        promote(store, "noise")
        run = store._runs[SAMPLE["better"]]
        run.artifacts[f"mlaudit/evidence/{first.record_id}.json"] = b"{"
        plan = plan_rollback(store, PlanRollback(MODEL))
        assert plan.version == "4"
        assert any("the history is broken: record 1" in w for w in plan.warnings)

    def test_a_deleted_run_is_said_before_one_goes_back(self, store):
        """Nothing passes the gate against it afterwards."""
        promote(store, "better")
        assert not any("deleted" in w for w in plan_rollback(store, PlanRollback(MODEL)).warnings)
        store._runs[SAMPLE["production"]].lifecycle_stage = "deleted"
        plan = plan_rollback(store, PlanRollback(MODEL))
        assert (plan.version, plan.run_id) == ("2", SAMPLE["production"])
        assert any("the run of version 2 was deleted" in w for w in plan.warnings)

    def test_what_cannot_be_gone_back_to(self, store):
        with pytest.raises(UsageError, match="has no record"):
            plan_rollback(store, PlanRollback(MODEL))
        promote(store, "better")
        run = store._runs[SAMPLE["production"]]
        kept = dict(run.artifacts)
        run.artifacts = {n: c for n, c in kept.items() if not n.startswith("model/")}
        with pytest.raises(UsageError, match="the artifacts of version 2 of fraud-detector are gone"):
            plan_rollback(store, PlanRollback(MODEL))
        run.artifacts = kept
        del store._models[MODEL].versions["2"]
        with pytest.raises(UsageError, match="version 2 of fraud-detector, which was there before, is gone"):
            plan_rollback(store, PlanRollback(MODEL))

    def test_nothing_in_production(self, store):
        promote(store, f"models:/{MODEL}/2", to="Archived")
        with pytest.raises(UsageError, match="nothing to roll back"):
            plan_rollback(store, PlanRollback(MODEL))


class TestModels:
    """The registry at a glance."""

    def test_versions_with_their_records(self, store):
        promote(store, "better", why="wider")
        state = next(m for m in list_models(store, Policies, ListModels()).models if m.model.name == MODEL)
        assert [v.version.version for v in state.versions] == ["4", "3", "2", "1"]
        newest = state.versions[0]
        assert (newest.run.run_id, newest.files, newest.record.why, newest.problems) == (
            SAMPLE["better"],
            True,
            "wider",
            (),
        )
        assert state.warnings == ()

    def test_what_is_wrong(self, store):
        store.add_version(MODEL, "f" * 32, stage=Stage.PRODUCTION)
        store.add_version(MODEL, SAMPLE["deleted"])
        store._runs[SAMPLE["staging"]].artifacts.clear()
        store.set_model_tag(MODEL, "mlaudit.intent.x", "{}")
        (state,) = list_models(store, Policies, ListModels(MODEL)).models
        problems = {v.version.version: v.problems for v in state.versions}
        assert problems == {
            "5": ("run deleted",),
            "4": ("run gone", "artifacts gone"),
            "3": ("artifacts gone",),
            "2": (),
            "1": (),
        }
        assert state.warnings[0] == "2 versions are in Production: 4, 2"
        assert "unfinished" in state.warnings[1]
        with pytest.raises(ModelNotFound):
            list_models(store, Policies, ListModels("nobody"))
