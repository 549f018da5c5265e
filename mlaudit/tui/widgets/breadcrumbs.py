"""Where one is, as a line: the screens that were gone through, joined and made to fit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from mlaudit.tui.widgets.fitting import fit

BETWEEN = " › "
LONGEST = 24
"""Cells of a name on the way where not all of them fit in full."""
LAST = 40
"""The same for where one is."""
Crumb = tuple[str, int | None]
"""A piece of the line, and which of the screens it names; None for what is between them."""


def breadcrumbs(names: Sequence[str], width: int) -> list[Crumb]:
    """The names, outermost first, in at most ``width`` cells.

    Long names are cut first, then those furthest out give way to an ellipsis; the last one, which is where one is,
    stays as long as there is room for anything.
    """
    short = [*(fit(name, LONGEST) for name in names[:-1]), *(fit(name, LAST) for name in names[-1:])]
    for kept, first in ((list(names), 0), *((short, first) for first in range(len(names)))):
        line = _line(kept, first)
        if sum(cell_len(piece) for piece, _ in line) <= width:
            return line
    return [(fit(names[-1], max(0, width)), len(names) - 1)] if names and width > 0 else []


def _line(names: list[str], first: int) -> list[Crumb]:
    pieces: list[Crumb] = [("…", first - 1), (BETWEEN, None)] if first else []
    for index in range(first, len(names)):
        pieces += [(names[index], index), (BETWEEN, None)]
    return pieces[:-1]
