"""The verdicts of ``mlaudit runs --verdict``: asked for in chunks, and sorted by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlaudit.cli import output
from mlaudit.cli.invocation import Invocation
from mlaudit.domain.errors import UsageError
from mlaudit.domain.triage import JudgedRun
from mlaudit.services.triage import CHUNK, JudgeRuns

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
    judged: dict[str, JudgedRun] = {}
    for start in range(0, len(run_ids), CHUNK):
        answer = call.ask(JudgeRuns(tuple(run_ids[start : start + CHUNK]), model))
        judged |= {one.run_id: one for one in answer}
    return judged


MOST_WORDS = 8
"""Problems and warnings that are said at most."""


def say_problems(judged: dict[str, JudgedRun]) -> None:
    """Say on stderr why runs have no verdict, and what is to be known of those that have one; each thing once."""
    said = [
        f"{_runs(count)} not judged: {problem}"
        for problem, count in Counter(_problem(one) for one in judged.values() if one.problem).most_common()
    ]
    for warning, count in Counter(w for one in judged.values() for w in one.warnings).most_common():
        said.append(warning if count == len(judged) else f"{warning} ({_runs(count)})")
    for digest in sorted({one.policy_sha256 for one in judged.values() if one.policy_sha256}):
        output.say(f"mlaudit: judged by the policy of sha256 {digest}")
    for line in said[:MOST_WORDS]:
        output.say(f"mlaudit: {line}")
    if len(said) > MOST_WORDS:
        output.say(f"mlaudit: and {len(said) - MOST_WORDS} more such remarks; --format json has them")


def _problem(one: JudgedRun) -> str:
    return f"{one.problem}; {one.advice}" if one.advice else one.problem


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"
