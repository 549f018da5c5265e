"""A chart as a file: all its points as CSV, or what is seen of it as a picture (SVG by hand, PNG by matplotlib).

The pictures are drawn from the same axes and the same min-max columns as the screen's, only finer, on white.
"""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from mlaudit.domain.finite import STORED_INFINITY, is_finite
from mlaudit.domain.scales import XUnit
from mlaudit.domain.series import Curve, columns_of
from mlaudit.domain.text import format_iso, format_number
from mlaudit.domain.windows import seen_spans
from mlaudit.tui.files import place_problem, write_file
from mlaudit.tui.widgets.chart_paint import color_of
from mlaudit.tui.widgets.chart_series import Prepared, Series
from mlaudit.tui.widgets.metric_chart import ChartView
from mlaudit.tui.widgets.plot import LETTERS, Axes, make_axes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

ENDINGS = (".csv", ".svg", ".png")
WIDTH, HEIGHT = 900, 480
"""Of the plot, in pixels."""
LEFT, TOP, BELOW, LINE = 90, 40, 50, 18
"""Room around the plot, and the height of a line of the legend."""


Path2D = list[tuple[float, float]]
"""Points in pixels; y downwards."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One series in pixels."""

    label: str
    color: str
    lines: list[Path2D]
    raw: list[Path2D]
    """The curve as logged, behind a smoothed one."""
    band: list[Path2D]
    marks: Path2D


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart in pixels, whatever draws it."""

    title: str
    x_title: str
    strokes: list[Stroke]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    zero: float | None
    """The height of the line at 0."""
    rules: list[float] = field(default_factory=list)
    """Where upright lines stand, besides the y axis."""
    notes: list[tuple[float, float, str]] = field(default_factory=list)
    """Texts, and where their middle is."""


def problem_with(path: Path) -> str:
    """Why nothing can be written there, in words; empty where it can. Whether the file exists is another question."""
    if path.suffix.lower() not in ENDINGS:
        return f"the name must end in {', '.join(ENDINGS)}"
    if problem := place_problem(path):
        return problem
    if path.suffix.lower() == ".png" and importlib.util.find_spec("matplotlib") is None:
        return "a .png needs matplotlib, which pip install 'mlaudit[train]' brings; .svg needs nothing"
    return ""


def write_chart(view: ChartView, path: Path, *, replace: bool = False) -> int:
    """Write what ``path``'s ending says; its size in bytes. Takes a while for millions of points.

    Raises FileExistsError unless ``replace``, OSError. Never leaves half a file.
    """
    return write_as(path, lambda: "".join(points_csv(view)), lambda: picture_of(view), replace=replace)


def write_as(path: Path, table: Callable[[], str], picture: Callable[[], Picture], *, replace: bool = False) -> int:
    """The same, for what ``table`` makes as CSV and ``picture`` as SVG or PNG. Raises ImportError, too."""
    ending = path.suffix.lower()
    if ending == ".csv":
        data = table().encode()
    elif ending == ".svg":
        data = svg(picture()).encode()
    else:
        data = png(picture())
    return write_file(path, lambda file: file.write(data), replace=replace)


def points_csv(view: ChartView) -> Iterator[str]:
    """All points of what is drawn, seen or not: series, run, metric, step, time (ISO 8601, UTC), value.

    A smoothed chart adds ``smoothed``, bands add ``band_low`` and ``band_high``. What is no number is ``NaN``.
    """
    smooth = any(p.smooth is not None for p in view.prepared)
    band = any(s.band is not None for s in view.series)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    more = [*(["smoothed"] if smooth else []), *(["band_low", "band_high"] if band else [])]
    writer.writerow(["series", "run_id", "metric", "step", "time", "value", *more])
    for series, prepared in zip(view.series, view.prepared, strict=True):
        averages = _by_point(series, prepared, view.look.unit) if smooth else None
        ends = dict(zip(series.band.steps.tolist(), _ends(series), strict=True)) if series.band is not None else {}
        for index, (step, value) in enumerate(zip(series.steps, series.values, strict=True)):
            time = format_iso(series.timestamps[index]) if len(series.timestamps) else ""
            row = [series.label, series.run_id, view.metric, step, time, _number(value)]
            if averages is not None:
                row.append(_number(averages[index]) if is_finite(averages[index]) else "")
            if band:
                row += [_number(v) for v in ends[step]] if step in ends else ["", ""]
            writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _number(value: float) -> str:
    return repr(float(value)) if is_finite(value) else format_number(value)


def _ends(series: Series) -> list[tuple[float, float]]:
    assert series.band is not None
    return list(zip(series.band.lows.tolist(), series.band.highs.tolist(), strict=True))


def _by_point(series: Series, prepared: Prepared, unit: XUnit) -> list[float]:
    """The smoothed value of each point in the series' own order; NaN where it has none."""
    import numpy as np

    out = np.full(len(series.values), np.nan)
    if prepared.smooth is not None:
        on_time = unit is not XUnit.STEP and len(series.timestamps)
        # The curve is in the order of its axis, times shifted by a constant at most.
        order = np.argsort(np.asarray(series.timestamps if on_time else series.steps), kind="stable")
        finite = np.abs(prepared.curve.values) < STORED_INFINITY
        out[order[finite]] = prepared.smooth.finite_values
    return [float(v) for v in out]


