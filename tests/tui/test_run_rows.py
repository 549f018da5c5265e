"""The runs screen where a row is not one run of a list: groups and trees."""

from __future__ import annotations

import math
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from mlaudit.domain.groups import RunGroup
from mlaudit.domain.models import ViewType
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.runs import SearchRuns
from mlaudit.tui.screens import run_list_live, run_list_rows
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.group_by import GroupByScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.runs import RunsScreen
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import Handle, see, text_of, until
from tests.tui.test_runs_screen import filter_by, runs_of, status

SIZES = [(80, 24), (160, 45)]


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sweep() -> MemoryGateway:
    """Three seeds of two sizes, one of them diverged, and one run without a size."""
    store = MemoryGateway()
    experiment = store.add_experiment("fraud-detector")
    for size, losses in (("16", (0.5, 0.6, math.nan)), ("128", (0.1, 0.2, 0.3))):
        for seed, loss in enumerate(losses):
            params = {"hidden": size, "seed": seed, "opt": "sgd"}
            store.add_run(experiment, name=f"h{size}-s{seed}", params=params, metrics={"val_loss": loss}, model=False)
    store.add_run(experiment, name="bare", params={"opt": "sgd"}, model=False)
    return store


def shown(screen: RunsScreen) -> list[str]:
    """What each row's first column says, without its signs."""
    table = screen.table
    return [table._content(row, "run_name").strip() for row in table.rows]


async def group_by(pilot: Pilot[Any], screen: RunsScreen, *columns: str) -> None:
    await pilot.press("b")
    await until(pilot, lambda: isinstance(pilot.app.screen, GroupByScreen))
    dialog = pilot.app.screen
    assert isinstance(dialog, GroupByScreen)
    for column in columns:
        dialog.query_one(OptionList).highlighted = dialog._listed.index(column)
        await pilot.press("space")
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.screen is screen and not screen._loading)


