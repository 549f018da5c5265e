"""Any order of promotions, races, crashes, recoveries, rollbacks and moves behind mlaudit's back.

Whatever happens: mlaudit never leaves two versions in Production, every stage that it moved has a record, the chain of
records holds, and what moved without a record is shown.
"""

from __future__ import annotations

import contextlib
import itertools

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import MlauditError, PromotionConflict, StoreLocked, StoreUnavailable
from mlaudit.domain.gate import GatePolicy
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.audit_trail import read_history
from mlaudit.services.promote import (
    ExecutePromotion,
    PlanPromotion,
    PlanRollback,
    execute_promotion,
    plan_promotion,
    plan_rollback,
)
from mlaudit.services.recovery import InspectIntents, RecoverIntents, inspect_intents, recover_intents
from tests.plugins.fake_world import FakeClock, fake_surroundings
from tests.services.test_recovery import Killed, Mortal

MODEL = "m"
BOTH = Policies(
    "p",
    "0" * 64,
    {MODEL: GatePolicy(model=MODEL, baselines=("stage:Production", "alias:champion"), first_promotion="allow")},
)
TARGETS = (
    "Production",
    "Production",
    "Production",
    "Staging",
    "Archived",
    "alias:champion",
    "alias:other",
    "unalias:other",
)


