"""A run by what somebody typed or chose: also a deleted one, where its whole id is given."""

from __future__ import annotations

from mlaudit.domain.errors import RunDeleted, RunNotFound
from mlaudit.domain.models import Run
from mlaudit.gateway.base import TrackingReader

_WHOLE = 32
"""Characters of a run id."""


def run_to_look_at(reader: TrackingReader, run_id: str) -> Run:
    """The run by id or unique prefix; a deleted one by its whole id only. Raises RunNotFound, AmbiguousRunId."""
    wanted = run_id.strip().lower()
    if len(wanted) >= _WHOLE:
        try:
            return reader.get_run(wanted)
        except RunNotFound:
            pass
    return reader.find_run(run_id)


def refuse_deleted(run: Run, what: str) -> None:
    """Raises RunDeleted for a deleted run; ``what`` is not done with it: ``promoted``."""
    if run.lifecycle_stage != "active":
        raise RunDeleted(run.run_id, what)
