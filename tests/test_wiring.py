"""The services open the store once, and a failure costs nobody who waited for it a second one."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from pathlib import Path

import pytest

import mlaudit.services
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import MlauditError, StoreUnavailable
from mlaudit.gateway.base import Gateway
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.experiments import ListExperiments
from mlaudit.services.requests import Request
from mlaudit.wiring import Services, _answers_for, training_environment


def test_who_waits_for_a_hanging_store_shares_its_failure() -> None:
    """The screen's first request comes while the store is being opened already: one deadline, not two."""
    attempts: list[int] = []
    hanging, release = threading.Event(), threading.Event()

    def slow() -> Gateway:
        attempts.append(1)
        hanging.set()
        assert release.wait(10)
        raise StoreUnavailable("http://x", "no answer")

    services = Services(Settings(), open_gateway=slow)
    failures: list[MlauditError] = []

    def ask() -> None:
        try:
            services.warm_up()
        except MlauditError as error:
            failures.append(error)

    first = threading.Thread(target=ask)
    first.start()
    assert hanging.wait(10)
    waiting = [threading.Thread(target=ask) for _ in range(3)]
    for thread in waiting:
        thread.start()
    # They wait for the lock, or will in a moment: released only when they are all on their way.
    while not all(thread.is_alive() for thread in waiting):
        pass
    threading.Timer(0.2, release.set).start()
    for thread in (first, *waiting):
        thread.join(10)
    assert len(failures) == 4
    assert len(attempts) == 1


def test_a_failure_is_not_kept() -> None:
    """Who asks after it tries anew."""
    gateway = MemoryGateway()
    answers: list[Gateway | None] = [gateway, None]

    def flaky() -> Gateway:
        answer = answers.pop()
        if answer is None:
            raise StoreUnavailable("http://x", "down")
        return answer

    services = Services(Settings(), open_gateway=flaky)
    with pytest.raises(StoreUnavailable):
        services.warm_up()
    assert services.gateway is gateway


def test_a_training_may_open_the_directory_that_it_is_handed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow refuses directories unless it is told otherwise, which a script need not know."""
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    # What a test before may have had set for this process is not the user's.
    monkeypatch.delenv("MLAUDIT_OWN_ENVIRONMENT", raising=False)
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").write_text("experiment_id: '0'\nname: Default\nlifecycle_stage: active\n")
    environment = training_environment(Settings(tracking_uri=str(tmp_path / "mlruns")))
    assert environment["MLFLOW_ALLOW_FILE_STORE"] == "true"
    assert environment["MLFLOW_TRACKING_URI"].endswith("/mlruns")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "false")
    assert training_environment(Settings(tracking_uri=str(tmp_path / "mlruns")))["MLFLOW_ALLOW_FILE_STORE"] == "false"


def test_who_asks_for_what_is_known_waits_for_no_import() -> None:
    services = Services(Settings(), open_gateway=MemoryGateway)
    first = services.handle(ListExperiments())
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(services.handle(ListExperiments())), daemon=True)
    with services._importing:
        asking.start()
        asking.join(10)
    assert answers == [first]


def test_a_request_that_nobody_answers() -> None:
    with pytest.raises(LookupError):
        Services(Settings(), open_gateway=MemoryGateway).handle(Request())


def test_every_kind_of_request_has_its_answer() -> None:
    """They are looked up by the module that has the request, and imported only then."""
    names = [module.name for module in pkgutil.iter_modules(mlaudit.services.__path__)]
    homes = [importlib.import_module(f"mlaudit.services.{name}") for name in names]
    kinds = {
        kind
        for home in homes
        for kind in vars(home).values()
        if isinstance(kind, type) and issubclass(kind, Request) and kind is not Request
    }
    assert len(kinds) > 30
    for kind in kinds:
        assert kind in _answers_for(kind, Services(Settings(), open_gateway=MemoryGateway)), kind
