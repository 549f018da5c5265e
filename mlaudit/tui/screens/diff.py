"""A candidate run against the model in production: the verdict, what differs, the curves of both, and the promotion.

Metrics and params stand left of the curves, above them where the terminal is narrow. The promotion's own course is
:mod:`mlaudit.tui.screens.promotion`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable, OptionList, Static
from textual.widgets.option_list import Option

from mlaudit.domain.errors import AmbiguousModel, MlauditError
from mlaudit.domain.gate import Outcome, Role
from mlaudit.domain.models import Run, StoreInfo
from mlaudit.services.compare import CompareRun, Comparison
from mlaudit.services.promote import PlanPromotion
from mlaudit.tui.histories import Ask, first_metric
from mlaudit.tui.screens.base import BaseScreen, in_view
from mlaudit.tui.screens.export import EXPORT_KEY, ExportMixin
from mlaudit.tui.screens.promotion import PromotionMixin
from mlaudit.tui.widgets.comparison_text import differences_title, notes_text, sides_text, verdict_text
from mlaudit.tui.widgets.diff_curves import DiffCurves
from mlaudit.tui.widgets.diff_tables import DifferenceTable, MetricTable, differences
from mlaudit.tui.widgets.pick_list import PickList


class DiffPanes(Container):
    """Facts and curves, beside or above one another."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="facts", can_focus=False):
            yield MetricTable(id="metrics")
            yield Static(id="differences-title", markup=False)
            yield DifferenceTable(id="differences")
            yield Static(id="notes", markup=False)
        yield DiffCurves(self._ask, id="curves")


