"""The trainings that this app has started: they belong to the app and not to a screen, so that screens may come and go.

Each is watched until its process has ended and its run says so too, whatever screen is on. One that died without a word
to the store leaves its run RUNNING for ever; it is put right then, as ``mlaudit train`` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import RunStatus
from mlaudit.domain.text import format_duration
from mlaudit.services.launcher import PollTraining, StartTraining, StopTraining, Training, TrainingStatus
from mlaudit.tui.left_trainings import forget, remember, remembered
from mlaudit.tui.screens.confirm import ConfirmDialog

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from mlaudit.tui.app import MlauditApp

POLL_SECONDS = 0.5
"""How often a process is looked at."""
RUN_EVERY = 4
"""Only every so many looks the store is asked for the run."""
SETTLE_TRIES = 3
"""How often a store that does not answer is asked how the run ended."""
NOTICE_SECONDS = 30
STOP = "stop"
UNENDED = {RunStatus.RUNNING, RunStatus.SCHEDULED}


class LiveTraining:
    """One training and how it stands. Only :class:`Trainings` changes it."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.status = TrainingStatus(True, None, None, None)
        self.ended = False
        """The process has ended, and what its run says of it is as right as can be."""
        self.stop: asyncio.Future[None] | None = None
        """While it is being stopped."""
        self.problem = ""
        """Why the last look failed; empty when it did not."""
        self.stop_problem = ""
        """Why the last attempt to stop it failed."""
        self.ended_at = 0.0
        """Seconds since the epoch when the process was found to have ended; 0 while it runs."""
        self.stopped = False
        """The user has stopped it."""
        self.seen = False
        """Its end was on screen."""
        self.from_before = False
        """An earlier session has started it."""

    @property
    def stopping(self) -> bool:
        """It is being stopped."""
        return self.stop is not None

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return max(0.0, (self.ended_at or time.time()) - self.training.started)

    @property
    def failed(self) -> bool:
        """It has ended, and not as it should."""
        finished = self.status.run_status == RunStatus.FINISHED
        known = self.status.run_status is not None
        return self.ended and not (finished if known and not self.status.exit_code else self.status.exit_code == 0)

    @property
    def has_run(self) -> bool:
        """Whether the store knows its run."""
        return self.status.run_id is not None and self.status.run_status is not None

    @property
    def headline(self) -> str:
        """How it stands, in one line."""
        status, run = self.status, self.status.run_id
        if not self.ended:
            doing = "is being stopped" if self.stopping else "is running" if status.running else "has ended"
            return f"The training {doing} (process {self.training.pid})"
        about = f"run {run[:12]} is {status.run_status or 'in an unknown state'}" if run else "it recorded no run"
        return f"The training {'was stopped' if self.stopped else 'has ended'}: {exit_words(status.exit_code)}, {about}"


