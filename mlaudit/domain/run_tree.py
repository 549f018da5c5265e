"""Runs below the runs that started them: what MLflow's tag ``mlflow.parentRunId`` says, of the runs that are at hand.

A run whose parent is not among them stands at the top and is marked. So is one run of each cycle that bad data makes:
every run is in the tree once, whatever its tags say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from mlaudit.domain.models import Run

PARENT_TAG = "mlflow.parentRunId"


class Lost(Enum):
    """Why a run that names a parent stands at the top."""

    ABSENT = "its parent is not among the runs"
    CYCLE = "it is its own ancestor"


@dataclass(slots=True)
class Branch:
    """A run's place in the tree."""

    run: Run
    depth: int
    """0 at the top."""
    parent: str | None = None
    """The id of the run that it stands below."""
    below: int = 0
    """Runs below it, at all levels."""
    lost: Lost | None = None


def parent_id(run: Run) -> str | None:
    """The id of the parent that a run names."""
    return run.tags.get(PARENT_TAG, "").strip() or None


class RunTree:
    """All of the runs; brothers and what stands at the top keep the order in which the runs came."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._children: dict[str, list[Run]] = {}
        known = {run.run_id: run for run in runs}
        tops: dict[str, Lost | None] = {}
        for run in runs:
            parent = parent_id(run)
            if parent is None or parent not in known:
                tops[run.run_id] = None if parent is None else Lost.ABSENT
            else:
                self._children.setdefault(parent, []).append(run)
        reached = set(self._ids_below(tops))
        for run in runs:
            if run.run_id not in reached:
                first = _first_of_cycle(run, known)
                tops[first] = Lost.CYCLE
                reached.update(self._ids_below([first], reached))
        self.branches = self._walk([run for run in runs if run.run_id in tops], tops)
        """Every run once, each followed by what is below it."""
        self._places = {branch.run.run_id: branch for branch in self.branches}

    def __getitem__(self, run_id: str) -> Branch:
        """Raises KeyError."""
        return self._places[run_id]

    def shown(self, folded: Collection[str]) -> list[Run]:
        """The runs in order, without those below a folded one."""
        rows: list[Run] = []
        hidden_below = -1
        for branch in self.branches:
            if 0 <= hidden_below < branch.depth:
                continue
            hidden_below = branch.depth if branch.run.run_id in folded else -1
            rows.append(branch.run)
        return rows

    def parents(self) -> set[str]:
        """The ids of the runs that have others below them."""
        return {branch.run.run_id for branch in self.branches if branch.below}

    def lost(self, why: Lost) -> int:
        """How many stand at the top for that reason."""
        return sum(branch.lost is why for branch in self.branches)

    def _ids_below(self, starts: Iterable[str], reached: Collection[str] = ()) -> list[str]:
        """These and all below them, but for what was reached before."""
        found: dict[str, None] = {}
        waiting = list(starts)
        while waiting:
            run_id = waiting.pop()
            if run_id not in found and run_id not in reached:
                found[run_id] = None
                waiting += [child.run_id for child in self._children.get(run_id, ())]
        return list(found)

    def _walk(self, tops: Sequence[Run], why: dict[str, Lost | None]) -> list[Branch]:
        """Depth first, without recursion: data may be deeper than Python's stack."""
        branches: list[Branch] = []
        places: dict[str, Branch] = {}
        waiting = [Branch(run, 0, lost=why[run.run_id]) for run in reversed(tops)]
        while waiting:
            branch = waiting.pop()
            run_id = branch.run.run_id
            places[run_id] = branch
            branches.append(branch)
            # The run that a cycle was opened at is its own descendant.
            children = [child for child in self._children.get(run_id, ()) if child.run_id not in why]
            waiting += [Branch(child, branch.depth + 1, run_id) for child in reversed(children)]
        for branch in reversed(branches):
            if branch.parent is not None:
                places[branch.parent].below += branch.below + 1
        return branches


def _first_of_cycle(run: Run, known: dict[str, Run]) -> str:
    """Of the cycle above a run that nothing at the top reaches: the member that is met first on the way up."""
    met: set[str] = set()
    run_id = run.run_id
    while run_id not in met:
        met.add(run_id)
        run_id = parent_id(known[run_id]) or run_id
    return run_id
