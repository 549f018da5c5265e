"""The curves of a comparison: over one another or their difference, the noise band, best against last below.

The band is over the runs that the gate judged together with the baseline (:mod:`mlaudit.domain.bands`), never over
others that look alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from mlaudit.domain.bands import Band, mean_band
from mlaudit.domain.comparison import Comparison
from mlaudit.domain.curve_facts import extremes, first_gap, same_step_difference
from mlaudit.domain.models import MetricHistory, Run
from mlaudit.domain.series import Curve, clean_curve
from mlaudit.domain.text import format_change, format_number
from mlaudit.domain.verdict import Direction
from mlaudit.tui.histories import Ask, Histories
from mlaudit.tui.widgets.chart_series import Series
from mlaudit.tui.widgets.metric_chart import MetricChart

ROLES = ("candidate", "baseline")


class DiffCurves(Vertical):
    """A chart of candidate and baseline, and a line or two on their ends."""

    DEFAULT_CSS = """
    DiffCurves MetricChart { height: 1fr; width: 1fr; }
    DiffCurves #curve-facts { height: auto; max-height: 5; padding: 0 1; }
    """

    def __init__(self, ask: Ask, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.difference = False
        """Whether the difference is shown instead of both curves."""
        self._histories = Histories(ask)
        self._comparison: Comparison | None = None
        self._key: str | None = None
        self._band: tuple[tuple[str, ...], Band] | None = None
        """With the metric and the runs that it is over."""
        self._subtracted: tuple[tuple[MetricHistory, MetricHistory], Series, str] | None = None
        """Of these two the difference, and what is left out of it, in words."""

    def compose(self) -> ComposeResult:
        yield MetricChart(id="chart")
        yield Static(id="curve-facts", markup=False)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Candidate and baseline; one where there is no other."""
        if self._comparison is None:
            return ()
        candidate, baseline = self._comparison.candidate.run, self._comparison.baseline
        return (candidate, baseline.run) if baseline and baseline.run.run_id != candidate.run_id else (candidate,)

    @property
    def replicates(self) -> tuple[Run, ...]:
        """The runs that are judged together with the baseline, as far as their histories need to be asked for."""
        baseline = self._comparison.baseline if self._comparison else None
        # A comparison carries their ids; replicates log under the same keys as the run that they repeat.
        return tuple(replace(baseline.run, run_id=run_id) for run_id in baseline.replicates) if baseline else ()

    @property
    def _banded(self) -> tuple[str, ...]:
        """What a noise band is of: the metric, and the runs around the baseline and itself."""
        return (self._key or "", *(run.run_id for run in (*self.runs[1:], *self.replicates)))

    @property
    def _band_here(self) -> Band | None:
        """The band around what is shown; None for one that was around something else."""
        return self._band[1] if self._band is not None and self._band[0] == self._banded else None

    def forget(self) -> None:
        """Ask the store anew next time."""
        self._histories.forget()
        self._band = None

    def show(self, comparison: Comparison, key: str | None) -> None:
        """Draw this metric of the comparison's runs."""
        self._comparison, self._key = comparison, key
        self._draw()
        self._load(key)

    def toggle(self) -> None:
        """The difference instead of both curves, or back."""
        self.difference = not self.difference
        self._draw()

    @work(exclusive=True, group="diff.curves")
    async def _load(self, key: str | None) -> None:
        if key is None:
            return
        if not self._histories.settled(self.runs, key):
            await self._histories.load(self.runs, key, self._draw)
            self._draw()
        if not self.replicates:
            return
        if not self._histories.settled(self.replicates, key):
            await self._histories.load(self.replicates, key, self._draw)
        banded = self._banded
        parts = [h for run in (*self.runs[1:], *self.replicates) if (h := self._histories.get(run, key)) is not None]
        self._band = banded, await asyncio.to_thread(_band_of, parts)
        self._draw()

    # Drawing

    @property
    def _direction(self) -> Direction | None:
        rules = self._comparison.policy.metrics if self._comparison else ()
        return next((rule.direction for rule in rules if rule.name == self._key), None)

    def _draw(self) -> None:
        # An answer may come before they are there, or while the screen is taken apart.
        if not self.query(MetricChart) or not self.query("#curve-facts"):
            return
        chart, facts = self.query_one(MetricChart), self.query_one("#curve-facts", Static)
        key, runs = self._key, self.runs
        if key is None:
            chart.plot("", (), message="neither run logged a metric")
            facts.update("")
            return
        waiting = self._histories.waiting(runs, key)
        message = f"loading {len(runs) - waiting} of {len(runs)}" if waiting else ""
        series = self._histories.series(runs, key)
        series = tuple(replace(s, label=f"{role} {s.label}") for role, s in zip(ROLES, series, strict=False))
        if self.difference:
            why = "" if len(runs) > 1 else "there is no other run to subtract"
            shown, left_out = self._subtract(series) if len(runs) > 1 else (None, "")
            facts.update(self._facts(series, left_out))
            chart.plot(
                key,
                (shown,) if shown is not None else (),
                message=message or why,
                direction=self._direction,
                zero=True,
                steps_only="The difference is between the same steps of both runs.",
            )
            return
        facts.update(self._facts(series, self._band_words(len(series))))
        if (band := self._band_here) is not None and len(series) > 1:
            series = (series[0], replace(series[1], band=band))
        chart.plot(key, series, message=message, direction=self._direction)

    def _subtract(self, series: Sequence[Series]) -> tuple[Series, str]:
        """candidate − baseline at the steps that both have, and what is left out of it, in words."""
        assert self._key is not None
        label = "candidate − baseline"
        ours, theirs = (self._histories.get(run, self._key) for run in self.runs)
        if ours is None or theirs is None:
            return Series(label, (), (), ", ".join(s.note for s in series if s.note)), ""
        if self._subtracted is None or self._subtracted[0] != (ours, theirs):
            found = same_step_difference(_curve(ours), _curve(theirs))
            made = Series(label, found.curve.steps.tolist(), found.curve.values.tolist())
            left_out = "1 step is" if found.left_out == 1 else f"{found.left_out:,} steps are"
            words = f"{left_out} left out, which only one run has" if found.left_out else ""
            self._subtracted = (ours, theirs), made, words
        return self._subtracted[1:]

    def _band_words(self, runs: int) -> str:
        """What is shaded, or why nothing is."""
        key, count = self._key, len(self.replicates)
        if key is None or runs < 2:
            return ""
        if not count:
            return "no noise band: no other run was judged together with the baseline"
        if errors := self._histories.errors(self.replicates, key):
            return f"noise band without {len(errors)} of {count + 1} runs: {errors[0]}"
        band = self._band_here
        if band is None:
            return f"noise band of {count + 1} runs: loading…"
        return f"░ noise around the baseline: {band.about.removeprefix('band: ')}"

    def _facts(self, series: Sequence[Series], more: str) -> Text:
        lines = [ends_words(role, s, self._direction) for role, s in zip(ROLES, series, strict=False)]
        other = "" if len(self.runs) < 2 else "v: both curves" if self.difference else "v: their difference"
        return Text("\n".join(line for line in (*lines, more, other) if line))


