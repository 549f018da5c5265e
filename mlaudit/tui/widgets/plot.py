"""The inside of a chart as characters and owners, without colours: curves over one another, axes, marks of gaps.

A cell has one colour, so of several curves in a cell the topmost keeps its dots and the others lose theirs there.
Letters on the lines tell the runs apart where there are no colours, or no eyes for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlaudit.domain.series import (
    Curve,
    axis_range,
    columns_of,
    downsample,
    rows_of,
    step_extent,
    step_ticks,
    value_extent,
    value_ticks,
)
from mlaudit.tui.widgets.braille import BLANK, DOTS_ACROSS, DOTS_DOWN, Drawing, draw

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NOBODY = -1
GAP = "✕"
LONE = "●"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LETTER_EVERY = 36
"""Cells between two letters on one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A drawn plot of ``width`` by ``height`` cells, to the right of a gutter."""

    width: int
    height: int
    gutter: int
    """Cells to the left of the plot: labels of the y axis, and the axis itself."""
    first: int
    last: int
    """The range of steps."""
    chars: tuple[str, ...]
    """One text of ``width`` characters a row."""
    owners: npt.NDArray[np.int64]
    """Shape (height, width): the index of the curve that a cell belongs to, or NOBODY."""
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


def make_plot(curves: Sequence[Curve], top: int, width: int, height: int, empty: str) -> Plot:
    """Curves in ``width`` by ``height`` cells, gutter included; the curve at index ``top`` is drawn over the others.

    ``empty`` is the message when there are no points at all.
    """
    steps = step_extent(curves) or (0, 0)
    extent = value_extent(curves)
    labels: dict[int, str] = {}
    if extent is not None:
        low, high = axis_range(*extent)
        labels = _y_labels(low, high, height)
    gutter = min(max((len(v) for v in labels.values()), default=0), 24) + 1
    gutter = max(gutter, 5)
    if gutter > width // 2:
        gutter, labels = 1, {}
    inner = max(1, width - gutter)
    if extent is None:
        chars, owners = _blank(inner, height)
    else:
        order = sorted(range(len(curves)), key=lambda i: (i == top, -i))
        drawings = [draw(downsample(c, *steps, inner * DOTS_ACROSS), low, high, inner, height) for c in curves]
        chars, owners = _compose(drawings, order, inner, height)
    axis, axis_owners = _axis(curves, top, steps, inner)
    axis, x_labels = _x_labels(axis, axis_owners, steps, inner) if step_extent(curves) else (axis, " " * inner)
    return Plot(
        inner, height, gutter, *steps, chars, owners, labels, axis, axis_owners, x_labels, _message(curves, empty)
    )


def _message(curves: Sequence[Curve], empty: str) -> str:
    points = sum(len(c) for c in curves)
    if points == 0:
        return empty
    if value_extent(curves) is None:
        return "the one point is not finite" if points == 1 else f"none of the {points} points is finite"
    return ""


def _blank(width: int, height: int) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    import numpy as np

    return (" " * width,) * height, np.full((height, width), NOBODY, np.int64)


def _compose(
    drawings: Sequence[Drawing], order: Sequence[int], width: int, height: int
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Characters and owners; ``order`` is from the bottom to the top."""
    import numpy as np

    codes = np.full((height, width), ord(" "), np.uint32)
    owners = np.full((height, width), NOBODY, np.int64)
    for index in order:
        drawing = drawings[index]
        lit = drawing.bits > 0
        codes[lit] = drawing.bits[lit].astype(np.uint32) + BLANK
        owners[lit] = index
    for index in order:
        for row, column in drawings[index].lone:
            if owners[row, column] == index:
                codes[row, column] = ord(LONE)
    if len(drawings) > 1:
        for index in range(len(drawings)):
            for row, column in _letter_places(owners, index, len(drawings)):
                codes[row, column] = ord(LETTERS[index % len(LETTERS)])
    text = codes.astype("<u4").tobytes().decode("utf-32-le")
    return tuple(text[i : i + width] for i in range(0, width * height, width)), owners


def _letter_places(owners: npt.NDArray[np.int64], index: int, count: int) -> list[tuple[int, int]]:
    """Cells for a curve's letter: every so often, at columns of its own, where its dots can be seen; at least one."""
    import numpy as np

    seen = owners == index
    columns = np.flatnonzero(seen.any(axis=0))
    if not len(columns):
        return []
    every = max(LETTER_EVERY, 2 * count)
    wanted = [c for c in columns.tolist() if c % every == (index * every) // count % every]
    chosen = wanted or [int(columns[len(columns) * (index + 1) // (count + 1)])]
    return [(int(np.flatnonzero(seen[:, c])[0]), int(c)) for c in chosen]


def _y_labels(low: float, high: float, height: int) -> dict[int, str]:
    import numpy as np

    ticks = value_ticks(low, high, max(1, height // 3))
    rows = rows_of(np.array(ticks.values, np.float64), low, high, height * DOTS_DOWN) // DOTS_DOWN
    return dict(zip(rows.tolist(), ticks.labels, strict=True))


def _axis(curves: Sequence[Curve], top: int, steps: tuple[int, int], width: int) -> tuple[str, tuple[int, ...]]:
    """The axis line with a mark at every step whose value is not finite."""
    import numpy as np

    axis, owners = ["─"] * width, [NOBODY] * width
    for index in sorted(range(len(curves)), key=lambda i: (i == top, -i)):
        pixels = columns_of(curves[index].gap_steps, *steps, width * DOTS_ACROSS)
        for column in np.unique(pixels // DOTS_ACROSS).tolist():
            axis[column], owners[column] = GAP, index
    return "".join(axis), tuple(owners)


def _x_labels(axis: str, owners: Sequence[int], steps: tuple[int, int], width: int) -> tuple[str, str]:
    """The axis with its ticks, and the line of labels below it; labels that would touch are left out."""
    import numpy as np

    ticks = step_ticks(*steps, max(1, width // 12))
    pixels = columns_of(np.array(ticks.values, np.int64), *steps, width * DOTS_ACROSS) // DOTS_ACROSS
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
