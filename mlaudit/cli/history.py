"""``mlaudit history``: who put what where, why, and whether the records can be believed."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import invocation
from mlaudit.cli.output import ExitCode
from mlaudit.domain.errors import UsageError
from mlaudit.domain.evidence import Anchor
from mlaudit.services.audit_trail import Entry, History, ReadHistory

MAX_ANCHOR = 100_000


class Format(StrEnum):
    """How the history is written."""

    TABLE = "table"
    JSON = "json"


def history(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The registered model's name.")],
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="End with 1 when the chain of records breaks, or the registry is not as the last one left it.",
        ),
    ] = False,
    anchor: Annotated[
        str | None,
        typer.Option(
            "--anchor",
            metavar="FILE",
            help="Hold the history against the anchor in FILE, if any, then write the newest record's hash to it.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="table or json.")] = Format.TABLE,
) -> int:
    """List the records of a model, oldest first, with what moved without one ("out of band")."""
    call = invocation(ctx)
    call.connect()
    found = call.ask(ReadHistory(model))
    if anchor is not None:
        found = replace(found, problems=(*found.problems, *_held_against(found, anchor)))
    problems = found.problems
    if form is Format.JSON:
        output.json_data(json.dumps(_json(found), indent=2, ensure_ascii=False, allow_nan=False))
    elif found.entries:
        output.data(output.table(_HEADER, [_row(e) for e in found.entries], right=frozenset({0})))
    else:
        output.say(f"mlaudit: {found.model} has no record, and nothing has moved")
    for words in found.unfinished:
        output.say(f"mlaudit: unfinished, or under way: {words}; mlaudit recover ends what was cut off")
    for moved in found.moved_since:
        output.say(f"mlaudit: out of band since the last record: {moved}")
    for problem in problems:
        output.say(f"mlaudit: broken: {problem}")
    if anchor is not None and not problems:
        _write_anchor(found, anchor)
    if verify:
        output.say(f"mlaudit: {found.standing}")
        return ExitCode.PASS if found.holds else ExitCode.REGRESSION
    return ExitCode.REGRESSION if anchor is not None and problems else ExitCode.PASS


_HEADER = ("SEQ", "TIME", "EVENT", "WHAT", "VERDICT", "WHO", "WHY", "RECORD")


def _row(entry: Entry) -> tuple[str, ...]:
    if entry.seq is None:
        return (
            "",
            entry.time[:19].replace("T", " "),
            entry.event.upper(),
            entry.what,
            "",
            "",
            entry.problem,
            entry.record_id,
        )
    who = f"{entry.actor} ({entry.known_by})" if entry.known_by else entry.actor
    who += f", ended by {entry.recovered_by}" if entry.recovered_by else ""
    verdict = f"{entry.verdict}, overridden" if entry.overridden else entry.verdict
    aliases = "".join(f", @{a}" for a in entry.aliases if f"alias:{a}" != entry.target)
    why = f"BROKEN: {entry.problem}" if entry.problem else entry.why
    time = entry.time[:19].replace("T", " ")
    return (str(entry.seq), time, entry.event, entry.what + aliases, verdict, who, why, entry.record_id)


def _json(found: History) -> dict[str, object]:
    fields = (
        "event", "what", "seq", "record_id", "time", "target", "version", "previous", "aliases", "verdict", "actor",
        "known_by", "host", "ci_url", "why", "overridden", "recovered_by", "policy_sha256", "sha256", "run_id",
        "artifact", "problem",
    )  # fmt: skip
    return {
        "model": found.model,
        "entries": [{name: getattr(entry, name) for name in fields} for entry in found.entries],
        "problems": list(found.problems),
        "moved_since": list(found.moved_since),
        "unfinished": list(found.unfinished),
        "head": None if found.head is None else {"seq": found.head.seq, "sha256": found.head.sha256},
    }


def _held_against(found: History, path: str) -> list[str]:
    """In what the history contradicts the anchor that lies in the file; nothing where there is no file."""
    file = Path(path)
    try:
        if not file.exists():
            return []
        with file.open("rb") as stream:
            content = stream.read(MAX_ANCHOR)
    except OSError as error:
        raise UsageError(f"cannot read the anchor {path}: {error.strerror or error}") from error
    held = Anchor.parse(content)
    if held is None:
        raise UsageError(f"{path} is there and is no anchor; it is not overwritten")
    if held.model != found.model:
        raise UsageError(f"{path} is an anchor of {held.model}, not of {found.model}; it is not overwritten")
    if any(e.sha256 == held.sha256 and e.seq == held.seq and not e.problem for e in found.records):
        return []
    return [f"the anchor in {path} names record {held.seq} ({held.id}), which this history has not, or has changed"]


def _write_anchor(found: History, path: str) -> None:
    whole = [e for e in found.records if e.seq is not None]
    if not whole:
        raise UsageError(f"{found.model} has no record, so there is nothing to anchor")
    last = whole[-1]
    output.write_file(
        path, Anchor(found.model, last.seq or 0, last.record_id, last.sha256, last.time).text(), "the anchor"
    )
    output.say(f"mlaudit: record {last.seq} ({last.sha256[:12]}) is anchored in {path}")
