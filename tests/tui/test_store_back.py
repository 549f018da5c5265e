"""A store that did not answer is asked again by itself, and what it has to tell is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from mlaudit.domain.errors import DeadlineExceeded, StoreError, StoreLocked, StoreUnavailable
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.experiments import ListExperiments
from mlaudit.services.registry import SummarizeModels
from mlaudit.services.requests import Request
from mlaudit.services.runs import PAGE_SIZE
from mlaudit.tui.screens.base import LONGEST_PAUSE, BaseScreen
from mlaudit.tui.screens.help import HelpScreen
from mlaudit.tui.screens.models import ModelsScreen
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import Handle, app_on, runs_of, see, text_of, until

SIZE = (160, 45)
LONGEST = LONGEST_PAUSE
"""As it is without the fixture below."""


def gone(_method: str) -> StoreError | None:
    return StoreUnavailable("memory://", "gone")


def answers(_method: str) -> StoreError | None:
    return None


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting for seconds."""
    monkeypatch.setattr("mlaudit.tui.screens.base.FIRST_PAUSE", 0.05)
    monkeypatch.setattr("mlaudit.tui.screens.base.LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(BaseScreen, "_pause", 0.05)


async def failing(pilot: Pilot[None], store: MemoryGateway, fail: Callable[[str], StoreError | None]) -> None:
    """The models, and then no answer to the key that asks anew."""
    await pilot.app.push_screen(ModelsScreen())
    await see(pilot, "2 registered models")
    store.fail = fail
    await pilot.press("r")
    await see(pilot, "What is shown is from before", "STALE")


@pytest.mark.parametrize("error", [StoreUnavailable("memory://", "gone"), DeadlineExceeded("memory://", "it", 9)])
async def test_without_a_key(sample_gateway: MemoryGateway, error: StoreError) -> None:
    refused: list[str] = []

    def refuse(method: str) -> StoreError:
        refused.append(method)
        return error

    app = app_on(sample_gateway)
    async with app.run_test(size=SIZE) as pilot:
        await failing(pilot, sample_gateway, refuse)
        await until(pilot, lambda: refused.count("list_experiments") > 1)
        sample_gateway.add_version("newcomer", SAMPLE["better"])
        sample_gateway.fail = answers
        await see(pilot, "3 registered models", "newcomer")
        assert "STALE" not in text_of(pilot)


async def test_from_the_start(sample_gateway: MemoryGateway) -> None:
    sample_gateway.fail = gone
    app = app_on(sample_gateway)
    async with app.run_test(size=SIZE) as pilot:
        await see(pilot, "NO ANSWER")
        sample_gateway.fail = answers
        await see(pilot, "fraud-detector")
        assert "NO ANSWER" not in text_of(pilot)


async def test_runs_that_had_come_stay_where_they_are(sample_gateway: MemoryGateway) -> None:
    """Whoever has loaded many, and is deep among them, is not sent back to the first page."""
    experiment = sample_gateway.add_experiment("many")
    for number in range(3 * PAGE_SIZE):
        sample_gateway.add_run(experiment, name=f"run {number}", metrics={"loss": 1.0}, start_time=number)
    async with runs_of(sample_gateway, experiment="many", judged=False) as (pilot, screen):
        screen.load_more(False)
        await until(pilot, lambda: len(screen.table.runs) == 2 * PAGE_SIZE and not screen._loading)
        screen.table.cursor_row = 2 * PAGE_SIZE - 100
        sample_gateway.fail = gone
        screen.load_more(False)
        await see(pilot, "gone. What is shown is from before", "STALE")
        sample_gateway.fail = answers
        await until(pilot, lambda: "STALE" not in text_of(pilot) and "from before" not in text_of(pilot))
        assert (len(screen.table.runs), screen.table.cursor_row) == (2 * PAGE_SIZE, 2 * PAGE_SIZE - 100)
        await pilot.press("G")
        await until(pilot, lambda: len(screen.table.runs) == 3 * PAGE_SIZE)


async def test_a_filter_that_got_no_answer_gets_one(sample_gateway: MemoryGateway) -> None:
    async with runs_of(sample_gateway) as (pilot, screen):
        sample_gateway.fail = gone
        screen.filter_string = "attributes.run_name = 'mlp-base'"
        screen.load()
        await see(pilot, "STALE")
        sample_gateway.fail = answers
        await until(pilot, lambda: [run.name for run in screen.table.runs] == ["mlp-base"])


async def test_nothing_is_asked_for_what_cannot_be_seen_nor_after_it_is_left(sample_gateway: MemoryGateway) -> None:
    asked: list[Request[object]] = []

    def around(handle: Handle) -> Handle:
        def counted(request: Request[object]) -> object:
            asked.append(request)
            return handle(request)

        return counted

    app = app_on(sample_gateway, around=around)
    async with app.run_test(size=SIZE) as pilot:
        await failing(pilot, sample_gateway, gone)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.pause(0.3)
        before = len(asked)
        await pilot.pause(0.5)
        assert len(asked) == before
        await pilot.press("escape")
        await until(pilot, lambda: len(asked) > before)
        assert isinstance(asked[-1], ListExperiments)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ModelsScreen))
        before = len(asked)
        sample_gateway.fail = answers
        await pilot.pause(0.5)
        assert not any(isinstance(request, SummarizeModels) for request in asked[before:])


@pytest.mark.parametrize("error", [StoreUnavailable("memory://", "gone"), DeadlineExceeded("memory://", "it", 9)])
async def test_one_question_that_always_fails_is_not_asked_for_ever(
    sample_gateway: MemoryGateway, error: StoreError
) -> None:
    """Where the store answers all others: its artifacts lie elsewhere, or a judgement takes too long."""
    asked: list[str] = []

    def fail(method: str) -> StoreError | None:
        asked.append(method)
        return None if method == "list_experiments" else error

    app = app_on(sample_gateway)
    async with app.run_test(size=SIZE) as pilot:
        await failing(pilot, sample_gateway, fail)
        await pilot.pause(0.5)
        before = len(asked)
        await pilot.pause(0.7)
        assert len(asked) == before
        assert "STALE" in text_of(pilot)
        assert len([method for method in asked if method != "list_experiments"]) <= 4


async def test_what_is_answered_though_badly_is_not_asked_again(sample_gateway: MemoryGateway) -> None:
    """A locked file, a refusal: the user is told, and asks when there is a reason to."""
    app = app_on(sample_gateway)
    async with app.run_test(size=SIZE) as pilot:
        await failing(pilot, sample_gateway, lambda _method: StoreLocked("memory://", "locked"))
        sample_gateway.fail = answers
        await pilot.pause(0.5)
        assert "STALE" in text_of(pilot)


def test_it_is_within_five_seconds_that_it_is_noticed() -> None:
    assert LONGEST < 5
