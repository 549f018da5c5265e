"""Marked runs as lines over their params and metrics: which values go with which results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from mlaudit.domain.dimensions import Dimension, dimensions
from mlaudit.domain.models import Run
from mlaudit.tui.histories import run_labels
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.columns import ColumnsScreen
from mlaudit.tui.screens.plot_export import Drawn, PlotExportMixin
from mlaudit.tui.widgets.parallel_plot import ParallelPlot

RUNS = "run"
"""Stands in the picker for what is no axis."""


class ParallelScreen(PlotExportMixin, BaseScreen):
    """Two to ten runs; at first over what differs between them, params before metrics."""

    TITLE = "parallel"
    CSS = """
    ParallelScreen #about, ParallelScreen #axis { height: auto; max-height: 3; padding: 0 1; }
    ParallelScreen #about { color: $text-muted; }
    ParallelScreen #axis { border-top: solid $panel; }
    """
    BINDINGS = [
        Binding("a", "everything", "All", id="parallel.all", tooltip="Also what is the same in all runs"),
        Binding("C", "axes", "Axes", id="parallel.axes", tooltip="Choose the axes and their order"),
        Binding("enter", "open", "Open", id="parallel.open", tooltip="All of the highlighted run"),
        Binding("o", "export", show=False, id="parallel.export", tooltip="Write the plot to a CSV, SVG or PNG file"),
        Binding("y", "copy", show=False, id="parallel.copy", tooltip="Copy the run's value on this axis"),
    ]

    def __init__(self, runs: Sequence[Run], left_out: int = 0) -> None:
        """``left_out``: how many more runs were marked."""
        super().__init__()
        self._runs, self._left_out = tuple(runs), left_out
        self._every = dimensions(self._runs)
        self._everything = False
        self._chosen: tuple[str, ...] | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="about", markup=False)
        yield ParallelPlot(id="plot")
        yield Static(id="axis", markup=False)

    def on_mount(self) -> None:
        """Draw what differs."""
        self._draw()
        self.query_one(ParallelPlot).focus()

    @property
    def _axes(self) -> tuple[Dimension, ...]:
        if self._chosen is not None:
            by_column = {axis.column: axis for axis in self._every}
            return tuple(by_column[column] for column in self._chosen if column in by_column)
        return tuple(a for a in self._every if self._everything or not (a.same or a.name.startswith("system/")))

    def _draw(self) -> None:
        axes = self._axes
        self.query_one(ParallelPlot).show(run_labels(self._runs), axes)
        hidden = len(self._every) - len(axes)
        said = [f"{len(self._runs)} runs over {len(axes)} of {len(self._every)} params and metrics"]
        if self._chosen is not None:
            said.append("chosen (C)")
        elif hidden:
            said.append(f"{hidden} that are the same or the system's are left out (a shows them)")
        if self._left_out:
            said.append(f"{self._left_out} more runs were marked and are left out")
        self.query_one("#about", Static).update(Text(" · ".join(said)))
        self._say()

    @on(ParallelPlot.Moved)
    def _say(self) -> None:
        """All of the value under the cursor, which may not fit at its axis."""
        plot = self.query_one(ParallelPlot)
        text = Text("")
        if plot.axes:
            axis = plot.axes[plot.axis]
            value = axis.texts[plot.highlighted]
            best = axis.best
            text = Text.assemble(
                (axis.column, "bold"),
                f"  {plot.labels[plot.highlighted]}: {'it has none' if value is None else value}",
                f" · best: {', '.join(f'{plot.labels[i]} {axis.texts[i]}' for i in best)}" if best else "",
                f" · {len(axis.missing)} without it" if axis.missing else "",
                f" · {len(axis.not_finite)} not finite" if axis.not_finite else "",
            )
        self.query_one("#axis", Static).update(text)

    def action_everything(self) -> None:
        """Show or hide what is the same."""
        self._everything, self._chosen = not self._everything or self._chosen is not None, None
        self._draw()

    @work(group="parallel.axes", exclusive=True)
    async def action_axes(self) -> None:
        """Choose the axes."""
        shown = tuple(axis.column for axis in self._axes)
        others = tuple(axis.column for axis in self._every if axis.column not in shown)
        chosen = await self.app.push_screen_wait(ColumnsScreen((RUNS, *shown, *others), (RUNS, *shown)))
        if chosen is not None:
            self._chosen = tuple(column for column in chosen if column != RUNS) or None
            self._draw()

    def action_open(self) -> None:
        """All of the highlighted run."""
        self.mlaudit.show_run(self._runs[self.query_one(ParallelPlot).highlighted].run_id)

    def drawn(self) -> Drawn | None:
        """All axes that are chosen, also those that do not fit on the screen."""
        from mlaudit.tui.plot_files import parallel_picture, values_csv

        axes, labels = self._axes, run_labels(self._runs)
        return (
            Drawn(
                "parallel.svg",
                len(labels) * len(axes),
                lambda: values_csv(self._runs, labels, axes),
                lambda: parallel_picture(labels, axes),
            )
            if axes
            else None
        )

    def action_copy(self) -> None:
        """Copy the value under the cursor."""
        plot = self.query_one(ParallelPlot)
        value = plot.axes[plot.axis].texts[plot.highlighted] if plot.axes else None
        if value is not None:
            self.mlaudit.copy(value)
