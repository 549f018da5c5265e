"""The metrics of a run: last, best, least, greatest and count. All but the last are asked for when the pane is seen."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual import work

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.metric_summary import MetricSummary
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_number
from mlaudit.domain.verdict import Direction
from mlaudit.services.metrics import Directions, FindDirections, SummarizeMetrics
from mlaudit.tui.histories import Ask
from mlaudit.tui.widgets.run_pane import PaneRow, RunPane

SYSTEM = "system/"
"""What the names of MLflow's system metrics begin with."""
WAITING = "…"
ARROWS = {Direction.LOWER: "↓ ", Direction.HIGHER: "↑ "}
LAST_DIGITS = 7
LEAST = {"last": 9, "best": 9, "step": 5, "min": 9, "max": 9, "points": 6}
"""Cells of each column at least, so that nothing moves when the figures come."""


class MetricsPane(RunPane):
    """Either a model's metrics or those of its machine, for which there is no better and worse."""

    def __init__(self, ask: Ask, *, system: bool = False) -> None:
        titles = ("last", *(() if system else ("best", "step")), "min", "max", "points")
        least = [LEAST[title] for title in titles]
        super().__init__("system metrics" if system else "metrics", titles, opens=True, least=least)
        self._ask = ask
        self._system = system
        self._run: Run | None = None
        self._summaries: dict[str, MetricSummary] = {}
        self._directions: Directions | None = None
        self._problem = ""
        """Why the figures are not complete."""

    def show_run(self, run: Run) -> None:
        """Show the metrics of this run that belong here; what was known of them is asked for again."""
        self._run = run
        self._summaries, self._directions, self._problem = {}, None, ""
        self.show([self._row(key) for key in sorted(run.metrics) if key.startswith(SYSTEM) == self._system])

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be asked for."""
        return all(row.key in self._summaries for row in self._rows)

    @work(exclusive=True, group="metrics.summaries")
    async def complete(self) -> None:
        """Ask for what is missing, the metric under the cursor first, until all is there or the store fails."""
        run = self._run
        if run is None or (self.is_complete and (self._system or self._directions)):
            return
        try:
            if not self._system and self._directions is None:
                await self._find_directions(run)
            while run is self._run and (missing := self._missing()):
                keys = tuple(map(run.raw_key, missing))
                answer = await self._ask(SummarizeMetrics(run.run_id, keys))
                if run is not self._run:
                    return
                found = {
                    key: answer.by_key[raw] for key, raw in zip(missing, keys, strict=True) if raw in answer.by_key
                }
                self._summaries |= found
                self._tell(found)
                if not found:
                    return
        except MlauditError as error:
            self._problem = f"min, max and count are not known: {error}. Press r to try again."
            self._tell({row.key: None for row in self._rows})

    async def _find_directions(self, run: Run) -> None:
        """A policy that cannot be read must not hide the figures."""
        try:
            self._directions = await self._ask(FindDirections(run.run_id))
        except MlauditError as error:
            self._directions = Directions({}, policy=f"not known: {error}")

    def _missing(self) -> list[str]:
        """Those under the cursor and below it, then the ones above, then what the search hides."""
        current = self.row
        keys = [row.key for row in self.listed]
        at = keys.index(current.key) if current is not None else 0
        hidden = [row.key for row in self._rows if row.key not in set(keys)]
        return [key for key in (*keys[at:], *keys[:at], *hidden) if key not in self._summaries]

    def _tell(self, keys: Mapping[str, object]) -> None:
        self.change([self._row(key) for key in keys])

    # One row

    def _row(self, key: str) -> PaneRow:
        last = self._run.metrics[key] if self._run is not None else float("nan")
        summary = self._summaries.get(key)
        cells = [format_number(last, LAST_DIGITS)]
        if summary is None:
            cells += [WAITING if not self._problem else "?"] * (len(self._titles) - 1)
        else:
            if not self._system:
                cells += self._best(summary)
            least, greatest = (None if end is None else end[0] for end in (summary.least, summary.greatest))
            bad = summary.count - summary.finite
            points = f"{summary.count:,}" if not bad else f"{summary.count:,} ({bad:,} bad)"
            cells += [format_number(least), format_number(greatest), points]
        texts = tuple(Text(cell, justify="right", style="dim" if cell in {WAITING, "?", "—"} else "") for cell in cells)
        return PaneRow(key, texts, self._line(key, last, summary), repr(last))

    def _direction(self, key: str) -> Direction | None:
        return self._directions.by_name.get(key) if self._directions is not None else None

    @staticmethod
    def _direction_words(directions: Directions, key: str) -> str:
        """Which way is better, and who says so."""
        direction = directions.by_name.get(key)
        if direction is None:
            policy = f"neither the policy ({directions.policy}) nor" if directions.policy else "not"
            return f"which way is better is not known, so there is no best: {policy} the built-in table names it"
        who = directions.policy if key in directions.declared else "by its name"
        return f"{direction.value} is better ({who})"

    def _best(self, summary: MetricSummary) -> list[str]:
        direction = self._direction(summary.key)
        best = summary.best(direction)
        if best is None or direction is None:
            return ["—", "—"]
        return [ARROWS[direction] + format_number(best[0]), f"{best[1]:,}"]

    def _line(self, key: str, last: float, summary: MetricSummary | None) -> Text:
        """All that is known of a metric, every digit of it."""
        text = Text.assemble((key, "bold"), f"  last {last!r}")
        if summary is None:
            text.append(f"\n{self._problem}" if self._problem else "\nasking the store for its course…", style="dim")
            return text
        for name, end in (("min", summary.least), ("max", summary.greatest)):
            text.append(f", {name} {end[0]!r} at step {end[1]:,}" if end is not None else f", {name} —")
        bad = summary.count - summary.finite
        text.append(f", {summary.count:,} points" + (f", {bad:,} of them NaN or infinite" if bad else ""))
        if not self._system and self._directions is not None:
            text.append(f"\n{self._direction_words(self._directions, key)}", style="dim")
        return text
