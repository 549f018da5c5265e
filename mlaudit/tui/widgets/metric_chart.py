"""One metric of several runs over their steps, in braille dots, with axes, a legend and a cursor that reads figures.

Drawn by hand over ``render_line``, since the libraries for this are slow and fall over what trainings really log.
One redraw at 150x40 with 5 x 1k and 20 x 100k points took 86 and 17,851 ms with plotext, 58 and 8,563 ms with
textual-plot, and 11 and 63 ms with numpy's ``fmin/fmax.reduceat`` per pixel column; min-max of a million points to 300
columns takes 0.3 ms. textual-plot drops NaN, draws across the gap, and crashes under NO_COLOR and at 1e308;
textual-plotext crashes on empty, single-point, all-NaN and infinite data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.color import Color
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from mlaudit.domain.series import Curve, clean_curve, step_at_or_after, step_at_or_before
from mlaudit.tui.widgets.chart_legend import Entry, fit, legend_lines
from mlaudit.tui.widgets.plot import LETTERS, NOBODY, Plot, make_plot

MAX_OVERLAYS = 20
"""More curves than this over one another show nothing."""
# After Okabe and Ito: told apart with every common kind of colour blindness. Brighter on dark, darker on light.
ON_DARK = ("#56B4E9", "#E69F00", "#2FCB9B", "#E59BC8", "#F0E442", "#FF7F3F", "#8FA2FF")
ON_LIGHT = ("#0072B2", "#A86B00", "#00795A", "#A8407F", "#6E6600", "#B34700", "#3B46B5")
BEHIND = 0.45
"""How far the curves behind the highlighted one fade into the background."""
SMALLEST = (24, 6)
"""Columns and rows below which a chart says nothing any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One run's history, as drawn. ``steps`` and ``values`` have the same length and are not changed later."""

    label: str
    """The run's name; printable, not markup."""
    steps: Sequence[int]
    values: Sequence[float]
    """May hold NaN and infinities."""
    note: str = ""
    """What the legend adds: ``sampled``, ``loading…``, an error."""
    color: str = ""
    """Empty: chosen by position."""


