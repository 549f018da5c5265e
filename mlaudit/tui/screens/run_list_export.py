"""The present view of the runs as a file: all runs of the filter, in its order, also those that are not loaded yet.

They are asked for anew, page by page, so that what is written is what the store has now, with all digits.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Static
from textual.worker import Worker

from mlaudit.domain.columns import is_curve
from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Run, ViewType
from mlaudit.domain.sorting import of_the_store
from mlaudit.domain.text import clean, format_size
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun
from mlaudit.services.run_export import ExportFormat, ExportStopped, Spool, spool
from mlaudit.services.runs import SearchRuns
from mlaudit.services.triage import CHUNK, JudgeRuns
from mlaudit.tui.files import place_problem, write_file
from mlaudit.tui.histories import Ask
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.dialog import Dialog
from mlaudit.tui.screens.run_list_verdicts import VerdictsMixin
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.parameter_field import OnOff

EXPORT_RUNS_KEY = Binding(
    "o",
    "export_runs",
    "Export",
    show=False,
    id="runs.export",
    tooltip="Write all runs of the filter to a CSV, JSON or Parquet file",
)
EXPORT_PAGE = 500
"""Runs asked for at once."""


@dataclass(frozen=True, slots=True)
class RunView:
    """What is to be written."""

    search: SearchRuns
    """Filter and order; the pages are the export's own."""
    columns: tuple[str, ...]
    """As shown."""
    experiments: Mapping[str, str]
    """Id -> name."""
    remarks: tuple[str, ...] = ()
    """What is not written as it is shown, in sentences."""


class AllColumns(OnOff):
    """Which columns are written."""

    def __init__(self, shown: int) -> None:
        super().__init__(False)
        self._shown = shown

    def render(self) -> Text:
        """Both choices in words."""
        if self.value:
            return Text("[x] all columns: fields, metrics, params and tags of all runs")
        return Text(f"[ ] all columns; off: the {self._shown} that the table shows, in its order")


