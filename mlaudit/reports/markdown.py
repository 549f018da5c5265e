"""The judgement as Markdown: one body for a job summary or a comment on a pull request, details collapsed.

What comes from a store is text and nothing else in it. Names stand in ``<code>``, where GitHub links neither mentions
nor issues; every character that Markdown or HTML could take for markup is written as a character reference; and in
sentences, which stand outside ``<code>``, an invisible character parts what would be linked (``@name``, ``#1``,
``http://``). The body stays below GitHub's limit for a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mlaudit.domain.code_change import CodeChange
from mlaudit.domain.comparison import Comparison, Side
from mlaudit.domain.diff import Change
from mlaudit.domain.reasons import explain, listed
from mlaudit.domain.text import format_change, format_number
from mlaudit.domain.verdict import Check, Direction, MetricVerdict, Outcome, Role
from mlaudit.reports.gate_words import (
    baseline_title,
    calibration_line,
    count,
    counts,
    relative_change,
    why,
    worst_accepted,
)

MARK = "<!-- mlaudit.gate/1 -->"
"""The first line: by it a job finds its own earlier comment and edits it instead of writing another one."""
MAX_LENGTH = 60_000
"""Characters; GitHub takes 65,536 in a comment."""
MAX_ROWS = 40
MAX_TEXT = 160
_BREAK = "\u200b"
_SIGNS = {
    Outcome.PASS: "✅",
    Outcome.REGRESSION: "❌",
    Outcome.ERROR: "❌",
    Outcome.INCONCLUSIVE: "⚠️",
    Outcome.NOT_COMPARABLE: "⚠️",
    Outcome.NO_BASELINE: "⚠️",
}
_ARROWS = {Direction.LOWER: "↓", Direction.HIGHER: "↑", None: "·"}
_MARKUP = re.compile(r"[^\w \u0080-\U0010ffff,.()/;=%+-]|_", re.ASCII)
# Parted before the last character: what is linked begins with the whole of it.
_LINKED = re.compile(r"[@#].|://|\bwww\.|\bGH-", re.IGNORECASE | re.DOTALL)


def escape(text: str) -> str:
    """``text`` with everything that could be markup as character references."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text.replace("\n", " "))


def name(text: str, limit: int = MAX_TEXT) -> str:
    """A text from a store, as it is, in ``<code>``; cut in its middle where it is too long."""
    if len(text) > limit:
        text = f"{text[: limit - 40]}…{text[-39:]}"
    return f"<code>{escape(text)}</code>" if text else "—"


def sentence(text: str, limit: int = 600) -> str:
    """A sentence that may hold text from a store: nothing in it is linked or parsed."""
    text = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return escape(_LINKED.sub(lambda found: f"{found[0][:-1]}{_BREAK}{found[0][-1]}", text))


def render(comparison: Comparison, code: CodeChange | None = None) -> str:
    """The whole body, ending in a newline."""
    verdict = comparison.verdict
    sides = [name(_called(comparison.candidate))]
    if comparison.baseline is not None:
        sides.append(name(_called(comparison.baseline)))
    lines = [
        MARK,
        f"### {_SIGNS[verdict.outcome]} {verdict.outcome}: {' against '.join(sides)}",
        "",
        f"{sentence(_capital(explain(verdict.reason)))} (exit code {verdict.exit_code}).",
        "",
        *_metric_table(comparison, [v for v in verdict.metrics if v.role is not Role.INFO]),
    ]
    lines += _bullets("", [f"{name(v.name)}: {sentence(why(v, comparison.policy))}" for v in _failed(comparison)])
    obstacles = [c.detail for c in verdict.checks if c.outcome is not Outcome.PASS]
    lines += _bullets("**Not comparable**", map(sentence, obstacles))
    lines += _bullets("**Warnings**", map(sentence, verdict.warnings))
    info = [v for v in verdict.metrics if v.role is Role.INFO]
    lines += _details("Runs, model and policy", _bullets("", _facts(comparison)))
    lines += _details(_params_title(comparison), _params(comparison))
    lines += _details("Code", _code(code))
    lines += _details(f"{count(len(info), 'other metric')}, not judged", _metric_table(comparison, info))
    checks = [f"{_check_sign(c)} {sentence(c.detail)}" for c in verdict.checks]
    lines += _details("Comparability", _bullets("", checks))
    return _bounded(lines)


def _check_sign(check: Check) -> str:
    if check.outcome is not Outcome.PASS:
        return "❌"
    return "❔" if check.unknown else "✅"


def _bounded(lines: Sequence[str]) -> str:
    body = "\n".join(lines) + "\n"
    if len(body) <= MAX_LENGTH:
        return body
    kept, length = [], 0
    for line in lines:
        length += len(line) + 1
        if length > MAX_LENGTH - 200:
            break
        kept.append(line)
    closing = ["</details>"] * (sum(x == "<details>" for x in kept) - sum(x == "</details>" for x in kept))
    return "\n".join([*kept, "", *closing, "", "Cut here, since it is too long for a comment; the JSON has all.", ""])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _called(side: Side) -> str:
    return side.run.name or side.run.run_id[:12]


