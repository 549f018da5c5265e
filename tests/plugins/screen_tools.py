"""Looking at the app's screens in a test: an app on a gateway, what is on screen, waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from mlaudit.config.settings import Settings
from mlaudit.gateway.base import Gateway
from mlaudit.services.requests import Request
from mlaudit.tui.app import MlauditApp
from mlaudit.wiring import Services
from mlaudit.worker import ThreadBackend

Handle = Callable[[Request[Any]], Any]
PATIENCE = 10.0
"""Seconds."""


def app_on(
    gateway: Gateway,
    *,
    read_only: bool = False,
    restore: bool = False,
    around: Callable[[Handle], Handle] | None = None,
) -> MlauditApp:
    """The app on this store; ``around`` may wrap what answers the requests."""
    settings = Settings(read_only=read_only, restore=restore)
    handle: Handle = Services(settings, open_gateway=lambda: gateway).handle
    return MlauditApp(ThreadBackend(around(handle) if around else handle), settings)


def text_of(pilot: Pilot[Any]) -> str:
    """The text of the whole screen as it would be painted now."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Wait for something to become true."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while True:
        await pilot.pause()
        if holds():
            return
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"never true; on screen:\n{text_of(pilot)}")
        await asyncio.sleep(0.01)


async def see(pilot: Pilot[Any], *texts: str) -> None:
    """Wait until all these are on screen."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while missing := [t for t in texts if t not in text_of(pilot)]:
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"never seen: {missing}; on screen:\n{text_of(pilot)}")
        await pilot.pause()
        await asyncio.sleep(0.01)
