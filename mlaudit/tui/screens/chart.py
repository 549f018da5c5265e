"""The curves of one metric of several runs, and the list of metrics to choose from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_number
from mlaudit.services.runs import GetRunDetails
from mlaudit.tui.chart_curves import ChartCurves
from mlaudit.tui.histories import first_metric, is_live, metric_keys
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.chart_options import OPTION_KEYS, ChartOptionsMixin
from mlaudit.tui.screens.export import EXPORT_KEY, ExportMixin
from mlaudit.tui.widgets.chart_keys import view_keys
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.metric_chart import ChartView, MetricChart
from mlaudit.tui.widgets.pick_list import PickList

LIVE_SECONDS = 2.0
"""How often a run that still goes on is asked for; doubled for each answer that brings nothing new."""
LIVE_SLOWEST = 30.0
HINT = "v grid  L scale  X axis  E smooth  +- zoom  M means  P Production  o export  D difference"
"""What the status line says when there is nothing else to say."""
SETTLE_SECONDS = 0.08
"""How long a metric must stay highlighted before it is asked for, so that holding a key down asks for the last one."""


class MetricList(PickList):
    """The metrics to choose from. The arrows that have no use in a list move the chart's cursor."""

    HELP_NAME = "list of metrics"

    BINDINGS = [
        Binding("left", "screen.read(-1)", "Read", key_display="←→", id="chart.read_left", tooltip="Read further left"),
        Binding("right", "screen.read(1)", show=False, id="chart.read_right", tooltip="Read further right"),
    ]


class ChartBody(Horizontal):
    """The list of metrics beside the chart; the chart takes what is left."""

    def compose(self) -> ComposeResult:
        with Vertical(id="metrics"):
            yield Field(placeholder="/ search metrics", id="search", compact=True)
            yield MetricList(id="keys", markup=False, compact=True)
        yield MetricChart(id="chart")


