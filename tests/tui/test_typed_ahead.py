"""Keys that come in one burst, as they do on a slow line: each goes where it was meant for."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.pilot import Pilot

from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.widgets.expression_field import ExpressionField
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.jump_table import JumpTable
from tests.plugins.sample_store import SAMPLE, build_sample_gateway
from tests.plugins.screen_tools import app_on, see, until


def burst(pilot: Pilot[Any], text: str) -> None:
    """All keys before the app has looked at the first."""
    names = {"/": "slash", "_": "underscore", " ": "space", "<": "less_than_sign", ".": "full_stop"}
    for character in text:
        pilot.app.post_message(events.Key(names.get(character, character), character))


async def test_what_is_typed_right_behind_the_slash_is_the_filter() -> None:
    """And none of it is a key of the table: no verdicts, no sorting, no promotion."""
    app = app_on(build_sample_gateway())
    async with app.run_test(size=(100, 30)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen.query_one("RunTable").has_focus)
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        burst(pilot, "/metrics.val_loss < 9")
        field = screen.query_one(ExpressionField)
        await until(pilot, lambda: field.value == "metrics.val_loss < 9")
        assert app.screen is screen
        assert screen.sort == ()


async def test_a_search_on_any_other_screen_gets_what_was_typed_for_it() -> None:
    """The letters were sent to the table already when the slash moved the focus: they are handed on."""
    app = app_on(build_sample_gateway())
    async with app.run_test(size=(100, 30)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(RunScreen(SAMPLE["better"]))
        await see(pilot, "Params 6", "mlp-wide")
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.focused, JumpTable))
        screen = app.screen
        burst(pilot, "/drop")
        await until(pilot, lambda: any(field.value == "drop" for field in screen.query(Field)))
        assert app.screen is screen


async def test_keys_for_the_table_still_reach_it() -> None:
    app = app_on(build_sample_gateway())
    async with app.run_test(size=(100, 30)) as pilot:
        await see(pilot, "fraud-detector")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen.query_one("RunTable").has_focus)
        table = app.screen.query_one("RunTable")
        await until(pilot, lambda: len(table.runs) > 3)  # type: ignore[attr-defined]
        burst(pilot, "jjk")
        await until(pilot, lambda: table.cursor_row == 1)  # type: ignore[attr-defined]
