"""The verdicts of ``mlaudit runs --verdict``: asked for in chunks, and sorted by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mlaudit.cli import output
from mlaudit.cli.invocation import Invocation
from mlaudit.domain.errors import UsageError
from mlaudit.domain.triage import JudgedRun

Order = tuple[str, bool]
"""``verdict`` or ``change``, and whether it descends."""


def split_order(order_by: Sequence[str]) -> tuple[list[str], list[Order]]:
    """The keys that the store sorts by, and those that only the verdicts know: ``verdict`` and ``change``.

    Ascending puts the best verdict and the smallest worsening first. Raises UsageError where one of the store's keys
    stands before one of the verdicts': the store has sorted before there is a verdict.
    """
    store: list[str] = []
    local: list[Order] = []
    for item in order_by:
        words = item.split()
        key, way = (words[0].lower() if words else ""), " ".join(words[1:]).upper()
        if key in {"verdict", "change"} and way in {"", "ASC", "DESC"}:
            if store:
                raise UsageError(f"--order-by {key} must stand before --order-by {store[0]!r}: verdicts sort first")
            local.append((key, way == "DESC"))
        else:
            store.append(item)
    return store, local


def judge(call: Invocation, run_ids: Sequence[str], model: str | None) -> dict[str, JudgedRun]:
    """Run id -> its verdict. Raises MlauditError."""
    # Here, since a list without verdicts needs nothing of the gate.
    from mlaudit.services.triage import CHUNK, JudgeRuns

    judged: dict[str, JudgedRun] = {}
    for start in range(0, len(run_ids), CHUNK):
        answer = call.ask(JudgeRuns(tuple(run_ids[start : start + CHUNK]), model))
        judged |= {one.run_id: one for one in answer}
    return judged


MOST_WORDS = 8
"""Problems and warnings that are said at most."""


class Remarks:
    """What is to be said of any number of verdicts, without keeping them."""

    def __init__(self) -> None:
        self._count = 0
        self._problems: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()
        self._policies: set[str] = set()

    def add(self, judged: Mapping[str, JudgedRun]) -> None:
        """Take note of some more runs."""
        self._count += len(judged)
        for one in judged.values():
            if one.problem:
                self._problems[_problem(one)] += 1
            self._warnings.update(one.warnings)
            if one.policy_sha256:
                self._policies.add(one.policy_sha256)

    def say(self) -> None:
        """Say on stderr why runs have no verdict, and what is to be known of those that have one; each thing once."""
        said = [f"{_runs(count)} not judged: {problem}" for problem, count in self._problems.most_common()]
        for warning, count in self._warnings.most_common():
            said.append(warning if count == self._count else f"{warning} ({_runs(count)})")
        for digest in sorted(self._policies):
            output.say(f"mlaudit: judged by the policy of sha256 {digest}")
        for line in said[:MOST_WORDS]:
            output.say(f"mlaudit: {line}")
        if len(said) > MOST_WORDS:
            output.say(f"mlaudit: and {len(said) - MOST_WORDS} more such remarks; --format json has them")


def _problem(one: JudgedRun) -> str:
    return f"{one.problem}; {one.advice}" if one.advice else one.problem


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"