class DiffScreen(ExportMixin, PromotionMixin, BaseScreen):
    """Judges one run; ``p`` promotes it."""

    TITLE = "diff"
    CSS_PATH = "diff.tcss"
    AUTO_FOCUS = "#metrics"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
    BINDINGS = [
        Binding("p", "promote", "Promote", id="diff.promote", tooltip="Move this run's model to Production"),
        Binding(
            "a", "everything", "All", id="diff.all", tooltip="Show also the params, data and tags that are the same"
        ),
        Binding("c", "chart", "Chart", id="diff.chart", tooltip="The curves of both runs on a screen of their own"),
        Binding(
            "v",
            "difference",
            show=False,
            id="diff.difference",
            tooltip="Candidate minus baseline at the same steps, or both curves again",
        ),
        EXPORT_KEY,
        Binding("r", "reload", show=False, id="diff.refresh", tooltip="Compare again"),
    ]

    def __init__(
        self, run_id: str, model: str | None = None, against: str | None = None, promote: bool = False
    ) -> None:
        """``model`` and ``against`` as for ``mlaudit diff``; ``promote`` goes on to the promotion at once."""
        super().__init__()
        self.comparison: Comparison | None = None
        """What is on show."""
        self._run_id = run_id
        self._model = model
        self._against = against
        self._promote_at_once = promote
        self._everything = False
        self._choices: tuple[str, ...] = ()

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="sides", markup=False)
        yield Static(id="verdict", markup=False)
        yield Static(id="message", markup=False)
        yield PickList(id="choices", markup=False, compact=True)
        yield DiffPanes(self.ask)

    def on_mount(self) -> None:
        self.query_one("#sides", Static).update(Text(f"comparing run {self._run_id[:12]}…"))
        self.query_one("#choices").display = False
        self.query_one(DiffPanes).display = False
        self.compare()

    # Comparing

    def action_reload(self) -> None:
        """Compare again; what is on show stays until the answer is there."""
        self.query_one(DiffCurves).forget()
        self.say("")
        self.compare()

    @work(exclusive=True, group="diff.compare")
    async def compare(self) -> None:
        """Ask for the comparison and show it, or say in place why there is none."""
        request = CompareRun(self._run_id, self._model, self._against)
        try:
            comparison = await self.ask(request)
        except AmbiguousModel as error:
            self._choose(error)
            return
        except MlauditError as error:
            self.say_unread(error, kept=self.comparison is not None)
            if self.comparison is None:
                self.query_one("#sides", Static).update(Text(f"run {self._run_id[:12]} was not compared"))
            return
        self.say_read()
        self.show_comparison(comparison)
        if self._promote_at_once:
            self._promote_at_once = False
            # Whoever has left meanwhile does not want it any more.
            if in_view(self):
                self.action_promote()

    def show_comparison(self, comparison: Comparison) -> None:
        """Put a comparison on screen."""
        self.comparison = comparison
        choices = self.query_one("#choices")
        # Where the answer is quick, it may have the focus still, and lose it only when it is painted no more.
        unfocused = self.focused in {None, choices}
        choices.display = False
        self.query_one(DiffPanes).display = True
        self.add_class("-compared")
        self.query_one("#sides", Static).update(sides_text(comparison))
        self.query_one("#verdict", Static).update(verdict_text(comparison, self.promotion_off()))
        table = self.query_one(MetricTable)
        first = not table.names
        with self.prevent(DataTable.RowHighlighted):
            table.show(comparison)
            if first:
                table.move_cursor(row=_first_look(comparison, table.names))
        self._show_differences()
        self.query_one("#notes", Static).update(notes_text(comparison))
        if unfocused:
            table.focus()
        self.refresh_bindings()
        self.query_one(DiffCurves).show(comparison, self._metric)

    def _show_differences(self) -> None:
        diff = self.comparison.diff if self.comparison else None
        table = self.query_one(DifferenceTable)
        title = self.query_one("#differences-title", Static)
        rows = differences(diff) if diff else ()
        table.show(rows, everything=self._everything)
        table.display = table.row_count > 0
        title.display = diff is not None
        title.update(differences_title(rows, self._everything))

    def action_everything(self) -> None:
        """Show or hide the params, datasets and tags that are the same on both sides."""
        self._everything = not self._everything
        self._show_differences()

    def _choose(self, error: AmbiguousModel) -> None:
        """Let the user say which model is meant."""
        self._choices = error.choices
        rows = self.query_one("#choices", OptionList)
        rows.clear_options()
        rows.add_options([Option(Text(name)) for name in error.choices])
        self.query_one("#sides", Static).update(
            Text(
                f"Which model is run {self._run_id[:12]} a candidate for?"
                if error.choices
                else f"Run {self._run_id[:12]} belongs to no registered model, and this store has none."
                " Register one, or name it in a policy file."
            )
        )
        rows.display = bool(error.choices)
        rows.highlighted = 0 if error.choices else None
        rows.focus()

    @on(OptionList.OptionSelected, "#choices")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self._model = self._choices[event.option_index]
        self.query_one("#choices").display = False
        self.query_one("#sides", Static).update(Text(f"comparing run {self._run_id[:12]}…"))
        self.compare()

    # Curves

    @property
    def _metric(self) -> str | None:
        table = self.query_one(MetricTable)
        if 0 <= table.cursor_row < len(table.names):
            return table.names[table.cursor_row]
        return first_metric(table.names)

    @on(DataTable.RowHighlighted, "#metrics")
    def _metric_chosen(self) -> None:
        if self.comparison is not None:
            self.query_one(DiffCurves).show(self.comparison, self._metric)

    def action_difference(self) -> None:
        """Candidate minus baseline instead of both curves, or back."""
        self.query_one(DiffCurves).toggle()

    def action_chart(self) -> None:
        """The curves of both runs, large."""
        from mlaudit.tui.screens.chart import ChartScreen

        runs = self.query_one(DiffCurves).runs
        if runs:
            self.app.push_screen(ChartScreen(runs, self._metric))

    # Promoting

    def action_promote(self) -> None:
        """Bring the run that is judged to Production."""
        if self.comparison is not None:
            self.begin(PlanPromotion(self.comparison.candidate.run.run_id, self.comparison.raw_model))

    @property
    def run_at_hand(self) -> Run | None:
        """The candidate."""
        return self.comparison.candidate.run if self.comparison else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Promotion is not bound where nothing may be written, and greyed out while there is nothing to promote."""
        if action == "promote":
            if self.promotion_off():
                return False
            return True if self.comparison and not self.is_changing else None
        return super().check_action(action, parameters)

    def look_again(self) -> object:
        """Compare again."""
        return self.compare()

    @property
    def shown_store(self) -> StoreInfo | None:
        """The store of the comparison."""
        return self.comparison.store if self.comparison else self.mlaudit.store

    @property
    def shown_outcome(self) -> Outcome | None:
        """The verdict on screen."""
        return self.comparison.verdict.outcome if self.comparison else None


def _first_look(comparison: Comparison, names: Sequence[str]) -> int:
    """The row to begin on: the first metric that makes the verdict what it is, else a validation loss."""
    verdict = comparison.verdict
    if verdict.outcome is not Outcome.PASS:
        for metric in verdict.metrics:
            if metric.role is not Role.INFO and metric.outcome is verdict.outcome and metric.name in names:
                return names.index(metric.name)
    first = first_metric(names)
    return 0 if first is None else names.index(first)
