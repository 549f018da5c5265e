"""Several trainings: some run, the others wait, in order, over the end of the session."""

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

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.process_group import identity
from mlaudit.services.training import StartTraining
from mlaudit.tui import trainings, waiting_trainings
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.planned_training import Planned
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.screens.trainings import TrainingsScreen
from mlaudit.tui.waiting_trainings import Waiting, keep, left_waiting
from mlaudit.tui.widgets.jump_table import OpenTable
from tests.plugins.screen_tools import see, text_of, told, until
from tests.tui.training_bench import TrainingBench, open_form, queue, train


@pytest.fixture
def bench(tmp_path: Path, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingBench]:
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(trainings, "POLL_SECONDS", 0.05)
    bench = TrainingBench(tmp_path, sample_gateway)
    yield bench
    bench.close()


def app_of(pilot: Pilot[Any]) -> MlauditApp:
    assert isinstance(pilot.app, MlauditApp)
    return pilot.app


def epochs(bench: TrainingBench) -> list[str]:
    """The epochs of what was started, in order."""
    return [dict(request.values)["epochs"] for request in bench.started]


def kill(pilot: Pilot[Any]) -> None:
    """End the training that runs."""
    os.killpg(app_of(pilot).trainings.live[0].training.pid, signal.SIGKILL)


class TestWaiting:
    """One at a time unless the settings say otherwise."""

    @pytest.mark.parametrize("size", [(80, 24), (160, 45)])
    async def test_the_next_is_started_when_the_one_before_has_ended(
        self, bench: TrainingBench, size: tuple[int, int]
    ) -> None:
        async with bench.app().run_test(size=size, notifications=True) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow", epochs="11")
            await queue(pilot, "slow", epochs="12")
            await see(pilot, "1 training is running, 1 waits; 1 may run at a time", "RUNNING", "waits, 1.", "epochs=12")
            await queue(pilot, "slow", epochs="13")
            await see(pilot, "waits, 2.")
            assert sum(isinstance(screen, TrainingsScreen) for screen in pilot.app.screen_stack) == 1
            assert epochs(bench) == ["11"]
            kill(pilot)
            await see(pilot, "Started from the queue", "1 training is running, 1 waits")
            assert epochs(bench) == ["11", "12"]
            assert [t.ended for t in app_of(pilot).trainings.all] == [True, False]

    async def test_as_many_run_at_a_time_as_the_settings_say(self, bench: TrainingBench) -> None:
        async with bench.app(at_once=2).run_test(size=(100, 30)) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow")
            await train(pilot, "slow")
            await queue(pilot, "slow")
            await see(pilot, "2 trainings are running, 1 waits; 2 may run at a time")

    async def test_what_waits_is_moved_started_now_or_taken_out(self, bench: TrainingBench, tmp_path: Path) -> None:
        async with bench.app().run_test(size=(120, 40), notifications=True) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow", epochs="11")
            for number in ("12", "13", "14"):
                await queue(pilot, "quiet", epochs=number)
            waiting = app_of(pilot).trainings.queue.waiting
            await pilot.press("G", "K")
            await until(pilot, lambda: [w.planned.changed[-2:] for w in waiting] == ["12", "14", "13"])
            screen = pilot.app.screen
            assert isinstance(screen, TrainingsScreen)
            assert screen.current is waiting[1], "the cursor stays on it"
            await pilot.press("ctrl+s")
            await see(pilot, "Start this training?", "--epochs=14")
            await pilot.press("enter")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert epochs(bench) == ["11"], "it starts on cancel"
            await pilot.press("ctrl+s")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
            await pilot.press("right", "enter")
            await see(pilot, "2 trainings are running, 2 wait")
            assert epochs(bench) == ["11", "14"]
            await pilot.press("G", "x")
            await see(pilot, "Taken out of the queue", "2 trainings are running, 1 waits")
            assert len(list((tmp_path / "state" / "waiting").iterdir())) == 1

    async def test_what_is_being_started_is_not_said_to_be_taken_out(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(160, 40)) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow", epochs="11")
            await queue(pilot, "slow", epochs="12")
            screen = pilot.app.screen
            assert isinstance(screen, TrainingsScreen)
            waiting = app_of(pilot).trainings.queue.waiting[0]
            screen.query_one(OpenTable).move_cursor(row=1)
            await until(pilot, lambda: screen.current is waiting)
            assert screen.check_action("end", ())
            waiting.starting = True
            screen.action_end()
            assert not screen.check_action("end", ())
            assert app_of(pilot).trainings.queue.waiting == [waiting]
            assert "Taken out" not in told(pilot)

    async def test_a_start_that_fails_waits_for_somebody_and_the_next_goes_on(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(160, 40), notifications=True) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow", epochs="11")
            await queue(pilot, "slow", epochs="12")
            bench.declare('"script.py"', '"other.py"')
            kill(pilot)
            await see(pilot, "not started", "(1 held)")
            await until(
                pilot, lambda: "Not started: " in told(pilot) and "has changed since the question" in told(pilot)
            )
            assert epochs(bench) == ["11", "12"], "it was tried"
            assert len(app_of(pilot).trainings.live) == 0
            bench.declare("", "")
            await queue_or_start(pilot, "13")
            await until(pilot, lambda: epochs(bench) == ["11", "12", "13"])

    async def test_enter_opens_and_x_stops_what_runs_and_w_leads_back(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(100, 30)) as pilot:
            await see(pilot, "fraud-detector")
            assert "W" not in pilot.app.screen.active_bindings
            screen = await train(pilot, "slow")
            await pilot.press("W")
            await see(pilot, "1 training is running; 1 may")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
            await pilot.press("escape", "x")
            await see(pilot, "Stop this training?")
            await pilot.press("right", "enter")
            await until(pilot, lambda: screen.live.ended)
            await pilot.press("escape")
            await see(pilot, "no trainings are running", "STOPPED")

    async def test_the_form_leads_to_the_list_where_several_are(self, bench: TrainingBench) -> None:
        async with bench.app().run_test(size=(100, 30)) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow")
            await queue(pilot, "slow")
            await pilot.press("escape", "escape")
            await open_form(pilot)
            await see(pilot, "1 training is running, 1 waits.", "Go to it")
            await pilot.press("ctrl+g")
            await until(pilot, lambda: isinstance(pilot.app.screen, TrainingsScreen))


