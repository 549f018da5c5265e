"""Who is acting. Apart from the evidence, since the header of the first screen asks it."""

from __future__ import annotations

from dataclasses import dataclass

from mlaudit.domain.errors import StoreError
from mlaudit.gateway.base import Gateway
from mlaudit.services.requests import Request
from mlaudit.services.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is acting, and how that is known."""

    name: str
    known_by: str
    """``authenticated`` by the server's basic auth, else ``claimed``."""


@dataclass(frozen=True, slots=True)
class IdentifyUser(Request[Actor]):
    """Who would be recorded if something were promoted now."""

    @property
    def what(self) -> str:
        return "who is acting"


def identify(gateway: Gateway, surroundings: Surroundings) -> Actor:
    """Who is acting: the server's word where it has one, else the operating system's user."""
    try:
        user = gateway.current_user()
    except StoreError:
        user = None
    return Actor(user, "authenticated") if user else Actor(surroundings.user, "claimed")
