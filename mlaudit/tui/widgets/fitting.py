"""A text made to fit its cells; a room of its own, since the first paint needs nothing else of the charts."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size


def fit(text: str, width: int, *, pad: bool = False) -> str:
    """``text`` in at most (with ``pad``: exactly) ``width`` cells; an ellipsis replaces an end that is too long."""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1) + "…" if width > 1 else "…"[:width]
    return set_cell_size(text, width) if pad else text
