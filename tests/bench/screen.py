"""How fast the screen is, beside the libraries it does without: ``python -m tests.bench.screen``.

All in one run. What happens inside this process is measured in its CPU time, of several rounds the median, so that a
busy machine changes little; the first paint is the wall time of processes of its own. A library that is not installed
is left out and said: ``pip install textual-plot textual-plotext`` into an environment of its own. Those take minutes.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from textual.app import App, ComposeResult
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import DataTable

from mlaudit.domain.models import Run
from mlaudit.domain.smoothing import smoothed
from mlaudit.tui.widgets.metric_chart import MetricChart, Series
from mlaudit.tui.widgets.run_table import RunTable

SIZE = (160, 45)
RUNS, POINTS = 20, 100_000
ROWS, COLUMNS = 2_000, 30
ROUNDS = 7


class Host(App[None]):
    """One widget that fills the screen."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def milliseconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median CPU time of a call, after one that does not count; of one round that one itself."""
    taken = []
    for _ in range(rounds + 1 if rounds > 1 else 1):
        start = time.process_time()
        work()
        taken.append((time.process_time() - start) * 1000)
    return statistics.median(taken[1:] or taken)


def line(what: str, value: float, unit: str, ours: float | None = None, goal: float | None = None) -> None:
    """One result; ``ours`` makes the ratio, ``goal`` the verdict."""
    ratio = f"{value / ours:8.1f} x ours" if ours else ""
    said = "" if goal is None else f"  goal {goal:g} {unit}: {'met' if value <= goal else 'MISSED'}"
    print(f"  {what:<44}{value:10.1f} {unit:<3}{ratio}{said}", flush=True)


