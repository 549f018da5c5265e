"""Runs as lines over params and metrics, with a legend; the keys choose a run and an axis."""

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

from mlaudit.domain.dimensions import Dimension
from mlaudit.tui.widgets.chart_paint import color_of, series_style
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.parallel import Sheet, make_sheet, title, window, without_value, written
from mlaudit.tui.widgets.plot import LETTERS, MAIN, NOBODY

SMALLEST = (32, 10)
"""Columns and rows below which there is no room for two axes."""
ABOVE, BELOW = 2, 3
"""Lines over the axes (names, high ends) and under them (low ends, the highlighted run's values, who has none)."""


class ParallelPlot(Widget, can_focus=True):
    """Draws runs as lines over axes."""

    HELP_NAME = "plot"
    DEFAULT_CSS = "ParallelPlot { height: 1fr; width: 1fr; min-height: 8; }"
    BINDINGS = [
        Binding("up,k", "highlight(-1)", "Run", key_display="↑↓", id="parallel.up", tooltip="Highlight the run before"),
        Binding("down,j", "highlight(1)", show=False, id="parallel.down", tooltip="Highlight the next run"),
        Binding("left,h", "axis(-1)", "Axis", key_display="←→", id="parallel.left", tooltip="The axis on the left"),
        Binding("right,l", "axis(1)", show=False, id="parallel.right", tooltip="The axis on the right"),
        Binding("home,g", "end(0)", show=False, id="parallel.first", tooltip="The first axis"),
        Binding("end,G", "end(-1)", show=False, id="parallel.last", tooltip="The last axis"),
    ]

    highlighted: reactive[int] = reactive(0)
    """Index of the run that is drawn on top."""
    axis: reactive[int] = reactive(0)
    """Index of the axis under the cursor."""

    class Moved(Message):
        """Another run or axis was chosen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.labels: tuple[str, ...] = ()
        self.axes: tuple[Dimension, ...] = ()
        self._first = 0
        self._drawn: tuple[Hashable, Sheet] | None = None
        self._surface = Color(0, 0, 0), True

    def show(self, labels: Sequence[str], axes: Sequence[Dimension]) -> None:
        """Draw these runs, by their names, over these axes; the cursor stays on its axis if that is still there."""
        before = self.axes[self.axis].column if self.axes else ""
        self.labels, self.axes, self._drawn = tuple(labels), tuple(axes), None
        self.axis = next((n for n, axis in enumerate(self.axes) if axis.column == before), 0)
        self.highlighted = min(self.highlighted, max(0, len(self.labels) - 1))
        self.refresh()

    # Keys and mouse

    def action_highlight(self, by: int) -> None:
        """The next run."""
        if self.labels:
            self.highlighted = (self.highlighted + by) % len(self.labels)

    def action_axis(self, by: int) -> None:
        """The next axis."""
        self.axis = min(max(0, self.axis + by), max(0, len(self.axes) - 1))

    def action_end(self, index: int) -> None:
        """The first or the last axis."""
        if self.axes:
            self.axis = index % len(self.axes)

    def on_click(self, event: events.Click) -> None:
        """The run of a line of the legend, or of a line that was hit; else the nearest axis."""
        sheet = self._sheet()
        if sheet is None:
            return
        entry = event.y - self._below_axes
        row = event.y - ABOVE
        if 0 <= entry < len(self._listed):
            self.highlighted = self._listed[entry]
        elif 0 <= row < len(sheet.chars) and event.x < sheet.owners.shape[1] and sheet.owners[row, event.x] != NOBODY:
            self.highlighted = int(sheet.owners[row, event.x])
        elif sheet.columns:
            near = min(range(len(sheet.columns)), key=lambda n: abs(sheet.columns[n] - event.x))
            self.axis = sheet.first + near

    def watch_highlighted(self) -> None:
        """Whoever shows it is told."""
        self.post_message(self.Moved())

    def watch_axis(self) -> None:
        """The same."""
        self.post_message(self.Moved())

    # Drawing

    @property
    def _legend_height(self) -> int:
        return min(len(self.labels), max(1, self.size.height // 3))

    @property
    def _below_axes(self) -> int:
        """The first line of the legend."""
        return self.size.height - self._legend_height

    @property
    def _listed(self) -> range:
        """The runs in the legend; the highlighted one is always among them."""
        shown = self._legend_height
        start = min(max(0, self.highlighted - shown // 2), len(self.labels) - shown)
        return range(start, start + shown)

    def _sheet(self) -> Sheet | None:
        width, height = self.size
        inner = self._below_axes - ABOVE - BELOW
        if width < SMALLEST[0] or inner < 3 or not self.axes:
            return None
        self._first, fitting = window(len(self.axes), self.axis, self._first, width)
        key = (width, height, self._first, self.highlighted)
        if self._drawn is None or self._drawn[0] != key:
            shown = self.axes[self._first : self._first + fitting]
            self._drawn = key, make_sheet(shown, self._first, len(self.labels), self.highlighted, width, inner)
        return self._drawn[1]

    def render_line(self, y: int) -> Strip:
        """Names, high ends, the lines, low ends, the highlighted run's values, who has none, the legend."""
        width, base = self.size.width, self.rich_style
        self._surface = self.background_colors[1], self.app.current_theme.dark
        sheet = self._sheet()
        if sheet is None:
            said = "nothing to draw" if not self.axes else "too small for a plot"
            return Strip([Segment(fit(said if y == 0 else "", width, pad=True), base)], width)
        axes = self.axes[sheet.first : sheet.first + len(sheet.columns)]
        row, inner = y - ABOVE, len(sheet.chars)
        own = base + self._style(self.highlighted)
        if y == 0:
            return self._names(sheet, axes, base)
        if y == 1:
            return self._written([axis.ends[1] for axis in axes], sheet, base)
        if row < inner:
            return self._lines(sheet, row, base)
        if row == inner:
            return self._written([axis.ends[0] for axis in axes], sheet, base)
        if row == inner + 1:
            return self._written([self._value(axis) for axis in axes], sheet, own)
        if row == inner + 2:
            return self._written([without_value(axis) for axis in axes], sheet, base + Style(dim=True))
        return self._legend(y - self._below_axes, base)

    def _value(self, axis: Dimension) -> str:
        text = axis.texts[self.highlighted]
        star = " ★" if self.highlighted in axis.best else ""
        return "—" if text is None else f"{text}{star}"

    def _written(self, texts: Sequence[str], sheet: Sheet, style: Style) -> Strip:
        width = self.size.width
        return Strip([Segment(written(texts, sheet.columns, width), style)]).adjust_cell_length(width, style)

    def _names(self, sheet: Sheet, axes: Sequence[Dimension], base: Style) -> Strip:
        """The axes' names; that of the one under the cursor stands out, and what is further on is told at the edges."""
        width, segments, used = self.size.width, [], 0
        more = len(self.axes) - sheet.first - len(axes)
        texts = [f"◂{title(a)}▸" if sheet.first + n == self.axis else title(a) for n, a in enumerate(axes)]
        if sheet.first:
            texts[0] = f"‹{sheet.first} {texts[0]}"
        if more:
            texts[-1] = f"{texts[-1]} {more}›"
        line = written(texts, sheet.columns, width)
        at = line.find("◂")
        end = line.find("▸", at) + 1 if at >= 0 else 0
        # A long name is cut, and its mark with it.
        end = end if end > 0 or at < 0 else line.find("…", at) + 1
        for part, style in ((line[:at], Style(bold=True)), (line[at:end], Style(bold=True, reverse=True))):
            if at >= 0 and part:
                segments.append(Segment(part, base + style))
                used += len(part)
        segments.append(Segment(line[used:], base + Style(bold=True)))
        return Strip(segments).adjust_cell_length(width, base)

    def _lines(self, sheet: Sheet, row: int, base: Style) -> Strip:
        chars, owners = sheet.chars[row], sheet.owners[row].tolist()
        segments, start = [], 0
        for column in range(1, len(chars) + 1):
            if column < len(chars) and owners[column] == owners[start]:
                continue
            style = base if owners[start] == NOBODY else base + self._style(owners[start])
            segments.append(Segment(chars[start:column], style))
            start = column
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _legend(self, row: int, base: Style) -> Strip:
        index = self._listed[row]
        on_top = index == self.highlighted
        hidden = len(self.labels) - len(self._listed)
        more = f"  (+{hidden} more: ↑ ↓)" if hidden and row == len(self._listed) - 1 else ""
        mark = Segment(f"{'▸' if on_top else ' '}{LETTERS[index % len(LETTERS)]} ", base + self._style(index))
        text = Segment(fit(f"{self.labels[index]}{more}", max(0, self.size.width - 3)), base + Style(bold=on_top))
        return Strip([mark, text]).adjust_cell_length(self.size.width, base)

    def _style(self, index: int) -> Style:
        background, dark = self._surface
        return series_style(color_of(index, "", dark=dark), background, MAIN, on_top=index == self.highlighted)
