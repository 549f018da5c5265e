"""The run under the cursor, in a column beside the table where there is room for one."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from mlaudit.domain.columns import duration_of
from mlaudit.domain.groups import RunGroup, Statistic
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_duration, format_number, format_time
from mlaudit.tui.widgets.fitting import fit

KEY_WIDTH = 20
SOON_SECONDS = 0.1
"""How long the preview may lag behind the cursor."""
FEW = 12
"""Runs of a group that are named."""


class RunPreview(VerticalScroll, can_focus=False):
    """A run's metrics and params, one a line."""

    DEFAULT_CSS = """
    RunPreview { width: 46; height: 1fr; border-left: solid $panel; padding: 0 1; scrollbar-size-vertical: 1; }
    RunPreview Static { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    _run: Run | None = None
    _timer: Timer | None = None
    _lines = -1

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show_soon(self, run: Run | None) -> None:
        """Show this run within a moment, unless another one follows: who holds a key down looks at the table, which
        would wait for the laying out here."""
        self._run = run
        if self._timer is None:
            self._timer = self.set_timer(SOON_SECONDS, self._show_now)

    def _show_now(self) -> None:
        self._timer = None
        self.show(self._run)

    def show(self, run: Run | None) -> None:
        """Show this run; None: nothing."""
        self.show_text(Text("") if run is None else preview_text(run))

    def show_text(self, text: Text) -> None:
        """Show this, from its beginning on, and not what was to be shown within a moment."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        lines = text.plain.count("\n")
        # Runs of one experiment mostly have as many lines: then nothing needs to be laid out.
        self.query_one(Static).update(text, layout=lines != self._lines)
        self._lines = lines
        if self.scroll_y:
            self.scroll_home(animate=False)


def preview_text(run: Run) -> Text:
    """What is worth a glance: status, times, metrics, params, datasets, the users' own tags."""
    lines = [Text(run.name or run.run_id, style="bold"), Text(run.run_id, style="dim")]
    deleted = "" if run.lifecycle_stage == "active" else f"{run.lifecycle_stage.upper()} · "
    lines.append(Text(f"{deleted}{run.status} · {format_time(run.start_time)} · {format_duration(duration_of(run))}"))
    lines += _pairs("metrics", {k: format_number(v) for k, v in sorted(run.metrics.items())})
    lines += _pairs("params", dict(sorted(run.params.items())))
    lines += _pairs("datasets", {d.context or "—": f"{d.name} {d.digest}".strip() for d in run.datasets})
    lines += _pairs("tags", {k: v for k, v in sorted(run.tags.items()) if not k.startswith("mlflow.")})
    return Text("\n").join(lines)


def group_text(group: RunGroup) -> Text:
    """A group's figures: each metric, each param that all its runs have in common, its first runs."""
    count = len(group.runs)
    lines = [Text(group.label, style="bold"), Text(f"{count:,} run{'' if count == 1 else 's'}", style="dim")]
    metrics = {key for run in group.runs for key in run.metrics}
    figures = {key: group.summary(f"metrics.{key}").text(Statistic.MEAN_SD) for key in sorted(metrics)}
    lines += _pairs("metrics, mean ±sd", figures)
    first = group.runs[0]
    same = {k: v for k, v in sorted(first.params.items()) if all(run.params.get(k) == v for run in group.runs)}
    lines += _pairs("params in common", same)
    more = [f"… and {count - FEW:,} more"] if count > FEW else []
    lines += [Text(""), Text("runs", style="bold")]
    lines += [Text(line) for line in [*(run.name or run.run_id for run in group.runs[:FEW]), *more]]
    return Text("\n").join(lines)


def _pairs(title: str, pairs: dict[str, str]) -> list[Text]:
    if not pairs:
        return []
    width = min(KEY_WIDTH, max(map(len, pairs)))
    rows = [Text.assemble((fit(key, width, pad=True), "dim"), f"  {value}") for key, value in pairs.items()]
    return [Text(""), Text(title, style="bold"), *rows]
