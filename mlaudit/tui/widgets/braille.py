"""Curves as dots: eight to a character cell, two columns and four rows, in the braille block of Unicode.

The loops over points and columns are numpy's, so that a drawing costs the same for a hundred points and for a million
once they are downsampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlaudit.domain.series import Spans, rows_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Cells = npt.NDArray[np.uint8]

BLANK = 0x2800
"""The braille pattern without dots; a cell's bits are added to it."""
DOTS_ACROSS = 2
DOTS_DOWN = 4
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """One curve on a grid of character cells."""

    bits: Cells
    """Shape (rows, columns): each cell's dots."""
    lone: tuple[tuple[int, int], ...]
    """Cells (row, column) of points without neighbours, which one dot alone would hide."""


def draw(spans: Spans, low: float, high: float, width: int, height: int) -> Drawing:
    """The curve in ``width`` by ``height`` cells, on an axis from low to high; ``spans`` has ``width`` · 2 columns.

    Within a pixel column least and greatest value are joined. Neighbouring entries of one segment are joined by a
    straight line over the empty columns between them; over a gap (a NaN) nothing is drawn.
    """
    import numpy as np

    dots_x, dots_y = width * DOTS_ACROSS, height * DOTS_DOWN
    if not len(spans.columns):
        return Drawing(np.zeros((height, width), np.uint8), ())
    top, bottom = rows_of(spans.highs, low, high, dots_y), rows_of(spans.lows, low, high, dots_y)
    # Each vertical bar is +1 where it starts and -1 below its end; the running sum is positive inside bars.
    edges = np.zeros((dots_y + 1, dots_x), np.int32)
    _bars(edges, spans.columns, top, bottom)
    joined = (spans.segments[1:] == spans.segments[:-1]) & (spans.columns[1:] > spans.columns[:-1])
    leave, enter = rows_of(spans.lasts, low, high, dots_y)[:-1], rows_of(spans.firsts, low, high, dots_y)[1:]
    _lines(edges, spans.columns[:-1][joined], leave[joined], spans.columns[1:][joined], enter[joined])
    lit = np.cumsum(edges[:-1], axis=0) > 0
    cells = lit.reshape(height, DOTS_DOWN, width, DOTS_ACROSS)
    bits = np.zeros((height, width), np.uint8)
    for y, row in enumerate(_BITS):
        for x, bit in enumerate(row):
            bits |= cells[:, y, :, x].astype(np.uint8) * np.uint8(bit)
    alone = top == bottom
    alone[:-1] &= ~joined
    alone[1:] &= ~joined
    # As a grid: there may be as many lone points as points. A cell with more than one dot is seen anyway.
    lone = np.zeros((height, width), np.bool_)
    lone[top[alone] // DOTS_DOWN, spans.columns[alone] // DOTS_ACROSS] = True
    lone &= (bits & (bits - 1)) == 0
    return Drawing(bits, tuple((int(y), int(x)) for y, x in np.argwhere(lone)))


def _bars(edges: npt.NDArray[np.int32], columns: Ints, top: Ints, bottom: Ints) -> None:
    import numpy as np

    np.add.at(edges, (top, columns), 1)
    np.add.at(edges, (bottom + 1, columns), -1)


def _lines(edges: npt.NDArray[np.int32], x0: Ints, y0: Ints, x1: Ints, y1: Ints) -> None:
    """Straight lines from (x0, y0) to (x1, y1), x0 < x1: in each column a bar over what the line covers there."""
    import numpy as np

    if not len(x0):
        return
    counts = x1 - x0 + 1
    which = np.repeat(np.arange(len(x0)), counts)
    place = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    run = (x1 - x0)[which]
    start = np.clip((place - 0.5) / run, 0, 1)
    end = np.clip((place + 0.5) / run, 0, 1)
    rise = (y1 - y0)[which]
    ya, yb = y0[which] + rise * start, y0[which] + rise * end
    top = np.floor(np.minimum(ya, yb) + 0.5).astype(np.int64)
    bottom = np.maximum(np.ceil(np.maximum(ya, yb) - 0.5).astype(np.int64), top)
    _bars(edges, x0[which] + place, top, bottom)
