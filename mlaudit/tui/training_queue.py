"""The queue: trainings wait while as many run as may run at a time, and are started one after the other.

It belongs to the app. What waits when mlaudit is quit, or killed, is not started by anybody; the next session takes it
over and holds it until somebody says go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mlaudit.domain.errors import MlauditError
from mlaudit.tui.planned_training import Planned
from mlaudit.tui.waiting_trainings import Waiting, drop, keep, left_waiting

if TYPE_CHECKING:
    from mlaudit.tui.app import MlauditApp


class TrainingQueue:
    """What waits, in the order in which it will be started."""

    def __init__(
        self,
        app: MlauditApp,
        running: Callable[[], int],
        start: Callable[[Planned, Callable[[], None]], Awaitable[object]],
        notify: Callable[..., None],
    ) -> None:
        """``running`` counts those that run or are being started; ``start`` starts one and may raise MlauditError.

        What ``start`` is given is called as soon as the training runs, even where its caller is gone by then.
        """
        self._app, self._running, self._start, self._notify = app, running, start, notify
        self.waiting: list[Waiting] = []
        """The next one first; those that are held are passed over."""
        self.closed = False
        """Nothing is started any more: mlaudit is about to quit."""
        self._launching = False

    @property
    def at_once(self) -> int:
        """How many may run at a time."""
        return self._app.settings.trainings_at_once

    @property
    def next(self) -> Waiting | None:
        """The one that will be started next by itself."""
        return next((w for w in self.waiting if not w.held and not w.starting), None)

    @property
    def has_room(self) -> bool:
        """Whether one more would be started at once."""
        return self._running() < self.at_once and self.next is None and not self._launching

    def add(self, planned: Planned) -> Waiting:
        """Put one at the end; it is started when its turn comes, which may be now."""
        waiting = Waiting(planned)
        self.waiting.append(waiting)
        self._keep(waiting)
        self.advance()
        return waiting

    def remove(self, waiting: Waiting) -> bool:
        """Take one out, unless it is being started; whether it was taken out."""
        if waiting not in self.waiting or waiting.starting:
            return False
        self.waiting.remove(waiting)
        drop(waiting)
        return True

    def move(self, waiting: Waiting, by: int) -> None:
        """Let one wait less or longer."""
        if waiting in self.waiting:
            at = self.waiting.index(waiting)
            self.waiting.insert(max(0, min(len(self.waiting) - 1, at + by)), self.waiting.pop(at))

    def release(self, waiting: Waiting, *, now: bool = False) -> None:
        """Let one that was held be started in its turn; ``now``: at once, however many run."""
        waiting.held, waiting.problem = False, ""
        if now and not waiting.starting and not self.closed:
            # Marked now: until the worker runs, the queue's turn may come.
            waiting.starting = True
            self._app.run_worker(self._launch(waiting), group="trainings.queue")
        else:
            self.advance()

    def advance(self) -> None:
        """Start the next one, if there is one and room for it."""
        waiting = self.next
        if waiting is None or self.closed or self._launching or self._running() >= self.at_once:
            return
        self._launching = waiting.starting = True
        self._app.run_worker(self._launch(waiting, in_turn=True), group="trainings.queue")

    async def _launch(self, waiting: Waiting, *, in_turn: bool = False) -> None:
        def begun() -> None:
            # At once: if mlaudit ends now, the next session must not start it a second time.
            self.waiting.remove(waiting)
            drop(waiting)

        try:
            await self._start(waiting.planned, begun)
        except MlauditError as error:
            # The others go on; this one waits for somebody to look.
            waiting.held, waiting.problem = True, str(error)
            self._notify(f"Not started: {waiting.planned.title}: {error}. W shows what waits.", bad=True)
        else:
            self._notify(f"Started from the queue: {waiting.planned.title}. W shows it.")
        finally:
            waiting.starting = False
            self._launching = self._launching and not in_turn
        self.advance()

    def pick_up(self) -> None:
        """Take over what earlier sessions left waiting on this store, held until somebody says go."""
        store = None if self._app.settings.read_only else self._app.store
        found = list(left_waiting(store.uri)) if store is not None else []
        for waiting, problem in found:
            if waiting is not None:
                self.waiting.append(waiting)
            else:
                self._notify(problem, bad=True)
        if taken := sum(waiting is not None for waiting, _ in found):
            words = "1 training waits" if taken == 1 else f"{taken} trainings wait"
            self._notify(f"{words} since an earlier session, held until you say go. W shows what waits.")

    def _keep(self, waiting: Waiting) -> None:
        store = self._app.store
        if store is None or not keep(waiting, store.uri):
            title = waiting.planned.title
            self._notify(f"{title} waits, but only as long as mlaudit is open: it could not be written down.", bad=True)
