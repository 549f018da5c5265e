"""The runs of one or several experiments: filter, sort, mark, and go on to a run, a chart, a comparison.

Filtering and sorting are the store's, over all its runs; what is loaded so far is a prefix of the answer, fetched in
pages as the cursor comes near its end, and the line below the table says how much that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from mlaudit.config.filter_memory import FilterMemory
from mlaudit.domain.columns import CURVES
from mlaudit.domain.errors import FilterError, MlauditError, RunDeleted
from mlaudit.domain.filter_keys import KnownKeys, seen_in
from mlaudit.domain.models import Experiment, Run, ViewType
from mlaudit.services.runs import PAGE_SIZE, SearchRuns
from mlaudit.tui.screens.run_list_copy import COPY_KEYS, CopyMixin
from mlaudit.tui.screens.run_list_curves import CURVE_KEY
from mlaudit.tui.screens.run_list_deleted import DELETED_KEY, DeletedMixin
from mlaudit.tui.screens.run_list_export import EXPORT_RUNS_KEY, ExportMixin
from mlaudit.tui.screens.run_list_live import LiveMixin
from mlaudit.tui.screens.run_list_pins import PIN_KEY
from mlaudit.tui.screens.run_list_place import PlaceMixin
from mlaudit.tui.screens.run_list_rows import ROW_KEYS
from mlaudit.tui.screens.run_list_views import VIEWS_KEY, ViewsMixin
from mlaudit.tui.widgets.filter_input import FilterInput
from mlaudit.tui.widgets.run_preview import RunPreview
from mlaudit.tui.widgets.run_rows import runs_of
from mlaudit.tui.widgets.run_table import RunTable

KEYS_FROM = 5 * PAGE_SIZE
"""Runs whose keys are learnt for completion; more of them hardly bring new ones."""
SOON_SECONDS = 0.2
"""How long the line below the table may lag behind what comes many times a second: laying it out costs milliseconds."""


class RunsScreen(LiveMixin, PlaceMixin, ViewsMixin, DeletedMixin, CopyMixin, ExportMixin):
    """Lists runs; a failed request keeps those that are there."""

    CSS_PATH = "runs.tcss"
    AUTO_FOCUS = "RunTable"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]
    BINDINGS = [
        Binding(
            "slash",
            "filter",
            "Filter",
            key_display="/",
            # The key before those that are typed right after it: else they would be commands of the table.
            priority=True,
            id="runs.filter",
            tooltip="Type a search_runs expression",
        ),
        Binding("d", "diff", "Diff", id="runs.diff", tooltip="Compare the run with the model in Production"),
        Binding("c", "chart", "Chart", id="runs.chart", tooltip="The curves of the marked runs, or of this one"),
        Binding(
            "equals_sign", "compare", "Compare", key_display="=", id="runs.compare", tooltip="Marked runs side by side"
        ),
        Binding("s", "sort", "Sort", id="runs.sort", tooltip="Sort by the column under the cursor: up, down, not"),
        Binding(
            "S",
            "sort_further",
            "Sort also",
            show=False,
            id="runs.sort_further",
            tooltip="Sort by the column under the cursor after the others: up, down, not",
        ),
        Binding("C", "columns", "Columns", id="runs.columns", tooltip="Choose which columns are shown"),
        Binding("D", "differing", "Differing", show=False, id="runs.differing", tooltip="Only columns that differ"),
        Binding("p", "promote", "Promote", id="runs.promote", tooltip="Compare the run and promote its model"),
        Binding("v", "verdicts", "Verdicts", show=False, id="runs.verdicts", tooltip="Judge all runs listed, or none"),
        Binding("A", "mark_all", "Mark all", show=False, id="runs.mark_all", tooltip="Mark every run that is listed"),
        Binding("u", "unmark", "Unmark", show=False, id="runs.unmark", tooltip="Take all marks away"),
        PIN_KEY,
        CURVE_KEY,
        VIEWS_KEY,
        *COPY_KEYS,
        EXPORT_RUNS_KEY,
        *ROW_KEYS,
        DELETED_KEY,
        Binding("r", "reload", "Refresh", id="runs.refresh", tooltip="Ask the store again"),
    ]

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        names = [e.name for e in self._experiments]
        self.title = names[0] if len(names) == 1 else f"{len(names)} experiments"
        self._seen = KnownKeys()
        self._said_one_line = False
        self._say_timer: Timer | None = None
        """Of the line below the table, where it is due."""

    def compose_body(self) -> Iterable[Widget]:
        yield FilterInput(id="filter")
        with Horizontal(id="panes"):
            yield RunTable(id="runs")
            yield RunPreview(id="preview")
        yield Static(id="detail", markup=False)
        yield Static(id="status", markup=False)

    def on_mount(self) -> None:
        self.table.experiments = {e.experiment_id: e.name for e in self._experiments}
        if (store := self.mlaudit.store) is not None:
            memory = FilterMemory(store.uri, [e.experiment_id for e in self._experiments])
            self.query_one(FilterInput).set_memory(memory)
        self.load()

    # Loading

    @work(exclusive=True, group="runs.load")
    async def load(self, *, to_top: bool = False) -> None:
        """The first page of what the filter and the order ask for; the cursor stays on its run, or goes to the top."""
        self._loading, self._first_due, self._fetching_rest = True, True, False
        self._say()
        field = self.query_one(FilterInput)
        try:
            page = await self.ask(self._search(None))
        except FilterError as error:
            self._refused(error)
            return
        except MlauditError as error:
            self._failed(error)
            return
        self._loading, self._first_due, self._loaded, self._problem = False, False, True, ""
        self._good = self.filter_string, self.sort
        field.show_error(None)
        field.show_warnings(page.warnings)
        self._learn_keys(page.runs)
        self._next = page.next_page_token
        self._known = {run.run_id: place for place, run in enumerate(page.runs)}
        self.table.sorting = self._shown_sorting
        self.table.forget_verdicts()
        self.table.show(page.runs, self._columns(page.runs, afresh=True), to_top=to_top)
        self._arrived()
        self._say()
        self._judge_listed()
        self.call_later(self._load_rest)

    @work(exclusive=True, group="runs.load")
    async def load_more(self, everything: bool, *, most: int | None = None) -> None:
        """The next page; with ``everything`` all that are left, and the cursor to the last run.

        With ``most`` the cursor stays, and no more is asked for once there are so many runs.
        """
        self._loading = True
        table = self.table
        while self._next is not None:
            self._say(soon=True)
            try:
                page = await self.ask(self._search(self._next))
            except MlauditError as error:
                self._failed(error)
                return
            # Tokens are offsets: a run created meanwhile would come a second time.
            fresh = [run for run in page.runs if run.run_id not in self._known]
            self._known.update((run.run_id, place) for place, run in enumerate(fresh, len(self._known)))
            self._next = page.next_page_token
            follows = not table.rows or table.cursor_row >= len(table.rows) - 1
            table.append(fresh, self._columns(table.runs + fresh if len(table.runs) < PAGE_SIZE else fresh))
            if len(table.runs) <= KEYS_FROM:
                self._learn_keys(fresh)
            if not everything or (most is not None and len(table.runs) >= most):
                break
            # Who has moved on meanwhile is left alone.
            if most is None and follows:
                table.cursor_row = len(table.rows) - 1
        self._loading, self._fetching_rest, self._problem = False, False, ""
        if table.arrangement is not None:
            follows = not table.rows or table.cursor_row >= len(table.rows) - 1
            table.rearrange(table.arrangement)
            if most is None and everything and follows:
                table.cursor_row = len(table.rows) - 1
        self._say()
        self._judge_listed()

    def _learn_keys(self, runs: Sequence[Run]) -> None:
        """What the filter completes: the keys and values of all runs seen so far."""
        seen = self._seen = self._seen.merged(seen_in(runs))
        for field in self.query(FilterInput):
            field.set_keys(seen.metrics, seen.params, seen.tags, seen.values)

    def _search(self, token: str | None) -> SearchRuns:
        """One page of what the filter and the order ask for."""
        ids = tuple(e.experiment_id for e in self._experiments)
        return SearchRuns(ids, self.filter_string, self._order(), PAGE_SIZE, token, self.view_type)

    def _refused(self, error: FilterError) -> None:
        """The store takes no such filter, or order: the table stays as it was, and goes on with what was good."""
        if self._refused_place(error):
            return
        self._loading, self._first_due = False, False
        filtered = self.filter_string != self._good[0]
        self.filter_string, self.sort = self._good
        self._problem = "" if filtered else f"{error}."
        self._say()
        if filtered:
            field = self.query_one(FilterInput)
            field.show_error(error)
            field.focus_input()

    def _failed(self, error: MlauditError) -> None:
        self._loading = False
        kept = " What is shown is from before." if self._loaded else ""
        self._problem = f"{error}.{kept} Press r to try again."
        self._say()

    def store_is_back(self) -> None:
        """Ask again for what did not come. What had come stays as it is: nobody loses their place in many runs."""
        if self._first_due:
            self.load()
            return
        self._problem = ""
        self._say()
        self._judge_listed()

    def _stop_loading(self) -> None:
        self.workers.cancel_group(self, "runs.load")
        self._loading = False

    @on(RunTable.NearEnd)
    def _near_end(self, event: RunTable.NearEnd) -> None:
        if self.table.arrangement is not None and not event.all_of_them:
            # Rows made of all runs would change under the cursor.
            return
        if self._first_due or self._problem:
            return
        if self._next is not None and (event.all_of_them or not self._loading):
            self.load_more(event.all_of_them)

    # Filter

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one(FilterInput).focus_input()

    @on(FilterInput.Submitted)
    def _filtered(self, event: FilterInput.Submitted) -> None:
        self.filter_string = event.expression
        self.table.focus()
        self.load(to_top=True)

    @on(FilterInput.Left)
    def _left_filter(self) -> None:
        # What the table shows, which is not what was typed last where that was refused.
        self.query_one(FilterInput).value = self.filter_string
        self.table.focus()

    # What can be done with runs

    @property
    def _chosen_runs(self) -> tuple[Run, ...]:
        """The marked runs; without marks the one under the cursor, or those of the group there."""
        return self.table.marked or runs_of(self.table.current_row)

    @property
    def run_at_hand(self) -> Run | None:
        """The run under the cursor."""
        return self.table.current if self.is_mounted else None

    @on(RunTable.Opened)
    def _opened(self, event: RunTable.Opened) -> None:
        self.mlaudit.show_run(event.run.run_id)

    def action_diff(self) -> None:
        """Compare the run under the cursor with the model in production."""
        self._compare(promote=False)

    def action_promote(self) -> None:
        """The same, going on to the promotion."""
        self._compare(promote=True)

    def _compare(self, *, promote: bool) -> None:
        from mlaudit.tui.screens.diff import DiffScreen

        if (run := self.table.current) is None:
            return
        if promote and run.lifecycle_stage != "active":
            self._problem = f"{RunDeleted(run.run_id, 'promoted')}."
            self._say()
            return
        self.app.push_screen(DiffScreen(run.run_id, promote=promote))

    def action_chart(self) -> None:
        """The curves of the marked runs."""
        from mlaudit.tui.screens.chart import ChartScreen

        metric = self.table.column.partition(".")
        if runs := self._chosen_runs:
            self.app.push_screen(ChartScreen(runs, metric[2] if metric[0] in {"metrics", CURVES} else None))

    def action_compare(self) -> None:
        """The marked runs beside one another."""
        from mlaudit.tui.screens.compare import CompareScreen

        if len(self.table.marked) > 1:
            self.app.push_screen(CompareScreen(self.table.marked))

    def action_mark_all(self) -> None:
        """Mark every run that is loaded."""
        self.table.mark_all()

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.table.clear_marks()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What needs a run is greyed out while there is none; promotion is not bound where nothing may be written."""
        if action == "promote" and not self.mlaudit.may_write:
            return False
        if action == "filter" and isinstance(self.focused, Input):
            # A text field owns its keys.
            return False
        if (
            action in {"diff", "chart", "promote", "copy_id", "copy_value", "copy_row"}
            and self._loaded
            and not self.table.runs
        ):
            return None
        if action == "compare" and self.is_mounted and len(self.table.marked) < 2:
            return None
        if action == "unmark" and self.is_mounted and not self.table.marked:
            return None
        return super().check_action(action, parameters)

    # The lines around the table

    @on(RunTable.Highlighted)
    def _highlighted(self, event: RunTable.Highlighted) -> None:
        if event.run is not None or event.row is None:
            self.query_one(RunPreview).show_soon(event.run)

    @on(RunTable.Marked)
    def _marks_changed(self) -> None:
        self.refresh_bindings()
        self._say()

    def _say(self, *, soon: bool = False) -> None:
        """How many runs, in which order, how many are marked, and what went wrong."""
        # While the app closes, an answer may arrive when the line is gone already.
        if not self.is_mounted or not self.query("#status"):
            return
        if soon:
            if self._say_timer is None:
                self._say_timer = self.set_timer(SOON_SECONDS, self._say)
            return
        if self._say_timer is not None:
            self._say_timer.stop()
            self._say_timer = None
        self.refresh_bindings()
        said = [] if not self._problem else [self._problem]
        said += self._about_place()
        count = len(self.table.runs)
        if self._loading:
            said.append(f"loading… {count:,} so far" if count and self._next else "loading…")
        elif self._loaded:
            runs = f"{count:,} run{'' if count == 1 else 's'}"
            said.append(f"{runs}, more below" if self._next else runs if count else self._nothing())
        said += self._about_saved_view() + self._about_deleted() + self._about_rows()
        said += self._about_order()
        said += self._about_live()
        if self._only_differing:
            said.append("only columns that differ")
        said += self._about_pins() + self._about_curves()
        if marked := len(self.table.marked):
            hidden = sum(run.run_id not in self._known for run in self.table.marked)
            said.append(f"{marked} marked" + (f" ({hidden} not listed here)" if hidden else ""))
        said += self._about_verdicts()
        place = self.query_one("#status", Static)
        text = Text(" · ".join(said), no_wrap=not self._problem, overflow="ellipsis")
        # One line that stays one needs no layout: with one for each page that comes, all would be painted each time.
        one_line = bool(said) and not self._problem and text.cell_len <= place.size.width
        place.update(text, layout=not (one_line and self._said_one_line))
        self._said_one_line = one_line
        place.set_class(bool(self._problem), "-bad")

    def _nothing(self) -> str:
        if self.filter_string:
            return "no run matches the filter; / changes it"
        if self.view_type is ViewType.DELETED_ONLY:
            return "no deleted runs here; x shows the others"
        return "no runs here yet; t trains one" if self.mlaudit.may_write else "no runs here"
