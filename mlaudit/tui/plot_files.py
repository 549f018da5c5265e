"""Runs over params and metrics as files: the values as CSV, or the drawing as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from mlaudit.domain.dimensions import Dimension, Spacing
from mlaudit.domain.models import Run
from mlaudit.tui.chart_files import HEIGHT, WIDTH, Picture, Stroke
from mlaudit.tui.widgets.chart_paint import color_of
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.parallel import title
from mlaudit.tui.widgets.plot import LETTERS

LETTER_WIDTH = 7.0
"""Pixels of a letter, about."""


def values_csv(runs: Sequence[Run], labels: Sequence[str], axes: Sequence[Dimension]) -> str:
    """A line for each run: run, run_id, and its value on each axis as the store has it; empty where it has none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["run", "run_id", *(axis.column for axis in axes)])
    for index, run in enumerate(runs):
        writer.writerow([labels[index], run.run_id, *(_value(run, axis, index) for axis in axes)])
    return buffer.getvalue()


def _value(run: Run, axis: Dimension, index: int) -> str:
    number = axis.values[index]
    if axis.is_metric and number is not None:
        return repr(number)
    return run.params.get(axis.name, "") if not axis.is_metric else axis.texts[index] or ""


def parallel_picture(labels: Sequence[str], axes: Sequence[Dimension]) -> Picture:
    """A line for each run, broken where it has no value."""
    gap = WIDTH / max(1, len(axes) - 1)
    places = [round(n * gap, 1) if len(axes) > 1 else WIDTH / 2 for n in range(len(axes))]
    room = max(4, int(WIDTH / max(1, len(axes)) / LETTER_WIDTH))
    strokes = []
    for run, label in enumerate(labels):
        parts: list[list[tuple[float, float]]] = [[]]
        for x, axis in zip(places, axes, strict=True):
            value = axis.values[run]
            if value is not None:
                parts[-1].append((x, _down(axis, value)))
            elif parts[-1]:
                parts.append([])
        lines = [part for part in parts if part]
        strokes.append(
            Stroke(f"{LETTERS[run % len(LETTERS)]} {label}", color_of(run, "", dark=False), lines, [], [], [])
        )
    notes = [(x, -6.0, fit(axis.ends[1], room)) for x, axis in zip(places, axes, strict=True)]
    notes += [(x, HEIGHT + 16.0, fit(axis.ends[0], room)) for x, axis in zip(places, axes, strict=True)]
    notes += [(x, HEIGHT + 34.0, fit(title(axis), room)) for x, axis in zip(places, axes, strict=True)]
    # There are more runs than colours.
    for run, stroke in enumerate(strokes):
        if stroke.lines:
            x, y = stroke.lines[-1][-1]
            notes.append((x + 8.0 + 9.0 * (run % 2), y + 4.0, LETTERS[run % len(LETTERS)]))
    return Picture("", "", strokes, [], [], None, rules=places, notes=notes)


def scatter_picture(labels: Sequence[str], x: Dimension, y: Dimension) -> Picture:
    """A point for each run that has both; with names where there are enough letters for all."""
    few = len(labels) <= len(LETTERS)
    points = [
        (run, (round(a * WIDTH, 1), round((1 - b) * HEIGHT, 1)))
        for run, (a, b) in enumerate(zip(x.places, y.places, strict=True))
        if a is not None and b is not None
    ]
    if few:
        strokes = [
            Stroke(f"{LETTERS[run]} {labels[run]}", color_of(run, "", dark=False), [], [], [], [point])
            for run, point in points
        ]
    else:
        every = [point for _, point in points]
        strokes = [Stroke(f"{len(every)} runs", color_of(0, "", dark=False), [], [], [], every)]
    across, up = x.ticks(8), y.ticks(8)
    return Picture(
        f"{_name(y)} over {_name(x)}",
        _name(x),
        strokes,
        [(round(x.place(v) * WIDTH, 1), label) for v, label in zip(across.values, across.labels, strict=True)],
        [(_down(y, v), label) for v, label in zip(up.values, up.labels, strict=True)],
        None,
        notes=[(across_at + 9.0, at - 4.0, LETTERS[run]) for run, (across_at, at) in points] if few else [],
    )


def _down(axis: Dimension, value: float) -> float:
    return round((1 - axis.place(value)) * HEIGHT, 1)


def _name(axis: Dimension) -> str:
    return f"{axis.column} (log)" if axis.spacing is Spacing.LOG else axis.column
