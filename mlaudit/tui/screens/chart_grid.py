"""All metrics of some runs as small charts, a page at a time; enter enlarges one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.containers import Grid
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from mlaudit.domain.scales import XUnit, YScale
from mlaudit.tui.chart_curves import ChartCurves
from mlaudit.tui.histories import is_live
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.chart_paint import color_of
from mlaudit.tui.widgets.metric_chart import MetricChart
from mlaudit.tui.widgets.plot import LETTERS

CELL = (38, 9)
"""Columns and rows that a small chart has at least."""
LIVE_SECONDS = 4.0
"""How often runs that go on are asked for what is on the page."""


class SmallChart(MetricChart, inherit_bindings=False):
    """A chart to look at and to choose."""

    HELP_NAME = "small chart"
    DEFAULT_CSS = """
    SmallChart { height: 1fr; width: 1fr; min-height: 6; border-left: blank; }
    SmallChart:focus { border-left: thick $accent; }
    """
    BINDINGS = [
        Binding("enter", "enlarge", "Enlarge", id="grid.enlarge", tooltip="This metric alone, large"),
    ]

    class Chosen(Message):
        """One is to be enlarged."""

        def __init__(self, metric: str) -> None:
            super().__init__()
            self.metric = metric

    def action_enlarge(self) -> None:
        """This metric alone."""
        self.post_message(self.Chosen(self.metric))

    def on_click(self, event: object) -> None:
        """A second click enlarges."""
        if getattr(event, "chain", 1) == 2:
            self.action_enlarge()


class ChartGridScreen(BaseScreen):
    """Small charts of the metrics that the chart screen lists."""

    TITLE = "charts"
    CSS = """
    ChartGridScreen #grid { height: 1fr; width: 1fr; }
    ChartGridScreen #who, ChartGridScreen #where { height: 1; padding: 0 1; }
    ChartGridScreen #where { color: $text-muted; }
    """
    BINDINGS = [
        Binding("left,h", "go(-1, 0)", show=False, id="grid.left", tooltip="The chart on the left"),
        Binding("right,l", "go(1, 0)", show=False, id="grid.right", tooltip="The chart on the right"),
        Binding("up,k", "go(0, -1)", show=False, id="grid.up", tooltip="The chart above"),
        Binding("down,j", "go(0, 1)", show=False, id="grid.down", tooltip="The chart below"),
        Binding("pagedown", "page(1)", "Page", key_display="pgdn", id="grid.next", tooltip="The next metrics"),
        Binding("pageup", "page(-1)", show=False, id="grid.previous", tooltip="The metrics before"),
        Binding("g,home", "end(0)", show=False, id="grid.first", tooltip="The first metric"),
        Binding("G,end", "end(-1)", show=False, id="grid.last", tooltip="The last metric"),
        Binding("L", "cycle('scale')", show=False, id="grid.scale", tooltip="Space all y axes otherwise: log, symlog"),
        Binding("X", "cycle('unit')", show=False, id="grid.unit", tooltip="Count all x axes otherwise"),
        Binding("E", "cycle('smoothing')", show=False, id="grid.smooth", tooltip="Smooth all curves more and more"),
        Binding("r", "reload", show=False, id="grid.refresh", tooltip="Ask the store again"),
        Binding("v", "back", show=False, id="grid.leave", tooltip="Back to the large chart"),
    ]

    def __init__(
        self,
        curves: ChartCurves,
        keys: Sequence[str],
        key: str | None,
        chosen: Callable[[str], None],
        look: tuple[YScale, XUnit, float] = (YScale.LINEAR, XUnit.STEP, 0.0),
    ) -> None:
        """``chosen`` is told the metric to enlarge; ``look`` is (scale, unit, weight) as on the large chart."""
        super().__init__()
        self._curves = curves
        self._keys = tuple(keys)
        self._at = self._keys.index(key) if key in self._keys else 0
        self._chosen = chosen
        self._look = look
        self._shape = (0, 0)

    def compose_body(self) -> Iterable[Widget]:
        yield Grid(id="grid")
        yield Static(id="who", markup=False)
        yield Static(id="where", markup=False)

    def on_mount(self) -> None:
        self.set_interval(LIVE_SECONDS, self._tick)

    async def on_resize(self) -> None:
        """As many as fit."""
        width, height = self.size
        columns, rows = max(1, width // CELL[0]), max(1, (height - 4) // CELL[1])
        columns = min(columns, max(1, len(self._keys)))
        shape = columns, min(rows, max(1, -(-len(self._keys) // columns)))
        if shape != self._shape:
            self._shape = shape
            await self._lay_out()

    @property
    def _page(self) -> tuple[int, int]:
        """The indices, from and up to, of the metrics on the page."""
        size = self._shape[0] * self._shape[1]
        start = self._at // size * size
        return start, min(start + size, len(self._keys))

    async def _lay_out(self) -> None:
        """Put the page's charts into the grid."""
        grid = self.query_one(Grid)
        start, end = self._page
        charts = []
        for _ in range(start, end):
            chart = SmallChart(legend=False)
            chart.scale, chart.unit, chart.weight = self._look
            charts.append(chart)
        async with self.batch():
            await grid.remove_children()
            grid.styles.grid_size_columns, grid.styles.grid_size_rows = self._shape
            await grid.mount_all(charts)
        self._draw()
        self._choose()
        self._load()

    def _choose(self) -> None:
        """Put the focus on the chart of the current metric."""
        charts = list(self.query(SmallChart))
        place = self._at - self._page[0]
        if 0 <= place < len(charts):
            charts[place].focus()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        start, end = self._page
        curves, runs = self._curves, self._curves.drawn_runs
        for key, chart in zip(self._keys[start:end], self.query(SmallChart), strict=False):
            waiting = curves.histories.waiting(runs, key)
            errors = curves.histories.errors(runs, key)
            message = f"loading {len(runs) - waiting} of {len(runs)}" if waiting else errors[0] if errors else ""
            chart.plot(
                key,
                curves.series(key),
                message=message,
                direction=curves.direction(key),
                zero=curves.subtracting,
                steps_only=curves.steps_only,
            )
        self._say()

    def _say(self) -> None:
        start, end = self._page
        series = self._curves.series(self._keys[start]) if self._keys else ()
        dark = self.app.current_theme.dark
        who = Text(no_wrap=True, overflow="ellipsis")
        for index, one in enumerate(series):
            letter = LETTERS[index % len(LETTERS)] if len(series) > 1 else "━"
            who.append(f"{letter} ", style=color_of(index, one.color, dark=dark)).append(f"{one.label}   ")
        self.query_one("#who", Static).update(who)
        size = self._shape[0] * self._shape[1]
        pages = f" · page {start // size + 1} of {-(-len(self._keys) // size)}" if len(self._keys) > size else ""
        said = f"metrics {start + 1} to {end} of {len(self._keys)}{pages}" if self._keys else "no metrics"
        live = sum(map(is_live, self._curves.runs))
        more = f" · {live} RUNNING, asked every {LIVE_SECONDS:g} s" if live else ""
        self.query_one("#where", Static).update(
            Text(f"{said}{more}  ·  L scale  X axis  E smooth", no_wrap=True, overflow="ellipsis")
        )

    # The curves

    @work(exclusive=True, group="grid.histories")
    async def _load(self, fresh: bool = False) -> None:
        start, end = self._page
        for key in self._keys[start:end]:
            await self._curves.load(key, lambda: None, fresh=fresh)
            if self._look[2]:
                # Only all points can be averaged.
                await self._curves.histories.complete(self._curves.drawn_runs, key, lambda: None)
            self._draw()

    def action_reload(self) -> None:
        """Ask the store again; what is drawn stays until the answers are there."""
        self._load(fresh=True)

    def _tick(self) -> None:
        if self.is_current and any(map(is_live, self._curves.runs)) and not self.is_at_work("grid.histories"):
            self._poll()

    @work(exclusive=True, group="grid.histories")
    async def _poll(self) -> None:
        start, end = self._page
        live = [run for run in self._curves.runs if is_live(run)]
        for key in self._keys[start:end]:
            await self._curves.histories.load(live, key, lambda: None, fresh=True)
            await self._curves.load(key, lambda: None)
            self._draw()

    # Going about

    async def _move_to(self, index: int) -> None:
        before = self._page
        self._at = min(max(0, index), max(0, len(self._keys) - 1))
        if self._page != before:
            await self._lay_out()
        else:
            self._choose()

    async def action_go(self, right: int, down: int) -> None:
        """The next chart in that direction; over the edge of the page to the next one."""
        target = self._at + right + down * self._shape[0]
        if 0 <= target < len(self._keys):
            await self._move_to(target)

    async def action_page(self, direction: int) -> None:
        """A page further."""
        await self._move_to(self._at + direction * self._shape[0] * self._shape[1])

    async def action_end(self, index: int) -> None:
        """The first or the last metric."""
        await self._move_to(index % max(1, len(self._keys)))

    def action_cycle(self, what: str) -> None:
        """Draw all charts otherwise."""
        for chart in self.query(SmallChart):
            getattr(chart, f"action_cycle_{what}")()
            self._look = chart.scale, chart.unit, chart.weight
        if what == "smoothing":
            self._load()

    @on(SmallChart.Chosen)
    def _enlarge(self, event: SmallChart.Chosen) -> None:
        # Not awaited: this handler must end before its screen can.
        self.app.pop_screen()
        self._chosen(event.metric)
