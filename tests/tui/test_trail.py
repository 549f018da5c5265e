"""Back, forward, and the way to a screen in its header."""

from __future__ import annotations

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.widgets.store_header import StoreHeader
from tests.plugins.screen_tools import app_on, see, to_first_run, until


async def test_forward_returns_to_what_was_left_as_it_was(sample_gateway: MemoryGateway) -> None:
    """Several screens far, with the cursor where it stood, and the header tells the way."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("greater_than_sign")
        assert isinstance(app.screen, ExperimentsScreen)
        await pilot.press("a")
        await see(pilot, "mlp-base", "experiments › 3 experiments")
        await pilot.press("j", "j")
        runs = app.screen
        assert isinstance(runs, RunsScreen)
        name = runs.table.current.name if runs.table.current else ""
        await pilot.press("enter")
        await see(pilot, f"experiments › 3 experiments › run {name}")
        await pilot.press("3")
        await pilot.press("alt+left", "less_than_sign")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        await pilot.press("less_than_sign")
        assert isinstance(app.screen, ExperimentsScreen)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: app.screen is runs)
        assert runs.table.cursor_row == 2
        await pilot.press("alt+right")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await see(pilot, f"experiments › 3 experiments › run {name}")
        assert isinstance(app.screen, RunScreen)
        assert app.screen.pane == "params"
        await pilot.press("alt+right")
        assert isinstance(app.screen, RunScreen)


async def test_opening_something_new_forgets_what_lay_ahead(sample_gateway: MemoryGateway) -> None:
    """And what is forgotten is taken apart."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await to_first_run(pilot)
        left = app.screen
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert left.is_mounted
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen))
        await until(pilot, lambda: not left.is_attached)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen))


async def test_a_line_that_is_typed_keeps_its_keys(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("a")
        await see(pilot, "mlp-base")
        await pilot.press("slash", *"metrics.val_loss < 1")
        await see(pilot, "metrics.val_loss < 1")
        assert isinstance(app.screen, RunsScreen)


async def test_the_way_and_the_store_share_a_narrow_header(sample_gateway: MemoryGateway) -> None:
    app = app_on(sample_gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await to_first_run(pilot)
        await pilot.press("d")
        await see(pilot, "› diff · memory")
        assert app.screen.query_one(StoreHeader).render().plain.startswith(" … › ")


async def test_the_palette_goes_both_ways(sample_gateway: MemoryGateway) -> None:
    """It offers only the way that there is, and is no stop on it itself."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("ctrl+p", *"back to the screen")
        await see(pilot, "No matches found")
        await pilot.press("escape", "a")
        await see(pilot, "mlp-base")
        runs = app.screen
        await pilot.press("ctrl+p", *"forward again")
        await see(pilot, "No matches found")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is runs)
        await pilot.press("ctrl+p", *"back to the screen")
        await see(pilot, "Go back to the screen before")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        await pilot.press("ctrl+p", *"forward again")
        await see(pilot, "Forward again to the screen that was left")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is runs)


async def test_a_name_in_the_header_leads_there_by_mouse(sample_gateway: MemoryGateway) -> None:
    """And the way forward is kept."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("a")
        await see(pilot, "mlp-base")
        runs = app.screen
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.run)
        await pilot.press("d")
        await see(pilot, "› diff")
        line = app.screen.query_one(StoreHeader).render().plain
        await pilot.click(StoreHeader, offset=(line.index("3 experiments") + 2, 0))
        await until(pilot, lambda: app.screen is runs)
        await pilot.click(StoreHeader, offset=(3, 0))
        await until(pilot, lambda: isinstance(app.screen, ExperimentsScreen))
        for wanted in (RunsScreen, RunScreen, DiffScreen):
            await pilot.press("greater_than_sign")
            await until(pilot, lambda wanted=wanted: isinstance(app.screen, wanted))
