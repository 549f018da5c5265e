"""The runs of an experiment: the table, the filter, sorting, marks, columns, and where one goes from there."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.models import Run, RunPage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.runs import SearchRuns
from mlaudit.services.triage import JudgeRuns
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.columns import ColumnsScreen
from mlaudit.tui.screens.compare import CompareScreen
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.widgets.filter_input import FilterInput
from mlaudit.tui.widgets.run_preview import RunPreview
from mlaudit.tui.widgets.run_table import RunTable
from tests.plugins.sample_store import MARKUP_NAME, SAMPLE
from tests.plugins.screen_tools import Handle, app_on, runs_of, see, text_of, until

SIZES = [(80, 24), (160, 45)]


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names(screen: RunsScreen) -> list[str]:
    return [run.name for run in screen.table.runs]


def status(screen: RunsScreen) -> str:
    return str(screen.query_one("#status", Static).render())


async def filter_by(pilot: Pilot[Any], screen: RunsScreen, expression: str) -> None:
    await pilot.press("slash")
    screen.query_one("#expression", Input).value = expression
    await pilot.press("enter")
    await until(pilot, lambda: not screen._loading)


class TestTable:
    @pytest.mark.parametrize("size", SIZES)
    async def test_it_shows_runs_with_metrics_params_and_tags(
        self, sample_gateway: MemoryGateway, size: tuple[int, int]
    ) -> None:
        """Names, status, figures; a hostile name is shown as text."""
        async with runs_of(sample_gateway, size=size) as (pilot, screen):
            await see(pilot, "mlp-base", MARKUP_NAME, "RUNNING", "metrics", "val_accuracy")
            assert {"params.hidden_size", "tags.recipe", "duration"} <= set(screen.table.columns)
            assert "\x1b" not in text_of(pilot)

    async def test_the_cursor_moves_by_keys_and_the_preview_follows(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            await pilot.press("j", "down", "k")
            assert screen.table.cursor_row == 1
            run = screen.table.runs[1]
            await see(pilot, run.run_id)
            assert screen.query_one(RunPreview).display
            await pilot.press("G")
            assert screen.table.cursor_row == len(screen.table.runs) - 1
            await pilot.press("g")
            assert screen.table.cursor_row == 0

    async def test_the_name_stays_while_columns_scroll(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(80, 24)) as (pilot, screen):
            for _ in range(len(screen.table.columns)):
                await pilot.press("right")
            assert screen.table.column == screen.table.columns[-1]
            assert screen.table.scroll_offset.x > 0
            await see(pilot, "mlp-base", screen.table.column.partition(".")[2], "tags")
            await pilot.press(*["left"] * len(screen.table.columns))
            await see(pilot, "status")

    async def test_the_column_under_the_cursor_stays_in_sight_when_columns_come(
        self, sample_gateway: MemoryGateway
    ) -> None:
        """Before it, or on its left without another number because one goes."""
        async with runs_of(sample_gateway, size=(80, 24)) as (pilot, screen):
            table = screen.table
            metrics = tuple(f"metrics.m{n}" for n in range(12))
            table.set_columns(("run_name", *metrics, "tags.last"))
            table.action_column(len(metrics) + 1)
            await pilot.pause()
            assert "last" in text_of(pilot)
            table.set_columns(("run_name", *metrics, *(f"params.p{n}" for n in range(12)), "tags.last"))
            await pilot.pause()
            assert table.column == "tags.last"
            assert "last" in text_of(pilot)
            table.set_columns(("run_name", *(f"metrics.{n:025}" for n in range(24)), "tags.last"))
            await pilot.pause()
            assert table.column == "tags.last"
            assert "last" in text_of(pilot)

    async def test_a_long_value_ends_in_an_ellipsis(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            screen.table.set_columns(("run_name", "params.long"))
            await see(pilot, "012345678901234567890123456…")

    async def test_a_click_moves_and_a_second_one_opens(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await pilot.click(RunTable, offset=(6, 4))
            assert screen.table.cursor_row == 2
            await pilot.click(RunTable, offset=(6, 4), times=2)
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


class TestPages:
    """Pages of 200 are fetched as the cursor comes near the end of what is loaded."""

    @staticmethod
    def many(count: int) -> MemoryGateway:
        store = MemoryGateway()
        experiment = store.add_experiment("fraud-detector")
        for n in range(count):
            store.add_run(experiment, name=f"run-{n:05}", metrics={"loss": float(n)}, model=False)
        return store

    async def test_more_is_loaded_on_the_way_down_and_all_for_the_last(self) -> None:
        async with runs_of(self.many(950)) as (pilot, screen):
            assert len(screen.table.runs) == 200
            assert "200 runs, more below" in status(screen)
            for _ in range(6):
                await pilot.press("pagedown")
            await until(pilot, lambda: len(screen.table.runs) == 400)
            await pilot.press("G")
            await until(pilot, lambda: len(screen.table.runs) == 950 and screen.table.cursor_row == 949)
            await see(pilot, "run-00000", "950 runs")
            assert len({run.run_id for run in screen.table.runs}) == 950

    async def test_a_run_created_meanwhile_is_not_shown_twice(self) -> None:
        store = self.many(390)
        async with runs_of(store) as (pilot, screen):
            store.add_run(store.list_experiments()[0].experiment_id, name="late", model=False)
            await pilot.press("G")
            await until(pilot, lambda: screen._next is None and not screen._loading)
            ids = [run.run_id for run in screen.table.runs]
            assert len(ids) == len(set(ids)) == 390

    @pytest.mark.parametrize("key", ["G", "T"])
    async def test_no_page_of_a_new_filter_is_put_below_the_rows_of_the_old(self, key: str) -> None:
        """Not before its first page is there."""
        gate, asked = threading.Event(), threading.Event()

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if isinstance(request, SearchRuns) and request.filter_string and not request.page_token:
                    asked.set()
                    gate.wait(10)
                return handle(request)

            return answer

        try:
            async with runs_of(self.many(500), around=around) as (pilot, screen):
                await pilot.press("slash")
                screen.query_one("#expression", Input).value = "metrics.loss < 230"
                await pilot.press("enter")
                await until(pilot, asked.is_set)
                await pilot.press(key)
                await pilot.pause()
                assert len(screen.table.runs) == 200
                gate.set()
                await until(pilot, lambda: not screen._loading)
                await pilot.press("G")
                await until(pilot, lambda: len(screen.table.runs) == 230 and screen._next is None)
                assert "run-00499" not in names(screen)
        finally:
            gate.set()

    async def test_a_page_that_fails_is_said_and_asked_for_again(self) -> None:
        broken = False

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if broken and isinstance(request, SearchRuns):
                    raise StoreUnavailable("memory", "gone for lunch")
                return handle(request)

            return answer

        async with runs_of(self.many(300), around=around) as (pilot, screen):
            broken = True
            await pilot.press("G")
            await see(pilot, "gone for lunch", "from before", "STALE")
            assert len(screen.table.runs) == 200
            broken = False
            await pilot.press("r")
            await until(pilot, lambda: "gone" not in status(screen))


class TestFilterAndOrder:
    async def test_a_filter_narrows_and_the_empty_one_widens(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            before = names(screen)
            await filter_by(pilot, screen, "params.hidden_size = '128'")
            assert names(screen) == ["mlp-wide"]
            await filter_by(pilot, screen, "")
            assert names(screen) == before

    async def test_a_wrong_filter_is_said_in_place_and_the_rows_stay(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            before = names(screen)
            await filter_by(pilot, screen, "parms.seed = '1'")
            await see(pilot, "did you mean params")
            assert names(screen) == before
            assert isinstance(pilot.app.focused, Input)
            await pilot.press("escape", "r")
            await until(pilot, lambda: not screen._loading)
            assert names(screen) == before
            assert screen.query_one(FilterInput).value == ""

    async def test_what_a_filter_leaves_out_in_silence_is_said(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await filter_by(pilot, screen, "metrics.val_los < 1 OR status = 'finished'")
            await see(pilot, "no run here has metrics.val_los; did you mean metrics.val_loss", "write 'FINISHED'")
            await filter_by(pilot, screen, "")
            await until(pilot, lambda: "did you mean" not in text_of(pilot))

    async def test_the_filter_completes_keys_and_values_of_the_runs_and_remembers(
        self, sample_gateway: MemoryGateway
    ) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            field = screen.query_one(FilterInput)
            await pilot.press("slash", *"hidden", "tab", "enter", "tab", "enter")
            assert field.value == "params.hidden_size = "
            await pilot.press(*"12", "tab", "enter", "enter")
            await until(pilot, lambda: names(screen) == ["mlp-wide"])
            await filter_by(pilot, screen, "")
            await pilot.press("slash", "up")
            assert field.value == "params.hidden_size = '128'"

    async def test_no_match_is_said(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await filter_by(pilot, screen, "metrics.val_loss > 1000")
            await see(pilot, "no run matches")
            await pilot.press("d", "c", "enter", "space", "y")
            assert pilot.app.screen is screen

    async def test_text_fields_own_the_keys_that_print(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await pilot.press("slash", "q", "d", "question_mark", "t")
            assert screen.query_one(FilterInput).value == "qd?t"
            assert pilot.app.screen is screen

    async def test_s_sorts_up_down_and_not(self, sample_gateway: MemoryGateway) -> None:
        """By the column under the cursor, over all runs of the store; an arrow shows it."""
        async with runs_of(sample_gateway) as (pilot, screen):
            newest = names(screen)
            column = screen.table.columns.index("metrics.val_loss")
            await pilot.press(*["right"] * column, "s")
            await until(pilot, lambda: screen.sort and not screen._loading)
            assert names(screen)[0] == "mlp-wide"
            await see(pilot, "▲", "by val_loss, ascending")
            await pilot.press("s")
            await until(pilot, lambda: "descending" in status(screen) and not screen._loading)
            assert names(screen)[0] == "mlp-tiny"
            await pilot.press("s")
            await until(pilot, lambda: names(screen) == newest)

    async def test_capital_s_sorts_by_a_further_column(self, sample_gateway: MemoryGateway) -> None:
        """The titles show arrow and rank, the line below says it, the store sorts by both."""
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            screen._chosen = ("run_name", "params.hidden_size", "metrics.val_loss")
            screen.table.set_columns(screen._chosen)
            await pilot.press("right", "s", "right", "S")
            await see(pilot, "▲1", "▲2", "by hidden_size, ascending, then val_loss, ascending")
            await until(pilot, lambda: not screen._loading)
            sizes = [(r.params["hidden_size"], r.metrics) for r in screen.table.runs if "hidden_size" in r.params]
            rows = [(size, loss) for size, m in sizes if (loss := m.get("val_loss", math.nan)) == loss]
            assert rows == sorted(rows)
            assert len({size for size, _ in rows}) > 2
            await pilot.press("S")
            await see(pilot, "▲1", "▼2", "then val_loss, descending")
            await pilot.press("S")
            await until(pilot, lambda: "by hidden_size, ascending ·" in status(screen) + " ·")
            assert "▲1" not in text_of(pilot)

    async def test_a_verdict_is_one_of_several_keys(self, sample_gateway: MemoryGateway) -> None:
        """Sorted by here, among what the store holds equal; that it is only of what is loaded is said."""
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            await until(pilot, lambda: len(screen.table.judged) == len(screen.table.runs))
            hidden = screen.table.columns.index("params.hidden_size")
            screen.table.cursor_column = hidden
            await pilot.press("s")
            await until(pilot, lambda: screen.table.sorting and len(screen.table.judged) == len(screen.table.runs))
            screen.table.cursor_column = screen.table.columns.index("verdict")
            await pilot.press("S")
            await see(pilot, "by hidden_size, ascending, then verdict, ascending", "▲2")
            same = [r for r in screen.table.runs if r.params.get("hidden_size") == "64"]
            outcomes = [str(o) for r in same if (o := screen.table.judged[r.run_id].outcome)]
            assert outcomes[0] == "PASS"
            assert sorted(outcomes, key=lambda o: o != "PASS") == outcomes
            await pilot.press("S", "S")
            await until(pilot, lambda: status(screen).count("then") == 0)

    async def test_a_title_can_be_clicked(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await pilot.click(RunTable, offset=(4, 1))
            await until(pilot, lambda: screen.sort == (("run_name", True),) and not screen._loading)
            plain = [name for name in names(screen) if name.startswith("mlp-")]
            assert plain == sorted(plain)
            await pilot.click(RunTable, offset=(40, 1), control=True)
            await until(pilot, lambda: len(screen.sort) == 2 and not screen._loading)

    async def test_what_no_store_sorts_by_is_said(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await pilot.press(*["right"] * screen.table.columns.index("duration"), "s")
            await see(pilot, "No store sorts by took")
            assert screen.sort == ()

    async def test_an_odd_key_is_sorted_by(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            column = screen.table.columns.index("metrics.val loss/é 100%")
            await pilot.press(*["right"] * column, "s")
            await until(pilot, lambda: names(screen)[0] == "odd keys")


class TestActions:
    async def test_marked_runs_are_charted_together(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await filter_by(pilot, screen, "attributes.run_name LIKE 'mlp-%'")
            await pilot.press("space", "space")
            await see(pilot, "2 marked", "●")
            await pilot.press("c")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChartScreen))
            chart = pilot.app.screen
            assert [r.run_id for r in chart.curves.runs] == [r.run_id for r in screen.table.runs[:2]]  # type: ignore[attr-defined]

    async def test_marks_outlive_a_filter_and_u_takes_them_away(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await pilot.press("space")
            marked = screen.table.marked
            await filter_by(pilot, screen, "params.hidden_size = '128'")
            assert screen.table.marked == marked
            await see(pilot, "1 marked (1 not listed here)")
            await pilot.press("u")
            assert screen.table.marked == ()

    async def test_d_compares_and_p_goes_on_to_the_promotion(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await filter_by(pilot, screen, "params.hidden_size = '128'")
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, DiffScreen))
            await see(pilot, "PASS")
            await pilot.press("escape", "p")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))

    async def test_read_only_binds_no_promotion_and_no_training(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, read_only=True) as (pilot, screen):
            keys = screen.active_bindings
            assert not {"p", "t"} & keys.keys()
            assert "d" in keys
            await pilot.press("p", "t")
            assert pilot.app.screen is screen

    async def test_enter_opens_the_run_and_y_copies_its_id(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            run = screen.table.current
            assert run is not None
            await pilot.press("y")
            assert pilot.app.clipboard == run.run_id
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            await see(pilot, run.run_id)

    async def test_an_experiment_without_runs_says_so(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, experiment="empty") as (pilot, screen):
            await see(pilot, "no runs here yet")
            await pilot.press("G", "pagedown", "right", "s", "enter")
            assert pilot.app.screen is screen


class TestColumns:
    async def test_columns_are_searched_hidden_moved_and_reset(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            before = screen.table.columns
            await pilot.press("C")
            await until(pilot, lambda: isinstance(pilot.app.screen, ColumnsScreen))
            await pilot.press("n", "slash", *"val_f1", "enter", "space", "enter")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert screen.table.columns == ("run_name", "metrics.val_f1")
            await pilot.press("r")
            await until(pilot, lambda: not screen._loading)
            assert screen.table.columns == ("run_name", "metrics.val_f1")
            await pilot.press("C")
            await until(pilot, lambda: isinstance(pilot.app.screen, ColumnsScreen))
            await pilot.press("x")
            await until(pilot, lambda: screen.table.columns == before)

    async def test_a_click_shows_or_hides_a_column(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            second = screen.table.columns[2]
            await pilot.press("C")
            await until(pilot, lambda: isinstance(pilot.app.screen, ColumnsScreen))
            await see(pilot, f"● {second}")
            await pilot.click(OptionList, offset=(3, 1))
            await see(pilot, f"· {second}")
            await pilot.press("enter")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert second not in screen.table.columns

    async def test_a_verdict_column_that_was_hidden_can_be_shown_again(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await until(pilot, lambda: "verdict" in screen.table.columns)
            for key in ("n", "a"):
                await pilot.press("C")
                await until(pilot, lambda: isinstance(pilot.app.screen, ColumnsScreen))
                await pilot.press(key, "enter")
                await until(pilot, lambda: pilot.app.screen is screen)
                assert ("verdict" in screen.table.columns) == (key == "a")

    async def test_a_column_moves_and_escape_changes_nothing(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            before = screen.table.columns
            await pilot.press("C")
            await until(pilot, lambda: isinstance(pilot.app.screen, ColumnsScreen))
            rows = pilot.app.screen.query_one(OptionList)
            await until(pilot, lambda: rows.highlighted == 0)
            await pilot.press("J")
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert screen.table.columns == before
            await pilot.press("C")
            await until(pilot, lambda: isinstance(pilot.app.screen, ColumnsScreen))
            await pilot.press("J", "enter")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert screen.table.columns[:3] == (before[0], before[2], before[1])


async def test_several_experiments_are_listed_together(sample_gateway: MemoryGateway) -> None:
    """Space marks experiments, enter opens the marked ones, and a column says which is which."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector", "churn")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen._loaded)
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        await see(pilot, "3 experiments", "churn [b]bold[/b]")
        assert "experiment" in screen.table.columns
        assert "logreg" in names(screen)