class ChartScreen(ExportMixin, ChartOptionsMixin, BaseScreen):
    """Curves of the runs that were marked; j and k go through their metrics."""

    TITLE = "chart"
    CSS_PATH = "chart.tcss"
    AUTO_FOCUS = "#keys"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-normal")]
    BINDINGS = [
        Binding(
            "slash",
            "search",
            "Search",
            key_display="/",
            # Before the keys that are typed right after it.
            priority=True,
            id="chart.search",
            tooltip="Search the metrics by name",
        ),
        Binding("v", "grid", show=False, id="chart.grid", tooltip="All metrics as small charts"),
        Binding("r", "reload", show=False, id="chart.refresh", tooltip="Ask the store again"),
        Binding("j", "move(1)", show=False, id="chart.next_metric", tooltip="The next metric"),
        Binding("k", "move(-1)", show=False, id="chart.previous_metric", tooltip="The metric before"),
        Binding("g", "edge(0)", show=False, id="chart.first_metric", tooltip="The first metric"),
        Binding("G", "edge(-1)", show=False, id="chart.last_metric", tooltip="The last metric"),
        *view_keys(from_screen=True),
        *OPTION_KEYS,
        EXPORT_KEY,
    ]

    def __init__(self, runs: tuple[Run, ...], key: str | None = None) -> None:
        """``key`` is the metric to begin with; None: a validation loss, if there is one."""
        super().__init__()
        self.curves = ChartCurves(self.ask, runs)
        keys = metric_keys(self.curves.runs)
        self._key = key or first_metric(keys)
        self._listed: tuple[str, ...] = ()
        self._poll_error = ""
        self._pause = LIVE_SECONDS
        self._next_poll = 0.0

    def compose_body(self) -> Iterable[Widget]:
        yield ChartBody()
        yield Static(id="status", markup=False)

    def on_mount(self) -> None:
        self._list_metrics()
        self.set_interval(LIVE_SECONDS / 2, self._tick)
        self.call_after_refresh(self._show)
        self.find_policy()
        for look in ("view", "cursor", "weight"):
            self.watch(self.query_one(MetricChart), look, self._looked, init=False)

    def on_resize(self) -> None:
        """The names in the list are fitted to its width."""
        self.call_after_refresh(self._list_metrics)

    # The list

    def _list_metrics(self) -> None:
        """Fill the list with what the search lets through; the metric on show stays highlighted."""
        wanted = self.query_one("#search", Input).value.strip().lower()
        known = metric_keys(self.curves.runs)
        if self._key is not None and self._key not in known:
            known = (self._key, *known)
        self._listed = tuple(k for k in known if wanted in k.lower())
        rows = self.query_one("#keys", OptionList)
        room = max(8, rows.size.width - 3)
        with self.prevent(OptionList.OptionHighlighted):
            rows.clear_options()
            rows.add_options([Option(self._line(key, room)) for key in self._listed])
            if self._key in self._listed:
                rows.highlighted = self._listed.index(self._key)
        self._say()

    def _line(self, key: str, room: int) -> Text:
        """The metric's name, how many runs have it where not all do, and its last value where there is room."""
        having = [run for run in self.curves.runs if key in run.metrics]
        count = f" {len(having)}/{len(self.curves.runs)}" if len(having) < len(self.curves.runs) else ""
        value = format_number(having[0].metrics[key]) if having else ""
        if room - cell_len(count) - cell_len(value) - 1 < min(cell_len(key), 20):
            value = ""
        tail = f"{count} {value:>8}" if value else count
        return Text.assemble(fit(key, max(1, room - cell_len(tail)), pad=True), (tail, "dim"), no_wrap=True)

    def action_search(self) -> None:
        """Go to the search field, at once: what is typed next is meant for it."""
        self.set_focus(self.query_one("#search", Input))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field owns its keys."""
        if action == "search" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    @on(Input.Changed, "#search")
    def _searched(self) -> None:
        self._list_metrics()

    @on(Input.Submitted, "#search")
    def _search_done(self) -> None:
        rows = self.query_one("#keys", OptionList)
        rows.focus()
        if self._listed and self._key not in self._listed:
            rows.highlighted = 0

    async def action_back(self) -> None:
        """Out of the search field first, then off the screen."""
        search = self.query_one("#search", Input)
        if self.focused is search or search.value:
            search.value = ""
            self.query_one("#keys", OptionList).focus()
        else:
            await super().action_back()

    @on(OptionList.OptionHighlighted, "#keys")
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_index < len(self._listed) and self._listed[event.option_index] != self._key:
            self._key = self._listed[event.option_index]
            self._pause = LIVE_SECONDS
            self._show()

    @on(OptionList.OptionSelected, "#keys")
    def _selected(self) -> None:
        self.query_one(MetricChart).focus()

    def action_move(self, direction: int) -> None:
        """The next metric of the list, or the one before."""
        rows = self.query_one("#keys", OptionList)
        if direction > 0:
            rows.action_cursor_down()
        else:
            rows.action_cursor_up()

    def action_edge(self, index: int) -> None:
        """The first or the last metric of the list."""
        rows = self.query_one("#keys", OptionList)
        if rows.option_count:
            rows.highlighted = index % rows.option_count

    def action_read(self, direction: int) -> None:
        """Move the chart's cursor while the list has the focus."""
        self.query_one(MetricChart).action_cursor(direction)

    def action_grid(self) -> None:
        """All metrics that are listed, as small charts."""
        from mlaudit.tui.screens.chart_grid import ChartGridScreen

        chart = self.query_one(MetricChart)
        look = chart.scale, chart.unit, chart.weight
        self.app.push_screen(ChartGridScreen(self.curves, self._listed, self._key, self._enlarge, look))

    def _enlarge(self, key: str) -> None:
        """Show the metric that was chosen among the small charts."""
        if key in self._listed:
            self.query_one("#keys", OptionList).highlighted = self._listed.index(key)

    def action_on_chart(self, name: str, *parameters: int) -> None:
        """Change how the chart is drawn while the list has the focus."""
        getattr(self.query_one(MetricChart), f"action_{name}")(*parameters)

    # The curves

    def action_reload(self) -> None:
        """Ask the store again for what is on show; what is drawn stays until the answer is there."""
        self._pause = LIVE_SECONDS
        self._load(self._key, fresh=True)

    def _show(self) -> None:
        self._draw()
        if self._key is not None:
            self._load(self._key)

    @work(exclusive=True, group="chart.histories")
    async def _load(self, key: str | None, fresh: bool = False) -> None:
        if key is None:
            return
        if not fresh and not self.curves.histories.settled(self.curves.drawn_runs, key):
            await asyncio.sleep(SETTLE_SECONDS)
        await self.curves.load(key, self._draw, fresh=fresh)
        if self._looks_close:
            await self.curves.histories.complete(self.curves.drawn_runs, key, self._draw)
        self._next_poll = time.monotonic() + self._pause
        self._draw()

    @property
    def _looks_close(self) -> bool:
        """Whether the extremes of each stretch are not enough: a part is seen, a point is read, or all are averaged."""
        chart = self.query_one(MetricChart)
        return chart.view is not None or chart.cursor is not None or chart.weight > 0

    def _looked(self) -> None:
        """The view, the cursor or the smoothing has changed."""
        histories, runs, key = self.curves.histories, self.curves.drawn_runs, self._key
        if key is None or not self._looks_close or histories.waiting(runs, key) or histories.completing(runs, key):
            return
        if histories.incomplete(runs, key):
            self._load(key)

    async def all_points(self) -> ChartView | None:
        """See :meth:`~mlaudit.tui.screens.export.ExportMixin.all_points`."""
        key, runs, histories = self._key, self.curves.drawn_runs, self.curves.histories
        if key is not None:
            await histories.complete(runs, key, self._draw)
            self._draw()
        return await super().all_points()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        chart, curves, key = self.query_one(MetricChart), self.curves, self._key
        if key is None:
            chart.plot("", (), message="these runs logged no metrics" if curves.runs else "no runs were chosen")
        else:
            message = self._loading() or ("there is no other run to subtract" if curves.subtracting else "")
            chart.plot(
                key,
                curves.series(key),
                message=message,
                direction=curves.direction(key),
                zero=curves.subtracting,
                steps_only=curves.steps_only,
            )
        self._say()

    def _loading(self) -> str:
        runs, histories = self.curves.drawn_runs, self.curves.histories
        if self._key is None:
            return ""
        if waiting := histories.waiting(runs, self._key):
            return f"loading {len(runs) - waiting} of {len(runs)}"
        if histories.completing(runs, self._key):
            return "loading all points"
        # Asked for in a moment: that there is nothing cannot be said yet.
        asked = histories.settled(runs, self._key) or histories.errors(runs, self._key)
        return "" if asked else f"loading 0 of {len(runs)}"

    def _say(self) -> None:
        """One line on what is under way, what went wrong and what is not shown."""
        curves, key = self.curves, self._key
        said = [words for words in (self._loading(), *self.option_words()) if words]
        if key is not None:
            errors = curves.histories.errors(curves.drawn_runs, key)
            if errors:
                said.append(
                    f"{len(errors)} of {len(curves.drawn_runs)} runs gave no answer ({errors[0]}); r tries again"
                )
        if self._poll_error and not said:
            said.append(f"not refreshed: {self._poll_error}")
        live = sum(map(is_live, curves.runs))
        if live:
            said.append(f"{live} RUNNING, asked every {self._pause:g} s")
        drawn = len(curves.drawn_runs) - (curves.extra is not None)
        if drawn < curves.given:
            said.append(f"the first {drawn} of {curves.given} runs are drawn")
        if key is not None and curves.direction(key) is None:
            said.append("which way it gets better is not known")
        if not self._listed and self.query_one("#search", Input).value:
            said.append("no metric has this in its name")
        # The keys are more than a footer of 80 columns holds.
        self.query_one("#status", Static).update(Text(" · ".join(said or [HINT]), no_wrap=True, overflow="ellipsis"))

    # Runs that go on

    def _tick(self) -> None:
        due = self.is_current and time.monotonic() >= self._next_poll
        busy = self._key is not None and self.curves.histories.waiting(self.curves.runs, self._key)
        if due and not busy and not self.is_at_work("chart.live") and any(map(is_live, self.curves.runs)):
            self._next_poll = time.monotonic() + self._pause
            self._poll(self._key)

    @work(exclusive=True, group="chart.live")
    async def _poll(self, key: str | None) -> None:
        live = [run for run in self.curves.runs if is_live(run)]
        changed = key is not None and await self.curves.histories.load(live, key, lambda: None, fresh=True)
        self._poll_error = ""
        try:
            # Nothing new: it may have ended. It may also have begun to log another metric.
            if not changed:
                for run in live:
                    details = await self.ask(GetRunDetails(run.run_id))
                    self.curves.runs = tuple(details.run if r.run_id == run.run_id else r for r in self.curves.runs)
        except MlauditError as error:
            self._poll_error = str(error)
        self._pause = LIVE_SECONDS if changed else min(self._pause * 2, LIVE_SLOWEST)
        self._next_poll = time.monotonic() + self._pause
        if self._key is None:
            self._key = first_metric(metric_keys(self.curves.runs))
        if not changed:
            self._list_metrics()
        elif key is not None:
            await self.curves.load(key, lambda: None)
            if self._looks_close:
                await self.curves.histories.complete(self.curves.drawn_runs, key, lambda: None)
        self._draw()
