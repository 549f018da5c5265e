"""One version of a registered model as lines: a card on the board, a row of the list, and all there is to say of it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from mlaudit.domain.evidence import Pointer
from mlaudit.domain.models import Run, Stage
from mlaudit.domain.text import format_duration, format_number, format_time
from mlaudit.domain.verdict import MetricRule
from mlaudit.services.registry import VersionState
from mlaudit.tui.widgets.comparison_text import run_words, version_words
from mlaudit.tui.widgets.diff_tables import DIRECTIONS
from mlaudit.tui.widgets.fitting import fit

METRICS_ON_CARD = 3
WHY_WIDTH = 300
ALIAS_STYLE, BAD_STYLE, DIM = "bold cyan", "bold red", "dim"
FAILED = "FAILED_REGISTRATION"


def age_words(found: VersionState, now: int) -> str:
    """``3d 04h old``; by the store's clock and this one's, which may differ."""
    created = found.version.creation_time
    if created is None:
        return "age unknown"
    return f"{format_duration(now - created)} old" if created <= now else f"from {format_time(created)}"


def short_run(found: VersionState, width: int) -> str:
    """The run's name and short id in ``width`` cells, the name giving way; the id alone where the run is gone."""
    run, run_id = found.run, found.version.run_id
    if run is not None:
        return f"{fit(run.name, max(4, width - 9))} {run.run_id[:8]}".strip()
    return f"run {run_id[:8]}" if run_id else "no run"


def record_words(record: Pointer) -> str:
    """Who did what to it last, with which verdict, and why."""
    return ", ".join(_halves(record))


def _halves(record: Pointer) -> tuple[str, str]:
    """Who did what; the verdict and why."""
    why = f": {record.why}" if record.why else ""
    return f"{record.actor}, {record.event} to {record.target}", f"{record.verdict}{why}"


def metric_words(run: Run, rule: MetricRule) -> tuple[str, str]:
    """A metric's name with the direction that is better, and its last value in the run."""
    arrow = DIRECTIONS[rule.direction].partition(" ")[0] if rule.direction is not None else ""
    return f"{rule.name} {arrow}".rstrip(), format_number(run.metrics.get(rule.name))


def card_lines(found: VersionState, rules: Sequence[MetricRule], now: int, width: int) -> list[Text]:
    """The card of a version, each line at most ``width`` cells."""
    version = found.version
    head = [(f"v{version.version}", "bold"), *((f" @{a}", ALIAS_STYLE) for a in version.aliases)]
    lines = [_line(head, width), _line([(short_run(found, width), "")], width)]
    if found.run is not None:
        lines += [_metric(*metric_words(found.run, rule), width) for rule in rules[:METRICS_ON_CARD]]
        if more := len(rules) - METRICS_ON_CARD:
            lines += [_line([(f"+{more} more below", DIM)], width)] if more > 0 else []
    lines.append(_line([(age_words(found, now), DIM)], width))
    if found.record is not None:
        by, judged = _halves(found.record)
        lines += [_line([(by, "")], width), _line([(judged, DIM)], width)]
    else:
        lines.append(_line([_recorded(found)], width))
    if found.problems:
        lines.append(_line([(f"! {', '.join(found.problems)}", BAD_STYLE)], width))
    return lines


def row_lines(found: VersionState, rules: Sequence[MetricRule], now: int, width: int) -> list[Text]:
    """The same in two lines, for a narrow terminal."""
    version, run = found.version, found.run
    head: list[tuple[str, str]] = [(f"v{version.version}", "bold")]
    head += [(f" @{a}", ALIAS_STYLE) for a in version.aliases]
    if found.problems:
        head.append((f"  ! {', '.join(found.problems)}", BAD_STYLE))
    head += [(f"  {short_run(found, 32)}", ""), (f"  {age_words(found, now)}", DIM)]
    metrics = "  ".join(" ".join(metric_words(run, rule)) for rule in rules[:2]) if run is not None else ""
    words, style = _recorded(found)
    return [_line(head, width), _line([(f"   {metrics}  " if metrics else "   ", ""), (words, style)], width)]


def about_version(found: VersionState, rules: Sequence[MetricRule], rules_from: str) -> Text:
    """All that is known of a version, one subject a line."""
    version, run = found.version, found.run
    where = run_words(run) if run is not None else (version.run_id or "it does not say which run made it")
    by = f" by {version.user} (claimed)" if version.user else ""
    registered = f"registered {format_time(version.creation_time)} UTC{by}"
    lines = [Text.assemble((version_words(version), "bold"), f" · run {where} · ", (registered, DIM))]
    if found.problems:
        gone = ": it can be neither judged nor moved" if run is None else ""
        lines.append(Text(f"! {', '.join(found.problems)}{gone}", style=BAD_STYLE))
    if run is not None and rules:
        values = []
        for rule in rules:
            name, value = metric_words(run, rule)
            judged = "" if rule.select == "last" else f" (last; {rule.select} is judged)"
            values.append(f"{name} {value}{judged}")
        lines.append(Text.assemble((f"{rules_from}: ", DIM), " · ".join(values)))
    elif run is not None:
        lines.append(Text(f"{rules_from}: no metric decides", style=DIM))
    if found.record is not None:
        record = found.record
        ended = f", ended by {record.recovered_by}" if record.recovered_by else ""
        lines.append(
            Text.assemble(
                (f"{record.time[:16].replace('T', ' ')} UTC: ", DIM), fit(record_words(record), WHY_WIDTH), (ended, DIM)
            )
        )
    else:
        lines.append(Text("no record: nobody moved it through mlaudit", style=DIM))
    if version.description:
        lines.append(Text(fit(version.description, WHY_WIDTH), style=DIM))
    return Text("\n").join(lines)


def _recorded(found: VersionState) -> tuple[str, str]:
    if found.record is not None:
        return record_words(found.record), ""
    # What stands in a stage or under an alias without a record was put there by something else.
    moved = found.version.stage is not Stage.NONE or found.version.aliases
    return ("no record of who put it here" if moved else "not promoted yet", DIM)


def _metric(name: str, value: str, width: int) -> Text:
    room = max(4, width - len(value) - 1)
    return Text(f"{fit(name, room, pad=True)} {value}", no_wrap=True)


def _line(parts: Sequence[tuple[str, str]], width: int) -> Text:
    text = Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
    text.truncate(width, overflow="ellipsis")
    return text
