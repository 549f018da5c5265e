"""The verdict on every run of a list, with all that they have in common looked up once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import AmbiguousModel, AmbiguousRunId, BaselineSelectorError, RunNotFound, VersionNotFound
from mlaudit.domain.models import ViewType
from mlaudit.domain.text import clean
from mlaudit.domain.triage import JudgedRun, in_a_line
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.compare import Bench, CompareRun
from mlaudit.services.remembering import RememberingReader
from mlaudit.services.requests import Request

CHUNK = 200
"""Runs to ask about in one request: enough to share the lookups, and little enough for an answer in seconds."""
_IDS_IN_A_FILTER = 100


@dataclass(frozen=True, slots=True)
class JudgeRuns(Request[tuple[JudgedRun, ...]]):
    """Judge these runs, each as :class:`~mlaudit.services.compare.CompareRun` would; answered in the same order.

    A list is best asked about in chunks of :data:`CHUNK`.
    """

    run_ids: tuple[str, ...]
    """Whole ids."""
    model: str | None = None
    against: str | None = None

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the verdict on {len(self.run_ids)} runs"


def judge_runs(reader: TrackingReader, policies: Policies, request: JudgeRuns) -> tuple[JudgedRun, ...]:
    """A run that cannot be judged, e.g. since its model cannot be told, has its problem instead of a verdict.

    Metric histories are read only for rules that select something else than the last value. Raises ModelNotFound,
    StoreError.
    """
    once = RememberingReader(reader)
    _fetch(once, request.run_ids)
    bench = Bench(once, policies, info=False)
    return tuple(_judge(bench, CompareRun(run_id, request.model, request.against)) for run_id in request.run_ids)


def _fetch(reader: RememberingReader, run_ids: Sequence[str]) -> None:
    """Read the runs by the page instead of one by one."""
    experiments = [e.experiment_id for e in reader.list_experiments()]
    # Nothing but an id may stand in a filter.
    wanted = [run_id for run_id in dict.fromkeys(run_ids) if run_id.replace("-", "").replace("_", "").isalnum()]
    for start in range(0, len(wanted), _IDS_IN_A_FILTER):
        part = wanted[start : start + _IDS_IN_A_FILTER]
        listed = ", ".join(f"'{run_id}'" for run_id in part)
        reader.search_runs(
            experiments,
            filter_string=f"attributes.run_id IN ({listed})",
            max_results=len(part),
            view=ViewType.ALL,
        )


def _judge(bench: Bench, request: CompareRun) -> JudgedRun:
    try:
        return in_a_line(bench.compare(request))
    except (AmbiguousModel, AmbiguousRunId, BaselineSelectorError, RunNotFound, VersionNotFound) as error:
        # The same words for every run, so that a list says them once.
        problem = error.message().replace(f"run {clean(request.run_id)[:12]}", "this run")
        return JudgedRun(request.run_id, exit_code=error.exit_code, problem=problem, advice=error.advice)
