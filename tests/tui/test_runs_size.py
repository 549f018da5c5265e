"""Lists of many runs: what is done for each page, each verdict and each key does not grow with them."""

import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget

from mlaudit.domain.models import Experiment, Run, RunPage
from mlaudit.domain.triage import JudgedRun
from mlaudit.domain.verdict import Outcome
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.requests import Request
from mlaudit.services.runs import PAGE_SIZE, SearchRuns
from mlaudit.services.triage import JudgeRuns
from mlaudit.tui import pauses as pauses_module
from mlaudit.tui.pauses import Pauses
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.tui.widgets.run_preview import RunPreview
from mlaudit.tui.widgets.run_table import RunTable
from mlaudit.tui.widgets.verdict_tally import VerdictTally
from tests.plugins.screen_tools import Handle, app_on, see, text_of, until

PAGES = 6
COUNT = PAGES * PAGE_SIZE
EXPERIMENT = Experiment("1", "many", "many")


def run(n: int) -> Run:
    return Run(
        f"{n:032x}", "1", f"run-{n}", "FINISHED", start_time=n, metrics={"val_loss": n / 7}, params={"seed": str(n)}
    )


class Store:
    """Answers with pages of runs when it is let, and with verdicts; notes what it was asked."""

    def __init__(self) -> None:
        self.allowed = 1
        self.judged: list[int] = []

    def around(self, handle: Handle) -> Handle:
        def answer(request: Request[Any]) -> Any:
            if isinstance(request, SearchRuns):
                start = int(request.page_token or 0)
                end = start + PAGE_SIZE
                return RunPage(tuple(map(run, range(start, end))), str(end) if end < COUNT else None)
            if isinstance(request, JudgeRuns):
                self.judged.append(len(request.run_ids))
                return tuple(JudgedRun(i, problem="no registered model has this run") for i in request.run_ids)
            return handle(request)

        return answer


async def show(pilot: Pilot[Any]) -> RunTable:
    screen = RunsScreen([EXPERIMENT])
    await pilot.app.push_screen(screen)
    await see(pilot, "run-0")
    return screen.table


async def test_a_key_paints_two_rows_and_no_table(
    sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[tuple[Region, ...]] = []
    refresh = RunTable.refresh

    def noting(self: RunTable, *regions: Region, **options: Any) -> Any:
        painted.append(regions)
        return refresh(self, *regions, **options)

    async with app_on(sample_gateway, around=Store().around).run_test(size=(140, 30)) as pilot:
        table = await show(pilot)
        await until(pilot, lambda: len(table.judged) == len(table.runs))
        monkeypatch.setattr(RunTable, "refresh", noting)
        table.action_row(1)
        assert [[r.height for r in regions] for regions in painted] == [[1], [1]]
        laid_out: list[str] = []
        refresh_any = Widget.refresh

        def noting_layout(self: Widget, *regions: Region, layout: bool = False, **options: Any) -> Any:
            laid_out.extend([f"{type(self).__name__} {self.id}"] if layout else [])
            return refresh_any(self, *regions, layout=layout, **options)

        monkeypatch.setattr(Widget, "refresh", noting_layout)
        await until(pilot, lambda: "run-1" in str(table.screen.query_one(RunPreview).query_one("Static").render()))
        assert laid_out == []


async def test_pages_below_what_is_seen_paint_nothing(
    sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app_on(sample_gateway, around=Store().around).run_test(size=(140, 30)) as pilot:
        table = await show(pilot)
        await until(pilot, lambda: len(table.judged) == len(table.runs))
        painted: list[object] = []
        monkeypatch.setattr(table, "refresh", lambda *regions, **_: painted.append(regions))
        table.append([run(n) for n in range(5_000, 5_200)], table.columns)
        assert painted == []
        monkeypatch.undo()
        # The scrollbar is told soon, and whoever goes there finds them at once.
        table.cursor_row = len(table.rows) - 1
        await until(pilot, lambda: "run-5199" in text_of(pilot))


async def test_who_moves_away_while_all_are_fetched_is_left_alone(sample_gateway: MemoryGateway) -> None:
    """``G`` goes on to the last run, page after page, until another key says otherwise."""
    async with app_on(sample_gateway, around=Store().around).run_test(size=(140, 30)) as pilot:
        table = await show(pilot)
        await pilot.press("G")
        await until(pilot, lambda: len(table.runs) == COUNT)
        assert table.cursor_row == COUNT - 1
        table.screen.load()  # type: ignore[attr-defined]
        await until(pilot, lambda: len(table.runs) == PAGE_SIZE)
        table.action_edge(-1)
        table.action_row(-100)
        place = table.cursor_row
        await until(pilot, lambda: len(table.runs) == COUNT)
        assert table.cursor_row == place
        await see(pilot, f"{COUNT:,} runs")


async def test_every_run_is_judged_in_the_end_and_each_once(sample_gateway: MemoryGateway) -> None:
    store = Store()
    async with app_on(sample_gateway, around=store.around).run_test(size=(140, 30)) as pilot:
        table = await show(pilot)
        await pilot.press("G")
        await until(pilot, lambda: len(table.judged) == COUNT)
        await see(pilot, "no verdicts: no registered model has this run")
        assert "verdict" not in table.columns
        assert sum(store.judged) <= COUNT + 2 * PAGE_SIZE


def test_the_tally_counts_what_is_added_changed_and_taken_away() -> None:
    tally = VerdictTally()
    good = JudgedRun("a", Outcome.PASS, "better", baseline_run_id="z")
    bad = JudgedRun("b", problem="its model cannot be told")
    tally.add(good)
    tally.add(bad)
    tally.add(replace(bad, run_id="c"))
    assert (len(tally), tally.without, tally.with_baseline, tally.problem) == (3, 2, 1, "its model cannot be told")
    assert tally["c"].problem is tally["b"].problem
    tally.add(replace(good, run_id="b"))
    tally.discard("c")
    tally.discard("never")
    assert (dict(tally).keys(), tally.without, tally.with_baseline) == ({"a", "b"}, 0, 2)
    tally.clear()
    assert (len(tally), tally.without, tally.with_baseline, tally.problem) == (0, 0, 0, "")


@pytest.fixture
def collector() -> Iterator[None]:
    """The collector as it was."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collector")
def test_the_collector_waits_for_a_quiet_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(pauses_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(pauses_module.gc, "get_count", lambda: (0, 0, pauses_module.WORTH))
    pauses = Pauses()
    assert gc.get_threshold()[2] > 100_000
    pauses.input()
    now[0] += pauses_module.IDLE_SECONDS / 2
    assert not pauses.look()
    now[0] += pauses_module.IDLE_SECONDS
    assert pauses.look()
    monkeypatch.setattr(pauses_module.gc, "get_count", lambda: (0, 0, 0))
    assert not pauses.look()
