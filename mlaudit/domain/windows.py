"""The part of a curve that a zoomed chart shows: what lies between two steps, and where the line enters and leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlaudit.domain.scales import Scale
from mlaudit.domain.series import Curve, Spans, downsample, inside

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

View = tuple[int, int]
"""The first and last step (or millisecond) that is seen."""
Edges = tuple[float | None, float | None]


def edges(curve: Curve, scale: Scale, first: int, last: int) -> Edges:
    """Where the line from the point before ``first`` comes in, and the one to the point after ``last`` goes out.

    As places on the scale; None where there is no such line, e.g. since a gap lies there.
    """
    begin, end = inside(curve, first, last)
    count = len(curve.finite_steps)
    return (
        _crossing(curve, scale, begin, first) if 0 < begin < count else None,
        _crossing(curve, scale, end, last) if 0 < end < count else None,
    )


def _crossing(curve: Curve, scale: Scale, after: int, step: int) -> float | None:
    """Where the line from the point before ``after`` to it stands at ``step``."""
    if curve.segment[after - 1] != curve.segment[after]:
        return None
    x0, x1 = int(curve.finite_steps[after - 1]), int(curve.finite_steps[after])
    if x1 == x0:
        return None
    y0, y1 = scale.apply(curve.finite_values[after - 1 : after + 1]).tolist()
    share = (step - x0) / (x1 - x0)
    return float(y0 * (1 - share) + y1 * share)


def seen_values(curve: Curve, first: int, last: int) -> Floats:
    """The finite values from step ``first`` to ``last``."""
    begin, end = inside(curve, first, last)
    return curve.finite_values[begin:end]


def seen_spans(curve: Curve, scale: Scale, first: int, last: int, width: int) -> Spans:
    """What is seen in ``width`` pixel columns, as places on the scale, with the line's edges."""

    spans = scale.spans(downsample(curve, first, last, width))
    enter, leave = edges(curve, scale, first, last)
    if enter is None and leave is None:
        return spans
    begin, end = inside(curve, first, last)
    if enter is not None:
        spans = _with_edge(spans, 0, enter, int(curve.segment[begin]), front=True)
    if leave is not None:
        spans = _with_edge(spans, max(0, width - 1), leave, int(curve.segment[end - 1]), front=False)
    return spans


def _with_edge(spans: Spans, column: int, value: float, segment: int, *, front: bool) -> Spans:
    """The spans with a value at the first or last pixel column."""
    import numpy as np

    edge = 0 if front else -1
    if len(spans.columns) and spans.columns[edge] == column and spans.segments[edge] == segment:
        # Within one pixel column: the bar there covers the line's way as well.
        lows, highs = spans.lows.copy(), spans.highs.copy()
        lows[edge], highs[edge] = min(lows[edge], value), max(highs[edge], value)
        return replace(spans, lows=lows, highs=highs)

    def joined(part: Any, item: float) -> Any:
        new = np.array([item], part.dtype)
        return np.concatenate((new, part) if front else (part, new))

    return Spans(
        joined(spans.columns, column),
        joined(spans.lows, value),
        joined(spans.highs, value),
        joined(spans.firsts, value),
        joined(spans.lasts, value),
        joined(spans.segments, segment),
    )


def zoomed(view: View, extent: View, around: int, *, closer: bool) -> View | None:
    """Half as much or twice as much, with ``around`` where it was; None where that is all of ``extent``.

    Never closer than one step.
    """
    first, last = view
    span = last - first
    new = max(1, span // 2) if closer else span * 2
    if new >= extent[1] - extent[0]:
        return None
    around = min(max(around, first), last)
    start = around - ((around - first) * new // span if span else new // 2)
    return shifted((start, start + new), extent, 0)


def shifted(view: View, extent: View, by: int) -> View:
    """The same span further on, as far as there is something."""
    span = view[1] - view[0]
    start = min(max(view[0] + by, extent[0]), max(extent[0], extent[1] - span))
    return start, start + span