async def test_a_late_answer_to_an_older_filter_is_not_shown(sample_gateway: MemoryGateway) -> None:
    """The slow answer to the first filter comes after the quick one to the second."""
    gate = threading.Event()
    slow: list[RunPage] = []

    def around(handle: Handle) -> Handle:
        def answer(request: Any) -> Any:
            page = handle(request)
            if isinstance(request, SearchRuns) and "mlp-tiny" in request.filter_string:
                gate.wait(10)
                slow.append(page)
            return page

        return answer

    async with runs_of(sample_gateway, around=around) as (pilot, screen):
        await pilot.press("slash")
        screen.query_one("#expression", Input).value = "attributes.run_name = 'mlp-tiny'"
        await pilot.press("enter")
        await pilot.press("slash")
        screen.query_one("#expression", Input).value = "attributes.run_name = 'mlp-wide'"
        await pilot.press("enter")
        await until(pilot, lambda: names(screen) == ["mlp-wide"])
        gate.set()
        await until(pilot, lambda: slow)
        await pilot.pause()
        assert names(screen) == ["mlp-wide"]


async def test_ten_thousand_runs_cost_only_what_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filling the table and drawing a page format a screenful of cells, not all of them."""
    from mlaudit.tui.widgets import run_cells

    formatted = 0
    original = run_cells.table_cell

    def counting(*arguments: Any) -> str:
        nonlocal formatted
        formatted += 1
        return original(*arguments)

    monkeypatch.setattr(run_cells, "table_cell", counting)
    runs = [
        Run(f"{n:032x}", "1", f"run-{n}", "FINISHED", metrics={f"m{k}": n / (k + 1) for k in range(30)})
        for n in range(10_000)
    ]
    columns = ("run_name", *(f"metrics.m{k}" for k in range(30)))
    app = app_on(MemoryGateway())
    async with app.run_test(size=(160, 45)) as pilot:
        await see(pilot, "no experiments")
        table = RunTable()
        await app.screen.mount(table)
        table.show(runs, columns)
        table.focus()
        await pilot.press("G")
        await see(pilot, "run-9999")
        assert formatted < 60 * 31 + 12 * 45 * 31
        before = formatted
        await pilot.press("pageup")
        await pilot.pause()
        assert formatted - before <= 3 * 45 * 31


class TestVerdicts:
    """The judgement of ``mlaudit diff`` on every run that is listed, worked out in the background."""

    async def test_each_run_gets_its_verdict_and_its_worst_change(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            await see(pilot, "✓ PASS", "✗ REGRESSION", "+26.0% val_loss", "◆ baseline")
            judged = screen.table.judged
            assert str(judged[SAMPLE["better"]].outcome) == "PASS"
            assert str(judged[SAMPLE["worse"]].outcome) == "REGRESSION"
            baseline = next(i for i, run in enumerate(screen.table.runs) if run.run_id == SAMPLE["production"])
            assert screen.table.render_line(baseline + 2).text.startswith("◆ mlp-base")

    async def test_they_can_be_sorted_by(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            await until(pilot, lambda: len(screen.table.judged) == len(screen.table.runs))
            await pilot.press("right", "right", "s", "s")
            await see(pilot, "by worst change, descending")
            shown = [screen.table.judged[run.run_id].worse for run in screen.table.runs]
            known = [w for w in shown if w is not None]
            assert known == sorted(known, reverse=True)
            assert shown == known + [None] * (len(shown) - len(known))
            newest = screen.table.runs
            await pilot.press("s")
            await until(pilot, lambda: "newest first" in status(screen) and screen.table.runs != newest)

    async def test_v_turns_them_off_and_on(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await pilot.press("v")
            assert "verdict" not in screen.table.columns
            await pilot.press("r")
            await until(pilot, lambda: not screen._loading)
            assert not screen.table.judged
            await pilot.press("v")
            await see(pilot, "✓ PASS")

    async def test_why_there_are_none_is_said(self, sample_gateway: MemoryGateway) -> None:
        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if isinstance(request, JudgeRuns):
                    raise StoreUnavailable("memory", "registry is closed")
                return handle(request)

            return answer

        async with runs_of(sample_gateway, around=around) as (pilot, _):
            await see(pilot, "no verdicts", "registry is closed", "mlp-base")

    async def test_a_store_without_models_has_no_verdict_columns(self) -> None:
        async with runs_of(TestPages.many(3)) as (pilot, screen):
            await see(pilot, "no verdicts: this run belongs to no registered model")
            assert "verdict" not in screen.table.columns

    async def test_it_has_none_while_the_runs_are_listed_anew(self) -> None:
        """What is known of the store's runs is not forgotten with them: the other columns stay where they are."""
        asked, go_on = threading.Event(), threading.Event()
        go_on.set()

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if isinstance(request, JudgeRuns):
                    asked.set()
                    assert go_on.wait(10)
                return handle(request)

            return answer

        async with runs_of(TestPages.many(5), around=around) as (pilot, screen):
            await see(pilot, "no verdicts: this run belongs to no registered model")
            before = screen.table.columns
            asked.clear()
            go_on.clear()
            await pilot.press("r")
            await until(pilot, asked.is_set)
            await until(pilot, lambda: "judging 5 more" in status(screen))
            assert screen.table.columns == before
            go_on.set()
            await see(pilot, "no verdicts: this run belongs to no registered model")
            assert screen.table.columns == before