class RunExportDialog(Dialog[str | None]):
    """Asks for a name and writes.

    Returns what was written in words, the empty text when it was stopped on the way, None when it never began.
    """

    CSS = """
    RunExportDialog { align: center middle; }
    RunExportDialog #box { width: 76; max-width: 95%; height: auto; padding: 0 1; }
    RunExportDialog #box { border: heavy $primary; background: $surface; }
    RunExportDialog Static { height: auto; color: $text-muted; }
    RunExportDialog #title { color: $foreground; text-style: bold; }
    RunExportDialog #problem { color: $text-error; }
    RunExportDialog AllColumns { color: $foreground; }
    RunExportDialog AllColumns:focus { background: $primary; color: $text; }
    """
    BINDINGS = [Binding("escape", "cancel", "Cancel", id="export.cancel", tooltip="Write nothing")]

    def __init__(self, view: RunView, ask: Ask, default: str) -> None:
        super().__init__()
        self._view = view
        self._ask = ask
        self._default = default
        self._reading: Worker[None] | None = None
        self._spool: Spool | None = None
        self._stopped = False

    def compose(self) -> ComposeResult:
        expression = clean(self._view.search.filter_string)
        which = f"All runs that match {expression}" if expression else "All runs"
        said = [f"{which}, also those not loaded yet.", *self._view.remarks, f"In {clean(str(Path.cwd()))}."]
        with Vertical(id="box"):
            yield Static("Write the runs to a file", id="title", markup=False)
            yield Field(self._default, id="path", compact=True, select_on_focus=False)
            yield AllColumns(len(self._view.columns))
            yield Static(id="problem", markup=False)
            yield Static("\n".join(said), id="about", markup=False)
            yield Static("name.csv, .json or .parquet · enter writes · tab columns · esc cancels", markup=False)

    @on(Input.Changed)
    def _changed(self) -> None:
        self._say_problem("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._reading is not None:
            return
        name = event.value.strip()
        try:
            path = Path(name).expanduser()
            problem = problem_with(path) if name else "a name is needed"
        except (OSError, RuntimeError, ValueError) as error:
            problem = str(error)
        if problem:
            self._say_problem(problem)
        else:
            self._reading = self._write(path)

    def _say_problem(self, problem: str) -> None:
        self.query_one("#problem", Static).update(Text(clean(problem)))

    def _say(self, text: str) -> None:
        self.query_one("#about", Static).update(Text(f"{text}\nNothing is written before all are read."))

    @work(exclusive=True, group="export.write")
    async def _write(self, path: Path) -> None:
        try:
            over = path.exists()
            if over:
                lines = [f"{clean(str(path))} exists already.", f"It has {format_size(path.stat().st_size)}."]
                dialog = ConfirmDialog("Replace this file?", lines, confirm_label="Replace")
                if await self.app.push_screen_wait(dialog) is None:
                    return
            self.query_one(Field).disabled = self.query_one(AllColumns).disabled = True
            columns = None if self.query_one(AllColumns).value else self._view.columns
            form = ExportFormat(path.suffix.lower()[1:])
            with spool(form, self._view.experiments, columns) as runs:
                count = await self._read_into(runs, columns or ())
                self._say(f"{count:,} runs read; writing them…")
                self._spool = runs
                size = await asyncio.to_thread(write_file, path, runs.write, replace=over)
            which = "all" if columns is None else f"{len(columns):,}"
            plural = "" if count == 1 else "s"
            self.dismiss(f"{clean(str(path))}: {count:,} run{plural}, {which} columns, {format_size(size)}")
        except ExportStopped:
            self.dismiss("")
        except (MlauditError, OSError) as error:
            self._say_problem(f"Not written: {error}")
            self.query_one("#about", Static).update("")
        finally:
            if self._spool is not None:
                self._spool.stop()
            self._reading = self._spool = None
            if self.is_mounted and not self._stopped:
                self.query_one(Field).disabled = self.query_one(AllColumns).disabled = False
                self.query_one(Field).focus()

    async def _read_into(self, runs: Spool, columns: Sequence[str]) -> int:
        """How many runs there were, each once. Raises MlauditError."""
        known: set[str] = set()
        token: str | None = None
        self._say("reading…")
        while True:
            page = await self._ask(replace(self._view.search, max_results=EXPORT_PAGE, page_token=token))
            # Tokens may be offsets: a run created meanwhile would come a second time.
            fresh = list({run.run_id: run for run in page.runs if run.run_id not in known}.values())
            judged = await self._judged(fresh) if any(c in VERDICT_FIELDS for c in columns) else {}
            known.update(run.run_id for run in fresh)
            await asyncio.to_thread(runs.add, fresh, judged)
            token = page.next_page_token
            if token is None:
                return len(known)
            self._say(f"{len(known):,} runs read so far…")

    async def _judged(self, runs: Sequence[Run]) -> dict[str, JudgedRun]:
        ids = [run.run_id for run in runs]
        found: dict[str, JudgedRun] = {}
        for start in range(0, len(ids), CHUNK):
            answer = await self._ask(JudgeRuns(tuple(ids[start : start + CHUNK])))
            found.update((one.run_id, one) for one in answer)
        return found

    def action_cancel(self) -> None:
        """Write nothing; what is under way ends, and leaves no file."""
        self._stopped = True
        if self._spool is not None:
            # A thread writes; it takes its file away when it stops.
            self._spool.stop()
            return
        if self._reading is not None:
            self._reading.cancel()
        self.dismiss(None if self._reading is None else "")


def problem_with(path: Path) -> str:
    """Why no runs can be written there, in words; empty where they can. Whether the file exists is another question."""
    endings = [f".{form}" for form in ExportFormat]
    if path.suffix.lower() not in endings:
        return f"the name must end in {', '.join(endings)}"
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        return "a .parquet needs pyarrow, which pip install 'mlaudit[parquet]' brings; .csv and .json need nothing"
    return place_problem(path)


class ExportMixin(VerdictsMixin):
    """Writes the present view to a file."""

    def _search(self, token: str | None) -> SearchRuns:
        """One page of what the filter and the order ask for; the screen has its own."""
        raise NotImplementedError

    def _view(self) -> RunView:
        """What the table shows, as far as it can be written."""
        remarks = []
        if self._sorted_here:
            order = "by the other columns" if of_the_store(self.sort) else "newest first"
            remarks.append(f"In the file they come {order}: no store sorts by verdicts.")
        remarks += self._about_written()
        if any(map(is_curve, self.table.columns)):
            remarks.append("Without the curves: the chart (c) writes those.")
        columns = self._run_columns
        if self.view_type is not ViewType.ACTIVE_ONLY:
            # In the table the status says which are deleted.
            columns = tuple(dict.fromkeys((*columns, "lifecycle_stage")))
        return RunView(self._search(None), columns, self.table.experiments, tuple(remarks))

    @work(group="runs.export", exclusive=True)
    async def action_export_runs(self) -> None:
        """Ask for a name and write all runs of the filter there."""
        names = [experiment.name for experiment in self._experiments]
        base = names[0] if len(names) == 1 else f"{len(names)}-experiments"
        default = f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', base).strip('._') or 'experiment'}-runs.csv"
        written = await self.app.push_screen_wait(RunExportDialog(self._view(), self.ask, default))
        if written:
            self.app.notify(f"Written: {written}", timeout=8, markup=False)
        elif written is not None:
            self.app.notify("Stopped: nothing is written", severity="warning", timeout=5, markup=False)
