"""What was told in a corner can be read again."""

from __future__ import annotations

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.notices import MOST, NoticesScreen
from tests.plugins.screen_tools import app_on, see, text_of, until


async def test_notifications_are_kept_searched_and_copied(sample_gateway: MemoryGateway) -> None:
    """Newest first, with hostile text made visible, and one that comes meanwhile is there at once."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("ctrl+n")
        await see(pilot, "none so far", "experiments › notifications")
        await pilot.press("ctrl+n", "escape")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        app.notify("an early word", timeout=0.01, markup=False)
        app.notify("gone \x1b[2J wrong", severity="error", timeout=0.01, markup=False)
        await pilot.press("ctrl+n")
        await see(pilot, "2 notifications since", "an early word", "gone ␛[2J wrong  (told on: experiments)")
        app.notify("a late word", timeout=0.01, markup=False)
        await see(pilot, "3 notifications since", "a late word")
        assert text_of(pilot).index("a late word") < text_of(pilot).index("an early word")
        await pilot.press("slash", *"EARLY", "enter")
        await see(pilot, "1 with this in it")
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == "an early word")
        await pilot.press("escape")
        assert isinstance(app.screen, NoticesScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))


async def test_only_so_many_are_kept(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        for number in range(MOST + 3):
            app.notify(f"word {number}", timeout=0.01, markup=False)
        assert len(app.notices) == MOST
        assert app.notices[0].text == "word 3"
        await pilot.press("ctrl+n")
        await see(pilot, f"the last {MOST} notifications")


async def test_the_cursor_stays_on_its_notification_when_another_comes(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "fraud-detector")
        app.notify("the first", timeout=0.01, markup=False)
        app.notify("the second", timeout=0.01, markup=False)
        await pilot.press("ctrl+n", "j")
        screen = app.screen
        assert isinstance(screen, NoticesScreen)
        await until(pilot, lambda: screen.current is not None and screen.current.text == "the first")
        app.notify("the third", timeout=0.01, markup=False)
        await see(pilot, "3 notifications since")
        assert screen.current is not None
        assert screen.current.text == "the first"