class Registry(RuleBasedStateMachine):
    """One model, in memory, and all that can happen to it."""

    @initialize()
    def begin(self) -> None:
        self.store = MemoryGateway()
        self.experiment = self.store.add_experiment("e")
        self.losses = itertools.count(1)
        self.moved_behind = 0
        self.store.add_version(MODEL, self._run(), stage=Stage.PRODUCTION, aliases=("champion",))

    def _run(self) -> str:
        """A run that is better than all before it."""
        return self.store.add_run(self.experiment, metrics={"val_loss": 1.0 / next(self.losses)})

    def _versions(self) -> list[str]:
        return [v.version for v in self.store.list_model_versions(MODEL)]

    def _plan(self, number: int, to: str, new: bool) -> ExecutePromotion | None:
        versions = self._versions()
        subject = self._run() if new and to != "Archived" else f"models:/{MODEL}/{versions[number % len(versions)]}"
        try:
            plan = plan_promotion(self.store, BOTH, PlanPromotion(subject, MODEL, to))
        except MlauditError:
            return None
        return ExecutePromotion(plan, "why", override=not plan.passes)

    @rule(number=st.integers(0, 9), to=st.sampled_from(TARGETS), new=st.booleans())
    def promote(self, number: int, to: str, new: bool) -> None:
        request = self._plan(number, to, new)
        if request is None:
            return
        try:
            outcome = execute_promotion(self.store, BOTH, fake_surroundings(), request)
        except MlauditError:
            return
        assert outcome.record_id == read_history(self.store, MODEL).records[-1].record_id

    @rule(
        number=st.integers(0, 9),
        at=st.integers(1, 9),
        after=st.booleans(),
        to=st.sampled_from(TARGETS),
        new=st.booleans(),
    )
    def crash(self, number: int, at: int, after: bool, to: str, new: bool) -> None:
        request = self._plan(number, to, new)
        if request is None:
            return
        mortal = Mortal(self.store, at, after)
        with contextlib.suppress(Killed, MlauditError):
            execute_promotion(mortal, BOTH, fake_surroundings(), request)  # type: ignore[arg-type]

    @rule(
        number=st.integers(0, 9),
        to=st.sampled_from(TARGETS),
        method=st.sampled_from(["transition", "set_model_tag", "set_alias", "set_version_tag", "write_artifact"]),
        how=st.sampled_from(["lost", "down", "locked"]),
    )
    def fault(self, number: int, to: str, method: str, how: str) -> None:
        """The first call of a write fails: done and its answer lost, not done, or refused."""
        request = self._plan(number, to, True)
        if request is None:
            return
        error = StoreLocked("m", "locked") if how == "locked" else StoreUnavailable("m", "reset")
        left = iter([error])

        def once(called: str) -> StoreUnavailable | StoreLocked | None:
            return next(left, None) if called == method else None

        if how == "lost":
            self.store.lose = once
        else:
            self.store.fail = once
        before = len(self.store.writes)
        try:
            execute_promotion(self.store, BOTH, fake_surroundings(), request)
        except MlauditError:
            pass
        finally:
            self.store.fail = self.store.lose = lambda _m: None
        written = [w for w in self.store.writes[before:] if not w.endswith("mlaudit.head")]
        assert len(set(written)) == len(written), "no write was repeated"

    @rule(first=st.integers(0, 9), second=st.integers(0, 9), to=st.sampled_from(TARGETS), moment=st.integers(1, 40))
    def race(self, first: int, second: int, to: str, moment: int) -> None:
        """Both are planned; at some moment of the one, the other does all of it. At most one of them wins."""
        one, two = self._plan(first, "Production", True), self._plan(second, to, True)
        if one is None or two is None:
            return
        calls, done, clock = itertools.count(1), [], FakeClock()
        winners: list[str] = []
        told: list[str] = []

        def act(request: ExecutePromotion, user: str) -> None:
            try:
                execute_promotion(self.store, BOTH, fake_surroundings(clock, user=user), request)
            except PromotionConflict as conflict:
                # It stood still for more than the lease between its last look at the clock and its transition, and was
                # taken for dead: that nobody can prevent, and it is told and shown. A version that it registered and
                # then did not promote is told, too, and there is no more to it.
                if "was registered but not promoted" not in str(conflict):
                    told.append(str(conflict))
            except MlauditError:
                pass
            else:
                winners.append(user)

        def interrupt(_method: str) -> None:
            if not done and next(calls) == moment:
                done.append(True)
                act(two, "eve")

        self.store.fail = interrupt
        act(one, "ada")
        self.store.fail = lambda _m: None
        assert len(winners) <= 1
        for conflict in told:
            assert "took this promotion for dead" in conflict
            assert read_history(self.store, MODEL).moved_since
            self.moved_behind += 1

    @rule()
    def roll_back(self) -> None:
        try:
            plan = plan_rollback(self.store, PlanRollback(MODEL))
            execute_promotion(self.store, BOTH, fake_surroundings(), ExecutePromotion(plan, "bad"))
        except MlauditError:
            pass

    @rule(delete=st.booleans())
    def recover(self, delete: bool) -> None:
        around = fake_surroundings(user="grace")
        inspection = inspect_intents(self.store, around, InspectIntents(MODEL))
        try:
            recover_intents(self.store, around, RecoverIntents(inspection, delete))
        except MlauditError:
            assert not delete
            return
        assert read_history(self.store, MODEL).unfinished == ()

    @precondition(lambda self: not read_history(self.store, MODEL).unfinished)
    @rule(number=st.integers(0, 9), stage=st.sampled_from(list(Stage)))
    def move_behind_its_back(self, number: int, stage: Stage) -> None:
        """Archiving others, so that two in Production are nobody's doing but mlaudit's."""
        versions = self._versions()
        version = versions[number % len(versions)]
        before = {v.version: v.stage for v in self.store.list_model_versions(MODEL)}
        history = read_history(self.store, MODEL)
        self.store.transition(MODEL, version, stage, archive_existing=stage is Stage.PRODUCTION)
        self.moved_behind += 1
        if before[version] is not stage and history.records and not history.moved_since:
            moved = read_history(self.store, MODEL).moved_since
            assert f"version {version} went from {before[version]} to {stage}" in moved

    @invariant()
    def at_most_one_in_production(self) -> None:
        production = [v for v in self.store.list_model_versions(MODEL) if v.stage is Stage.PRODUCTION]
        assert len(production) <= 1

    @invariant()
    def the_chain_holds(self) -> None:
        history = read_history(self.store, MODEL)
        assert history.problems == ()
        assert [r.seq for r in history.records] == list(range(1, len(history.records) + 1))

    @invariant()
    def what_is_not_recorded_is_shown(self) -> None:
        """With nothing unfinished, and nobody else at it, the registry is as the last record left it."""
        history = read_history(self.store, MODEL)
        if not history.unfinished and not self.moved_behind:
            assert history.moved_since == ()


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(
    max_examples=60, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
