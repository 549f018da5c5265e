"""The trainings that this app has started: they belong to the app and not to a screen, so that screens may come and go.

Each is watched until its process has ended and its run says so too, whatever screen is on. One that died without a word
to the store leaves its run RUNNING for ever; it is put right then, as ``mlaudit train`` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mlaudit.config.launch_memory import Launch, LaunchMemory
from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import RunStatus
from mlaudit.domain.verdict import Outcome
from mlaudit.services.compare import CompareRun
from mlaudit.services.training import PollTraining, StopTraining, Training, TrainingStatus
from mlaudit.tui.left_trainings import forget, remember, remembered
from mlaudit.tui.live_training import LiveTraining, exit_words
from mlaudit.tui.planned_training import Planned
from mlaudit.tui.training_queue import TrainingQueue
from mlaudit.tui.training_quit import TrainingQuit
from mlaudit.tui.training_steps import TrainingSteps

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from mlaudit.tui.app import MlauditApp

POLL_SECONDS = 0.5
"""How often a process is looked at."""
RUN_EVERY = 4
"""Only every so many looks the store is asked for the run."""
SETTLE_TRIES = 3
"""How often a store that does not answer is asked how the run ended."""
JUDGE_SECONDS = 30.0
BAD_NEWS = {Outcome.REGRESSION, Outcome.ERROR}
NOTICE_SECONDS = 30
UNENDED = {RunStatus.RUNNING, RunStatus.SCHEDULED}


def is_settled(status: TrainingStatus) -> bool:
    """Whether a training has ended and its run, where there is one, says so too."""
    return not status.running and status.answered and status.run_status not in UNENDED


class Trainings:
    """Starts, watches and stops; lives on the app."""

    def __init__(self, app: MlauditApp) -> None:
        self._app = app
        self._quit = TrainingQuit(app, self)
        self._steps = TrainingSteps(app)
        self.queue = TrainingQueue(app, lambda: len(self.live) + len(self.starting), self.start, self.notify)
        self.starting: set[asyncio.Future[LiveTraining]] = set()
        """Those that are being started, which may take as long as the store does to answer."""
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

    def is_only(self, live: LiveTraining) -> bool:
        """Whether there is no other that runs, waits, or has ended unseen."""
        others = [t for t in self.all if t is not live and not (t.ended and t.seen)]
        return not others and not self.queue.waiting

    @property
    def summary(self) -> str:
        """How many run and wait, in words: ``2 trainings are running, 1 waits``."""
        running, waiting = len(self.live), len(self.queue.waiting)
        held = sum(w.held for w in self.queue.waiting)
        one = running == 1
        words = f"{running or 'no'} training{' is' if one else 's are'} running"
        if waiting:
            words += f", {waiting} {'waits' if waiting == 1 else 'wait'}"
        return words + (f" ({held} held)" if held else "")

    async def start(self, planned: Planned, begun: Callable[[], None] = lambda: None) -> LiveTraining:
        """Start one and watch it, even if whoever asked for it is cancelled meanwhile. Raises MlauditError.

        ``begun`` is called as soon as it runs, and even then.
        """
        starting = asyncio.ensure_future(self._start(planned, begun))
        self.starting.add(starting)
        starting.add_done_callback(self.starting.discard)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(self._tell_start)
            raise

    async def all_started(self) -> None:
        """Return when none is being started any more, be it that it runs or that it could not be started."""
        while self.starting:
            await asyncio.wait(list(self.starting))

    async def _start(self, planned: Planned, begun: Callable[[], None]) -> LiveTraining:
        request = planned.request
        training = await self._app.backend.ask(request)
        begun()
        memory = self.memory
        if memory is not None:
            memory.remember(Launch(training.launch_id, training.started, request.script or "", request.values))
            if memory.problem:
                self.notify(memory.problem, bad=True)
        return self.watch(training, planned)

    @property
    def memory(self) -> LaunchMemory | None:
        """What was launched on this store, read anew; None while it is not known which store this is."""
        return LaunchMemory(self._app.store.uri) if self._app.store is not None else None

    def _tell_start(self, starting: asyncio.Future[LiveTraining]) -> None:
        if starting.cancelled():
            return
        error = starting.exception()
        if error is not None:
            self.notify(f"The training was not started: {error}.", bad=True)
        else:
            self.notify(f"{starting.result().headline}. t shows it.")

    def watch(self, training: Training, planned: Planned) -> LiveTraining:
        """Watch a training that was started just now, until its end."""
        live = LiveTraining(training, planned)
        self._remember(live)
        self.all.append(live)
        self._app.run_worker(self._watch(live), group="trainings")
        return live

    async def pick_up(self) -> None:
        """Find the trainings that an earlier session left running or waiting on this store, and tell of each."""
        self.queue.pick_up()
        store = None if self._app.settings.read_only else self._app.store
        known = {t.training.launch_id for t in self.all}
        for training, planned, run_id in remembered(store.uri) if store is not None else ():
            if training.launch_id in known:
                continue
            live = LiveTraining(training, planned)
            live.from_before = True
            live.status = replace(live.status, run_id=run_id)
            answered = False
            try:
                answer = await self._app.backend.ask(PollTraining(training))
            except MlauditError as error:
                live.problem = str(error)
            else:
                self._take(live, answer)
                answered = answer.answered
            self.all.append(live)
            if live.status.running:
                # This session's from now on.
                self._remember(live)
                self.notify(f"Left running by an earlier session: {live.headline}. t shows it.")
                self._app.run_worker(self._watch(live), group="trainings")
            else:
                # It has ended unwatched: nothing is put right without being asked for.
                if live.status.run_status in UNENDED:
                    live.problem = "its process is gone, so nothing will ever end this run"
                with contextlib.suppress(OSError):
                    live.ended_at = os.path.getmtime(training.log_path)
                self._finish(live, settled=answered)

    def _remember(self, live: LiveTraining) -> None:
        store = self._app.store
        if store is not None:
            remember(live.training, live.planned, store.uri, live.status.run_id)

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
        elif is_settled(answer):
            # Should mlaudit quit now, there is nothing to tell of at the next start.
            forget(live.training)
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
            if request.with_run:
                self._steps.look(live)
        self._finish(live, settled=await self._settle(live))

    def _finish(self, live: LiveTraining, *, settled: bool) -> None:
        """``settled``: there is nothing for the next session to find out."""
        live.ended = True
        if settled:
            forget(live.training)
            if (memory := self.memory) is not None:
                status = live.status.run_status
                # A run that was left RUNNING says nothing of the end.
                ended = status if status is not None and status not in UNENDED else exit_words(live.status.exit_code)
                memory.settle(live.training.launch_id, live.status.run_id, ended)
        self.queue.advance()
        self._app.run_worker(self._judge(live), group="trainings")

    async def _judge(self, live: LiveTraining) -> None:
        """The verdict on a run that has ended well, before its end is told."""
        run_id = live.status.run_id
        if run_id is not None and live.status.run_status == RunStatus.FINISHED:
            live.judging = True
            try:
                live.verdict = await self._app.backend.ask(CompareRun(run_id), deadline=JUDGE_SECONDS)
            except MlauditError as error:
                live.verdict_problem = str(error)
            finally:
                live.judging = False
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

    async def _settle(self, live: LiveTraining) -> bool:
        """Find out how the run ended, and put it right where its process died without saying so; whether that is done.

        Where it is not, the record of the training stays, and the next session looks again.
        """
        settled = False
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
            settled = is_settled(answer)
            if not answer.problem:
                break
        return settled

    def _notice(self, live: LiveTraining) -> None:
        """Tell of the end unless it is on screen."""
        from mlaudit.tui.screens.training import TrainingScreen

        screen = self._app.screen
        if isinstance(screen, TrainingScreen) and screen.live is live:
            return
        bad = live.failed and not live.stopped
        if live.verdict is not None and live.verdict.verdict.outcome in BAD_NEWS:
            bad = True
        said = f" {live.verdict_words}." if live.verdict_words else ""
        self.notify(f"{live.headline}.{said} t shows it.", bad=bad)

    def notify(self, message: str, *, bad: bool = False) -> None:
        """Tell the user, whatever screen is on."""
        severity: SeverityLevel = "error" if bad else "information"
        self._app.notify(message, severity=severity, timeout=NOTICE_SECONDS, markup=False)

    async def may_quit(self) -> bool:
        """A guard of the app: while something runs, the question what is to become of it goes first."""
        return await self._quit.may_quit()
