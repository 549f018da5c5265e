"""Parallel coordinates as characters and owners, without colours: an axis for each dimension, a line for each run.

A line breaks where a run has no value; a run that has one at a single axis between such gaps is a dot there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from mlaudit.domain.dimensions import Dimension, Spacing
from mlaudit.domain.series import Spans
from mlaudit.tui.widgets.braille import DOTS_ACROSS, draw
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.plot import LETTERS, MAIN, NOBODY, compose

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grid = npt.NDArray[np.int64]

AXIS_WIDTH = 15
"""Cells between two axes at least; axes that do not fit are reached by moving on."""
EDGE = 6
"""Cells beside the outermost axes, for what is written at them."""
ARROWS = {"lower": "↓", "higher": "↑"}


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A drawn part of the axes, ``width`` by ``height`` cells."""

    first: int
    """Index of the leftmost axis that is drawn."""
    columns: tuple[int, ...]
    """The cell column of each axis that is drawn."""
    chars: tuple[str, ...]
    owners: Grid
    """Shape (height, width): the index of the run that a cell belongs to, or NOBODY."""


def window(count: int, at: int, first: int, width: int) -> tuple[int, int]:
    """(index of the first axis, how many) that fit; ``at`` is among them, and as little moves as possible."""
    fitting = max(1, min(count, (width - 2 * EDGE) // AXIS_WIDTH + 1))
    first = min(max(first, at - fitting + 1, 0), at, count - fitting)
    return max(0, first), fitting


def columns_for(count: int, width: int) -> tuple[int, ...]:
    """The cell columns of ``count`` axes, evenly over the width."""
    if count == 1:
        return (width // 2,)
    room = max(0, width - 1 - 2 * EDGE)
    return tuple(EDGE + round(index * room / (count - 1)) for index in range(count))


def make_sheet(axes: Sequence[Dimension], first: int, runs: int, top: int, width: int, height: int) -> Sheet:
    """``axes``: those that are drawn, the first of which is the one at index ``first``; run ``top`` over the others."""
    import numpy as np

    columns = columns_for(len(axes), width)
    codes = np.full((height, width), ord(" "), np.uint32)
    owners, tones = np.full((height, width), NOBODY, np.int64), np.zeros((height, width), np.int64)
    for column in columns:
        codes[:, column] = ord("│")
    order = sorted(range(runs), key=lambda index: (index == top, -index))
    drawings = [(draw(_line(axes, columns, index), 0.0, 1.0, width, height), index, MAIN) for index in order]
    compose(drawings, runs, codes, owners, tones)
    _name_categories(axes, columns, codes, owners)
    text = codes.astype("<u4").tobytes().decode("utf-32-le")
    return Sheet(first, columns, tuple(text[i : i + width] for i in range(0, width * height, width)), owners)


def _line(axes: Sequence[Dimension], columns: Sequence[int], run: int) -> Spans:
    import numpy as np

    at, places, segments, segment = [], [], [], 0
    for axis, column in zip(axes, columns, strict=True):
        value = axis.values[run]
        if value is None:
            segment += 1
        else:
            at.append(column * DOTS_ACROSS)
            places.append(axis.place(value))
            segments.append(segment)
    heights = np.array(places, np.float64)
    return Spans(np.array(at, np.int64), heights, heights, heights, heights, np.array(segments, np.int64))


def _name_categories(
    axes: Sequence[Dimension], columns: Sequence[int], codes: npt.NDArray[np.uint32], owners: Grid
) -> None:
    """Between the first and the last, which stand at the ends: beside the axis, where no line goes."""
    height, width = codes.shape
    for axis, column in zip(axes, columns, strict=True):
        if axis.spacing is not Spacing.CATEGORIES or len(axis.categories) < 3:
            continue
        names = axis.ticks(max(2, height // 2))
        for value, label in zip(names.values, names.labels, strict=True):
            row = round((1 - axis.place(value)) * (height - 1))
            if value in {0.0, len(axis.categories) - 1.0}:
                continue
            text = fit(label, AXIS_WIDTH - 5)
            # Only letters of one cell: the grid has a code for each.
            if cell_len(text) != len(text) or column + 1 + len(text) >= width:
                continue
            free = owners[row, column + 1 : column + 1 + len(text)] == NOBODY
            if bool(free.all()):
                codes[row, column + 1 : column + 1 + len(text)] = [ord(c) for c in text]


def written(texts: Sequence[str], columns: Sequence[int], width: int) -> str:
    """One line of texts, each in the middle over or under its axis and cut to the room that it has there."""
    line = ""
    for index, (text, column) in enumerate(zip(texts, columns, strict=True)):
        left = (columns[index - 1] + column) // 2 + 1 if index else 0
        right = (column + columns[index + 1]) // 2 if index + 1 < len(columns) else width
        shown = fit(text, max(0, right - left))
        start = min(max(column - cell_len(shown) // 2, left), right - cell_len(shown))
        line += " " * max(0, start - cell_len(line)) + shown
    return fit(line, width, pad=True)


def without_value(axis: Dimension) -> str:
    """The letters of the runs that have no place on an axis: those that lack it, then those of no finite number."""
    lacking = "".join(LETTERS[i % len(LETTERS)] for i in axis.missing)
    odd = " ".join(f"{LETTERS[i % len(LETTERS)]} {axis.texts[i]}" for i in axis.not_finite)
    return " ".join(part for part in (f"— {lacking}" if lacking else "", odd) if part)


def title(axis: Dimension) -> str:
    """The name with the way it gets better, and how it is spaced where that is not plain."""
    arrow = ARROWS[axis.direction.value] if axis.direction is not None else ""
    return " ".join(part for part in (axis.name, arrow, "log" if axis.spacing is Spacing.LOG else "") if part)
