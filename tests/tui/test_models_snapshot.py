"""A picture of the board; ``pytest --snapshot-update`` after a look at what changed."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.config.policy import Policies
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.gateway.memory_store import FIRST_TIME
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.tui.screens.model import ModelScreen
from mlaudit.tui.widgets import version_board
from tests.plugins.fake_world import fake_surroundings
from tests.plugins.sample_store import MODEL, SAMPLE
from tests.plugins.screen_tools import app_on, see

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def still_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No policy file, and ages that do not grow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(version_board, "time", SimpleNamespace(time=lambda: FIRST_TIME / 1000 + 90_000))


def test_board(snap_compare: Compare, sample_gateway: MemoryGateway) -> None:
    """A recorded promotion, a version whose run is gone, one in no stage, an alias."""
    plan = plan_promotion(sample_gateway, Policies(), PlanPromotion(SAMPLE["worse"], MODEL, "Staging"))
    consent = ExecutePromotion(plan, "to see it under load", override=True)
    execute_promotion(sample_gateway, Policies(), fake_surroundings(), consent)
    sample_gateway.add_version(MODEL, SAMPLE["markup"])
    sample_gateway.add_version(MODEL, "0" * 32, stage=Stage.ARCHIVED)
    app = app_on(sample_gateway)

    async def look(pilot: Pilot[Any]) -> None:
        await see(pilot, "fraud-detector", "memory")
        await app.push_screen(ModelScreen(MODEL, "4"))
        await see(pilot, "v4", "version 4 in Staging", "to see it under load")

    assert snap_compare(app, terminal_size=(120, 40), run_before=look)
