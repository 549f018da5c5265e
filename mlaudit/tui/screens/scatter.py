"""A param against a metric, or two metrics against one another: every marked run is a point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from mlaudit.domain.dimensions import Dimension, Spacing, dimensions, rank_correlation
from mlaudit.domain.models import Run
from mlaudit.tui.histories import first_metric, run_labels
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.export import file_name
from mlaudit.tui.screens.pick import PickScreen
from mlaudit.tui.screens.plot_export import Drawn, PlotExportMixin
from mlaudit.tui.widgets.plot import LETTERS
from mlaudit.tui.widgets.scatter import BEST
from mlaudit.tui.widgets.scatter_plot import ScatterPlot

MOST = 5000
"""Runs that are drawn; those beyond are left out, which is said."""
FEW = 10
"""Runs whose names stand below the plot."""


class ScatterScreen(PlotExportMixin, BaseScreen):
    """Any number of runs; at first the first param that differs against a validation metric."""

    TITLE = "scatter"
    CSS = """
    ScatterScreen #about, ScatterScreen #legend, ScatterScreen #run { height: auto; max-height: 4; padding: 0 1; }
    ScatterScreen #about { color: $text-muted; }
    ScatterScreen #run { border-top: solid $panel; }
    """
    BINDINGS = [
        Binding("X", "pick('x')", "x axis", id="scatter.x", tooltip="Choose what the x axis is"),
        Binding("Y", "pick('y')", "y axis", id="scatter.y", tooltip="Choose what the y axis is"),
        Binding("tab", "step(1)", show=False, priority=True, id="scatter.next", tooltip="The next x axis"),
        Binding("shift+tab", "step(-1)", show=False, priority=True, id="scatter.before", tooltip="The x axis before"),
        Binding("L", "log", "Log", id="scatter.log", tooltip="Log axes: x, y, both, none"),
        Binding("enter", "open", "Open", id="scatter.open", tooltip="All of the run under the cursor"),
        Binding("o", "export", show=False, id="scatter.export", tooltip="Write the plot to a CSV, SVG or PNG file"),
        Binding("y", "copy", show=False, id="scatter.copy", tooltip="Copy the id of the run under the cursor"),
    ]

    def __init__(self, runs: Sequence[Run]) -> None:
        super().__init__()
        self._given = len(runs)
        self._runs = tuple(runs[:MOST])
        self._labels = run_labels(self._runs)
        self._every = {d.column: d for d in dimensions(self._runs)}
        metric = first_metric([d.name for d in self._every.values() if d.is_metric and d.extent])
        self._y = f"metrics.{metric}" if metric else next(iter(self._every), "")
        differing = [d for d in self._every.values() if not d.same and d.column != self._y]
        # A param of numbers shows more than one of names, and both more than another metric.
        differing.sort(key=lambda d: (d.is_metric, d.spacing is Spacing.CATEGORIES))
        self._x = differing[0].column if differing else self._y
        self._turned: set[str] = set()
        """Columns whose spacing is not the one that they have by themselves."""

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="about", markup=False)
        yield ScatterPlot(id="plot")
        yield Static(id="legend", markup=False)
        yield Static(id="run", markup=False)

    def on_mount(self) -> None:
        """Draw them."""
        self._draw()
        self.query_one(ScatterPlot).focus()

    def _axis(self, column: str) -> Dimension | None:
        found = self._every.get(column)
        if found is None or column not in self._turned:
            return found
        return found.spaced(Spacing.LINEAR if found.spacing is Spacing.LOG else Spacing.LOG)

    def _draw(self) -> None:
        plot, x, y = self.query_one(ScatterPlot), self._axis(self._x), self._axis(self._y)
        plot.show(self._labels, x, y)
        said = []
        if x is None or y is None:
            said.append("these runs have no params and no metrics")
        else:
            log = " (log)" if y.spacing is Spacing.LOG else ""
            said.append(f"{y.column}{log} over {x.column}: {len(plot.drawn)} runs")
            said += self._left_out(x, y)
            said += self._correlation(x, y)
            if y.best:
                said.append(f"{BEST} best: {'least' if y.direction and y.direction.value == 'lower' else 'greatest'}")
        if self._given > len(self._runs):
            said.append(f"the first {len(self._runs):,} of {self._given:,} runs are drawn")
        self.query_one("#about", Static).update(Text(" · ".join(said)))
        legend = self.query_one("#legend", Static)
        legend.display = len(self._runs) <= FEW
        if legend.display:
            legend.update(Text("   ".join(f"{LETTERS[i]} {label}" for i, label in enumerate(self._labels))))
        self._say()

    def _left_out(self, x: Dimension, y: Dimension) -> list[str]:
        """Why runs are not drawn."""
        both = (x,) if x.column == y.column else (x, y)
        said = [f"{len(d.missing)} without {d.name}" for d in both if d.missing]
        return said + [f"{len(d.not_finite)} whose {d.name} is not finite" for d in both if d.not_finite]

    def _correlation(self, x: Dimension, y: Dimension) -> list[str]:
        """How much the ranks go together; categories have none."""
        if Spacing.CATEGORIES in {x.spacing, y.spacing} or x.column == y.column:
            return []
        rho, count = rank_correlation(x.values, y.values)
        return [] if rho is None else [f"rank correlation {rho:+.2f} (Spearman, n = {count})"]

    @on(ScatterPlot.Moved)
    def _say(self) -> None:
        """The run under the cursor."""
        plot = self.query_one(ScatterPlot)
        text = Text("")
        if plot.drawn and plot.x is not None and plot.y is not None:
            at = plot.highlighted
            letter = f"{LETTERS[at]} " if len(self._runs) <= len(LETTERS) else ""
            star = f" {BEST}" if at in plot.y.best else ""
            text = Text.assemble(
                (f"{letter}{self._labels[at]}", "bold"),
                f"  {plot.x.name} = {plot.x.texts[at]}   {plot.y.name} = {plot.y.texts[at]}{star}",
            )
            if beside := plot.beside:
                more = ", ".join(self._labels[i] for i in beside[:3]) + (", …" if len(beside) > 3 else "")
                text.append(f"   at the same place: {more} ({len(beside)} more)", style="dim")
        elif plot.x is not None:
            text = Text("No run has both.")
        self.query_one("#run", Static).update(text)

    def on_resize(self) -> None:
        """What is at the same place is another matter now."""
        self.call_after_refresh(self._say)

    # Axes

    @work(group="scatter.pick", exclusive=True)
    async def action_pick(self, which: str) -> None:
        """Choose an axis."""
        choices = [(column, self._about(d)) for column, d in self._every.items()]
        if which == "y":
            choices.sort(key=lambda choice: not choice[0].startswith("metrics."))
        current = self._x if which == "x" else self._y
        chosen = await self.app.push_screen_wait(PickScreen(f"What is the {which} axis?", choices, current))
        if chosen is not None:
            self._take(which, chosen)

    def _about(self, dimension: Dimension) -> str:
        low, high = dimension.ends
        if dimension.same:
            return f"{low} in all runs"
        if dimension.spacing is Spacing.CATEGORIES:
            return f"{len(dimension.categories)} values"
        return f"{low} to {high}" if dimension.extent else "no finite value"

    def _take(self, which: str, column: str) -> None:
        if which == "x":
            self._x = column
        else:
            self._y = column
        self._draw()

    def action_step(self, by: int) -> None:
        """The next param or metric that differs as the x axis."""
        columns = [d.column for d in self._every.values() if not d.same and d.extent and d.column != self._y]
        if columns:
            at = columns.index(self._x) if self._x in columns else -by
            self._take("x", columns[(at + by) % len(columns)])

    def action_log(self) -> None:
        """The next way to space the axes, of those that are possible."""
        free = [c for c in dict.fromkeys((self._x, self._y)) if (d := self._every.get(c)) and d.can_be_log]
        if not free:
            self.app.notify("Neither axis can be logarithmic: only numbers above 0 can.", timeout=4, markup=False)
            return
        # Counted as binary digits: x, y, both, none.
        state = sum(1 << n for n, c in enumerate(free) if (d := self._axis(c)) and d.spacing is Spacing.LOG)
        state = (state + 1) % (1 << len(free))
        for n, column in enumerate(free):
            wanted = Spacing.LOG if state >> n & 1 else Spacing.LINEAR
            if self._every[column].spacing is wanted:
                self._turned.discard(column)
            else:
                self._turned.add(column)
        self._draw()

    # The run under the cursor

    @property
    def current(self) -> Run | None:
        """The run under the cursor; None where none is drawn."""
        plot = self.query_one(ScatterPlot)
        return self._runs[plot.highlighted] if plot.drawn else None

    def action_open(self) -> None:
        """All of it."""
        if self.current is not None:
            self.mlaudit.show_run(self.current.run_id)

    def drawn(self) -> Drawn | None:
        """The two values of every run, and the points of those that have both."""
        from mlaudit.tui.plot_files import scatter_picture, values_csv

        x, y = self._axis(self._x), self._axis(self._y)
        if x is None or y is None:
            return None
        both = (x,) if x.column == y.column else (x, y)
        return Drawn(
            file_name(f"{y.name} over {x.name}"),
            len(both) * len(self._runs),
            lambda: values_csv(self._runs, self._labels, both),
            lambda: scatter_picture(self._labels, x, y),
        )

    def action_copy(self) -> None:
        """Copy its id."""
        if self.current is not None:
            self.mlaudit.copy(self.current.run_id)
