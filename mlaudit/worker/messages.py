"""What travels between the screen's process and the worker.

To the worker: first :class:`Hello`, then :class:`Ask`. From it: :class:`Store` once, :class:`Ready` once, and an
:class:`Answer` for each request, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlaudit.config.settings import Settings
from mlaudit.domain.errors import MlauditError
from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class Hello:
    """What the worker must know. It goes through the socket: a URI with a password has no place among arguments."""

    settings: Settings
    log_path: str
    services: str = ""
    """For tests: ``module:function`` that makes the services from the settings. Empty: mlaudit's own."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    number: int
    request: Request[Any]
    seconds: float
    """Its deadline, which the screen's side enforces."""


@dataclass(frozen=True, slots=True)
class Store:
    """The store's redacted URI, for errors."""

    shown: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The store was opened, or could not be: slow imports are over."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the request of that number, or why there is none."""

    number: int
    value: Any = None
    error: MlauditError | None = None