# Pictures


def picture_of(view: ChartView) -> Picture:
    """What is seen, in pixels."""
    import numpy as np

    lines = [p.line for p in view.prepared]
    axes = make_axes(lines, view.look)
    title = f"{view.metric}{view.about}"
    x_title = {XUnit.STEP: "step", XUnit.RELATIVE: "time since the start", XUnit.WALL: "UTC"}[view.look.unit]
    if axes is None:
        return Picture(f"{title} (nothing was logged here)", x_title, [], [], [], None)

    def down(places: Floats) -> list[float]:
        return [round(float(v), 1) for v in (axes.high - places) / (axes.high - axes.low) * HEIGHT]

    strokes = []
    for index, (one, found) in enumerate(zip(view.series, view.prepared, strict=True)):
        letter = f"{LETTERS[index % len(LETTERS)]} " if len(view.series) > 1 else ""
        marks = [m.at for m in found.line.marks if axes.first <= m.at.step <= axes.last]
        places = axes.scale.apply(np.array([at.value for at in marks], np.float64))
        across = columns_of(np.array([at.step for at in marks], np.int64), axes.first, axes.last, WIDTH)
        shown = [(float(x), y) for x, y in zip(across, down(places), strict=True) if 0 <= y <= HEIGHT]
        strokes.append(
            Stroke(
                f"{letter}{one.label}"
                + (f" ({one.band.about})" if one.band is not None else "")
                + (f" ({one.sampling})" if one.sampling else ""),
                color_of(index, one.color, dark=False),
                _lines(found.line.curve, axes),
                _lines(found.line.raw, axes) if found.line.raw is not None else [],
                _outline(one, axes) if found.line.band is not None else [],
                shown,
            )
        )
    x = view.look.unit.ticks(axes.first, axes.last, 8)
    y = axes.scale.ticks(axes.low, axes.high, 8)
    x_places = columns_of(np.array(x.values, np.int64), axes.first, axes.last, WIDTH)
    y_places = down(axes.scale.apply(np.array(y.values, np.float64)))
    zero = down(np.zeros(1))[0] if view.look.zero and axes.low <= 0 <= axes.high else None
    return Picture(
        title,
        x_title,
        strokes,
        [(float(p), label) for p, label in zip(x_places, x.labels, strict=True)],
        list(zip(y_places, y.labels, strict=True)),
        zero,
    )


def _lines(curve: Curve, axes: Axes) -> list[Path2D]:
    """A curve as lines without gaps: each pixel column's first, least, greatest and last value."""
    spans = seen_spans(curve, axes.scale, axes.first, axes.last, WIDTH)
    parts: list[Path2D] = []
    before: int | None = None
    rows = zip(
        *(a.tolist() for a in (spans.columns, spans.firsts, spans.lows, spans.highs, spans.lasts, spans.segments)),
        strict=True,
    )
    for column, *values, segment in rows:
        if segment != before:
            parts.append([])
            before = segment
        for value in dict.fromkeys(values):
            parts[-1].append((float(column), round((axes.high - value) / (axes.high - axes.low) * HEIGHT, 1)))
    return parts


