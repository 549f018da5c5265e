"""The lines below a chart: each run's name, its value under the cursor, and what there is to know about its points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from mlaudit.domain.scales import XUnit
from mlaudit.domain.text import format_number
from mlaudit.domain.verdict import Direction
from mlaudit.tui.widgets.chart_series import BEST, GREATEST, LEAST, Prepared, Series
from mlaudit.tui.widgets.fitting import fit

VALUE_WIDTH = 11


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend."""

    index: int | None
    """The series it is about; None for the line that counts the rest."""
    text: str


def legend_lines(
    series: Sequence[Series],
    prepared: Sequence[Prepared],
    highlighted: int,
    cursor: int | None,
    width: int,
    height: int,
    unit: XUnit = XUnit.STEP,
    direction: Direction | None = None,
) -> list[Entry]:
    """At most ``height`` lines, one a series; that of the highlighted one is always among them."""
    count = len(series)
    shown = count if count <= height else max(1, height - 1)
    if height <= 0 or not count:
        return []
    start = min(max(0, highlighted - shown // 2), count - shown)
    room = min(max(cell_len(s.label) for s in series), max(8, width - VALUE_WIDTH - 16))
    lines = []
    for index in range(start, start + shown):
        one, found = series[index], prepared[index]
        value, remarks = reading(found, cursor, unit)
        band = one.band.about if one.band and unit is XUnit.STEP else ""
        said = (*remarks, *facts(one, found, unit), band, one.note, ends(found, unit, direction))
        about = ", ".join(part for part in said if part)
        lines.append(Entry(index, f"{fit(one.label, room, pad=True)} {value:>{VALUE_WIDTH}}  {about}".rstrip()))
    if shown < count and height > 1:
        lines.append(Entry(None, f"   … {count - shown} more runs: ↑ and ↓ go through them"))
    return lines


def reading(prepared: Prepared, cursor: int | None, unit: XUnit = XUnit.STEP) -> tuple[str, tuple[str, ...]]:
    """The value at the cursor, and what to know of it: the raw one where it is smoothed, whether it is one of several.

    Where nothing was logged there: the value before it, with its place.
    """
    curve = prepared.curve
    found = curve.last if cursor is None else curve.at(cursor)
    if found is None:
        return "—", ()
    remarks = []
    smooth = prepared.smooth_at(found.step)
    value = format_number(found.value if smooth is None else smooth)
    if smooth is not None:
        remarks.append(f"raw {format_number(found.value)}")
    if cursor is not None and found.step != cursor:
        value = f"{value} @{unit.short(found.step)}"
    if found.count > 1 and prepared.line.total is None:
        remarks.append(f"last of {found.count:,} at {unit.read(found.step)}")
    return value, tuple(remarks)


def facts(series: Series, prepared: Prepared, unit: XUnit = XUnit.STEP) -> list[str]:
    """What must be known of the points: how many, which of them are drawn, how many are no numbers and since when,
    whether all are the same."""
    curve = prepared.curve
    count = len(curve) if series.total is None else series.total
    if prepared.no_times:
        return ["not drawn: it has no times"]
    if not count:
        return []
    said = ["1 point" if count == 1 else f"{count:,} points"]
    if series.sampling:
        said.append(series.sampling)
    if series.not_finite is not None:
        said += [f"{series.not_finite:,} not finite"] if series.not_finite else []
    else:
        said += [f"{curve.nan_count:,} NaN"] if curve.nan_count else []
        said += [f"{curve.inf_count:,} inf"] if curve.inf_count else []
    if prepared.gap is not None and len(curve.finite_values):
        said.append(f"first {format_number(prepared.gap.value)} @{unit.short(prepared.gap.step)}")
    if prepared.hidden:
        # Of sampled points the number says nothing.
        said.append(f"{'some' if series.total is not None else f'{prepared.hidden:,}'} not above 0 hidden")
    found = prepared.ends
    if found is not None and len(curve.finite_values) > 1 and found.least.value == found.greatest.value:
        said.append("constant")
    return said


def ends(prepared: Prepared, unit: XUnit, direction: Direction | None) -> str:
    """The marked values: the best, or where nobody says which way is better the least and the greatest."""
    found = prepared.ends
    if found is None or not prepared.line.marks:
        return ""
    best = found.best(direction)
    marked = ((BEST, best),) if best else ((LEAST, found.least), (GREATEST, found.greatest))
    return " ".join(f"{char} {format_number(at.value)} @{unit.short(at.step)}" for char, at in marked)
