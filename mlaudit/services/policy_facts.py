"""Looking at what a model's runs log, for a first policy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from mlaudit.domain.comparability import GIT_COMMIT_TAG
from mlaudit.domain.errors import ExperimentNotFound, ModelNotFound, RunNotFound
from mlaudit.domain.models import ModelVersion
from mlaudit.domain.policy_sketch import ModelFacts
from mlaudit.domain.replicates import is_nuisance
from mlaudit.domain.text import clean
from mlaudit.domain.verdict import GatePolicy
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.model_names import raw_name_of, registered_names
from mlaudit.services.replicates import ReplicateFinder
from mlaudit.services.requests import Request

MAX_RUNS = 500


@dataclass(frozen=True, slots=True)
class DescribeModel(Request[ModelFacts]):
    """What this model's runs log. With ``experiment`` the model need not be registered yet."""

    model: str
    experiment: str | None = None

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"what the runs of {self.model} log"


def describe_model(reader: TrackingReader, request: DescribeModel) -> ModelFacts:
    """Raises ModelNotFound where neither the model nor an experiment is there, ExperimentNotFound, StoreError."""
    registered = registered_names(reader)
    raw = raw_name_of(request.model, registered)
    if raw is None and request.experiment is None:
        raise ModelNotFound(clean(request.model), tuple(registered.values()))
    versions = reader.list_model_versions(raw) if raw is not None else ()
    finder = ReplicateFinder(reader, MAX_RUNS)
    experiment = finder.experiment_named(request.experiment) if request.experiment is not None else None
    if request.experiment is not None and experiment is None:
        raise ExperimentNotFound(request.experiment, tuple(e.name for e in reader.list_experiments()))
    place = experiment.experiment_id if experiment else experiment_of(reader, versions)
    runs, complete = finder.looked_at(place) if place is not None else ([], True)
    known = {e.experiment_id: e.name for e in reader.list_experiments()}
    policy = GatePolicy()
    counted = Counter(name for run in runs for name in run.metrics)
    contexts = Counter(d.context for run in runs for d in run.datasets if d.context)
    return ModelFacts(
        raw_model=raw if raw is not None else request.model,
        experiment=known.get(place, place) if place is not None else None,
        runs=len(runs),
        complete=complete,
        metrics=tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))),
        nuisance_params=tuple(sorted({p for run in runs for p in run.params if is_nuisance(policy, run.raw_key(p))})),
        contexts=tuple(context for context, _ in contexts.most_common()),
        has_data_tag=any(run.tags.get("dataset_version") for run in runs),
        commits=sum(bool(run.tags.get(GIT_COMMIT_TAG)) for run in runs),
        stages=tuple(sorted({str(v.stage) for v in versions if v.stage != "None"})),
        aliases=tuple(sorted({alias for v in versions for alias in v.aliases})),
    )


def experiment_of(reader: TrackingReader, versions: tuple[ModelVersion, ...]) -> str | None:
    """The experiment of the newest version whose run is there."""
    for version in versions:
        if version.run_id is not None:
            try:
                return reader.get_run(version.run_id).experiment_id
            except RunNotFound:
                continue
    return None
