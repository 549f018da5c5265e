"""How far a training is while it runs, and the verdict on its run when it has ended."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.training import Progress, TrainingScript
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.compare import CompareRun
from mlaudit.tui import trainings
from mlaudit.tui.screens.diff import DiffScreen
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import see, text_of, until
from tests.tui.training_bench import TrainingBench, ended, train


@pytest.fixture
def bench(tmp_path: Path, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingBench]:
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(trainings, "POLL_SECONDS", 0.05)
    bench = TrainingBench(tmp_path, sample_gateway)
    yield bench
    bench.close()


class TestHowFar:
    """By the steps of a metric that the script's declaration names."""

    @pytest.fixture
    def told(self, bench: TrainingBench) -> TrainingBench:
        def declared(script: TrainingScript) -> tuple[TrainingScript, ...]:
            return (replace(script, progress=Progress("epochs", "val_loss")),)

        bench.more = declared
        return bench

    async def test_the_time_left_is_told_by_the_pace_of_the_steps(self, told: TrainingBench) -> None:
        run = told.add_run()
        async with told.app().run_test(size=(100, 30)) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow", epochs="100", run_id=run)
            await see(pilot, "so far · epochs ? of 100: none so far")
            now = int(time.time() * 1000)
            for step in (1, 2, 3):
                told.store.log_metric(run, "val_loss", 0.5, step, now - (3 - step) * 60_000)
            await see(pilot, "epochs 3 of 100, about 97 min left")
            told.store.log_metric(run, "val_loss", 0.5, 100, now)
            await see(pilot, "epochs 100 of 100, about to end")
            await pilot.press("W")
            await see(pilot, "epochs 100 of 100, about to end", "RUNNING")
            told.store.log_metric(run, "val_loss", 0.5, 101, now)
            await see(pilot, "the steps of val_loss do not fit")

    async def test_without_a_declaration_only_the_time_so_far_is_told(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(100, 30)) as pilot:
            await train(pilot, "slow", epochs="100")
            await see(pilot, "so far · time left not known")


class TestVerdict:
    """That of the gate, in one line."""

    async def test_it_stands_on_the_screen_and_d_opens_the_diff(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(120, 30)) as pilot:
            await see(pilot, "fraud-detector")
            screen = await train(pilot, "quick", run_id=SAMPLE["worse"])
            await see(pilot, "REGRESSION against version 2 in Production", "val_loss")
            assert screen.query_one("#state").has_class("-unsure")
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, DiffScreen))
            await see(pilot, "REGRESSION", "mlp-tiny")

    async def test_a_pass_is_good_news(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(120, 30)) as pilot:
            await see(pilot, "fraud-detector")
            screen = await train(pilot, "quick", run_id=SAMPLE["better"])
            await see(pilot, "PASS against version 2 in Production")
            assert screen.query_one("#state").has_class("-good")

    async def test_it_is_told_wherever_the_user_is_and_stands_in_the_list(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(120, 40), notifications=True) as pilot:
            await see(pilot, "fraud-detector")
            screen = await train(pilot, "slow", run_id=SAMPLE["better"])
            await see(pilot, f"run {SAMPLE['better'][:12]}")
            await pilot.press("escape")
            os.killpg(screen.live.training.pid, signal.SIGINT)
            await ended(pilot, screen.live)
            await see(pilot, "The training has ended", "PASS against version 2")
            await pilot.press("W")
            await see(pilot, "FINISHED", "PASS")

    async def test_why_there_is_none_is_said(self, bench: TrainingBench) -> None:
        def fail(request: Any) -> None:
            if isinstance(request, CompareRun):
                raise StoreUnavailable("http://h", "refused")

        bench.before = fail
        async with bench.app().run_test(size=(120, 30)) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "quick", run_id=SAMPLE["better"])
            await see(pilot, "no verdict: http://h: refused")

    async def test_a_run_that_has_failed_is_not_judged(self, bench: TrainingBench) -> None:
        asked: list[Any] = []
        bench.before = asked.append
        async with bench.app().run_test(size=(120, 30)) as pilot:
            await see(pilot, "fraud-detector")
            screen = await train(pilot, "fail", run_id=bench.add_run("FAILED"))
            await ended(pilot, screen.live)
            await see(pilot, "exit code 7")
            assert not any(isinstance(request, CompareRun) for request in asked)
            assert "against" not in text_of(pilot)
