"""A promotion that is killed at any step is ended by the next one, by recover, or shown to a person; never silent."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import (
    ModelNotFound,
    NotConfirmed,
    PromotionAborted,
    PromotionUnfinished,
    ReadOnly,
    StalePlan,
    StoreLocked,
)
from mlaudit.domain.evidence import canonical, seal
from mlaudit.domain.gate import GatePolicy
from mlaudit.domain.intent import Intent
from mlaudit.domain.models import Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.audit_trail import read_history
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.services.recovery import InspectIntents, RecoverIntents, inspect_intents, recover_intents
from mlaudit.services.surroundings import Pace
from tests.bench.contender import WRITES
from tests.bench.kills import Tally, kill_at_write
from tests.bench.stage import Playground, contenders, furnish
from tests.plugins.fake_world import FakeClock, fake_surroundings

MODEL = "m"
BOTH = Policies("p", "0" * 64, {MODEL: GatePolicy(model=MODEL, baselines=("stage:Production", "alias:champion"))})


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A process's way to a store, which it is killed on at its n-th write, before or after it."""

    def __init__(self, store: MemoryGateway, number: int, after: bool) -> None:
        self._store, self._left, self._after, self._dead = store, number, after, False

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if not callable(real):
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._dead:
                raise Killed
            self._left -= name in WRITES
            self._dead = name in WRITES and self._left == 0
            if self._dead and not self._after:
                raise Killed
            answer = real(*args, **kwargs)
            if self._dead:
                raise Killed
            return answer

        return call


def store_with_candidate(registered: bool = True) -> tuple[MemoryGateway, str]:
    store = MemoryGateway()
    experiment = store.add_experiment("e")
    old = store.add_run(experiment, metrics={"val_loss": 0.5})
    store.add_version(MODEL, old, stage=Stage.PRODUCTION, aliases=("champion",))
    new = store.add_run(experiment, metrics={"val_loss": 0.49})
    if registered:
        store.add_version(MODEL, new, stage=Stage.STAGING)
    return store, new


def kill(store: MemoryGateway, run_id: str, number: int, after: bool) -> bool:
    """Whether the promotion was killed at that write; False: it has fewer."""
    plan = plan_promotion(store, BOTH, PlanPromotion(run_id, MODEL))
    try:
        execute_promotion(Mortal(store, number, after), BOTH, fake_surroundings(), ExecutePromotion(plan))  # type: ignore[arg-type]
    except Killed:
        return True
    return False


def stages(store: MemoryGateway) -> dict[str, str]:
    return {v.version: str(v.stage) for v in store.list_model_versions(MODEL)}


def intents(store: MemoryGateway) -> list[str]:
    return [t for t in store.model_tags(MODEL) if t.startswith("mlaudit.intent.")]


def recover(store: MemoryGateway, *, delete_unclear: bool = False, clock: FakeClock | None = None) -> tuple[str, ...]:
    around = fake_surroundings(clock, user="grace", host="other")
    inspection = inspect_intents(store, around, InspectIntents(MODEL))
    settled = recover_intents(store, around, RecoverIntents(inspection, delete_unclear))
    return tuple(s.words for s in settled)


def assert_whole(store: MemoryGateway, was_promoted: bool) -> None:
    """Either all of the promotion was done or nothing, and the history says which."""
    by_version = {v.version: v for v in store.list_model_versions(MODEL)}
    there = [v for v, s in stages(store).items() if s == "Production"]
    assert there == (["2"] if was_promoted else ["1"])
    assert "champion" in by_version[there[0]].aliases
    history = read_history(store, MODEL)
    assert (len(history.records), history.problems, history.moved_since) == (int(was_promoted), (), ())
    assert intents(store) == []


WRITE_NUMBERS = range(1, 9)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", WRITE_NUMBERS)
@pytest.mark.parametrize("registered", [True, False])
def test_killed_at_every_write_then_recovered(registered: bool, number: int, after: bool) -> None:
    store, run_id = store_with_candidate(registered)
    if not kill(store, run_id, number, after):
        assert registered
        assert number == WRITE_NUMBERS[-1], "with a version there already there is one write less"
        return
    moved = stages(store).get("2") == "Production"
    was_there = bool(intents(store))
    words = recover(store)
    assert len(words) == int(was_there)
    assert_whole(store, moved)
    assert recover(store) == (), "there is nothing more to do"


