"""The diff screen and the promotion from it, on the sample store."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.compare import CompareRun
from mlaudit.services.history import GetHistory
from mlaudit.services.promote import ExecutePromotion, PlanPromotion
from mlaudit.services.requests import Request
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.widgets.diff_curves import DiffCurves
from mlaudit.tui.widgets.diff_tables import DifferenceTable, MetricTable, change_of, elide_pair
from mlaudit.tui.widgets.metric_chart import MetricChart
from mlaudit.tui.widgets.store_header import StoreHeader
from tests.plugins.sample_store import MARKUP_NAME, MODEL, SAMPLE
from tests.plugins.screen_tools import Handle, app_on, see, text_of, told, until

WIDE = (160, 45)


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy is searched for upwards from the working directory."""
    monkeypatch.chdir(tmp_path)


def in_production(gateway: MemoryGateway, model: str = MODEL) -> list[str]:
    return [v.version for v in gateway.list_model_versions(model) if v.stage is Stage.PRODUCTION]


async def show(pilot: Pilot[Any], nickname: str, **options: Any) -> DiffScreen:
    """Push the screen of one run and wait for its comparison."""
    screen = DiffScreen(SAMPLE[nickname], **options)
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.comparison is not None)
    await pilot.pause()
    return screen


async def dialog(pilot: Pilot[Any]) -> ConfirmDialog:
    """Press p and wait for the dialog."""
    await pilot.press("p")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
    await pilot.pause()
    assert isinstance(pilot.app.screen, ConfirmDialog)
    return pilot.app.screen


