"""Which runs are judged together, and which tell the noise."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, Outcome, Role
from mlaudit.domain.models import Dataset, RunStatus, Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.reports.calibration import fragment, render_json_report, render_text
from mlaudit.services import replicates as replicates_module
from mlaudit.services import values as values_module
from mlaudit.services.calibrate import CalibrateModel, calibrate_model
from mlaudit.services.compare import Bench, CompareRun, compare_run
from mlaudit.services.replicates import ReplicateFinder

COMMIT = "mlflow.source.git.commit"
LOSS = MetricRule("loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
POLICY = GatePolicy(metrics=(LOSS,), model="m", path="p", sha256="0" * 64)


class Shop:
    """A store with one experiment and one model, and recipes that are easily repeated."""

    def __init__(self) -> None:
        self.store = MemoryGateway()
        self.experiment = self.store.add_experiment("e")

    def run(self, recipe: str, seed: object, loss: object, **changed) -> str:
        options = {
            "params": {"recipe": recipe} | ({} if seed is None else {"seed": seed}),
            "metrics": {} if loss is None else {"loss": loss},
            "tags": {"dataset_version": "v1"},
        } | changed
        return self.store.add_run(options.pop("experiment", self.experiment), **options)

    def recipe(self, name: str, *losses: float, **changed) -> list[str]:
        return [self.run(name, seed, loss, **changed) for seed, loss in enumerate(losses)]

    def produce(self, run_id: str) -> None:
        self.store.add_version("m", run_id, stage=Stage.PRODUCTION)

    def judge(self, run_id: str, **changed):
        policies = Policies("p", "0" * 64, {"m": replace(POLICY, **changed)})
        return compare_run(self.store, policies, CompareRun(run_id, "m"))


@pytest.fixture
def shop() -> Shop:
    return Shop()


def sizes(found):
    return len(found.candidate.replicates) + 1, len(found.baseline.replicates) + 1, [len(g) for g in found.calibration]


class TestGroups:
    """Candidate, baseline and calibration groups."""

    def test_each_value_of_a_mean_is_kept_with_its_run(self, shop):
        candidates = shop.recipe("new", 1.02, 1.00)
        unfinished = shop.run("new", 7, None)
        baseline = shop.run("old", 0, 1.01)
        shop.produce(baseline)
        found = shop.judge(candidates[0])
        assert set(found.candidate.replicates) == {candidates[1], unfinished}
        assert found.candidate.values == {"loss": ((candidates[0], 1.02), (candidates[1], 1.00))}
        assert found.baseline.values == {"loss": ((baseline, 1.01),)}

    def test_means_are_judged_and_other_groups_tell_the_noise(self, shop):
        candidates = shop.recipe("new", 1.02, 1.00, 1.04)
        baselines = shop.recipe("old", 1.00, 1.01)
        shop.recipe("other", 2.0, 2.1)
        shop.run("single", 0, 3.0)
        shop.produce(baselines[0])
        found = shop.judge(candidates[0])
        metric = found.verdict.metrics[0]
        assert sizes(found) == (3, 2, [2])
        assert (metric.candidate, metric.baseline) == (pytest.approx(1.02), pytest.approx(1.005))
        assert (metric.n_candidate, metric.n_baseline, metric.df) == (3, 2, 4)
        assert set(found.candidate.replicates) == set(candidates[1:])
        assert pickle.loads(pickle.dumps(found)) == found

    def test_the_lucky_run_does_not_pass(self, shop):
        candidates = shop.recipe("new", 0.99, 1.3, 1.31, 1.32, 1.3, 1.31, 1.32, 1.3)
        shop.produce(shop.run("old", 0, 1.0))
        assert shop.judge(candidates[0]).verdict.outcome is Outcome.REGRESSION

    def test_one_group_of_a_known_spread_makes_seven_percent_inconclusive_and_ten_a_regression(self, shop):
        """The edge cases +7 % and +10 % with one calibration group n = 5 of sd 3 %, found in a store."""
        step = 0.03 * math.sqrt(4 / 10)
        shop.recipe("other", *(1 + step * i for i in (-2, -1, 0, 1, 2)))
        shop.produce(shop.run("old", 0, 1.0))
        outcomes = {}
        for worse in (1.07, 1.10):
            candidate = shop.run(f"new {worse}", 0, worse)
            verdict = shop.judge(candidate).verdict
            outcomes[worse] = (verdict.outcome, verdict.reason)
            assert shop.judge(candidate, calibrate=False).verdict.outcome is Outcome.REGRESSION
        assert outcomes == {
            1.07: (Outcome.INCONCLUSIVE, "noise_exceeds_margin"),
            1.10: (Outcome.REGRESSION, "worse_than_tolerance"),
        }

    def test_calibrate_false_leaves_the_sides_their_replicates(self, shop):
        candidates, baselines = shop.recipe("new", 1.0, 1.1), shop.recipe("old", 1.0, 1.1)
        shop.recipe("other", 2.0, 2.1)
        shop.produce(baselines[0])
        assert sizes(shop.judge(candidates[0], calibrate=False)) == (2, 2, [])

    def test_without_nuisance_params_nothing_is_looked_up(self, shop):
        candidates, baselines = shop.recipe("new", 1.0, 1.1), shop.recipe("old", 1.0, 1.1)
        shop.produce(baselines[0])
        shop.store.fail = lambda method: AssertionError if method == "search_runs" else None
        assert sizes(shop.judge(candidates[0], nuisance_params=())) == (1, 1, [])

    @pytest.mark.parametrize(("pattern", "found"), [("*_seed", 2), ("torch_*", 2), ("data_seed", 1), ("seed", 1)])
    def test_nuisance_params_by_pattern(self, shop, pattern, found):
        runs = [shop.run("new", None, 1.0, params={"lr": "1", "torch_seed": seed}) for seed in (1, 2)]
        shop.produce(shop.run("old", 0, 1.0))
        assert sizes(shop.judge(runs[0], nuisance_params=(pattern,)))[0] == found

    def test_equal_seeds_count_once_and_the_run_itself_goes_first(self, shop):
        older = shop.run("new", 1, 1.0)
        newer = shop.run("new", 1, 2.0)
        other = shop.run("new", 2, 1.5)
        shop.produce(shop.run("old", 0, 1.0))
        for run in (older, newer):
            found = shop.judge(run)
            assert found.candidate.replicates == (other,)
        assert shop.judge(older).verdict.metrics[0].candidate == 1.25

    def test_runs_that_log_no_seed_do_not_repeat_one_another(self, shop):
        runs = [shop.run("new", None, loss) for loss in (1.0, 1.1, 1.2)]
        bare = [shop.run("", None, loss, params={}) for loss in (1.0, 1.1)]
        shop.produce(shop.run("old", 0, 1.0))
        assert sizes(shop.judge(runs[0])) == (1, 1, [])
        assert sizes(shop.judge(bare[0])) == (1, 1, [])

    def test_folds_are_no_replicates(self, shop):
        folds = [shop.run("new", 1, 1.0, params={"recipe": "new", "seed": 1, "fold": fold}) for fold in range(5)]
        shop.produce(shop.run("old", 0, 1.0))
        assert sizes(shop.judge(folds[0])) == (1, 1, [])

    @pytest.mark.parametrize(
        "changed",
        [
            {"status": RunStatus.FAILED},
            {"status": RunStatus.RUNNING},
            {"lifecycle_stage": "deleted"},
            {"tags": {"dataset_version": "v2"}},
            {"tags": {}},
            {"datasets": (Dataset("d", "1234", "validation"),)},
            {"params": {"recipe": "new", "seed": 5, "lr": "0.1"}},
        ],
    )
    def test_what_keeps_a_run_from_being_a_replicate(self, shop, changed):
        candidates = shop.recipe("new", 1.0, 1.1)
        shop.run("new", 5, 1.2, **changed)
        shop.produce(shop.run("old", 0, 1.0))
        assert shop.judge(candidates[0]).candidate.replicates == (candidates[1],)

    def test_blanks_around_a_data_version_make_no_other_one(self, shop):
        candidates = shop.recipe("new", 1.0, 1.1)
        other = shop.run("new", 5, 1.2, tags={"dataset_version": " v1 "})
        shop.produce(shop.run("old", 0, 1.0))
        assert set(shop.judge(candidates[0]).candidate.replicates) == {candidates[1], other}

    def test_each_side_has_its_replicates_in_its_own_experiment(self, shop):
        candidates = shop.recipe("new", 1.0, 1.1)
        baselines = shop.recipe("old", 1.0, 1.1, 1.2, experiment=shop.store.add_experiment("elsewhere"))
        shop.produce(baselines[0])
        assert sizes(shop.judge(candidates[0])) == (2, 3, [])

    def test_data_of_one_digest_and_another_name_are_another_recipe(self, shop):
        def data(name):
            return {"datasets": (Dataset(name, "1234", "validation"),)}

        candidates = shop.recipe("new", 1.0, 1.1, **data("d"))
        shop.run("new", 5, 1.2, **data("e"))
        shop.produce(shop.run("old", 0, 1.0))
        assert shop.judge(candidates[0]).candidate.replicates == (candidates[1],)

    def test_a_deleted_candidate_is_shown_alone(self, shop):
        candidates = shop.recipe("new", 1.0, 1.1)
        shop.produce(shop.run("old", 0, 1.0))
        shop.store.delete_run(candidates[0])
        found = shop.judge(candidates[0])
        assert (sizes(found), found.verdict.reason) == ((1, 1, []), "candidate_deleted")

    def test_another_experiment_holds_no_replicates(self, shop):
        candidate = shop.run("new", 1, 1.0)
        shop.run("new", 2, 1.0, experiment=shop.store.add_experiment("elsewhere"))
        shop.produce(shop.run("old", 0, 1.0))
        assert sizes(shop.judge(candidate)) == (1, 1, [])

    def test_data_of_another_context_do_not_matter(self, shop):
        runs = [shop.run("new", i, 1.0, datasets=(Dataset("d", f"{i}", "training"),)) for i in range(2)]
        shop.produce(shop.run("old", 0, 1.0))
        assert sizes(shop.judge(runs[0]))[0] == 2

    def test_commits_part_a_recipe_where_both_have_one(self, shop):
        def commit(sha):
            return {"tags": {"dataset_version": "v1"} | ({COMMIT: sha} if sha else {})}

        a = [shop.run("new", i, 1.0, **commit("aaa")) for i in range(2)]
        none = [shop.run("new", i + 2, 1.0, **commit("")) for i in range(2)]
        shop.produce(shop.run("old", 0, 1.0))
        assert sizes(shop.judge(a[0]))[0] == 4
        assert sizes(shop.judge(none[0]))[0] == 4
        b = [shop.run("new", i + 4, 1.0, **commit("bbb")) for i in range(3)]
        assert sizes(shop.judge(a[0])) == (2, 1, [3, 2])
        assert sizes(shop.judge(b[0]))[0] == 3
        assert sizes(shop.judge(none[0]))[0] == 2


class TestOneRecipe:
    """Candidate and baseline of one recipe."""

    def test_each_is_judged_alone_and_the_rest_tells_the_noise(self, shop):
        runs = shop.recipe("same", 1.00, 1.04, 1.01, 0.99)
        shop.produce(runs[0])
        found = shop.judge(runs[1])
        metric = found.verdict.metrics[0]
        assert sizes(found) == (1, 1, [2])
        assert (metric.candidate, metric.baseline, metric.df) == (1.04, 1.0, 1)
        assert any("of one recipe" in w and "2 other runs" in w for w in found.verdict.warnings)

    def test_what_is_left_of_the_recipe_is_told_apart_where_several_are_judged(self, shop):
        runs = shop.recipe("same", 1.00, 1.04, 1.01, 1.50)
        shop.produce(runs[0])
        policies = Policies("p", "0" * 64, {"m": POLICY})
        bench = Bench(shop.store, policies)
        for run_id in runs[1:]:
            request = CompareRun(run_id, "m")
            assert bench.compare(request).verdict == compare_run(shop.store, policies, request).verdict

    def test_nor_with_the_same_seed(self, shop):
        first, second = shop.run("same", 1, 1.0), shop.run("same", 1, 2.0)
        shop.produce(first)
        found = shop.judge(second)
        assert sizes(found) == (1, 1, [])
        assert found.verdict.metrics[0].candidate == 2.0

    def test_a_run_compared_with_itself_passes_whatever_the_noise(self, shop):
        runs = shop.recipe("same", 1.0, 2.0, 3.0)
        shop.produce(runs[0])
        assert shop.judge(runs[0]).verdict.outcome is Outcome.PASS


class TestValues:
    """Values that are missing or no numbers, and those that a rule selects."""

    def test_a_diverged_replicate_of_the_candidate_is_a_regression(self, shop):
        candidates = shop.recipe("new", 1.0, math.nan, 1.0)
        shop.produce(shop.run("old", 0, 1.0))
        assert shop.judge(candidates[0]).verdict.reason == "candidate_non_finite"

    def test_one_of_the_baseline_is_left_out_and_said(self, shop):
        baselines = shop.recipe("old", 1.0, math.inf, 1.0)
        shop.produce(baselines[0])
        found = shop.judge(shop.run("new", 0, 1.0))
        assert found.verdict.metrics[0].n_baseline == 2
        assert found.verdict.metrics[0].warnings[0] == "baseline_non_finite_dropped"

    def test_one_of_a_calibration_group_is_left_out(self, shop):
        shop.recipe("other", 1.0, 1.1, math.nan)
        shop.recipe("broken", 1.0, math.nan)
        shop.produce(shop.run("old", 0, 1.0))
        assert shop.judge(shop.run("new", 0, 1.0)).verdict.metrics[0].df == 1

    def test_what_the_run_itself_lacks_is_missing(self, shop):
        lacks = shop.run("new", 0, None)
        shop.run("new", 1, 1.0)
        shop.produce(shop.run("old", 0, 1.0))
        assert shop.judge(lacks).verdict.reason == "candidate_missing"

    def test_what_a_replicate_lacks_is_not_counted(self, shop):
        own = shop.run("new", 0, 1.0)
        shop.run("new", 1, None)
        shop.produce(shop.run("old", 0, 1.0))
        assert shop.judge(own).verdict.metrics[0].n_candidate == 1

    def test_select_reads_each_replicates_history_and_says_when_it_stops(self, shop, monkeypatch):
        best = replace(LOSS, select="best")
        candidates = [shop.run("new", seed, [1.0, 3.0]) for seed in range(3)]
        shop.produce(shop.run("old", 0, [2.0, 4.0]))
        metric = shop.judge(candidates[0], metrics=(best,)).verdict.metrics[0]
        assert (metric.candidate, metric.baseline, metric.n_candidate) == (1.0, 2.0, 3)
        monkeypatch.setattr(values_module.ValueReader.__init__, "__defaults__", (1,))
        few = shop.judge(candidates[0], metrics=(best,)).verdict
        assert few.metrics[0].n_candidate == 2
        assert any("too long" in w for w in few.warnings)

    def test_no_history_is_read_where_the_latest_value_is_judged(self, shop):
        candidates = shop.recipe("new", 1.0, 1.0)
        shop.produce(shop.run("old", 0, 1.0))
        shop.store.fail = lambda method: AssertionError() if method == "metric_history" else None
        assert shop.judge(candidates[0]).verdict.outcome is Outcome.PASS


class TestCalibrate:
    """What ``mlaudit calibrate`` takes for the baseline's group."""

    def test_the_baseline_stays_in_its_group_when_its_seed_was_trained_again(self, shop):
        runs = shop.recipe("old", 1.0, 1.1, 1.2)
        shop.produce(runs[0])
        shop.run("old", 0, 5.0)
        found = calibrate_model(shop.store, Policies("p", "0" * 64, {"m": POLICY}), CalibrateModel("m"))
        assert [(set(g.run_ids), g.is_baseline) for g in found.groups] == [(set(runs), True)]
        assert found.metrics[0].n_baseline == 3

    def test_identical_replicates_suggest_no_tolerance_and_that_is_said(self, shop):
        shop.produce(shop.recipe("old", 1.0, 1.0, 1.0)[0])
        found = calibrate_model(shop.store, Policies("p", "0" * 64, {"m": POLICY}), CalibrateModel("m"))
        assert found.warnings == ("replicates are identical: did the seed change anything? (loss)",)
        assert '# "loss": its replicates are identical; keep the rule that it has' in fragment(found)
        assert "max_rel_regression" not in fragment(found)
        report = render_text(found, colour=False, width=80)
        assert "did the seed change anything? (loss)" in report
        assert "To paste" not in report

    def test_a_group_around_zero_is_left_out_and_said_and_its_spread_may_be_beyond_all_numbers(self, shop):
        shop.recipe("other", 1.7e308, -1.7e308)
        shop.produce(shop.recipe("old", 1e-310, 1.1e-310)[0])
        rule = replace(LOSS, max_rel_regression=None, max_abs_regression=1.0)
        policies = Policies("p", "0" * 64, {"m": replace(POLICY, metrics=(rule,))})
        found = calibrate_model(shop.store, policies, CalibrateModel("m"))
        assert found.warnings == ("a calibration group was left out: around 0 a relative spread means nothing (loss)",)
        metric = json.loads(render_json_report(found))["metrics"][0]
        assert sorted((g["sd"] is None, g["relative_sd"] is None) for g in metric["groups"]) == [
            (False, False), (True, True),
        ]  # fmt: skip
        assert metric["policy_tolerance"] is None

    def test_a_baseline_without_replicates_still_tells_what_an_absolute_tolerance_is_a_share_of(self, shop):
        shop.recipe("other", 1.0, 1.01)
        shop.produce(shop.run("old", 0, 2.0))
        rule = replace(LOSS, max_rel_regression=None, max_abs_regression=0.1)
        policies = Policies("p", "0" * 64, {"m": replace(POLICY, metrics=(rule,))})
        metric = calibrate_model(shop.store, policies, CalibrateModel("m")).metrics[0]
        assert (metric.tolerance, metric.n_baseline) == (pytest.approx(0.05), 1)
        assert metric.needed is not None


