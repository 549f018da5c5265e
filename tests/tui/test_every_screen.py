"""Every screen at every size: pictures at 80x24 and 120x40, and nothing lost while the terminal changes.

``pytest --snapshot-update`` takes the pictures anew, after a look at what changed.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
from tests.tui.training_bench import TrainingBench, open_form, queue, train

SIZES = [(80, 24), (120, 40), (200, 60)]
PICTURED = SIZES[:2]
ELSEWHERE = {
    "TooSmallScreen": "test_shell.py",
    "TrainFormScreen": "test_train_form.py",
    "TrainingScreen": "test_training_screen.py",
    "TrainingsScreen": "test_training_queue.py",
    "LaunchesScreen": "test_again.py",
    "ViewsScreen": "test_runs_views.py",
    "DownloadDialog": "test_download_screen.py",
}
"""Screens whose looks depend on processes, paths or the clock, and what looks at them; no picture is taken of them."""


@pytest.fixture(autouse=True)
def still_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No policy file, a working directory that is always the same, and ages that do not grow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "cwd", classmethod(lambda _cls: Path("/srv/work")))
    monkeypatch.setattr(version_board, "time", SimpleNamespace(time=lambda: FIRST_TIME / 1000 + 90_000))


def test_no_screen_is_left_out() -> None:
    """A new one belongs into the walk."""
    known: set[str] = set()
    for module in pkgutil.iter_modules(screens.__path__, f"{screens.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Screen) and value.__module__ == module.name:
                known.add(value.__name__)
    abstract = {"BaseScreen", "RunList"} | {name for name in known if name.endswith("Mixin")}
    walked = {screen for _, screen in WALK.values()}
    assert known - abstract - walked - ELSEWHERE.keys() == set()
    assert all((Path(__file__).parent / file).exists() for file in ELSEWHERE.values())


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


async def through_sizes(pilot: Pilot[Any], name: str) -> None:
    """Larger, and small again."""
    for size in (*SIZES, SIZES[0]):
        await resized(pilot, size)
        sound(pilot, size, name)


async def test_the_screens_of_trainings_at_every_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pictures: they show processes, paths and the time."""
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    bench = TrainingBench(tmp_path, still_store())
    try:
        async with bench.app().run_test(size=SIZES[0]) as pilot:
            await see(pilot, "fraud-detector")
            await train(pilot, "slow")
            await through_sizes(pilot, "training")
            await queue(pilot, "slow", epochs="12")
            await see(pilot, "1 training is running, 1 waits")
            await through_sizes(pilot, "trainings")
            await open_form(pilot)
            await through_sizes(pilot, "train_form")
            await pilot.press("ctrl+o")
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "LaunchesScreen")
            await through_sizes(pilot, "launches")
    finally:
        bench.close()


async def test_every_screen_at_every_size(snapshot: SnapshotAssertion) -> None:
    """One walk: each screen is pictured, made larger, and made small again."""
    pictures = snapshot.use_extension(SVGImageExtension)
    store = still_store()
    app = app_on(store)
    async with app.run_test(size=SIZES[0]) as pilot:
        for name, (go, screen) in WALK.items():
            await go(pilot, store)
            assert type(app.screen).__name__ == screen, name
            for size in SIZES:
                await resized(pilot, size)
                stand_still(pilot)
                await pilot.pause()
                sound(pilot, size, name)
                if size in PICTURED:
                    assert pictures(name=f"{name}_{size[0]}x{size[1]}") == app.export_screenshot()
            await resized(pilot, SIZES[0])
            sound(pilot, SIZES[0], name)
