"""The judgement as a whole: comparability, the order of outcomes, exit codes, what the policy says."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mlaudit.domain.builtin_rules import rules_for
from mlaudit.domain.gate import (
    Check,
    Direction,
    GatePolicy,
    GateSide,
    MetricRule,
    Outcome,
    Role,
    evaluate,
)
from mlaudit.domain.models import Dataset, Run
from mlaudit.domain.pairing import paired_values
from mlaudit.domain.reasons import explain

LOSS = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
AUC = MetricRule("val_auc", Role.GUARD, Direction.HIGHER, max_rel_regression=0.05)
POLICY = GatePolicy(metrics=(LOSS, AUC))
NAN = math.nan


def side(loss=0.3, auc=0.9, *, run_id="c", status="FINISHED", digest="d1", version="v1", commit="abc", **options):
    metrics = {k: (v,) for k, v in (("val_loss", loss), ("val_auc", auc)) if v is not None}
    datasets = (Dataset("val", digest, "validation"),) if digest is not None else ()
    tags = {"dataset_version": version, "mlflow.source.git.commit": commit}
    return GateSide(run_id, status, metrics, datasets, {k: v for k, v in tags.items() if v is not None}, **options)


BASE = side(run_id="b")


def result(verdict):
    return verdict.outcome, verdict.reason, verdict.exit_code


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (side(), (Outcome.PASS, "not_worse", 0)),
        (side(loss=0.31), (Outcome.PASS, "within_tolerance", 0)),
        (side(loss=0.2, auc=0.95), (Outcome.PASS, "not_worse", 0)),
        (side(loss=0.4), (Outcome.REGRESSION, "worse_than_tolerance", 1)),
        (side(loss=0.2, auc=0.5), (Outcome.REGRESSION, "worse_than_tolerance", 1)),
        (side(loss=NAN), (Outcome.REGRESSION, "candidate_non_finite", 1)),
        (side(loss=None), (Outcome.NOT_COMPARABLE, "candidate_missing", 4)),
        (side(loss=None, auc=None), (Outcome.NOT_COMPARABLE, "candidate_missing", 4)),
        (side(loss=None, auc=0.1), (Outcome.REGRESSION, "worse_than_tolerance", 1)),
        (side(status="RUNNING"), (Outcome.NOT_COMPARABLE, "candidate_not_finished", 4)),
        (side(status="KILLED"), (Outcome.NOT_COMPARABLE, "candidate_not_finished", 4)),
        (side(digest="d2"), (Outcome.NOT_COMPARABLE, "dataset_mismatch", 4)),
        (side(version="v2"), (Outcome.NOT_COMPARABLE, "dataset_version_mismatch", 4)),
        # Scores on other data say nothing, however bad; a value that is no number says all.
        (side(loss=9.0, digest="d2"), (Outcome.NOT_COMPARABLE, "dataset_mismatch", 4)),
        (side(loss=NAN, digest="d2"), (Outcome.REGRESSION, "candidate_non_finite", 1)),
        (side(loss=NAN, status="FAILED"), (Outcome.REGRESSION, "candidate_non_finite", 1)),
    ],
)
def test_worst_first(candidate, expected):
    assert result(evaluate(POLICY, candidate, BASE)) == expected


def test_the_baseline_must_have_finished_and_exist():
    assert result(evaluate(POLICY, side(), side(status="FAILED"))) == (
        Outcome.NOT_COMPARABLE, "baseline_not_finished", 4,
    )  # fmt: skip
    assert result(evaluate(POLICY, side(), side(deleted=True))) == (Outcome.NOT_COMPARABLE, "baseline_deleted", 4)
    assert evaluate(POLICY, side(deleted=True), BASE).reason == "candidate_deleted"


def test_metrics_of_runs_that_are_not_comparable_keep_their_numbers():
    verdict = evaluate(POLICY, side(loss=9.0, digest="d2"), BASE)
    loss = verdict.metrics[0]
    assert (loss.outcome, loss.reason) == (Outcome.NOT_COMPARABLE, "runs_not_comparable")
    assert loss.delta == pytest.approx(8.7)


@pytest.mark.parametrize(
    ("candidate", "baseline", "unknown"),
    [
        (side(digest=None, version=None), BASE, True),
        (side(), side(digest=None, version=None), True),
        (side(digest=None), side(version=None), True),
        (side(digest="", version=" "), BASE, True),
        (side(digest=None), BASE, False),
        (side(version=None), BASE, False),
    ],
)
def test_unknown_identity_warns_or_blocks(candidate, baseline, unknown):
    warned = evaluate(POLICY, candidate, baseline)
    assert warned.outcome is Outcome.PASS
    assert any("which data" in w for w in warned.warnings) is unknown
    blocked = evaluate(GatePolicy(metrics=POLICY.metrics, on_unknown="block"), candidate, baseline)
    assert (blocked.reason == "identity_unknown") is unknown
    assert (blocked.exit_code == 4) is unknown


def test_only_the_named_context_counts_and_both_witnesses_can_be_switched_off():
    other = GateSide("c", "FINISHED", side().metrics, (Dataset("train", "x", "training"),), {"dataset_version": "v1"})
    names = {c.name: c.reason for c in evaluate(POLICY, other, BASE).checks}
    assert names["dataset"] == "dataset_unknown"
    off = GatePolicy(metrics=POLICY.metrics, dataset_context=None, dataset_tag=None)
    verdict = evaluate(off, side(digest="d2", version="v2"), BASE)
    assert verdict.outcome is Outcome.PASS
    assert {c.name for c in verdict.checks} == {"candidate_status", "baseline_status"}


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        ([("val", "d1")], [("renamed", "d1")], "dataset_same"),
        ([("val", "d1"), ("val", "d1")], [("val", "d1")], "dataset_same"),
        ([("a", "d1"), ("b", "d2")], [("b", "d2"), ("a", "d1")], "dataset_same"),
        ([("val", "d1"), ("more", "d2")], [("val", "d1")], "dataset_mismatch"),
        ([("val", "d1")], [("val", "d1"), ("more", "d2")], "dataset_mismatch"),
        ([("val", "d1"), ("more", "")], [("val", "d1")], "dataset_unknown"),
        ([("val", "d1")], [("val", "d1"), ("more", "")], "dataset_unknown"),
        ([("val", "")], [("val", "")], "dataset_unknown"),
    ],
)
def test_the_digests_of_all_datasets_of_the_context_count(ours, theirs, reason):
    sides = [
        GateSide(run_id, "FINISHED", side().metrics, tuple(Dataset(n, d, "validation") for n, d in data), side().tags)
        for run_id, data in (("c", ours), ("b", theirs))
    ]
    verdict = evaluate(POLICY, *sides)
    assert {c.name: c.reason for c in verdict.checks}["dataset"] == reason
    assert (verdict.exit_code == 4) is (reason == "dataset_mismatch")


@pytest.mark.parametrize(
    ("commit", "on_unknown", "reason"),
    [
        ("abc", "warn", "not_worse"),
        ("def", "warn", "git_commit_mismatch"),
        (None, "warn", "not_worse"),
        (None, "block", "git_commit_unknown"),
    ],
)
def test_git_commit_same(commit, on_unknown, reason):
    policy = GatePolicy(metrics=POLICY.metrics, git_commit="same", on_unknown=on_unknown)
    assert evaluate(policy, side(commit=commit), BASE).reason == reason
    assert evaluate(POLICY, side(commit="def"), BASE).reason == "not_worse"


@pytest.mark.parametrize(
    ("first_promotion", "reason", "code"),
    [
        ("bounds", "first_promotion", 4),
        ("allow", "first_promotion_allowed", 0),
        ("block", "first_promotion_blocked", 4),
    ],
)
def test_no_baseline(first_promotion, reason, code):
    bounded = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05, upper_bound=0.35)
    policy = GatePolicy(metrics=(bounded,), first_promotion=first_promotion)
    assert result(evaluate(policy, side(), None)) == (Outcome.NO_BASELINE, reason, code)
    assert result(evaluate(policy, side(loss=0.4), None)) == (Outcome.REGRESSION, "above_upper_bound", 1)
    unfinished = evaluate(policy, side(status="RUNNING"), None)
    assert result(unfinished) == (Outcome.NOT_COMPARABLE, "candidate_not_finished", 4)
    assert result(evaluate(policy, side(loss=None), None)) == (Outcome.NOT_COMPARABLE, "candidate_missing", 4)
    assert result(evaluate(GatePolicy(first_promotion=first_promotion), side(), None)) == (
        Outcome.NO_BASELINE, reason, code,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("on_inconclusive", "expected"),
    [
        ("block", (Outcome.INCONCLUSIVE, "noise_exceeds_margin", 3)),
        ("warn", (Outcome.INCONCLUSIVE, "noise_exceeds_margin", 0)),
        ("pass", (Outcome.PASS, "inconclusive_allowed", 0)),
    ],
)
def test_inconclusive(on_inconclusive, expected):
    noisy = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05, relative_sd=0.05)
    policy = GatePolicy(metrics=(noisy,), on_inconclusive=on_inconclusive)
    verdict = evaluate(policy, side(loss=0.31), BASE)
    assert result(verdict) == expected
    assert any("on_inconclusive" in w for w in verdict.warnings) is (on_inconclusive != "block")
    assert evaluate(policy, side(loss=0.6), BASE).outcome is Outcome.REGRESSION


def test_what_cannot_be_compared_is_worse_than_what_chance_could_explain():
    noisy = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05, relative_sd=0.05)
    for metrics in ((noisy, AUC), (AUC, noisy)):
        verdict = evaluate(GatePolicy(metrics=metrics), side(loss=0.31, auc=None), BASE)
        assert {m.outcome for m in verdict.metrics} == {Outcome.INCONCLUSIVE, Outcome.NOT_COMPARABLE}
        assert result(verdict) == (Outcome.NOT_COMPARABLE, "candidate_missing", 4)
        # What the policy lets pass is an INCONCLUSIVE alone.
        allowed = GatePolicy(metrics=metrics, on_inconclusive="pass")
        assert evaluate(allowed, side(loss=0.31, auc=None), BASE).exit_code == 4


def test_info_metrics_never_count_and_a_broken_one_is_said():
    info = MetricRule("train_loss", Role.INFO, Direction.LOWER, max_rel_regression=0.05)
    policy = GatePolicy(metrics=(LOSS, info))
    candidate = GateSide("c", "FINISHED", {"val_loss": (0.3,), "train_loss": (NAN,)}, BASE.datasets, BASE.tags)
    verdict = evaluate(policy, candidate, BASE)
    assert verdict.outcome is Outcome.PASS
    assert any("train_loss" in w for w in verdict.warnings)
    # Nor is anything said of what is not known about them.
    silent = evaluate(
        policy,
        replace(candidate, metrics={"val_loss": (0.3,), "train_loss": (0.3,)}),
        replace(BASE, metrics={"val_loss": (0.3,), "train_loss": (0.3,)}),
        groups={"val_loss": ((0.3, 0.301),)},
    )
    assert silent.metrics[1].warnings == ("noise_unknown",)
    assert silent.warnings == ()


def test_nothing_judged_is_never_a_pass():
    for metrics in ((), (MetricRule("val_loss", Role.INFO),)):
        assert result(evaluate(GatePolicy(metrics=metrics), side(), BASE)) == (
            Outcome.NOT_COMPARABLE, "no_metric_judged", 4,
        )  # fmt: skip
        # What keeps the runs from being compared is said first.
        assert evaluate(GatePolicy(metrics=metrics), side(digest="d2"), BASE).reason == "dataset_mismatch"


def test_checks_handed_in_decide_too():
    several = Check("baseline", Outcome.ERROR, "versions 2 and 4 are in Production", reason="multiple_baselines")
    verdict = evaluate(POLICY, side(), None, checks=(several,))
    assert result(verdict) == (Outcome.ERROR, "multiple_baselines", 2)
    assert verdict.checks[0] == several
    assert result(evaluate(POLICY, side(loss=NAN), None, checks=(several,)))[0] is Outcome.ERROR
    gone = Check("baseline_run", Outcome.NOT_COMPARABLE, "run x is gone", reason="baseline_run_missing")
    assert result(evaluate(POLICY, side(), None, checks=(gone,))) == (Outcome.NOT_COMPARABLE, "baseline_run_missing", 4)


def test_the_same_warning_is_said_once():
    verdict = evaluate(POLICY, side(), BASE, warnings=("first",))
    assert verdict.warnings == ("first", explain("noise_unknown"))
    assert all(m.warnings == ("noise_unknown",) for m in verdict.metrics)


def test_calibration_groups_reach_their_metric_and_alpha_is_shared_out():
    group = tuple(1 + 0.03 * z for z in (-1.265, -0.632, 0.0, 0.632, 1.265))
    verdict = evaluate(POLICY, side(loss=0.321), BASE, groups={"val_loss": (group,)})
    assert verdict.metrics[0].reason == "noise_exceeds_margin"
    assert verdict.metrics[1].warnings == ("noise_unknown",)
    assert any("val_auc" in w for w in verdict.warnings)
    # +10 % with one group: a regression among one metric, not yet among two.
    one = evaluate(GatePolicy(metrics=(LOSS,)), side(loss=0.33), BASE, groups={"val_loss": (group,)})
    two = evaluate(POLICY, side(loss=0.33), BASE, groups={"val_loss": (group,)})
    assert (one.outcome, two.outcome) == (Outcome.REGRESSION, Outcome.INCONCLUSIVE)


def test_alpha_is_the_policys():
    group = tuple(
        1 + 0.03 * z for z in (-1.2649110640673518, -0.6324555320336759, 0.0, 0.6324555320336759, 1.2649110640673518)
    )
    # t_{1-alpha, 4}; for a REGRESSION among two metrics of half the alpha.
    for alpha, t, strict in ((0.05, 2.131847, 2.776445), (0.01, 3.746947, 4.604095)):
        policy = GatePolicy(metrics=(LOSS, AUC), alpha=alpha)
        loss = evaluate(policy, side(), BASE, groups={"val_loss": (group,)}).metrics[0]
        assert loss.noise == pytest.approx(t * 0.03 * 0.3 * math.sqrt(2), rel=1e-6)
        assert loss.noise_regression == pytest.approx(strict * 0.03 * 0.3 * math.sqrt(2), rel=1e-6)


def replicates(**values):
    """A side of which each value is of the seed it is named after, its own run's first."""
    side_seeds = {"val_loss": tuple("" if seed == "none" else seed for seed in values)}
    return GateSide("r", "FINISHED", {"val_loss": tuple(values.values())}, BASE.datasets, BASE.tags, seeds=side_seeds)


