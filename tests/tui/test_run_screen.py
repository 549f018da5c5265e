"""All of one run: its panes, its artifacts, what is copied, and what is said when something is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.runs import GetRunDetails, ListArtifacts
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from mlaudit.tui.widgets.jump_table import JumpTable
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import Handle, app_on, see, text_of, until

SIZES = [(80, 24), (160, 45)]


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def screen_of(
    gateway: MemoryGateway, nickname: str, *, size: tuple[int, int] = (120, 40), **options: Any
) -> AsyncIterator[tuple[Pilot[Any], RunScreen]]:
    """The app with the screen of one run."""
    app = app_on(gateway, **options)
    async with app.run_test(size=size) as pilot:
        await see(pilot, "fraud-detector")
        app.show_run(SAMPLE.get(nickname, nickname))
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        screen = app.screen
        assert isinstance(screen, RunScreen)
        yield pilot, screen


class TestPanes:
    @pytest.mark.parametrize("size", SIZES)
    async def test_the_overview_tells_where_it_came_from(
        self, sample_gateway: MemoryGateway, size: tuple[int, int]
    ) -> None:
        async with screen_of(sample_gateway, "production", size=size) as (pilot, _):
            await see(pilot, SAMPLE["production"], "fraud-detector (#", "(claimed)", "0123456789abcdef0123")
            await see(pilot, "transactions-val", "77aa01cc", "version 2 in Production, @champion", "FINISHED")

    async def test_tab_and_numbers_go_through_the_panes(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "better") as (pilot, screen):
            await see(pilot, "Metrics 5")
            await pilot.press("tab")
            await until(pilot, lambda: screen.pane == "metrics" and isinstance(screen.focused, JumpTable))
            await see(pilot, "val_loss", "0.23")
            await pilot.press("tab")
            await see(pilot, "hidden_size", "128")
            await pilot.press("4")
            await see(pilot, "dataset_version")
            await pilot.press("5")
            await see(pilot, "confusion_matrix.json", "plots/")
            await pilot.press("shift+tab", "shift+tab")
            await until(pilot, lambda: screen.pane == "params")

    async def test_a_long_value_is_whole_below_the_table(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "odd") as (pilot, screen):
            await see(pilot, "Params")
            await pilot.press("3", "end")
            await see(pilot, "… (+5800)")
            assert screen._row is not None
            await pilot.press("k", "k", "k", "k", "k")
            while screen._row[0] != "long":
                await pilot.press("j")
            await pilot.press("y")
            assert pilot.app.clipboard == "0123456789" * 600

    async def test_infinite_and_tiny_values_are_shown_as_what_they_are(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "odd") as (pilot, _):
            await see(pilot, "Metrics")
            await pilot.press("2")
            await see(pilot, "inf", "-1.000000e-300", "val loss/é 100%")

    async def test_a_run_without_anything_says_so(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "failed") as (pilot, _):
            await see(pilot, "FAILED")
            await pilot.press("2")
            await see(pilot, "The run has no metrics.")

    async def test_hostile_text_is_shown_and_not_obeyed(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "hostile") as (pilot, _):
            await see(pilot, "␛[2J evil")
            for key in "2345":
                await pilot.press(key)
                await pilot.pause()
                assert "\x1b" not in text_of(pilot)
            await see(pilot, "␛[7mreport.txt")

    async def test_a_run_that_is_missing_is_told_to_be(self, sample_gateway: MemoryGateway) -> None:
        del sample_gateway._runs[SAMPLE["nomodel"]]
        async with screen_of(sample_gateway, "nomodel") as (pilot, screen):
            await see(pilot, "no run with the id")
            await pilot.press("tab", "d", "c", "y", "3")
            assert pilot.app.screen is screen

    async def test_a_deleted_run_is_shown_and_not_promoted(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "deleted") as (pilot, screen):
            await see(pilot, "DELETED")
            await pilot.press("p")
            await see(pilot, "is deleted and cannot be promoted")
            assert pilot.app.screen is screen


class TestArtifacts:
    async def test_a_folder_is_read_when_it_is_opened(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "better") as (pilot, screen):
            await see(pilot, "Artifacts")
            await pilot.press("5")
            await see(pilot, "plots/")
            tree = screen.query_one(ArtifactTree)
            await until(pilot, lambda: tree.cursor_node is not None)
            while tree.path != "plots":
                await pilot.press("j")
            await pilot.press("enter")
            await see(pilot, "confusion_matrix.png", "8 B")
            await pilot.press("j", "y")
            assert pilot.app.clipboard == "plots/confusion_matrix.png"

    async def test_a_folder_that_cannot_be_read_says_why_and_is_asked_again(
        self, sample_gateway: MemoryGateway
    ) -> None:
        broken = True

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if broken and isinstance(request, ListArtifacts):
                    raise StoreUnavailable("memory", "bucket is gone")
                return handle(request)

            return answer

        async with screen_of(sample_gateway, "better", around=around) as (pilot, screen):
            await see(pilot, "Artifacts")
            await pilot.press("5")
            tree = screen.query_one(ArtifactTree)
            await until(pilot, lambda: tree.cursor_node is not None)
            while tree.path != "plots":
                await pilot.press("j")
            await pilot.press("enter")
            await see(pilot, "not read", "bucket is gone")
            broken = False
            await pilot.press("enter", "enter")
            await see(pilot, "confusion_matrix.png")


class TestActions:
    async def test_enter_on_a_metric_charts_it(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "better") as (pilot, screen):
            await see(pilot, "Metrics")
            await pilot.press("2", "j")
            row = screen._row
            assert row is not None
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChartScreen))
            assert pilot.app.screen._key == row[0]  # type: ignore[attr-defined]

    async def test_enter_on_a_param_opens_nothing(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "better") as (pilot, screen):
            await see(pilot, "Metrics")
            await pilot.press("3", "j", "enter")
            await pilot.pause()
            assert pilot.app.screen is screen

    async def test_d_compares_it(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "worse") as (pilot, _):
            await see(pilot, "Metrics")
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, DiffScreen))
            await see(pilot, "REGRESSION")

    async def test_a_failed_refresh_keeps_what_is_shown(self, sample_gateway: MemoryGateway) -> None:
        broken = False

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if broken and isinstance(request, GetRunDetails):
                    raise StoreUnavailable("memory", "gone for lunch")
                return handle(request)

            return answer

        async with screen_of(sample_gateway, "better", around=around) as (pilot, _):
            await see(pilot, "mlp-wide", "Metrics")
            broken = True
            await pilot.press("r")
            await see(pilot, "gone for lunch", "from before", "STALE", SAMPLE["better"])
            broken = False
            await pilot.press("r")
            await until(pilot, lambda: "gone for lunch" not in text_of(pilot))

    async def test_read_only_binds_no_promotion(self, sample_gateway: MemoryGateway) -> None:
        async with screen_of(sample_gateway, "better", read_only=True) as (pilot, screen):
            await see(pilot, "Metrics")
            assert "p" not in screen.active_bindings
