"""Which curves the chart screen draws of its runs: each its own or recipes as means with bands, and Production's."""

from __future__ import annotations

import asyncio
import os.path
from collections.abc import Callable, Sequence
from dataclasses import replace

from mlaudit.domain.bands import Band, mean_band
from mlaudit.domain.builtin_rules import direction_by_name
from mlaudit.domain.curve_facts import Difference, same_step_difference
from mlaudit.domain.models import MetricHistory, Run
from mlaudit.domain.replicates import same_recipe
from mlaudit.domain.series import clean_curve
from mlaudit.domain.verdict import Direction, GatePolicy
from mlaudit.services.reference import Reference
from mlaudit.tui.histories import KEEP_POINTS, Ask, Histories, run_labels
from mlaudit.tui.widgets.chart_paint import FOREGROUND
from mlaudit.tui.widgets.chart_series import Series
from mlaudit.tui.widgets.metric_chart import MAX_OVERLAYS

ENOUGH = 6_000
"""Points that are enough to draw of a longer history: 2,000 stretches, twice the dots across the widest terminals."""


class ChartCurves:
    """The runs, their histories, and how they are shown."""

    def __init__(self, ask: Ask, runs: Sequence[Run]) -> None:
        self.histories = Histories(ask, enough=ENOUGH)
        self.runs = tuple(runs[:MAX_OVERLAYS])
        self.given = len(runs)
        """How many runs there were before the cap."""
        self.grouped = False
        self.reference: Reference | None = None
        self.with_reference = False
        self.subtracting = False
        """Whether the first series is subtracted from the others (Production's, where it is shown)."""
        self.left_out = 0
        """Steps that the difference last drawn could not show."""
        self._differences: dict[tuple[int, ...], tuple[tuple[Series, Series], Difference]] = {}
        self._bands: dict[tuple[str, tuple[str, ...]], tuple[tuple[int, ...], Band]] = {}

    @property
    def groups(self) -> list[tuple[Run, ...]]:
        """The runs parted by recipe; seeds and the like apart."""
        return same_recipe(self.runs, self.reference.policy if self.reference else GatePolicy())

    @property
    def extra(self) -> Run | None:
        """Production's run where it is shown and is not among the runs."""
        run = self.reference.run if self.reference and self.with_reference else None
        return None if run is None or any(r.run_id == run.run_id for r in self.runs) else run

    @property
    def drawn_runs(self) -> tuple[Run, ...]:
        """Those whose histories are needed; with Production's there is room for one less."""
        extra = self.extra
        return (*self.runs[: MAX_OVERLAYS - 1], extra) if extra else self.runs

    def direction(self, key: str) -> Direction | None:
        """Which way a metric gets better, by the policy or its exact name."""
        rules = self.reference.policy.metrics if self.reference else ()
        declared = next((rule.direction for rule in rules if rule.name == key), None)
        return declared or direction_by_name(key)

    async def load(self, key: str, arrived: Callable[[], None], *, fresh: bool = False) -> None:
        """Fetch what is drawn and not there; with ``fresh`` everything. Errors stay with their runs."""
        runs = self.drawn_runs
        if fresh or not self.histories.settled(runs, key):
            await self.histories.load(runs, key, arrived, fresh=fresh)
        if self.grouped or self.subtracting:
            # Means and differences are of the same steps, which the extremes of two runs seldom share.
            await self.histories.complete(runs, key, arrived)
        if self.grouped:
            await self._band_together(key)

    async def _band_together(self, key: str) -> None:
        for group in self.groups:
            parts = self._parts(group, key)
            place, made_of = (key, tuple(r.run_id for r in group)), tuple(map(id, parts))
            if len(group) > 1 and (place not in self._bands or self._bands[place][0] != made_of):
                # In a thread: its first time imports SciPy.
                self._bands[place] = made_of, await asyncio.to_thread(_band_of, parts)

    def _parts(self, group: Sequence[Run], key: str) -> list[MetricHistory]:
        found = (self.histories.get(run, key) for run in group)
        return [history for history in found if history is not None and not history.sampled]

    @property
    def steps_only(self) -> str:
        """Why only steps can be on the x axis; empty where others can."""
        if self.subtracting:
            return "Differences are between the same steps: D shows the runs themselves."
        return "Means are over the same steps: M shows the runs one by one." if self.grouped else ""

    def series(self, key: str) -> tuple[Series, ...]:
        """What is drawn of a metric."""
        shown = self._shown(key)
        return self._subtracted(shown) if self.subtracting else shown

    def _subtracted(self, shown: Sequence[Series]) -> tuple[Series, ...]:
        """Each series minus the base, which is Production's or else the first."""
        self.left_out = 0
        if not shown:
            return ()
        base = next((s for s in shown if s.color == FOREGROUND), shown[0])
        made: dict[tuple[int, ...], tuple[tuple[Series, Series], Difference]] = {}
        out = []
        for one in shown:
            if one is base:
                continue
            if one.total is not None or base.total is not None:
                why = self._not_whole((one, base))
                out.append(Series(f"{one.label} − {base.label}", (), (), why))
                continue
            place = tuple(map(id, (one.steps, one.values, base.steps, base.values)))
            if place in self._differences:
                found = self._differences[place][1]
            else:
                found = same_step_difference(clean_curve(one.steps, one.values), clean_curve(base.steps, base.values))
            made[place] = (one, base), found
            self.left_out += found.left_out
            curve = found.curve
            note = ", ".join(s.note for s in (one, base) if s.note)
            # Arrays of numpy serve as sequences.
            out.append(Series(f"{one.label} − {base.label}", curve.steps, curve.values, note))  # type: ignore[arg-type]
        # The series themselves are kept beside, so that their identities stay theirs.
        self._differences = made
        return tuple(out)

    @staticmethod
    def _not_whole(parts: Sequence[Series]) -> str:
        """Why there is no difference yet of series that are only sampled."""
        notes = [s.note for s in parts if s.total is not None and s.note]
        return ", ".join(notes) or f"more points than the {KEEP_POINTS:,} that are kept"

    def _shown(self, key: str) -> tuple[Series, ...]:
        single = dict(zip((r.run_id for r in self.drawn_runs), self._single(key), strict=True))
        if not self.grouped:
            return tuple(single.values())
        drawn = {run.run_id for run in self.drawn_runs}
        shown = []
        for group in self.groups:
            if len(group) > 1:
                shown.append(self._mean(group, key))
            elif group[0].run_id in drawn:
                shown.append(single[group[0].run_id])
        reference = self.reference.run if self.reference and self.with_reference else None
        if reference is not None and not any(s.run_id == reference.run_id for s in shown):
            shown.append(single[reference.run_id])
        return tuple(shown)

    def _single(self, key: str) -> tuple[Series, ...]:
        series = self.histories.series(self.drawn_runs, key)
        if not self.with_reference or self.reference is None or self.reference.run is None:
            return series
        found, version = self.reference, self.reference.version
        name = f"{found.selector.removeprefix('stage:')}{f' v{version.version}' if version else ''}"
        return tuple(
            replace(s, label=f"{name} {s.label}", color=FOREGROUND) if run.run_id == found.run.run_id else s  # type: ignore[union-attr]
            for run, s in zip(self.drawn_runs, series, strict=True)
        )

    def _mean(self, group: tuple[Run, ...], key: str) -> Series:
        label = f"{group_name(group)} ×{len(group)}"
        made = self._bands.get((key, tuple(r.run_id for r in group)))
        missing = len(group) - len(self._parts(group, key))
        if made is None:
            return Series(label, (), (), "loading…")
        note = f"{missing} of {len(group)} runs are not in it" if missing else ""
        band = made[1]
        # Arrays of numpy serve as sequences.
        return Series(label, band.steps, band.means, note, band=band)  # type: ignore[arg-type]


def group_name(group: Sequence[Run]) -> str:
    """What the names of a group's runs have in common at their start, else the first one's."""
    names = [run.name for run in group]
    common = os.path.commonprefix(names).rstrip(" -_.:/#")  # noqa: RUF071 - characters are what is meant
    return common if len(common) >= 3 else run_labels(group)[0]


def _band_of(parts: Sequence[MetricHistory]) -> Band:
    return mean_band([clean_curve(history.steps, history.values) for history in parts])
