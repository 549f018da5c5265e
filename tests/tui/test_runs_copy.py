"""Copying from the table of runs: the whole value goes to the clipboard, whatever the cell had room for."""

from __future__ import annotations

import pytest

from mlaudit.gateway.memory import MemoryGateway
from tests.plugins.screen_tools import runs_of, see, told, until


def store() -> MemoryGateway:
    """One run whose values are longer than a cell shows."""
    gateway = MemoryGateway()
    experiment = gateway.add_experiment("fraud-detector")
    gateway.add_run(
        experiment,
        name="[/x] one",
        metrics={"loss": 0.12345678901234566, "odd": float("nan")},
        params={"note": "0123456789" * 5},
        model=False,
    )
    return gateway


async def test_a_value_is_copied_whole_under_its_name() -> None:
    """All digits of a metric, all of a long param; the notification names the column."""
    async with runs_of(store(), notifications=True, size=(160, 45)) as (pilot, screen):
        table = screen.table
        await pilot.press(*["right"] * table.columns.index("metrics.loss"))
        await see(pilot, "0.12346")
        await pilot.press("Y")
        assert pilot.app.clipboard == "0.12345678901234566"
        await until(pilot, lambda: "Copied loss: 0.12345678901234566" in told(pilot))
        table.cursor_column = table.columns.index("params.note")
        await pilot.press("Y")
        assert pilot.app.clipboard == "0123456789" * 5
        table.cursor_column = table.columns.index("metrics.odd")
        await pilot.press("Y")
        assert pilot.app.clipboard == "NaN"
        table.cursor_column = table.columns.index("start_time")
        await pilot.press("Y")
        assert pilot.app.clipboard.startswith("20")
        assert pilot.app.clipboard.endswith("Z")


async def test_nothing_is_not_copied_and_that_is_said() -> None:
    """What was on the clipboard before stays there."""
    async with runs_of(store(), notifications=True) as (pilot, screen):
        await pilot.press("y")
        before = pilot.app.clipboard
        screen.table.set_columns(("run_name", "tags.none"))
        await pilot.press("right", "Y")
        await until(pilot, lambda: "[/x] one has no none: nothing is copied" in told(pilot))
        assert pilot.app.clipboard == before


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_a_row_is_copied_under_the_names_of_its_columns(size: tuple[int, int]) -> None:
    """All columns that the table has, also those that are scrolled away."""
    async with runs_of(store(), notifications=True, size=size) as (pilot, screen):
        await pilot.press("ctrl+y")
        header, row, end = pilot.app.clipboard.split("\n")
        assert end == ""
        values = dict(zip(header.split("\t"), row.split("\t"), strict=True))
        assert tuple(values) == screen.table.columns
        assert values["run_name"] == "[/x] one"
        assert values["metrics.loss"] == "0.12345678901234566"
        assert values["params.note"] == "0123456789" * 5
        await until(pilot, lambda: "Copied: the row of [/x] one: " in told(pilot))