def _curve(history: MetricHistory) -> Curve:
    return clean_curve(history.steps, history.values)


def _band_of(parts: Sequence[MetricHistory]) -> Band:
    return mean_band([_curve(history) for history in parts])


def ends_words(role: str, series: Series, direction: Direction | None) -> str:
    """Best against last of one run, and where it first was no number; empty where nothing was logged."""
    curve = clean_curve(series.steps, series.values)
    if not len(curve):
        return ""
    found, gap, last = extremes(curve), first_gap(curve), curve.last
    said = []
    if found is not None and last is not None:
        ends = f"last {format_number(last.value)} @{last.step}"
        best = found.best(direction)
        if best is None:
            said.append(
                f"least {format_number(found.least.value)} @{found.least.step}, greatest"
                f" {format_number(found.greatest.value)} @{found.greatest.step}, {ends}"
            )
        elif best.value == last.value:
            said.append(f"{ends}, which is its best")
        else:
            off = format_change((last.value - best.value) / abs(best.value)) if best.value else "—"
            said.append(f"best {format_number(best.value)} @{best.step}, {ends}" + (f" ({off})" if off != "—" else ""))
    if gap is not None:
        said.append(f"first {format_number(gap.value)} @{gap.step}")
    return f"{role} {' · '.join(said)}"
