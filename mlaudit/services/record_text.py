"""A whole record as text, for a person to read: also one that was changed, with what is wrong about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from mlaudit.domain.errors import EvidenceError, NotAStore, RunNotFound
from mlaudit.domain.evidence import MAX_RECORD, parse_record
from mlaudit.domain.text import clean
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.requests import Request

MAX_SHOWN = 400_000
"""Characters of a record that are shown; the text says so where there are more."""


@dataclass(frozen=True, slots=True)
class RecordText:
    """What lies where a record should."""

    lines: tuple[str, ...]
    """Clean; JSON is indented, anything else is as it is."""
    problem: str
    """Why it cannot be believed; empty when its hash is right."""


@dataclass(frozen=True, slots=True)
class ReadRecord(Request[RecordText]):
    """The record at a place among a run's artifacts, as a pointer names it."""

    run_id: str
    artifact: str

    deadline: ClassVar[float] = 30.0

    @property
    def what(self) -> str:
        return f"the record {clean(self.artifact, max_length=60)}"


def read_record_text(gateway: TrackingReader, request: ReadRecord) -> RecordText:
    """The record as text. Raises EvidenceError where nothing is there, StoreError."""
    try:
        content = gateway.read_artifact(request.run_id, request.artifact, MAX_RECORD)
    except (NotAStore, RunNotFound) as error:
        raise EvidenceError(f"the record {clean(request.artifact)} is missing") from error
    problem = ""
    try:
        parse_record(content)
    except EvidenceError as error:
        problem = str(error)
    try:
        text = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = content.decode("utf-8", "replace")
    shown = clean(text, max_length=MAX_SHOWN, keep_newlines=True)
    return RecordText(tuple(shown.split("\n")), problem)