class TestPaired:
    """What a comparison seed by seed leaves out is not let off."""

    @staticmethod
    def judge(candidate, baseline, **bounds):
        rule = MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05, **bounds)
        return evaluate(GatePolicy(metrics=(rule,), paired=True), candidate, baseline).metrics[0]

    def test_a_replicate_without_a_partner_must_be_a_number(self):
        baseline = replicates(s1=1.0, s2=1.01, s3=0.99)
        for candidate in (replicates(s4=NAN, s1=1.0, s2=1.01, s3=0.99), replicates(s1=1.0, s2=1.01, s3=0.99, s4=NAN)):
            metric = self.judge(candidate, baseline)
            assert (metric.outcome, metric.reason) == (Outcome.REGRESSION, "candidate_non_finite")

    def test_and_it_counts_for_the_bounds(self):
        metric = self.judge(replicates(s7=9.9, s1=1.0, s2=1.01, s3=0.99), BASE_PAIRS, upper_bound=2.0)
        assert (metric.outcome, metric.reason, metric.n_candidate) == (Outcome.REGRESSION, "above_upper_bound", 4)

    def test_the_bounds_are_for_the_mean_of_all_and_not_of_the_pairs(self):
        candidate = replicates(s1=1.09, s2=1.10, s3=1.11, s4=0.5)
        metric = self.judge(candidate, BASE_PAIRS, upper_bound=1.0)
        assert (metric.reason, metric.n_candidate) == ("worse_than_tolerance", 3)
        assert self.judge(candidate, BASE_PAIRS, upper_bound=0.9).reason == "above_upper_bound"

    def test_the_candidates_own_run_is_never_left_out(self):
        metric = self.judge(replicates(s7=1.9, s1=1.0, s2=1.01, s3=0.99), BASE_PAIRS)
        assert metric.n_candidate == 4
        assert metric.outcome is not Outcome.PASS
        assert metric.warnings == ("own_seed_unpaired",)

    def test_a_partner_that_is_no_number_is_left_out_with_its_pair(self):
        baseline = replicates(s1=1.0, s2=1.01, s3=0.99, s4=NAN)
        metric = self.judge(replicates(s1=1.0, s2=1.01, s3=0.99, s4=1.0), baseline)
        assert (metric.df, metric.n_candidate) == (2, 3)
        assert set(metric.warnings) >= {"baseline_non_finite_dropped", "unpaired_left_out"}
        assert "paired_not_possible" not in metric.warnings

    def test_runs_without_a_seed_are_no_pair(self):
        metric = self.judge(replicates(s1=1.0, s2=1.01, none=0.99), replicates(s1=1.0, s2=1.01, none=0.99))
        assert metric.warnings == ("paired_not_possible",)

    def test_a_seed_that_a_side_has_twice_pairs_nothing(self):
        values, seeds = (1.0, 1.1, 1.2, 1.3), ("s1", "s2", "s3", "s3")
        for sides in ((values, seeds, values[:3], seeds[:3]), (values[:3], seeds[:3], values, seeds)):
            assert paired_values(*sides) == "paired_not_possible"
        assert paired_values(values[:3], seeds[:3], values[:3], seeds[:3]) == (values[:3], values[:3])


