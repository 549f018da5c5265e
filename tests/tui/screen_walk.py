"""A walk through every screen of the app, by its keys wherever there is one: for pictures, and for other sizes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input, TabbedContent

from mlaudit.config.policy import Policies
from mlaudit.domain.models import RunStatus
from mlaudit.domain.saved_view import SavedView
from mlaudit.domain.sorting import SortKey
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.compare import CompareScreen
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.model import ModelScreen
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from mlaudit.tui.widgets.metric_chart import MetricChart
from tests.plugins.fake_world import fake_surroundings
from tests.plugins.sample_store import MODEL, SAMPLE, build_sample_gateway
from tests.plugins.screen_tools import see, text_of, until

Step = Callable[[Pilot[Any], MemoryGateway], Awaitable[None]]


def still_store() -> MemoryGateway:
    """The sample store with nothing under way in it, and a promotion on record."""
    store = build_sample_gateway()
    running = store._stored(SAMPLE["running"])
    running.status, running.end_time = str(RunStatus.FINISHED), running.start_time + 60_000
    plan = plan_promotion(store, Policies(), PlanPromotion(SAMPLE["better"], MODEL, "Production"))
    numbers = iter(range(1, 100))
    world = replace(fake_surroundings(), token=lambda: f"{next(numbers):08x}")
    execute_promotion(store, Policies(), world, ExecutePromotion(plan, "it holds up", override=True))
    return store


async def _experiments(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await see(pilot, "fraud-detector", "experiments · ", "memory")


async def _runs(pilot: Pilot[Any], store: MemoryGateway) -> None:
    table: Any = pilot.app.screen.query_one("#experiments")
    names = [e.name for e in pilot.app.screen.experiments]  # type: ignore[attr-defined]
    table.move_cursor(row=names.index("fraud-detector"))
    await pilot.press("enter")
    await see(pilot, "mlp-wide", "◆ baseline")
    await until(pilot, lambda: not any(w in text_of(pilot) for w in ("judging", "loading")))


async def _columns(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("C")
    await see(pilot, "Columns of the table")


async def _filter(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "slash", *"metrics.val_")
    await see(pilot, "val_roc_auc", "tab or ↓ chooses")


async def _group_by(pilot: Pilot[Any], store: MemoryGateway) -> None:
    while isinstance(pilot.app.focused, Input):
        await pilot.press("escape")
    await pilot.press("b")
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "GroupByScreen")


async def _export_runs(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "o")
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "RunExportDialog")


async def _views_name(pilot: Pilot[Any], store: MemoryGateway) -> None:
    saved = pilot.app.screen_stack[-2]._saved_views  # type: ignore[attr-defined]
    saved.save("default", SavedView())
    order = (SortKey("metrics.val_loss", False),)
    saved.save("losses, best first", SavedView("metrics.val_loss < 0.5", order, curves=("val_loss",)))
    await pilot.press("escape", "w")
    await see(pilot, "Saved views of these runs", "losses, best first")
    await pilot.press("s")
    await see(pilot, "enter keeps the name", "to be saved: all runs")


async def _views(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "j")
    await see(pilot, "s saves as shown", "losses, best first: metrics.val_loss")


async def _help(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "question_mark")
    await see(pilot, "Keys: fraud-detector", "this screen")


async def _run(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape")
    await pilot.app.push_screen(RunScreen(SAMPLE["better"]))
    await see(pilot, "Overview", "mlp-wide", "Registered versions")


def _pane(number: int, *texts: str) -> Step:
    async def go(pilot: Pilot[Any], store: MemoryGateway) -> None:
        await pilot.press(str(number))
        panes = ("overview", "metrics", "params", "tags", "artifacts")
        await until(pilot, lambda: pilot.app.screen.query_one(TabbedContent).active == panes[number - 1])
        await see(pilot, *texts)

    return go


async def _preview(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("G", "k")
    await until(pilot, lambda: pilot.app.screen.query_one(ArtifactTree).path == "confusion_matrix.json")
    await pilot.press("enter")
    await see(pilot, "9700")


async def _diff(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(pilot.app.focused, ArtifactTree))
    await pilot.press("escape")
    await pilot.app.push_screen(DiffScreen(SAMPLE["worse"]))
    await see(pilot, "REGRESSION", "hidden_size")
    chart = pilot.app.screen.query_one(MetricChart)
    await until(pilot, lambda: len(chart.series) == 2 and len(chart.series[0].values) and len(chart.series[1].values))


async def _promotion(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("p")
    await see(pilot, "To confirm, type: fraud-detector", "Cancel")


async def _compare(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "escape")
    runs = [store.get_run(SAMPLE[n]) for n in ("production", "better", "diverged", "worse", "markup")]
    await pilot.app.push_screen(CompareScreen(runs))
    await see(pilot, "5 runs:", "★ best")


async def _parallel(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("v")
    await see(pilot, "5 runs over")
    await pilot.press("down", "right")


async def _scatter(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "S")
    await see(pilot, "metrics.val_loss over")
    await pilot.press("g")


async def _pick(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("X")
    await see(pilot, "What is the x axis?")


async def _chart(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "escape", "escape")
    runs = tuple(store.get_run(SAMPLE[n]) for n in ("production", "better", "diverged", "markup"))
    await pilot.app.push_screen(ChartScreen(runs))
    await see(pilot, "mlp-wide")
    await until(pilot, lambda: all(len(s.values) for s in pilot.app.screen.query_one(MetricChart).series))
    await pilot.press("right", "right")


async def _export(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("o")
    await see(pilot, "Write the chart to a file")


async def _grid(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "v")
    await see(pilot, "metrics 1 to")
    await until(
        pilot,
        lambda: all(c.series and all(len(s.values) for s in c.series) for c in pilot.app.screen.query(MetricChart)),
    )
    await until(pilot, lambda: isinstance(pilot.app.focused, MetricChart))


async def _models(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "escape", "m")
    await see(pilot, "fraud-detector", "experiments › fraud-detector › models")
    await until(pilot, lambda: "reading" not in text_of(pilot))


async def _model(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.app.push_screen(ModelScreen(MODEL, "4"))
    await see(pilot, "v4", "version 4 in Production", "it holds up")


async def _alias(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("a")
    await see(pilot, "Alias for version 4")


async def _history(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "H")
    await see(pilot, "promotion", "it holds up")


async def _record(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("g", "enter")
    await see(pilot, "its hash is right")


async def _log(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "escape", "escape", "escape", "ctrl+l")
    await see(pilot, "This session keeps no log")


async def _notices(pilot: Pilot[Any], store: MemoryGateway) -> None:
    await pilot.press("escape", "ctrl+n")
    await see(pilot, "notifications")


WALK: dict[str, tuple[Step, str]] = {
    "experiments": (_experiments, "ExperimentsScreen"),
    "runs": (_runs, "RunsScreen"),
    "columns": (_columns, "ColumnsScreen"),
    "filter": (_filter, "RunsScreen"),
    "group_by": (_group_by, "GroupByScreen"),
    "export_runs": (_export_runs, "RunExportDialog"),
    "views_name": (_views_name, "ViewsScreen"),
    "views": (_views, "ViewsScreen"),
    "help": (_help, "HelpScreen"),
    "run": (_run, "RunScreen"),
    "run_metrics": (_pane(2, "val_loss"), "RunScreen"),
    "run_params": (_pane(3, "hidden_size"), "RunScreen"),
    "run_artifacts": (_pane(5, "model"), "RunScreen"),
    "run_preview": (_preview, "RunScreen"),
    "diff": (_diff, "DiffScreen"),
    "promotion": (_promotion, "ConfirmDialog"),
    "compare": (_compare, "CompareScreen"),
    "parallel": (_parallel, "ParallelScreen"),
    "scatter": (_scatter, "ScatterScreen"),
    "pick": (_pick, "PickScreen"),
    "chart": (_chart, "ChartScreen"),
    "export": (_export, "ExportDialog"),
    "grid": (_grid, "ChartGridScreen"),
    "models": (_models, "ModelsScreen"),
    "model": (_model, "ModelScreen"),
    "alias": (_alias, "AliasDialog"),
    "history": (_history, "HistoryScreen"),
    "record": (_record, "RecordScreen"),
    "log": (_log, "LogScreen"),
    "notifications": (_notices, "NoticesScreen"),
}
"""Name -> (how to get there from the one before, the screen's class)."""


def stand_still(pilot: Pilot[Any]) -> None:
    """Let no cursor blink."""
    for line in pilot.app.screen.query(Input):
        line.cursor_blink = False
