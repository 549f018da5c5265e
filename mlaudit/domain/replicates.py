"""Which runs repeat one another: the same recipe on the same data by the same code, but for the nuisance params.

A recipe is the experiment, the params that are no nuisance, and the identity of the evaluation data. Where a recipe's
runs name more than one git commit, each commit is a recipe of its own, and so are the runs that name none; where they
name one, those that name none are taken to be of it.

Runs with the same nuisance params count once: a training that was repeated with the same seed says nothing about
chance. So do runs that log no nuisance param at all, for nothing tells a repetition from the same thing logged twice.
Cross-validation folds are no replicates: their fold is a param like any other, and it differs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlaudit.domain.comparability import GIT_COMMIT_TAG
from mlaudit.domain.models import Run, RunStatus
from mlaudit.domain.verdict import GatePolicy


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all replicates have in common, but for the commit."""

    experiment_id: str
    params: frozenset[tuple[str, str]]
    datasets: frozenset[tuple[str, str]]
    """(name, digest) of the inputs in the policy's context."""
    data_tag: str


def is_nuisance(policy: GatePolicy, param: str) -> bool:
    """Whether ``param`` is one of those in which replicates may differ; ``*`` and ``?`` as in file names."""
    return _matches(policy.nuisance_params, param)


@functools.lru_cache(maxsize=10_000)
def _matches(patterns: tuple[str, ...], param: str) -> bool:
    return any(fnmatchcase(param, pattern) for pattern in patterns)


def can_repeat(run: Run) -> bool:
    """Whether a run counts as a replicate at all: it has finished and was not deleted."""
    return run.status == RunStatus.FINISHED and run.lifecycle_stage == "active"


def recipe_of(run: Run, policy: GatePolicy) -> Recipe:
    """The recipe by the policy's nuisance params and witnesses of the data's identity."""
    return Recipe(
        run.experiment_id,
        frozenset((k, v) for k, v in run.params.items() if not is_nuisance(policy, run.raw_key(k))),
        frozenset((d.name, d.digest) for d in run.datasets if d.context == policy.dataset_context),
        run.tags.get(policy.dataset_tag, "").strip() if policy.dataset_tag is not None else "",
    )


def seed_of(run: Run, policy: GatePolicy) -> str:
    """The nuisance params in one text, equal for equal seeds: ``seed=3``."""
    return ", ".join(f"{k}={v}" for k, v in sorted(run.params.items()) if is_nuisance(policy, run.raw_key(k)))


def by_commit(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs of one recipe, parted by commit; their order is kept."""
    parts: dict[str, list[Run]] = {}
    for run in runs:
        parts.setdefault(run.tags.get(GIT_COMMIT_TAG, "").strip(), []).append(run)
    if len(parts) == 2 and "" in parts:
        return [[run for part in parts.values() for run in part]]
    return list(parts.values())


def same_recipe(runs: Iterable[Run], policy: GatePolicy) -> list[tuple[Run, ...]]:
    """The runs parted by recipe and commit, in the order of each part's first; a run that repeats none is alone."""
    recipes: dict[Recipe, list[Run]] = {}
    for run in runs:
        recipes.setdefault(recipe_of(run, policy), []).append(run)
    return [tuple(part) for same in recipes.values() for part in by_commit(same)]


def distinct_seeds(runs: Sequence[Run], seed: Callable[[Run], str], first: Collection[str] = ()) -> tuple[Run, ...]:
    """One run a seed: of several the first, those whose id is in ``first`` before all others.

    ``seed``: see :func:`seed_of`.
    """
    kept: dict[str, Run] = {}
    for run in sorted(runs, key=lambda r: r.run_id not in first):
        kept.setdefault(seed(run), run)
    return tuple(kept.values())
