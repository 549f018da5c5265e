"""Into which file a chart goes: a name to change, and a question before anything is replaced."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Static

from mlaudit.domain.text import clean, format_size
from mlaudit.tui.chart_files import problem_with, write_chart
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.dialog import Dialog
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.metric_chart import ChartView, MetricChart

if TYPE_CHECKING:
    Host = BaseScreen
else:
    Host = object

EXPORT_KEY = Binding("o", "export", show=False, id="chart.export", tooltip="Write the chart to a CSV, SVG or PNG file")


class ExportDialog(Dialog[Path | None]):
    """Returns a path that can be written to, as far as one can tell; None when cancelled."""

    CSS = """
    ExportDialog { align: center middle; }
    ExportDialog #box { width: 76; max-width: 95%; height: auto; padding: 0 1; }
    ExportDialog #box { border: heavy $primary; background: $surface; }
    ExportDialog Static { height: auto; color: $text-muted; }
    ExportDialog #title { color: $foreground; text-style: bold; }
    ExportDialog #problem { color: $text-error; }
    """
    BINDINGS = [Binding("escape", "cancel", "Cancel", id="export.cancel", tooltip="Write nothing")]

    def __init__(self, default: str, points: int) -> None:
        super().__init__()
        self._default = default
        self._points = points

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static("Write the chart to a file", id="title", markup=False)
            yield Field(self._default, id="path", compact=True, select_on_focus=False)
            yield Static(id="problem", markup=False)
            yield Static(
                f".svg .png: what is seen   .csv: all {self._points:,} points, seen or not\n"
                f"in {clean(str(Path.cwd()))}   enter writes · esc cancels",
                markup=False,
            )

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#problem", Static).update("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        name = event.value.strip()
        try:
            path = Path(name).expanduser()
            problem = problem_with(path) if name else "a name is needed"
        except (OSError, RuntimeError, ValueError) as error:
            problem = str(error)
        if problem:
            self.query_one("#problem", Static).update(Text(clean(problem)))
        else:
            self.dismiss(path)

    def action_cancel(self) -> None:
        """Write nothing."""
        self.dismiss(None)


class ExportMixin(Host):
    """For a screen with one MetricChart."""

    async def all_points(self) -> ChartView | None:
        """What is drawn, with all points of every series; None where they cannot be had."""
        view = self.query_one(MetricChart).shown
        return view if all(s.total is None for s in view.series) else None

    @work(group="chart.export", exclusive=True)
    async def action_export(self) -> None:
        """Ask for a name and write the chart there."""
        chart = self.query_one(MetricChart)
        if not chart.series:
            self.app.notify("There is nothing to write: no curve is drawn.", severity="warning", markup=False)
            return
        view: ChartView | None = chart.shown
        assert view is not None
        points = sum(len(s.values) if s.total is None else s.total for s in view.series)
        chosen = await where_to(self.app, default_name(view), points)
        if chosen is None:
            return
        path, replace = chosen
        if path.suffix.lower() == ".csv":
            view = await self.all_points()
            if view is None:
                told = "Not written: a .csv has all points, and not all can be had. Chart fewer runs, or refresh."
                self.app.notify(told, severity="error", timeout=10, markup=False)
                return
        try:
            size = await asyncio.to_thread(write_chart, view, path, replace=replace)
        except (OSError, ImportError) as error:
            self.app.notify(f"Not written: {clean(error)}", severity="error", timeout=10, markup=False)
            return
        self.app.notify(f"Written: {clean(str(path))}, {format_size(size)}", timeout=5, markup=False)


async def where_to(app: App[Any], name: str, points: int) -> tuple[Path, bool] | None:
    """(path, whether to replace what is there) as the user wants it; None for nowhere. To be asked by a worker."""
    path = await app.push_screen_wait(ExportDialog(name, points))
    if path is None:
        return None
    replace = path.exists()
    if replace:
        lines = [f"{clean(str(path))} exists already.", f"It has {format_size(path.stat().st_size)}."]
        dialog = ConfirmDialog("Replace this file?", lines, confirm_label="Replace")
        if await app.push_screen_wait(dialog) is None:
            return None
    return path, replace


def default_name(view: ChartView) -> str:
    """The metric as a file's name."""
    return file_name(view.metric)


def file_name(text: str) -> str:
    """A text as an SVG file's name."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', text).strip('._') or 'chart'}.svg"