BASE_PAIRS = replicates(s1=1.0, s2=1.01, s3=0.99)


def test_a_side_from_a_run():
    run = Run("r", "1", "name", "FINISHED", "deleted", metrics={"a": 1.0}, tags={"t": "x"})
    assert GateSide.of(run) == GateSide("r", "FINISHED", {"a": (1.0,)}, (), {"t": "x"}, deleted=True)
    assert GateSide.of(run, {"a": (2.0,)}).metrics == {"a": (2.0,)}


def roles(candidate, baseline):
    return {r.name: (r.role, r.direction) for r in rules_for(candidate, baseline)}


def test_builtin_rules():
    low, high = (Role.PRIMARY, Direction.LOWER), (Role.PRIMARY, Direction.HIGHER)
    names = ["val_loss", "accuracy", "train_loss", "lr", "test_f1", "Val_Loss", "training_accuracy"]
    found = roles(names, names)
    assert (found["val_loss"], found["accuracy"], found["test_f1"]) == (low, high, high)
    assert found["train_loss"] == (Role.INFO, Direction.LOWER)
    assert found["training_accuracy"] == (Role.INFO, Direction.HIGHER)
    assert found["lr"] == found["Val_Loss"] == (Role.INFO, None)
    assert all(r.max_rel_regression == 0.05 for r in rules_for(names, names) if r.role is Role.PRIMARY)


