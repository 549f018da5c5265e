"""Over HTTP, with a proxy that drops one answer or one request: no write is ever sent twice, and nothing is silent."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mlaudit.domain.errors import MlauditError, PromotionUnfinished
from mlaudit.gateway.base import Gateway
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.services.recovery import InspectIntents, RecoverIntents, inspect_intents, recover_intents
from mlaudit.services.surroundings import Pace, Surroundings
from tests.bench.contender import open_gateway, policies
from tests.bench.stage import Playground, furnish
from tests.plugins.lossy_proxy import LossyProxy, lossy_proxy

pytestmark = pytest.mark.real
AROUND = replace(Surroundings.real(), sleep=lambda s: time.sleep(min(s, 0.05)))
IMPATIENT = replace(AROUND, pace=Pace(lease=0.2))


@pytest.fixture(scope="module")
def ground(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> Playground:
    return furnish("server", mlflow_server, tmp_path_factory.mktemp("unused"), 2)


@pytest.fixture(scope="module")
def proxy(ground: Playground) -> Iterator[LossyProxy]:
    with lossy_proxy(ground.uri) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(proxy: LossyProxy) -> Gateway:
    return open_gateway(proxy.uri)


def promote(gateway: Gateway, ground: Playground, model: str, proxy: LossyProxy, number: int, done: bool) -> str:
    """What came of it: ``done``, or the error's class."""
    ground.new_model(model, 1)
    rules = policies(model, alias=True)
    plan = plan_promotion(gateway, rules, PlanPromotion(ground.runs[1], model))
    proxy.lose(number, done=done)
    try:
        execute_promotion(gateway, rules, AROUND, ExecutePromotion(plan))
    except MlauditError as error:
        return type(error).__name__
    return "done"


@pytest.mark.parametrize("done", [True, False])
def test_one_answer_or_one_request_is_lost(ground: Playground, proxy: LossyProxy, gateway: Gateway, done: bool) -> None:
    assert promote(gateway, ground, f"none-{done}", proxy, 0, done) == "done"
    total = len(proxy.writes)
    assert total >= 8
    results: dict[str, str] = {}
    for number in range(1, total + 1):
        model = f"lossy-{done}-{number}"
        result = promote(gateway, ground, model, proxy, number, done)
        writes, what = list(proxy.writes), proxy.lost.rpartition("/2.0/")[2]
        proxy.lose(0, done=True)
        assert len(set(writes)) == len(writes), "a write was sent twice"
        results[f"{number} {what[:40]}"] = result
        _look(ground, gateway, model, result)
    if done:
        assert set(results.values()) == {"done"}, results
    else:
        lost = {r for what, r in results.items() if "transition" in what}
        assert lost == {PromotionUnfinished.__name__}, results


def _look(ground: Playground, gateway: Gateway, model: str, result: str) -> None:
    """Whole, or back as it was, or an intent that recovery ends."""
    if ground.intents(model):
        inspection = inspect_intents(gateway, IMPATIENT, InspectIntents(model))
        recover_intents(gateway, AROUND, RecoverIntents(inspection))
    history = ground.history(model)
    promoted = ground.production(model) == ["2"]
    assert promoted or ground.production(model) == ["1"]
    assert promoted or result != "done"
    assert len(history.records) == int(promoted)
    assert (history.problems, history.moved_since, history.unfinished) == ((), (), ())


def test_mlflows_own_client_does_send_it_twice(ground: Playground, proxy: LossyProxy) -> None:
    """Why all this: the same loss, with MLflow's client as it comes."""
    from mlflow import MlflowClient

    ground.new_model("plain", 2)
    kept = os.environ.pop("MLFLOW_HTTP_REQUEST_MAX_RETRIES", None)
    try:
        proxy.lose(1, done=True)
        MlflowClient(proxy.uri, proxy.uri).transition_model_version_stage("plain", "2", "Production", True)
        assert len(proxy.writes) == 2
        assert len(set(proxy.writes)) == 1
    finally:
        if kept is not None:
            os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = kept
