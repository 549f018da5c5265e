"""All trainings: what runs, what waits in which order, what has ended; each can be looked at, stopped or taken out."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable, Static

from mlaudit.domain.text import clean, format_duration
from mlaudit.tui.live_training import LiveTraining, exit_words
from mlaudit.tui.screens.base import BaseScreen, in_view
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.waiting_trainings import Waiting
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.jump_table import OpenTable

LOOK_SECONDS = 0.5
COLUMNS = ("state", "for", "run", "standing", "changed", "script")
NAME_WIDTH, CHANGED_WIDTH = 24, 80


class TrainingsScreen(BaseScreen):
    """The list; it follows what happens."""

    TITLE = "trainings"
    CSS_PATH = "launches.tcss"
    AUTO_FOCUS = "OpenTable"
    BINDINGS = [
        Binding("x", "end", "Stop/remove", id="trainings.end", tooltip="Stop what runs, take out what waits"),
        Binding("ctrl+s", "start", "Start now", id="trainings.start", tooltip="Start what waits now, after a question"),
        Binding("d", "diff", "Diff", id="trainings.diff", tooltip="Compare its run with the model in Production"),
        Binding("K", "move(-1)", "Sooner", show=False, id="trainings.sooner", tooltip="Let it wait less"),
        Binding("J", "move(1)", "Later", show=False, id="trainings.later", tooltip="Let it wait longer"),
        Binding("y", "copy", show=False, id="trainings.copy", tooltip="Copy the id of its run"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[LiveTraining | Waiting] = []
        self._cells: list[tuple[str, ...]] = []

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="message", markup=False)
        yield OpenTable(id="launches", cursor_type="row", zebra_stripes=True, cell_padding=1)
        with VerticalScroll(id="about-scroll", can_focus=False):
            yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        self.query_one("#message").display = True
        self._look()
        self.set_interval(LOOK_SECONDS, self._look)

    def on_screen_resume(self) -> None:
        """What came while another screen was on is there at once."""
        if self.query(OpenTable):
            self._look()

    # What there is

    def _look(self) -> None:
        """Show what has changed; the cursor stays on the training that it is on."""
        if not in_view(self):
            return
        trainings, table = self.mlaudit.trainings, self.query_one(OpenTable)
        current = self.current
        ended = sorted((t for t in trainings.all if t.ended), key=lambda t: t.ended_at, reverse=True)
        self._rows = [*trainings.live, *trainings.queue.waiting, *ended]
        cells = [self._row(row) for row in self._rows]
        if cells != self._cells:
            self._cells = cells
            table.fill(COLUMNS, ([Text(cell) for cell in line] for line in cells))
            if current in self._rows:
                table.move_cursor(row=self._rows.index(current))
        at_once = trainings.queue.at_once
        self.query_one("#message", Static).update(
            Text(f"{trainings.summary}; {at_once} may run at a time (trainings_at_once in mlaudit config)")
        )
        self._describe()

    def _row(self, row: LiveTraining | Waiting) -> tuple[str, ...]:
        planned = row.planned
        if isinstance(row, Waiting):
            ahead = [w for w in self.mlaudit.trainings.queue.waiting if not w.held]
            state = "starting" if row.starting else "not started" if row.problem else "held"
            if not row.held and not row.starting:
                state = f"waits, {ahead.index(row) + 1}."
            run, far, since = "", "", _ago(time.time() - row.added)
        else:
            state = "STOPPING" if row.stopping else "RUNNING"
            if row.ended:
                state = "STOPPED" if row.stopped else row.status.run_status or exit_words(row.status.exit_code)
            run, far, since = (
                (row.status.run_id or "")[:8],
                row.how_far if row.planned.metric else "",
                _ago(row.seconds),
            )
            if row.ended:
                far = row.verdict.verdict.outcome.value if row.verdict else "…" if row.judging else ""
        changed = fit(planned.changed or "nothing", CHANGED_WIDTH)
        return (state, since, run, far, changed, fit(planned.name, NAME_WIDTH))

    @property
    def current(self) -> LiveTraining | Waiting | None:
        """The training under the cursor."""
        at = self.query_one(OpenTable).cursor_row if self.is_mounted else -1
        return self._rows[at] if 0 <= at < len(self._rows) else None

    @on(DataTable.RowHighlighted)
    def _describe(self) -> None:
        row = self.current
        self.query_one("#about", Static).update(_about(row) if row is not None else Text())
        self.query_one("#about-scroll").display = row is not None
        self.refresh_bindings()

    # What can be done

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        if isinstance(self.current, LiveTraining):
            self.app.push_screen(TrainingScreen(self.current))

    def action_end(self) -> None:
        """Stop what runs, after a question; take out what waits."""
        row, queue = self.current, self.mlaudit.trainings.queue
        if isinstance(row, Waiting):
            # Its turn may have come since it was last looked at.
            if queue.remove(row):
                self.mlaudit.trainings.notify(f"Taken out of the queue: {row.planned.title}.")
            self._look()
        elif row is not None and row.status.running and not row.stopping:
            self.app.push_screen(TrainingScreen(row, stop=True))

    def action_start(self) -> None:
        """Ask, then start what waits, however many run."""
        if isinstance(self.current, Waiting) and not self.current.starting:
            self._start(self.current)

    @work(group="trainings.start", exclusive=True)
    async def _start(self, waiting: Waiting) -> None:
        trainings = self.mlaudit.trainings
        held = waiting.held
        lines: list[str | Text] = [Text(waiting.planned.title, style="bold"), f"{trainings.summary}."]
        if waiting.problem:
            lines.append(f"The last try: {waiting.problem}")
        lines += ["", "The command:", Text(clean(shlex.join(waiting.planned.request.command or ())))]
        if waiting.planned.request.directory:
            lines.append(f"It runs in: {clean(waiting.planned.request.directory)}")
        dialog = ConfirmDialog(
            "Start this training?", lines, confirm_label="Start now", also=("turn", "In its turn") if held else None
        )
        answer = await self.app.push_screen_wait(dialog)
        if answer is not None and waiting in trainings.queue.waiting:
            trainings.queue.release(waiting, now=answer != "turn")
            self._look()

    def action_move(self, by: int) -> None:
        """Let it wait less or longer."""
        if isinstance(self.current, Waiting):
            self.mlaudit.trainings.queue.move(self.current, by)
            self._look()

    def action_diff(self) -> None:
        """Compare its run with the model in Production."""
        from mlaudit.tui.screens.diff import DiffScreen

        row = self.current
        if isinstance(row, LiveTraining) and row.ended and row.status.run_id:
            self.app.push_screen(DiffScreen(row.status.run_id))

    def action_copy(self) -> None:
        """Copy the id of its run."""
        if isinstance(self.current, LiveTraining) and self.current.status.run_id:
            self.mlaudit.copy(self.current.status.run_id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What waits can be moved and started, what runs can be stopped."""
        row = self.current if action in {"end", "start", "move", "copy", "diff"} else None
        if action in {"start", "move"} and not isinstance(row, Waiting):
            return None
        if action == "end" and not (
            not row.starting if isinstance(row, Waiting) else row is not None and row.status.running
        ):
            return None
        if action == "diff" and not (isinstance(row, LiveTraining) and row.ended and row.has_run):
            return None
        if action == "copy" and not (isinstance(row, LiveTraining) and row.status.run_id):
            return None
        return super().check_action(action, parameters)


def _ago(seconds: float) -> str:
    """In whole seconds, so that a list of many is not drawn anew all the time."""
    return f"{int(seconds)}s" if seconds < 60 else format_duration(int(seconds) * 1000)


def _about(row: LiveTraining | Waiting) -> Text:
    """All that the list has no room for."""
    text = Text(f"{row.planned.title}\n")
    if isinstance(row, LiveTraining):
        text.append(f"{row.headline}.")
        if row.verdict_words:
            text.append(f"\n{row.verdict_words}", style="bold")
        for problem in (row.stop_problem, row.problem):
            if problem:
                text.append(f"\n{problem}", style="bold")
        text.append(f"\noutput in {clean(row.training.log_path)}", style="dim")
        return text
    if row.problem:
        text.append(f"Not started: {row.problem}\n", style="bold")
    elif row.held:
        text.append("It waits since an earlier session and is held: ctrl+s starts it.\n", style="bold")
    text.append(clean(shlex.join(row.planned.request.command or ())))
    if row.planned.request.directory:
        text.append(f"\nin {clean(row.planned.request.directory)}", style="dim")
    return text
