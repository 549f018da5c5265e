"""The chart screen on the sample store."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.models import MetricHistory, Run, Stage
from mlaudit.domain.scales import XUnit, YScale
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.history import GetHistory
from mlaudit.services.requests import Request
from mlaudit.tui.histories import Histories, first_metric, metric_keys, run_labels
from mlaudit.tui.screens import chart as chart_module
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.widgets.metric_chart import MAX_OVERLAYS, MetricChart
from tests.plugins.sample_store import HOSTILE_KEY, MARKUP_NAME, MODEL, ODD_METRIC, SAMPLE
from tests.plugins.screen_tools import Handle, app_on, see, text_of, until


def runs_of(gateway: MemoryGateway, *nicknames: str) -> tuple[Run, ...]:
    return tuple(gateway.get_run(SAMPLE[n]) for n in nicknames)


async def show(pilot: Pilot[Any], screen: ChartScreen) -> MetricChart:
    """Push the screen and wait until its curves are there."""
    await pilot.app.push_screen(screen)
    chart = screen.query_one(MetricChart)
    await until(pilot, lambda: "loading" not in text_of(pilot) and all(s.note or len(s.values) for s in chart.series))
    return chart


class TestCurves:
    """What is drawn first, and what the keys change."""

    async def test_it_begins_with_the_validation_loss_of_all_runs(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "production", "better", "diverged")))
            assert chart.metric == "val_loss"
            assert [s.label for s in chart.series] == ["mlp-base", "mlp-wide", "mlp-hot"]
            await see(pilot, "7 points, 2 NaN")

    async def test_a_named_metric_comes_first_and_keys_go_through_the_list(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "better"), key="val_f1"))
            assert chart.metric == "val_f1"
            for keys, metric in (("j", "val_loss"), ("kk", "val_accuracy"), ("G", "val_roc_auc"), ("g", "train_loss")):
                await pilot.press(*keys)
                await until(pilot, lambda metric=metric: chart.metric == metric and len(chart.series[0].values) == 20)
            await pilot.press("down")
            await until(pilot, lambda: chart.metric == "val_accuracy")

    async def test_arrows_read_values_while_the_list_has_the_focus(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "better", "worse")))
            await pilot.press("right", "right")
            assert chart.cursor == 1
            await see(pilot, "step 1")
            await pilot.press("tab", "down")
            assert chart.highlighted == 1

    async def test_the_chart_is_changed_while_the_list_has_the_focus(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "better", "worse")))
            await pilot.press("L", "E", "X")
            assert (chart.scale, chart.weight, chart.unit) == (YScale.LOG, 0.3, XUnit.RELATIVE)
            await pilot.press("plus", "plus")
            await see(pilot, "zoomed")
            span = chart.view
            await pilot.press("[")
            assert chart.view != span
            await pilot.press("0")
            assert chart.view is None
            await see(pilot, "raw ", "◆")

    async def test_search_narrows_the_list_and_escape_leaves_it_before_the_screen(
        self, sample_gateway: MemoryGateway
    ) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = ChartScreen(runs_of(sample_gateway, "better"))
            chart = await show(pilot, screen)
            rows = screen.query_one(OptionList)
            await pilot.press("slash", *"AUC")
            await until(pilot, lambda: rows.option_count == 1)
            assert screen.query_one(Input).value == "AUC"
            await pilot.press("enter")
            await until(pilot, lambda: chart.metric == "val_roc_auc")
            await pilot.press("slash", *"zzz")
            await see(pilot, "no metric has this")
            await pilot.press("escape")
            await until(pilot, lambda: rows.option_count == 5)
            assert app.screen is screen
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is not screen)

    async def test_names_and_keys_are_literal_and_asked_for_in_their_raw_form(
        self, sample_gateway: MemoryGateway
    ) -> None:
        asked: list[GetHistory] = []

        def around(handle: Handle) -> Handle:
            def keep(request: Request[Any]) -> Any:
                if isinstance(request, GetHistory):
                    asked.append(request)
                return handle(request)

            return keep

        app = app_on(sample_gateway, around=around)
        async with app.run_test(size=(120, 40)) as pilot:
            runs = runs_of(sample_gateway, "markup", "hostile", "odd")
            chart = await show(pilot, ChartScreen(runs, key="lr␛[31m"))
            assert asked[-1].raw_key == HOSTILE_KEY
            assert len(chart.series[1].values) == 2
            text = text_of(pilot)
            assert f"A {MARKUP_NAME}" in text
            assert "␛[2J evil" in text
            assert "\x1b" not in text
            assert ODD_METRIC in text
            assert chart.series[0].note == "never logged"

    async def test_no_runs_and_no_metrics_are_said(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            await show(pilot, ChartScreen(runs_of(sample_gateway, "failed")))
            await see(pilot, "these runs logged no metrics")
            await show(pilot, ChartScreen(()))
            await see(pilot, "no runs were chosen")

    async def test_more_runs_than_the_cap_are_said(self, sample_gateway: MemoryGateway) -> None:
        many = tuple(
            sample_gateway.get_run(sample_gateway.add_run("1", name="same", metrics={"val_loss": [1.0, 2.0]}))
            for _ in range(MAX_OVERLAYS + 3)
        )
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            chart = await show(pilot, ChartScreen(many))
            assert len(chart.series) == MAX_OVERLAYS
            assert len({s.label for s in chart.series}) == MAX_OVERLAYS, "equal names get their ids"
            await see(pilot, f"the first {MAX_OVERLAYS} of {MAX_OVERLAYS + 3} runs")


def seeds(gateway: MemoryGateway, count: int) -> tuple[Run, ...]:
    """Runs that differ in their seed alone; the metric is the seed plus a common course."""
    ids = [
        gateway.add_run(
            "1",
            name=f"wide seed {seed}",
            params={"width": 8, "seed": seed},
            metrics={"score": [10.0 - step + seed for step in range(5)]},
        )
        for seed in range(count)
    ]
    return tuple(gateway.get_run(run_id) for run_id in ids)


class TestOptions:
    """Recipes as means, Production's curve, differences."""

    async def test_runs_that_differ_in_their_seed_become_a_mean_with_a_band(
        self, sample_gateway: MemoryGateway
    ) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(120, 40)) as pilot:
            runs = (*seeds(sample_gateway, 3), *runs_of(sample_gateway, "better"))
            chart = await show(pilot, ChartScreen(runs, key="score"))
            await pilot.press("M")
            await until(pilot, lambda: len(chart.series) == 2 and len(chart.series[0].values) == 5)
            assert chart.series[0].label == "wide seed ×3"
            assert list(chart.series[0].values) == [11.0, 10.0, 9.0, 8.0, 7.0]
            await see(pilot, "band: 95 % of 3 runs", "░", "which way it gets better is not known")
            await pilot.press("X")
            assert chart.reading.unit is XUnit.STEP
            await pilot.press("M")
            await until(pilot, lambda: len(chart.series) == 4)

    async def test_nothing_to_average_is_said(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(120, 40)) as pilot:
            await show(pilot, ChartScreen(runs_of(sample_gateway, "better", "worse")))
            await pilot.press("M")
            await see(pilot, "no two of these runs differ in their seed alone")

    async def test_the_curve_of_production_comes_and_goes(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(120, 40)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "better")))
            await pilot.press("P")
            await until(pilot, lambda: len(chart.series) == 2 and len(chart.series[1].values) == 20)
            await see(pilot, "Production v2 mlp-base", "stage:Production of fraud-detector is version 2")
            await pilot.press("D")
            await see(pilot, "mlp-wide − Production v2 mlp-base", "┈")
            assert len(chart.series) == 1
            assert chart.series[0].values[19] == pytest.approx(-0.024)
            await pilot.press("D", "P")
            await until(pilot, lambda: [s.label for s in chart.series] == ["mlp-wide"])

    async def test_a_run_that_is_in_production_is_named_and_not_drawn_twice(
        self, sample_gateway: MemoryGateway
    ) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(120, 40)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "better", "production")))
            await pilot.press("P")
            await until(pilot, lambda: chart.series[1].label == "Production v2 mlp-base")
            assert len(chart.series) == 2

    async def test_of_several_models_one_after_the_other(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.add_version("[/x] other", SAMPLE["noise"], stage=Stage.PRODUCTION)
        app = app_on(sample_gateway)
        async with app.run_test(size=(120, 40)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "better")))
            seen = set()
            for _ in range(2):
                await pilot.press("P")
                await until(
                    pilot,
                    lambda: (
                        len(chart.series) == 2 and len(chart.series[1].values) and chart.series[1].label not in seen
                    ),
                )
                seen.add(chart.series[1].label)
            assert seen == {"Production v2 mlp-base", "Production v1 mlp-seed-7"}
            await pilot.press("P")
            await until(pilot, lambda: len(chart.series) == 1)

    async def test_nobody_in_production_and_no_model_are_said(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(120, 40)) as pilot:
            await show(pilot, ChartScreen(runs_of(sample_gateway, "churn")))
            await pilot.press("P")
            await see(pilot, "churn has no stage:Production")
        empty = MemoryGateway()
        run = empty.get_run(empty.add_run(empty.add_experiment("e"), name="r", metrics={"loss": [1.0, 2.0]}))
        async with (app := app_on(empty)).run_test(size=(120, 40)) as pilot:
            await show(pilot, ChartScreen((run,)))
            await pilot.press("P")
            await see(pilot, "no registered model")

    async def test_a_policy_says_which_way_is_better(
        self, sample_gateway: MemoryGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "mlaudit.toml").write_text(
            f'schema = 1\n[model."{MODEL}"]\n[[model."{MODEL}".metric]]\n'
            'name = "odd_score"\ndirection = "higher"\nmax_rel_regression = 0.1\n'
        )
        monkeypatch.chdir(tmp_path)
        run_id = sample_gateway.add_run("1", name="r", metrics={"odd_score": [1.0, 3.0, 2.0]})
        app = app_on(sample_gateway)
        async with app.run_test(size=(120, 40)) as pilot:
            await show(pilot, ChartScreen((sample_gateway.get_run(run_id),)))
            await see(pilot, "◆ best: greatest", "◆ 3 @1")


