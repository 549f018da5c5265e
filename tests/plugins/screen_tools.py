"""Looking at the app's screens in a test: an app on a gateway, what is on screen, waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from mlaudit.config.settings import Settings
from mlaudit.gateway.base import Gateway
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.requests import Request
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.wiring import Services
from mlaudit.worker.backend import ThreadBackend

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
    services = Services(settings, open_gateway=lambda: gateway)
    services.surroundings = replace(services.surroundings, user="ada", host="box", ci_url=None)
    handle: Handle = services.handle
    return MlauditApp(ThreadBackend(around(handle) if around else handle), settings)


def text_of(pilot: Pilot[Any]) -> str:
    """The text of the whole screen as it would be painted now."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def told(pilot: Pilot[Any]) -> str:
    """What all notifications so far have said, one a line: one that is on screen may be gone on a slow machine."""
    return "\n".join(notice.text for notice in pilot.app.notices)


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


async def to_first_run(pilot: Pilot[Any]) -> None:
    """From the sample store's experiments through all their runs to the first of these, until it is read."""
    await see(pilot, "fraud-detector")
    await pilot.press("a")
    await see(pilot, "mlp-base")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen) and pilot.app.screen.run)


@asynccontextmanager
async def runs_of(
    gateway: MemoryGateway,
    *,
    size: tuple[int, int] = (120, 40),
    experiment: str = "fraud-detector",
    notifications: bool = False,
    judged: bool = True,
    **options: Any,
) -> AsyncIterator[tuple[Pilot[Any], RunsScreen]]:
    """The app with the runs of one experiment on screen, and their verdicts unless not ``judged``."""
    app = app_on(gateway, **options)
    async with app.run_test(size=size, notifications=notifications) as pilot:
        await see(pilot, "fraud-detector")
        screen = app.screen
        assert isinstance(screen, ExperimentsScreen)
        found = next(e for e in screen.experiments if e.name == experiment)
        await app.push_screen(RunsScreen([found]))
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        await until(pilot, lambda: runs._loaded and not runs._loading)
        if judged:
            # Without any there are no columns for them.
            await until(pilot, lambda: not runs.is_at_work("runs.judge"))
        yield pilot, runs
