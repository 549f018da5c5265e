"""The bundled script, really trained from the app: form, worker process, SQLite store, the new run at the end."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.config.settings import Settings
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.widgets.metric_chart import MetricChart
from mlaudit.worker.process import WorkerProcess
from tests.plugins.screen_tools import text_of
from tests.tui.training_bench import open_form

pytestmark = pytest.mark.real
PATIENCE = 120.0
"""Seconds; torch is slow to import on a busy machine."""


async def wait(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while not holds():
        assert asyncio.get_running_loop().time() < end, text_of(pilot)
        await asyncio.sleep(0.1)


async def test_a_newcomer_trains_a_model_and_stands_in_front_of_its_run(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    # A store without experiments puts a new one's artifacts below the working directory.
    monkeypatch.chdir(tmp_path)
    shutil.copy(sqlite_template, tmp_path / "mlflow.db")
    settings = Settings(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    app = MlauditApp(WorkerProcess(settings, str(tmp_path / "app.log")), settings)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait(pilot, lambda: app.store is not None)
        form = await open_form(pilot, epochs="2", **{"run-name": "first [/x]", "no-register": "true"})
        form.action_start()
        await wait(pilot, lambda: "Start this training?" in text_of(pilot))
        await pilot.press("right", "enter")
        await wait(pilot, lambda: isinstance(app.screen, TrainingScreen))
        screen = app.screen
        assert isinstance(screen, TrainingScreen)
        await wait(pilot, lambda: screen.live.ended)
        assert (screen.live.status.exit_code, screen.live.status.run_status) == (0, "FINISHED"), text_of(pilot)
        chart = screen.query_one(MetricChart)
        await wait(pilot, lambda: chart.series and len(chart.series[0].values) == 2)
        assert chart.metric == "val_loss"
        await wait(pilot, lambda: "epoch 2/2" in text_of(pilot) and "first [/x]" in text_of(pilot))
        await pilot.press("enter")
        await wait(pilot, lambda: isinstance(app.screen, RunScreen) and "first [/x]" in text_of(pilot))