def _failed(comparison: Comparison) -> list[MetricVerdict]:
    return [v for v in comparison.verdict.metrics if v.role is not Role.INFO and v.outcome is not Outcome.PASS]


def _metric_table(comparison: Comparison, shown: Sequence[MetricVerdict]) -> list[str]:
    if not shown:
        return []
    rules = {rule.name: rule for rule in comparison.policy.metrics}
    title = baseline_title(comparison)
    plain = title if title in {"baseline", "Production", "Staging", "Archived"} else name(title, 40)
    rows = [
        f"| metric | {plain} | candidate | change | limit | noise | n | verdict |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for v in shown[:MAX_ROWS]:
        cells = (
            f"{_ARROWS[v.direction]} {name(v.name, 80)}",
            format_number(v.baseline),
            format_number(v.candidate),
            format_change(relative_change(v)),
            format_number(worst_accepted(v, rules.get(v.name))),
            "—" if v.noise is None else f"±{format_number(v.noise, 2)}",
            counts(v),
            "info" if v.role is Role.INFO else f"{_SIGNS[v.outcome]} {v.outcome}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    if len(shown) > MAX_ROWS:
        rows += ["", f"and {len(shown) - MAX_ROWS} more"]
    return [*rows, ""]


def _bullets(title: str, items: Iterable[str]) -> list[str]:
    every = list(items)
    if not every:
        return []
    shown = [f"- {item}" for item in every[:MAX_ROWS]]
    more = [f"- and {len(every) - MAX_ROWS} more"] if len(every) > MAX_ROWS else []
    return [*([title, ""] if title else []), *shown, *more, ""]


def _details(title: str, body: Sequence[str]) -> list[str]:
    """A part that is opened by a click; nothing where it is empty."""
    return ["<details>", f"<summary>{title}</summary>", "", *body, "</details>", ""] if body else []


def _facts(comparison: Comparison) -> list[str]:
    facts = []
    if comparison.model is not None:
        facts.append(f"model {name(comparison.model)} ({sentence(comparison.model_reason)})")
    for word, side in (("candidate", comparison.candidate), ("baseline", comparison.baseline)):
        facts.append(f"{word}: {_side(side)}")
    facts[-1] += f", by {name(comparison.selector)}"
    if comparison.baseline is not None and (groups := calibration_line(comparison)):
        facts.append(f"noise also from {groups} of other recipes")
    policy = comparison.policy
    if policy.path is None:
        facts.append("no policy file found: built-in rules")
    else:
        rules = "" if policy.model else " (no section for this model: built-in rules)"
        facts.append(f"policy {name(policy.path)} sha256 <code>{policy.sha256 or ''}</code>{rules}")
    facts.append(f"store {name(comparison.store.uri)}")
    return facts


def _side(side: Side | None) -> str:
    if side is None:
        return "none"
    version = side.version
    known = f"version {escape(version.version)} in {escape(str(version.stage))}" if version else "not registered"
    said = f"{name(side.run.name)} <code>{escape(side.run.run_id)}</code>, {known}, {escape(side.run.status)}"
    if side.replicates:
        others = listed([run_id[:12] for run_id in side.replicates], 6)
        said += f"; judged as the mean of {len(side.replicates) + 1} runs, with {name(others)}"
    return said


def _params_title(comparison: Comparison) -> str:
    differ = [p for p in (comparison.diff.params if comparison.diff else ()) if p.change is not Change.SAME]
    return f"{count(len(differ), 'param')} differ{'s' if len(differ) == 1 else ''}"


def _params(comparison: Comparison) -> list[str]:
    diff = comparison.diff
    if diff is None:
        return []
    differ = [p for p in diff.params if p.change is not Change.SAME]
    rows = []
    if differ:
        rows = ["| param | baseline | candidate |", "|---|---|---|"]
        rows += [f"| {name(p.name, 80)} | {_value(p.baseline)} | {_value(p.candidate)} |" for p in differ[:MAX_ROWS]]
        rows += ["", f"and {len(differ) - MAX_ROWS} more"] if len(differ) > MAX_ROWS else []
    data = []
    for found in diff.datasets:
        if found.change is not Change.SAME:
            sides = [", ".join(f"{d.name} {d.digest}" for d in side) for side in (found.baseline, found.candidate)]
            data.append(f"{name(found.context or 'no context')} data: {name(sides[0])} → {name(sides[1])}")
    return [*rows, *([""] if rows else []), *_bullets("", data)]


def _value(value: str | None) -> str:
    return "—" if value is None else name(value or '""')


def _code(code: CodeChange | None) -> list[str]:
    if code is None or (code.candidate is None and code.baseline is None):
        return []
    said = [f"{name(code.baseline or '')} → {name(code.candidate or '')}"]
    if code.note:
        said.append(sentence(code.note))
    lines = _bullets("", said)
    lines += _bullets("Commits", [f"{name(c.sha)} {name(c.subject)}" for c in code.commits])
    lines += ["and more", ""] if code.more_commits else []
    lines += _bullets("Files", [f"{escape(f.status)} {name(f.path)}" for f in code.files])
    return lines + (["and more", ""] if code.more_files else [])
