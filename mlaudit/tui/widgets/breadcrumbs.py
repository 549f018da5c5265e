"""Where one is, as a line: the screens that were gone through, joined and made to fit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from mlaudit.tui.widgets.chart_legend import fit

BETWEEN = " › "
LONGEST = 24
"""Cells of one name where not all of them fit in full."""


def breadcrumbs(names: Sequence[str], width: int) -> str:
    """The names, outermost first, in at most ``width`` cells.

    Long names are cut first, then those furthest out give way to an ellipsis; the last one, which is where one is,
    stays as long as there is room for anything.
    """
    for kept in (list(names), [fit(name, LONGEST) for name in names]):
        line = BETWEEN.join(kept)
        if cell_len(line) <= width:
            return line
    for first in range(1, len(kept)):
        line = BETWEEN.join(("…", *kept[first:]))
        if cell_len(line) <= width:
            return line
    return fit(names[-1], max(0, width)) if names else ""
