"""Every screen at every size: pictures at 80x24 and 120x40, and nothing lost while the terminal changes.

``pytest --snapshot-update`` takes the pictures anew, after a look at what changed.
"""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen

from mlaudit.gateway.memory_store import FIRST_TIME
from mlaudit.tui import screens
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets import version_board
from mlaudit.tui.widgets.store_header import StoreHeader
from tests.plugins.screen_tools import app_on, see, text_of, until
from tests.tui.screen_walk import WALK, stand_still, still_store
from tests.tui.still_work import DOWNLOAD_WALK, TRAINING_WALK, StillWork, WorkWalk

Shot = Callable[[Pilot[Any], str], None]
W = TypeVar("W")

SIZES = [(80, 24), (120, 40), (200, 60)]
PICTURED = SIZES[:2]
NARROW = (60, 15)


@pytest.fixture(autouse=True)
def still_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No policy file, a working directory and a time zone that are always the same, and ages that do not grow."""
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "cwd", classmethod(lambda _cls: Path("/srv/work")))
    monkeypatch.setattr(version_board, "time", SimpleNamespace(time=lambda: FIRST_TIME / 1000 + 90_000))
    yield
    monkeypatch.undo()
    time.tzset()


def test_no_screen_is_left_out() -> None:
    """A new one belongs into the walk."""
    known: set[str] = set()
    for module in pkgutil.iter_modules(screens.__path__, f"{screens.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Screen) and value.__module__ == module.name:
                known.add(value.__name__)
    abstract = {"BaseScreen", "SearchedScreen", "Dialog", "Picker", "Marker", "RunList"} | {
        name for name in known if name.endswith("Mixin")
    }
    walked = {screen for walk in (WALK, TRAINING_WALK, DOWNLOAD_WALK) for _, screen in walk.values()}
    assert known - abstract - walked == {"TooSmallScreen"}, "which is none of a size that is large enough"


async def resized(pilot: Pilot[Any], size: tuple[int, int]) -> None:
    """Wait until everything is laid out for a size."""
    await pilot.resize_terminal(*size)
    await until(pilot, lambda: pilot.app.screen.size == size)
    await pilot.pause()


def sound(pilot: Pilot[Any], size: tuple[int, int], name: str) -> None:
    """Header, keys and what has the focus are all to be seen."""
    app, lines = pilot.app, text_of(pilot).splitlines()
    assert len(lines) == size[1]
    where = f"{name} at {size[0]}x{size[1]}:\n" + "\n".join(lines)
    if isinstance(app.screen, BaseScreen):
        assert app.screen.query_one(StoreHeader).crumbs[-1][:8] in lines[0], where
        assert "palette" in lines[-1], where
    if app.focused is not None:
        seen = app.focused.region.intersection(Region(0, 0, *size))
        assert seen.area > 0, where


async def walked(
    pilot: Pilot[Any], walk: Mapping[str, tuple[Callable[[Pilot[Any], W], Awaitable[None]], str]], world: W, shot: Shot
) -> None:
    """Picture each screen, make it larger, and small again."""
    for name, (go, screen) in walk.items():
        await go(pilot, world)
        assert type(pilot.app.screen).__name__ == screen, name
        for size in SIZES:
            await resized(pilot, size)
            stand_still(pilot)
            await pilot.pause()
            sound(pilot, size, name)
            if size in PICTURED:
                shot(pilot, f"{name}_{size[0]}x{size[1]}")
        await resized(pilot, SIZES[0])
        sound(pilot, SIZES[0], name)


@pytest.fixture
def shot(snapshot: SnapshotAssertion) -> Shot:
    """Compares the screen with its picture of that name."""
    pictures = snapshot.use_extension(SVGImageExtension)

    def compare(pilot: Pilot[Any], name: str) -> None:
        assert pictures(name=name) == pilot.app.export_screenshot()

    return compare


async def test_every_screen_at_every_size(shot: Shot) -> None:
    """One walk through all that only looks at the store."""
    store = still_store()
    async with app_on(store).run_test(size=SIZES[0]) as pilot:
        await walked(pilot, WALK, store, shot)


@pytest.mark.parametrize("walk", [TRAINING_WALK, DOWNLOAD_WALK], ids=["trainings", "downloads"])
async def test_the_screens_of_work_at_every_size(
    walk: WorkWalk, shot: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trainings and downloads, which stand still while they are pictured."""
    work = StillWork(still_store(), tmp_path, monkeypatch)
    async with work.app().run_test(size=SIZES[0]) as pilot:
        await walked(pilot, walk, work, shot)


async def test_a_terminal_that_is_too_small(shot: Shot) -> None:
    """It says so, until it is large enough again."""
    async with app_on(still_store()).run_test(size=NARROW) as pilot:
        await see(pilot, "The terminal is too small: 60x15.")
        assert type(pilot.app.screen).__name__ == "TooSmallScreen"
        shot(pilot, "too_small_60x15")
        await resized(pilot, SIZES[0])
        await see(pilot, "fraud-detector")
        sound(pilot, SIZES[0], "experiments")
