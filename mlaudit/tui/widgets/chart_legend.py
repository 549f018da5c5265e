"""The lines below a chart: each run's name, its value under the cursor, and what there is to know about its points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from mlaudit.domain.series import Curve
from mlaudit.domain.text import format_number

VALUE_WIDTH = 11


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend."""

    index: int | None
    """The series it is about; None for the line that counts the rest."""
    text: str


def fit(text: str, width: int, *, pad: bool = False) -> str:
    """``text`` in at most (with ``pad``: exactly) ``width`` cells; an ellipsis replaces an end that is too long."""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1) + "…" if width > 1 else "…"[:width]
    return set_cell_size(text, width) if pad else text


def legend_lines(
    names: Sequence[tuple[str, str]],
    curves: Sequence[Curve],
    highlighted: int,
    cursor: int | None,
    width: int,
    height: int,
) -> list[Entry]:
    """At most ``height`` lines for the series with these (label, note)s; the highlighted one is always among them."""
    count = len(names)
    shown = count if count <= height else max(1, height - 1)
    if height <= 0 or not count:
        return []
    start = min(max(0, highlighted - shown // 2), count - shown)
    room = min(max(cell_len(label) for label, _ in names), max(8, width - VALUE_WIDTH - 16))
    lines = []
    for index in range(start, start + shown):
        label, note = names[index]
        value, repeated = reading(curves[index], cursor)
        about = ", ".join(part for part in (repeated, *facts(curves[index]), note) if part)
        lines.append(Entry(index, f"{fit(label, room, pad=True)} {value:>{VALUE_WIDTH}}  {about}".rstrip()))
    if shown < count and height > 1:
        lines.append(Entry(None, f"   … {count - shown} more runs: ↑ and ↓ go through them"))
    return lines


def reading(curve: Curve, cursor: int | None) -> tuple[str, str]:
    """The value at the cursor's step, and whether it is one of several there.

    Where nothing was logged at that step: the value before it, with its step.
    """
    found = curve.last if cursor is None else curve.at(cursor)
    if found is None:
        return "—", ""
    value = format_number(found.value)
    if cursor is not None and found.step != cursor:
        value = f"{value} @{found.step}"
    return value, f"last of {found.count:,} at step {found.step}" if found.count > 1 else ""


def facts(curve: Curve) -> list[str]:
    """What must be known of a curve's points: how many, how many are no numbers, whether they are all the same."""
    count = len(curve)
    if not count:
        return []
    said = ["1 point" if count == 1 else f"{count:,} points"]
    if curve.nan_count:
        said.append(f"{curve.nan_count:,} NaN")
    if curve.inf_count:
        said.append(f"{curve.inf_count:,} inf")
    finite = curve.finite_values
    if len(finite) > 1 and float(finite.min()) == float(finite.max()):
        said.append("constant")
    return said
