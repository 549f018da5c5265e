"""The history of a model on screen: records, moves without one, the state of the chain, whole records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.audit_trail import read_history
from mlaudit.services.promote import (
    ExecutePromotion,
    PlanPromotion,
    PlanRollback,
    execute_promotion,
    plan_promotion,
    plan_rollback,
)
from mlaudit.tui.screens.history import HistoryScreen, RecordScreen, standing_text
from tests.plugins.fake_world import fake_surroundings
from tests.plugins.sample_store import MODEL, SAMPLE
from tests.plugins.screen_tools import app_on, see, text_of, until

WIDE, NARROW = (160, 45), (80, 24)
CI = "https://ci.example/job/7"


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def promoted(gateway: MemoryGateway, nickname: str = "better", reason: str = "", to: str = "Production") -> str:
    """Promote a run, past the gate where a reason is given; returns the record's id."""
    plan = plan_promotion(gateway, Policies(), PlanPromotion(SAMPLE[nickname], MODEL, to))
    request = ExecutePromotion(plan, reason, override=bool(reason))
    return execute_promotion(gateway, Policies(), fake_surroundings(ci_url=CI), request).record_id


def rolled_back(gateway: MemoryGateway) -> str:
    plan = plan_rollback(gateway, PlanRollback(MODEL))
    return execute_promotion(gateway, Policies(), fake_surroundings(), ExecutePromotion(plan, "[/latency]")).record_id


async def show(pilot: Pilot[Any], model: str = MODEL) -> HistoryScreen:
    # The header tells by the store whether what is shown is stale.
    await until(pilot, lambda: pilot.app.store is not None)
    screen = HistoryScreen(model)
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.history is not None)
    await pilot.pause()
    return screen


async def test_records_newest_first_with_who_and_why(sample_gateway: MemoryGateway) -> None:
    promoted(sample_gateway)
    promoted(sample_gateway, "worse", "the old one [b]leaks[/b]")
    rolled_back(sample_gateway)
    app = app_on(sample_gateway)
    async with app.run_test(size=WIDE) as pilot:
        screen = await show(pilot)
        assert [e.event for e in screen.entries[:3]] == ["rollback", "promotion", "promotion"]
        await see(pilot, "✓ 3 records; the chain is whole", "ada (claimed)", "REGRESSION, overridden", "OUT OF BAND")
        await see(pilot, "[/latency]", "version 4 back to Production, was 5", "claimed) on box")
        await pilot.press("j")
        await see(pilot, "overridden: the old one [b]leaks[/b]", CI)


async def test_what_moved_behind_mlaudits_back_is_said(sample_gateway: MemoryGateway) -> None:
    promoted(sample_gateway)
    sample_gateway.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=True)
    app = app_on(sample_gateway)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot)
        await see(pilot, "✗ 1 record; the chain is whole, but the registry is not as the last record")
        await see(pilot, "! out of band since the last record: version 3 went from Staging to Production")
        await see(pilot, "OUT OF BAND", "who and why is not known")


async def test_enter_shows_the_whole_record_and_y_copies(sample_gateway: MemoryGateway) -> None:
    record_id = promoted(sample_gateway)
    app = app_on(sample_gateway)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot)
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == record_id)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RecordScreen))
        await see(pilot, "its hash is right", '"actor": {', f"mlaudit/evidence/{record_id}.json")
        await pilot.press("G")
        await see(pilot, '"why"')
        await pilot.press("g", "j", "k", "y")
        await until(pilot, lambda: app.clipboard.startswith("{"))
        assert json.loads(app.clipboard)["id"] == record_id
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))


async def test_verify_finds_a_record_that_was_changed(sample_gateway: MemoryGateway) -> None:
    record_id = promoted(sample_gateway)
    app = app_on(sample_gateway)
    async with app.run_test(size=WIDE) as pilot:
        await show(pilot)
        await pilot.press("V")
        await see(pilot, "verified at ", "1 record; the chain is whole", "newest record 1, sha256 ")
        path = f"mlaudit/evidence/{record_id}.json"
        content = sample_gateway.read_artifact(SAMPLE["better"], path, 10**6)
        changed = content.replace(b'"ada"', b'"eve"')
        assert changed != content
        sample_gateway.write_artifact(SAMPLE["better"], path, changed.decode())
        await pilot.press("V")
        await see(
            pilot, "✗ verified at ", "the chain is broken", "! broken: record 1", "BROKEN: the record was changed"
        )
        await pilot.press("enter")
        await see(pilot, "! the record was changed: its hash is not that of its content", '"name": "eve"')


async def test_a_record_that_is_gone_is_said(sample_gateway: MemoryGateway) -> None:
    record_id = promoted(sample_gateway)
    app = app_on(sample_gateway)
    async with app.run_test(size=WIDE) as pilot:
        await show(pilot)
        del sample_gateway._stored(SAMPLE["better"]).artifacts[f"mlaudit/evidence/{record_id}.json"]
        await pilot.press("enter")
        await see(pilot, "is missing", "Press r to try again")


async def test_a_move_without_a_record_opens_nothing(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=NARROW) as pilot:
        screen = await show(pilot)
        await see(pilot, "0 records", "OUT OF BAND")
        await pilot.press("enter", "y")
        await pilot.pause()
        assert app.screen is screen


async def test_nothing_at_all_is_said(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=NARROW) as pilot:
        screen = await show(pilot, "churn")
        await see(pilot, "churn has no record, and nothing has moved")
        await pilot.press("enter", "y", "V")
        await see(pilot, "verified at")
        assert app.screen is screen


async def test_without_a_record_what_is_unfinished_is_said(sample_gateway: MemoryGateway) -> None:
    found = read_history(sample_gateway, "churn")
    said = standing_text(replace(found, entries=(), problems=("a tag is gone",), unfinished=("one of ada's",))).plain
    assert "churn has no record" in said
    assert "nothing has moved" not in said
    assert "broken: a tag is gone" in said
    assert "unfinished, or under way: one of ada's" in said


async def test_a_dead_store_keeps_what_was_there_and_verifies_nothing(sample_gateway: MemoryGateway) -> None:
    promoted(sample_gateway)
    app = app_on(sample_gateway)
    async with app.run_test(size=WIDE) as pilot:
        screen = await show(pilot)
        sample_gateway.fail = lambda _method: StoreUnavailable("memory://", "gone")
        await pilot.press("V")
        await see(pilot, "memory://: gone. Nothing was verified. What is shown is from before.", "STALE", "promotion")
        assert screen.query_one(DataTable).row_count == len(screen.entries)
        sample_gateway.fail = lambda _method: None
        await pilot.press("r")
        await see(pilot, "the chain is whole")


async def test_hostile_reasons_are_literal(sample_gateway: MemoryGateway) -> None:
    promoted(sample_gateway, "worse", "\x1b[2J [@click=app.quit]x[/] \x1b]52;c;eA==\x07")
    app = app_on(sample_gateway)
    async with app.run_test(size=WIDE) as pilot:
        await show(pilot)
        await see(pilot, "␛[2J [@click=app.quit]x[/]")
        await pilot.press("enter")
        await see(pilot, "its hash is right")
        assert "\x1b" not in text_of(pilot)