class TestGroups:
    @pytest.mark.parametrize("size", SIZES)
    async def test_one_row_a_group_with_count_and_figures(self, sweep: MemoryGateway, size: tuple[int, int]) -> None:
        """How many values a mean is of is said where that is not all of the group's runs."""
        async with runs_of(sweep, size=size) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden")
            assert shown(screen) == ["▸ no hidden", "▸ hidden=128", "▸ hidden=16"]
            assert screen.table.columns[:3] == ("run_name", "count", "params.hidden")
            await see(pilot, "hidden=128", "3 groups by hidden", "shown: mean ±sd")
            screen.table.cursor_column = screen.table.columns.index("metrics.val_loss")
            await see(pilot, "0.2 ±0.1", "0.55 ±0.0707 n=2")
            await pilot.press("j", "j")
            await see(pilot, "val_loss: n 2 of 3 (1 NaN or infinite) · mean 0.55 · sd 0.070711", "max 0.6")

    async def test_enter_opens_a_group_and_its_runs_open_as_ever(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden")
            await pilot.press("j", "enter")
            assert shown(screen) == ["▸ no hidden", "▾ hidden=128", "h128-s2", "h128-s1", "h128-s0", "▸ hidden=16"]
            await pilot.press("j", "j", "z")
            assert shown(screen) == ["▸ no hidden", "▸ hidden=128", "▸ hidden=16"]
            assert screen.table.cursor_row == 1
            await pilot.press("Z")
            assert len(shown(screen)) == 10
            await pilot.press("Z", "g", "enter", "j", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            await see(pilot, "bare")

    async def test_a_group_is_sorted_by_its_figure_and_b_chooses_that(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden")
            screen.table.cursor_column = screen.table.columns.index("metrics.val_loss")
            await pilot.press("s")
            assert shown(screen) == ["▸ hidden=128", "▸ hidden=16", "▸ no hidden"]
            await see(pilot, "by val_loss, ascending", "▲")
            await pilot.press("s")
            assert shown(screen) == ["▸ hidden=16", "▸ hidden=128", "▸ no hidden"]
            await pilot.press("B", "B", "B")
            await see(pilot, "shown: min", "0.5 n=2")
            screen.table.cursor_column = screen.table.columns.index("count")
            await pilot.press("s", "S", "S")
            await see(pilot, "newest run first")

    async def test_what_groups_cannot_be_sorted_by_is_said(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await until(pilot, lambda: len(screen.table.judged) == len(screen.table.runs))
            await group_by(pilot, screen, "params.hidden_size")
            screen.table.cursor_column = screen.table.columns.index("verdict")
            await pilot.press("s")
            await see(pilot, "Groups have no verdict")

    async def test_marking_a_group_marks_its_runs_and_c_charts_them(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden")
            await pilot.press("j", "space")
            assert sorted(run.name for run in screen.table.marked) == ["h128-s0", "h128-s1", "h128-s2"]
            await see(pilot, "● ▸ hidden=128", "3 marked")
            await pilot.press("k", "enter", "j", "space")
            await see(pilot, "◐ ▾ hidden=128", "2 marked")
            await pilot.press("c")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChartScreen))
            assert len(pilot.app.screen.curves.runs) == 2  # type: ignore[attr-defined]

    async def test_c_on_a_group_without_marks_charts_its_runs(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden")
            await pilot.press("j", "c")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChartScreen))
            assert len(pilot.app.screen.curves.runs) == 3  # type: ignore[attr-defined]

    async def test_what_is_done_with_one_run_is_not_done_with_a_group(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden_size")
            await pilot.press("g")
            assert isinstance(screen.table.current_row, RunGroup)
            assert not screen.active_bindings["d"].enabled
            assert not screen.active_bindings["p"].enabled
            await pilot.press("d", "p")
            assert pilot.app.screen is screen
            await pilot.press("enter", "j")
            await until(pilot, lambda: screen.active_bindings["d"].enabled)

    async def test_copies_and_files_are_of_runs(self, sweep: MemoryGateway) -> None:
        """The column of counts is no run's own."""
        async with runs_of(sweep) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden")
            await pilot.press("j", "ctrl+y")
            assert pilot.app.clipboard == ""
            await pilot.press("enter", "j", "right", "ctrl+y")
            assert pilot.app.clipboard.startswith("run_name\tparams.hidden\tstatus")
            await pilot.press("Y", "o")
            await see(pilot, "The file has the runs themselves")

    async def test_chosen_in_order_searched_and_ungrouped(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, screen):
            flat = screen.table.columns
            await group_by(pilot, screen, "params.seed", "params.hidden")
            assert "▸ seed=2, hidden=128" in shown(screen)
            assert len(screen.table.rows) == 7
            await pilot.press("b")
            await until(pilot, lambda: isinstance(pilot.app.screen, GroupByScreen))
            await pilot.press("slash", *"hidd", "enter")
            await see(pilot, "2 params.hidden")
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert len(screen.table.rows) == 7
            # What was chosen is given up, and nothing is chosen.
            await group_by(pilot, screen, "params.seed", "params.hidden")
            assert screen.table.rows is screen.table.runs
            assert screen.table.columns == flat

    async def test_by_recipe_seeds_are_put_together(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, screen):
            await group_by(pilot, screen, "recipe")
            await until(pilot, lambda: shown(screen) == ["▸ no params", "▸ hidden=128", "▸ hidden=16"])

    async def test_all_runs_of_the_filter_are_fetched_for_groups(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Up to a bound, which is said; G goes beyond it."""
        monkeypatch.setattr(run_list_rows, "ARRANGED_MOST", 600)
        store = MemoryGateway()
        experiment = store.add_experiment("fraud-detector")
        for n in range(900):
            store.add_run(experiment, params={"odd": n % 2}, metrics={"loss": float(n)}, model=False)
        async with runs_of(store) as (pilot, screen):
            assert len(screen.table.runs) == 200
            await group_by(pilot, screen, "params.odd")
            await until(pilot, lambda: len(screen.table.runs) == 600 and not screen._loading)
            await see(pilot, "over the first 600 of 900 runs: G fetches all")
            assert [len(row.runs) for row in screen.table.rows if isinstance(row, RunGroup)] == [300, 300]
            await pilot.press("j", "k", "pagedown")
            assert len(screen.table.runs) == 600
            await pilot.press("G")
            await until(pilot, lambda: len(screen.table.runs) == 900 and not screen._loading)
            assert "over the first" not in status(screen)
            assert [len(row.runs) for row in screen.table.rows if isinstance(row, RunGroup)] == [450, 450]

    async def test_a_reload_and_a_filter_keep_the_groups(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden")
            await pilot.press("j", "enter", "r")
            await until(pilot, lambda: not screen._loading)
            assert "h128-s0" in shown(screen)
            assert screen.table.cursor_row == 1
            await filter_by(pilot, screen, "params.seed = '0'")
            await until(pilot, lambda: shown(screen) == ["▾ hidden=128", "h128-s0", "▸ hidden=16"])
            await filter_by(pilot, screen, "params.seed = 'none'")
            await see(pilot, "no run matches")
            await pilot.press("enter", "space", "z", "Z", "s", "c", "b")
            assert pilot.app.screen is screen

    async def test_a_run_that_goes_on_changes_its_groups_figures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_list_live, "LIVE_SECONDS", 0.05)
        store = MemoryGateway()
        experiment = store.add_experiment("fraud-detector")
        live = store.add_run(experiment, params={"h": 1}, metrics={"loss": [0.5]}, status="RUNNING", model=False)
        async with runs_of(store) as (pilot, screen):
            await group_by(pilot, screen, "params.h")
            await see(pilot, "0.5")
            store.log_metric(live, "loss", 0.25, step=9)
            await see(pilot, "0.25")

    async def test_the_store_is_asked_for_no_more_where_all_runs_are_there(self, sweep: MemoryGateway) -> None:
        asked = 0

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                nonlocal asked
                asked += isinstance(request, SearchRuns)
                return handle(request)

            return answer

        async with runs_of(sweep, around=around) as (pilot, screen):
            before = asked
            await group_by(pilot, screen, "params.hidden")
            await see(pilot, "hidden=16")
            assert asked == before

    async def test_markup_and_escape_codes_are_text(self) -> None:
        store = MemoryGateway()
        experiment = store.add_experiment("fraud-detector")
        store.add_run(experiment, name="a", params={"[/x]": "\x1b[2J[@click=app.quit]x[/]"}, model=False)
        store.add_run(experiment, name="b", params={"[/x]": "2"}, model=False)
        store.add_run(experiment, name="c", params={"[/x]": "2"}, model=False)
        async with runs_of(store, size=(160, 45)) as (pilot, screen):
            await group_by(pilot, screen, "params.[/x]")
            await see(pilot, "[/x]=2")
            assert "\x1b" not in text_of(pilot)


PARENT = "mlflow.parentRunId"


@pytest.fixture
def nested() -> MemoryGateway:
    """A sweep with two trials, one of which has a fold; a run whose parent is deleted; two that name one another."""
    store = MemoryGateway()
    experiment = store.add_experiment("fraud-detector")

    def add(name: str, parent: str | None = None, **more: Any) -> str:
        tags = {} if parent is None else {PARENT: parent}
        return store.add_run(experiment, name=name, tags=tags, metrics={"loss": len(name)}, model=False, **more)

    sweep = add("sweep")
    trial = add("trial-1", sweep)
    add("trial-22", sweep)
    add("fold", trial)
    add("orphan", add("gone", lifecycle_stage="deleted"))
    add("left", "b" * 32, run_id="a" * 32)
    add("right", "a" * 32, run_id="b" * 32)
    return store


class TestTree:
    @pytest.mark.parametrize("size", SIZES)
    async def test_children_are_indented_below_their_parents(
        self, nested: MemoryGateway, size: tuple[int, int]
    ) -> None:
        async with runs_of(nested, size=size) as (pilot, screen):
            await pilot.press("T")
            table = screen.table
            names = [table._content(row, "run_name") for row in table.rows]
            assert names[:3] == ["▾ ↻ right", "    left", "  ↥ orphan"]
            assert names[3:] == ["▾ sweep", "    trial-22", "  ▾ trial-1", "      fold"]
            await see(pilot, "tree", "↥ 1 whose parent is not listed", "↻ 1 that name one another")
            await pilot.press("T")
            assert table.rows is table.runs
            assert table.runs[0].name == "right"

    async def test_branches_are_folded_and_enter_opens_the_run(self, nested: MemoryGateway) -> None:
        async with runs_of(nested) as (pilot, screen):
            await pilot.press("T", "G", "z")
            assert shown(screen)[-2:] == ["trial-22", "▸ trial-1 +1"]
            assert screen.table.current is not None
            assert screen.table.current.name == "trial-1"
            await pilot.press("z", "j", "z", "k", "z")
            assert shown(screen)[-1] == "▸ sweep +3"
            await pilot.press("Z")
            assert "fold" in shown(screen)
            await pilot.press("Z")
            assert len(shown(screen)) == 3
            await pilot.press("G", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            await see(pilot, "sweep")

    async def test_the_order_is_that_of_brothers(self, nested: MemoryGateway) -> None:
        async with runs_of(nested) as (pilot, screen):
            await pilot.press("T")
            screen.table.cursor_column = screen.table.columns.index("metrics.loss")
            await pilot.press("s")
            await until(pilot, lambda: screen.table.sorting and not screen._loading)
            assert shown(screen)[2:] == ["▾ sweep", "▾ trial-1", "fold", "trial-22", "↥ orphan"]

    async def test_a_filter_that_hides_the_parent_says_so(self, nested: MemoryGateway) -> None:
        async with runs_of(nested) as (pilot, screen):
            await pilot.press("T")
            await filter_by(pilot, screen, "attributes.run_name LIKE 'trial%'")
            await until(pilot, lambda: shown(screen) == ["↥ trial-22", "↥ trial-1"])
            await see(pilot, "↥ 2 whose parent is not listed")

    async def test_a_parent_that_is_not_loaded_yet_is_fetched(self) -> None:
        """The parent is the oldest run of many: newest first it comes last."""
        store = MemoryGateway()
        experiment = store.add_experiment("fraud-detector")
        parent = store.add_run(experiment, name="parent", model=False)
        for n in range(450):
            store.add_run(experiment, name=f"trial-{n}", tags={PARENT: parent}, model=False)
        async with runs_of(store) as (pilot, screen):
            await pilot.press("T")
            await until(pilot, lambda: len(screen.table.runs) == 451 and not screen._loading)
            assert shown(screen)[:2] == ["▾ parent", "trial-449"]
            assert "whose parent" not in status(screen)
            await pilot.press("Z")
            assert shown(screen) == ["▸ parent +450"]

    async def test_groups_and_tree_take_turns_and_a_flat_store_says_so(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, screen):
            await group_by(pilot, screen, "params.hidden")
            await pilot.press("T")
            assert "count" not in screen.table.columns
            await see(pilot, "tree: no run here started another")
            assert "z" in screen.active_bindings
            await pilot.press("T")
            assert "z" not in screen.active_bindings


class TestDeleted:
    async def test_x_shows_them_too_then_alone_then_not(self, sample_gateway: MemoryGateway) -> None:
        """Their status says it in a word; they open, and their verdict says it too."""
        async with runs_of(sample_gateway, size=(160, 45)) as (pilot, screen):
            active = len(screen.table.runs)
            await pilot.press("x")
            await until(pilot, lambda: len(screen.table.runs) == active + 1)
            await see(pilot, "FINISHED deleted", "deleted ones too", "≠ NOT_COMPARABLE")
            await pilot.press("x")
            await until(pilot, lambda: [run.run_id for run in screen.table.runs] == [SAMPLE["deleted"]])
            await see(pilot, "deleted ones only", "DELETED")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            await see(pilot, SAMPLE["deleted"])
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen)
            await pilot.press("x")
            await until(pilot, lambda: len(screen.table.runs) == active and not screen._loading)
            assert "deleted ones" not in status(screen)

    async def test_its_promotion_is_refused_in_words(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await pilot.press("x", "x")
            await until(pilot, lambda: len(screen.table.runs) == 1 and not screen._loading)
            await pilot.press("p")
            await see(pilot, "is deleted and cannot be promoted")
            assert pilot.app.screen is screen
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, DiffScreen))
            await see(pilot, "NOT_COMPARABLE")

    async def test_the_file_of_the_runs_says_which_are_deleted(self, sample_gateway: MemoryGateway) -> None:
        async with runs_of(sample_gateway) as (pilot, screen):
            await pilot.press("x")
            await see(pilot, "deleted ones too")
            view = screen._view()
            assert view.columns[-1] == "lifecycle_stage"
            assert view.search.view is ViewType.ALL

    async def test_where_none_is_deleted_that_is_said(self, sweep: MemoryGateway) -> None:
        async with runs_of(sweep) as (pilot, _):
            await pilot.press("x", "x")
            await see(pilot, "no deleted runs here")
