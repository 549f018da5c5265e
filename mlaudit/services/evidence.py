"""Makes the record of a change: what was decided, on what, by whom; and puts it where it is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlaudit import __version__
from mlaudit.domain.comparison import Comparison, Side
from mlaudit.domain.errors import EvidenceError, MlauditError, NotAStore, RunNotFound, StoreError
from mlaudit.domain.evidence import (
    HEAD_KEY,
    MAX_RECORD,
    MAX_TAG,
    SCHEMA,
    Pointer,
    artifact_path,
    canonical,
    digest,
    number,
    parse_record,
    pointers_among,
    seal,
)
from mlaudit.domain.models import ModelVersion, Run
from mlaudit.domain.promotion import PromotionPlan
from mlaudit.domain.text import clean
from mlaudit.gateway.base import Gateway, TrackingReader
from mlaudit.services.identity import Actor
from mlaudit.services.surroundings import Surroundings

COMMIT_TAG = "mlflow.source.git.commit"
ROOM_TO_RECOVER = 500
"""Characters of a pointer's tag that are kept for the name of who may have to end what was begun."""
MAX_LISTED = 2000
"""Artifacts whose names and sizes are looked at for a listing's digest, a run."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What who acts has said."""

    reason: str = ""
    override: bool = False


def listing_digest(reader: TrackingReader, run_id: str) -> str | None:
    """sha256 over the names and sizes of a run's artifacts, the records left out; None when it cannot be made."""
    entries: list[tuple[str, int | None]] = []
    folders = [""]
    try:
        while folders:
            for artifact in reader.list_artifacts(run_id, folders.pop()):
                if artifact.raw_path == "mlaudit":
                    continue
                if artifact.is_dir:
                    folders.append(artifact.raw_path)
                else:
                    entries.append((artifact.raw_path, artifact.size))
                if len(entries) + len(folders) > MAX_LISTED:
                    return None
    except MlauditError:
        return None
    return digest({"artifacts": sorted(entries)})


def head_of(gateway: Gateway, raw_model: str, versions: Sequence[ModelVersion]) -> Pointer | None:
    """The newest record's pointer, by the model's tag or, where that was not written any more, by the versions'."""
    head = Pointer.parse(gateway.model_tags(raw_model).get(HEAD_KEY, ""))
    every = [p for v in versions for p in pointers_among(v.tags)] + ([head] if head else [])
    return max(every, key=lambda p: (p.seq, p.time), default=None)


def make_record(
    plan: PromotionPlan,
    comparison: Comparison | None,
    *,
    op: str,
    version: str,
    actor: Actor,
    consent: Consent,
    listings: dict[str, str | None],
    versions: Sequence[ModelVersion],
    head: Pointer | None,
    surroundings: Surroundings,
) -> dict[str, Any]:
    """The sealed record. ``versions``: all of the model's, as they were before. ``listings``: run id -> digest."""
    policy = comparison.policy if comparison else None
    verdict = comparison.verdict if comparison and plan.outcome is not None else None
    tag = policy.dataset_tag if policy else None
    sides = (comparison.candidate, comparison.baseline) if comparison else (None, None)
    candidate = _side(sides[0], tag, listings) or {"run_id": plan.run_id, "run_name": plan.run_name}
    overridden = consent.override and not plan.passes
    return seal(
        {
            "schema": SCHEMA,
            "id": op,
            "seq": head.seq + 1 if head else 1,
            "time": surroundings.time(),
            "tool": {"name": "mlaudit", "version": __version__},
            "actor": {"name": actor.name, "known_by": actor.known_by},
            "host": surroundings.host,
            "ci_url": surroundings.ci_url,
            "store": {"tracking": plan.store.uri, "registry": plan.store.registry_uri},
            "model": plan.raw_model,
            "event": str(plan.event),
            "target": str(plan.target),
            "version": version,
            "registered": plan.version is None,
            "why": consent.reason or None,
            "plan_id": plan.plan_id,
            "candidate": {**candidate, "version": version, "artifacts_sha256": listings.get(plan.run_id)},
            "baseline": _side(sides[1], tag, listings),
            "baseline_selector": comparison.selector if comparison else None,
            "policy": {"path": policy.path, "sha256": policy.sha256} if policy else None,
            "verdict": None
            if verdict is None
            else {"outcome": str(verdict.outcome), "reason": verdict.reason, "exit_code": verdict.exit_code},
            "checks": []
            if verdict is None
            else [
                {"name": c.name, "outcome": str(c.outcome), "reason": c.reason, "detail": c.detail}
                for c in verdict.checks
            ],
            "calibration": [list(g) for g in comparison.calibration] if comparison and verdict else [],
            "metrics": [] if comparison is None or verdict is None else _metrics(comparison),
            "warnings": [] if verdict is None else list(verdict.warnings),
            "override": {"who": actor.name, "why": consent.reason} if overridden else None,
            "previous": None if plan.previous is None else {"version": plan.previous.version},
            "previous_stage": str(plan.stage_before),
            "aliases": list(plan.aliases),
            "before": {
                "stages": {v.version: str(v.stage) for v in versions if v.stage != "None"},
                "aliases": {alias: v.version for v in versions for alias in v.aliases},
            },
            "prev_sha256": head.sha256 if head else None,
            "prev": {"id": head.id, "run_id": head.run_id, "artifact": head.artifact} if head else None,
        }
    )


