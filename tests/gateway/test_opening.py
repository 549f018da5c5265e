"""Services open their store once, at the first request, whichever thread asks."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlaudit.config.settings import Settings
from mlaudit.domain.errors import NotAStore, StoreUnavailable
from mlaudit.gateway.base import Gateway
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.experiments import ListExperiments
from mlaudit.services.runs import SearchRuns
from mlaudit.wiring import Services, open_store


def test_opened_once_for_many_threads() -> None:
    opened: list[int] = []
    together = threading.Barrier(8)

    def slowly() -> Gateway:
        opened.append(1)
        time.sleep(0.05)
        return MemoryGateway()

    services = Services(Settings(), open_gateway=slowly)

    def ask(_: int) -> Gateway:
        together.wait()
        return services.gateway

    with ThreadPoolExecutor(8) as pool:
        gateways = set(map(id, pool.map(ask, range(8))))
    assert len(opened) == 1
    assert len(gateways) == 1


def test_a_failure_is_not_kept() -> None:
    """A server that comes back is found by the next request."""
    attempts = iter((StoreUnavailable("http://h", "down"), None))

    def attempt() -> Gateway:
        error = next(attempts)
        if error is not None:
            raise error
        return MemoryGateway()

    services = Services(Settings(), open_gateway=attempt)
    with pytest.raises(StoreUnavailable):
        services.handle(ListExperiments())
    assert services.handle(ListExperiments()).experiments == ()


def test_settings_name_the_store(tmp_path: Path) -> None:
    with pytest.raises(NotAStore):
        open_store(Settings(tracking_uri=str(tmp_path)))


def test_sample_store(sample_services: Services) -> None:
    """The store that the tests of all rooms use is the same each time and has what it says."""
    from tests.plugins.sample_store import SAMPLE, build_sample_gateway

    experiments = sample_services.handle(ListExperiments()).experiments
    assert len(experiments) == 3
    fraud = next(e for e in experiments if e.name == "fraud-detector")
    page = sample_services.handle(SearchRuns((fraud.experiment_id,)))
    assert {r.run_id for r in page.runs} == {
        run_id for nickname, run_id in SAMPLE.items() if nickname not in {"churn", "deleted"}
    }
    again = build_sample_gateway().search_runs([fraud.experiment_id])
    assert [(r.run_id, r.start_time, r.params) for r in again.runs] == [
        (r.run_id, r.start_time, r.params) for r in page.runs
    ]
    hostile = next(r for r in page.runs if r.run_id == SAMPLE["hostile"])
    assert hostile.name.isprintable()
    assert hostile.raw_keys