class TestPaired:
    """Runs of the same seed beside one another."""

    def test_pairs_go_by_seed_and_not_by_order(self, shop):
        noise = (0.0, 0.5, 1.0, 2.0)
        candidates = [shop.run("new", seed, 10.01 + noise[seed]) for seed in (3, 1, 0, 2)]
        baselines = [shop.run("old", seed, 10.0 + noise[seed]) for seed in (0, 1, 2, 3)]
        shop.produce(baselines[0])
        metric = shop.judge(candidates[0], paired=True).verdict.metrics[0]
        assert metric.df == 3
        assert metric.noise == pytest.approx(0, abs=1e-9)
        assert metric.outcome is Outcome.PASS
        assert shop.judge(candidates[0]).verdict.metrics[0].noise > 0.5

    def test_seeds_of_one_side_are_left_out_and_said(self, shop):
        candidates = shop.recipe("new", 1.0, 1.1, 1.2)
        shop.produce(shop.recipe("old", 1.0, 1.1, 1.2, 9.0)[0])
        verdict = shop.judge(candidates[0], paired=True).verdict
        assert (verdict.metrics[0].n_baseline, verdict.metrics[0].baseline) == (3, pytest.approx(1.1))
        assert "unpaired_left_out" in verdict.metrics[0].warnings

    def test_too_few_pairs_are_judged_unpaired_and_said(self, shop):
        candidates = [shop.run("new", seed, 1.0 + seed / 100) for seed in (5, 6, 7)]
        shop.produce(shop.recipe("old", 1.0, 1.1, 1.2)[0])
        metric = shop.judge(candidates[0], paired=True).verdict.metrics[0]
        assert (metric.df, "paired_not_possible" in metric.warnings) == (4, True)


