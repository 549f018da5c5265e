"""Saved views: how the runs are shown, under a name, for each experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList

from mlaudit.config.saved_views import SavedViews
from mlaudit.domain.saved_view import SavedView
from mlaudit.domain.sorting import SortKey
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.screens.views import ViewsScreen
from tests.plugins.screen_tools import runs_of, see, text_of, told, until

BEST = SavedView(
    "params.even = '1'",
    (SortKey("metrics.loss", False),),
    columns=("run_name", "metrics.loss", "metrics.f1"),
    pinned=("metrics.f1",),
    curves=("loss",),
    verdicts=False,
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is this test's own."""
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path))


def store() -> MemoryGateway:
    gateway = MemoryGateway()
    experiment = gateway.add_experiment("fraud-detector")
    for n in range(6):
        gateway.add_run(
            experiment, name=f"run-{n}", metrics={"loss": n / 8, "f1": 1 - n / 8}, params={"even": str(n % 2)},
            model=False,
        )  # fmt: skip
    return gateway


def kept(screen: RunsScreen) -> SavedViews:
    views = screen._saved_views
    assert views is not None
    return views


async def dialog(pilot: Pilot[Any]) -> ViewsScreen:
    await pilot.press("w")
    await until(pilot, lambda: isinstance(pilot.app.screen, ViewsScreen) and pilot.app.screen.query("#hint"))
    screen = pilot.app.screen
    assert isinstance(screen, ViewsScreen)
    return screen


