"""Trainings and downloads for pictures: no process and no file behind them, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import TabbedContent

from mlaudit.config.launch_memory import Launch, LaunchMemory
from mlaudit.domain.models import MetricPoint, RunStatus
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.download import CancelDownload, Download, DownloadState, Phase, PollDownload, StartDownload
from mlaudit.services.launcher import DescribeTraining, PollTraining, StartTraining
from mlaudit.services.requests import Request
from mlaudit.services.training import Training, TrainingStatus
from mlaudit.services.training_script import read_script
from mlaudit.tui import downloads, live_training, trainings
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.log_tail import LogTail
from mlaudit.tui.screens import download as download_screen
from mlaudit.tui.screens import training as training_screen
from mlaudit.tui.screens import trainings as trainings_screen
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import Handle, app_on, see, until
from tests.tui.training_bench import field, open_form

PACE = 30
"""Seconds that an epoch takes."""
LOG = "/home/ada/.local/state/mlaudit/logs/training-20260101-001200-5a3c9e10.log"
DEMO = Path(__file__).parents[2] / "demo"


class StillWork:
    """The answers to everything that would start a process or move bytes, and the clock that the screens read."""

    def __init__(self, store: MemoryGateway, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.run = store._stored(SAMPLE["running"])
        self.run.status, self.run.end_time = str(RunStatus.RUNNING), None
        for key, points in self.run.metrics.items():
            self.run.metrics[key] = [self._point(p.step, p.value) for p in points]
        self.started = self.run.start_time / 1000
        self.now = self.started + 8 * PACE + 10
        self.status = TrainingStatus(True, None, self.run.run_id, str(RunStatus.RUNNING))
        self.script = replace(
            read_script(DEMO),
            path="/srv/work",
            source="/srv/work/mlaudit.toml",
            directory="/srv/work",
            key="train",
            command=("python3", "/srv/work/train.py"),
            missing="",
        )
        self._log = folder / "training.log"
        lines = [f"epoch {n + 1}/12  train_loss {0.61 - n / 40:.4f}  val_loss {0.62 - n / 45:.4f}" for n in range(8)]
        said = f"run_id: {self.run.run_id}", "20,000 transactions, 260 of them fraud"
        self._log.write_text("\n".join([*said, *lines]))
        self._stand(monkeypatch)

    def _stand(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = SimpleNamespace(time=lambda: self.now, monotonic=lambda: self.now)
        for module in (live_training, trainings, trainings_screen, downloads):
            monkeypatch.setattr(module, "time", clock)
        monkeypatch.setattr(trainings, "POLL_SECONDS", 0.02)
        monkeypatch.setattr(training_screen, "LogTail", lambda _path: LogTail(str(self._log)))
        monkeypatch.setattr(download_screen, "problem_with", lambda _folder, _name: "")

    def _point(self, step: int, value: float) -> MetricPoint:
        return MetricPoint(step, self.run.start_time + (step + 1) * PACE * 1000, value)

    def app(self) -> MlauditApp:
        """The app on these answers."""
        return app_on(self.store, around=self._around)

    def _around(self, handle: Handle) -> Handle:
        def answer(request: Request[Any]) -> Any:
            match request:
                case DescribeTraining():
                    return (self.script,)
                case StartTraining():
                    return Training("5a3c9e10", 41207, self.started, request.command or (), LOG)
                case PollTraining():
                    return self.status
                case StartDownload():
                    shown = f"{request.folder}/{request.name}"
                    return Download("d1", shown, "", shown)
                case PollDownload():
                    return DownloadState(
                        Phase.RUNNING, 21_000_000, 42_000_000, files_done=2, files=5, current="model/data/model.pth"
                    )
                case CancelDownload():
                    return DownloadState(Phase.CANCELLED)
                case _:
                    return handle(request)

        return answer

    def end(self) -> None:
        """The training has come to its end, and its run has a model."""
        for points in self.run.metrics.values():
            points += [self._point(n, points[-1].value + (n - 7) / 1000) for n in range(8, 12)]
        self.now = self.started + 12 * PACE + 8
        self.store.add_logged_model(self.run.run_id)
        self.run.status, self.run.end_time = str(RunStatus.FINISHED), int(self.now * 1000)
        with self._log.open("a") as file:
            file.write("\ndone\n")
        self.status = TrainingStatus(False, 0, self.run.run_id, str(RunStatus.FINISHED))

    def remember_launches(self) -> None:
        """Three launches of earlier days: one that ended well, one that was killed, one of a script that is gone."""
        memory = LaunchMemory("memory://")
        values = tuple((p.name, p.default) for p in self.script.parameters)
        other = tuple((n, {"epochs": "40", "dropout": "0.3"}.get(n, v)) for n, v in values)
        day = 86_400
        memory.remember(Launch("a", self.started - 9 * day, "nightly", (("rows", "2000000"),), None, "exit code 1"))
        memory.remember(Launch("b", self.started - 2 * day, "train", other, SAMPLE["worse"], "KILLED"))
        memory.remember(Launch("c", self.started - day, "train", values, SAMPLE["better"], "FINISHED"))


Step = Callable[[Pilot[Any], StillWork], Awaitable[None]]
WorkWalk = dict[str, tuple[Step, str]]


def _app(pilot: Pilot[Any]) -> MlauditApp:
    assert isinstance(pilot.app, MlauditApp)
    return pilot.app


async def _at(pilot: Pilot[Any], screen: str) -> None:
    await until(pilot, lambda: type(pilot.app.screen).__name__ == screen)


async def _form(pilot: Pilot[Any], work: StillWork) -> None:
    work.remember_launches()
    await see(pilot, "fraud-detector")
    form = await open_form(pilot, epochs="12", dropout="0.2")
    field(form, "learning-rate").control.focus()
    await see(pilot, "records in memory", "1 changed")


async def _launches(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("ctrl+o")
    await see(pilot, "KILLED", "enter puts these into the form")


async def _question(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("escape", "ctrl+s")
    await see(pilot, "Start this training?")


async def _training(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("right", "enter")
    await _at(pilot, "TrainingScreen")
    await see(pilot, "mlp-live RUNNING", "8 of 12", "train_loss", "epoch 8/12")


async def _quit(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("q")
    await see(pilot, "Quit while a training runs?")


async def _stop(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("escape", "x")
    await see(pilot, "Stop this training?")


async def _queue(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("escape")
    await _at(pilot, "TrainingScreen")
    form = await open_form(pilot, epochs="40", dropout="0.3")
    await see(pilot, "Go to it")
    form.action_start()
    await see(pilot, "Put this training into the queue?")


async def _trainings(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("right", "enter")
    await _at(pilot, "TrainingsScreen")
    for waiting in _app(pilot).trainings.queue.waiting:
        waiting.added = work.now - 45
    await see(pilot, "waits, 1.", "45s", "8 of 12")


async def _ended(pilot: Pilot[Any], work: StillWork) -> None:
    queue = _app(pilot).trainings.queue
    for waiting in list(queue.waiting):
        queue.remove(waiting)
    live = _app(pilot).trainings.all[0]
    await pilot.press("g", "enter")
    await _at(pilot, "TrainingScreen")
    work.end()
    await until(pilot, lambda: live.ended and not live.judging and live.verdict_words)
    await see(pilot, "ENDED", "FINISHED", live.verdict_words[:20])


TRAINING_WALK: WorkWalk = {
    "train_form": (_form, "TrainFormScreen"),
    "launches": (_launches, "LaunchesScreen"),
    "train_question": (_question, "ConfirmDialog"),
    "training": (_training, "TrainingScreen"),
    "training_quit": (_quit, "ConfirmDialog"),
    "training_stop": (_stop, "ConfirmDialog"),
    "training_queue": (_queue, "ConfirmDialog"),
    "trainings": (_trainings, "TrainingsScreen"),
    "training_ended": (_ended, "TrainingScreen"),
}
"""Name -> (how to get there from the one before, the screen's class)."""


async def _download(pilot: Pilot[Any], work: StillWork) -> None:
    await see(pilot, "fraud-detector")
    await pilot.app.push_screen(RunScreen(SAMPLE["better"]))
    await see(pilot, "Registered versions")
    await pilot.press("5")
    await until(pilot, lambda: pilot.app.screen.query_one(TabbedContent).active == "artifacts")
    await until(pilot, lambda: pilot.app.screen.query_one(ArtifactTree).path == "mlaudit")
    await pilot.press("j")
    # What lies beside the tree in a wide terminal comes in its own time, and not while the dialog is on top.
    await pilot.resize_terminal(120, 40)
    await see(pilot, "model/ is a folder: enter opens it")
    await pilot.resize_terminal(80, 24)
    await pilot.press("o")
    await see(pilot, "Download the folder model")


async def _downloading(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("enter")
    await see(pilot, "Downloading model")
    work.now += 7
    # The speed is that of the download, not of the dialog that shows it again.
    await pilot.press("escape", "o")
    await see(pilot, "50%", "3.0 MB/s")


async def _download_quit(pilot: Pilot[Any], work: StillWork) -> None:
    await pilot.press("escape", "q")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
    await see(pilot, "Drop the download?")


DOWNLOAD_WALK: WorkWalk = {
    "download": (_download, "DownloadDialog"),
    "downloading": (_downloading, "DownloadDialog"),
    "download_quit": (_download_quit, "ConfirmDialog"),
}
"""The same, for a download that stands still half way."""
