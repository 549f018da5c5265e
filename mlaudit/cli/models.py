"""``mlaudit models``: the registered models, where their versions stand, and by whose word."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import invocation
from mlaudit.cli.output import ExitCode
from mlaudit.domain.models import Stage
from mlaudit.domain.text import format_duration, format_iso
from mlaudit.services.registry import ListModels, ModelState, VersionState


class Format(StrEnum):
    """How the models are written."""

    TABLE = "table"
    JSON = "json"


_BOARD = (Stage.PRODUCTION, Stage.STAGING, Stage.NONE, Stage.ARCHIVED)


def models(
    ctx: typer.Context,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="One registered model. Default: all.", show_default=False)
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="table or json.")] = Format.TABLE,
) -> int:
    """List the registered models with their versions by stage: aliases, run, age, who put them there and why."""
    call = invocation(ctx)
    call.connect()
    found = call.ask(ListModels(model))
    if form is Format.JSON:
        output.json_data(json.dumps([_json(m) for m in found.models], indent=2, ensure_ascii=False, allow_nan=False))
    elif found.models:
        now = int(datetime.now(UTC).timestamp() * 1000)
        rows = [_row(m, v, now) for m in found.models for v in _by_stage(m)]
        rows += [(m.model.name, "", "no version", "", "", "", "", "", "") for m in found.models if not m.versions]
        output.data(output.table(_HEADER, sorted(rows, key=lambda row: row[0]), right=frozenset({1})))
    else:
        output.say("mlaudit: no model is registered in this store")
    for state in found.models:
        for warning in state.warnings:
            output.say(f"mlaudit: {state.model.name}: {warning}")
    return ExitCode.PASS


_HEADER = ("MODEL", "VERSION", "STAGE", "ALIASES", "RUN", "AGE", "WHO", "WHY", "PROBLEMS")


def _by_stage(state: ModelState) -> list[VersionState]:
    return sorted(state.versions, key=lambda v: _BOARD.index(v.version.stage))


def _row(state: ModelState, found: VersionState, now: int) -> tuple[str, ...]:
    version, run, record = found.version, found.run, found.record
    created = version.creation_time
    return (
        state.model.name,
        version.version,
        str(version.stage),
        ", ".join(version.aliases),
        f"{run.name} {run.run_id[:8]}".strip() if run else (version.run_id or "")[:12],
        format_duration(now - created) if created else "",
        f"{record.actor}, {record.verdict}" if record else "",
        record.why if record else "",
        ", ".join(found.problems),
    )


def _json(state: ModelState) -> dict[str, object]:
    return {
        "model": state.model.name,
        "aliases": dict(state.model.aliases),
        "warnings": list(state.warnings),
        "versions": [
            {
                "version": v.version.version,
                "stage": str(v.version.stage),
                "aliases": list(v.version.aliases),
                "run_id": v.version.run_id,
                "run_name": v.run.name if v.run else None,
                "created": format_iso(v.version.creation_time),
                "last_updated": format_iso(v.version.last_updated),
                "artifacts": v.files,
                "problems": list(v.problems),
                "record": None
                if v.record is None
                else {
                    "id": v.record.id,
                    "seq": v.record.seq,
                    "event": v.record.event,
                    "target": v.record.target,
                    "time": v.record.time,
                    "actor": v.record.actor,
                    "why": v.record.why,
                    "verdict": v.record.verdict,
                    "sha256": v.record.sha256,
                },
            }
            for v in state.versions
        ],
    }
