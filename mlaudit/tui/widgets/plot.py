"""The inside of a chart as characters and owners, without colours: curves over one another, axes, marks of gaps.

A cell has one colour, so of several curves in a cell the topmost keeps its dots and the others lose theirs there.
Letters on the lines tell the runs apart where there are no colours, or no eyes for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlaudit.domain.bands import Band
from mlaudit.domain.curve_facts import At
from mlaudit.domain.scales import Scale, XUnit, YScale, scale_for
from mlaudit.domain.series import Curve, axis_range, columns_of, rows_of, step_extent
from mlaudit.domain.windows import edges, seen_spans, seen_values
from mlaudit.tui.widgets.braille import BLANK, DOTS_ACROSS, DOTS_DOWN, Drawing, draw

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grid = npt.NDArray[np.int64]

NOBODY = -1
MAIN, FAINT, SHADE = 0, 1, 2
"""Tones: a curve, the raw curve behind a smoothed one, a band."""
GAP = "✕"
FIRST_GAP = "✖"
LONE = "●"
SHADED = "░"
ZERO = "┈"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LETTER_EVERY = 36
"""Cells between two letters on one line."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A character at a point of a curve."""

    char: str
    at: At


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One curve as drawn, with what is behind and upon it."""

    curve: Curve
    raw: Curve | None = None
    """Drawn faintly behind."""
    band: Band | None = None
    marks: tuple[Mark, ...] = ()
    total: int | None = None
    """Points there are, where the curve has only some of them."""


@dataclass(frozen=True, slots=True)
class Look:
    """How the axes are drawn."""

    unit: XUnit = XUnit.STEP
    scale: YScale = YScale.LINEAR
    view: tuple[int, int] | None = None
    """The range of x that is seen; None: all of it."""
    zero: bool = False
    """Whether the y axis must reach 0, with a line there."""


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A drawn plot of ``width`` by ``height`` cells, to the right of a gutter."""

    width: int
    height: int
    gutter: int
    """Cells to the left of the plot: labels of the y axis, and the axis itself."""
    first: int
    last: int
    """The range of steps, or milliseconds."""
    chars: tuple[str, ...]
    """One text of ``width`` characters a row."""
    owners: Grid
    """Shape (height, width): the index of the curve that a cell belongs to, or NOBODY."""
    tones: Grid
    """Of the same shape: MAIN, FAINT or SHADE."""
    y_labels: dict[int, str]
    """Row -> label."""
    axis: str
    """The x axis, with ticks and the marks of what is not finite."""
    axis_owners: tuple[int, ...]
    x_labels: str
    message: str
    """What to say instead of curves; empty if there are some."""

    def column(self, step: int) -> int:
        """The cell column of a step within the range."""
        import numpy as np

        pixels = columns_of(np.array([step], np.int64), self.first, self.last, self.width * DOTS_ACROSS)
        return int(pixels[0]) // DOTS_ACROSS

    def first_step(self, column: int) -> int:
        """The least whole step that falls into a cell column."""
        span, pixels = self.last - self.first, self.width * DOTS_ACROSS - 1
        # columns_of rounds to the nearest pixel, so a cell starts half a pixel before its first one. In whole numbers.
        step = self.first - (-(span * (2 * column * DOTS_ACROSS - 1)) // (2 * max(1, pixels)))
        return min(max(step, self.first), self.last)


@dataclass(frozen=True, slots=True)
class Axes:
    """What the axes span: whole places on x, places of the scale on y."""

    first: int
    last: int
    scale: Scale
    low: float
    high: float


def make_axes(lines: Sequence[Line], look: Look) -> Axes | None:
    """Axes that fit what is seen of the lines; None where no line is seen."""
    import numpy as np

    first, last = look.view or step_extent(line.curve for line in lines) or (0, 0)
    curves = [c for line in lines for c in (line.curve, line.raw) if c is not None]
    shown = [seen_values(c, first, last) for c in curves]
    for line in lines:
        if line.band is not None and len(line.band):
            begin, end = np.searchsorted(line.band.steps, [first, last])
            shown += [line.band.lows[begin : end + 1], line.band.highs[begin : end + 1]]
    scale = scale_for(look.scale, shown)
    ends = [float(end) for values in shown if len(values) for end in (values.min(), values.max())]
    if look.scale is YScale.LOG:
        # A band may reach to 0 and below.
        ends = [float(v[v > 0].min()) if len(v) and (v > 0).any() else 0.0 for v in shown] + ends
        ends = [end for end in ends if end > 0]
    places = scale.apply(np.array(ends, np.float64)).tolist()
    places += [edge for c in curves for edge in edges(c, scale, first, last) if edge is not None]
    if not places:
        return None
    if look.zero and look.scale is not YScale.LOG:
        places.append(0.0)
    return Axes(first, last, scale, *axis_range(min(places), max(places)))


def make_plot(lines: Sequence[Line], top: int, width: int, height: int, empty: str, look: Look | None = None) -> Plot:
    """Lines in ``width`` by ``height`` cells, gutter included; the one at index ``top`` is drawn over the others.

    ``empty`` is the message when there are no points at all.
    """
    import numpy as np

    look = look or Look()
    curves = [line.curve for line in lines]
    axes = make_axes(lines, look)
    labels = _y_labels(axes, height) if axes else {}
    gutter = min(max((len(v) for v in labels.values()), default=0), 24) + 1
    gutter = max(gutter, 5)
    if gutter > width // 2:
        gutter, labels = 1, {}
    inner = max(1, width - gutter)
    codes = np.full((height, inner), ord(" "), np.uint32)
    owners, tones = np.full((height, inner), NOBODY, np.int64), np.zeros((height, inner), np.int64)
    span = (axes.first, axes.last) if axes else look.view or step_extent(curves) or (0, 0)
    if axes is not None:
        if look.zero and axes.low <= 0 <= axes.high:
            codes[_row(0.0, axes, height)] = ord(ZERO)
        _shade(lines, top, axes, codes, owners, tones)
        drawings = _drawings(lines, top, axes, inner, height)
        compose(drawings, len(lines), codes, owners, tones)
        _mark(lines, top, axes, codes, owners)
    text = codes.astype("<u4").tobytes().decode("utf-32-le")
    chars = tuple(text[i : i + inner] for i in range(0, inner * height, inner))
    axis, axis_owners = _axis(curves, top, span, inner)
    has_points = step_extent(curves) is not None
    axis, x_labels = _x_labels(axis, axis_owners, span, inner, look.unit) if has_points else (axis, " " * inner)
    message = "" if axes else _message(lines, empty, look)
    return Plot(inner, height, gutter, *span, chars, owners, tones, labels, axis, axis_owners, x_labels, message)


def _message(lines: Sequence[Line], empty: str, look: Look) -> str:
    curves = [line.curve for line in lines]
    points = sum(len(c) for c in curves)
    if points == 0:
        return empty
    if points == sum(c.nan_count + c.inf_count for c in curves):
        every = sum(len(line.curve) if line.total is None else line.total for line in lines)
        return "the one point is not finite" if every == 1 else f"none of the {every} points is finite"
    if look.scale is YScale.LOG and not any(len(c.finite_values) for c in curves):
        return "no value is above 0, and a log axis shows no others"
    return "nothing was logged here"


def _drawings(lines: Sequence[Line], top: int, axes: Axes, width: int, height: int) -> list[tuple[Drawing, int, int]]:
    """(drawing, owner, tone), from the bottom to the top."""
    layers = [
        (curve, index, tone)
        for index, line in enumerate(lines)
        for curve, tone in ((line.raw, FAINT), (line.curve, MAIN))
        if curve is not None
    ]
    layers.sort(key=lambda layer: (layer[1] == top, layer[2] == MAIN, -layer[1]))
    return [
        (
            draw(
                seen_spans(curve, axes.scale, axes.first, axes.last, width * DOTS_ACROSS),
                axes.low,
                axes.high,
                width,
                height,
            ),
            index,
            tone,
        )
        for curve, index, tone in layers
    ]


def compose(
    drawings: Sequence[tuple[Drawing, int, int]],
    count: int,
    codes: npt.NDArray[np.uint32],
    owners: Grid,
    tones: Grid,
) -> None:
    """Put drawings over one another, from the bottom to the top."""
    import numpy as np

    for drawing, index, tone in drawings:
        lit = drawing.bits > 0
        codes[lit] = drawing.bits[lit].astype(np.uint32) + BLANK
        owners[lit] = index
        tones[lit] = tone
    for drawing, index, tone in drawings:
        for row, column in drawing.lone:
            if owners[row, column] == index and tones[row, column] == tone:
                codes[row, column] = ord(LONE)
    if count > 1:
        for index in range(count):
            for row, column in _letter_places((owners == index) & (tones == MAIN), index, count):
                codes[row, column] = ord(LETTERS[index % len(LETTERS)])


def _shade(
    lines: Sequence[Line], top: int, axes: Axes, codes: npt.NDArray[np.uint32], owners: Grid, tones: Grid
) -> None:
    """Cells within a band; in a column without a step of its own the band goes straight from one to the next."""
    import numpy as np

    height, width = codes.shape
    for index in sorted(range(len(lines)), key=lambda i: (i == top, -i)):
        band = lines[index].band
        if band is None or not len(band):
            continue
        steps = band.steps.astype(np.float64)
        middles = axes.first + (axes.last - axes.first) * (np.arange(width) + 0.5) / width
        ends = []
        for values, pick in ((band.highs, np.fmax), (band.lows, np.fmin)):
            places = np.clip(axes.scale.apply(values), axes.low, axes.high)
            shown = np.interp(middles, steps, places, left=np.nan, right=np.nan)
            begin, end = np.searchsorted(band.steps, axes.first), np.searchsorted(band.steps, axes.last, side="right")
            cells = columns_of(band.steps[begin:end], axes.first, axes.last, width * DOTS_ACROSS) // DOTS_ACROSS
            pick.at(shown, cells, places[begin:end])
            ends.append(shown)
        known = ~np.isnan(ends[0])
        rows = [rows_of(end[known], axes.low, axes.high, height * DOTS_DOWN) // DOTS_DOWN for end in ends]
        inside = np.zeros((height, width), np.bool_)
        place = np.arange(height)[:, None]
        inside[:, known] = (place >= rows[0]) & (place <= rows[1])
        codes[inside], owners[inside], tones[inside] = ord(SHADED), index, SHADE


def _mark(lines: Sequence[Line], top: int, axes: Axes, codes: npt.NDArray[np.uint32], owners: Grid) -> None:
    """Put the marks where their curve can be seen; those of the top one everywhere."""
    import numpy as np

    height, width = codes.shape
    for index in sorted(range(len(lines)), key=lambda i: (i == top, -i)):
        for mark in lines[index].marks:
            place = float(axes.scale.apply(np.array([mark.at.value]))[0])
            if not (axes.first <= mark.at.step <= axes.last and axes.low <= place <= axes.high):
                continue
            pixels = columns_of(np.array([mark.at.step], np.int64), axes.first, axes.last, width * DOTS_ACROSS)
            row, column = _row(place, axes, height), int(pixels[0]) // DOTS_ACROSS
            if index == top or owners[row, column] in {index, NOBODY}:
                codes[row, column], owners[row, column] = ord(mark.char), index


def _row(place: float, axes: Axes, height: int) -> int:
    import numpy as np

    return int(rows_of(np.array([place]), axes.low, axes.high, height * DOTS_DOWN)[0]) // DOTS_DOWN


def _letter_places(seen: npt.NDArray[np.bool_], index: int, count: int) -> list[tuple[int, int]]:
    """Cells for a curve's letter: every so often, at columns of its own, where its dots can be seen; at least one."""
    import numpy as np

    columns = np.flatnonzero(seen.any(axis=0))
    if not len(columns):
        return []
    every = max(LETTER_EVERY, 2 * count)
    wanted = [c for c in columns.tolist() if c % every == (index * every) // count % every]
    chosen = wanted or [int(columns[len(columns) * (index + 1) // (count + 1)])]
    return [(int(np.flatnonzero(seen[:, c])[0]), int(c)) for c in chosen]


def _y_labels(axes: Axes, height: int) -> dict[int, str]:
    import numpy as np

    ticks = axes.scale.ticks(axes.low, axes.high, max(1, height // 3))
    places = np.clip(axes.scale.apply(np.array(ticks.values, np.float64)), axes.low, axes.high)
    rows = rows_of(places, axes.low, axes.high, height * DOTS_DOWN) // DOTS_DOWN
    return dict(zip(rows.tolist(), ticks.labels, strict=True))


def _axis(curves: Sequence[Curve], top: int, span: tuple[int, int], width: int) -> tuple[str, tuple[int, ...]]:
    """The axis line with a mark at every step whose value is not finite, the first of each curve a heavier one."""
    import numpy as np

    axis, owners = ["─"] * width, [NOBODY] * width
    for index in sorted(range(len(curves)), key=lambda i: (i == top, -i)):
        gaps = curves[index].gap_steps
        begin, end = np.searchsorted(gaps, span[0]), np.searchsorted(gaps, span[1], side="right")
        pixels = columns_of(gaps[begin:end], *span, width * DOTS_ACROSS)
        columns = np.unique(pixels // DOTS_ACROSS).tolist()
        for column in columns:
            axis[column], owners[column] = GAP, index
        if columns and begin == 0:
            axis[columns[0]] = FIRST_GAP
    return "".join(axis), tuple(owners)


def _x_labels(axis: str, owners: Sequence[int], span: tuple[int, int], width: int, unit: XUnit) -> tuple[str, str]:
    """The axis with its ticks, and the line of labels below it; labels that would touch are left out."""
    import numpy as np

    ticks = unit.ticks(*span, max(3, width // 12) if unit is XUnit.STEP else max(2, width // 16))
    pixels = columns_of(np.array(ticks.values, np.int64), *span, width * DOTS_ACROSS) // DOTS_ACROSS
    marks, line, free = list(axis), [" "] * width, 0
    for column, label in zip(pixels.tolist(), ticks.labels, strict=True):
        start = min(max(0, column - len(label) // 2), max(0, width - len(label)))
        if start < free or start + len(label) > width:
            continue
        line[start : start + len(label)] = label
        free = start + len(label) + 1
        if owners[column] == NOBODY:
            marks[column] = "┬"
    return "".join(marks), "".join(line)
