"""The metrics of a run on its screen: what each came to, asked for when it is seen; the search over a pane's rows."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.metrics import MetricSummaries, SummarizeMetrics
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.jump_table import JumpTable
from mlaudit.tui.widgets.search_field import SearchField
from tests.plugins.screen_tools import Handle, app_on, see, text_of, until

METRICS: Mapping[str, list[float]] = {
    "val_loss": [0.9, 0.2, 0.3],
    "val_auc": [0.6, 0.9, 0.9],
    "val_speed": [5.0, 7.0, 6.0],
    "broken": [math.nan, math.inf],
    "system/cpu": [10.0, 99.5, 20.0],
}
POLICY = """\
schema = 1
[[model.speedy.metric]]
name = "val_speed"
role = "primary"
direction = "lower"
max_rel_regression = 0.1
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a policy."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@asynccontextmanager
async def metrics_of(
    metrics: Mapping[str, Any] = METRICS,
    *,
    size: tuple[int, int] = (80, 24),
    around: Callable[[Handle], Handle] | None = None,
    store: MemoryGateway | None = None,
) -> AsyncIterator[tuple[Pilot[Any], RunScreen]]:
    """The metrics pane of a run with these metrics, a version of the model ``speedy``."""
    store = store or MemoryGateway()
    params = {"lr": "0.1", "optimizer": "adamw", "[/x]": "odd"}
    run_id = store.add_run(store.add_experiment("exp"), params=params, metrics=dict(metrics))
    store.add_version("speedy", run_id)
    app = app_on(store, around=around)
    async with app.run_test(size=size) as pilot:
        await see(pilot, "exp")
        app.show_run(run_id)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await see(pilot, "Metrics")
        await pilot.press("2")
        yield pilot, screen


def row(pilot: Pilot[Any], key: str) -> list[str]:
    """The words of a metric's row."""
    return next(line.split() for line in text_of(pilot).splitlines() if line.split()[:1] == [key])


async def test_what_each_came_to(here: Path) -> None:
    """Of equal values the first; what is no number counts and is nothing more."""
    (here / "mlaudit.toml").write_text(POLICY)
    async with metrics_of() as (pilot, _):
        await see(pilot, "0.9")
        await until(pilot, lambda: "…" not in row(pilot, "val_loss"))
        assert row(pilot, "val_loss") == ["val_loss", "0.3", "↓", "0.2", "1", "0.2", "0.9", "3"]
        assert row(pilot, "val_auc") == ["val_auc", "0.9", "↑", "0.9", "1", "0.6", "0.9", "3"]
        assert row(pilot, "val_speed") == ["val_speed", "6", "↓", "5", "0", "5", "7", "3"]
        assert row(pilot, "broken") == ["broken", "inf", "—", "—", "—", "—", "2", "(2", "bad)"]
        await see(pilot, "2 of them NaN or infinite", "which way is better is not known, so there is no best: neither")
        await pilot.press("j")
        await see(pilot, "higher is better (by its name)", "min 0.6 at step 0, max 0.9 at step 1, 3 points")
        await pilot.press("G")
        await see(pilot, "lower is better (mlaudit.toml for speedy)")


async def test_a_broken_policy_hides_no_figures(here: Path) -> None:
    (here / "mlaudit.toml").write_text("[[model")
    async with metrics_of() as (pilot, _):
        await until(pilot, lambda: "val_loss" in text_of(pilot) and "…" not in row(pilot, "val_loss"))
        assert row(pilot, "val_loss") == ["val_loss", "0.3", "—", "—", "0.2", "0.9", "3"]
        await see(pilot, "this is not TOML")


