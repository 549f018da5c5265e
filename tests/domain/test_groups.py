"""Groups of runs: who belongs together, what their values come to, and what is left out is said."""

from __future__ import annotations

import math
import statistics

import pytest

from mlaudit.domain.finite import STORED_INFINITY
from mlaudit.domain.groups import (
    RECIPE,
    RunGroup,
    Statistic,
    group_choices,
    group_runs,
    sorted_groups,
    summary_of,
    verdicts_of,
)
from mlaudit.domain.models import Run
from mlaudit.domain.sorting import SortKey
from mlaudit.domain.triage import JudgedRun
from mlaudit.domain.verdict import GatePolicy, Outcome


def run(name: str, params: dict[str, str] | None = None, loss: float | None = None, **more: object) -> Run:
    metrics = {} if loss is None else {"loss": loss}
    options: dict[str, object] = {"status": "FINISHED", "params": params or {}, "metrics": metrics} | more
    return Run(name, "1", name, **options)  # type: ignore[arg-type]


class TestSummary:
    def test_it_agrees_with_the_standard_library(self) -> None:
        values = [0.31, 0.29, 0.335, 1e-3, 12.0]
        found = summary_of(values)
        assert found.mean == pytest.approx(statistics.mean(values), rel=1e-15)
        assert found.sd == pytest.approx(statistics.stdev(values), rel=1e-14)
        assert (found.least, found.greatest, found.n) == (1e-3, 12.0, 5)

    def test_nan_infinite_and_missing_are_in_no_figure_and_are_counted(self) -> None:
        found = summary_of([1.0, 3.0, math.nan, math.inf, -STORED_INFINITY, None])
        assert (found.mean, found.n, found.odd, found.missing) == (2.0, 2, 3, 1)
        assert found.text(Statistic.MEAN_SD) == "2 ±1.41 n=2"
        assert found.sentence().startswith("n 2 of 6 (1 without it, 3 NaN or infinite) · mean 2")

    def test_one_value_has_no_sd_and_none_has_no_mean(self) -> None:
        assert summary_of([2.0]).sd is None
        assert summary_of([2.0]).text(Statistic.MEAN_SD) == "2"
        assert summary_of([2.0]).text(Statistic.SD) == "—"
        assert summary_of([None, None]).text(Statistic.MEAN) == "—"
        assert summary_of([math.nan]).text(Statistic.MEAN) == "— n=0"

    def test_values_at_the_end_of_the_scale_overflow_nothing(self) -> None:
        found = summary_of([1e308, 1.2e308, 1.4e308])
        assert found.mean == pytest.approx(1.2e308)
        assert found.sd == pytest.approx(2e307)
        assert summary_of([1e-300, 3e-300]).sd == pytest.approx(math.sqrt(2) * 1e-300)

    def test_each_figure_by_name(self) -> None:
        found = summary_of([1.0, 2.0, 6.0])
        shown = {statistic: found.text(statistic) for statistic in Statistic}
        assert shown == {"mean ±sd": "3 ±2.65", "mean": "3", "sd": "2.6458", "min": "1", "max": "6", "n": "3"}


class TestGrouping:
    def test_by_several_columns_in_the_order_of_each_groups_first(self) -> None:
        runs = [run("a", {"lr": "1", "h": "2"}), run("b", {"lr": "1", "h": "3"}), run("c", {"lr": "1", "h": "2"})]
        groups = group_runs(runs, ["params.lr", "params.h"])
        assert [[r.run_id for r in g.runs] for g in groups] == [["a", "c"], ["b"]]
        assert groups[0].label == "lr=1, h=2"

    def test_runs_without_the_param_are_a_group_of_their_own(self) -> None:
        """Not that of the empty text."""
        groups = group_runs([run("a"), run("b", {"lr": ""}), run("c")], ["params.lr"])
        assert [(g.label, len(g.runs)) for g in groups] == [("no lr", 2), ("lr=", 1)]

    def test_by_fields_and_tags(self) -> None:
        runs = [run("a", tags={"team": "risk"}), run("b", status="FAILED", tags={"team": "risk"})]
        assert [g.label for g in group_runs(runs, ["tags.team"])] == ["team=risk"]
        assert [g.label for g in group_runs(runs, ["status"])] == ["status=FINISHED", "status=FAILED"]
        assert [g.label for g in group_runs(runs, ["experiment"], experiments={"1": "fraud"})] == ["experiment=fraud"]

    def test_by_recipe_seeds_are_put_together_and_named_by_what_differs(self) -> None:
        """By the policy's nuisance params; same params by another commit are told apart by a number."""
        seeds = [run(f"w{s}", {"h": "128", "opt": "sgd", "seed": s}) for s in "12"]
        others = [
            run(f"n{s}", {"h": "16", "opt": "sgd", "seed": s}, tags={"mlflow.source.git.commit": s}) for s in "12"
        ]
        groups = group_runs([*seeds, *others], [RECIPE])
        assert [(g.label, len(g.runs)) for g in groups] == [("h=128", 2), ("h=16", 1), ("h=16 (2)", 1)]
        every = group_runs(seeds, [RECIPE], GatePolicy(nuisance_params=()))
        assert [g.label for g in every] == ["seed=1", "seed=2"]


