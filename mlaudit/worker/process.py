"""The backend whose answers come from a process of its own.

Three things can go wrong with it, and each has its rule. *It is slow*: every request has a wall-clock deadline here,
whatever timeouts the store's client has. *It hangs*, which is a deadline passed: MLflow's client cannot be interrupted,
so the process is killed and another one takes over; what else was read from it is asked again, once. *It dies*: the
same. A write is never asked twice, since nobody knows how far it came, and never killed half-way by somebody else's
slow request, nor by quitting: the old process goes on, beside the new one or after the screen, until its writes have
ended or met their own deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from mlaudit.config.settings import Settings
from mlaudit.domain.errors import BackendCrashed, DeadlineExceeded, MlauditError
from mlaudit.services.requests import Request
from mlaudit.worker.link import Child
from mlaudit.worker.log_file import new_log_path
from mlaudit.worker.messages import Answer, Ask, Hello, Ready, Store
from mlaudit.worker.spawn import Begun

T = TypeVar("T")

STARTUP = 60.0
"""Seconds that a new process may take to import MLflow before its silence counts as hanging."""
LAST_WRITES = 0.5
"""Seconds that :meth:`WorkerProcess.close` waits for a write under way before it leaves it to itself."""


@dataclass(eq=False, slots=True)
class _Asked:
    """A request under way."""

    request: Request[Any]
    seconds: float
    answer: asyncio.Future[Any]
    """Done before the answer comes when nobody waits for it any more."""
    again: bool = False
    """Whether an earlier process took it to its grave."""
    timer: asyncio.TimerHandle | None = None

    def fail(self, error: MlauditError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class WorkerProcess:
    """A :class:`~mlaudit.worker.backend.Backend`. Used from one event loop."""

    def __init__(
        self, settings: Settings, log_path: str | None = None, *, services: str = "", begun: Begun | None = None
    ) -> None:
        """``log_path`` takes the worker's stdout and stderr; by default a new file in the user's log directory.

        ``services`` is for tests: ``module:function`` that makes the services from the settings, inside the worker.
        ``begun``: a process that was greeted with the same settings and log; the first one that is used.
        """
        self.log_path = new_log_path() if log_path is None else log_path
        self._hello = Hello(settings, self.log_path, services)
        self._shown = "the store"
        self._numbers = itertools.count(1)
        self._current: Child | None = None
        self._children: set[Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._written = asyncio.Event()
        """Set when no write is under way any more, once it is closing."""
        self._begun = begun

    @property
    def pid(self) -> int | None:
        """The process that gets new requests; None while there is none."""
        return None if self._current is None else self._current.pid

    async def start(self) -> None:
        """Begin to import MLflow over there; returns at once."""
        self._serving()

    async def ask(self, request: Request[T], *, deadline: float | None = None) -> T:
        """See :meth:`mlaudit.worker.backend.Backend.ask`."""
        if self._closed:
            raise BackendCrashed(self._shown, f"mlaudit is closing and cannot do {request.what}")
        seconds = request.deadline if deadline is None else deadline
        asked = _Asked(request, seconds, asyncio.get_running_loop().create_future())
        self._give(self._serving(), asked)
        try:
            async with asyncio.timeout(seconds):
                answer: T = await asked.answer
        except TimeoutError:
            raise DeadlineExceeded(self._shown, request.what, seconds, request.writes) from None
        return answer

    async def close(self) -> None:
        """End the worker, and its reads with it. One that still writes after :data:`LAST_WRITES` ends by itself later.

        Whether anybody waits for a write does not matter: a promotion that is cut off would have to be recovered.
        """
        self._closed = True
        if self._begun is not None:
            # Never used; it ends by itself.
            self._begun.link.close()
        for asked in [a for c in self._children for a in c.asked.values()]:
            asked.stop_timer()
            if not asked.request.writes:
                asked.answer.cancel()
        if any(map(_writes, self._children)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WRITES):
                    await self._written.wait()
        children = tuple(self._children)
        writing = {c for c in children if _writes(c)}
        for asked in [a for c in writing for a in c.asked.values()]:
            asked.answer.cancel()
        ends = (c.leave() if c in writing else c.kill() for c in children)
        await asyncio.gather(*ends, *self._tasks, return_exceptions=True)

    # Inside; all of it runs on the event loop

    def _serving(self) -> Child:
        if self._current is None:
            begun, self._begun = self._begun, None
            self._current = Child(self.log_path, self._received, self._ended, begun)
            self._children.add(self._current)
            if begun is None:
                self._current.send(self._hello)
        return self._current

    def _give(self, child: Child, asked: _Asked) -> None:
        number = next(self._numbers)
        child.asked[number] = asked
        self._watch(child, number, asked)
        child.send(Ask(number, asked.request, asked.seconds))

    def _watch(self, child: Child, number: int, asked: _Asked) -> None:
        asked.stop_timer()
        loop = asyncio.get_running_loop()
        asked.timer = loop.call_later(asked.seconds, self._overdue, child, number)

    def _received(self, child: Child, message: Any) -> None:
        if isinstance(message, Answer):
            asked: _Asked | None = child.asked.pop(message.number, None)
            if asked is None:
                return
            asked.stop_timer()
            if message.error is not None:
                asked.fail(message.error)
            elif not asked.answer.done():
                asked.answer.set_result(message.value)
            self._kill_if_drained(child)
            self._say_if_written()
        elif isinstance(message, Store):
            self._shown = message.shown
        elif isinstance(message, Ready):
            child.ready = True
            # The time that the import took is not the store's.
            for number, waiting in child.asked.items():
                self._watch(child, number, waiting)

    def _overdue(self, child: Child, number: int) -> None:
        """The process has had a request for its whole time: it hangs."""
        asked: _Asked | None = child.asked.get(number)
        if asked is None or self._closed:
            return
        loop = asyncio.get_running_loop()
        if not child.ready and loop.time() < child.started + STARTUP:
            asked.timer = loop.call_at(child.started + STARTUP, self._overdue, child, number)
            return
        del child.asked[number]
        self._retire(child)

    def _retire(self, child: Child) -> None:
        """Let another process take over, and kill this one as soon as no write is under way in it."""
        if not child.retiring:
            child.retiring = True
            if self._current is child:
                self._current = None
            reads = {n: a for n, a in child.asked.items() if not a.request.writes}
            for number in reads:
                del child.asked[number]
            self._ask_again(list(reads.values()), "was started anew")
            self._serving()
        self._kill_if_drained(child)

    def _kill_if_drained(self, child: Child) -> None:
        if child.retiring and not child.asked:
            self._run(child.kill())

    def _say_if_written(self) -> None:
        if self._closed and not any(map(_writes, self._children)):
            self._written.set()

    def _ended(self, child: Child) -> None:
        """The process is gone, killed or not."""
        self._children.discard(child)
        died = not child.retiring and not self._closed
        if self._current is child:
            self._current = None
        left, child.asked = list(child.asked.values()), {}
        for asked in left:
            if asked.request.writes:
                asked.stop_timer()
                asked.fail(
                    BackendCrashed(
                        self._shown,
                        f"the worker process ended during {asked.request.what}; it may have been done all the same:"
                        f" look again before you repeat it (log: {self.log_path})",
                    )
                )
        self._say_if_written()
        self._ask_again([a for a in left if not a.request.writes], "ended")
        # One that never came up would not come up now; the next request tries.
        if died and child.ready:
            self._serving()
        # It may only have closed its side. Closing ends them all itself.
        if not self._closed:
            self._run(child.kill())

    def _ask_again(self, reads: list[_Asked], what: str) -> None:
        for asked in reads:
            asked.stop_timer()
            if asked.answer.done() or self._closed:
                continue
            if asked.again:
                problem = f"the worker process {what} twice during {asked.request.what} (log: {self.log_path})"
                asked.fail(BackendCrashed(self._shown, problem))
            else:
                asked.again = True
                self._give(self._serving(), asked)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _writes(child: Child) -> bool:
    """Whether a write is under way in it."""
    return any(asked.request.writes for asked in child.asked.values())
