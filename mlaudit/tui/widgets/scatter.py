"""A scatter as characters and owners, without colours: each run a point, by the places that two dimensions give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlaudit.domain.dimensions import Dimension
from mlaudit.domain.series import Spans
from mlaudit.tui.widgets.braille import BLANK, DOTS_ACROSS, draw
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.plot import LETTERS, LONE, NOBODY

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grid = npt.NDArray[np.int64]

MARGIN = 1
"""Empty cells between the outermost points and the frame."""
CROWD = -2
"""Owner of a cell of dots that belong to more runs than have letters."""
BEST = "★"
HERE = "◆"


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Drawn points in ``width`` by ``height`` cells, to the right of a gutter."""

    gutter: int
    chars: tuple[str, ...]
    owners: Grid
    """Shape (height, width): the index of the run in a cell, CROWD, or NOBODY."""
    cells: tuple[tuple[int, int] | None, ...]
    """Of each run: its (row, column); None for one without a place."""
    y_labels: dict[int, str]
    x_labels: str
    ticks: tuple[int, ...]
    """Columns of the x axis's ticks."""

    def beside(self, run: int) -> tuple[int, ...]:
        """The other runs in the cell of a run."""
        cell = self.cells[run]
        return tuple(i for i, other in enumerate(self.cells) if other == cell and i != run) if cell else ()


def make_cloud(x: Dimension, y: Dimension, highlighted: int, width: int, height: int) -> Cloud:
    """In ``width`` by ``height`` cells, gutter included. Letters where there are enough for all runs, dots else."""
    import numpy as np

    ticks = y.ticks(max(2, height // 3))
    gutter = min(max((len(label) for label in ticks.labels), default=0), 24, width // 3) + 1
    inner = max(2 * MARGIN + 1, width - gutter)
    rows, columns = max(1, height - 2 * MARGIN), inner - 2 * MARGIN
    codes = np.full((height, inner), ord(" "), np.uint32)
    owners = np.full((height, inner), NOBODY, np.int64)
    both = [(i, a, b) for i, (a, b) in enumerate(zip(x.places, y.places, strict=True))]
    points = [(i, a, b) for i, a, b in both if a is not None and b is not None]
    whole = [i for i, _, _ in points]
    across = np.array([a for _, a, _ in points], np.float64)
    upward = np.array([b for _, _, b in points], np.float64)
    dots = np.floor(across * (columns * DOTS_ACROSS - 1) + 0.5).astype(np.int64)
    drawing = draw(Spans(dots, upward, upward, upward, upward, np.arange(len(whole))), 0.0, 1.0, columns, rows)
    lit = np.zeros((height, inner), np.uint8)
    lit[MARGIN : MARGIN + rows, MARGIN : MARGIN + columns] = drawing.bits[:, : inner - 2 * MARGIN]
    codes[lit > 0] = lit[lit > 0].astype(np.uint32) + BLANK
    owners[lit > 0] = CROWD
    for row, column in drawing.lone:
        codes[row + MARGIN, column + MARGIN] = ord(LONE)
    cells: list[tuple[int, int] | None] = [None] * len(x.values)
    for place, run in enumerate(whole):
        row = int(np.floor((1 - upward[place]) * (rows * 4 - 1) + 0.5)) // 4
        cells[run] = row + MARGIN, int(dots[place]) // DOTS_ACROSS + MARGIN
    _letters(cells, y, highlighted, codes, owners)
    text = codes.astype("<u4").tobytes().decode("utf-32-le")
    label_rows = {
        round((1 - y.place(v)) * (rows - 1)) + MARGIN: fit(label, gutter - 1)
        for v, label in zip(ticks.values, ticks.labels, strict=True)
    }
    labels, marks = _x_labels(x, columns, inner)
    chars = tuple(text[i : i + inner] for i in range(0, inner * height, inner))
    return Cloud(gutter, chars, owners, tuple(cells), label_rows, labels, marks)


def _letters(
    cells: Sequence[tuple[int, int] | None],
    y: Dimension,
    highlighted: int,
    codes: npt.NDArray[np.uint32],
    owners: Grid,
) -> None:
    """Each run's own letter where there are enough; then the best and the highlighted one over all others."""
    if len(cells) <= len(LETTERS):
        for run in reversed(range(len(cells))):
            if (cell := cells[run]) is not None:
                codes[cell], owners[cell] = ord(LETTERS[run]), run
    for run, char in (*((best, BEST) for best in y.best), (highlighted, HERE)):
        if run < len(cells) and (cell := cells[run]) is not None:
            # With letters the highlighted one is told by its style.
            if char == BEST or len(cells) > len(LETTERS):
                codes[cell] = ord(char)
            elif run not in y.best:
                codes[cell] = ord(LETTERS[run])
            owners[cell] = run


def _x_labels(x: Dimension, columns: int, width: int) -> tuple[str, tuple[int, ...]]:
    ticks = x.ticks(max(2, columns // 14))
    line, free, marks = [" "] * width, 0, []
    for value, label in zip(ticks.values, ticks.labels, strict=True):
        column = round(x.place(value) * (columns - 1)) + MARGIN
        text = fit(label, 20)
        start = min(max(0, column - len(text) // 2), max(0, width - len(text)))
        if start < free or start + len(text) > width:
            continue
        line[start : start + len(text)] = text
        free = start + len(text) + 1
        marks.append(column)
    return "".join(line), tuple(marks)
