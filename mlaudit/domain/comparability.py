"""May these two runs be compared at all? Status, evaluation data, commit.

The data's identity has two witnesses: the digests of the datasets logged in the policy's input context, and a tag.
Either one that differs makes the runs incomparable. One that both sides show and that agrees is enough; only where
neither does is the identity unknown, and then the policy says whether that is a warning or an obstacle.
"""

from __future__ import annotations

from mlaudit.domain.models import RunStatus
from mlaudit.domain.verdict import Check, GatePolicy, GateSide, Outcome

GIT_COMMIT_TAG = "mlflow.source.git.commit"


def check_sides(policy: GatePolicy, candidate: GateSide, baseline: GateSide | None) -> tuple[Check, ...]:
    """The questions that the policy asks of these runs, each with its answer."""
    checks = _check_life("candidate", candidate)
    if baseline is None:
        return tuple(checks)
    checks += _check_life("baseline", baseline)
    witnesses = []
    if policy.dataset_context is not None:
        witnesses.append(_check_datasets(policy.dataset_context, candidate, baseline))
    if policy.dataset_tag is not None:
        witnesses.append(_check_tag("dataset_version", policy.dataset_tag, candidate, baseline))
    checks += witnesses
    if witnesses and all(w.reason.endswith("_unknown") for w in witnesses):
        checks.append(
            _unknown(policy, "data_identity", "identity_unknown", "a side does not say which data it was evaluated on")
        )
    if policy.git_commit == "same":
        commit = _check_tag("git_commit", GIT_COMMIT_TAG, candidate, baseline)
        if commit.reason.endswith("_unknown"):
            commit = _unknown(policy, commit.name, commit.reason, commit.detail)
        checks.append(commit)
    return tuple(checks)


def _check_life(name: str, side: GateSide) -> list[Check]:
    finished = side.status == RunStatus.FINISHED
    checks = [
        Check(
            f"{name}_status",
            Outcome.PASS if finished else Outcome.NOT_COMPARABLE,
            f"the {name} run is {side.status or 'of unknown status'}",
            reason="finished" if finished else f"{name}_not_finished",
        )
    ]
    if side.deleted:
        detail = f"the {name} run was deleted"
        checks.append(Check(f"{name}_deleted", Outcome.NOT_COMPARABLE, detail, reason=f"{name}_deleted"))
    return checks


def _unknown(policy: GatePolicy, name: str, reason: str, detail: str) -> Check:
    """What the policy's ``on_unknown`` makes of an identity that is not known."""
    blocks = policy.on_unknown == "block"
    return Check(name, Outcome.NOT_COMPARABLE if blocks else Outcome.PASS, detail, warning=not blocks, reason=reason)


def _check_datasets(context: str, candidate: GateSide, baseline: GateSide) -> Check:
    """Whether the datasets logged as inputs in ``context`` have the same digests."""
    sides = [[d for d in side.datasets if d.context == context] for side in (candidate, baseline)]
    # A dataset without a digest may be any data.
    known = [bool(s) and all(d.digest for d in s) for s in sides]
    names = [", ".join(sorted({f"{d.name} {d.digest}".strip() for d in s})) or "none logged" for s in sides]
    if not all(known):
        detail = f"{context} data: candidate {names[0]}, baseline {names[1]}"
        return Check("dataset", Outcome.PASS, detail, reason="dataset_unknown")
    if {d.digest for d in sides[0]} == {d.digest for d in sides[1]}:
        return Check("dataset", Outcome.PASS, f"{context} data: {names[0]} on both", reason="dataset_same")
    detail = f"{context} data differ: candidate {names[0]}, baseline {names[1]}"
    return Check("dataset", Outcome.NOT_COMPARABLE, detail, reason="dataset_mismatch")


def _check_tag(name: str, tag: str, candidate: GateSide, baseline: GateSide) -> Check:
    """Whether a tag has the same value on both sides; one that is missing or empty is unknown."""
    c, b = (side.tags.get(tag, "").strip() for side in (candidate, baseline))
    if not c or not b:
        detail = f"tag {tag}: candidate {c or 'has none'}, baseline {b or 'has none'}"
        return Check(name, Outcome.PASS, detail, reason=f"{name}_unknown")
    if c == b:
        return Check(name, Outcome.PASS, f"tag {tag}: {c} on both", reason=f"{name}_same")
    detail = f"tag {tag} differs: candidate {c}, baseline {b}"
    return Check(name, Outcome.NOT_COMPARABLE, detail, reason=f"{name}_mismatch")