@pytest.mark.parametrize("number", WRITE_NUMBERS[:-1])
def test_killed_at_every_write_then_promoted_anew(number: int) -> None:
    """The next promotion outwaits the dead one and ends it first."""
    store, run_id = store_with_candidate()
    assert kill(store, run_id, number, after=True)
    moved = stages(store)["2"] == "Production"
    better = store.add_run("1", metrics={"val_loss": 0.4})
    clock = FakeClock()
    plan = plan_promotion(store, BOTH, PlanPromotion(better, MODEL))
    if intents(store):
        assert any("unfinished" in w for w in plan.warnings)
    try:
        execute_promotion(store, BOTH, fake_surroundings(clock), ExecutePromotion(plan))
    except StalePlan:  # settling moved the alias, which the plan did not know
        plan = plan_promotion(store, BOTH, PlanPromotion(better, MODEL))
        execute_promotion(store, BOTH, fake_surroundings(clock), ExecutePromotion(plan))
    history = read_history(store, MODEL)
    assert [r.version for r in history.records] == (["2", "3"] if moved else ["3"])
    assert (history.problems, history.moved_since, history.unfinished) == ((), (), ())
    assert stages(store)["3"] == "Production"


def test_it_is_watched_for_the_lease_time_and_what_changes_is_alive() -> None:
    store, run_id = store_with_candidate()
    assert kill(store, run_id, 1, after=True)
    clock = FakeClock()
    around = fake_surroundings(clock)
    inspection = inspect_intents(store, around, InspectIntents(MODEL))
    assert clock.seconds >= around.pace.lease
    assert [d.decision for d in inspection.dead] == ["delete the intent"]
    assert "in Production: 1, as before" in inspection.dead[0].found
    key = intents(store)[0]
    clock.on_sleep = lambda: store.set_model_tag(MODEL, key, store.model_tags(MODEL)[key] + " ")
    inspection = inspect_intents(store, around, InspectIntents(MODEL))
    assert (inspection.dead, len(inspection.alive)) == ((), 1)


def test_without_intents_nothing_is_waited_for_or_written() -> None:
    store, _ = store_with_candidate()
    clock = FakeClock()
    assert recover(store, clock=clock) == ()
    assert (clock.seconds, store.writes) == (0, [])
    with pytest.raises(ModelNotFound):
        inspect_intents(store, fake_surroundings(), InspectIntents("nobody"))


def test_what_went_away_between_inspection_and_recovery_is_left_alone() -> None:
    store, run_id = store_with_candidate()
    assert kill(store, run_id, 1, after=True)
    around = fake_surroundings()
    inspection = inspect_intents(store, around, InspectIntents(MODEL))
    store.delete_model_tag(MODEL, intents(store)[0])
    settled = recover_intents(store, around, RecoverIntents(inspection))
    assert ["gone or changed" in s.words for s in settled] == [True]


def mess(store: MemoryGateway) -> None:
    """Somebody who bypasses mlaudit puts a third version into Production."""
    store.add_version(MODEL, store.add_run("1"), stage=Stage.PRODUCTION)


def unreadable(store: MemoryGateway) -> None:
    store.set_model_tag(MODEL, intents(store)[0], "not json \x1b[2J")


def no_record(store: MemoryGateway) -> None:
    for run in store._runs.values():
        run.artifacts.pop(next((p for p in run.artifacts if p.startswith("mlaudit/")), ""), None)


@pytest.mark.parametrize(("spoil", "number"), [(mess, 3), (unreadable, 3), (no_record, 3)])
def test_what_cannot_be_told_is_shown_and_asked(spoil: Callable[[MemoryGateway], None], number: int) -> None:
    store, run_id = store_with_candidate()
    assert kill(store, run_id, number, after=True)
    spoil(store)
    before = stages(store)
    with pytest.raises(NotConfirmed, match="not recovered") as caught:
        recover(store)
    assert "\x1b" not in str(caught.value)
    assert (len(intents(store)), stages(store)) == (1, before)
    if spoil is not mess:
        plan = plan_promotion(store, Policies(), PlanPromotion(store.add_run("1", metrics={"val_loss": 0.4}), MODEL))
        with pytest.raises(PromotionUnfinished, match="an earlier one left it unclear"):
            execute_promotion(store, Policies(), fake_surroundings(), ExecutePromotion(plan))
    recover(store, delete_unclear=True)
    assert (intents(store), stages(store)) == ([], before if spoil is mess else stages(store))