def _outline(series: Series, axes: Axes) -> list[Path2D]:
    """A band as one closed line: along its top and back along its bottom."""
    import numpy as np

    assert series.band is not None
    x = np.linspace(axes.first, axes.last, WIDTH // 2)
    steps = series.band.steps.astype(np.float64)
    ends = []
    for values in (series.band.highs, series.band.lows):
        places = np.clip(axes.scale.apply(values), axes.low, axes.high)
        ends.append((axes.high - np.interp(x, steps, places, left=np.nan, right=np.nan)) / (axes.high - axes.low))
    known = ~np.isnan(ends[0])
    across = np.linspace(0, WIDTH, len(x))[known]
    top, bottom = (
        [(round(float(x), 1), round(float(y) * HEIGHT, 1)) for x, y in zip(across, end[known], strict=True)]
        for end in ends
    )
    return [[*top, *reversed(bottom)]] if top else []


def svg(picture: Picture) -> str:
    """A document of its own; text stays text."""
    height = TOP + HEIGHT + BELOW + LINE * len(picture.strokes) + 10
    width = LEFT + WIDTH + 30
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{escape(picture.title)}</text>',
        f'<g transform="translate({LEFT} {TOP})">',
    ]
    for y, label in picture.y_ticks:
        out.append(f'<path d="M0 {y}H{WIDTH}" stroke="#e4e4e4"/>')
        out.append(f'<text x="-8" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
    for x, label in picture.x_ticks:
        out.append(f'<path d="M{x} {HEIGHT}v5" stroke="#000"/>')
        out.append(f'<text x="{x}" y="{HEIGHT + 20}" text-anchor="middle">{escape(label)}</text>')
    out += [f'<path d="M{x} 0V{HEIGHT}" stroke="#bbb"/>' for x in picture.rules]
    out += [f'<text x="{x}" y="{y}" text-anchor="middle">{escape(text)}</text>' for x, y, text in picture.notes]
    if picture.zero is not None:
        out.append(f'<path d="M0 {picture.zero}H{WIDTH}" stroke="#000" stroke-dasharray="4 4"/>')
    for stroke in picture.strokes:
        out += [f'<path d="{_d(p)}Z" fill="{stroke.color}" fill-opacity="0.18"/>' for p in stroke.band]
    for stroke in picture.strokes:
        style = f'fill="none" stroke="{stroke.color}" stroke-linecap="round" stroke-linejoin="round"'
        out += [f'<path d="{_d(p)}" {style} stroke-opacity="0.3"/>' for p in stroke.raw]
        out += [f'<path d="{_d(p)}" {style} stroke-width="1.6"/>' for p in stroke.lines]
        out += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{stroke.color}"/>' for x, y in stroke.marks]
    out.append(f'<path d="M0 0V{HEIGHT}H{WIDTH}" fill="none" stroke="#000"/>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT + 40}" text-anchor="middle">{escape(picture.x_title)}</text>')
    for index, stroke in enumerate(picture.strokes):
        y = HEIGHT + BELOW + LINE * index + 10
        out.append(f'<path d="M0 {y - 4}h24" stroke="{stroke.color}" stroke-width="3"/>')
        out.append(f'<text x="32" y="{y}">{escape(stroke.label)}</text>')
    return "\n".join([*out, "</g>", "</svg>", ""])


def _d(points: Path2D) -> str:
    """A path; a point alone is a line of no length, which a round cap makes a dot."""
    if len(points) == 1:
        return f"M{points[0][0]} {points[0][1]}h0"
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def png(picture: Picture) -> bytes:
    """Drawn by matplotlib. Raises ImportError where it is not installed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    legend = 0.18 * len(picture.strokes)
    figure = Figure(figsize=(10.2, 5.6 + legend), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for stroke in picture.strokes:
        for part in stroke.band:
            axes.fill(*zip(*part, strict=True), color=stroke.color, alpha=0.18, linewidth=0)
        for part in stroke.raw:
            axes.plot(*zip(*part, strict=True), color=stroke.color, alpha=0.3, linewidth=0.8)
        for part in stroke.lines:
            axes.plot(*zip(*part, strict=True), color=stroke.color, linewidth=1.3, marker="" if len(part) > 1 else ".")
        if stroke.marks:
            axes.plot(*zip(*stroke.marks, strict=True), color=stroke.color, linestyle="", marker="o", markersize=4)
        # Names are no mathematics, and one that begins with _ is no secret.
        axes.plot([], [], color=stroke.color, linewidth=3, label=_plain(stroke.label))
    if picture.zero is not None:
        axes.axhline(picture.zero, color="black", linestyle="--", linewidth=0.8)
    for x in picture.rules:
        axes.axvline(x, color="#bbbbbb", linewidth=0.8, zorder=0)
    for x, y, text in picture.notes:
        axes.text(x, y, _plain(text), ha="center", va="center", fontsize=7)
    axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), title=_plain(picture.title), xlabel=_plain(picture.x_title))
    axes.set_xticks([p for p, _ in picture.x_ticks], [_plain(label) for _, label in picture.x_ticks])
    axes.set_yticks([p for p, _ in picture.y_ticks], [_plain(label) for _, label in picture.y_ticks])
    axes.grid(axis="y", color="#e4e4e4")
    axes.set_axisbelow(True)
    if picture.strokes:
        figure.legend(loc="outside lower left", frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _plain(text: str) -> str:
    shown = text.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
