"""The app on the sample store with a fake training script, for the tests of the training screens."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from mlaudit.domain.models import RunStatus
from mlaudit.domain.training import TrainingScript
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.launcher import DescribeTraining, Launcher, PollTraining, StartTraining, StopTraining
from mlaudit.services.requests import Request
from mlaudit.services.training_script import read_script
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.live_training import LiveTraining
from mlaudit.tui.prefill import Prefill
from mlaudit.tui.screens.train_form import TrainFormScreen
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.screens.trainings import TrainingsScreen
from mlaudit.tui.widgets.parameter_field import ParameterField
from tests.plugins.fake_training import DECLARATION, write_fake_training
from tests.plugins.screen_tools import Handle, app_on, see, until


class TrainingBench:
    """Makes apps whose trainings run the fake script; ends what they leave running."""

    def __init__(self, folder: Path, store: MemoryGateway) -> None:
        self.store = store
        self.started: list[StartTraining] = []
        self.before: Callable[[Request[Any]], object] = lambda _request: None
        """Called in the answering thread before each request; may raise."""
        (folder / "logs").mkdir()
        self.logs = folder / "logs"
        self.more: Callable[[TrainingScript], tuple[TrainingScript, ...]] | None = None
        self.scripts = write_fake_training(folder / "scripts")
        self.launcher = Launcher(
            lambda: store,
            lambda: {"PATH": os.environ["PATH"]},
            self.declared,
            lambda: self.logs,
            grace=(0.5, 0.5),
        )
        self._pids: list[int] = []

    def declared(self) -> tuple[TrainingScript, ...]:
        """The scripts there are: the fake one, and what :attr:`more` makes of it."""
        script = read_script(self.scripts)
        return self.more(script) if self.more else (script,)

    def declare(self, old: str, new: str) -> None:
        """Change the script's declaration."""
        write_fake_training(self.scripts, DECLARATION.replace(old, new))

    def app(self, *, read_only: bool = False, at_once: int = 1) -> MlauditApp:
        """A fresh app."""
        app = app_on(self.store, read_only=read_only, around=self._around)
        app.settings = replace(app.settings, trainings_at_once=at_once)
        return app

    def _around(self, handle: Handle) -> Handle:
        def answer(request: Request[Any]) -> Any:
            self.before(request)
            match request:
                case DescribeTraining():
                    return self.launcher.describe(request)
                case StartTraining():
                    self.started.append(request)
                    training = self.launcher.start(request)
                    self._pids.append(training.pid)
                    return training
                case PollTraining():
                    return self.launcher.poll(request)
                case StopTraining():
                    return self.launcher.stop(request)
                case _:
                    return handle(request)

        return answer

    def add_run(self, status: RunStatus = RunStatus.RUNNING, **more: Any) -> str:
        """A run that the script may say it is recording."""
        return self.store.add_run(self.store.list_experiments()[0].experiment_id, status=status, **more)

    def forbid_writing(self) -> None:
        """Make the store one that must not be written to."""
        info = replace(self.store.describe(), writable=False, notes=("an older schema",))
        self.store.describe = lambda: info  # type: ignore[method-assign]

    def close(self) -> None:
        """End what still runs."""
        for pid in self._pids:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)


async def open_form(pilot: Pilot[Any], **prefill: str) -> TrainFormScreen:
    """The form with its fields."""
    screen = TrainFormScreen(Prefill(params=prefill) if prefill else None)
    await pilot.app.push_screen(screen)
    await until(
        pilot, lambda: len(screen.query(ParameterField)) and "reading" not in str(screen.query_one("#about").render())
    )
    return screen


def field(screen: TrainFormScreen, name: str) -> ParameterField:
    """The field of an option."""
    return next(f for f in screen.query(ParameterField) if f.parameter.name == name)


async def train(pilot: Pilot[Any], mode: str, **more: str) -> TrainingScreen:
    """Start one through the form; its screen."""
    form = await open_form(pilot, mode=mode, **more)
    form.action_start()
    await see(pilot, "Start this training?")
    await pilot.press("right", "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
    screen = pilot.app.screen
    assert isinstance(screen, TrainingScreen)
    return screen


async def queue(pilot: Pilot[Any], mode: str, **more: str) -> None:
    """Put one into the queue through the form."""
    form = await open_form(pilot, mode=mode, **more)
    form.action_start()
    await see(pilot, "Put this training into the queue?")
    await pilot.press("right", "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, TrainingsScreen))


async def ended(pilot: Pilot[Any], live: LiveTraining) -> None:
    """Wait for the end of a training."""
    await until(pilot, lambda: live.ended)