def test_builtin_rules_of_metrics_that_one_side_lacks():
    assert roles(["loss"], ["loss", "accuracy"])["accuracy"] == (Role.PRIMARY, Direction.HIGHER)
    assert roles(["loss", "accuracy"], ["loss"])["accuracy"] == (Role.INFO, Direction.HIGHER)
    assert roles(["loss"], None)["loss"] == (Role.PRIMARY, Direction.LOWER)


def test_a_bare_name_beside_its_validation_is_training():
    assert roles(["loss", "val_loss"], ["loss", "val_loss"])["loss"] == (Role.INFO, Direction.LOWER)
    assert roles(["loss"], ["loss", "test_loss"])["loss"] == (Role.INFO, Direction.LOWER)


def test_one_more_metric_lets_no_candidate_off():
    found = roles(["loss", "accuracy", "val_loss", "test_accuracy"], ["loss", "accuracy"])
    assert (found["loss"][0], found["accuracy"][0], found["val_loss"][0]) == (Role.PRIMARY, Role.PRIMARY, Role.INFO)


def test_every_reason_the_gate_gives_has_a_sentence():
    import ast
    import inspect

    from mlaudit.domain import comparability, gate, reasons

    words = set()
    for module in (gate, comparability):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "verdict":
                words |= {a.value for a in node.args if isinstance(a, ast.Constant)}
            if isinstance(node, ast.keyword) and node.arg == "reason" and isinstance(node.value, ast.Constant):
                words.add(node.value.value)
    assert len(words) > 15
    assert words <= reasons._SENTENCES.keys()
