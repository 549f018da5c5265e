"""Pinned columns stay in place beside the name while the others scroll."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens.columns import ColumnsScreen
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.widgets.run_cells import PIN
from mlaudit.tui.widgets.run_table import RunTable
from tests.plugins.screen_tools import runs_of, see, text_of, told, until


def store() -> MemoryGateway:
    """Three runs with twelve metrics and a long param."""
    gateway = MemoryGateway()
    experiment = gateway.add_experiment("fraud-detector")
    for n in range(3):
        gateway.add_run(
            experiment,
            name=f"run-{n}",
            metrics={f"metric_{c:02}": c + n / 8 for c in range(12)},
            params={"a_long_param": "x" * 40, "seed": str(n)},
            model=False,
        )
    return gateway


async def pin(pilot: Pilot[Any], screen: RunsScreen, column: str) -> None:
    """Put the cursor there and press the key."""
    screen.table.cursor_column = screen.table.columns.index(column)
    await pilot.press("f")


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_a_pinned_column_stays_while_others_scroll(size: tuple[int, int]) -> None:
    """Beside the name, with a mark over it, its values in the rows; unpinned it goes back to its place."""
    async with runs_of(store(), size=size) as (pilot, screen):
        before = screen.table.columns
        await pin(pilot, screen, "metrics.metric_07")
        assert screen.table.columns[:2] == ("run_name", "metrics.metric_07")
        assert screen.table.column == "metrics.metric_07"
        await pilot.press(*["right"] * len(before))
        assert screen.table.scroll_offset.x > 0
        await see(pilot, f"{PIN} metrics", "metric_07", "7.125", screen.table.columns[-1].partition(".")[2])
        assert "status" not in text_of(pilot).split("run-2")[0]
        await pin(pilot, screen, "metrics.metric_07")
        assert screen.table.columns == before
        assert PIN not in text_of(pilot)


async def test_pins_outlive_loading_and_are_marked_among_the_columns() -> None:
    async with runs_of(store()) as (pilot, screen):
        await pin(pilot, screen, "params.seed")
        await pin(pilot, screen, "metrics.metric_03")
        await pilot.press("r")
        await until(pilot, lambda: not screen._loading)
        assert screen.table.columns[:3] == ("run_name", "params.seed", "metrics.metric_03")
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, ColumnsScreen))
        await see(pilot, f"● params.seed  {PIN} pinned", f"● metrics.metric_03  {PIN} pinned")
        await pilot.press("escape")


async def test_the_name_stays_anyway() -> None:
    async with runs_of(store(), notifications=True) as (pilot, screen):
        await pilot.press("f")
        await until(pilot, lambda: "first column always stays" in told(pilot))
        assert screen.table.pinned == frozenset()


async def test_pinned_columns_never_fill_the_screen() -> None:
    """At 80 columns what is too much is refused and said, and the cursor's column can still be read."""
    async with runs_of(store(), size=(80, 24), notifications=True) as (pilot, screen):
        await pin(pilot, screen, "params.a_long_param")
        await pin(pilot, screen, "metrics.metric_01")
        await until(pilot, lambda: "no room to keep metric_01 in place" in told(pilot))
        assert screen.table.columns[:3] == ("run_name", "params.a_long_param", "status")
        await pilot.press("end", *["right"] * len(screen.table.columns))
        await see(pilot, "seed", "x" * 27 + "…")


async def test_a_narrower_terminal_lets_them_scroll_again_and_says_so() -> None:
    async with runs_of(store(), size=(120, 40)) as (pilot, screen):
        for column in ("params.a_long_param", "metrics.metric_01", "metrics.metric_02"):
            await pin(pilot, screen, column)
        assert screen.table.pins_without_room == 0
        await pilot.resize_terminal(80, 24)
        await see(pilot, "no room to keep 2 pinned columns in place")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "no room" not in text_of(pilot))


async def test_the_title_of_a_pinned_column_can_be_clicked() -> None:
    """It is that column's, and the first scrolling one's is still its own."""
    async with runs_of(store(), size=(120, 40)) as (pilot, screen):
        await pin(pilot, screen, "metrics.metric_05")
        line = screen.query_one(RunTable).render_line(1).text
        await pilot.click(RunTable, offset=(line.index("metric_05") + 2, 1))
        await until(pilot, lambda: [key.column for key in screen.sort] == ["metrics.metric_05"])
        screen.table.cursor_column = 0
        await until(pilot, lambda: not screen._loading and not screen.is_at_work("runs.judge"))
        await until(pilot, lambda: "status" in screen.query_one(RunTable).render_line(1).text)
        line = screen.query_one(RunTable).render_line(1).text
        await pilot.click(RunTable, offset=(line.index("status") + 2, 1))
        await until(pilot, lambda: [key.column for key in screen.sort] == ["status"])
