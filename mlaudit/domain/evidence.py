"""The evidence: one canonical JSON record for each change of the registry, chained by hash.

A record (``mlaudit.evidence/1``) lies whole among the artifacts of the run that it is about. A tag on the version
points at it, and a tag on the registered model, the head, at the newest one. Each record names the hash of the one
before.
Whoever may write to the registry can rewrite all of it; an anchor kept elsewhere shows that.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mlaudit.domain.errors import EvidenceError
from mlaudit.domain.text import clean

SCHEMA = "mlaudit.evidence/1"
ANCHOR_SCHEMA = "mlaudit.anchor/1"
POINTER_PREFIX = "mlaudit.evidence."
HEAD_KEY = "mlaudit.head"
FOLDER = "mlaudit/evidence"
MAX_TAG = 5000
"""Characters that MLflow's databases keep of a tag."""
MAX_RECORD = 4_000_000
"""Bytes; what is larger was not written by mlaudit."""


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no blanks, ASCII, no NaN or infinity. Raises ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def number(value: float | None) -> float | str | None:
    """A number that JSON can hold; NaN and infinity become their names."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def digest(record: Mapping[str, Any]) -> str:
    """sha256 of a record without its own ``record_sha256``. Raises ValueError."""
    return hashlib.sha256(canonical({k: v for k, v in record.items() if k != "record_sha256"}).encode()).hexdigest()


def seal(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with its hash."""
    return {**record, "record_sha256": digest(record)}


def artifact_path(op: str) -> str:
    """Where a record lies among its run's artifacts."""
    return f"{FOLDER}/{op}.json"


def parse_record(content: bytes) -> dict[str, Any]:
    """A record, whose hash is right. Raises EvidenceError."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        raise EvidenceError("the record is not JSON") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise EvidenceError(f"the record is not {SCHEMA}")
    try:
        right = record.get("record_sha256") == digest(record)
    except (ValueError, RecursionError):
        right = False
    if not right:
        raise EvidenceError("the record was changed: its hash is not that of its content")
    return record


def _seq(told: Mapping[str, Any]) -> int:
    """The number of a record: neither a text, nor true, nor infinity. Raises KeyError, ValueError."""
    seq = told["seq"]
    if type(seq) is not int or seq < 1:
        raise ValueError("no number of a record")
    return seq


@dataclass(frozen=True, slots=True)
class Pointer:
    """A tag that points at a record. All text is clean; hashes and paths stand as they were written."""

    id: str
    seq: int
    """1 for a model's first record."""
    event: str
    target: str
    version: str
    verdict: str
    previous: str | None
    sha256: str
    prev_sha256: str | None
    run_id: str
    artifact: str
    time: str
    actor: str
    why: str = ""
    """The reason that was given, cut where it is long."""
    recovered_by: str | None = None
    """Who ended it, where it was not the one who began it."""

    @property
    def key(self) -> str:
        """The tag's key on the version."""
        return f"{POINTER_PREFIX}{self.id}"

    def text(self) -> str:
        """The tag's value."""
        return canonical(asdict(self))

    @classmethod
    def parse(cls, value: str) -> Pointer | None:
        """None when it cannot be read."""
        try:
            told = json.loads(value)
            texts = {
                name: clean(str(told[name]), max_length=500)
                for name in (
                    "id",
                    "event",
                    "target",
                    "version",
                    "verdict",
                    "sha256",
                    "run_id",
                    "artifact",
                    "time",
                    "actor",
                )
            }
            optional = {
                name: None if told.get(name) is None else clean(str(told[name]), max_length=500)
                for name in ("previous", "prev_sha256", "recovered_by")
            }
            why = clean(told.get("why"), max_length=500)
            return cls(seq=_seq(told), why=why, **texts, **optional)  # type: ignore[arg-type]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    @classmethod
    def of(cls, record: Mapping[str, Any], recovered_by: str | None = None) -> Pointer:
        """The pointer at a record. Raises EvidenceError for one that lacks something."""
        try:
            verdict, previous = record["verdict"], record["previous"]
            return cls(
                id=str(record["id"]),
                seq=_seq(record),
                event=str(record["event"]),
                target=str(record["target"]),
                version=str(record["version"]),
                verdict=str(verdict["outcome"]) if verdict else "not judged",
                previous=None if previous is None else str(previous["version"]),
                sha256=str(record["record_sha256"]),
                prev_sha256=record["prev_sha256"],
                run_id=str(record["candidate"]["run_id"]),
                artifact=artifact_path(str(record["id"])),
                time=str(record["time"]),
                actor=str(record["actor"]["name"]),
                why=clean(record["why"], max_length=300),
                recovered_by=recovered_by,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceError("the record lacks what a record has") from error


def pointers_among(tags: Mapping[str, str]) -> tuple[Pointer, ...]:
    """The pointers among a version's tags."""
    found = (Pointer.parse(v) for k, v in sorted(tags.items()) if k.startswith(POINTER_PREFIX))
    return tuple(p for p in found if p is not None)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The hash of a model's newest record, to be kept where a writer of the registry cannot write."""

    model: str
    """Printable."""
    seq: int
    id: str
    sha256: str
    time: str

    def text(self) -> str:
        """What the file holds."""
        return json.dumps({"schema": ANCHOR_SCHEMA, **asdict(self)}, indent=2, allow_nan=False) + "\n"

    @classmethod
    def parse(cls, content: bytes) -> Anchor | None:
        """None for what is no anchor."""
        try:
            told = json.loads(content)
            if told["schema"] != ANCHOR_SCHEMA:
                return None
            texts = {name: clean(str(told[name])) for name in ("model", "id", "sha256", "time")}
            return cls(seq=_seq(told), **texts)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