class TestLooking:
    """Where it looks and how far."""

    def test_the_policys_experiment(self, shop):
        candidates = shop.recipe("new", 1.0, 1.1)
        shop.produce(shop.run("old", 0, 1.0))
        assert sizes(shop.judge(candidates[0], experiment="e"))[0] == 2
        other = shop.store.add_experiment("calibration")
        shop.recipe("other", 1.0, 1.1, 1.2, experiment=other)
        found = shop.judge(candidates[0], experiment="calibration")
        assert sizes(found) == (1, 1, [3])
        assert any("the candidate is of another" in w for w in found.verdict.warnings)
        gone = shop.judge(candidates[0], experiment="gone")
        assert sizes(gone) == (1, 1, [])
        assert any("experiment gone is not in this store" in w for w in gone.verdict.warnings)

    def test_a_large_experiment_is_looked_at_by_pages_and_only_so_far(self, shop, monkeypatch):
        monkeypatch.setattr(replicates_module, "PAGE", 3)
        shop.recipe("other", *(1.0 + i / 100 for i in range(10)))
        run = shop.store.get_run(shop.run("new", 0, 1.0))
        everything, complete = ReplicateFinder(shop.store, 20).looked_at(shop.experiment)
        assert (len(everything), complete) == (11, True)
        for limit, whole in ((11, True), (10, False)):
            looked_at, complete = ReplicateFinder(shop.store, limit).looked_at(shop.experiment)
            assert (len(looked_at), complete) == (limit, whole)
        finder = ReplicateFinder(shop.store, 5)
        found = finder.find(POLICY, run, None)
        assert [len(g) for g in found.groups] == [4]
        assert any("only the newest 5 finished runs of experiment e" in w for w in found.warnings)

    def test_a_candidate_beyond_the_limit_still_has_its_newer_replicates(self, shop):
        run = shop.store.get_run(shop.run("new", 0, 1.0))
        shop.recipe("other", *(1.0 + i / 100 for i in range(5)))
        shop.run("new", 1, 1.0)
        assert len(ReplicateFinder(shop.store, 3).find(POLICY, run, None).candidate) == 2
