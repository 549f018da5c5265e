"""What the screen asks, and the one that answers in threads of the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from mlaudit.domain.errors import DeadlineExceeded
from mlaudit.services.requests import Request

T = TypeVar("T")


class Backend(Protocol):
    """What the screen asks; the app takes one as an argument."""

    async def start(self) -> None:
        """Begin to serve; called after the first paint. Returns at once."""
        ...

    async def ask(self, request: Request[T], *, deadline: float | None = None) -> T:
        """The answer to a request, within ``deadline`` seconds (the request's own when None).

        Raises MlauditError, DeadlineExceeded and BackendCrashed among them. Many may be under way; a slow one does not
        delay a quick one. Cancelling the awaiting task drops the answer.
        """
        ...

    async def close(self) -> None:
        """End everything, in less than a second even when the store hangs."""
        ...


class ThreadBackend:
    """Answers in threads of this process: for tests, with the in-memory gateway."""

    def __init__(self, handle: Callable[[Request[Any]], Any]) -> None:
        self._handle = handle

    async def start(self) -> None:
        """Nothing to start."""

    async def ask(self, request: Request[T], *, deadline: float | None = None) -> T:
        """See :meth:`Backend.ask`."""
        seconds = request.deadline if deadline is None else deadline
        try:
            # Not wait_for: before Python 3.12 it hands an answer to a task that was cancelled meanwhile.
            async with asyncio.timeout(seconds):
                answer: T = await asyncio.to_thread(self._handle, request)
        except TimeoutError:
            raise DeadlineExceeded("memory", request.what, seconds, request.writes) from None
        return answer

    async def close(self) -> None:
        """Nothing to end."""
