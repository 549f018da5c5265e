"""The verdicts of a list of runs, with what is told of all of them kept up to date: nothing is counted anew for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mlaudit.domain.packed import shared
from mlaudit.domain.triage import JudgedRun


class VerdictTally(Mapping[str, JudgedRun]):
    """Run id -> its verdict, as far as they are known."""

    def __init__(self) -> None:
        self._of: dict[str, JudgedRun] = {}
        self.without = 0
        """Runs that could not be judged; the others have a verdict."""
        self.with_baseline = 0
        """Runs that were judged against another."""
        self.problem = ""
        """Why one of those without a verdict has none."""

    def add(self, one: JudgedRun) -> None:
        """Take note of a verdict, in the place of an earlier one."""
        self.discard(one.run_id)
        one = replace(
            one,
            reason=shared(one.reason),
            metric=shared(one.metric),
            baseline_run_id=shared(one.baseline_run_id),
            policy_sha256=shared(one.policy_sha256),
            problem=shared(one.problem),
        )
        self._of[one.run_id] = one
        self._count(one, 1)

    def discard(self, run_id: str) -> None:
        """Forget a verdict, if there is one."""
        if (one := self._of.pop(run_id, None)) is not None:
            self._count(one, -1)

    def clear(self) -> None:
        """Forget all."""
        self._of.clear()
        self.without = self.with_baseline = 0
        self.problem = ""

    def _count(self, one: JudgedRun, by: int) -> None:
        self.without += by * (one.outcome is None)
        self.with_baseline += by * bool(one.baseline_run_id)
        if by > 0 and one.outcome is None and not self.problem:
            self.problem = one.problem

    def __getitem__(self, run_id: str) -> JudgedRun:
        return self._of[run_id]

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._of

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)