class TestLoading:
    """Each run answers for itself."""

    async def test_one_run_that_fails_leaves_the_others_drawn_and_r_tries_again(
        self, sample_gateway: MemoryGateway
    ) -> None:
        broken = {SAMPLE["better"]}

        def around(handle: Handle) -> Handle:
            def fail(request: Request[Any]) -> Any:
                if isinstance(request, GetHistory) and request.run_id in broken:
                    raise StoreUnavailable("http://127.0.0.1:1", "refused")
                return handle(request)

            return fail

        app = app_on(sample_gateway, around=around)
        async with app.run_test(size=(120, 40)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "production", "better")))
            assert [len(s.values) for s in chart.series] == [20, 0]
            assert "not read: http://127.0.0.1:1: refused" in chart.series[1].note
            await see(pilot, "1 of 2 runs gave no answer")
            broken.clear()
            await pilot.press("r")
            await until(pilot, lambda: [len(s.values) for s in chart.series] == [20, 20])
            broken.add(SAMPLE["production"])
            await pilot.press("r")
            await until(pilot, lambda: "not refreshed" in chart.series[0].note)
            assert len(chart.series[0].values) == 20, "what was there stays"

    async def test_it_says_how_many_are_loading_and_drops_answers_for_another_metric(
        self, sample_gateway: MemoryGateway
    ) -> None:
        gate = threading.Event()

        def around(handle: Handle) -> Handle:
            def wait(request: Request[Any]) -> Any:
                if isinstance(request, GetHistory) and (request.key, request.run_id) == ("val_loss", SAMPLE["better"]):
                    gate.wait(10)
                return handle(request)

            return wait

        app = app_on(sample_gateway, around=around)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = ChartScreen(runs_of(sample_gateway, "production", "better"))
            await app.push_screen(screen)
            chart = screen.query_one(MetricChart)
            await see(pilot, "loading 1 of 2")
            await pilot.press("j")
            await until(pilot, lambda: chart.metric == "val_roc_auc" and len(chart.series[1].values) == 20)
            gate.set()
            await pilot.pause(0.1)
            assert chart.metric == "val_roc_auc"
            assert "loading" not in text_of(pilot)

    async def test_a_sampled_history_is_labelled(self, sample_gateway: MemoryGateway) -> None:

        def around(handle: Handle) -> Handle:
            def sample(request: Request[Any]) -> Any:
                answer = handle(request)
                return replace(answer, sampled=True) if isinstance(answer, MetricHistory) else answer

            return sample

        app = app_on(sample_gateway, around=around)
        async with app.run_test(size=(80, 24)) as pilot:
            await show(pilot, ChartScreen(runs_of(sample_gateway, "better")))
            await see(pilot, "20 points, sampled")


