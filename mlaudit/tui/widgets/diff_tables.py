"""The tables of a comparison: metrics judged, and params, tags and datasets that differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from mlaudit.domain.diff import Change, MetricDiff, RunDiff
from mlaudit.domain.finite import is_finite
from mlaudit.domain.gate import Direction, MetricVerdict, Outcome, Role
from mlaudit.domain.models import Dataset
from mlaudit.domain.reasons import explain
from mlaudit.domain.text import format_change, format_number
from mlaudit.services.compare import Comparison
from mlaudit.tui.widgets.jump_table import JumpTable

SIGNS = {
    Outcome.PASS: "✓",
    Outcome.REGRESSION: "✗",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_COMPARABLE: "≠",
    Outcome.NO_BASELINE: "–",
    Outcome.ERROR: "!",
}
COLORS = {Outcome.PASS: "green", Outcome.REGRESSION: "red", Outcome.ERROR: "red"}
OTHER_COLOR = "yellow"
DIRECTIONS = {Direction.LOWER: "↓ lower", Direction.HIGHER: "↑ higher", None: "—"}
VALUE_WIDTH = 40
"""Characters of a param's value that a cell shows."""


def outcome_text(outcome: Outcome) -> Text:
    """The verdict's sign and word; the colour only repeats them."""
    return Text(f"{SIGNS[outcome]} {outcome.value}", style=COLORS.get(outcome, OTHER_COLOR))


class MetricTable(JumpTable):
    """Every metric of a comparison with its verdict; those that decide come first."""

    COLUMNS = ("metric", "verdict", "candidate", "baseline", "change", "tolerance", "better", "why", "role")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id, cursor_type="row", zebra_stripes=True, cell_padding=1)
        self.names: tuple[str, ...] = ()
        """The metric of each row."""

    def show(self, comparison: Comparison) -> None:
        """Fill the table."""
        judged = {m.name: m for m in comparison.verdict.metrics}
        # A metric that the gate did not look at is shown all the same.
        facts = comparison.diff.metrics if comparison.diff else _alone(comparison)
        rest = [m for m in facts if m.name not in judged]
        deciding = [m for m in judged.values() if m.role is not Role.INFO]
        info = [m for m in judged.values() if m.role is Role.INFO]
        rows = [(m.name, _judged(m)) for m in (*deciding, *info)] + [(m.name, _unjudged(m)) for m in rest]
        self.names = tuple(name for name, _ in rows)
        self.fill(self.COLUMNS, (cells for _, cells in rows))


def _alone(comparison: Comparison) -> tuple[MetricDiff, ...]:
    return tuple(MetricDiff(name, value, None) for name, value in sorted(comparison.candidate.run.metrics.items()))


def change_of(candidate: float | None, baseline: float | None) -> str:
    """The relative change, with the absolute one where the baseline is 0; ``—`` where a side is no number."""
    if candidate is None or baseline is None or not is_finite(candidate) or not is_finite(baseline):
        return "—"
    fact = MetricDiff("", candidate, baseline)
    if fact.relative is None:
        return f"{candidate - baseline:+.3g} abs."
    return format_change(fact.relative)


def _judged(m: MetricVerdict) -> tuple[Text, ...]:
    tolerance = format_number(m.tolerance, 3)
    if m.tolerance is not None and m.baseline and is_finite(m.baseline):
        tolerance = f"{tolerance} ({m.tolerance / abs(m.baseline):.1%})"
    why = explain(m.reason)
    if m.n_candidate > 1 or m.n_baseline > 1:
        why = f"{why}; means of {m.n_candidate} and {m.n_baseline} runs"
    return (
        Text(m.name, style="bold" if m.role is not Role.INFO else ""),
        Text("· info", style="dim") if m.role is Role.INFO else outcome_text(m.outcome),
        _number(m.candidate),
        _number(m.baseline),
        Text(change_of(m.candidate, m.baseline), justify="right"),
        Text(tolerance, justify="right"),
        Text(DIRECTIONS[m.direction]),
        Text(why),
        Text(m.role.value),
    )


def _unjudged(m: MetricDiff) -> tuple[Text, ...]:
    change = Text(change_of(m.candidate, m.baseline), justify="right")
    blank = Text("—")
    return (
        Text(m.name),
        Text("· info", style="dim"),
        _number(m.candidate),
        _number(m.baseline),
        change,
        blank,
        blank,
        Text("not judged"),
        blank,
    )


def _number(value: float | None) -> Text:
    return Text(format_number(value), justify="right")


@dataclass(frozen=True, slots=True)
class Difference:
    """A param, tag or dataset on both sides."""

    kind: str
    name: str
    baseline: str | None
    candidate: str | None
    change: Change


def differences(diff: RunDiff) -> tuple[Difference, ...]:
    """Params, then datasets, then tags; within each, those that differ come first."""
    rows = [Difference("param", p.name, p.baseline, p.candidate, p.change) for p in diff.params]
    rows += [
        Difference("dataset", d.context or "(no context)", _listed(d.baseline), _listed(d.candidate), d.change)
        for d in diff.datasets
    ]
    rows += [Difference("tag", t.name, t.baseline, t.candidate, t.change) for t in diff.tags]
    kinds = ("param", "dataset", "tag")
    return tuple(sorted(rows, key=lambda r: (kinds.index(r.kind), r.change is Change.SAME)))


def _listed(datasets: Iterable[Dataset]) -> str | None:
    return ", ".join(f"{d.name} {d.digest}" for d in datasets) or None


class DifferenceTable(JumpTable):
    """What differs between the two runs; with ``everything`` also what is the same."""

    COLUMNS = ("", "name", "baseline", "candidate", "change")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id, cursor_type="row", cell_padding=1)

    def show(self, rows: Iterable[Difference], *, everything: bool) -> None:
        """Fill the table."""
        self.fill(self.COLUMNS, [_cells(r) for r in rows if everything or r.change is not Change.SAME])


def _cells(row: Difference) -> tuple[Text, ...]:
    baseline, candidate = elide_pair(row.baseline, row.candidate, VALUE_WIDTH)
    return (
        Text(row.kind, style="dim"),
        Text(row.name),
        Text(baseline),
        Text(candidate),
        Text(row.change.value, style="dim" if row.change is Change.SAME else "bold"),
    )


def elide_pair(left: str | None, right: str | None, width: int) -> tuple[str, str]:
    """Both values in at most ``width`` characters, cut such that the first difference between them stays visible.

    None is ``—``, the empty text ``""``.
    """
    shown = [("—" if v is None else v or '""') for v in (left, right)]
    if max(map(len, shown)) <= width:
        return shown[0], shown[1]
    same = next((i for i, (a, b) in enumerate(zip(*shown, strict=False)) if a != b), min(map(len, shown)))
    start = max(0, same - width // 3) if left is not None and right is not None and same > width // 2 else 0
    return _window(shown[0], start, width), _window(shown[1], start, width)


def _window(text: str, start: int, width: int) -> str:
    head = "…" if start else ""
    rest = text[start:]
    room = width - len(head)
    return head + (rest if len(rest) <= room else rest[: room - 1] + "…")
