"""Several promote at once: exactly one version in Production, exactly one winner, and the losers are told why."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import MlauditError, PromotionAborted, PromotionBusy, StalePlan
from mlaudit.domain.intent import Intent
from mlaudit.domain.models import ModelVersion, Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.audit_trail import read_history
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.services.surroundings import Pace, Surroundings
from tests.bench.races import Score, race
from tests.bench.stage import Playground, contenders, furnish
from tests.plugins.fake_world import FakeClock, fake_surroundings

NONE = Policies()
MODEL = "m"


class RacyGateway(MemoryGateway):
    """Its transition looks who is there, and archives those a moment later: as MLflow's does on a database."""

    def transition(self, model: str, version: str, stage: Stage, *, archive_existing: bool) -> ModelVersion:
        there = [v.version for v in self.list_model_versions(model) if v.stage is stage and v.version != version]
        time.sleep(0.003)
        with self._lock:
            moved = super().transition(model, version, stage, archive_existing=False)
            for other in there if archive_existing else []:
                super().transition(model, other, Stage.ARCHIVED, archive_existing=False)
        return moved


def store_with(candidates: int) -> MemoryGateway:
    """Version 1 in Production, and so many candidates that pass."""
    store = RacyGateway()
    experiment = store.add_experiment("e")
    store.add_version(MODEL, store.add_run(experiment, metrics={"val_loss": 0.5}), stage=Stage.PRODUCTION)
    for _ in range(candidates):
        store.add_version(MODEL, store.add_run(experiment, metrics={"val_loss": 0.49}))
    return store


def planned(store: MemoryGateway, version: str) -> ExecutePromotion:
    return ExecutePromotion(plan_promotion(store, NONE, PlanPromotion(f"models:/{MODEL}/{version}")))


def production(store: MemoryGateway) -> list[str]:
    return [v.version for v in store.list_model_versions(MODEL) if v.stage is Stage.PRODUCTION]


