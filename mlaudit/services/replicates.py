"""Finding, in the store, the replicates of a candidate and of its baseline, and the calibration groups beside them.

One pass over the finished runs of the experiment, newest first, and never over more than :data:`MAX_RUNS`: where there
are more, that is said. The policy's ``experiment`` says where to look, else each run's own experiment.

Where candidate and baseline are of one recipe, there is one group and not two: the mean of a recipe cannot be better or
worse than itself. Each is then judged alone, and the other runs of the recipe tell how much chance does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlaudit.domain.models import Experiment, Run, RunStatus, StoreKind
from mlaudit.domain.replicates import Recipe, by_commit, can_repeat, distinct_seeds, recipe_of, seed_of
from mlaudit.domain.verdict import GatePolicy
from mlaudit.gateway.base import TrackingReader

MAX_RUNS = 2000
"""Finished runs of an experiment that are looked at: about 8 s over HTTP."""
PAGE = 500
DATABASES = frozenset({StoreKind.SQLITE, StoreKind.POSTGRESQL})


@dataclass(frozen=True, slots=True)
class Replicates:
    """The runs that are judged together, the run itself first, and the groups that tell the noise."""

    candidate: tuple[Run, ...]
    baseline: tuple[Run, ...] = ()
    """Empty without a baseline."""
    groups: tuple[tuple[Run, ...], ...] = ()
    """Calibration groups, each of 2 runs or more."""
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Experiment:
    """What was looked at of an experiment."""

    name: str
    runs: list[Run]
    complete: bool


class ReplicateFinder:
    """Looks each experiment up once, however many runs are judged. For one request: it never looks again."""

    def __init__(self, reader: TrackingReader, max_runs: int = MAX_RUNS) -> None:
        self._reader = reader
        self._max_runs = max_runs
        self._names: dict[str, Experiment] | None = None
        self._experiments: dict[str, _Experiment] = {}
        self._recipes: dict[tuple[str, GatePolicy], dict[Recipe, list[Run]]] = {}
        self._groups: dict[tuple[str, GatePolicy, str], list[tuple[Run, ...]]] = {}
        self._seeds: dict[tuple[str, tuple[str, ...]], str] = {}

    def find(self, policy: GatePolicy, candidate: Run, baseline: Run | None) -> Replicates:
        """All that the policy lets count. Raises StoreError."""
        alone = Replicates((candidate,), (baseline,) if baseline else ())
        if not policy.nuisance_params or (baseline is not None and baseline.run_id == candidate.run_id):
            return alone
        warnings: list[str] = []
        place = self._place(policy, candidate, warnings)
        if place is None:
            return Replicates(alone.candidate, alone.baseline, warnings=tuple(warnings))
        ours = self._part(policy, candidate, place)
        theirs: Sequence[Run] = []
        if baseline is not None:
            theirs = self._part(policy, baseline, place if policy.experiment else baseline.experiment_id)
        sides = {candidate.run_id} | ({baseline.run_id} if baseline else set())
        others: list[tuple[Run, ...]] = []

        def seed(run: Run) -> str:
            return self._seed(policy, run)

        if baseline is not None and any(run.run_id == baseline.run_id for run in ours):
            rest = [run for run in distinct_seeds(ours, seed, sides) if run.run_id not in sides]
            others = [tuple(rest)] if policy.calibrate and len(rest) > 1 else []
            warnings.append(
                "candidate and baseline are of one recipe, so each is judged alone"
                + (f"; its {len(rest)} other runs tell the noise" if others else "")
            )
            candidates, baselines = [candidate], [baseline]
        else:
            candidates = list(distinct_seeds(ours, seed, sides))
            baselines = list(distinct_seeds(theirs, seed, sides))
        if policy.calibrate:
            taken = {run.run_id for run in (*ours, *theirs)}
            others += [g for g in self.groups(policy, place) if not any(run.run_id in taken for run in g)]
        for seen in self._experiments.values():
            if not seen.complete:
                warnings.append(
                    f"replicates: only the newest {len(seen.runs)} finished runs of experiment {seen.name} were looked"
                    " at, there are more"
                )
        return Replicates(tuple(candidates), tuple(baselines), tuple(others), tuple(warnings))

    def groups(self, policy: GatePolicy, experiment_id: str, first: str = "") -> list[tuple[Run, ...]]:
        """All replicate groups of an experiment: 2 runs or more, one a seed. Raises StoreError.

        Of a seed the newest run counts, or the one whose id is ``first``; each group's newest comes first.
        """
        key = (experiment_id, policy, first)
        if key not in self._groups:
            parts = (part for runs in self._by_recipe(policy, experiment_id).values() for part in by_commit(runs))
            groups = []
            for part in parts:
                kept = {run.run_id for run in distinct_seeds(part, lambda run: self._seed(policy, run), (first,))}
                groups.append(tuple(run for run in part if run.run_id in kept))
            self._groups[key] = [group for group in groups if len(group) > 1]
        return self._groups[key]

    def looked_at(self, experiment_id: str) -> tuple[list[Run], bool]:
        """The finished runs that were looked at, newest first, and whether these are all. Raises StoreError."""
        seen = self._experiment(experiment_id)
        return seen.runs, seen.complete

    def experiment_named(self, name: str) -> Experiment | None:
        """The experiment of this name, else of this id; None if there is none. Raises StoreError."""
        every = self._all_experiments()
        named = [e for e in every.values() if name in (e.raw_name, e.name)]
        return named[0] if named else every.get(name)

    def _seed(self, policy: GatePolicy, run: Run) -> str:
        key = (run.run_id, policy.nuisance_params)
        if key not in self._seeds:
            self._seeds[key] = seed_of(run, policy)
        return self._seeds[key]

    def _place(self, policy: GatePolicy, candidate: Run, warnings: list[str]) -> str | None:
        """The experiment to look in; None where the policy's is not there."""
        if policy.experiment is None:
            return candidate.experiment_id
        found = self.experiment_named(policy.experiment)
        if found is None:
            warnings.append(f"replicates: the policy's experiment {policy.experiment} is not in this store")
            return None
        if found.experiment_id != candidate.experiment_id:
            warnings.append(
                f"replicates: the policy has them looked up in experiment {found.name}, and the candidate is of another"
            )
        return found.experiment_id

    def _part(self, policy: GatePolicy, run: Run, experiment_id: str) -> Sequence[Run]:
        """The finished runs of the run's recipe and commit, itself first; alone where it repeats nothing."""
        if not can_repeat(run) or run.experiment_id != experiment_id:
            return [run]
        same = self._by_recipe(policy, experiment_id).get(recipe_of(run, policy), [])
        every = [run, *(other for other in same if other.run_id != run.run_id)]
        return next(part for part in by_commit(every) if any(r.run_id == run.run_id for r in part))

    def _by_recipe(self, policy: GatePolicy, experiment_id: str) -> dict[Recipe, list[Run]]:
        key = (experiment_id, policy)
        if key not in self._recipes:
            recipes: dict[Recipe, list[Run]] = {}
            for run in self._experiment(experiment_id).runs:
                recipes.setdefault(recipe_of(run, policy), []).append(run)
            self._recipes[key] = recipes
        return self._recipes[key]

    def _all_experiments(self) -> dict[str, Experiment]:
        if self._names is None:
            self._names = {e.experiment_id: e for e in self._reader.list_experiments()}
        return self._names

    def _experiment(self, experiment_id: str) -> _Experiment:
        if experiment_id not in self._experiments:
            known = self._all_experiments().get(experiment_id)
            runs, complete = self._finished_runs(experiment_id)
            self._experiments[experiment_id] = _Experiment(known.name if known else experiment_id, runs, complete)
        return self._experiments[experiment_id]

    def _finished_runs(self, experiment_id: str) -> tuple[list[Run], bool]:
        """The newest finished runs, and whether these are all of them."""
        found: dict[str, Run] = {}
        token: str | None = None
        # A database answers at once; asked for a second page it would list the ids of all that follow.
        size = self._max_runs + 1 if self._reader.describe().kind in DATABASES else PAGE
        while True:
            page = self._reader.search_runs(
                (experiment_id,),
                filter_string=f"attributes.status = '{RunStatus.FINISHED}'",
                max_results=min(size, self._max_runs + 1 - len(found)),
                page_token=token,
            )
            for run in page.runs:
                # A token is an offset: a run that was created meanwhile repeats one.
                found.setdefault(run.run_id, run)
            token = page.next_page_token
            if token is None or len(found) > self._max_runs:
                break
        runs = [run for run in found.values() if can_repeat(run)]
        return runs[: self._max_runs], len(found) <= self._max_runs