class Trainings:
    """Starts, watches and stops; lives on the app."""

    def __init__(self, app: MlauditApp) -> None:
        self._app = app
        self.all: list[LiveTraining] = []
        """Oldest first."""
        self.drafts: dict[str, dict[str, str]] = {}
        """What the form held when it was left, by the script's key."""
        self.script = ""
        """The key of the script that was chosen last."""

    @property
    def live(self) -> list[LiveTraining]:
        """Those that have not ended."""
        return [t for t in self.all if not t.ended]

    @property
    def at_hand(self) -> LiveTraining | None:
        """The one to go back to: the newest that runs, else the newest whose end nobody has looked at."""
        waiting = self.live or [t for t in self.all if not t.seen]
        return waiting[-1] if waiting else None

    async def start(self, request: StartTraining) -> LiveTraining:
        """Start one and watch it, even if whoever asked for it is cancelled meanwhile. Raises MlauditError."""
        starting = asyncio.ensure_future(self._start(request))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(self._tell_start)
            raise

    async def _start(self, request: StartTraining) -> LiveTraining:
        return self.watch(await self._app.backend.ask(request))

    def _tell_start(self, starting: asyncio.Future[LiveTraining]) -> None:
        if starting.cancelled():
            return
        error = starting.exception()
        if error is not None:
            self._notify(f"The training was not started: {error}.", bad=True)
        else:
            self._notify(f"{starting.result().headline}. t shows it.")

    def watch(self, training: Training) -> LiveTraining:
        """Watch a training that was started just now, until its end."""
        live = LiveTraining(training)
        self._remember(live)
        self.all.append(live)
        self._app.run_worker(self._watch(live), group="trainings")
        return live

    async def pick_up(self) -> None:
        """Find the trainings that an earlier session left running in this store, and tell of each."""
        store = None if self._app.settings.read_only else self._app.store
        known = {t.training.launch_id for t in self.all}
        for training, run_id in remembered(store.uri) if store is not None else ():
            if training.launch_id in known:
                continue
            live = LiveTraining(training)
            live.from_before = True
            live.status = replace(live.status, run_id=run_id)
            try:
                answer = await self._app.backend.ask(PollTraining(training))
            except MlauditError as error:
                live.problem = str(error)
            else:
                self._take(live, answer)
            self.all.append(live)
            if live.status.running:
                self._notify(f"Left running by an earlier session: {live.headline}. t shows it.")
                self._app.run_worker(self._watch(live), group="trainings")
            else:
                # It has ended unwatched: nothing is put right without being asked for.
                if live.status.run_status in UNENDED:
                    live.problem = "its process is gone, so nothing will ever end this run"
                with contextlib.suppress(OSError):
                    live.ended_at = os.path.getmtime(training.log_path)
                self._finish(live)

    def _remember(self, live: LiveTraining) -> None:
        store = self._app.store
        if store is not None:
            remember(live.training, store.uri, live.status.run_id)

    async def stop(self, live: LiveTraining) -> None:
        """Stop it, which takes up to 15 seconds, even if whoever asked is cancelled meanwhile. Raises MlauditError."""
        if live.ended:
            return
        if live.stop is None:
            live.stop = asyncio.ensure_future(self._stop(live))
        await asyncio.shield(live.stop)

    async def _stop(self, live: LiveTraining) -> None:
        live.stop_problem = ""
        try:
            answer = await self._app.backend.ask(StopTraining(live.training))
        except MlauditError as error:
            live.stop_problem = f"not stopped: {error}"
            raise
        finally:
            live.stop = None
        if answer.running:
            live.stop_problem = "it has not ended yet"
        live.stopped = answer.run_status != RunStatus.FINISHED
        self._take(live, answer)

    # Inside

    async def _watch(self, live: LiveTraining) -> None:
        looks = 0
        while live.status.running:
            await asyncio.sleep(POLL_SECONDS)
            if live.stopping:
                continue
            looks += 1
            try:
                request = PollTraining(live.training, with_run=looks % RUN_EVERY == 0)
                answer = await self._app.backend.ask(request)
            except MlauditError as error:
                live.problem = str(error)
                continue
            if live.status.running:
                self._take(live, answer, with_run=request.with_run)
        await self._settle(live)
        self._finish(live)

    def _finish(self, live: LiveTraining) -> None:
        live.ended = True
        forget(live.training)
        self._notice(live)

    def _take(self, live: LiveTraining, answer: TrainingStatus, *, with_run: bool = True) -> None:
        before = live.status
        if not with_run:
            answer = replace(answer, run_status=before.run_status, problem=before.problem)
        # A run that was known once is not unlearned from a store that is away.
        run_id = answer.run_id or (before.run_id if answer.problem else None)
        code = before.exit_code if answer.exit_code is None else answer.exit_code
        live.status = replace(answer, run_id=run_id, exit_code=code)
        if run_id != before.run_id and answer.running:
            self._remember(live)
        live.problem = answer.problem
        if not answer.running and not live.ended_at:
            live.ended_at = time.time()

    async def _settle(self, live: LiveTraining) -> None:
        """Find out how the run ended, and put it right where its process died without saying so."""
        for attempt in range(SETTLE_TRIES):
            if attempt:
                await asyncio.sleep(POLL_SECONDS * 2**attempt)
            try:
                answer = await self._app.backend.ask(PollTraining(live.training))
                if answer.run_status in UNENDED:
                    answer = await self._app.backend.ask(StopTraining(live.training))
            except MlauditError as error:
                live.problem = str(error)
                continue
            self._take(live, answer)
            if not answer.problem:
                return

    def _notice(self, live: LiveTraining) -> None:
        """Tell of the end unless it is on screen."""
        from mlaudit.tui.screens.training import TrainingScreen

        screen = self._app.screen
        if isinstance(screen, TrainingScreen) and screen.live is live:
            return
        self._notify(f"{live.headline}. t shows it.", bad=live.failed and not live.stopped)

    def _notify(self, message: str, *, bad: bool = False) -> None:
        severity: SeverityLevel = "error" if bad else "information"
        self._app.notify(message, severity=severity, timeout=NOTICE_SECONDS, markup=False)

    # Quitting

    async def may_quit(self) -> bool:
        """A guard of the app: ask what is to become of the trainings. The answer quits later, or does not."""
        if not self._own:
            return True
        self._app.push_screen(quit_dialog(self._own), self._quit_answered)
        return False

    @property
    def _own(self) -> list[LiveTraining]:
        """Those that run and that an earlier session has not left running on purpose."""
        return [t for t in self.live if not t.from_before]

    async def _quit_answered(self, answer: str | None) -> None:
        if answer is None:
            return
        left = "" if answer == STOP else "\n".join(_left_words(t) for t in self._own)
        if answer == STOP:
            self._notify("Stopping the training; this takes up to 15 seconds, then mlaudit quits.")
            self._app.run_worker(self._stop_and_quit(), group="trainings.quit", exclusive=True)
        else:
            await self._quit(left)

    async def _stop_and_quit(self) -> None:
        results = await asyncio.gather(*(self.stop(t) for t in self._own), return_exceptions=True)
        errors = [r for r in results if isinstance(r, BaseException)]
        if errors:
            self._notify(f"mlaudit stays open: the training may still run. {errors[0]}", bad=True)
            return
        await self._quit("\n".join(f"mlaudit: {t.headline}" for t in self.all if t.stopped))

    async def _quit(self, parting: str) -> None:
        for guard in list(self._app.quit_guards):
            if guard != self.may_quit and not await guard():
                return
        self._app.exit(0, message=Text(parting) if parting else None)


def quit_dialog(live: Sequence[LiveTraining]) -> ConfirmDialog:
    """The question before quitting while trainings run."""
    lines: list[str | Text] = []
    for training in live:
        run = training.status.run_id
        about = f", run {run[:12]}" if run else ""
        lines.append(f"{training.headline}{about}, for {format_duration(int(training.seconds * 1000))}.")
        lines.append(f"Its output: {training.training.log_path}")
    lines += [
        "",
        "Stopping takes up to 15 seconds; the run is then KILLED.",
        "Left running, it goes on without mlaudit and records as before. To stop it later:",
        f"kill -INT -- {' '.join(f'-{t.training.pid}' for t in live)}",
    ]
    return ConfirmDialog("Quit while a training runs?", lines, confirm_label="Leave it running", also=(STOP, "Stop it"))


def _left_words(live: LiveTraining) -> str:
    run = f", run {live.status.run_id}" if live.status.run_id else ""
    return f"mlaudit: left running: process {live.training.pid}{run}; its output: {live.training.log_path}"


def exit_words(code: int | None) -> str:
    """An exit code in words."""
    if code is None:
        return "exit code not known"
    if code >= 0:
        return f"exit code {code}"
    import signal

    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")