async def named(pilot: Pilot[Any], key: str, name: str) -> None:
    """Press the key that asks for a name, and give one."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))
    pilot.app.screen.query_one("#name", Input).value = name
    await pilot.press("enter")


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_a_view_is_saved_and_applied_again(size: tuple[int, int]) -> None:
    """Filter, order, columns, pins and curves; the line below the table names it, and says when it was changed."""
    async with runs_of(store(), size=size) as (pilot, screen):
        before = screen.table.columns
        await pilot.press("slash")
        screen.query_one("#expression", Input).value = "params.even = '1'"
        await pilot.press("enter")
        await until(pilot, lambda: not screen._loading and len(screen.table.runs) == 3)
        screen.table.cursor_column = screen.table.columns.index("metrics.loss")
        await pilot.press("s")
        await until(pilot, lambda: not screen._loading and screen.table.runs[0].name == "run-1")
        await pilot.press("s", "i", "f")
        await until(pilot, lambda: not screen._loading and screen.table.runs[0].name == "run-5")
        shown = screen.table.columns
        assert shown[1] == "curves.loss"
        await dialog(pilot)
        await see(pilot, "None is saved here yet")
        await named(pilot, "s", "odd ones [/x]")
        await see(pilot, "● odd ones [/x]", "params.even = '1' · by loss ▼ · 1 pinned · 1 curve")
        assert kept(screen).read()["odd ones [/x]"].order_by == ("metrics.loss DESC",)
        await pilot.press("escape")
        await see(pilot, "view odd ones [/x]")
        await pilot.press("f")
        await see(pilot, "view odd ones [/x], changed")
    async with runs_of(store(), size=size) as (pilot, screen):
        assert screen.table.columns == before
        await dialog(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: [run.name for run in screen.table.runs] == ["run-5", "run-3", "run-1"])
        await until(pilot, lambda: screen.table.columns == shown)
        assert screen.table.pinned == {"curves.loss"}
        await see(pilot, "view odd ones [/x]", "params.even = '1'", "by loss, descending")
        assert "changed" not in text_of(pilot)


async def test_columns_are_applied_as_they_were_chosen() -> None:
    async with runs_of(store(), size=(160, 45)) as (pilot, screen):
        kept(screen).save("best", BEST)
        await dialog(pilot)
        await see(pilot, "3 columns · 1 pinned · 1 curve · no verdicts")
        await pilot.press("enter")
        await until(pilot, lambda: len(screen.table.runs) == 3 and not screen._loading)
        assert screen.table.columns == ("run_name", "metrics.f1", "metrics.loss", "curves.loss")
        assert not screen._judging


async def test_a_click_applies_a_view() -> None:
    async with runs_of(store(), size=(120, 40)) as (pilot, screen):
        kept(screen).save("a", SavedView())
        kept(screen).save("best", BEST)
        await dialog(pilot)
        await see(pilot, "best")
        await pilot.click(OptionList, offset=(5, 1))
        await see(pilot, "view best")
        await until(pilot, lambda: len(screen.table.runs) == 3)


async def test_groups_and_trees_are_part_of_a_view() -> None:
    """Applied while other rows are shown."""
    async with runs_of(store(), size=(160, 45)) as (pilot, screen):
        groups = SavedView(group_by=("params.even",), group_sorting=(SortKey("metrics.loss", False),))
        kept(screen).save("1 groups", groups)
        kept(screen).save("2 tree", SavedView(tree=True))
        kept(screen).save("3 plain", SavedView("params.even = '0'"))
        await pilot.press("w", "enter")
        await see(pilot, "2 groups by even", "view 1 groups", "even=1")
        assert screen._present_view() == groups
        await pilot.press("w", "down", "enter")
        await see(pilot, "tree: no run here started another", "view 2 tree")
        await pilot.press("w", "down", "enter")
        await until(pilot, lambda: screen.table.arrangement is None and len(screen.table.rows) == 3)


async def test_a_name_that_is_taken_is_replaced_only_after_a_question() -> None:
    async with runs_of(store()) as (pilot, screen):
        kept(screen).save("mine", BEST)
        here = await dialog(pilot)
        await named(pilot, "s", "mine")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await see(pilot, "Replace the view mine?", "It becomes: all runs")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is here)
        assert kept(screen).read()["mine"] == BEST
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        pilot.app.screen.query_one("#confirm", Button).press()
        await until(pilot, lambda: kept(screen).read()["mine"] == SavedView())


async def test_the_line_below_follows_a_view_that_is_renamed_or_deleted() -> None:
    async with runs_of(store()) as (pilot, screen):
        kept(screen).save("one", SavedView())
        await dialog(pilot)
        await pilot.press("enter")
        await see(pilot, "view one")
        here = await dialog(pilot)
        await named(pilot, "n", "two")
        await until(pilot, lambda: not here.has_class("-naming") and set(kept(screen).read()) == {"two"})
        await pilot.press("escape")
        await see(pilot, "view two")
        here = await dialog(pilot)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        pilot.app.screen.query_one("#confirm", Button).press()
        await until(pilot, lambda: kept(screen).read() == {} and not here.applied)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen and "view two" not in text_of(pilot))


async def test_rename_and_delete_with_a_question() -> None:
    async with runs_of(store()) as (pilot, screen):
        kept(screen).save("one", BEST)
        kept(screen).save("two", SavedView())
        here = await dialog(pilot)
        await named(pilot, "n", "two")
        await see(pilot, "there is a view named two already")
        pilot.app.screen.query_one("#name", Input).value = "three"
        await pilot.press("enter")
        await until(pilot, lambda: set(kept(screen).read()) == {"three", "two"})
        await until(pilot, lambda: not here.has_class("-naming"))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await see(pilot, "Delete the view three?")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is here)
        assert set(kept(screen).read()) == {"three", "two"}
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        pilot.app.screen.query_one("#confirm", Button).press()
        await until(pilot, lambda: set(kept(screen).read()) == {"two"})
        await pilot.press("escape")


async def test_a_name_that_cannot_be_used_is_said_and_escape_leaves_the_field() -> None:
    async with runs_of(store()) as (pilot, screen):
        here = await dialog(pilot)
        await named(pilot, "s", "  ")
        await see(pilot, "a view needs a name")
        await pilot.press("escape")
        assert pilot.app.screen is here
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert kept(screen).read() == {}


async def test_a_broken_file_is_named_and_put_aside_when_something_is_saved() -> None:
    async with runs_of(store(), size=(160, 45), notifications=True) as (pilot, screen):
        path = kept(screen).path
        path.parent.mkdir()
        path.write_text("{broken")
        await dialog(pilot)
        await see(pilot, "cannot be read", "passed over")
        await named(pilot, "s", "mine")
        await until(pilot, lambda: "could not be read" in told(pilot))
        assert path.with_suffix(".broken").read_text() == "{broken"
        assert set(kept(screen).read()) == {"mine"}


async def test_a_filter_that_the_store_refuses_is_said_and_the_runs_stay() -> None:
    async with runs_of(store()) as (pilot, screen):
        kept(screen).save("odd", SavedView("parms.x = '1'"))
        await pilot.press("w", "enter")
        await see(pilot, "did you mean params")
        assert len(screen.table.runs) == 6


async def test_the_palette_has_the_views() -> None:
    """By their names, whatever is in them."""
    async with runs_of(store(), size=(120, 40)) as (pilot, screen):
        kept(screen).save("best [/x]", BEST)
        await pilot.press("ctrl+p")
        await pilot.press(*"view: best")
        await see(pilot, "View: best [/x]")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen and len(screen.table.runs) == 3)
        await see(pilot, "view best [/x]")
