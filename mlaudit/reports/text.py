"""The judgement for people: the verdict first and last, then what it rests on.

Lines fit the width. What is cut to fit ends up with an ellipsis in its middle, where names of one family rarely differ,
and a line at the end says so. Nothing here is parsed as markup.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mlaudit.domain.code_change import CodeChange
from mlaudit.domain.comparison import Comparison, Side
from mlaudit.domain.diff import Change
from mlaudit.domain.reasons import explain, listed
from mlaudit.domain.text import format_change, format_number
from mlaudit.domain.verdict import Direction, MetricVerdict, Outcome, Role
from mlaudit.reports.gate_words import (
    baseline_title,
    calibration_line,
    count,
    counts,
    judged_line,
    relative_change,
    side_line,
    why,
    worst_accepted,
)

MIN_WIDTH = 40
SHORT_ID = 12
SHORT_SHA = 12
MAX_INFO = 20
"""Metrics that do not decide, at most this many lines; the rest are counted."""
MAX_PARAMS = 40
_STYLES = {
    Outcome.PASS: "green",
    Outcome.REGRESSION: "red",
    Outcome.ERROR: "red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.NOT_COMPARABLE: "yellow",
    Outcome.NO_BASELINE: "yellow",
}
_ARROWS = {Direction.LOWER: "↓", Direction.HIGHER: "↑", None: "·"}
_SIGNS = {Change.ADDED: "+", Change.REMOVED: "−", Change.CHANGED: "~"}


def render(comparison: Comparison, code: CodeChange | None = None, *, colour: bool, width: int) -> str:
    """The report as lines of at most ``width`` columns (40 at least); escape sequences only with ``colour``."""
    page = Page(max(width, MIN_WIDTH), colour)
    _headline(page, comparison)
    _facts(page, comparison)
    _metrics(page, comparison)
    _params(page, comparison)
    _datasets(page, comparison)
    _code(page, code)
    page.section("Checks")
    for check in comparison.verdict.checks:
        mark = "?" if check.unknown else "ok" if check.outcome is Outcome.PASS else "NO"
        page.hanging(f"{mark:<4}", check.detail, style="" if mark == "ok" else "yellow")
    if comparison.verdict.warnings:
        page.section("Warnings")
        for warning in comparison.verdict.warnings:
            page.hanging("!   ", warning)
    if page.cut:
        page.blank()
        page.wrapped("Texts with … were cut to fit; --format json has them whole.", style="dim")
    page.blank()
    verdict = comparison.verdict
    page.line(Text(f"VERDICT: {verdict.outcome} (exit code {verdict.exit_code})", f"bold {_STYLES[verdict.outcome]}"))
    return page.text()


class Page:
    """Collects lines that fit its width; nothing on it is parsed as markup."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.cut = False
        """Whether anything was shortened so far."""
        self._buffer = io.StringIO()
        self._console = Console(
            file=self._buffer,
            width=width,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def text(self) -> str:
        """All lines, without spaces at their ends."""
        return "".join(line.rstrip() + "\n" for line in self._buffer.getvalue().splitlines())

    def line(self, content: Text) -> None:
        """One line, cut at its end where it is too long."""
        self._console.print(content, no_wrap=True, overflow="ellipsis", crop=True)

    def blank(self) -> None:
        """An empty line."""
        self._console.print()

    def section(self, title: str, note: str = "") -> None:
        """A heading after an empty line."""
        self.blank()
        self.line(Text.assemble((title, "bold"), ("  " + note if note else "", "dim")))

    def wrapped(self, content: str, style: str = "", indent: int = 0) -> None:
        """A paragraph."""
        self.hanging(" " * indent, content, style, margin=0)

    def hanging(self, label: str, content: str, style: str = "", *, margin: int = 2) -> None:
        """A label, and beside it text that wraps within its own column."""
        indent = margin + cell_len(label)
        for number, part in enumerate(Text(content).wrap(self._console, max(self.width - indent, 10))):
            start = " " * margin + label if number == 0 else " " * indent
            self.line(Text.assemble(start, (part.plain.rstrip(), style)))

    def fit(self, text: str, width: int) -> str:
        """``text`` in at most ``width`` cells, cut in its middle."""
        if cell_len(text) <= width:
            return text
        self.cut = True
        head, tail = "", ""
        room = width - 1
        # Two thirds for the start, the rest for the end.
        for char in text:
            if cell_len(head + char) > (room * 2 + 2) // 3:
                break
            head += char
        for char in reversed(text):
            if cell_len(head) + cell_len(char + tail) > room:
                break
            tail = char + tail
        return f"{head}…{tail}"


def left(text: str, width: int) -> str:
    """Padded at its end to ``width`` cells."""
    return text + " " * max(width - cell_len(text), 0)


def right(text: str, width: int) -> str:
    """Padded at its start to ``width`` cells."""
    return " " * max(width - cell_len(text), 0) + text


def _name(side: Side) -> str:
    return side.run.name or side.run.run_id[:SHORT_ID]


def _headline(page: Page, comparison: Comparison) -> None:
    verdict = comparison.verdict
    page.line(Text(str(verdict.outcome), f"bold {_STYLES[verdict.outcome]}"))
    ours = page.fit(_name(comparison.candidate), 32)
    if comparison.candidate.replicates:
        ours = f"{ours}, with {count(len(comparison.candidate.replicates), 'replicate')},"
    theirs = page.fit(_name(comparison.baseline), 32) if comparison.baseline else "the baseline"
    said = {
        Outcome.PASS: f"{ours} may replace {theirs}",
        Outcome.REGRESSION: f"{ours} must not replace {theirs}"
        if comparison.baseline
        else f"{ours} is not good enough",
        Outcome.INCONCLUSIVE: f"it cannot be told whether {ours} is as good as {theirs}",
        Outcome.NOT_COMPARABLE: f"{ours} cannot be judged against {theirs}",
        Outcome.NO_BASELINE: ours,
        Outcome.ERROR: f"{ours} could not be judged",
    }[verdict.outcome]
    if comparison.baseline is not None and comparison.baseline.run.run_id == comparison.candidate.run.run_id:
        said = f"{ours} is compared with itself"
    page.wrapped(f"{said}: {explain(verdict.reason)}.")


def _facts(page: Page, comparison: Comparison) -> None:
    """Which runs, which model, by which rules, in which store."""
    policy = comparison.policy
    page.blank()
    if comparison.model is not None:
        page.hanging("model      ", f"{comparison.model} ({comparison.model_reason})", margin=0)
    page.hanging("candidate  ", side_line(comparison.candidate), margin=0)
    if judged := judged_line(comparison.candidate):
        page.wrapped(judged, indent=11)
    if comparison.baseline is not None:
        page.hanging("baseline   ", f"{side_line(comparison.baseline)}, {comparison.selector}", margin=0)
        if judged := judged_line(comparison.baseline):
            page.wrapped(judged, indent=11)
        if groups := calibration_line(comparison):
            page.hanging("noise      ", f"also from {groups} of other recipes", margin=0)
    else:
        page.hanging("baseline   ", f"none: {comparison.selector}", margin=0)
    if policy.path is None:
        page.hanging("policy     ", "no policy file found: built-in rules", margin=0)
    else:
        rules = "" if policy.model else " (no section for this model: built-in rules)"
        page.hanging("policy     ", f"{policy.path}{rules}", margin=0)
        # Whole: it is what two reports are told apart by.
        page.hanging("sha256     ", policy.sha256 or "", margin=0)
    page.hanging("store      ", comparison.store.uri, margin=0)


def _metrics(page: Page, comparison: Comparison) -> None:
    verdicts = comparison.verdict.metrics
    deciding = [v for v in verdicts if v.role is not Role.INFO]
    info = [v for v in verdicts if v.role is Role.INFO]
    page.section("Metrics", "↓ lower is better, ↑ higher is better" if verdicts else "")
    if not verdicts:
        page.wrapped("none that could be judged", indent=2)
    else:
        _metric_table(page, comparison, [*deciding, *info[:MAX_INFO]])
    if len(info) > MAX_INFO:
        page.wrapped(f"and {len(info) - MAX_INFO} more that do not decide; --format json has them", "dim", indent=2)
    named = {v.name for v in verdicts}
    others = [m.name for m in (comparison.diff.metrics if comparison.diff else ()) if m.name not in named]
    if others:
        page.wrapped(f"not in the policy: {listed([page.fit(o, 30) for o in others])}", "dim", indent=2)
    reasons = _reasons(page, comparison, deciding)
    if reasons:
        page.section("Why")
        for name, why in reasons:
            page.hanging("- ", f"{name}: {why}")


_HEADINGS = ("change", "limit", "noise", "n", "verdict")
_DROPPED_FIRST = (5, 4, 6, 3)
"""Columns that go in a narrow window, in this order: noise, limit, n, change."""


def _metric_table(page: Page, comparison: Comparison, shown: Sequence[MetricVerdict]) -> None:
    title = page.fit(baseline_title(comparison), 12)
    rules = {rule.name: rule for rule in comparison.policy.metrics}
    rows = [("metric", title, "candidate", *_HEADINGS)]
    for v in shown:
        words = (
            format_number(v.baseline),
            format_number(v.candidate),
            format_change(relative_change(v)),
            format_number(worst_accepted(v, rules.get(v.name))),
            "?" if v.noise is None else f"±{format_number(v.noise, 2)}",
            counts(v),
        )
        rows.append((f"{_ARROWS[v.direction]} {v.name}", *words, "info" if v.role is Role.INFO else str(v.outcome)))
    last = len(rows[0]) - 1
    widths = [max(cell_len(row[i]) for row in rows) for i in range(last + 1)]
    kept = list(range(1, last + 1))
    for column in _DROPPED_FIRST:
        if sum(widths[i] + 2 for i in kept) + 2 + min(widths[0], 20) > page.width:
            kept.remove(column)
    # Two columns before each, the margin among them.
    room = page.width - 2 - sum(widths[i] + 2 for i in kept)
    widths[0] = min(widths[0], max(room, 8))
    for number, row in enumerate(rows):
        dim = "dim" if number == 0 or row[last] == "info" else ""
        line = Text("  ")
        line.append(left(page.fit(row[0], widths[0]), widths[0]), dim)
        for i in kept[:-1]:
            line.append("  " + right(row[i], widths[i]), dim)
        line.append("  ").append(row[last], dim or _STYLES[Outcome(row[last])])
        page.line(line)
    hints = {5: "noise: what chance alone explains", 6: "n: runs judged, candidate/baseline"}
    if any(v.noise is not None or v.n_candidate > 1 or v.n_baseline > 1 for v in shown):
        page.wrapped("; ".join(hints[i] for i in kept if i in hints), "dim", indent=2)


def _reasons(page: Page, comparison: Comparison, deciding: Iterable[MetricVerdict]) -> list[tuple[str, str]]:
    """``(metric or metrics, why)`` for what did not pass; the same words are said once."""
    by_words: dict[str, list[str]] = {}
    for v in deciding:
        if v.outcome is not Outcome.PASS:
            words = why(v, comparison.policy)
            by_words.setdefault(words, []).append(page.fit(v.name, 40))
    return [(listed(names, 3), words) for words, names in by_words.items()]


def _params(page: Page, comparison: Comparison) -> None:
    """Only what differs."""
    if comparison.diff is None:
        return
    params = comparison.diff.params
    differ = [p for p in params if p.change is not Change.SAME]
    page.section("Params", f"baseline → candidate; {len(params) - len(differ)} are the same")
    if not differ:
        page.wrapped("no difference", indent=2)
        return
    names = min(max(cell_len(p.name) for p in differ), page.width // 3)
    room = max((page.width - names - 4 - 2 - 3) // 2, 6)
    for param in differ[:MAX_PARAMS]:
        sides = [page.fit("—" if side is None else side or '""', room) for side in (param.baseline, param.candidate)]
        name = left(page.fit(param.name, names), names)
        page.line(Text(f"  {_SIGNS[param.change]} {name}  {sides[0]} → {sides[1]}"))
    if len(differ) > MAX_PARAMS:
        page.wrapped(f"and {len(differ) - MAX_PARAMS} more; --format json has them", "dim", indent=2)


def _datasets(page: Page, comparison: Comparison) -> None:
    if comparison.diff is None or not comparison.diff.datasets:
        return
    page.section("Datasets", "baseline → candidate")
    for data in comparison.diff.datasets:
        sides = []
        for side in (data.baseline, data.candidate):
            listing = dict.fromkeys(f"{d.name} {d.digest}".strip() for d in side)
            sides.append(listed(list(listing), 3) if listing else "—")
        both = f"{sides[1]} on both" if data.change is Change.SAME else f"{sides[0]} → {sides[1]}"
        page.hanging(f"{_SIGNS.get(data.change, '=')} ", f"{data.context or 'no context'}: {both}")


def _code(page: Page, code: CodeChange | None) -> None:
    """Both commits and, where a clone knows them, what lies between."""
    if code is None or (code.candidate is None and code.baseline is None):
        return
    same = code.candidate == code.baseline
    page.section("Code", "" if same else "baseline → candidate")
    sides = [(sha or "—")[:SHORT_SHA] for sha in (code.baseline, code.candidate)]
    page.line(Text(f"  {'=' if same else '~'} commit {sides[0] if same else ' → '.join(sides)}"))
    if code.note and not same:
        page.wrapped(code.note, "dim", indent=4)
    for commit in code.commits:
        page.line(Text(f"    {page.fit(f'{commit.sha} {commit.subject}', page.width - 4)}"))
    if code.more_commits:
        page.wrapped("and older ones", "dim", indent=4)
    if code.files:
        page.line(Text(f"  {count(len(code.files), 'file')} changed{' and more' if code.more_files else ''}"))
    for file in code.files:
        page.line(Text(f"    {file.status} {page.fit(file.path, page.width - 8)}"))
