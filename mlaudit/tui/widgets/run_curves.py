"""The metrics of one run that goes on: the list of them, and the curve of the chosen one, asked for until its end."""

from __future__ import annotations

import time

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_number
from mlaudit.services.runs import GetRunDetails
from mlaudit.tui.histories import Ask, Histories, first_metric, metric_keys
from mlaudit.tui.screens.base import in_view
from mlaudit.tui.screens.chart import MetricList
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.metric_chart import MetricChart

LIVE_SECONDS = 2.0
"""How often the store is asked; doubled for each answer that brings nothing new."""
LIVE_SLOWEST = 8.0
VALUE_WIDTH = 9


class RunCurves(Horizontal):
    """The list beside the chart."""

    DEFAULT_CSS = """
    RunCurves { height: 1fr; width: 1fr; }
    RunCurves MetricList {
        width: 26; height: 1fr; border: none; padding: 0; border-right: solid $panel;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    """

    def __init__(self, ask: Ask, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.run_shown: Run | None = None
        """As the store last gave it."""
        self.error = ""
        """Why the store's last answer is missing; empty when it came."""
        self._ask = ask
        self._histories = Histories(ask)
        self._run_id: str | None = None
        self._key: str | None = None
        self._chosen = False
        """The user has chosen the metric."""
        self._listed: tuple[str, ...] = ()
        self._live = True
        self._waiting_for = "waiting for the script to start its run"
        self._pause = LIVE_SECONDS
        self._next = 0.0
        self._polling = False

    def compose(self) -> ComposeResult:
        yield MetricList(id="keys", markup=False, compact=True)
        yield MetricChart(id="chart")

    def on_mount(self) -> None:
        """Ask from now on."""
        self.set_interval(LIVE_SECONDS / 4, self._tick)
        self.call_after_refresh(self._draw)

    @property
    def metric(self) -> str | None:
        """The metric on show."""
        return self._key

    def follow(self, run_id: str) -> None:
        """Show this run; nothing happens when it is on show already."""
        if run_id != self._run_id:
            self._run_id = run_id
            self._waiting_for = "no metrics so far"
            self.ask_now()

    def finish(self) -> None:
        """The run has ended: ask for it a last time, and no more."""
        if self._live:
            self._live = False
            self._waiting_for = "the run logged no metrics" if self._run_id else "the script recorded no run"
            self._draw()
            self.ask_now()

    def ask_now(self) -> None:
        """Ask the store at once for everything."""
        self._next, self._pause = 0.0, LIVE_SECONDS
        if self._run_id is not None:
            self._poll()

    def move(self, direction: int) -> None:
        """The next metric of the list, or the one before."""
        rows = self.query_one(MetricList)
        if direction > 0:
            rows.action_cursor_down()
        else:
            rows.action_cursor_up()

    # Asking

    def _tick(self) -> None:
        watched = self._live and self._run_id is not None and in_view(self.screen)
        if watched and not self._polling and time.monotonic() >= self._next:
            self._poll()

    @work(exclusive=True, group="curves.poll")
    async def _poll(self) -> None:
        self._polling = True
        try:
            await self._look()
        except MlauditError as error:
            self.error = str(error)
            self._pause = min(self._pause * 2, LIVE_SLOWEST)
        finally:
            self._polling = False
            self._next = time.monotonic() + self._pause
        self._draw()

    async def _look(self) -> None:
        """Raises MlauditError."""
        run_id = self._run_id
        if run_id is None:
            return
        self.run_shown = (await self._ask(GetRunDetails(run_id))).run
        if not self._chosen:
            # A run's first metric is seldom its best.
            self._key = first_metric(metric_keys([self.run_shown]))
        self._list()
        changed = False
        if self._key is not None:
            changed = await self._histories.load([self.run_shown], self._key, lambda: None, fresh=True)
        self._pause = LIVE_SECONDS if changed else min(self._pause * 2, LIVE_SLOWEST)
        self.error = next(iter(self._errors()), "")

    def _errors(self) -> tuple[str, ...]:
        if self.run_shown is None or self._key is None:
            return ()
        return self._histories.errors([self.run_shown], self._key)

    # Showing

    def _list(self) -> None:
        run = self.run_shown
        keys = metric_keys([run]) if run else ()
        rows = self.query_one(MetricList)
        with self.prevent(OptionList.OptionHighlighted):
            if keys != self._listed:
                self._listed = keys
                rows.clear_options()
                rows.add_options([Option(self._line(key)) for key in keys])
            else:
                for index, key in enumerate(keys):
                    rows.replace_option_prompt_at_index(index, self._line(key))
            if self._key in keys:
                rows.highlighted = keys.index(self._key)

    def _line(self, key: str) -> Text:
        room = max(12, self.query_one(MetricList).size.width - 3)
        value = format_number(self.run_shown.metrics.get(key), 4) if self.run_shown else ""
        return Text(f"{fit(key, max(4, room - VALUE_WIDTH - 1), pad=True)} {value:>{VALUE_WIDTH}}", no_wrap=True)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_index < len(self._listed) and self._listed[event.option_index] != self._key:
            self._key = self._listed[event.option_index]
            self._chosen = True
            self._pause = LIVE_SECONDS
            self._draw()
            self._poll()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        chart = self.query_one(MetricChart)
        if self.run_shown is None or self._key is None:
            chart.plot("", (), message=self.error or self._waiting_for)
            return
        chart.plot(self._key, self._histories.series([self.run_shown], self._key))