class TestLive:
    """Runs that are RUNNING are looked at again by themselves."""

    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from mlaudit.tui.screens import run_list_live

        monkeypatch.setattr(run_list_live, "LIVE_SECONDS", 0.05)

    async def test_new_values_appear_and_stand_out(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(220, 45)) as (pilot, screen):
            await see(pilot, "1 RUNNING")
            sample_gateway.log_metric(SAMPLE["running"], "val_loss", 0.123456, step=9)
            await see(pilot, "0.12346")
            assert screen.table._changed[SAMPLE["running"]] == {"metrics.val_loss"}

    async def test_a_store_slower_than_the_looks_is_heard_out(self, sample_gateway: MemoryGateway) -> None:
        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if isinstance(request, SearchRuns) and "run_id IN" in request.filter_string:
                    time.sleep(0.3)
                return handle(request)

            return answer

        async with runs_of(sample_gateway, size=(220, 45), around=around) as (pilot, screen):
            await see(pilot, "1 RUNNING")
            screen._pause = 0.05
            sample_gateway.log_metric(SAMPLE["running"], "val_loss", 0.123456, step=9)
            await see(pilot, "0.12346")

    async def test_a_run_that_ends_is_asked_for_no_more(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await see(pilot, "1 RUNNING")
            sample_gateway.terminate_run(SAMPLE["running"], "FINISHED")
            await until(pilot, lambda: "RUNNING" not in status(screen))
            run = next(r for r in screen.table.runs if r.run_id == SAMPLE["running"])
            assert run.status == "FINISHED"


class TestOnlyWhatDiffers:
    async def test_columns_that_are_the_same_everywhere_go(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await filter_by(pilot, screen, "attributes.run_name LIKE 'mlp-%' AND params.hidden_size != '16'")
            assert "params.batch_size" in screen.table.columns
            await pilot.press("D")
            await see(pilot, "only columns that differ")
            assert "params.batch_size" not in screen.table.columns
            assert "params.hidden_size" in screen.table.columns
            await pilot.press("D")
            assert "params.batch_size" in screen.table.columns


class TestSideBySide:
    """Two to ten marked runs as columns."""

    async def test_only_what_differs_is_listed_until_all_is_wanted(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            await pilot.press("equals_sign")
            assert pilot.app.screen is screen
            await filter_by(pilot, screen, "params.hidden_size IS NOT NULL AND attributes.run_name LIKE 'mlp-_i%'")
            await pilot.press("A", "equals_sign")
            await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
            await see(pilot, "mlp-wide", "mlp-tiny", "hidden_size", "128", "val_loss ↓", "0.23 ★")
            assert "batch_size" not in text_of(pilot)
            await pilot.press("a")
            await see(pilot, "batch_size", "256")

    async def test_a_row_is_searched_and_copied_and_charted(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway, size=(80, 24)) as (pilot, _):
            await pilot.press("A", "equals_sign")
            await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
            await see(pilot, "3 more runs were marked and are left out")
            await pilot.press("slash", *"val_f1", "enter", "y")
            assert pilot.app.clipboard.startswith("val_f1\t")
            await pilot.press("c")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChartScreen))
            assert pilot.app.screen._key == "val_f1"  # type: ignore[attr-defined]