def test_the_store_is_one_that_races_spoil() -> None:
    """Without the protocol, of eight that promote at once several stay in Production."""
    store = store_with(8)
    together = threading.Barrier(8)

    def contend(version: str) -> None:
        together.wait(10)
        store.transition(MODEL, version, Stage.PRODUCTION, archive_existing=True)

    threads = [threading.Thread(target=contend, args=(str(2 + n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(production(store)) > 1


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("trial", range(4))
def test_threads_on_one_store(count: int, trial: int) -> None:
    store = store_with(count)
    requests = [planned(store, str(2 + n)) for n in range(count)]
    around = replace(Surroundings.real(), pace=Pace(first_wait=0.005, longest_wait=0.1))
    winners: list[str] = []
    losers: list[MlauditError] = []
    together = threading.Barrier(count)

    def contend(request: ExecutePromotion) -> None:
        together.wait(10)
        try:
            winners.append(execute_promotion(store, NONE, around, request).version.version)
        except MlauditError as error:
            losers.append(error)

    threads = [threading.Thread(target=contend, args=(r,)) for r in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert production(store) == winners
    assert len(winners) == 1
    assert len(losers) == count - 1
    assert all(isinstance(e, StalePlan | PromotionBusy) for e in losers), losers
    assert all("nothing was changed" in str(e) for e in losers)
    assert sum(w.startswith("transition") and w.endswith("Production") for w in store.writes) == 1
    history = read_history(store, MODEL)
    assert (len(history.records), history.problems, history.moved_since, history.unfinished) == (1, (), (), ())


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Playground:
    root = tmp_path_factory.mktemp("races")
    shutil.copy(sqlite_template, root / "mlflow.db")
    return furnish("sqlite", f"sqlite:///{root / 'mlflow.db'}", root / "artifacts", 9)


@pytest.mark.real
@pytest.mark.parametrize(("count", "trials"), [(2, 2), (8, 1)])
def test_processes_on_sqlite(ground: Playground, count: int, trials: int) -> None:
    score = Score()
    with contenders(ground.uri, count) as them:
        for trial in range(trials):
            race(ground, them, f"race-{count}-{trial}", score)
    assert score.oddities == []
    assert (score.one_production, score.one_winner, score.clean) == (trials, trials, trials)
    assert set(score.losers) <= {"StalePlan", "PromotionBusy"}


class TestLease:
    """Who waits, for how long, and when no longer."""

    def other(self, **changed: object) -> Intent:
        intent = Intent("other", "promotion", "Production", (), "3", "r", "1", "None", "p", "eve", "far", "2026")
        return replace(intent, **changed)  # type: ignore[arg-type]

    def test_somebody_who_works_on_is_waited_for_and_then_it_is_busy(self) -> None:
        store, clock = store_with(2), FakeClock()
        request = planned(store, "2")
        busy = iter(range(10_000))
        clock.on_sleep = lambda: store.set_model_tag(
            MODEL, "mlaudit.intent.other", self.other(time=str(next(busy))).text()
        )
        clock.on_sleep()
        with pytest.raises(PromotionBusy, match="by eve on far"):
            execute_promotion(store, NONE, fake_surroundings(clock), request)
        assert clock.seconds >= Pace().patience
        assert production(store) == ["1"]
        assert list(store.model_tags(MODEL)) == ["mlaudit.intent.other"]

    def test_two_that_see_each_other_both_go_back_and_one_gets_through(self) -> None:
        """The other's intent comes between our write and our look, and is gone when we look again."""
        store, clock = store_with(2), FakeClock()
        request = planned(store, "2")
        real, times = store.set_model_tag, iter([True, True, False, False, False])

        def meet(model: str, key: str, value: str) -> None:
            real(model, key, value)
            if key.startswith("mlaudit.intent.") and next(times, False):
                real(model, "mlaudit.intent.other", self.other().text())

        store.set_model_tag = meet  # type: ignore[method-assign]
        clock.on_sleep = lambda: store.delete_model_tag(MODEL, "mlaudit.intent.other")
        execute_promotion(store, NONE, fake_surroundings(clock), request)
        ours = [w for w in store.writes if "mlaudit.intent." in w and "other" not in w]
        assert [w.split()[0] for w in ours] == ["set_model_tag", "delete_model_tag"] * 3
        assert (production(store), clock.seconds > 0) == (["2"], True)

    def test_the_tries_are_bounded(self) -> None:
        store, clock = store_with(2), FakeClock()
        request = planned(store, "2")
        real = store.set_model_tag

        def meet(model: str, key: str, value: str) -> None:
            real(model, key, value)
            if "other" not in key:
                real(model, "mlaudit.intent.other", self.other(time=str(len(store.writes))).text())

        store.set_model_tag = meet  # type: ignore[method-assign]
        clock.on_sleep = lambda: store.delete_model_tag(MODEL, "mlaudit.intent.other")
        pace = Pace(tries=4, patience=10_000)
        with pytest.raises(PromotionBusy):
            execute_promotion(store, NONE, fake_surroundings(clock, pace=pace), request)
        assert sum(w.startswith("set_model_tag") and "other" not in w for w in store.writes) == 4
        assert production(store) == ["1"]

    def test_a_loser_is_told_as_soon_as_the_winner_has_moved(self) -> None:
        store, clock = store_with(2), FakeClock()
        request = planned(store, "2")
        store.set_model_tag(MODEL, "mlaudit.intent.other", self.other().text())
        clock.on_sleep = lambda: store.transition(MODEL, "3", Stage.PRODUCTION, archive_existing=True)
        with pytest.raises(StalePlan, match="went from"):
            execute_promotion(store, NONE, fake_surroundings(clock), request)
        assert clock.seconds < 1
        assert not any(f"intent.{n}" in w for w in store.writes for n in "0123456789"), "its own was never written"

    @pytest.mark.parametrize(("slow", "given_up"), [(29.0, False), (31.0, True)])
    def test_ones_own_slowness(self, slow: float, given_up: bool) -> None:
        """Half the lease went by between the intent and the transition."""
        store, clock = store_with(1), FakeClock()
        request = planned(store, "2")
        real = store.write_artifact

        def slowly(*args: str) -> None:
            real(*args)
            clock.seconds += slow

        store.write_artifact = slowly  # type: ignore[method-assign]
        around = fake_surroundings(clock)
        if given_up:
            with pytest.raises(PromotionAborted, match="nothing was changed"):
                execute_promotion(store, NONE, around, request)
        else:
            execute_promotion(store, NONE, around, request)
        assert production(store) == (["1"] if given_up else ["2"])
        assert not any(t.startswith("mlaudit.intent.") for t in store.model_tags(MODEL))
