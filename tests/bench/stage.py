"""What races and kills are played on: a real store with runs, a fresh registered model a trial, and its contenders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlaudit.domain.models import Stage, StoreKind
from mlaudit.gateway import environment
from mlaudit.gateway.base import Gateway
from mlaudit.gateway.sqlite_mend import mend
from mlaudit.services.audit_trail import History, read_history
from tests.bench.contender import open_gateway
from tests.plugins import servers

ROOT = Path(__file__).parents[2]
KINDS = ("sqlite", "postgresql", "server")


@dataclass
class Playground:
    """A store; ``runs`` made a model each, the first is worse than all others."""

    kind: str
    uri: str
    client: Any
    gateway: Gateway
    runs: list[str]

    def new_model(self, name: str, versions: int) -> None:
        """A registered model with version 1 in Production and the others in no stage."""
        self.client.create_registered_model(name)
        for run_id in self.runs[:versions]:
            source = self.gateway.model_sources(run_id)[0].source
            self.client.create_model_version(name, source, run_id, model_id=source.removeprefix("models:/"))
        self.client.transition_model_version_stage(name, self.number("1"), "Production")

    def number(self, version: str) -> Any:
        """A version as MLflow's client takes it on this store."""
        return int(version) if self.kind in {"sqlite", "postgresql"} else version

    def production(self, name: str) -> list[str]:
        """The versions in Production."""
        return [v.version for v in self.gateway.list_model_versions(name) if v.stage is Stage.PRODUCTION]

    def mend(self) -> None:
        """What ``mlaudit recover`` does first: a kill in the middle of a commit leaves a journal."""
        if self.kind == "sqlite":
            mend(Path(self.uri.removeprefix("sqlite:///")), self.uri)

    def intents(self, name: str) -> list[str]:
        """The keys of the intents that are there."""
        return [tag for tag in self.gateway.model_tags(name) if tag.startswith("mlaudit.intent.")]

    def history(self, name: str) -> History:
        """See :func:`mlaudit.services.audit_trail.read_history`."""
        return read_history(self.gateway, name)


def furnish(kind: str, uri: str, artifacts: Path, runs: int) -> Playground:
    """Fill an empty store."""
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModelOutput

    from mlaudit.gateway.mlflow_client import make_default

    client = MlflowClient(uri, uri)
    make_default(client)
    experiment = client.create_experiment("race", artifact_location=None if kind == "server" else artifacts.as_uri())
    made = []
    for index in range(runs):
        run_id = client.create_run(experiment, run_name=f"run {index}").info.run_id
        client.log_metric(run_id, "val_loss", 0.5 - 0.01 * min(index, 1))
        model = client.create_logged_model(experiment, name="model", source_run_id=run_id)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "MLmodel").write_text("flavors: {}\n")
            client.log_model_artifacts(model.model_id, folder)
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
        client.set_terminated(run_id)
        made.append(run_id)
    return Playground(kind, uri, client, open_gateway(uri), made)


class Contender:
    """One process of :mod:`tests.bench.contender`, at the other end of a pair of pipes."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._in, self._out = os.fdopen(incoming, "r"), os.fdopen(outgoing, "w")

    def tell(self, **order: Any) -> None:
        """Say what to do; :meth:`hear` waits for what came of it."""
        self._out.write(json.dumps(order) + "\n")
        self._out.flush()

    def hear(self) -> dict[str, Any]:
        """The next answer. Raises RuntimeError when the process ended."""
        line = self._in.readline()
        if not line:
            raise RuntimeError("a contender ended by itself")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Let it go."""
        self._out.close()
        self._in.close()


@contextmanager
def contenders(uri: str, count: int) -> Iterator[list[Contender]]:
    """So many processes, ready."""
    theirs, them = [], []
    for _ in range(count):
        (there_in, here_out), (here_in, there_out) = os.pipe(), os.pipe()
        theirs.append((there_in, there_out))
        them.append(Contender(here_in, here_out))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.contender", uri, *(f"{i},{o}" for i, o in theirs)],
        cwd=ROOT,
        pass_fds=[fd for pair in theirs for fd in pair],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for fd in (fd for pair in theirs for fd in pair):
            os.close(fd)
        for one in them:
            assert one.hear() == {"result": "ready"}
        yield them
    finally:
        for one in them:
            one.close()
        servers.stop_group(process, signal.SIGKILL)


def all_at_once(them: Sequence[Contender], orders: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each its order, then hear all answers."""
    for one, order in zip(them, orders, strict=True):
        one.tell(**order)
    return [one.hear() for one in them]


@contextmanager
def playgrounds(kinds: Sequence[str], runs: int) -> Iterator[Iterator[Playground]]:
    """A new, furnished store of each kind; what cannot be had here is passed over and said."""
    environment.prepare({StoreKind.SQLITE})
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))

        def each() -> Iterator[Playground]:
            from mlflow import MlflowClient

            template = root / "template.db"
            MlflowClient(f"sqlite:///{template}", f"sqlite:///{template}").search_experiments()
            for kind in kinds:
                folder = root / kind
                folder.mkdir()
                try:
                    uri = stack.enter_context(_store(kind, folder, template))
                except BaseException as problem:  # noqa: BLE001 - pytest's Skipped is one
                    print(f"{kind}: not to be had here: {problem}", file=sys.stderr)
                    continue
                yield furnish(kind, uri, folder / "artifacts", runs)

        yield each()


@contextmanager
def _store(kind: str, folder: Path, template: Path) -> Iterator[str]:
    if kind == "sqlite":
        (folder / "mlflow.db").write_bytes(template.read_bytes())
        yield f"sqlite:///{folder / 'mlflow.db'}"
    elif kind == "server":
        with servers.running_mlflow_server(folder, template, "--workers", "2") as uri:
            yield uri
    else:
        with servers.running_postgresql() as server:
            yield servers.new_postgresql_store(server, "bench")