class Slow:
    """A way to a store on which one method takes long, when it is called for the n-th time."""

    def __init__(self, store: MemoryGateway, clock: FakeClock, method: str, number: int = 1) -> None:
        self._store, self._clock, self._method, self._left = store, clock, method, number

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._left -= 1
            self._clock.seconds += 40.0 if self._left == 0 else 0.0
        return getattr(self._store, name)


@pytest.mark.parametrize("slow", ["list_model_versions", "read_artifact"])
def test_a_recovery_that_others_may_take_for_dead_writes_nothing(slow: str) -> None:
    store, run_id = store_with_candidate()
    assert kill(store, run_id, 3, after=True)
    clock = FakeClock()
    around = fake_surroundings(clock)
    inspection = inspect_intents(store, around, InspectIntents(MODEL))
    store.writes.clear()
    with pytest.raises(PromotionAborted, match="nothing was changed"):
        recover_intents(Slow(store, clock, slow), around, RecoverIntents(inspection))  # type: ignore[arg-type]
    assert {w.split()[0] for w in store.writes} == {"set_model_tag", "delete_model_tag"}, "its own intent"
    assert len(intents(store)) == 1


def test_a_promotion_that_is_too_slow_says_what_it_settled_of_others() -> None:
    store, run_id = store_with_candidate()
    assert kill(store, run_id, 3, after=True)
    plan = plan_promotion(store, Policies(), PlanPromotion(store.add_run("1", metrics={"val_loss": 0.4}), MODEL))
    clock = FakeClock()
    slow = Slow(store, clock, "set_version_tag")
    with pytest.raises((PromotionAborted, StalePlan), match="in place for promotion of version 2") as caught:
        execute_promotion(slow, Policies(), fake_surroundings(clock), ExecutePromotion(plan))  # type: ignore[arg-type]
    assert "nothing was moved" not in str(caught.value)


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"id": "other"},
        {"plan_id": "f" * 64},
        {"version": "1"},
        {"version": "99"},
        {"event": "move"},
    ],
    ids=str,
)
def test_a_record_that_is_not_the_intents_own_moves_no_alias(change: dict[str, str], registered: bool) -> None:
    """Whole and sealed, but of something else."""
    store, run_id = store_with_candidate(registered)
    assert kill(store, run_id, 3 if registered else 4, after=True)
    artifacts = store._runs[run_id].artifacts
    (path,) = (p for p in artifacts if p.startswith("mlaudit/"))
    artifacts[path] = canonical(seal({**json.loads(artifacts[path]), **change})).encode()
    store.writes.clear()
    with pytest.raises(NotConfirmed, match="its record is about"):
        recover(store)
    assert {w.split()[0] for w in store.writes} == {"set_model_tag", "delete_model_tag"}, "its own intent"
    assert len(intents(store)) == 1


def test_what_was_settled_is_said_beside_what_was_not() -> None:
    store, run_id = store_with_candidate()
    assert kill(store, run_id, 1, after=True)
    store.set_model_tag(MODEL, "mlaudit.intent.zzz", "not json")
    with pytest.raises(NotConfirmed, match=r"not recovered: an intent that cannot be read.*the others: deleted"):
        recover(store)
    assert intents(store) == ["mlaudit.intent.zzz"]


def test_a_recovery_whose_own_intent_stays_says_so() -> None:
    store, run_id = store_with_candidate()
    assert kill(store, run_id, 1, after=True)
    around = fake_surroundings()
    inspection = inspect_intents(store, around, InspectIntents(MODEL))
    deleted: list[str] = []

    def locked(method: str) -> StoreLocked | None:
        deleted.extend([method] if method == "delete_model_tag" else [])
        return StoreLocked("memory://", "locked") if len(deleted) > 1 else None

    store.fail = locked
    settled = recover_intents(store, around, RecoverIntents(inspection))
    assert [s.done for s in settled] == [True, False]
    assert "could not be deleted" in settled[-1].words


