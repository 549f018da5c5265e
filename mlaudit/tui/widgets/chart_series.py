"""What a chart is given, and what it makes of it: a run's history, on the axis in use, smoothed, with its facts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from mlaudit.domain.bands import Band
from mlaudit.domain.curve_facts import At, Extremes, extremes, first_gap
from mlaudit.domain.scales import XUnit, YScale, above_zero
from mlaudit.domain.series import Curve, clean_curve
from mlaudit.domain.smoothing import smoothed
from mlaudit.domain.verdict import Direction
from mlaudit.tui.widgets.plot import Line, Mark

BEST, LEAST, GREATEST, LAST = "◆", "▼", "▲", "■"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One run's history, as drawn. ``steps`` and ``values`` have the same length and are not changed later."""

    label: str
    """The run's name; printable, not markup."""
    steps: Sequence[int]
    values: Sequence[float]
    """May hold NaN and infinities."""
    note: str = ""
    """What the legend adds: ``sampled``, ``loading…``, an error."""
    color: str = ""
    """Empty: chosen by position."""
    timestamps: Sequence[int] = ()
    """Milliseconds since the epoch, one a value; empty where there are none, and then no axis of time shows it."""
    start: int | None = None
    """When the run began; None: with its first value."""
    band: Band | None = None
    """Over steps; drawn behind the curve."""
    run_id: str = ""
    """For a file; empty for what is no run."""
    total: int | None = None
    """Where these are only the least and the greatest point of each stretch, and the first that is not finite: how many
    there are. None: these are all."""
    each: int | None = None
    """How many of ``total`` a stretch has, on average."""
    not_finite: int | None = None
    """Of all of ``total``."""

    @property
    def sampling(self) -> str:
        """Which of its points are here; empty: all."""
        if self.total is None:
            return ""
        return "only min and max of stretches" if self.each is None else f"min and max of each ~{self.each:,}"


@dataclass(frozen=True, slots=True)
class Reading:
    """How the curves are read: the axis, the smoothing, which way is better."""

    unit: XUnit = XUnit.STEP
    scale: YScale = YScale.LINEAR
    weight: float = 0.0
    direction: Direction | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A series ready to be drawn."""

    curve: Curve
    """As logged, over the axis in use."""
    smooth: Curve | None
    """None: not smoothed."""
    line: Line
    ends: Extremes | None
    """Of the values as logged."""
    gap: At | None
    hidden: int
    """Finite values that a logarithmic axis has no place for."""
    no_times: bool = False
    """Whether it is not drawn since the axis is time, and it has none."""

    def smooth_at(self, step: int) -> float | None:
        """The smoothed value at a step that has a finite value."""
        import numpy as np

        if self.smooth is None:
            return None
        end = int(np.searchsorted(self.smooth.finite_steps, step, side="right"))
        if end == 0 or int(self.smooth.finite_steps[end - 1]) != step:
            return None
        return float(self.smooth.finite_values[end - 1])


class Preparing:
    """Prepares series and keeps what it made, so that drawing anew costs only the drawing."""

    def __init__(self) -> None:
        self._curves: dict[tuple[int, ...], tuple[Series, dict[Hashable, Curve]]] = {}
        self._kept: dict[tuple[tuple[int, ...], Reading], tuple[Series, Prepared]] = {}

    def all(self, series: Sequence[Series], reading: Reading) -> tuple[Prepared, ...]:
        """The series, prepared; forgets every other."""
        keys = [(_identity(s), reading) for s in series]
        made = {key: self._kept.get(key) or (s, self._prepare(s, reading)) for key, s in zip(keys, series, strict=True)}
        self._kept = dict(made)
        alive = {key[0] for key in made}
        self._curves = {k: v for k, v in self._curves.items() if k in alive}
        return tuple(made[key][1] for key in keys)

    def _curve(self, series: Series, unit: XUnit, weight: float) -> Curve:
        # Kept with the series, whose arrays' identities the key is made of.
        _, known = self._curves.setdefault(_identity(series), (series, {}))
        if (unit, weight) not in known:
            if weight:
                known[unit, weight] = smoothed(self._curve(series, unit, 0), weight)
            else:
                known[unit, weight] = _logged(series, unit)
        return known[unit, weight]

    def _prepare(self, series: Series, reading: Reading) -> Prepared:
        curve = self._curve(series, reading.unit, 0)
        # An average over least and greatest points would be one of noise.
        smooths = reading.weight and series.total is None
        smooth = self._curve(series, reading.unit, reading.weight) if smooths else None
        drawn, raw = smooth or curve, curve if smooth else None
        hidden = 0
        if reading.scale is YScale.LOG:
            shown = above_zero(curve)
            hidden = len(curve.finite_values) - len(shown.finite_values)
            drawn, raw = above_zero(drawn), shown if smooth else None
        ends = extremes(curve)
        band = series.band if reading.unit is XUnit.STEP else None
        no_times = bool(len(series.steps)) and not len(curve)
        return Prepared(
            curve,
            smooth,
            Line(drawn, raw, band, _marks(ends, reading.direction, len(curve.finite_values)), series.total),
            ends,
            first_gap(curve),
            hidden,
            no_times,
        )


def _identity(series: Series) -> tuple[int, ...]:
    return (
        id(series.steps),
        id(series.values),
        id(series.timestamps),
        id(series.band),
        -1 if series.start is None else series.start,
    )


def _logged(series: Series, unit: XUnit) -> Curve:
    """The curve over the axis; empty where that is time and the series has none."""
    if unit is XUnit.STEP:
        return clean_curve(series.steps, series.values)
    import numpy as np

    if not len(series.values) or not len(series.timestamps):
        return clean_curve([], [])
    times = np.asarray(series.timestamps, dtype=np.int64)
    if unit is XUnit.RELATIVE:
        times = times - (int(times.min()) if series.start is None else series.start)
    return clean_curve(times, series.values)


def _marks(ends: Extremes | None, direction: Direction | None, count: int) -> tuple[Mark, ...]:
    """The last point and the best; where nobody says what is best, the least and the greatest."""
    # With one point or two there is nothing to find.
    if ends is None or count < 3 or ends.least.value == ends.greatest.value:
        return ()
    best = ends.best(direction)
    found = (Mark(BEST, best),) if best else (Mark(LEAST, ends.least), Mark(GREATEST, ends.greatest))
    return (Mark(LAST, ends.last), *found)
