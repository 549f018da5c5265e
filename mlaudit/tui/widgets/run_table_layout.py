"""Where the columns of the table of runs stand: those that stay in place, and those that scroll."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

from rich.cells import cell_len

from mlaudit.domain.columns import CURVES
from mlaudit.tui.widgets.fitting import fit

HEADER = 2
"""Lines that stay at the top: the groups (metrics, params, tags), and the columns' titles."""
MARK = 2
GAP = 2
"""Cells for the mark at the left, and between two columns."""
WIDEST = 28
"""Cells of a column at most; what is longer ends in an ellipsis."""
ROOM = WIDEST + GAP
"""Cells that columns which stay in place leave to the others: enough for one of any width."""
TITLES = {
    "run_id": "id", "run_name": "name", "start_time": "started", "end_time": "ended", "duration": "took",
    "change": "worst change", "lifecycle_stage": "lifecycle", "artifact_uri": "artifacts",
    "experiment_id": "experiment id",
}  # fmt: skip


def title_of(column: str) -> str:
    """What stands over a column: the key itself for metrics, params and tags."""
    group, dot, key = column.partition(".")
    if group == CURVES:
        return f"the curve of {key}"
    return key if dot else TITLES.get(column, column.replace("_", " "))


def aligned(text: str, width: int, right: bool) -> str:
    """``text`` in exactly ``width`` cells, an ellipsis at its end where it is too long."""
    shown = fit(text, width)
    padding = " " * max(0, width - cell_len(shown))
    return padding + shown if right else shown + padding


@dataclass(frozen=True, slots=True)
class Layout:
    """Widths and places in cells."""

    stay: tuple[int, ...]
    """Widths of those at the left that do not scroll: the name and the pinned ones, as far as there is room."""
    frozen: int
    """Cells that they take, with the mark and the gaps."""
    columns: tuple[str, ...]
    """The others."""
    widths: tuple[int, ...]
    starts: tuple[int, ...]
    """Start of each of those, and one more entry: the end of the last."""

    @classmethod
    def of(cls, columns: Sequence[str], pinned: Collection[str], widths: Mapping[str, int], width: int) -> Self:
        """``columns`` in a table of this width; of no known width: :data:`WIDEST`. The first one always stays."""
        frozen = name_cells(columns[0], widths, width)
        stay = [frozen - MARK - GAP]
        for column in columns[1:]:
            wide = widths.get(column, WIDEST)
            if column not in pinned or frozen + wide + GAP > width - ROOM:
                break
            stay.append(wide)
            frozen += wide + GAP
        others = tuple(columns[len(stay) :])
        wides = tuple(widths.get(c, WIDEST) for c in others)
        return cls(tuple(stay), frozen, others, wides, tuple(accumulate((w + GAP for w in wides), initial=0)))

    def column_at(self, x: int, scrolled: int) -> int | None:
        """Index into all columns of what stands at this cell of the table."""
        if x < self.frozen:
            ends = accumulate((w + GAP for w in self.stay), initial=MARK)
            return max(0, bisect_right(list(ends), x) - 1)
        index = bisect_right(self.starts, x - self.frozen + scrolled) - 1
        return index + len(self.stay) if 0 <= index < len(self.columns) else None

    def visible(self, scrolled: int, width: int) -> tuple[int, int]:
        """The first and the one after the last index into :attr:`columns` of which anything can be seen."""
        first = max(0, bisect_right(self.starts, scrolled) - 1)
        last = bisect_right(self.starts, scrolled + max(0, width - self.frozen - 1))
        return first, min(last, len(self.starts) - 1)


def name_cells(column: str, widths: Mapping[str, int], width: int) -> int:
    """Cells of the first column with the mark before it and the gap after it."""
    return min(MARK + widths.get(column, WIDEST) + GAP, max(1, width * 2 // 5))