class TestComparison:
    """The verdict and what it rests on."""

    @pytest.mark.parametrize(
        ("nickname", "words"),
        [
            ("better", ("✓ PASS", "mlp-wide", "not registered", "stage:Production: version 2 in Production")),
            ("worse", ("✗ REGRESSION", "val_loss", "worse than the tolerance allows", "+26.0%", "↓ lower")),
            ("diverged", ("✗ REGRESSION", "not a finite number", "NaN")),
            ("failed", ("≠ NOT_COMPARABLE", "FAILED")),
            ("churn", ("– NO_BASELINE", "none: there is no stage:Production of churn")),
        ],
    )
    async def test_verdicts_are_words(
        self, sample_gateway: MemoryGateway, nickname: str, words: tuple[str, ...]
    ) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, nickname)
            await see(pilot, *words, "no policy file: built-in rules")

    async def test_what_a_side_does_not_say_is_no_tick(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "diverged")
            await see(pilot, "? dataset: validation data", "✓ candidate status")

    async def test_params_that_are_the_same_are_shown_on_demand(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "better")
            table = screen.query_one(DifferenceTable)
            await see(pilot, "3 changed, 0 added, 0 removed, 8 the same (a shows them)", "hidden_size")
            assert table.row_count == 3
            await pilot.press("a")
            await see(pilot, "a hides them", "batch_size", "transactions-val 77aa01cc")
            assert table.row_count == 11
            await pilot.press("a")
            assert table.row_count == 3

    async def test_the_curves_are_of_both_runs_and_follow_the_metric(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "worse")
            chart = screen.query_one(MetricChart)
            await until(pilot, lambda: [len(s.values) for s in chart.series] == [20, 20])
            assert [s.label for s in chart.series] == ["candidate mlp-tiny", "baseline mlp-base"]
            assert chart.metric == "val_f1", "the first metric that regressed"
            await pilot.press("j")
            await until(pilot, lambda: chart.metric == "val_loss" and len(chart.series[0].values) == 20)
            await pilot.press("c")
            await until(pilot, lambda: isinstance(app.screen, ChartScreen))
            await see(pilot, "val_loss", "mlp-tiny", "mlp-base")

    async def test_the_baseline_compared_with_itself_is_drawn_once(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "production")
            chart = screen.query_one(MetricChart)
            await until(pilot, lambda: [len(s.values) for s in chart.series] == [20])

    async def test_another_baseline(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better", against="version:1")
            await see(pilot, "version:1: version 1 in Archived", "mlp-first")

    async def test_two_versions_in_production_are_an_error_in_words(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.add_version(MODEL, SAMPLE["noise"], stage=Stage.PRODUCTION)
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            await see(pilot, "! ERROR", "2 versions in Production")

    async def test_hostile_names_are_literal(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "markup")
            await see(pilot, f"{MARKUP_NAME} {SAMPLE['markup'][:8]}", "[@click=app.quit]x[/]", "[red]tag")
            await app.pop_screen()
            await show(pilot, "hostile")
            await see(pilot, "␛[2J evil", "lr␛[31m")
            assert "\x1b" not in text_of(pilot)

    async def test_80x24_reaches_the_curves_with_tab(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await show(pilot, "better")
            await see(pilot, "✓ PASS", "val_loss", "hidden_size")
            await pilot.press("tab", "tab")
            assert app.focused is screen.query_one(MetricChart)
            await see(pilot, "candidate mlp-wide", "baseline mlp-base", "20 points")

    async def test_a_failure_says_so_and_keeps_what_was_shown(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            sample_gateway.fail = lambda _method: StoreUnavailable("memory://", "gone")
            await pilot.press("r")
            await see(pilot, "memory://: gone. What is shown is from before.", "✓ PASS", "hidden_size")
            sample_gateway.fail = lambda _method: None
            await pilot.press("r")
            await until(pilot, lambda: "gone" not in text_of(pilot))

    async def test_an_unknown_run_is_said(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await app.push_screen(DiffScreen("nonsense"))
            await see(pilot, "no run with the id or prefix 'nonsense'", "was not compared")

    async def test_a_curve_that_cannot_be_read_leaves_the_verdict(self, sample_gateway: MemoryGateway) -> None:
        def around(handle: Handle) -> Handle:
            def fail(request: Request[Any]) -> Any:
                if isinstance(request, GetHistory):
                    raise StoreUnavailable("memory://", "gone")
                return handle(request)

            return fail

        app = app_on(sample_gateway, around=around)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            await see(pilot, "✓ PASS", "not read: memory")


class TestWhichModel:
    """A run that could be a candidate for several models."""

    async def test_the_user_chooses_and_the_comparison_is_asked_for_again(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.add_version("[/x] other", SAMPLE["noise"], stage=Stage.PRODUCTION)
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = DiffScreen(SAMPLE["better"])
            await app.push_screen(screen)
            await see(pilot, "Which model is run", "[/x] other", MODEL)
            choices = screen.query_one("#choices", OptionList)
            names = [str(choices.get_option_at_index(i).prompt) for i in range(choices.option_count)]
            await until(pilot, lambda: app.focused is choices)
            await pilot.press(*["down"] * names.index(MODEL), "enter")
            await see(pilot, "✓ PASS", f"model {MODEL} (--model)")
            assert not choices.display
            assert app.focused is screen.query_one(MetricTable)

    async def test_a_store_without_models_is_said(self, sample_gateway: MemoryGateway) -> None:
        empty = MemoryGateway()
        run_id = empty.add_run(empty.add_experiment("e"), name="r", metrics={"loss": 1.0})
        app = app_on(empty)
        async with app.run_test(size=WIDE) as pilot:
            await app.push_screen(DiffScreen(run_id))
            await see(pilot, "belongs to no registered model")


class TestPromotion:
    """Plan, dialog, execution, what came of it."""

    async def test_a_passing_run_is_registered_promoted_and_shown(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            asked = await dialog(pilot)
            await see(pilot, "memory://", "version 2 in Production, @champion", "a new version, registered from model")
            await see(pilot, "✓ PASS: not worse than the baseline", f"promote {SAMPLE['better']}", f"{MODEL} --yes")
            assert asked.focused is asked.query_one("#cancel", Button)
            assert not asked.query(Input)
            await pilot.press("tab", "enter")
            await see(pilot, f"In Production now: {MODEL} version 4", "registered just now", "Archived: version 2.")
            await see(pilot, "version 4 in Production")
            assert in_production(sample_gateway) == ["4"]
            moves = [w.split()[0] for w in sample_gateway.writes if w.startswith(("create", "transition", "set_alias"))]
            assert moves == ["create_version", "transition"]

    @pytest.mark.parametrize("keys", [["enter"], ["enter", "enter"], ["escape"], ["y"]])
    async def test_cancel_is_the_default(self, sample_gateway: MemoryGateway, keys: list[str]) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            await dialog(pilot)
            await pilot.press(*keys)
            if keys == ["y"]:
                assert isinstance(app.screen, ConfirmDialog)
                await pilot.press("escape")
            await see(pilot, "Not promoted: cancelled")
            assert sample_gateway.writes == []

    async def test_anything_but_pass_needs_the_name_typed(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=(80, 24)) as pilot:
            await show(pilot, "worse")
            asked = await dialog(pilot)
            button, field = asked.query_one("#confirm", Button), asked.query_one("#typed", Input)
            assert asked.focused is asked.query_one("#cancel", Button)
            assert button.disabled
            await pilot.press("shift+tab", "shift+tab")
            assert asked.focused is field
            await pilot.press(*MODEL, "tab")
            assert button.disabled, "a reason is wanted, too"
            await pilot.press(*"because", "enter", "enter")
            await see(pilot, f"In Production now: {MODEL} version 4")
            assert in_production(sample_gateway) == ["4"]

    async def test_a_registry_that_moved_since_the_plan_is_left_alone(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            await dialog(pilot)
            sample_gateway.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=True)
            sample_gateway.writes.clear()
            await pilot.press("tab", "enter")
            await see(pilot, "Not promoted: ", "moved since this was planned", "nothing was changed")
            await see(pilot, "version 3 in Production")
            assert sample_gateway.writes == []
            assert in_production(sample_gateway) == ["3"]

    async def test_a_store_that_fails_in_the_middle_is_not_called_a_success(
        self, sample_gateway: MemoryGateway
    ) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            await dialog(pilot)
            sample_gateway.fail = lambda method: (
                StoreUnavailable("memory://", "gone") if method == "transition" else None
            )
            await pilot.press("tab", "enter")
            await see(pilot, "is unfinished", "version 4 is not in Production, and it is not certain that it stays so")
            assert in_production(sample_gateway) == ["2"]

    async def test_a_store_that_dies_after_it_leaves_the_outcome(self, sample_gateway: MemoryGateway) -> None:
        """On the screen, and among the notifications."""
        done = threading.Event()

        def around(handle: Handle) -> Handle:
            def answer(request: Request[Any]) -> Any:
                if done.is_set() and isinstance(request, CompareRun):
                    raise StoreUnavailable("memory://", "gone")
                answered = handle(request)
                if isinstance(request, ExecutePromotion):
                    done.set()
                return answered

            return answer

        app = app_on(sample_gateway, around=around)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            await dialog(pilot)
            await pilot.press("tab", "enter")
            await see(pilot, "✓ In Production now", "memory://: gone. What is shown is from before.")
            assert "In Production now" in told(pilot)
            assert "gone" not in told(pilot)

    async def test_a_run_without_a_model_cannot_be_promoted(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "nomodel")
            await pilot.press("p")
            await see(pilot, "Not promoted", "logged no model")

    async def test_what_is_in_production_is_not_promoted_again(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "production")
            await pilot.press("p")
            await see(pilot, "is in Production already")

    async def test_it_can_begin_with_the_promotion(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await app.push_screen(DiffScreen(SAMPLE["better"], promote=True))
            await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
            await pilot.press("escape")
            await see(pilot, "Not promoted: cancelled")

    async def test_read_only_does_not_bind_it(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway, read_only=True)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "better")
            await see(pilot, "promotion is off: mlaudit was started with --read-only", "READ-ONLY")
            assert "p" not in screen.active_bindings
            await pilot.press("p")
            await pilot.pause(0.1)
            assert app.screen is screen

    async def test_a_store_that_must_not_be_written_says_why(self) -> None:
        gateway = MemoryGateway(writable=False, notes=("its schema is older than MLflow's",))
        run_id = gateway.add_run(gateway.add_experiment("e"), name="r", metrics={"loss": 1.0})
        gateway.add_version("m", run_id)
        app = app_on(gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = DiffScreen(run_id, promote=True)
            await app.push_screen(screen)
            await see(pilot, "promotion is off: this store must not be written to; its schema is older than MLflow's")
            assert "p" not in screen.active_bindings
            assert app.screen is screen


class TestUnderWay:
    """While the registry is being changed."""

    @pytest.fixture
    def gate(self) -> Iterator[threading.Event]:
        event = threading.Event()
        yield event
        event.set()

    @staticmethod
    def held(gate: threading.Event, counted: list[Request[Any]], kind: type[Request[Any]] = ExecutePromotion) -> Any:
        def around(handle: Handle) -> Handle:
            def hold(request: Request[Any]) -> Any:
                if isinstance(request, kind):
                    counted.append(request)
                    gate.wait(10)
                return handle(request)

            return hold

        return around

    async def test_it_is_sent_once_escape_stays_and_the_outcome_is_told(
        self, sample_gateway: MemoryGateway, gate: threading.Event
    ) -> None:
        sent: list[Request[Any]] = []
        app = app_on(sample_gateway, around=self.held(gate, sent))
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "better")
            await dialog(pilot)
            await pilot.press("tab", "enter", "enter")
            await see(pilot, f"Promoting {MODEL}…")
            await pilot.press("p", "enter", "p")
            await pilot.press("escape")
            await see(pilot, "The promotion is under way")
            assert app.screen is screen
            gate.set()
            await see(pilot, f"In Production now: {MODEL} version 4")
            assert len(sent) == 1

    async def test_q_must_be_pressed_twice(self, sample_gateway: MemoryGateway, gate: threading.Event) -> None:
        app = app_on(sample_gateway, around=self.held(gate, []))
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "better")
            await dialog(pilot)
            await pilot.press("tab", "enter")
            await see(pilot, f"Promoting {MODEL}…")
            await pilot.press("q")
            await see(pilot, "Press q again to quit")
            gate.set()
            await see(pilot, "In Production now")
            assert app.quit_guards == [app.trainings.may_quit]

    async def test_the_outcome_is_told_even_when_the_screen_is_gone(
        self, sample_gateway: MemoryGateway, gate: threading.Event
    ) -> None:
        app = app_on(sample_gateway, around=self.held(gate, []))
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await show(pilot, "better")
            await dialog(pilot)
            await pilot.press("tab", "enter")
            await see(pilot, f"Promoting {MODEL}…")
            await app.pop_screen()
            gate.set()
            await see(pilot, "In Production now")
            assert in_production(sample_gateway) == ["4"]

    async def test_a_click_on_the_way_stays_here_like_escape(
        self, sample_gateway: MemoryGateway, gate: threading.Event
    ) -> None:
        app = app_on(sample_gateway, around=self.held(gate, []))
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "better")
            await dialog(pilot)
            await pilot.press("tab", "enter")
            await see(pilot, f"Promoting {MODEL}…")
            await pilot.click(StoreHeader, offset=(3, 0))
            await see(pilot, "The promotion is under way")
            assert app.screen is screen

    @pytest.mark.parametrize("kind", [PlanPromotion, CompareRun])
    async def test_who_has_left_is_not_asked_somewhere_else(
        self, sample_gateway: MemoryGateway, gate: threading.Event, kind: type[Request[Any]]
    ) -> None:
        sent: list[Request[Any]] = []
        app = app_on(sample_gateway, around=self.held(gate, sent, kind))
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            screen = DiffScreen(SAMPLE["better"], promote=True)
            await app.push_screen(screen)
            await until(pilot, lambda: sent)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is not screen)
            there = app.screen
            gate.set()
            await until(pilot, lambda: screen.comparison is not None and not screen.is_changing)
            assert app.screen is there
            await pilot.press("greater_than_sign")
            await until(pilot, lambda: app.screen is screen)
            await see(pilot, "✓ PASS", "the screen was left before the question" if kind is PlanPromotion else "")

    async def test_q_warns_wherever_one_is(self, sample_gateway: MemoryGateway, gate: threading.Event) -> None:
        app = app_on(sample_gateway, around=self.held(gate, []))
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            screen = await show(pilot, "better")
            await dialog(pilot)
            await pilot.press("tab", "enter")
            await see(pilot, f"Promoting {MODEL}…")
            await app.pop_screen()
            await until(pilot, lambda: not screen.is_attached)
            await pilot.press("q")
            await see(pilot, "Press q again to quit")


class TestCells:
    """Single values in the tables."""

    def test_changes(self) -> None:
        assert change_of(1.1, 1.0) == "+10.0%"
        assert change_of(0.5, 0.0) == "+0.5 abs."
        assert change_of(float("nan"), 1.0) == "—"
        assert change_of(1.0, 1.7976931348623157e308) == "—"
        assert change_of(None, 1.0) == "—"

    def test_long_values_are_cut_where_they_differ(self) -> None:
        left, right = elide_pair("a" * 100 + "X" + "c" * 100, "a" * 100 + "Y" + "c" * 100, 30)
        assert len(left) == len(right) == 30
        assert "X" in left
        assert "Y" in right
        assert elide_pair("short", None, 30) == ("short", "—")
        assert elide_pair("", "x", 30) == ('""', "x")
        assert elide_pair("a" * 50, "a" * 60, 30)[0] != elide_pair("a" * 50, "a" * 60, 30)[1]


class TestCurves:
    """Both curves, their difference, the noise band, and their ends."""

    async def test_v_shows_the_difference_at_the_same_steps_and_back(self, sample_gateway: MemoryGateway) -> None:
        sample_gateway.log_metric(SAMPLE["better"], "val_loss", 0.5, 99)
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "better")
            chart = screen.query_one(MetricChart)
            await until(pilot, lambda: all(len(s.values) for s in chart.series) and len(chart.series) == 2)
            screen.query_one(MetricTable).move_cursor(row=screen.query_one(MetricTable).names.index("val_loss"))
            await until(pilot, lambda: chart.metric == "val_loss" and all(len(s.values) for s in chart.series))
            ours, theirs = (list(s.values) for s in chart.series)
            await pilot.press("v")
            await until(pilot, lambda: len(chart.series) == 1)
            assert list(chart.series[0].values) == [a - b for a, b in zip(ours[:20], theirs, strict=True)]
            await see(pilot, "candidate − baseline", "1 step is left out", "┈")
            assert screen.comparison is not None
            screen.query_one(DiffCurves).show(screen.comparison, "no such metric")
            await until(pilot, lambda: chart.metric == "no such metric")
            await pilot.pause()
            assert "left out" not in text_of(pilot)
            await pilot.press("v")
            await until(pilot, lambda: len(chart.series) == 2)

    async def test_best_against_last_and_the_first_nan_stand_below(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "diverged", against="version:1")
            await see(
                pilot,
                "candidate best 0.91288 @4, last NaN @6",
                "first NaN @5",
                "which is its best",
                "no other run was judged together",
            )

    async def test_the_baselines_replicates_make_a_band(self, sample_gateway: MemoryGateway) -> None:
        production = sample_gateway.get_run(SAMPLE["production"])
        for seed in (11, 12):
            sample_gateway.add_run(
                production.experiment_id,
                name=f"again {seed}",
                params=dict(production.params) | {"seed": seed},
                metrics={"val_loss": [0.8 - 0.02 * step + seed / 1000 for step in range(20)]},
                tags=dict(production.tags),
                datasets=production.datasets,
            )
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            screen = await show(pilot, "better")
            table, chart = screen.query_one(MetricTable), screen.query_one(MetricChart)
            assert screen.comparison is not None
            assert screen.comparison.baseline is not None
            count = len(screen.comparison.baseline.replicates) + 1
            table.move_cursor(row=table.names.index("val_loss"))
            await until(pilot, lambda: len(chart.series) == 2 and chart.series[1].band is not None)
            assert chart.series[0].band is None
            await see(pilot, f"noise around the baseline: 95 % of {count} runs")
            assert text_of(pilot).count("░") > 100
            # Somebody else has promoted another version meanwhile.
            other = replace(screen.comparison.baseline, run=sample_gateway.get_run(SAMPLE["worse"]), replicates=())
            screen.query_one(DiffCurves).show(replace(screen.comparison, baseline=other), "val_loss")
            await see(pilot, "no noise band: no other run was judged together")
            assert all(series.band is None for series in chart.series)

    async def test_a_run_against_itself_has_no_difference(self, sample_gateway: MemoryGateway) -> None:
        app = app_on(sample_gateway)
        async with app.run_test(size=WIDE) as pilot:
            await show(pilot, "production")
            await pilot.press("v")
            await see(pilot, "there is no other run to subtract")
