"""One training: how it stands, its output and its curve while it runs, and what came of it.

The training belongs to the app (:mod:`mlaudit.tui.trainings`). This screen only looks; it may be left and come back to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, OptionList, Static

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Run
from mlaudit.domain.text import clean, format_duration
from mlaudit.domain.training import NO_RUN
from mlaudit.domain.verdict import Outcome
from mlaudit.tui.live_training import LiveTraining, exit_words
from mlaudit.tui.log_tail import LogTail
from mlaudit.tui.screens.base import BaseScreen, in_view
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.output_search import OutputSearchMixin
from mlaudit.tui.widgets.log_search import LogSearch
from mlaudit.tui.widgets.log_view import LogView
from mlaudit.tui.widgets.metric_chart import MetricChart
from mlaudit.tui.widgets.run_curves import RunCurves
from mlaudit.tui.widgets.store_header import elide

TAIL_SECONDS = 0.1
"""How often the output is looked at. The screen is drawn no more often, however much is written."""
STATE_SECONDS = 0.5
LAST_LINES = 3


class TrainingScreen(OutputSearchMixin, BaseScreen):
    """Watches one training; ``x`` stops it, ``enter`` opens its run when it has ended."""

    TITLE = "training"
    CSS_PATH = "training.tcss"
    AUTO_FOCUS = "LogView"
    # Side by side only where that leaves a chart wider than it is high.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (150, "-wide")]
    BINDINGS = [
        Binding("x", "stop", "Stop", id="training.stop", tooltip="Stop the training, after a question"),
        Binding("enter", "open_run", "Open the run", id="training.open", tooltip="Go to the new run"),
        Binding("d", "diff", "Diff", id="training.diff", tooltip="Compare the new run with the model in Production"),
        Binding("c", "chart", "Chart", id="training.chart", tooltip="The curve on a screen of its own"),
        Binding("y", "copy_id", "Copy id", show=False, id="training.copy", tooltip="Copy the run's id"),
        Binding("r", "reload", "Refresh", show=False, id="training.refresh", tooltip="Ask the store again"),
        Binding("end", "follow", "Follow", id="training.follow", tooltip="Follow the end of the output again"),
        Binding("j", "move(1)", show=False, id="training.next_metric", tooltip="The next metric"),
        Binding("k", "move(-1)", show=False, id="training.previous_metric", tooltip="The metric before"),
    ]

    def __init__(self, live: LiveTraining, *, stop: bool = False) -> None:
        """``stop``: ask at once whether it is to be stopped."""
        super().__init__()
        self.live = live
        self._stop_first = stop
        self._tail = LogTail(live.training.log_path)
        self._shown_end = False
        self._last_words = ""
        """The last lines of the output of a script that failed."""
        self._asking = False

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="state"):
            yield Static(id="state-text", markup=False)
            yield Button(Content("enter: open the run"), id="open-run", variant="primary", compact=True)
        with Container(id="panes"):
            with Vertical(id="output"):
                yield Static(id="output-title", markup=False)
                yield LogView(self._tail)
                yield LogSearch()
            yield RunCurves(self.ask, id="curves")

    def on_mount(self) -> None:
        self.query_one(LogView).pull(everything=True)
        self.set_interval(TAIL_SECONDS, self._pull)
        self.set_interval(STATE_SECONDS, self._look)
        self._look()
        self._say_output()
        if self._stop_first:
            self.call_after_refresh(self.action_stop)

    def on_resize(self) -> None:
        """The file's name is cut to the width there is."""
        self.call_after_refresh(self._look)

    def on_screen_resume(self) -> None:
        """What came while another screen was on."""
        self.live.seen = self.live.seen or self._shown_end
        self.call_after_refresh(self._look)

    # The output

    def _pull(self) -> None:
        if in_view(self) and not self._shown_end:
            self.query_one(LogView).pull()

    @on(LogView.Changed)
    def _say_output(self) -> None:
        tail, view = self._tail, self.query_one(LogView)
        lines = len(tail) + tail.dropped_lines
        count = f"{lines:,} line{'' if lines == 1 else 's'}"
        if tail.dropped_lines:
            count += f", the last {len(tail):,} are kept here"
        how = "following" if view.following else "end follows again"
        words = Text(tail.error or f"output · {count} · {how}", no_wrap=True, overflow="ellipsis")
        self.query_one("#output-title", Static).update(words)

    def action_follow(self) -> None:
        """Follow the end of the output again."""
        self.query_one(LogView).action_follow()

    # The state

    def _look(self) -> None:
        live = self.live
        curves = next(iter(self.query(RunCurves)), None)
        if curves is None:
            # Put off until after a refresh, by when the screen is being taken down.
            return
        if live.status.run_id is not None:
            curves.follow(live.status.run_id)
        if live.ended and not self._shown_end:
            self._shown_end = True
            # The button that comes now leaves the text less room.
            self.call_after_refresh(self._look)
            self.query_one(LogView).pull(everything=True)
            curves.finish()
            self.refresh_bindings()
        if self._shown_end:
            self._color_outcome()
        if live.ended and self.is_current:
            live.seen = True
        self.query_one("#state-text", Static).update(self._state_text())
        if self.check_action("stop", ()) != self._could_stop or live.status.run_id != self._bound_run:
            self._bound_run = live.status.run_id
            self.refresh_bindings()

    _could_stop: bool | None = None
    _bound_run: str | None = None
    """The run that the keys were last bound for."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stopping is for what runs, the new run for what has ended."""
        if action == "stop":
            off = self.mlaudit.settings.read_only or self.live.stopping
            self._could_stop = self.live.status.running and not off
            return self._could_stop
        if action in {"open_run", "diff"}:
            return self.live.ended and self.live.has_run
        if action in {"chart", "copy_id"} and self.live.status.run_id is None:
            return False
        return super().check_action(action, parameters)

    def _state_text(self) -> Text:
        live, status, curves = self.live, self.live.status, self.query_one(RunCurves)
        took = format_duration(int(live.seconds * 1000))
        text = Text(no_wrap=True, overflow="ellipsis")
        if status.running:
            text.append("STOPPING, up to 15 s" if live.stopping else "RUNNING", style="bold")
            text.append(f" · process {live.training.pid} · {took} so far · {live.how_far}")
        else:
            text.append("STOPPED" if live.stopped else "ENDED", style="bold")
            text.append(f" · {took} · {exit_words(status.exit_code)}")
        if status.run_id is None:
            text.append("\nno run so far" if status.running else f"\n{NO_RUN}")
        else:
            name = f" {curves.run_shown.name}" if curves.run_shown else ""
            known = status.run_status or ("" if status.running else "in an unknown state")
            text.append(f"\nrun {status.run_id[:12]}{name} {known if status.running or live.ended else '…'}")
            if status.more_runs:
                text.append(f" · the first of {status.more_runs + 1 if status.more_runs > 0 else 'many'} that it began")
        problem = (live.stop_problem if status.running else "") or live.problem or curves.error
        if problem:
            text.append(f" · {problem}", style="bold")
        if live.ended and live.verdict_words:
            text.append(f"\n{live.verdict_words}", style="bold")
        # The file's name is its end, so that is kept where the line is too short.
        room = max(20, self.query_one("#state-text").size.width - 10)
        text.append(f"\noutput in {elide(clean(live.training.log_path), room)}", style="dim")
        if self._went_wrong:
            text.append(self._last_words)
        return text

    # The end

    @property
    def _went_wrong(self) -> bool:
        return self._shown_end and self.live.failed and not self.live.stopped

    def _color_outcome(self) -> None:
        """Say at a glance how it ended, and show the way to the run."""
        live = self.live
        if self._went_wrong and not self._last_words:
            lines = self._tail.last_lines(LAST_LINES) or ["(it printed nothing)"]
            self._last_words = "".join(f"\n{line}" for line in lines)
        state = self.query_one("#state")
        doubted = live.verdict is not None and live.verdict.verdict.outcome is not Outcome.PASS
        unsure = live.stopped or bool(live.problem) or not live.has_run or doubted
        outcome = "-bad" if self._went_wrong else "-unsure" if unsure else "-good"
        for each in ("-bad", "-unsure", "-good"):
            state.set_class(each == outcome, each)
        self.query_one("#open-run").display = live.has_run

    def action_diff(self) -> None:
        """Compare the new run with the model in Production."""
        from mlaudit.tui.screens.diff import DiffScreen

        if self.live.ended and self.live.status.run_id is not None:
            self.app.push_screen(DiffScreen(self.live.status.run_id))

    async def action_open_run(self) -> None:
        """Go to the new run."""
        if self.live.ended and self.live.status.run_id is not None:
            self.mlaudit.show_run(self.live.status.run_id)

    @on(Button.Pressed, "#open-run")
    async def _open_pressed(self) -> None:
        await self.action_open_run()

    @on(OptionList.OptionSelected)
    async def _metric_selected(self) -> None:
        if self.check_action("open_run", ()):
            await self.action_open_run()
        else:
            self.query_one(MetricChart).focus()

    # Stopping

    @property
    def run_at_hand(self) -> Run | None:
        """Its run, as it was last seen."""
        return self.query_one(RunCurves).run_shown if self.is_mounted else None

    def action_stop(self) -> None:
        """Ask, then stop."""
        if self.live.status.running and not self.live.stopping and not self._asking:
            self._stop()

    @work(group="training.stop")
    async def _stop(self) -> None:
        live = self.live
        self._asking = True
        try:
            lines = [
                f"{live.headline}, for {format_duration(int(live.seconds * 1000))}.",
                f"Its run {live.status.run_id[:12]} will be KILLED." if live.status.run_id else "It has no run so far.",
                "",
                "It is asked to end and has 10 seconds for it, is told to and has 5 more, and is killed then.",
            ]
            dialog = ConfirmDialog("Stop this training?", lines, confirm_label="Stop it")
            answer = await self.app.push_screen_wait(dialog)
        finally:
            self._asking = False
        if answer is None or not live.status.running:
            return
        # What goes wrong is said in the state line, from live.stop_problem.
        with contextlib.suppress(MlauditError):
            await self.mlaudit.trainings.stop(live)
        self._look()

    # The curve

    def action_move(self, direction: int) -> None:
        """The next metric, or the one before."""
        self.query_one(RunCurves).move(direction)

    def action_read(self, direction: int) -> None:
        """Move the chart's cursor while the list has the focus."""
        self.query_one(MetricChart).action_cursor(direction)

    def action_reload(self) -> None:
        """Ask the store again."""
        self.query_one(RunCurves).ask_now()

    def action_chart(self) -> None:
        """The curve, large."""
        from mlaudit.tui.screens.chart import ChartScreen

        curves = self.query_one(RunCurves)
        if curves.run_shown is not None:
            self.app.push_screen(ChartScreen((curves.run_shown,), curves.metric))

    def action_copy_id(self) -> None:
        """Put the run's id into the clipboard."""
        if self.live.status.run_id is not None:
            self.mlaudit.copy(self.live.status.run_id)