class MetricChart(Widget, can_focus=True):
    """Draws series over one another; the keys move a cursor through the steps and choose the highlighted run."""

    HELP_NAME = "chart"
    DEFAULT_CSS = "MetricChart { height: 1fr; width: 1fr; min-height: 6; }"
    BINDINGS = [
        Binding(
            "left", "cursor(-1)", "Step", key_display="←→", id="chart.left", tooltip="Read the values further left"
        ),
        Binding("right", "cursor(1)", show=False, id="chart.right", tooltip="Read the values further right"),
        Binding("shift+left", "step(-1)", show=False, id="chart.step_left", tooltip="One logged step to the left"),
        Binding("shift+right", "step(1)", show=False, id="chart.step_right", tooltip="One logged step to the right"),
        Binding("home", "end(-1)", show=False, id="chart.first", tooltip="Read the first step"),
        Binding("end", "end(1)", show=False, id="chart.last", tooltip="Read the last step"),
        Binding("up,k", "highlight(-1)", "Run", key_display="↑↓", id="chart.up", tooltip="Highlight the run before"),
        Binding("down,j", "highlight(1)", show=False, id="chart.down", tooltip="Highlight the next run"),
    ]

    highlighted: reactive[int] = reactive(0)
    """Index of the series that is drawn on top."""
    cursor: reactive[int | None] = reactive(None)
    """The step that is read; None: the last value of each run is shown."""

    def __init__(
        self,
        metric: str = "",
        series: Sequence[Series] = (),
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._metric = metric
        self._series: tuple[Series, ...] = ()
        self._left_out = 0
        self._curves: tuple[Curve, ...] = ()
        self._message = ""
        self._plot: tuple[tuple[int, int, int], Plot] | None = None
        if series:
            self.plot(metric, series)

    @property
    def metric(self) -> str:
        """The metric that is drawn."""
        return self._metric

    @property
    def series(self) -> tuple[Series, ...]:
        """What is drawn: at most MAX_OVERLAYS."""
        return self._series

    def plot(self, metric: str, series: Sequence[Series], *, message: str = "") -> None:
        """Draw these; ``message`` says why where there are no points. Raises ValueError on unequal lengths.

        The cursor stays on its step and the highlight on its index, so that a live curve can be drawn again and again.
        """
        known = {(id(s.steps), id(s.values)): c for s, c in zip(self._series, self._curves, strict=True)}
        if metric != self._metric:
            self.cursor = None
        self._metric, self._message = metric, message
        self._left_out = max(0, len(series) - MAX_OVERLAYS)
        drawn = tuple(series[:MAX_OVERLAYS])
        self._curves = tuple(known.get((id(s.steps), id(s.values))) or clean_curve(s.steps, s.values) for s in drawn)
        self._series = drawn
        self.highlighted = min(self.highlighted, max(0, len(drawn) - 1))
        self._plot = None
        self.refresh()

    # Keys

    def action_cursor(self, direction: int) -> None:
        """Move the cursor to the next place that looks different: the next step, or cell where steps are dense."""
        plot = self._drawn()
        if not self._points() or plot is None:
            return
        if self.cursor is None:
            self.action_end(1 if direction < 0 else -1)
            return
        column = plot.column(min(max(self.cursor, plot.first), plot.last))
        if direction > 0:
            beyond = plot.first_step(column + 1) if column + 1 < plot.width else plot.last
            found = step_at_or_after(self._curves, max(beyond, self.cursor + 1))
        else:
            beyond = plot.first_step(column) - 1 if column else plot.first
            found = step_at_or_before(self._curves, min(beyond, self.cursor - 1))
        self.cursor = self.cursor if found is None else found

    def action_step(self, direction: int) -> None:
        """Move the cursor by one logged step of any run."""
        if self.cursor is None:
            self.action_cursor(direction)
        elif direction > 0:
            found = step_at_or_after(self._curves, self.cursor + 1)
            self.cursor = self.cursor if found is None else found
        else:
            found = step_at_or_before(self._curves, self.cursor - 1)
            self.cursor = self.cursor if found is None else found

    def action_end(self, direction: int) -> None:
        """Move the cursor to the first or last step of all runs."""
        if self._points():
            far = 2**63 - 1
            self.cursor = (
                step_at_or_before(self._curves, far) if direction > 0 else step_at_or_after(self._curves, -far - 1)
            )

    def action_highlight(self, direction: int) -> None:
        """Draw the next run on top."""
        if self._series:
            self.highlighted = (self.highlighted + direction) % len(self._series)

    def on_click(self, event: events.Click) -> None:
        """A click in the plot reads the step there; one on the legend highlights that run."""
        plot = self._drawn()
        if plot is None:
            return
        row, column = event.y - 1, event.x - plot.gutter
        if 0 <= row < plot.height and 0 <= column < plot.width and self._points():
            step = plot.first_step(column)
            found = step_at_or_after(self._curves, step)
            self.cursor = step_at_or_before(self._curves, step) if found is None else found
        entry = event.y - plot.height - 3
        lines = self._legend()
        if 0 <= entry < len(lines) and lines[entry].index is not None:
            self.highlighted = lines[entry].index or 0

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Header, plot, x axis, its labels, legend: from the top to the bottom."""
        width, height = self.size
        base = self.rich_style
        if width < SMALLEST[0] or height < SMALLEST[1]:
            text = "too small for a chart" if y == 0 else ""
            return Strip([Segment(fit(text, width, pad=True), base)], width)
        plot = self._drawn()
        if plot is None:
            return Strip.blank(width, base)
        if y == 0:
            return self._header(width, base)
        row = y - 1
        if row < plot.height:
            return self._plot_row(plot, row, base)
        if row == plot.height:
            return self._axis_row(plot, base)
        if row == plot.height + 1:
            labels = fit("step".rjust(plot.gutter - 1), plot.gutter, pad=True) if plot.gutter > 4 else " "
            return Strip([Segment(labels, base + Style(bold=True)), Segment(plot.x_labels, base)]).adjust_cell_length(
                width, base
            )
        return self._legend_row(row - plot.height - 2, width, base)

    def _drawn(self) -> Plot | None:
        """The plot for the size and highlight of now; None while the widget is too small for one."""
        width, height = self.size
        if width < SMALLEST[0] or height < SMALLEST[1]:
            return None
        key = (width, height, self.highlighted)
        if self._plot is None or self._plot[0] != key:
            inner = max(1, height - 3 - self._legend_height(height))
            empty = self._message or ("no points were logged" if self._series else "nothing to draw")
            self._plot = key, make_plot(self._curves, self.highlighted, width, inner, empty)
        return self._plot[1]

    def _legend_height(self, height: int) -> int:
        return min(len(self._series), max(1, (height - 3) // 3)) if height > SMALLEST[1] else 0

    def _points(self) -> int:
        return sum(len(c) for c in self._curves)

    def _legend(self) -> list[Entry]:
        return legend_lines(
            [(s.label, s.note) for s in self._series],
            self._curves,
            self.highlighted,
            self.cursor,
            self.size.width,
            self._legend_height(self.size.height),
        )

    def _style(self, index: int) -> Style:
        """The style of a series: its colour, faded unless it is highlighted."""
        palette = ON_DARK if self.app.current_theme.dark else ON_LIGHT
        color = Color.parse(self._series[index].color or palette[index % len(palette)])
        if index == self.highlighted:
            return Style(color=color.rich_color, bold=True)
        background = self.background_colors[1]
        return Style(color=color.blend(background, BEHIND, 1.0).rich_color)

    def _header(self, width: int, base: Style) -> Strip:
        reading = "last values" if self.cursor is None else f"step {self.cursor}"
        if self._left_out:
            reading = f"{len(self._series)} of {len(self._series) + self._left_out} runs drawn · {reading}"
        if not self._points():
            reading = ""
        left = fit(self._metric, max(0, width - len(reading) - 1), pad=True)
        return Strip(
            [Segment(left, base + Style(bold=True)), Segment(f" {reading}" if reading else " ", base)]
        ).adjust_cell_length(width, base)

    def _plot_row(self, plot: Plot, row: int, base: Style) -> Strip:
        line = plot.y_labels.get(row, "")
        bar = "┤" if line else "│"
        segments = [Segment(f"{line:>{plot.gutter - 1}}{bar}"[-plot.gutter :], base)]
        if plot.message and row == plot.height // 2:
            segments.append(Segment(fit(plot.message, plot.width).center(plot.width), base + Style(italic=True)))
            return Strip(segments).adjust_cell_length(self.size.width, base)
        chars, owners = plot.chars[row], plot.owners[row].tolist()
        cursor = self._cursor_column(plot)
        mark = base + Style(reverse=True)
        start = 0
        for column in range(1, plot.width + 1):
            if column < plot.width and owners[column] == owners[start] and cursor not in {start, column}:
                continue
            owner = owners[start]
            style = base if owner == NOBODY else base + self._style(owner)
            text = chars[start:column]
            if start == cursor:
                text, style = ("│", base) if owner == NOBODY else (text, style + mark)
            segments.append(Segment(text, style))
            start = column
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _axis_row(self, plot: Plot, base: Style) -> Strip:
        segments = [Segment("└".rjust(plot.gutter), base)]
        cursor = self._cursor_column(plot)
        for column, (char, owner) in enumerate(zip(plot.axis, plot.axis_owners, strict=True)):
            style = base if owner == NOBODY else base + self._style(owner)
            segments.append(Segment(char, style + Style(reverse=True) if column == cursor else style))
        return Strip(segments).simplify().adjust_cell_length(self.size.width, base)

    def _cursor_column(self, plot: Plot) -> int | None:
        if self.cursor is None or not plot.first <= self.cursor <= plot.last:
            return None
        return plot.column(self.cursor)

    def _legend_row(self, row: int, width: int, base: Style) -> Strip:
        lines = self._legend()
        if not 0 <= row < len(lines):
            return Strip.blank(width, base)
        entry = lines[row]
        if entry.index is None:
            return Strip([Segment(fit(entry.text, width), base)]).adjust_cell_length(width, base)
        on_top = entry.index == self.highlighted
        letter = LETTERS[entry.index % len(LETTERS)] if len(self._series) > 1 else "━"
        mark = Segment(f"{'▸' if on_top else ' '}{letter} ", base + self._style(entry.index))
        text = Segment(fit(entry.text, max(0, width - 3)), base + Style(bold=on_top))
        return Strip([mark, text]).adjust_cell_length(width, base)
