"""Processes that promote as they are told: a line of JSON in, a line of JSON out, over a pair of pipes each.

They are forks of one process that has imported MLflow and not opened a store yet, as importing takes seconds.

* ``{"do": "plan", "subject": ..., "model": ...}`` plans, and keeps the plan
* ``{"do": "promote"}`` executes it: ``{"result": "won"}`` or the error's class and words
* ``{"do": "mlflow", "model": ..., "version": ...}`` MLflow's own transition with archive_existing_versions
* ``{"do": "die", "subject": ..., "model": ..., "write": n, "after": bool}`` a child plans, promotes, and is ended by
  SIGKILL before or after its n-th write (counted from 1)
* ``{"do": "die", ..., "seconds": s}`` the same after so many seconds of the execution
* ``{"do": "die_plain", "model": ..., "version": ..., "seconds": s}`` the same in MLflow's own transition
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any, TextIO

from mlaudit.config.policy import Policies
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import MlauditError
from mlaudit.gateway import environment
from mlaudit.gateway.base import Gateway
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, execute_promotion, plan_promotion
from mlaudit.services.surroundings import Surroundings
from mlaudit.wiring import open_store

WRITES = (
    "create_model",
    "create_version",
    "transition",
    "set_model_tag",
    "delete_model_tag",
    "set_version_tag",
    "set_alias",
    "write_artifact",
)
ALIAS_POLICY = "champion"


def policies(model: str, alias: bool) -> Policies:
    """The built-in rules; with ``alias`` a policy that names the stage and an alias."""
    from mlaudit.domain.gate import GatePolicy

    if not alias:
        return Policies()
    return Policies(
        "p", "0" * 64, {model: GatePolicy(model=model, baselines=("stage:Production", f"alias:{ALIAS_POLICY}"))}
    )


def open_gateway(uri: str) -> Gateway:
    """The gateway that mlaudit opens where nothing else is asked for."""
    return open_store(Settings(tracking_uri=uri, registry_uri=uri))


def promote(gateway: Gateway, plan: Any, rules: Policies) -> dict[str, Any]:
    """What came of it."""
    begun = time.monotonic()
    try:
        outcome = execute_promotion(gateway, rules, Surroundings.real(), ExecutePromotion(plan))
    except MlauditError as error:
        return {"result": type(error).__name__, "words": str(error), "seconds": time.monotonic() - begun}
    return {"result": "won", "version": outcome.version.version, "seconds": time.monotonic() - begun}


def die(uri: str, order: dict[str, Any]) -> dict[str, Any]:
    """Let a child be killed in the middle; returns how it ended."""
    pid = os.fork()
    if pid == 0:
        try:
            gateway = open_gateway(uri)
            rules = policies(order["model"], order.get("alias", False))
            plan = plan_promotion(gateway, rules, PlanPromotion(order["subject"], order["model"]))
            if "seconds" in order:
                threading.Timer(order["seconds"], lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
            else:
                _kill_at(gateway, order["write"], order["after"])
            promote(gateway, plan, rules)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return {"result": "killed" if os.WIFSIGNALED(status) else "lived"}


def _kill_at(gateway: Any, number: int, after: bool) -> None:
    """End this process at a write."""
    count = 0

    def wrapped(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            mine = count == number
            if mine and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = real(*args, **kwargs)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return call

    for name in WRITES:
        setattr(gateway, name, wrapped(getattr(gateway, name)))


def die_plain(uri: str, order: dict[str, Any]) -> dict[str, Any]:
    """Let a child be killed while MLflow's own transition runs."""
    pid = os.fork()
    if pid == 0:
        try:
            from mlflow import MlflowClient

            client = MlflowClient(uri, uri)
            client.get_registered_model(order["model"])
            threading.Timer(order["seconds"], lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
            client.transition_model_version_stage(
                order["model"], order["version"], "Production", archive_existing_versions=True
            )
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return {"result": "killed" if os.WIFSIGNALED(status) else "lived"}


def serve(uri: str, incoming: TextIO, outgoing: TextIO) -> None:
    """Answer until the other side is gone."""

    def answer(told: dict[str, Any]) -> None:
        print(json.dumps(told), file=outgoing, flush=True)

    gateway: Gateway | None = None
    client: Any = None
    plan: Any = None
    rules = Policies()
    answer({"result": "ready"})
    for line in incoming:
        order = json.loads(line)
        if order["do"] == "die":
            answer(die(uri, order))
        elif order["do"] == "die_plain":
            answer(die_plain(uri, order))
        elif order["do"] == "plan":
            gateway = gateway or open_gateway(uri)
            rules = policies(order["model"], order.get("alias", False))
            plan = plan_promotion(gateway, rules, PlanPromotion(order["subject"], order["model"]))
            answer({"result": "planned"})
        elif order["do"] == "promote":
            assert gateway is not None
            answer(promote(gateway, plan, rules))
        else:
            from mlflow import MlflowClient

            client = client or MlflowClient(uri, uri)
            if order["do"] == "mlflow":
                client.transition_model_version_stage(
                    order["model"], order["version"], "Production", archive_existing_versions=True
                )
            else:
                client.get_registered_model(order["model"])
            answer({"result": "done"})


def main(uri: str, pipes: list[tuple[int, int]]) -> None:
    """Fork one contender for each pair of pipes, and wait for them."""
    environment.prepare(set())
    import mlflow.tracking  # noqa: F401 - before the fork

    for incoming, outgoing in pipes:
        if os.fork() == 0:
            for others in pipes:
                if others != (incoming, outgoing):
                    os.close(others[0])
                    os.close(others[1])
            serve(uri, os.fdopen(incoming, "r"), os.fdopen(outgoing, "w"))
            os._exit(0)
    for incoming, outgoing in pipes:
        os.close(incoming)
        os.close(outgoing)
    for _ in pipes:
        os.wait()


if __name__ == "__main__":
    main(sys.argv[1], [tuple(map(int, pair.split(","))) for pair in sys.argv[2:]])  # type: ignore[misc]
