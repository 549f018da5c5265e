"""One metric of several runs over their steps, in braille dots, with axes, a legend and a cursor that reads figures.

Drawn by hand over ``render_line``, since the libraries for this are slow and fall over what trainings really log.
One redraw at 150x40 with 5 x 1k and 20 x 100k points took 86 and 17,851 ms with plotext, 58 and 8,563 ms with
textual-plot, and 11 and 63 ms with numpy's ``fmin/fmax.reduceat`` per pixel column; min-max of a million points to 300
columns takes 0.3 ms. textual-plot drops NaN, draws across the gap, and crashes under NO_COLOR and at 1e308;
textual-plotext crashes on empty, single-point, all-NaN and infinite data.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.color import Color
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from mlaudit.domain.scales import XUnit, YScale
from mlaudit.domain.series import Curve, step_at_or_after, step_at_or_before, step_extent
from mlaudit.domain.smoothing import WEIGHTS
from mlaudit.domain.verdict import Direction
from mlaudit.domain.windows import View, shifted, zoomed
from mlaudit.tui.widgets.chart_keys import view_keys
from mlaudit.tui.widgets.chart_legend import Entry, legend_lines
from mlaudit.tui.widgets.chart_paint import axis_row, color_of, labels_row, legend_row, plot_row, series_style
from mlaudit.tui.widgets.chart_series import BEST, GREATEST, LEAST, Prepared, Preparing, Reading, Series
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.plot import Look, Plot, make_plot

__all__ = ["MAX_OVERLAYS", "SMALLEST", "MetricChart", "Series"]

MAX_OVERLAYS = 20
"""More curves than this over one another show nothing."""
SMALLEST = (24, 6)
"""Columns and rows below which a chart says nothing any more."""
X_TITLES = {XUnit.STEP: "step", XUnit.RELATIVE: "time", XUnit.WALL: "UTC"}


@dataclass(frozen=True, slots=True, eq=False)
class ChartView:
    """What a chart shows at the moment."""

    metric: str
    series: tuple[Series, ...]
    prepared: tuple[Prepared, ...]
    look: Look
    about: str
    """How it is drawn: the scale, the smoothing, what is marked."""


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
        *view_keys(),
    ]

    highlighted: reactive[int] = reactive(0)
    """Index of the series that is drawn on top."""
    cursor: reactive[int | None] = reactive(None)
    """The step (or time) that is read; None: the last value of each run is shown."""
    unit: reactive[XUnit] = reactive(XUnit.STEP)
    scale: reactive[YScale] = reactive(YScale.LINEAR)
    weight: reactive[float] = reactive(0.0)
    """Of the moving average; 0: no smoothing."""
    view: reactive[View | None] = reactive(None)
    """The part of the x axis that is seen; None: all of it."""

    def __init__(
        self,
        metric: str = "",
        series: Sequence[Series] = (),
        *,
        legend: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._metric = metric
        self._has_legend = legend
        self._series: tuple[Series, ...] = ()
        self._left_out = 0
        self._message = ""
        self._direction: Direction | None = None
        self._zero = False
        self._steps_only = ""
        self._preparing = Preparing()
        self._ready: tuple[Reading, tuple[Prepared, ...]] | None = None
        self._plot: tuple[Hashable, Plot] | None = None
        self._lines: tuple[Hashable, list[Entry]] | None = None
        self._styles: dict[Hashable, Style] = {}
        self._surface = Color(0, 0, 0), True
        self._dragged: tuple[int, View] | None = None
        self._was_dragged = False
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

    @property
    def reading(self) -> Reading:
        """How the curves are read now."""
        return Reading(XUnit.STEP if self._steps_only else self.unit, self.scale, self.weight, self._direction)

    @property
    def look(self) -> Look:
        """How the axes are drawn now."""
        return Look(self.reading.unit, self.scale, self.view, self._zero)

    @property
    def shown(self) -> ChartView:
        """All that is drawn now, e.g. for a file."""
        return ChartView(self._metric, self._series, self.prepared, self.look, self._about())

    @property
    def prepared(self) -> tuple[Prepared, ...]:
        """The series as they are read now."""
        reading = self.reading
        if self._ready is None or self._ready[0] != reading:
            self._ready = reading, self._preparing.all(self._series, reading)
        return self._ready[1]

    def plot(
        self,
        metric: str,
        series: Sequence[Series],
        *,
        message: str = "",
        direction: Direction | None = None,
        zero: bool = False,
        steps_only: str = "",
    ) -> None:
        """Draw these; ``message`` says why where there are no points. Raises ValueError on unequal lengths.

        ``direction`` says which value is marked as the best; ``zero`` puts a line at 0; ``steps_only`` says why no
        other x axis is possible. The cursor stays on its step, the highlight on its index and what is seen where it
        is, so that a live curve can be drawn again and again.
        """
        if metric != self._metric:
            self.cursor, self.view = None, None
        if bool(steps_only) != bool(self._steps_only) and self.unit is not XUnit.STEP:
            self.cursor, self.view = None, None
        for one in series:
            if len(one.steps) != len(one.values):
                raise ValueError(f"{len(one.steps)} steps and {len(one.values)} values")
        self._metric, self._message = metric, message
        self._direction, self._zero, self._steps_only = direction, zero, steps_only
        self._left_out = max(0, len(series) - MAX_OVERLAYS)
        self._series = tuple(series[:MAX_OVERLAYS])
        self.highlighted = min(self.highlighted, max(0, len(self._series) - 1))
        self._ready = None
        self._forget_drawing()

    def _forget_drawing(self) -> None:
        self._plot = self._lines = None
        self._styles.clear()
        self.refresh()

    # Keys: reading

    def action_cursor(self, direction: int) -> None:
        """Move the cursor to the next place that looks different: the next step, or cell where steps are dense."""
        plot = self._drawn()
        if not self._points() or plot is None:
            return
        if self.cursor is None:
            self.cursor = (
                step_at_or_before(self._curves, plot.last)
                if direction < 0
                else step_at_or_after(self._curves, plot.first)
            )
            return
        column = plot.column(min(max(self.cursor, plot.first), plot.last))
        if direction > 0:
            beyond = plot.first_step(column + 1) if column + 1 < plot.width else plot.last
            self._move_to(step_at_or_after(self._curves, max(beyond, self.cursor + 1)))
        else:
            beyond = plot.first_step(column) - 1 if column else plot.first
            self._move_to(step_at_or_before(self._curves, min(beyond, self.cursor - 1)))

    def action_step(self, direction: int) -> None:
        """Move the cursor by one logged step of any run."""
        if self.cursor is None:
            self.action_cursor(direction)
        elif direction > 0:
            self._move_to(step_at_or_after(self._curves, self.cursor + 1))
        else:
            self._move_to(step_at_or_before(self._curves, self.cursor - 1))

    def action_end(self, direction: int) -> None:
        """Move the cursor to the first or last step of all runs."""
        if self._points():
            far = 2**63 - 1
            self._move_to(
                step_at_or_before(self._curves, far) if direction > 0 else step_at_or_after(self._curves, -far - 1)
            )

    def _move_to(self, step: int | None) -> None:
        """Put the cursor there, and bring it into view."""
        if step is None:
            return
        self.cursor = step
        extent = step_extent(self._curves)
        if self.view is not None and extent is not None and not self.view[0] <= step <= self.view[1]:
            edge = self.view[0] if step < self.view[0] else self.view[1]
            self.view = shifted(self.view, extent, step - edge)

    def action_highlight(self, direction: int) -> None:
        """Draw the next run on top."""
        if self._series:
            self.highlighted = (self.highlighted + direction) % len(self._series)

    # Keys: how it is drawn

    def action_cycle_scale(self) -> None:
        """The next spacing of the y axis."""
        every = list(YScale)
        self.scale = every[(every.index(self.scale) + 1) % len(every)]

    def action_cycle_smoothing(self) -> None:
        """The next heavier smoothing, after the heaviest none."""
        self.weight = next((w for w in WEIGHTS if w > self.weight), WEIGHTS[0])

    def action_cycle_unit(self) -> None:
        """The next unit of the x axis; the cursor stays on its point of the highlighted run."""
        if self._steps_only:
            self.app.notify(self._steps_only, timeout=4, markup=False)
            return
        before = self.prepared[self.highlighted].curve if self._series else None
        at, every = self.cursor, list(XUnit)
        self.unit = every[(every.index(self.unit) + 1) % len(every)]
        self.view, self.cursor = None, None
        if at is not None and before is not None and self._points():
            import numpy as np

            now = self.prepared[self.highlighted].curve
            if len(now) == len(before) and len(now):
                index = max(0, int(np.searchsorted(before.steps, at, side="right")) - 1)
                self.cursor = int(now.steps[index])

    def action_zoom(self, direction: int) -> None:
        """Half as much, or twice as much, around the cursor if it is seen, else around the middle."""
        view = self.view or step_extent(self._curves)
        if view is not None:
            seen = self.cursor is not None and view[0] <= self.cursor <= view[1]
            self._zoom(self.cursor if seen and self.cursor is not None else (view[0] + view[1]) // 2, direction)

    def _zoom(self, around: int, direction: int) -> None:
        extent = step_extent(self._curves)
        if extent is not None and extent[1] > extent[0]:
            self.view = zoomed(self.view or extent, extent, around, closer=direction > 0)

    def action_pan(self, direction: int) -> None:
        """A quarter of what is seen to the left or to the right."""
        extent = step_extent(self._curves)
        if self.view is not None and extent is not None:
            self.view = shifted(self.view, extent, direction * max(1, (self.view[1] - self.view[0]) // 4))

    def action_zoom_reset(self) -> None:
        """All of it."""
        self.view = None

    # The mouse

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Closer, around the place under the mouse."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Further away."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        # In a page that scrolls the wheel scrolls, unless the chart has been chosen.
        scrolls = any(isinstance(a, Widget) and a.max_scroll_y > 0 for a in self.ancestors)
        plot = self._drawn()
        if plot is None or not self._points() or (scrolls and not self.has_focus):
            return
        event.stop()
        column = min(max(0, event.x - plot.gutter), plot.width - 1)
        self._zoom(plot.first_step(column), direction)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A zoomed plot can be dragged."""
        self._was_dragged = False
        plot = self._drawn()
        if plot is not None and self.view is not None and 0 <= event.y - 1 < plot.height:
            self._dragged = event.x, self.view
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag what is seen along."""
        plot, extent = self._drawn(), step_extent(self._curves)
        if self._dragged is None or plot is None or extent is None or event.x == self._dragged[0]:
            return
        self._was_dragged = True
        at, view = self._dragged
        self.view = shifted(view, extent, (at - event.x) * (view[1] - view[0]) // plot.width)

    def on_mouse_up(self) -> None:
        """The end of dragging."""
        if self._dragged is not None:
            self._dragged = None
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """A click in the plot reads the step there; one on the legend highlights that run; a double one shows all."""
        plot = self._drawn()
        if plot is None or self._was_dragged:
            return
        row, column = event.y - 1, event.x - plot.gutter
        if 0 <= row < plot.height and 0 <= column < plot.width and self._points():
            if event.chain == 2:
                self.view = None
                return
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
        # Looked up once a line: for every piece of a line it would cost more than the drawing.
        self._surface = self.background_colors[1], self.app.current_theme.dark
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
            return plot_row(plot, row, self._cursor_column(plot), self._style, base, width)
        if row == plot.height:
            return axis_row(plot, self._cursor_column(plot), self._style, base, width)
        if row == plot.height + 1:
            return labels_row(plot, X_TITLES[self.reading.unit], base, width)
        return legend_row(
            self._legend(), row - plot.height - 2, self.highlighted, len(self._series), self._style, base, width
        )

    def _drawn(self) -> Plot | None:
        """The plot for the size and highlight of now; None while the widget is too small for one."""
        width, height = self.size
        if width < SMALLEST[0] or height < SMALLEST[1]:
            return None
        key = (width, height, self.highlighted, self.reading, self.look)
        if self._plot is None or self._plot[0] != key:
            inner = max(1, height - 3 - self._legend_height(height))
            empty = self._message or ("no points were logged" if self._series else "nothing to draw")
            lines = [p.line for p in self.prepared]
            self._plot = key, make_plot(lines, self.highlighted, width, inner, empty, self.look)
        return self._plot[1]

    def _legend_height(self, height: int) -> int:
        if not self._has_legend:
            return 0
        return min(len(self._series), max(1, (height - 3) // 3)) if height > SMALLEST[1] else 0

    @property
    def _curves(self) -> tuple[Curve, ...]:
        return tuple(p.curve for p in self.prepared)

    def _points(self) -> int:
        return sum(len(p.curve) for p in self.prepared)

    def _legend(self) -> list[Entry]:
        key = (self.size, self.highlighted, self.cursor, self.reading)
        if self._lines is None or self._lines[0] != key:
            height = self._legend_height(self.size.height)
            read = self.highlighted, self.cursor, self.size.width, height
            made = legend_lines(self._series, self.prepared, *read, self.reading.unit, self._direction)
            self._lines = key, made
        return self._lines[1]

    def _style(self, index: int, tone: int) -> Style:
        """The style of a series: its colour, faded unless it is highlighted."""
        background, dark = self._surface
        key = (index, tone, index == self.highlighted, background, dark)
        if key not in self._styles:
            color = color_of(index, self._series[index].color, dark=dark)
            self._styles[key] = series_style(color, background, tone, on_top=index == self.highlighted)
        return self._styles[key]

    def _header(self, width: int, base: Style) -> Strip:
        reading = "last values" if self.cursor is None else self.reading.unit.read(self.cursor)
        if self._left_out:
            reading = f"{len(self._series)} of {len(self._series) + self._left_out} runs drawn · {reading}"
        if not self._points():
            reading = ""
        room = max(0, width - len(reading) - 1)
        about = self._about()
        name = fit(self._metric, max(min(room, 12), room - len(about)))
        left = fit(name + about, room, pad=True)
        return Strip(
            [
                Segment(left[: len(name)], base + Style(bold=True)),
                Segment(left[len(name) :], base),
                Segment(f" {reading}" if reading else " ", base),
            ]
        ).adjust_cell_length(width, base)

    def _about(self) -> str:
        """How it is drawn, as far as that is not plain, and what the marks mean."""
        said = []
        if self.scale is not YScale.LINEAR:
            said.append(str(self.scale))
        if self.weight:
            said.append(f"EMA {self.weight:g}")
        if self.view is not None:
            said.append("zoomed")
        marks = {m.char for p in self.prepared for m in p.line.marks}
        if BEST in marks:
            said.append(f"{BEST} best: {'least' if self._direction is Direction.LOWER else 'greatest'}")
        elif LEAST in marks:
            said.append(f"{LEAST} least {GREATEST} greatest")
        return "".join(f" · {part}" for part in said)

    def _cursor_column(self, plot: Plot) -> int | None:
        if self.cursor is None or not plot.first <= self.cursor <= plot.last:
            return None
        return plot.column(self.cursor)