def histories() -> list[tuple[Any, Any]]:
    """(steps, values) of RUNS random walks with a few NaN."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(RUNS):
        values = rng.normal(size=POINTS).cumsum()
        values[:: POINTS // 50] = np.nan
        found.append((np.arange(POINTS), values))
    return found


async def charts() -> None:
    """A whole redraw: the same data, as if it had just arrived."""
    print(f"chart redraw, {RUNS} runs x {POINTS:,} points at {SIZE[0]}x{SIZE[1]}")
    data = histories()
    chart = MetricChart()
    series = [Series(f"run {i}", steps, values) for i, (steps, values) in enumerate(data)]
    async with Host(chart).run_test(size=SIZE) as pilot:
        await pilot.pause()
        chart.plot("loss", series)

        def redraw() -> None:
            chart._forget_drawing()
            for y in range(chart.size.height):
                chart.render_line(y)

        def arrived() -> None:
            chart.plot("loss", [Series(s.label, s.steps[:], s.values[:]) for s in series])
            redraw()

        def highlight() -> None:
            chart.action_highlight(1)
            for y in range(chart.size.height):
                chart.render_line(y)

        ours = milliseconds(redraw)
        line("MetricChart", ours, "ms", goal=80)
        line("MetricChart, another run highlighted", milliseconds(highlight), "ms", goal=80)
        line("MetricChart, new data (cleaning as well)", milliseconds(arrived), "ms")
        chart.action_zoom(1)
        line("MetricChart, zoomed in once", milliseconds(redraw), "ms", goal=80)
        chart.action_zoom_reset()
        start = time.process_time()
        chart.weight = 0.9
        redraw()
        line("MetricChart, smoothed, the first time", (time.process_time() - start) * 1000, "ms")
        line("MetricChart, smoothed", milliseconds(redraw), "ms")
        single = chart.prepared[0].curve
        line(f"  of which smoothing {POINTS:,} points", milliseconds(lambda: smoothed(single, 0.9)), "ms")
    await textual_plot(data, ours)
    await textual_plotext(data, ours)


async def textual_plot(data: list[tuple[Any, Any]], ours: float) -> None:
    """The same curves in textual-plot."""
    try:
        from textual_plot import PlotWidget  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        print("  textual-plot is not installed: left out")
        return
    plot = PlotWidget()
    async with Host(plot).run_test(size=SIZE) as pilot:
        await pilot.pause()

        def redraw() -> None:
            plot.clear()
            for steps, values in data:
                plot.plot(steps, values)
            getattr(plot, "_render_plot", plot.refresh)()

        line("textual-plot (drops NaN, joins over the gap)", milliseconds(redraw, 1), "ms", ours)


async def textual_plotext(data: list[tuple[Any, Any]], ours: float) -> None:
    """The same curves in textual-plotext."""
    try:
        from textual_plotext import PlotextPlot  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        print("  textual-plotext is not installed: left out")
        return
    plot = PlotextPlot()
    async with Host(plot).run_test(size=SIZE) as pilot:
        await pilot.pause()

        def redraw() -> None:
            plot.plt.clear_data()
            for steps, values in data:
                plot.plt.plot(steps.tolist(), values.tolist())
            plot.plt.plotsize(*SIZE)
            plot.plt.build()

        line("textual-plotext", milliseconds(redraw, 1), "ms", ours)


def runs() -> list[Run]:
    """ROWS runs with COLUMNS metrics."""
    rng = np.random.default_rng(0)
    return [
        Run(
            f"{i:032x}",
            "1",
            f"run {i}",
            "FINISHED",
            start_time=1_700_000_000_000 + i,
            metrics={f"metric_{c:02}": float(v) for c, v in enumerate(rng.normal(size=COLUMNS))},
        )
        for i in range(ROWS)
    ]


def written(widget: Widget) -> tuple[float, int]:
    """(ms, bytes) of painting the whole widget as a terminal gets it."""
    start = time.process_time()
    strips: Iterable[Strip] = widget.render_lines(widget.size.region)
    text = "\n".join(strip.render(widget.app.console) for strip in strips)
    return (time.process_time() - start) * 1000, len(text.encode())


async def page_down(widget: Widget, fill: Callable[[], None], page: Callable[[], object]) -> tuple[float, float, int]:
    """(ms to fill, ms a page, bytes a page)."""
    async with Host(widget).run_test(size=SIZE) as pilot:
        await pilot.pause()
        start = time.process_time()
        fill()
        await pilot.pause()
        filled = (time.process_time() - start) * 1000
        taken, sizes = [], []
        for _ in range(ROUNDS):
            start = time.process_time()
            page()
            moved = (time.process_time() - start) * 1000
            spent, size = written(widget)
            taken.append(moved + spent)
            sizes.append(size)
            await pilot.pause()
        return filled, statistics.median(taken), int(statistics.median(sizes))


async def tables() -> None:
    """A page of the runs table, painted whole."""
    print(f"page-down in a table of {ROWS:,} runs x {COLUMNS + 2} columns at {SIZE[0]}x{SIZE[1]}")
    known = runs()
    columns = ("run_name", "status", *(f"metrics.{k}" for k in known[0].metrics))
    ours = RunTable()
    filled, taken, size = await page_down(ours, lambda: ours.show(known, columns), lambda: ours.action_page(1))
    line("RunTable", taken, "ms", goal=20)
    line("RunTable, written", size / 1000, "kB", goal=20)
    line("RunTable, filled", filled, "ms")
    table: DataTable[str] = DataTable(cursor_type="row")

    def fill() -> None:
        table.add_columns("name", "status", *known[0].metrics)
        table.add_rows([run.name, run.status, *(f"{v:.5g}" for v in run.metrics.values())] for run in known)

    other_filled, other, other_size = await page_down(table, fill, table.action_page_down)
    line("DataTable", other, "ms", taken)
    line("DataTable, written", other_size / 1000, "kB", size / 1000)
    line("DataTable, filled", other_filled, "ms", filled)


_EMPTY = """
import time; began = time.perf_counter()
from textual.app import App
class Empty(App):
    def on_ready(self): print((time.perf_counter() - began) * 1000); self.exit()
Empty().run(headless=True, size=(160, 45))
"""
_OURS = """
import time; began = time.perf_counter()
from mlaudit.config.settings import Settings
from mlaudit.tui.app import MlauditApp
class Nobody:
    async def start(self): pass
    async def close(self): pass
    async def ask(self, request, **_): import asyncio; await asyncio.sleep(60)
class Timed(MlauditApp):
    def on_ready(self): print((time.perf_counter() - began) * 1000); self.exit()
Timed(Nobody(), Settings()).run(headless=True, size=(160, 45))
"""


def first_paint() -> None:
    """From the first import to the first paint, each in processes of its own, one after the other in turn."""
    print("first paint, imports included")
    taken: dict[str, list[float]] = {_EMPTY: [], _OURS: []}
    for _ in range(5):
        for code, found in taken.items():
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            found.append(float(done.stdout.split()[-1]))
    empty, ours = (statistics.median(found) for found in taken.values())
    line("an empty Textual app", empty, "ms")
    line("mlaudit", ours, "ms", goal=None)
    print(f"  ratio {ours / empty:.2f}  goal 1.5: {'met' if ours <= 1.5 * empty else 'MISSED'}")


async def _all() -> None:
    await charts()
    await tables()


if __name__ == "__main__":
    asyncio.run(_all())
    first_paint()