class TestCells:
    def group(self) -> RunGroup:
        runs = [
            run("a", {"h": "1", "s": "1"}, 0.5, start_time=1_767_225_600_000, end_time=1_767_225_601_000),
            run("b", {"h": "1", "s": "2"}, math.nan, start_time=1_767_225_660_000, end_time=1_767_225_663_000),
        ]
        return group_runs(runs, ["params.h"])[0]

    def cell(self, column: str, statistic: Statistic = Statistic.MEAN_SD) -> str:
        return self.group().cell(column, statistic, {})

    def test_what_is_the_same_is_shown_and_what_is_not_is_counted(self) -> None:
        assert self.cell("params.h") == "1"
        assert self.cell("params.s") == "2 values"
        assert self.cell("status") == "FINISHED"
        assert self.cell("count") == "2"
        assert self.cell("metrics.loss") == "0.5 n=1"
        assert self.cell("start_time") == "to 2026-01-01 00:01"
        assert self.cell("duration", Statistic.MEAN) == "2.0s"

    def test_the_detail_tells_all_of_a_column(self) -> None:
        group = self.group()
        assert group.detail("metrics.loss", "loss", {}) == (
            "loss: n 1 of 2 (1 NaN or infinite) · mean 0.5 · sd — · min 0.5 · max 0.5"
        )
        assert group.detail("params.s", "s", {}) == "s in 2 runs: 1 ×1, 2 ×1"
        assert group.detail("run_name", "name", {}) == "h=1: 2 runs"

    def test_verdicts_are_counted_the_best_first(self) -> None:
        judged = {"a": JudgedRun("a", Outcome.REGRESSION)}
        assert verdicts_of(self.group(), judged) == "1 REGRESSION, 1 …"
        judged["b"] = JudgedRun("b", Outcome.PASS)
        assert verdicts_of(self.group(), judged) == "1 PASS, 1 REGRESSION"


class TestOrder:
    def order(self, *sorting: SortKey, statistic: Statistic = Statistic.MEAN_SD) -> list[str]:
        runs = [
            run("a", {"h": "16"}, 0.3),
            run("b", {"h": "128"}, 0.1),
            run("c", {"h": "128"}, 0.9),
            run("d", {"h": "8"}, math.nan),
            run("e", {"h": "wide"}, 0.2),
        ]
        return [g.values[0] or "" for g in sorted_groups(group_runs(runs, ["params.h"]), sorting, statistic, {})]

    def test_numbers_are_sorted_as_numbers_and_before_texts(self) -> None:
        assert self.order(SortKey("params.h")) == ["8", "16", "128", "wide"]
        assert self.order(SortKey("run_name", False)) == ["wide", "128", "16", "8"]

    def test_metrics_by_the_figure_that_is_shown_and_nothing_last(self) -> None:
        loss = SortKey("metrics.loss")
        assert self.order(loss) == ["wide", "16", "128", "8"]
        assert self.order(loss, statistic=Statistic.MIN) == ["128", "wide", "16", "8"]
        assert self.order(SortKey("metrics.loss", False)) == ["128", "16", "wide", "8"]

    def test_several_keys(self) -> None:
        assert self.order(SortKey("count", False), SortKey("params.h")) == ["128", "8", "16", "wide"]


def test_what_differs_and_still_puts_runs_together_is_offered_first() -> None:
    runs = [run(n, {"seed": n, "h": h, "opt": "sgd"}, tags={"t": "1"}) for n, h in zip("123", "112", strict=True)]
    choices = group_choices(runs)
    assert [c.column for c in choices[:2]] == ["params.h", "params.seed"]
    assert {c.column for c in choices[2:]} == {"params.opt", "tags.t", "status", "user"}
    assert (choices[0].distinct, choices[0].without) == (2, 0)
