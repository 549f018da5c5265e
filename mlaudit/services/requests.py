"""The shape of what is asked and answered.

A request is a frozen dataclass that names its result type; :meth:`mlaudit.wiring.Services.handle` answers it, in the
command line directly and for the screen in the worker process. Results are frozen dataclasses, errors are those of
:mod:`mlaudit.domain.errors`. Both therefore travel between processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

ResultT = TypeVar("ResultT")

Progress = Callable[[str], None]
"""Told, in a few printable words, what a long request is doing."""


@dataclass(frozen=True, slots=True)
class Request(Generic[ResultT]):
    """Base of all requests."""

    deadline: ClassVar[float] = 10.0
    """Seconds after which the screen stops waiting and says so."""
    writes: ClassVar[bool] = False
    """Whether the request changes anything; such a one is never sent twice, nor killed half-way for a slow other."""

    @property
    def what(self) -> str:
        """What is being asked, in words for an error line."""
        return type(self).__name__