async def test_the_machines_metrics_are_apart() -> None:
    """In a pane of their own, which there is only where there are any; nobody says which way they get better."""
    async with metrics_of() as (pilot, screen):
        await see(pilot, "Metrics 4", "System 1")
        assert "system/cpu" not in text_of(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "99.5" in text_of(pilot))
        assert row(pilot, "system/cpu") == ["system/cpu", "20", "10", "99.5", "3"]
        assert "better" not in text_of(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChartScreen))
    async with metrics_of({"a": [1.0]}) as (pilot, screen):
        await see(pilot, "Metrics 1")
        assert "System" not in text_of(pilot)
        await pilot.press("6")
        assert screen.pane == "metrics"
        await pilot.press("5", "tab")
        await until(pilot, lambda: screen.pane == "overview")


async def test_a_store_that_must_read_histories_is_asked_piece_by_piece() -> None:
    """From the row under the cursor on; what is not there yet is a sign of its own, and no key waits for it."""
    asked: list[tuple[str, ...]] = []

    def around(handle: Handle) -> Handle:
        def answer(request: Any) -> Any:
            if not isinstance(request, SummarizeMetrics):
                return handle(request)
            asked.append(request.keys)
            found = handle(request)
            return MetricSummaries({key: found.by_key[key] for key in request.keys[:1]})

        return answer

    async with metrics_of(around=around) as (pilot, _):
        await until(pilot, lambda: "val_loss" in text_of(pilot) and "…" not in row(pilot, "val_speed"))
        await until(pilot, lambda: len(asked) == 4)
        assert [len(keys) for keys in asked] == [4, 3, 2, 1]
        assert asked[0][0] == "broken"


async def test_a_store_that_fails_is_told_and_asked_again() -> None:
    store = MemoryGateway()
    store.fail = lambda method: StoreUnavailable("memory", "no route") if method == "metric_summaries" else None
    async with metrics_of(store=store) as (pilot, _):
        await see(pilot, "min, max and count are not known: memory: no route")
        assert row(pilot, "val_loss")[1:3] == ["0.3", "?"]
        store.fail = lambda _: None
        await pilot.press("r")
        await until(pilot, lambda: "?" not in row(pilot, "val_loss") and "…" not in row(pilot, "val_loss"))


async def test_copying_gives_all_digits() -> None:
    async with metrics_of({"a": [0.12345678901234567]}) as (pilot, _):
        await see(pilot, "0.1234568")
        await pilot.press("y")
        assert pilot.app.clipboard == repr(0.12345678901234567)


async def test_a_column_that_is_too_narrow_grows() -> None:
    async with metrics_of({"a": [-1.23456e-100, -1.5e300, 0.0]}) as (pilot, _):
        await see(pilot, "-1.5000e+300", "0")
        assert "…" not in row(pilot, "a")


class TestSearch:
    @pytest.mark.parametrize(("pane", "typed", "left", "gone"), [
        ("2", "LOSS", "val_loss", "val_auc"),
        ("3", "adam", "optimizer", "lr"),
        ("3", "[/x]", "[/x]", "lr"),
    ])  # fmt: skip
    async def test_names_and_the_values_of_params(self, pane: str, typed: str, left: str, gone: str) -> None:
        """What is typed right after the key belongs to the search; escape shows everything again, then goes back."""
        async with metrics_of() as (pilot, screen):
            await pilot.press(pane)
            await see(pilot, left, gone)
            await pilot.press("slash", *typed)
            await until(pilot, lambda: screen._table is not None and len(screen._table.listed) == 1)
            assert screen._row is not None
            assert screen._row[0] == left
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(screen.focused, JumpTable))
            await pilot.press("escape")
            await see(pilot, left, gone)
            assert not any(field.display for field in screen.query(SearchField))
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is not screen)

    async def test_nothing_found_is_told(self) -> None:
        async with metrics_of() as (pilot, _):
            await pilot.press("slash", "z", "z")
            await see(pilot, "None of the 4 metrics has 'zz' in it.")

    async def test_there_is_nothing_to_search_on_the_overview(self) -> None:
        async with metrics_of() as (pilot, screen):
            await pilot.press("1")
            await until(pilot, lambda: "slash" not in screen.active_bindings)
