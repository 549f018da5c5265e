"""Promotion: plan, consent, the protocol, read back, record.

The protocol, step by step; W is a write, R a read, and no write is ever sent twice:

* W1 the intent; R nobody else's live one is there, else back off (:mod:`mlaudit.services.lease`)
* R the registry must be as it was planned for; before the intent, and again after a wait for others, the whole plan is
  made anew and must be the same one. Until here nothing but the intent was written, which is deleted again
* the version is registered, where there is none, and the whole record is put among the run's artifacts, where it counts
  for nothing until a tag points at it. So a record cannot be missing when the stage has moved
* W2 the transition, unless too much time has gone by. When its answer is lost the registry is read
* R Production is exactly this version, and the intent still stands; otherwise only this version's stage is put back
* W3 the aliases, read back; W4 the tags that point at the record; W5 the intent is deleted

What ends the process in between leaves the intent, and :mod:`mlaudit.services.recovery` knows from the registry what to
do. Where it is not certain that a transition was *not* done, the intent is left on purpose: nobody else acts before it
counts as dead, and by then the registry has settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import (
    MlauditError,
    ModelNotFound,
    NotConfirmed,
    NothingToRegister,
    PromotionAborted,
    PromotionConflict,
    PromotionUnfinished,
    ReadOnly,
    StalePlan,
    StoreError,
)
from mlaudit.domain.intent import Intent
from mlaudit.domain.models import ModelVersion, Stage
from mlaudit.domain.promotion import PromotionOutcome, PromotionPlan
from mlaudit.gateway.base import Gateway
from mlaudit.services.evidence import Consent, head_of, listing_digest, make_record, point_at, write_record
from mlaudit.services.identity import Actor, identify
from mlaudit.services.lease import Lease, Watch
from mlaudit.services.move import Mover
from mlaudit.services.plan_facts import Decision, registry_facts
from mlaudit.services.promotion_plan import PlanPromotion, PlanRollback, decide_again, plan_promotion, plan_rollback
from mlaudit.services.recovery import settle
from mlaudit.services.requests import Request
from mlaudit.services.surroundings import Surroundings

__all__ = ["ExecutePromotion", "PlanPromotion", "PlanRollback", "execute_promotion", "plan_promotion", "plan_rollback"]


@dataclass(frozen=True, slots=True)
class ExecutePromotion(Request[PromotionOutcome]):
    """Do what the plan says, if the world is still as the plan saw it."""

    plan: PromotionPlan
    reason: str = ""
    """Why, in the words of who acts; recorded. Needed for an override and for a rollback."""
    override: bool = False
    """Do it although the gate does not let it through."""

    # Longer than the wait for somebody else's dead intent.
    deadline: ClassVar[float] = 200.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return f"the {self.plan.event} of {self.plan.model}"


def execute_promotion(
    gateway: Gateway, policies: Policies, surroundings: Surroundings, request: ExecutePromotion
) -> PromotionOutcome:
    """Do what the plan says, and say what is there afterwards.

    Raises ReadOnly, NotConfirmed, StalePlan, PromotionBusy, PromotionAborted, EvidenceError, StoreError when nothing
    was changed; PromotionConflict when somebody else interfered, or a version was registered and no more;
    PromotionUnfinished when part of it was done, or may be, or an intent is left.
    """
    planned = request.plan
    store = gateway.describe()
    if not store.writable:
        raise ReadOnly("promotion", store.read_only_reason or "this store must not be written to")
    with gateway.exclusive():
        decision = decide_again(gateway, policies, planned)
        _require_consent(decision.plan, request)
        return _Promotion(gateway, policies, surroundings, decision, request).run()


def _require_consent(plan: PromotionPlan, request: ExecutePromotion) -> None:
    if not plan.passes and not (request.override and request.reason.strip()):
        raise NotConfirmed(f"not promoted: the verdict is {plan.outcome}; only an override with a reason goes past it")
    if plan.event == "rollback" and not request.reason.strip():
        raise NotConfirmed("not rolled back: a rollback needs a reason")


class _Promotion:
    """One operation under way."""

    def __init__(
        self,
        gateway: Gateway,
        policies: Policies,
        surroundings: Surroundings,
        decision: Decision,
        request: ExecutePromotion,
    ) -> None:
        self._gateway = gateway
        self._policies = policies
        self._around = surroundings
        self._decision = decision
        self._plan = decision.plan
        self._consent = Consent(request.reason.strip(), request.override)
        self._op = surroundings.new_id()
        self._actor: Actor = identify(gateway, surroundings)
        self._warnings: list[str] = []
        intent = self._intent()
        self._lease = Lease(gateway, self._plan.model, self._plan.raw_model, intent, surroundings, Watch(surroundings))

    def run(self) -> PromotionOutcome:
        """See :func:`execute_promotion`."""
        plan = self._plan
        # Slow, and no part of what others wait for.
        comparison = self._decision.comparison
        sides = (comparison.candidate, comparison.baseline) if comparison else ()
        run_ids = {plan.run_id, *(s.run.run_id for s in sides if s is not None)}
        listings = {run_id: listing_digest(self._gateway, run_id) for run_id in run_ids}
        if not plan.observed:
            self._gateway.create_model(plan.raw_model)
        dead = self._lease.take(self._require_unmoved)
        version = plan.version
        try:
            self._settle(dead)
            self._recheck()
            self._lease.require_fresh()
            version = version or self._register()
            record = self._write_record(version, listings)
            self._lease.require_fresh()
        except MlauditError as error:
            self._give_up(error, version)
            raise
        except BaseException:
            self._lease.release()
            raise
        mover = Mover(self._gateway, plan, self._lease, self._around, self._warnings)
        after = mover.move_stage(version, self._decision.versions)
        after = mover.move_aliases(version, after)
        self._point_at(record)
        not_deleted = self._lease.release()
        if not_deleted:
            self._warnings.append(not_deleted)
        return self._outcome(version, after)

    # Before anything moves

    def _give_up(self, error: MlauditError, version: str | None) -> None:
        """Take the intent back; raises what says it where more than that was written, or the intent is left.

        What was settled of others' is said, too.
        """
        model, left = self._plan.model, self._lease.release()
        more = [*self._warnings, *([left] if left else [])]
        why = error.why if isinstance(error, PromotionAborted) else str(error)
        if version != self._plan.version:
            said = "; ".join([why, *more])
            raise PromotionConflict(model, f"version {version} was registered but not promoted: {said}") from error
        if isinstance(error, PromotionUnfinished) and more:
            raise PromotionUnfinished(model, "; ".join([error.what, *more])) from error
        if left:
            raise PromotionUnfinished(model, f"nothing was moved: {'; '.join([why, *more])}") from error
        if isinstance(error, StalePlan) and more:
            raise StalePlan(model, "; ".join([error.what, *more])) from error
        if isinstance(error, PromotionAborted) and more:
            raise PromotionAborted(model, error.seconds, "; ".join(more)) from error

    def _recheck(self) -> None:
        """The plan still holds, now that nobody else can change the registry. Raises StalePlan.

        The verdict was made anew a moment ago, and its many reads are not repeated while others wait, unless this one
        had to wait for them.
        """
        if self._lease.waited:
            self._decision = decide_again(self._gateway, self._policies, self._plan)
            return
        versions = self._versions()
        if registry_facts(versions) != registry_facts(self._decision.versions):
            decide_again(self._gateway, self._policies, self._plan)
            raise StalePlan(self._plan.model, "a version or an alias moved")
        self._decision = replace(self._decision, versions=versions)

    def _require_unmoved(self) -> None:
        """That whoever is ahead has not moved a version meanwhile. Raises StalePlan."""
        if registry_facts(self._versions()) != registry_facts(self._decision.versions):
            decide_again(self._gateway, self._policies, self._plan)

    def _versions(self) -> tuple[ModelVersion, ...]:
        try:
            return self._gateway.list_model_versions(self._plan.raw_model)
        except ModelNotFound:
            return ()

    def _intent(self) -> Intent:
        plan = self._plan
        return Intent(
            op=self._op,
            event=str(plan.event),
            target=str(plan.target),
            aliases=plan.aliases,
            version=plan.version,
            run_id=plan.run_id,
            previous=plan.previous.version if plan.previous else None,
            previous_stage=str(plan.stage_before),
            plan_id=plan.plan_id,
            actor=self._actor.name,
            host=self._around.host,
            time=self._around.time(),
        )

    def _settle(self, dead: dict[str, str]) -> None:
        """End what others left unfinished. Raises PromotionUnfinished where that needs a person."""
        for key, value in dead.items():
            settled = settle(self._gateway, self._plan.raw_model, key, value, self._actor, self._around, self._lease)
            if not settled.done:
                raise PromotionUnfinished(
                    self._plan.model, f"an earlier one left it unclear ({settled.words}); nothing more was changed"
                )
            self._warnings.append(settled.words)

    def _register(self) -> str:
        """Register the run's model; returns the version. Raises StoreError, PromotionConflict if it is not known."""
        plan = self._plan
        if plan.source is None:
            raise NothingToRegister(plan.run_id)
        try:
            return self._gateway.create_version(plan.raw_model, plan.source.source, plan.run_id).version
        except StoreError as error:
            known = {version for version, _, _ in plan.observed}
            try:
                versions = self._gateway.list_model_versions(plan.raw_model)
            except MlauditError:
                raise PromotionConflict(
                    plan.model,
                    f"it is not known whether a version was registered: {error.problem}; nothing was promoted",
                ) from error
            made = [v for v in versions if v.run_id == plan.run_id and v.version not in known]
            if len(made) != 1:
                raise
            self._warnings.append(
                f"the store's answer was lost ({error.problem}); version {made[0].version} was registered"
            )
            return made[0].version

    def _write_record(self, version: str, listings: dict[str, str | None]) -> dict[str, Any]:
        decision = self._decision
        record = make_record(
            self._plan,
            decision.comparison,
            op=self._op,
            version=version,
            actor=self._actor,
            consent=self._consent,
            listings=listings,
            versions=decision.versions,
            head=head_of(self._gateway, self._plan.raw_model, decision.versions),
            surroundings=self._around,
        )
        write_record(self._gateway, record)
        return record

    # After the move

    def _point_at(self, record: dict[str, Any]) -> None:
        try:
            point_at(self._gateway, self._plan.raw_model, record)
        except MlauditError as error:  # of any kind: the version may have been deleted meanwhile
            raise PromotionUnfinished(
                self._plan.model,
                f"version {record['version']} is moved, and its record is not in the history yet: {error}",
            ) from error

    def _outcome(self, version: str, after: Sequence[ModelVersion]) -> PromotionOutcome:
        plan = self._plan
        left = {number for number, stage, _ in plan.observed if stage == Stage.PRODUCTION} - {version}
        return PromotionOutcome(
            model=plan.model,
            version=next(v for v in after if v.version == version),
            registered=plan.version is None,
            archived=tuple(v for v in after if v.version in left and v.stage is Stage.ARCHIVED),
            warnings=tuple(self._warnings),
            target=str(plan.target),
            aliases=plan.aliases,
            record_id=self._op,
        )