def test_a_killed_recovery_is_recovered() -> None:
    for number in range(1, 7):
        store, run_id = store_with_candidate()
        assert kill(store, run_id, 3, after=True)
        around = fake_surroundings()
        inspection = inspect_intents(store, around, InspectIntents(MODEL))
        with contextlib.suppress(Killed):
            recover_intents(Mortal(store, number, True), around, RecoverIntents(inspection))  # type: ignore[arg-type]
        recover(store)
        assert_whole(store, was_promoted=True)


@pytest.mark.parametrize("number", [5, 6])
def test_an_alias_that_was_moved_after_the_record_was_there_stays_where_it_is(number: int) -> None:
    """Killed between the version's tag and the head, or after the head; then somebody decided anew."""
    store, run_id = store_with_candidate()
    assert kill(store, run_id, number, after=True)
    assert any(t.startswith("mlaudit.evidence.") for v in store.list_model_versions(MODEL) for t in v.tags)
    store.set_alias(MODEL, "champion", "1")
    recover(store)
    history = read_history(store, MODEL)
    assert (history.problems, history.moved_since) == ((), ("alias champion went from version 2 to version 1",))
    assert intents(store) == []


@pytest.mark.parametrize("to", ["Staging", "Archived", "alias:champion"])
@pytest.mark.parametrize("number", range(1, 8))
def test_other_targets_too(to: str, number: int) -> None:
    store = MemoryGateway()
    experiment = store.add_experiment("e")
    store.add_version(
        MODEL, store.add_run(experiment, metrics={"a": 1.0}), stage=Stage.PRODUCTION, aliases=("champion",)
    )
    run_id = store.add_run(experiment, metrics={"val_loss": 0.5})
    store.add_version(MODEL, run_id)
    plan = plan_promotion(store, Policies(), PlanPromotion(f"models:/{MODEL}/2", None, to))
    request = ExecutePromotion(plan, "why", override=True)
    try:
        execute_promotion(Mortal(store, number, True), Policies(), fake_surroundings(), request)  # type: ignore[arg-type]
    except Killed:
        recover(store)
    now = next(v for v in store.list_model_versions(MODEL) if v.version == "2")
    done = "champion" in now.aliases if to.startswith("alias") else now.stage == to
    history = read_history(store, MODEL)
    assert (len(history.records), history.problems, history.moved_since, intents(store)) == (int(done), (), (), [])


def test_a_store_that_must_not_be_written() -> None:
    store, run_id = store_with_candidate()
    assert kill(store, run_id, 1, after=True)
    inspection = inspect_intents(store, fake_surroundings(), InspectIntents(MODEL))
    store._info = MemoryGateway(writable=False).describe()
    with pytest.raises(ReadOnly):
        recover_intents(store, fake_surroundings(), RecoverIntents(inspection))


def test_an_intent_says_who_where_since_when_and_is_clean() -> None:
    intent = Intent("op", "promotion", "Production", (), None, "r" * 32, "1", "None", "p", "e\x1bve", "box", "2026")
    parsed = Intent.parse(intent.key, intent.text())
    assert parsed is not None
    assert parsed.words == "promotion of a new version of run rrrrrrrrrrrr to Production by e␛ve on box since 2026"
    assert Intent.parse("mlaudit.intent.x", "[]") is None
    assert '"aliases":[]' in intent.text()
    assert Intent.parse(intent.key, intent.text().replace('"aliases":[]', '"aliases":"champion"')) is None


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Playground:
    root = tmp_path_factory.mktemp("kills")
    shutil.copy(sqlite_template, root / "mlflow.db")
    return furnish("sqlite", f"sqlite:///{root / 'mlflow.db'}", root / "artifacts", 3)


@pytest.mark.real
def test_sigkill_at_every_write_on_sqlite(ground: Playground) -> None:
    """Real processes, really killed."""
    tally = Tally()
    with contenders(ground.uri, 1) as (zygote,):
        kill_at_write(ground, zygote, "before-1", 1, False, tally, Pace(lease=0.2))
        for number in range(1, 10):
            kill_at_write(ground, zygote, f"after-{number}", number, True, tally, Pace(lease=0.2))
    assert tally.silent == []
    assert (tally.kills, tally.lived) == (9, 1), "it has eight writes"
    assert (tally.nothing_left, tally.cleared, tally.rolled_forward, tally.asked) == (2, 3, 4, 0)
