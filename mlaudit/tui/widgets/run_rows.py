"""What stands in the lines of the table of runs where that is not one run a line: groups of runs, or a tree."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Protocol

from mlaudit.domain.columns import NOTHING
from mlaudit.domain.groups import COUNT, RunGroup, Statistic, group_runs, sorted_groups, verdicts_of
from mlaudit.domain.models import Run
from mlaudit.domain.run_tree import Lost, RunTree
from mlaudit.domain.sorting import Sorting
from mlaudit.domain.triage import VERDICT_FIELDS, JudgedRun
from mlaudit.domain.verdict import GatePolicy

Row = Run | RunGroup
OPEN, CLOSED, LEAF = "▾ ", "▸ ", "  "
LOST = {Lost.ABSENT: "↥ ", Lost.CYCLE: "↻ "}
DEEPEST = 5
"""Levels that are indented; below them the level is written as a number, so that names stay readable."""


def key_of(row: Row) -> Hashable:
    """The same for the same row of a later look."""
    return row.run_id if isinstance(row, Run) else row.key


def runs_of(row: Row | None) -> tuple[Run, ...]:
    """The runs of a row."""
    return () if row is None else (row,) if isinstance(row, Run) else row.runs


class Arrangement(Protocol):
    """Makes rows out of the runs that are loaded."""

    def rows(self, runs: Sequence[Run]) -> Sequence[Row]:
        """The rows in order, each run at most once."""
        ...

    def cell(self, row: Row, column: str) -> str | None:
        """What a cell shows; None: what it shows of a run anyway."""
        ...

    def fold(self, rows: Sequence[Row], index: int) -> Hashable:
        """Open or close the row, or what it stands below; the key of the row that the cursor belongs on then."""
        ...

    def fold_all(self) -> None:
        """Close everything, or open it again."""
        ...


class GroupRows:
    """Groups, each followed by its runs where it is open."""

    def __init__(
        self,
        by: tuple[str, ...],
        experiments: Mapping[str, str],
        judged: Mapping[str, JudgedRun],
        policy: GatePolicy | None = None,
    ) -> None:
        """``experiments``: id -> name; ``judged``: run id -> its verdict, as far as they are known at the time."""
        self.by = by
        self.experiments = experiments
        self.judged = judged
        self.policy = policy
        self.statistic = Statistic.MEAN_SD
        self.sorting: Sorting = ()
        self.groups: list[RunGroup] = []
        self._open: set[Hashable] = set()

    def rows(self, runs: Sequence[Run]) -> Sequence[Row]:
        """See :class:`Arrangement`, as for all methods here."""
        self.groups = group_runs(runs, self.by, self.policy, self.experiments)
        ordered = sorted_groups(self.groups, self.sorting, self.statistic, self.experiments)
        rows: list[Row] = []
        for group in ordered:
            rows.append(group)
            if group.key in self._open:
                rows += group.runs
        return rows

    def cell(self, row: Row, column: str) -> str | None:
        if isinstance(row, RunGroup):
            if column in VERDICT_FIELDS:
                return verdicts_of(row, self.judged) if column == "verdict" else NOTHING
            text = row.cell(column, self.statistic, self.experiments)
            return f"{OPEN if row.key in self._open else CLOSED}{text}" if column == "run_name" else text
        if column == "run_name":
            return f"    {row.name or NOTHING}"
        return "" if column == COUNT else None

    def fold(self, rows: Sequence[Row], index: int) -> Hashable:
        while index > 0 and isinstance(rows[index], Run):
            index -= 1
        self._open ^= {key_of(rows[index])}
        return key_of(rows[index])

    def fold_all(self) -> None:
        self._open = set() if self._open else {group.key for group in self.groups}


class TreeRows:
    """Runs, each followed by those that it started."""

    def __init__(self) -> None:
        self.tree = RunTree(())
        self._folded: set[str] = set()

    def rows(self, runs: Sequence[Run]) -> Sequence[Row]:
        """See :class:`Arrangement`, as for all methods here."""
        self.tree = RunTree(runs)
        return self.tree.shown(self._folded)

    def cell(self, row: Row, column: str) -> str | None:
        if column != "run_name" or not isinstance(row, Run):
            return None
        branch = self.tree[row.run_id]
        folded = row.run_id in self._folded
        deep = branch.depth - DEEPEST
        indent = "  " * min(branch.depth, DEEPEST) + (f"{branch.depth} " if deep > 0 else "")
        sign = LEAF if not branch.below else CLOSED if folded else OPEN
        hidden = f" +{branch.below:,}" if folded and branch.below else ""
        return f"{indent}{sign}{LOST[branch.lost] if branch.lost else ''}{row.name or NOTHING}{hidden}"

    def fold(self, rows: Sequence[Row], index: int) -> Hashable:
        row = rows[index]
        assert isinstance(row, Run)
        branch = self.tree[row.run_id]
        place = row.run_id if branch.below or branch.parent is None else branch.parent
        if self.tree[place].below:
            self._folded ^= {place}
        return place

    def fold_all(self) -> None:
        self._folded = set() if self._folded else self.tree.parents()