class TestLiveRuns:
    """Runs that go on are asked again until they end."""

    async def test_new_points_new_metrics_and_the_end_are_seen(
        self, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(chart_module, "LIVE_SECONDS", 0.1)
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = ChartScreen(runs_of(sample_gateway, "running"))
            chart = await show(pilot, screen)
            await see(pilot, "1 RUNNING")
            sample_gateway.log_metric(SAMPLE["running"], "val_loss", 0.2, 8)
            await until(pilot, lambda: len(chart.series[0].values) == 9)
            sample_gateway.log_metric(SAMPLE["running"], "new_metric", 0.2, 8)
            await see(pilot, "new_metric")
            sample_gateway.terminate_run(SAMPLE["running"], "FINISHED")
            await until(pilot, lambda: "RUNNING" not in text_of(pilot))

    async def test_a_store_that_is_gone_leaves_the_curve(
        self, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(chart_module, "LIVE_SECONDS", 0.1)
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            chart = await show(pilot, ChartScreen(runs_of(sample_gateway, "running")))
            sample_gateway.fail = lambda _method: StoreUnavailable("memory://", "gone")
            await see(pilot, "1 of 1 runs gave no answer (memory://: gone)")
            assert "not refreshed" in chart.series[0].note
            assert len(chart.series[0].values) == 8
            sample_gateway.fail = lambda _method: None
            await until(pilot, lambda: "gone" not in str(app.screen.query_one("#status", Static).render()))


class TestNames:
    """Labels and the first metric."""

    def test_equal_and_missing_names_get_ids(self) -> None:
        runs = [Run("a" * 32, "1", "x", "FINISHED"), Run("b" * 32, "1", "x", "FINISHED"), Run("c" * 32, "1", "", "x")]
        assert run_labels(runs) == ("x aaaaaaaa", "x bbbbbbbb", "cccccccc")
        assert run_labels(runs[:1]) == ("x",)

    def test_system_metrics_come_last_and_a_validation_loss_is_looked_at_first(self) -> None:
        run = Run("a", "1", "x", "FINISHED", metrics={"system/cpu": 1.0, "z": 1.0, "loss": 1.0, "val_loss": 1.0})
        assert metric_keys([run]) == ("loss", "val_loss", "z", "system/cpu")
        assert first_metric(metric_keys([run])) == "val_loss"
        assert first_metric(("a", "loss", "val_f1")) == "val_f1"
        assert first_metric(("a", "loss")) == "loss"
        assert first_metric(("a", "b")) == "a"
        assert first_metric(()) is None


async def test_the_least_recently_used_histories_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by points; the newest history stays whatever its size."""
    monkeypatch.setattr("mlaudit.tui.histories.KEEP_POINTS", 5)
    from mlaudit.domain.models import MetricPoint

    async def ask(request: Any) -> Any:
        return MetricHistory.from_points(request.run_id, request.key, [MetricPoint(i, i, 1.0) for i in range(3)])

    kept = Histories(ask)
    run = Run("a", "1", "x", "FINISHED", metrics={"m": 1.0, "n": 1.0})
    await kept.load([run], "m", lambda: None)
    await kept.load([run], "n", lambda: None)
    assert kept.get(run, "m") is None
    assert kept.get(run, "n") is not None
    assert kept.waiting([run], "n") == 0


async def test_what_has_no_room_beside_the_others_is_said_and_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Alone it has; what was looked at last stays longest."""
    from mlaudit.domain.models import MetricPoint

    monkeypatch.setattr("mlaudit.tui.histories.KEEP_POINTS", 6)
    asked: list[str] = []

    async def ask(request: Any) -> Any:
        asked.append(request.run_id)
        return MetricHistory.from_points(request.run_id, request.key, [MetricPoint(i, i, 1.0) for i in range(3)])

    kept = Histories(ask)
    a, b, c = runs = [Run(name, "1", name, "FINISHED", metrics={"m": 1.0}) for name in "abc"]
    await kept.load([a, b], "m", lambda: None)
    assert kept.get(a, "m") is not None
    await kept.load([c], "m", lambda: None)
    assert [kept.get(run, "m") is not None for run in (a, b, c)] == [True, False, True]
    assert not kept.settled([b], "m"), "others have pushed it out"
    await kept.load(runs, "m", lambda: None)
    assert kept.settled(runs, "m")
    (gone,) = (run for run in runs if kept.get(run, "m") is None)
    (note,) = (one.note for one in kept.series(runs, "m") if not len(one.values))
    assert note == "not shown: more points than the 6 that are kept"
    before = len(asked)
    await kept.load(runs, "m", lambda: None)
    assert len(asked) == before
    assert not kept.settled([gone], "m")
    await kept.load([gone], "m", lambda: None)
    assert kept.get(gone, "m") is not None


async def test_a_cancelled_load_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says "loading" for ever after another metric was chosen."""
    started = asyncio.Event()

    async def ask(_request: Any) -> Any:
        started.set()
        await asyncio.sleep(60)

    histories = Histories(ask)
    runs = [Run(str(i), "1", "x", "FINISHED", metrics={"m": 1.0}) for i in range(10)]
    task = asyncio.create_task(histories.load(runs, "m", lambda: None))
    await started.wait()
    assert histories.waiting(runs, "m") == 10
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert histories.waiting(runs, "m") == 0