def _side(side: Side | None, tag: str | None, listings: dict[str, str | None]) -> dict[str, Any] | None:
    if side is None:
        return None
    run: Run = side.run
    return {
        "version": side.version.version if side.version else None,
        "run_id": run.run_id,
        "run_name": run.name,
        "commit": run.tags.get(COMMIT_TAG),
        "datasets": [{"name": d.name, "digest": d.digest, "context": d.context} for d in run.datasets],
        "dataset_tag": {"name": tag, "value": run.tags.get(tag)} if tag else None,
        "replicates": list(side.replicates),
        "artifacts_sha256": listings.get(run.run_id),
    }


def _metrics(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "name": m.name,
            "role": str(m.role),
            "direction": None if m.direction is None else str(m.direction),
            "candidate": number(m.candidate),
            "baseline": number(m.baseline),
            "candidate_values": _values(comparison.candidate, m.name),
            "baseline_values": _values(comparison.baseline, m.name),
            "n_candidate": m.n_candidate,
            "n_baseline": m.n_baseline,
            "delta": number(m.delta),
            "tolerance": number(m.tolerance),
            "se": number(m.se),
            "df": number(m.df),
            "noise": number(m.noise),
            "noise_regression": number(m.noise_regression),
            "outcome": str(m.outcome),
            "reason": m.reason,
            "warnings": list(m.warnings),
        }
        for m in comparison.verdict.metrics
    ]


def _values(side: Side | None, metric: str) -> list[dict[str, Any]]:
    """What the mean is of: one value a replicate that has the metric, the run's own first."""
    found = side.values.get(metric, ()) if side else ()
    return [{"run_id": run_id, "value": number(value)} for run_id, value in found]


def write_record(gateway: Gateway, record: dict[str, Any]) -> None:
    """Put the whole record among its run's artifacts; it counts only when a pointer names it.

    Raises StoreError; EvidenceError, with nothing written, for one that could not be read or pointed at afterwards.
    """
    run_id, path, text = str(record["candidate"]["run_id"]), artifact_path(str(record["id"])), canonical(record) + "\n"
    if len(text) > MAX_RECORD:
        raise EvidenceError(f"the record would have {len(text):,} bytes, {MAX_RECORD:,} are read back")
    _fitting(Pointer.of(record), MAX_TAG - ROOM_TO_RECOVER)
    try:
        gateway.write_artifact(run_id, path, text)
    except StoreError:
        if _read_again(gateway, run_id, path) != text.encode():
            raise


def _read_again(gateway: Gateway, run_id: str, path: str) -> bytes:
    try:
        return gateway.read_artifact(run_id, path, MAX_RECORD)
    except MlauditError:
        return b""


def read_record(gateway: TrackingReader, run_id: str, path: str) -> dict[str, Any]:
    """The record at a place. Raises EvidenceError where there is none, or one whose hash is wrong; StoreError."""
    try:
        content = gateway.read_artifact(run_id, path, MAX_RECORD)
    except (NotAStore, RunNotFound) as error:
        raise EvidenceError(f"the record {clean(path)} of run {clean(run_id)[:12]} is missing") from error
    return parse_record(content)


def point_at(gateway: Gateway, raw_model: str, record: dict[str, Any], recovered_by: str | None = None) -> Pointer:
    """Write the version's tag that points at a record, then the head. Raises StoreError, EvidenceError."""
    pointer = Pointer.of(record, recovered_by)
    text = _fitting(pointer, MAX_TAG)
    try:
        gateway.set_version_tag(raw_model, pointer.version, pointer.key, text)
    except StoreError:
        versions = gateway.list_model_versions(raw_model)
        if not any(v.version == pointer.version and v.tags.get(pointer.key) == text for v in versions):
            raise
    try:
        gateway.set_model_tag(raw_model, HEAD_KEY, text)
    except StoreError:
        if gateway.model_tags(raw_model).get(HEAD_KEY) != text:
            raise
    return pointer


def _fitting(pointer: Pointer, limit: int) -> str:
    """The tag's value. Raises EvidenceError when it is too long."""
    text = pointer.text()
    if len(text) > limit:
        raise EvidenceError(
            f"the tag that points at record {pointer.id} would have {len(text):,} characters, {limit:,} are kept:"
            " use a shorter reason"
        )
    return text
