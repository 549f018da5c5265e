"""Quitting while trainings run: stop them, leave them running, or stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from mlaudit.domain.text import format_duration
from mlaudit.tui.live_training import LiveTraining
from mlaudit.tui.screens.confirm import ConfirmDialog

if TYPE_CHECKING:
    from mlaudit.tui.app import MlauditApp
    from mlaudit.tui.trainings import Trainings

STOP = "stop"


class TrainingQuit:
    """The guard that the app asks before it quits."""

    def __init__(self, app: MlauditApp, trainings: Trainings) -> None:
        self._app, self._trainings = app, trainings

    async def may_quit(self) -> bool:
        """Ask what is to become of the trainings. The answer quits later, or does not."""
        if self._app.last_words is not None:
            return True
        starting, queue = len(self._trainings.starting), self._trainings.queue
        if not self._own and not starting and queue.next is None:
            return True
        waiting = sum(not w.starting for w in queue.waiting)
        self._app.push_screen(quit_dialog(self._own, waiting, starting), self._quit_answered)
        return False

    @property
    def _own(self) -> list[LiveTraining]:
        """Those that run and that an earlier session has not left running on purpose."""
        return [t for t in self._trainings.live if not t.from_before]

    async def _quit_answered(self, answer: str | None) -> None:
        if answer is None:
            return
        self._trainings.queue.closed = True
        if answer == STOP:
            self._trainings.notify("Stopping the training; this takes up to 15 seconds, then mlaudit quits.")
        elif self._trainings.starting:
            self._trainings.notify("mlaudit quits when the training has been started, in 20 seconds at most.")
        way = self._stop_and_quit() if answer == STOP else self._leave_and_quit()
        self._app.run_worker(way, group="trainings.quit", exclusive=True)

    async def _leave_and_quit(self) -> None:
        await self._trainings.all_started()
        await self._quit(lambda: [_left_words(t) for t in self._own])

    async def _stop_and_quit(self) -> None:
        await self._trainings.all_started()
        results = await asyncio.gather(*(self._trainings.stop(t) for t in self._own), return_exceptions=True)
        errors = [r for r in results if isinstance(r, BaseException)]
        if errors:
            self._reopen()
            self._trainings.notify(f"mlaudit stays open: the training may still run. {errors[0]}", bad=True)
            return
        await self._quit(lambda: [f"mlaudit: {t.headline}" for t in self._trainings.all if t.stopped])

    async def _quit(self, about: Callable[[], list[str]]) -> None:
        def words() -> str:
            waiting = len(self._trainings.queue.waiting)
            return "\n".join([*about(), *([f"mlaudit: {_waiting_words(waiting)}"] if waiting else [])])

        self._app.last_words = words
        if not await self._app.go_on_quitting():
            self._reopen()

    def _reopen(self) -> None:
        self._trainings.queue.closed = False
        self._trainings.queue.advance()


def quit_dialog(live: Sequence[LiveTraining], waiting: int = 0, starting: int = 0) -> ConfirmDialog:
    """The question before quitting while trainings run, are being started, or wait."""
    lines: list[str | Text] = []
    for training in live:
        run = training.status.run_id
        about = f", run {run[:12]}" if run else ""
        lines.append(f"{training.headline}{about}, for {format_duration(int(training.seconds * 1000))}.")
        lines.append(f"Its output: {training.training.log_path}")
    if starting:
        lines.append(f"{'1 is' if starting == 1 else f'{starting} are'} being started; mlaudit waits for that first.")
    if waiting:
        lines += ["", f"In the queue: {_waiting_words(waiting)}"]
    if not live and not starting:
        return ConfirmDialog("Quit while trainings wait?", lines, confirm_label="Quit")
    lines += [
        "",
        "Stopping takes up to 15 seconds; the run is then KILLED.",
        f"Left running, it goes on without mlaudit and records as before.{' To stop it later:' if live else ''}",
    ]
    if live:
        lines.append(f"kill -INT -- {' '.join(f'-{t.training.pid}' for t in live)}")
    return ConfirmDialog("Quit while a training runs?", lines, confirm_label="Leave it running", also=(STOP, "Stop it"))


def _waiting_words(count: int) -> str:
    wait = "waits and is" if count == 1 else "wait and are"
    return f"{count} {wait} not started while mlaudit is closed; kept, and held at the next start until you say go."


def _left_words(live: LiveTraining) -> str:
    run = f", run {live.status.run_id}" if live.status.run_id else ""
    return f"mlaudit: left running: process {live.training.pid}{run}; its output: {live.training.log_path}"
