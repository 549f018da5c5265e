"""What every screen has: help, palette, log, going back, and the word that the terminal is too small."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandList, CommandPalette
from textual.widgets import Input

from mlaudit.config.settings import Settings
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.experiments import ListExperiments
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.help import HelpScreen
from mlaudit.tui.screens.log import LogScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.screens.too_small import TooSmallScreen
from mlaudit.wiring import Services
from mlaudit.worker.backend import ThreadBackend
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import app_on, see, text_of, to_first_run, until


async def test_enter_goes_in_and_escape_comes_back(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("escape")
        assert isinstance(app.screen, ExperimentsScreen)
        app.screen.query_one("#experiments").move_cursor(row=_row(app, "fraud-detector"))  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await see(pilot, "mlp-base")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))


def _row(app: MlauditApp, name: str) -> int:
    assert isinstance(app.screen, ExperimentsScreen)
    return [e.name for e in app.screen.experiments].index(name)


async def test_help_lists_the_keys_of_the_screen_below(sample_gateway: MemoryGateway) -> None:
    """With what each does; and it closes with the key that opened it."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 60)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("a")
        await see(pilot, "mlp-base")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await see(pilot, "in the table of runs", "this screen", "everywhere", "Type a search_runs expression")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_the_palette_offers_what_is_possible_here(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway, read_only=True)
    async with app.run_test(size=(120, 60)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(DiffScreen(SAMPLE["better"]))
        await see(pilot, "PASS")
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await until(pilot, lambda: app.screen.query_one(CommandList).option_count > 3)
        listed = text_of(pilot)
        assert "The curves of both runs" in listed
        assert "Promote" not in listed
        app.screen.query_one(Input).value = "chart"
        await see(pilot, "Chart")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: type(app.screen).__name__ == "ChartScreen")


async def test_the_log_shows_the_end_of_its_file(sample_gateway: MemoryGateway, tmp_path: Path) -> None:
    """Escape bytes in it are made visible."""
    log = tmp_path / "worker.log"
    log.write_bytes(b"first\n" + b"x" * 300_000 + b"\n\x1b[31mred\nlast line\n")
    settings = Settings()
    services = Services(settings, open_gateway=lambda: sample_gateway)
    app = MlauditApp(ThreadBackend(services.handle), settings, log_path=str(log))
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("ctrl+l")
        await until(pilot, lambda: isinstance(app.screen, LogScreen))
        await see(pilot, "last line", "␛[31mred", "its last 200 kB")
        log.unlink()
        await pilot.press("r")
        await see(pilot, "cannot be read")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))


async def test_too_small_a_terminal_is_told_over_any_screen(sample_gateway: MemoryGateway) -> None:
    """The screens below go on, and the notice goes away when the terminal grows."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("a")
        await see(pilot, "mlp-base")
        await pilot.resize_terminal(60, 20)
        await see(pilot, "too small: 60x20", "needs 80x24")
        await pilot.press("d", "enter", "question_mark")
        await pilot.resize_terminal(100, 30)
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert not any(isinstance(s, TooSmallScreen) for s in app.screen_stack)
        await see(pilot, "mlp-base")


async def test_the_palette_opens_once_and_not_in_too_small_a_terminal(sample_gateway: MemoryGateway) -> None:
    """Nor a second time below what came over it."""
    app = app_on(sample_gateway)

    def palettes() -> int:
        return sum(isinstance(s, CommandPalette) for s in app.screen_stack)

    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("ctrl+p")
        await until(pilot, lambda: palettes() == 1)
        await pilot.resize_terminal(60, 20)
        await see(pilot, "too small: 60x20")
        await pilot.press("ctrl+p")
        assert palettes() == 1
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press("escape")
        await until(pilot, lambda: palettes() == 0)
        await pilot.resize_terminal(60, 20)
        await see(pilot, "too small: 60x20")
        await pilot.press("ctrl+p")
        assert palettes() == 0


async def test_a_small_terminal_can_be_quit() -> None:
    app = app_on(MemoryGateway())
    async with app.run_test(size=(40, 10)) as pilot:
        await see(pilot, "too small: 40x10")
        await pilot.press("q")
    assert app.return_value == 0


async def test_an_empty_store_says_what_to_do() -> None:
    app = app_on(MemoryGateway())
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "This store has no experiments", "mlaudit demo")
        await pilot.press("enter", "a", "space", "j", "G")
        assert isinstance(app.screen, ExperimentsScreen)


async def test_experiments_are_read_again(sample_gateway: MemoryGateway) -> None:
    asked: list[object] = []

    def around(handle):  # type: ignore[no-untyped-def]
        def answer(request):  # type: ignore[no-untyped-def]
            asked.append(type(request))
            return handle(request)

        return answer

    app = app_on(sample_gateway, around=around)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        sample_gateway.add_experiment("brand new")
        await pilot.press("r")
        await see(pilot, "brand new", "4 experiments")
    assert asked.count(ListExperiments) == 2


async def test_the_users_own_keys_and_colours_hold(sample_gateway: MemoryGateway) -> None:
    """An action that there is not, and a theme that there is not, are told."""
    settings = Settings(
        theme="no-such-theme", keys={"app.help": "f1", "runs.nothing": "x"}, problems=("config.toml: slow is ignored",)
    )
    services = Services(settings, open_gateway=lambda: sample_gateway)
    app = MlauditApp(ThreadBackend(services.handle), settings)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("question_mark")
        assert isinstance(app.screen, ExperimentsScreen)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        told = [n.message for n in app._notifications]
        assert any("there is no theme 'no-such-theme'" in m for m in told)
        assert any("slow is ignored" in m for m in told)
        assert any("there is no action runs.nothing" in m for m in told)


@pytest.mark.parametrize("name", ["train", "trainings"])
async def test_an_experiment_may_be_called_like_a_screen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runs have the same keys as those of any other."""
    monkeypatch.setattr(MlauditApp, "_any_training", True)
    store = MemoryGateway()
    experiment = store.add_experiment(name)
    store.add_run(experiment, name="one", model=False)
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, name)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen._loaded)
        assert app.check_action("train", ())
        assert app.check_action("trainings", ())


async def test_a_screen_begins_once(sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual calls on_mount of every base class by itself."""
    begun: list[str] = []
    original = BaseScreen.on_mount

    def counted(self: BaseScreen) -> None:
        begun.append(type(self).__name__)
        original(self)

    monkeypatch.setattr(BaseScreen, "on_mount", counted)
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await to_first_run(pilot)
    assert begun == ["ExperimentsScreen", "RunsScreen", "RunScreen"]
