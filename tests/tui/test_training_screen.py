"""A training on screen: output, curve, stop, end, leaving and coming back, quitting."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.models import RunStatus
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.launcher import PollTraining, StartTraining, StopTraining, Training
from mlaudit.services.process_group import identity
from mlaudit.services.runs import GetRunDetails
from mlaudit.tui import left_trainings, trainings
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.live_training import LiveTraining
from mlaudit.tui.log_tail import KEEP_LINES
from mlaudit.tui.planned_training import Planned
from mlaudit.tui.screens.chart import MetricList
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.train_form import TrainFormScreen
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.widgets import run_curves
from mlaudit.tui.widgets.log_view import LogView
from mlaudit.tui.widgets.metric_chart import MetricChart
from tests.plugins.screen_tools import see, text_of, until
from tests.tui.training_bench import TrainingBench, ended, open_form, train


@pytest.fixture
def bench(tmp_path: Path, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingBench]:
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(trainings, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(run_curves, "LIVE_SECONDS", 0.1)
    bench = TrainingBench(tmp_path, sample_gateway)
    yield bench
    bench.close()


def app_of(pilot: Pilot[Any]) -> MlauditApp:
    assert isinstance(pilot.app, MlauditApp)
    return pilot.app


def alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def confirm(pilot: Pilot[Any], *keys: str) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
    await pilot.press(*keys)


class TestOutput:
    """The log beside the curve."""

    @pytest.mark.parametrize("size", [(80, 24), (160, 45)])
    async def test_log_and_curve_are_on_screen_and_what_is_printed_is_text(
        self, bench: TrainingBench, size: tuple[int, int]
    ) -> None:
        async with bench.app().run_test(size=size) as pilot:
            screen = await train(pilot, "noisy")
            await ended(pilot, screen.live)
            await see(pilot, "epoch 2", "line 2999 [/red] ␛[2J", "30%")
            assert "20%" not in text_of(pilot)
            assert "\x1b" not in text_of(pilot)
            log, curves = screen.query_one("#output").region, screen.query_one("#curves").region
            assert (log.y == curves.y) == (size[0] >= 150)
            for region in (log, curves):
                assert region.width >= 40
                assert region.height >= 5
                assert screen.region.contains_region(region)

    async def test_a_flood_of_output_is_bounded_and_what_was_dropped_is_said(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "quiet")
            await see(pilot, "ready")
            flood = "".join(f"flood {i} [/x]\n" for i in range(100_000))
            with open(screen.live.training.log_path, "a") as log:
                log.write(flood + "10%\r20%\r\x1b[2K30%")
            await until(pilot, lambda: "30%" in text_of(pilot))
            kept = len(screen.query_one(LogView).tail)
            assert kept == KEEP_LINES + 1, "and the line that has not ended"
            title = str(screen.query_one("#output-title", Static).render())
            assert f"the last {kept:,} are kept here" in title
            assert "flood 99999 [/x]" in text_of(pilot)
            assert "␛[2K30%" in text_of(pilot)

    async def test_who_scrolls_up_can_read_and_end_follows_again(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "quiet")
            view = screen.query_one(LogView)
            await see(pilot, "ready")

            def write(text: str) -> None:
                with open(screen.live.training.log_path, "a") as log:
                    log.write(text)

            write("".join(f"number {i}\n" for i in range(KEEP_LINES)))
            await see(pilot, f"number {KEEP_LINES - 1}", "following")
            await pilot.press("pageup", "pageup")
            await see(pilot, "end follows again")
            # The scrolling is animated.
            await until(pilot, lambda: view.scroll_offset.y == view.scroll_target_y < view.max_scroll_y)
            top = view.tail.line(view.scroll_offset.y)
            assert top.startswith("number ")
            write("".join(f"later {i}\n" for i in range(1000)))
            await until(pilot, lambda: view.tail.last_lines(1) == ["later 999"])
            await pilot.pause()
            assert view.tail.line(view.scroll_offset.y) == top, "it stays where it was though old lines were let go"
            await pilot.press("end")
            await until(pilot, lambda: view.following and view.scroll_offset.y == view.max_scroll_y)

    async def test_a_long_line_can_be_read_to_its_end(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "quiet")
            with open(screen.live.training.log_path, "a") as log:
                log.write("x" * 150 + "the end of it\n")
            view = screen.query_one(LogView)
            await until(pilot, lambda: view.max_scroll_x >= 80)
            view.scroll_to(x=view.max_scroll_x, animate=False)
            await see(pilot, "the end of it")


class TestCurve:
    """Live until the end."""

    async def test_the_run_is_found_and_its_curve_grows(self, bench: TrainingBench) -> None:
        run = bench.add_run(name="mlp [/x]")
        async with bench.app().run_test(size=(160, 45)) as pilot:
            screen = await train(pilot, "slow", run_id=run)
            chart = screen.query_one(MetricChart)
            await see(pilot, "RUNNING", f"run {run[:12]} mlp [/x]", "no metrics so far")
            bench.store.log_metric(run, "batch_loss", 1.0, 0)
            await until(pilot, lambda: chart.metric == "batch_loss")
            for step in range(3):
                bench.store.log_metric(run, "val_loss", 1.0 / (step + 1), step)
                bench.store.log_metric(run, "accuracy", 0.5, step)
            await until(pilot, lambda: chart.metric == "val_loss" and len(chart.series[0].values) == 3)
            bench.store.log_metric(run, "val_loss", 0.1, 3)
            await until(pilot, lambda: len(chart.series[0].values) == 4)
            await pilot.press("tab", "k", "k")
            await until(pilot, lambda: chart.metric == "accuracy" and len(chart.series[0].values) == 3)
            bench.store.log_metric(run, "accuracy", 0.5, 4)
            await until(pilot, lambda: len(chart.series[0].values) == 4)
            assert chart.metric == "accuracy", "what was chosen stays"
            await pilot.press("c")
            await until(pilot, lambda: pilot.app.screen.title == "chart")

    async def test_its_keys_come_with_the_run(self, bench: TrainingBench) -> None:
        """The line of keys is not left as it was before."""
        go_on = threading.Event()

        def before(request: Any) -> None:
            if isinstance(request, PollTraining):
                assert go_on.wait(10)

        bench.before = before
        run = bench.add_run()
        async with bench.app().run_test(size=(80, 24)) as pilot:
            await train(pilot, "quiet", run_id=run)
            await see(pilot, "ready", "x Stop")
            assert "c Chart" not in text_of(pilot)
            go_on.set()
            await see(pilot, "c Chart")

    async def test_a_store_that_is_gone_is_said_and_the_log_goes_on(self, bench: TrainingBench) -> None:
        run = bench.add_run(metrics={"val_loss": [1.0, 0.5]})

        def gone(request: Any) -> None:
            if broken and isinstance(request, GetRunDetails | PollTraining):
                raise StoreUnavailable("http://h", "refused")

        bench.before, broken = gone, []
        async with bench.app().run_test(size=(120, 40)) as pilot:
            screen = await train(pilot, "slow", run_id=run)
            chart = screen.query_one(MetricChart)
            await until(pilot, lambda: chart.series and len(chart.series[0].values) == 2)
            broken.append(1)
            await see(pilot, "http://h: refused", "STALE")
            count = len(screen.query_one(LogView).tail)
            await until(pilot, lambda: len(screen.query_one(LogView).tail) > count)
            assert len(chart.series[0].values) == 2
            broken.clear()
            await until(pilot, lambda: "refused" not in text_of(pilot))


class TestTheEnd:
    """What came of it, and the way to the new run."""

    async def test_a_training_that_went_well_leads_to_its_run(self, bench: TrainingBench) -> None:
        run = bench.add_run(RunStatus.FINISHED, metrics={"val_loss": [1.0, 0.5]})
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "quick", run_id=run)
            await see(pilot, "ENDED", "exit code 0", f"run {run[:12]}", "FINISHED", "enter: open the run")
            assert screen.query_one("#state").has_class("-good")
            await until(pilot, lambda: len(screen.query_one(MetricChart).series) == 1)
            assert "x" not in screen.active_bindings
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            await see(pilot, run[:8])

    async def test_a_failure_says_why_with_the_last_lines(self, bench: TrainingBench) -> None:
        run = bench.add_run(RunStatus.FAILED)
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "fail", run_id=run)
            await see(pilot, "ENDED", "exit code 7", "FAILED")
            await until(pilot, lambda: screen.query_one("#state").has_class("-bad"))
            assert str(screen.query_one("#state-text", Static).render()).endswith("ready")

    async def test_a_run_that_was_left_running_by_a_dead_script_is_put_right(self, bench: TrainingBench) -> None:
        run = bench.add_run()
        async with bench.app().run_test(size=(80, 24)) as pilot:
            await train(pilot, "killed", run_id=run)
            await see(pilot, "killed by SIGKILL", f"run {run[:12]}", "KILLED")
            assert bench.store.get_run(run).status == RunStatus.KILLED

    async def test_a_script_without_a_run(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "quick")
            await see(pilot, "exit code 0", "the script recorded no run")
            await ended(pilot, screen.live)
            assert not screen.query_one("#open-run").display
            await pilot.press("enter")
            await pilot.pause()
            assert pilot.app.screen is screen

    async def test_a_run_of_another_store_is_said(self, bench: TrainingBench, monkeypatch: pytest.MonkeyPatch) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "quick", run_id="f" * 32)
            await ended(pilot, screen.live)
            await see(pilot, "the script's run is not in this store")
            assert not screen.query_one("#open-run").display


class TestStop:
    """Asked first; the screen stays alive."""

    async def test_it_starts_on_cancel(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "slow")
            await pilot.press("x")
            await see(pilot, "Stop this training?", "10 seconds")
            await pilot.press("enter")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert alive(screen.live.training.pid)
            assert screen.live.status.running

    async def test_confirmed_it_ends_and_its_run_is_killed(self, bench: TrainingBench) -> None:
        run = bench.add_run()
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "slow", run_id=run)
            await see(pilot, f"run {run[:12]}", "epoch 1")
            await pilot.press("x")
            await confirm(pilot, "right", "enter")
            await see(pilot, "STOPPED", "exit code 130", f"run {run[:12]}", "KILLED", "interrupted")
            assert not alive(screen.live.training.pid)
            assert not screen.query_one("#state").has_class("-bad")

    async def test_the_screen_lives_while_it_is_being_stopped(self, bench: TrainingBench) -> None:
        gate = threading.Event()
        bench.before = lambda r: gate.wait(20) if isinstance(r, StopTraining) else None
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "deaf")
            await see(pilot, "epoch 1")
            await pilot.press("x")
            await confirm(pilot, "right", "enter")
            await see(pilot, "STOPPING")
            assert "x" not in screen.active_bindings
            count = len(screen.query_one(LogView).tail)
            await until(pilot, lambda: len(screen.query_one(LogView).tail) > count)
            await pilot.press("tab")
            assert screen.focused is screen.query_one(MetricList)
            gate.set()
            await see(pilot, "STOPPED", "killed by SIGKILL")
            assert not alive(screen.live.training.pid)

    async def test_a_stop_that_fails_is_said_and_can_be_repeated(self, bench: TrainingBench) -> None:
        def fail(request: Any) -> None:
            if failing and isinstance(request, StopTraining):
                raise StoreUnavailable("http://h", "refused")

        failing = [1]
        bench.before = fail
        async with bench.app().run_test(size=(120, 40)) as pilot:
            screen = await train(pilot, "slow")
            await pilot.press("x")
            await confirm(pilot, "right", "enter")
            await see(pilot, "not stopped: http://h: refused")
            failing.clear()
            await until(pilot, lambda: "x" in screen.active_bindings)
            await pilot.press("x")
            await confirm(pilot, "right", "enter")
            await see(pilot, "STOPPED")


class TestLeaving:
    """The training belongs to the app."""

    async def test_esc_leaves_it_running_and_t_leads_back(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "slow")
            live = screen.live
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, ExperimentsScreen))
            await pilot.press("t")
            await see(pilot, f"The training is running (process {live.training.pid})", "Go to it")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
            await see(pilot, "epoch", "RUNNING")
            assert app_of(pilot).trainings.live == [live]
            assert not any(isinstance(s, TrainFormScreen) for s in pilot.app.screen_stack)
            await pilot.press("t")
            await see(pilot, "Go to it")
            await pilot.press("ctrl+g")
            await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
            assert sum(isinstance(s, TrainingScreen) for s in pilot.app.screen_stack) == 1

    async def test_its_end_is_told_on_any_other_screen_and_stays_to_be_seen(self, bench: TrainingBench) -> None:
        run = bench.add_run(RunStatus.FAILED)
        async with bench.app().run_test(size=(80, 24), notifications=True) as pilot:
            screen = await train(pilot, "slow", run_id=run)
            live = screen.live
            await see(pilot, f"run {run[:12]}")
            await pilot.press("escape")
            os.killpg(live.training.pid, signal.SIGKILL)
            await ended(pilot, live)
            await see(pilot, "The training has ended: killed by", "t shows it")
            form = await open_form(pilot)
            await see(pilot, "Go to it")
            assert form.focused is form.query_one("#there-button")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
            await see(pilot, "ENDED", "FAILED")
            await until(pilot, lambda: app_of(pilot).trainings.at_hand is None)

    async def test_two_at_once_are_two(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            first = await train(pilot, "slow")
            form = await open_form(pilot, mode="slow")
            form.action_start()
            await see(pilot, "1 training is running; 1 may run at a time", "Start it now")
            await pilot.press("right", "right", "enter")
            await until(pilot, lambda: len(app_of(pilot).trainings.live) == 2)
            assert first.live in app_of(pilot).trainings.live


class TestQuit:
    """Stop it, leave it, or stay."""

    async def test_without_a_training_q_quits_at_once(self, bench: TrainingBench) -> None:
        app = bench.app()
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "quick")
            await ended(pilot, screen.live)
            await pilot.press("q")
        assert app.return_value == 0

    async def test_the_question_says_what_runs_and_starts_on_cancel(self, bench: TrainingBench) -> None:
        app = bench.app()
        async with app.run_test(size=(120, 30)) as pilot:
            screen = await train(pilot, "slow")
            await pilot.press("q")
            pid = screen.live.training.pid
            await see(pilot, "Quit while a training runs?", f"process {pid}", f"kill -INT -- -{pid}")
            await see(pilot, Path(screen.live.training.log_path).name)
            await pilot.press("enter")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert alive(pid)
            assert app.return_value is None

    async def test_left_running_it_goes_on(self, bench: TrainingBench) -> None:
        app = bench.app()
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "slow")
            await pilot.press("q")
            await confirm(pilot, "right", "enter")
            await until(pilot, lambda: app.return_value is not None)
        assert app.return_value == 0
        assert alive(screen.live.training.pid)

    async def test_it_is_asked_once_and_the_place_is_kept(self, bench: TrainingBench) -> None:
        """Though a download is asked about after it; another q begins anew."""
        app = bench.app()
        busy = True
        kept: list[bool] = []

        async def download() -> bool:
            return not busy

        async with app.run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "slow")
            app.quit_guards.append(download)
            app.places.keep = lambda: kept.append(True)  # type: ignore[method-assign]
            for _ in range(2):
                await pilot.press("q")
                await confirm(pilot, "right", "enter")
                await until(pilot, lambda: app.screen is screen)
                await until(pilot, lambda: not any(w.group == "trainings.quit" for w in app.workers))
                assert app.return_value is None
            busy = False
            assert await app.go_on_quitting()
            (said,) = app._exit_renderables
            assert f"left running: process {screen.live.training.pid}" in str(said)
        assert kept == [True]
        assert app.return_value == 0

    async def test_stopped_it_has_ended_before_the_app_quits(self, bench: TrainingBench) -> None:
        run = bench.add_run()
        app = bench.app()
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await train(pilot, "stubborn", run_id=run)
            await see(pilot, "epoch 1")
            await pilot.press("q")
            await confirm(pilot, "right", "right", "enter")
            await until(pilot, lambda: app.return_value is not None)
        assert app.return_value == 0
        assert not alive(screen.live.training.pid)
        assert bench.store.get_run(run).status == RunStatus.KILLED

    async def test_a_stop_that_fails_keeps_the_app_open(self, bench: TrainingBench) -> None:
        def fail(request: Any) -> None:
            if isinstance(request, StopTraining):
                raise StoreUnavailable("http://h", "refused")

        bench.before = fail
        app = bench.app()
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await train(pilot, "slow")
            await pilot.press("q")
            await confirm(pilot, "right", "right", "enter")
            await see(pilot, "mlaudit stays open")
            assert app.return_value is None


class TestTheNextSession:
    """What was left running is found again, on the same machine and for the same store."""

    async def leave(self, bench: TrainingBench, **more: str) -> LiveTraining:
        """Start one and quit without it."""
        app = bench.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await see(pilot, "fraud-detector")
            screen = await train(pilot, "slow", **more)
            await see(pilot, "epoch 1")
            await pilot.press("q")
            await confirm(pilot, "right", "enter")
            await until(pilot, lambda: app.return_value is not None)
        return screen.live

    async def test_it_is_told_of_watched_to_its_end_and_not_asked_about(
        self, bench: TrainingBench, tmp_path: Path
    ) -> None:
        run = bench.add_run()
        left = await self.leave(bench, run_id=run)
        app = bench.app()
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await see(pilot, "Left running by an earlier", "t shows it")
            await pilot.press("t")
            await see(pilot, "Go to it")
            await pilot.press("enter")
            await see(pilot, f"process {left.training.pid}", f"run {run[:12]}", "epoch")
            assert await app.trainings.may_quit()
            await pilot.press("x")
            await confirm(pilot, "right", "enter")
            await see(pilot, "STOPPED", "KILLED")
        assert not list((tmp_path / "state" / "trainings").iterdir())

    async def test_one_that_has_ended_meanwhile_is_shown_and_nothing_is_written(self, bench: TrainingBench) -> None:
        run = bench.add_run()
        left = await self.leave(bench, run_id=run)
        os.killpg(left.training.pid, signal.SIGKILL)
        before = list(bench.store.writes)
        async with bench.app().run_test(size=(120, 40), notifications=True) as pilot:
            await see(pilot, "The training has ended")
            await pilot.press("t")
            await see(pilot, "Go to it")
            await pilot.press("enter")
            await see(pilot, "ENDED", "RUNNING", "its process is gone")
        assert bench.store.writes == before
        async with bench.app().run_test(size=(80, 24), notifications=True) as pilot:
            await see(pilot, "fraud-detector")
            await app_of(pilot).workers.wait_for_complete()
            assert app_of(pilot).trainings.all == [], "it is told once"

    async def test_a_run_that_could_not_be_put_right_is_told_of_again(
        self, bench: TrainingBench, tmp_path: Path
    ) -> None:
        """The store is away when the process dies, and until mlaudit is quit."""
        run = bench.add_run()

        def fail(request: Any) -> None:
            if isinstance(request, StopTraining) or (isinstance(request, PollTraining) and request.with_run):
                raise StoreUnavailable("http://h", "refused")

        async with bench.app().run_test(size=(80, 24)) as pilot:
            await see(pilot, "fraud-detector")
            screen = await train(pilot, "slow", run_id=run)
            await see(pilot, f"run {run[:12]}")
            bench.before = fail
            os.killpg(screen.live.training.pid, signal.SIGKILL)
            await ended(pilot, screen.live)
            memory = app_of(pilot).trainings.memory
            assert memory is not None
            assert memory.launches[0].outcome == ""
        bench.before = lambda _request: None
        async with bench.app().run_test(size=(120, 40), notifications=True) as pilot:
            await see(pilot, "The training has ended", "is RUNNING")
            memory = app_of(pilot).trainings.memory
            assert memory is not None
            assert memory.launches[0].outcome == "killed by SIGKILL (often: out of memory)"
        assert not list((tmp_path / "state" / "trainings").iterdir()), "it is told once"

    async def test_one_that_another_session_watches_is_left_to_it(self, bench: TrainingBench, tmp_path: Path) -> None:
        left = await self.leave(bench)
        (path,) = (tmp_path / "state" / "trainings").iterdir()
        record = json.loads(path.read_text())
        other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        record["owner"] = [other.pid, identity(other.pid)]
        path.write_text(json.dumps(record))
        async with bench.app().run_test(size=(80, 24), notifications=True) as pilot:
            await see(pilot, "fraud-detector")
            await until(pilot, lambda: not any(w.group == "trainings.pick_up" for w in pilot.app.workers))
            assert app_of(pilot).trainings.all == []
        other.communicate()
        async with bench.app().run_test(size=(80, 24), notifications=True) as pilot:
            await see(pilot, "Left running by an earlier")
            assert app_of(pilot).trainings.all[0].training.pid == left.training.pid
        assert json.loads(path.read_text())["owner"][0] == os.getpid(), "it is this session's now"

    async def test_another_store_another_machine_and_rubbish_are_passed_over(
        self, bench: TrainingBench, tmp_path: Path
    ) -> None:
        training = Training("a1", 1, 0.0, (), "/nowhere", "1")
        planned = Planned(StartTraining(()), "Mine", "epochs=3", "val_loss", 3)
        left_trainings.remember(training, planned, "sqlite:///other.db")
        assert list(left_trainings.remembered("memory://")) == []
        (found,) = left_trainings.remembered("sqlite:///other.db")
        assert found == (training, planned, None)
        (path,) = (tmp_path / "state").rglob("*.json")
        record = path.read_text()
        for rubbish in ("", "[]", "{}", record.replace('"a1"', '"../x"'), record.replace('"host": "', '"host": "x')):
            path.write_text(rubbish)
            assert list(left_trainings.remembered("sqlite:///other.db")) == []

    async def test_a_session_without_trainings_leaves_no_file(self, bench: TrainingBench, tmp_path: Path) -> None:
        async with bench.app().run_test(size=(80, 24)) as pilot:
            await see(pilot, "fraud-detector")
            await pilot.press("q")
        assert not (tmp_path / "state").exists()
