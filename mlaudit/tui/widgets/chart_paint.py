"""A plot's characters in colours, as lines for the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from mlaudit.tui.widgets.chart_legend import Entry
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.plot import FAINT, LETTERS, MAIN, NOBODY, SHADE, Plot

# After Okabe and Ito: told apart with every common kind of colour blindness. Brighter on dark, darker on light.
ON_DARK = ("#56B4E9", "#E69F00", "#2FCB9B", "#E59BC8", "#F0E442", "#FF7F3F", "#8FA2FF")
ON_LIGHT = ("#0072B2", "#A86B00", "#00795A", "#A8407F", "#6E6600", "#B34700", "#3B46B5")
FOREGROUND = "foreground"
"""Chosen for what is no run among others: the model in production."""
BEHIND = 0.45
"""How far the curves behind the highlighted one fade into the background."""
FADED = {MAIN: 0.0, FAINT: 0.6, SHADE: 0.55}
"""How far a raw curve behind a smoothed one does, and a band."""

StyleOf = Callable[[int, int], Style]
"""(index of the series, tone) -> style."""


def color_of(index: int, chosen: str, *, dark: bool) -> str:
    """A series' colour: the chosen one, else by position."""
    if chosen == FOREGROUND:
        return "#FFFFFF" if dark else "#000000"
    palette = ON_DARK if dark else ON_LIGHT
    return chosen or palette[index % len(palette)]


def series_style(color: str, background: Color, tone: int, *, on_top: bool) -> Style:
    """The style of a series' cells."""
    fade = FADED[tone] if on_top else 1 - (1 - FADED[tone]) * (1 - BEHIND)
    return Style(color=Color.parse(color).blend(background, fade, 1.0).rich_color, bold=on_top and tone == MAIN)


def plot_row(plot: Plot, row: int, cursor: int | None, style_of: StyleOf, base: Style, width: int) -> Strip:
    """One line of the plot with its part of the y axis; ``cursor`` is the column that is read."""
    line = plot.y_labels.get(row, "")
    bar = "┤" if line else "│"
    segments = [Segment(f"{line:>{plot.gutter - 1}}{bar}"[-plot.gutter :], base)]
    if plot.message and row == plot.height // 2:
        segments.append(Segment(fit(plot.message, plot.width).center(plot.width), base + Style(italic=True)))
        return Strip(segments).adjust_cell_length(width, base)
    chars, owners, tones = plot.chars[row], plot.owners[row].tolist(), plot.tones[row].tolist()
    mark = base + Style(reverse=True)
    start = 0
    for column in range(1, plot.width + 1):
        same = column < plot.width and owners[column] == owners[start] and tones[column] == tones[start]
        if same and cursor not in {start, column}:
            continue
        owner, tone = owners[start], tones[start]
        style = base if owner == NOBODY else base + style_of(owner, tone)
        text = chars[start:column]
        if start == cursor:
            text, style = ("│", base) if owner == NOBODY or tone == SHADE else (text, style + mark)
        segments.append(Segment(text, style))
        start = column
    return Strip(segments).adjust_cell_length(width, base)


def axis_row(plot: Plot, cursor: int | None, style_of: StyleOf, base: Style, width: int) -> Strip:
    """The x axis."""
    segments = [Segment("└".rjust(plot.gutter), base)]
    for column, (char, owner) in enumerate(zip(plot.axis, plot.axis_owners, strict=True)):
        style = base if owner == NOBODY else base + style_of(owner, MAIN)
        segments.append(Segment(char, style + Style(reverse=True) if column == cursor else style))
    return Strip(segments).simplify().adjust_cell_length(width, base)


def labels_row(plot: Plot, title: str, base: Style, width: int) -> Strip:
    """The labels of the x axis, with its title where there is room."""
    lead = fit(title.rjust(plot.gutter - 1), plot.gutter, pad=True) if plot.gutter > len(title) else " " * plot.gutter
    segments = [Segment(lead, base + Style(bold=True)), Segment(plot.x_labels, base)]
    return Strip(segments).adjust_cell_length(width, base)


def legend_row(
    lines: Sequence[Entry], row: int, highlighted: int, count: int, style_of: StyleOf, base: Style, width: int
) -> Strip:
    """One line of the legend; blank below its end."""
    if not 0 <= row < len(lines):
        return Strip.blank(width, base)
    entry = lines[row]
    if entry.index is None:
        return Strip([Segment(fit(entry.text, width), base)]).adjust_cell_length(width, base)
    on_top = entry.index == highlighted
    letter = LETTERS[entry.index % len(LETTERS)] if count > 1 else "━"
    mark = Segment(f"{'▸' if on_top else ' '}{letter} ", base + style_of(entry.index, MAIN))
    text = Segment(fit(entry.text, max(0, width - 3)), base + Style(bold=on_top))
    return Strip([mark, text]).adjust_cell_length(width, base)
