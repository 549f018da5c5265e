"""Runs as points between two axes; the keys go from point to point."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.color import Color
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from mlaudit.domain.dimensions import Dimension, Spacing
from mlaudit.tui.widgets.chart_paint import color_of, series_style
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.plot import LETTERS, MAIN, NOBODY
from mlaudit.tui.widgets.scatter import CROWD, Cloud, make_cloud

SMALLEST = (24, 7)
"""Columns and rows below which there is no room for a point."""


class ScatterPlot(Widget, can_focus=True):
    """Draws runs as points."""

    HELP_NAME = "plot"
    DEFAULT_CSS = "ScatterPlot { height: 1fr; width: 1fr; min-height: 6; }"
    BINDINGS = [
        Binding("left,h", "go_x(-1)", "Run", key_display="←→", id="scatter.left", tooltip="The next run on the left"),
        Binding("right,l", "go_x(1)", show=False, id="scatter.right", tooltip="The next run on the right"),
        Binding("up,k", "go_y(1)", show=False, id="scatter.up", tooltip="The next run above"),
        Binding("down,j", "go_y(-1)", show=False, id="scatter.down", tooltip="The next run below"),
        Binding("home,g", "best", "Best", key_display="g", id="scatter.best", tooltip="The best run"),
    ]

    highlighted: reactive[int] = reactive(0)
    """Index of the run that is read."""

    class Moved(Message):
        """Another run was chosen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.labels: tuple[str, ...] = ()
        self.x: Dimension | None = None
        self.y: Dimension | None = None
        self._drawn: tuple[Hashable, Cloud] | None = None
        self._surface = Color(0, 0, 0), True

    def show(self, labels: Sequence[str], x: Dimension | None, y: Dimension | None) -> None:
        """Draw these runs, by their names, by x and y; the cursor stays on its run, if that has a place."""
        self.labels, self.x, self.y, self._drawn = tuple(labels), x, y, None
        if self.drawn and self.highlighted not in self.drawn:
            self.highlighted = self.drawn[0]
        self.refresh()

    @property
    def drawn(self) -> tuple[int, ...]:
        """Indexes of the runs that have a place, from the left to the right, from below where that is the same."""
        if self.x is None or self.y is None:
            return ()
        pairs = enumerate(zip(self.x.values, self.y.values, strict=True))
        return tuple(i for _, _, i in sorted((a, b, i) for i, (a, b) in pairs if a is not None and b is not None))

    @property
    def beside(self) -> tuple[int, ...]:
        """The runs at the place of the highlighted one, as far as can be seen."""
        cloud = self._cloud()
        return cloud.beside(self.highlighted) if cloud else ()

    # Keys and mouse

    def action_go_x(self, by: int) -> None:
        """The next run to a side."""
        self._go(self.drawn, by)

    def action_go_y(self, by: int) -> None:
        """The next run up or down."""
        y = self.y
        if y is not None:
            self._go(tuple(sorted(self.drawn, key=lambda i: (y.values[i] or 0.0, i))), by)

    def _go(self, order: tuple[int, ...], by: int) -> None:
        if self.highlighted in order:
            at = order.index(self.highlighted) + by
            self.highlighted = order[min(max(0, at), len(order) - 1)]

    def action_best(self) -> None:
        """The best run, where it is known which way that is."""
        best = [i for i in (self.y.best if self.y else ()) if i in self.drawn]
        if best:
            self.highlighted = best[0]
        else:
            self.app.notify("Which way this gets better is not known.", timeout=4, markup=False)

    def on_click(self, event: events.Click) -> None:
        """The nearest point."""
        cloud = self._cloud()
        if cloud is None:
            return
        row, column = event.y, event.x - cloud.gutter
        near = [(abs(c[0] - row) * 2 + abs(c[1] - column), i) for i, c in enumerate(cloud.cells) if c is not None]
        if near:
            self.highlighted = min(near)[1]

    def watch_highlighted(self) -> None:
        """Whoever shows it is told."""
        self.post_message(self.Moved())

    # Drawing

    def _cloud(self) -> Cloud | None:
        width, height = self.size
        if self.x is None or self.y is None or width < SMALLEST[0] or height < SMALLEST[1]:
            return None
        key = (width, height, self.highlighted)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, make_cloud(self.x, self.y, self.highlighted, width, height - 3)
        return self._drawn[1]

    def render_line(self, y: int) -> Strip:
        """The points with the y axis, then the x axis, its labels and its name."""
        width, base = self.size.width, self.rich_style
        self._surface = self.background_colors[1], self.app.current_theme.dark
        cloud = self._cloud()
        if cloud is None or self.x is None:
            said = "too small for a plot" if self.x is not None else "nothing to draw"
            return Strip([Segment(fit(said if y == 0 else "", width, pad=True), base)], width)
        height = len(cloud.chars)
        if y < height:
            return self._points(cloud, y, base)
        inner = width - cloud.gutter
        if y == height:
            axis = "".join("┬" if column in cloud.ticks else "─" for column in range(inner))
            return Strip([Segment(f"{'└':>{cloud.gutter}}{axis}", base)]).adjust_cell_length(width, base)
        if y == height + 1:
            return Strip([Segment(" " * cloud.gutter + cloud.x_labels, base)]).adjust_cell_length(width, base)
        name = f"{self.x.column}{' (log)' if self.x.spacing is Spacing.LOG else ''}"
        return Strip([Segment(f"{' ' * cloud.gutter}{name:^{inner}}", base + Style(bold=True))]).adjust_cell_length(
            width, base
        )

    def _points(self, cloud: Cloud, row: int, base: Style) -> Strip:
        label = cloud.y_labels.get(row, "")
        segments = [Segment(f"{label:>{cloud.gutter - 1}}{'┤' if label else '│'}", base)]
        chars, owners = cloud.chars[row], cloud.owners[row].tolist()
        start = 0
        for column in range(1, len(chars) + 1):
            if column < len(chars) and owners[column] == owners[start]:
                continue
            owner = owners[start]
            style = base if owner == NOBODY else base + self._style(owner)
            segments.append(Segment(chars[start:column], style))
            start = column
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _style(self, owner: int) -> Style:
        background, dark = self._surface
        lettered = len(self.labels) <= len(LETTERS)
        color = color_of(owner if lettered and owner != CROWD else 0, "", dark=dark)
        on_top = owner == self.highlighted
        style = series_style(color, background, MAIN, on_top=on_top)
        return style + Style(reverse=True) if on_top else style
