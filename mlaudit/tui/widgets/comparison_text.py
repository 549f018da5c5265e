"""A comparison in words: who is judged against whom, the verdict, checks and warnings."""

from __future__ import annotations

from rich.text import Text

from mlaudit.domain.diff import Change
from mlaudit.domain.gate import Outcome, Role
from mlaudit.domain.models import ModelVersion, Run
from mlaudit.domain.reasons import explain, listed
from mlaudit.domain.text import format_time
from mlaudit.services.compare import Comparison, Side
from mlaudit.tui.widgets.diff_tables import COLORS, OTHER_COLOR, SIGNS, Difference
from mlaudit.tui.widgets.fitting import fit

NAME_WIDTH = 40


def run_words(run: Run) -> str:
    """A run's name, not too long, and its short id; the id alone where it has no name."""
    return f"{fit(run.name, NAME_WIDTH)} {run.run_id[:8]}" if run.name else run.run_id[:12]


def version_words(version: ModelVersion) -> str:
    """``version 3 in Production, @champion``."""
    stage = "" if version.stage == "None" else f" in {version.stage}"
    return f"version {version.version}{stage}{''.join(f', @{a}' for a in version.aliases)}"


def sides_text(comparison: Comparison) -> Text:
    """Two lines: the candidate and the baseline."""
    model = comparison.model
    without = "not registered" if model else ""
    candidate = Text.assemble(("candidate  ", "bold"), *_side(comparison.candidate, without, ""))
    if comparison.baseline is not None:
        base = Text.assemble(("baseline   ", "bold"), *_side(comparison.baseline, "", comparison.selector))
    else:
        whom = f" of {model}" if model else ""
        base = Text.assemble(("baseline   ", "bold"), f"none: there is no {comparison.selector}{whom}")
    return Text("\n").join((candidate, base))


def _side(side: Side, without: str, selector: str) -> list[tuple[str, str] | str]:
    about = version_words(side.version) if side.version else without
    about = f"{selector}: {about}" if selector and about else selector or about
    status = "" if side.run.status == "FINISHED" else f" · {side.run.status}"
    deleted = " · DELETED" if side.run.lifecycle_stage == "deleted" else ""
    when = f" · {format_time(side.run.start_time)}"
    mean = (f" · judged as the mean of {len(side.replicates) + 1} runs", "bold") if side.replicates else ""
    return [(run_words(side.run), "bold"), f" · {about}" if about else "", status, deleted, mean, (when, "dim")]


def verdict_text(comparison: Comparison, promotion_off: str = "") -> Text:
    """The verdict's word, why, and by whose rules; why nothing can be promoted, if so."""
    verdict = comparison.verdict
    color = COLORS.get(verdict.outcome, OTHER_COLOR)
    text = Text.assemble((f" {SIGNS[verdict.outcome]} {verdict.outcome.value} ", f"bold reverse {color}"), " ")
    text.append(f"{_subject(comparison)}{explain(verdict.reason)}")
    policy = comparison.policy
    about = [
        f"policy {policy.path} sha256 {(policy.sha256 or '')[:12]}"
        if policy.path
        else "no policy file: built-in rules",
        f"model {comparison.model} ({comparison.model_reason})" if comparison.model else "no model",
    ]
    if promotion_off:
        about.insert(0, f"promotion is off: {promotion_off}")
    return Text("\n").join((text, Text(" · ".join(about), style="dim")))


def verdict_line(comparison: Comparison) -> str:
    """The verdict on one line: its word, against whom, and why."""
    verdict, baseline = comparison.verdict, comparison.baseline
    whom = version_words(baseline.version) if baseline and baseline.version else comparison.selector
    why = f"{_subject(comparison)}{explain(verdict.reason)}"
    return f"{SIGNS[verdict.outcome]} {verdict.outcome.value} against {whom}: {why}"


def _subject(comparison: Comparison) -> str:
    """The metrics that the overall reason is about, or the check."""
    verdict = comparison.verdict
    if verdict.outcome is Outcome.PASS:
        return ""
    deciding = [m for m in verdict.metrics if m.role is not Role.INFO]
    names = [m.name for m in deciding if m.outcome is verdict.outcome and m.reason == verdict.reason]
    return f"{listed(names, 3)}: " if names and len(names) < max(2, len(deciding)) else ""


def notes_text(comparison: Comparison) -> Text:
    """The checks of comparability and the warnings, one a line."""
    lines = []
    for check in comparison.verdict.checks:
        sign = "!" if check.warning else "?" if check.unknown else SIGNS[check.outcome]
        style = OTHER_COLOR if check.unknown else COLORS.get(check.outcome, OTHER_COLOR)
        lines.append(Text.assemble((f"{sign} ", style), (check.name.replace("_", " "), "bold"), f": {check.detail}"))
    lines += [Text.assemble(("! ", OTHER_COLOR), warning) for warning in comparison.verdict.warnings]
    return Text("\n").join(lines)


def differences_title(rows: tuple[Difference, ...], everything: bool) -> Text:
    """How many params, datasets and tags differ, and how many are the same."""
    if not rows:
        return Text("Neither run has params, datasets or tags.", style="bold")
    counts = {change: sum(r.change is change for r in rows) for change in Change}
    said = ", ".join(f"{counts[c]} {c.value}" for c in (Change.CHANGED, Change.ADDED, Change.REMOVED))
    same = counts[Change.SAME]
    hint = "" if not same else " (a hides them)" if everything else " (a shows them)"
    return Text.assemble(("Params, data, tags: ", "bold"), f"{said}, {same} the same{hint}")