async def queue_or_start(pilot: Pilot[Any], number: str) -> None:
    """Start one through the form, where there is room."""
    form = await open_form(pilot, mode="slow", epochs=number)
    form.action_start()
    await see(pilot, "Start this training?")
    await pilot.press("right", "enter")


class TestOverTheEnd:
    """What waits is not started by anybody, and kept."""

    async def leave(self, bench: TrainingBench, *keys: str) -> MlauditApp:
        app = bench.app()
        async with app.run_test(size=(120, 40)) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow", epochs="11")
            await queue(pilot, "slow", epochs="12")
            await pilot.press("q")
            await see(pilot, "In the queue: 1 waits and is not started while mlaudit is closed")
            await pilot.press(*keys)
            await until(pilot, lambda: app.return_value is not None)
        return app

    @pytest.mark.parametrize("keys", [("right", "enter"), ("right", "right", "enter")])
    async def test_the_next_session_holds_it_until_somebody_says_go(
        self, bench: TrainingBench, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.leave(bench, *keys)
        assert epochs(bench) == ["11"], "the end of the one that ran started nothing"
        bench.close()
        monkeypatch.setattr(waiting_trainings, "identity", lambda _pid: "another process by now")
        app = bench.app()
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await see(pilot, "1 training waits since an earlier session")
            await until(pilot, lambda: not app.trainings.live)
            await pilot.press("W")
            await see(pilot, "held", "epochs=12", "is held: ctrl+s")
            await pilot.press("ctrl+s")
            await see(pilot, "--epochs=12", "In its turn")
            await pilot.press("right", "right", "enter")
            await until(pilot, lambda: epochs(bench) == ["11", "12"])

    @pytest.mark.parametrize("keys", [("right", "enter"), ("right", "right", "enter")])
    async def test_one_that_is_being_started_counts(
        self, bench: TrainingBench, keys: tuple[str, ...], tmp_path: Path
    ) -> None:
        """mlaudit waits for its start; left or stopped, it waits no more, and no other session starts it again."""
        go = threading.Event()
        app = bench.app()
        async with app.run_test(size=(120, 40)) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow", epochs="11")
            await queue(pilot, "slow", epochs="12")
            bench.before = lambda request: isinstance(request, StartTraining) and go.wait(20)
            kill(pilot)
            await until(pilot, lambda: not app.trainings.live and app.trainings.starting)
            await pilot.press("q")
            await see(pilot, "Quit while a training runs?", "1 is being started")
            await pilot.press(*keys)
            await until(pilot, lambda: not isinstance(app.screen, ConfirmDialog))
            assert app.return_value is None
            go.set()
            await until(pilot, lambda: app.return_value is not None)
        assert epochs(bench) == ["11", "12"]
        assert list((tmp_path / "state" / "waiting").iterdir()) == []
        stopped = len(keys) == 3
        assert app.trainings.all[-1].stopped == stopped
        assert app.trainings.all[-1].status.running != stopped

    async def test_a_session_that_still_lives_keeps_its_own(self, bench: TrainingBench, tmp_path: Path) -> None:
        waiting = Waiting(Planned(StartTraining((("epochs", "3"),), "mine", ("make",)), "Mine", "epochs=3"))
        assert keep(waiting, "memory://")
        assert list(left_waiting("memory://")) == []
        other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        (path,) = (tmp_path / "state" / "waiting").iterdir()
        record = json.loads(path.read_text())
        record["owner"] = [other.pid, identity(other.pid)]
        path.write_text(json.dumps(record))
        assert list(left_waiting("memory://")) == []
        other.communicate()
        assert list(left_waiting("sqlite:///other.db")) == []
        ((found, problem),) = left_waiting("memory://")
        assert found is not None
        assert (found.planned, found.held, problem) == (waiting.planned, True, "")
        assert list(left_waiting("memory://")) == [], "it is this session's now"

    def test_what_cannot_be_taken_over_stays(
        self, bench: TrainingBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the disk is full, and where the session that took it has died over it."""
        waiting = Waiting(Planned(StartTraining((("epochs", "3"),), "mine", ("make",)), "Mine", "epochs=3"))
        assert keep(waiting, "memory://")
        (path,) = (tmp_path / "state" / "waiting").iterdir()
        record = json.loads(path.read_text())
        record["owner"] = [os.getpid(), "an earlier process"]
        path.write_text(json.dumps(record))
        with monkeypatch.context() as full:
            full.setattr(waiting_trainings, "keep", lambda *_: False)
            ((found, problem),) = left_waiting("memory://")
        assert found is None
        assert "could not be taken over" in problem
        assert [p.name for p in path.parent.iterdir()] == [path.name]
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        path.rename(path.with_name(f".{path.stem}.{dead.pid}.claimed"))
        path.with_name(".half.json").write_text("{")
        ((found, problem),) = left_waiting("memory://")
        assert found is not None
        assert (found.waiting_id, problem) == (waiting.waiting_id, "")
        assert sorted(p.name for p in path.parent.iterdir()) == sorted([".half.json", path.name])

    async def test_a_broken_file_is_named_and_left(self, bench: TrainingBench, tmp_path: Path) -> None:
        folder = tmp_path / "state" / "waiting"
        folder.mkdir(parents=True)
        (folder / "a1.json").write_text("{")
        async with bench.app().run_test(size=(160, 40), notifications=True) as pilot:
            await see(pilot, "the waiting trainings kept in", "cannot be read")
            assert "since an earlier session" not in text_of(pilot)
        assert (folder / "a1.json").read_text() == "{"
