"""A store that has one of everything that can be searched for, sorted by or read, made through MLflow's client."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

T0 = 1_700_000_000_000
RUNS = 48
OTHERS = 6
DELETED = slice(5, None, 16)
ACTIVE = RUNS + OTHERS - len(range(RUNS)[DELETED])
"""Runs that a search of both experiments finds."""
ODD_KEYS = ("val loss/2", "a.b.c", "é ü", "x-y", "UPPER", "upper", "a:b", "under_score", "order", "1st", "key", "bl")
NAMES = (
    "alpha",
    "Alpha",
    "ALPHA 2",
    "béta",
    "BÉTA",
    "100% sure",
    "under_score",
    "it's",
    'say "hi"',
    "back\\slash",
    "a b",
)
TEXTS = (
    "adam",
    "Adam",
    "ADAM",
    "sgd",
    "",
    "0.1",
    "0.10",
    "1e-3",
    "O'Neil",
    'd"q',
    "50%_x",
    "é",
    "É",
    "line\nbreak",
    "\\",
)
STATUSES = ("FINISHED", "FAILED", "KILLED", "RUNNING", "SCHEDULED")
VALUES = (0.0, -0.0, 1.0, -1.5, 0.1 + 0.2, 1e-300, 1e300, 42.0, 1e16, math.nan, math.inf, -math.inf)
MODELS = ("zeta", "Alpha model", "alpha model", "odd 'name' é")


def fill(client: Any, artifact_root: Path) -> dict[str, Any]:
    """Fills the store; returns the ids: ``main``, ``other``, ``gone`` (experiments), ``runs`` in order, ``deleted``."""
    rng = random.Random(20260301)

    def place(name: str) -> str:
        return (artifact_root / name).as_uri()

    main = client.create_experiment("parity é [b]", artifact_location=place("main"), tags={"team": "x\x1b[2J"})
    other = client.create_experiment("other", artifact_location=place("other"))
    gone = client.create_experiment("gone", artifact_location=place("gone"))
    ids = [_run(client, rng, main, number) for number in range(RUNS)]
    others = [_run(client, rng, other, number) for number in range(OTHERS)]
    lost = _run(client, rng, gone, 1)
    _add_inputs(client, rng, ids)
    _add_models(client, main, ids)
    _register(client, ids, others)
    deleted = ids[DELETED]
    for run_id in deleted:
        client.delete_run(run_id)
    client.delete_experiment(gone)
    return {"main": main, "other": other, "gone": gone, "runs": ids, "deleted": deleted, "lost": lost}


def _run(client: Any, rng: random.Random, experiment: str, number: int) -> str:
    from mlflow.entities import Metric, Param, RunTag

    tags = {"mlflow.user": rng.choice(("ada", "Bob", "")), "number": str(number)}
    # Several start at the same moment, so that ties must be broken.
    run = client.create_run(
        experiment, start_time=T0 + number // 3 * 1000, tags=tags, run_name=NAMES[number % len(NAMES)]
    )
    run_id = str(run.info.run_id)
    metrics = [Metric("auc", rng.random(), T0, 0)] if number % 6 else []
    metrics += [
        Metric("rounded", float(rng.randrange(4)), T0, 0),
        Metric("extreme", VALUES[number % len(VALUES)], T0, 0),
    ]
    metrics += _history(Metric, rng, number)
    key = ODD_KEYS[number % len(ODD_KEYS)]
    metrics.append(Metric(key, float(number), T0, 0))
    params = [Param("opt", TEXTS[number % len(TEXTS)]), Param("lr", rng.choice(("0.1", "0.01", "1e-3", "10", "9")))]
    params += [Param(key, f"v{number}")]
    params += [Param("rare", "yes")] if number % 7 == 0 else []
    tagged = [RunTag("team", rng.choice(TEXTS)), RunTag(key, "t")]
    tagged += [RunTag("rare", rng.choice("ABab"))] if number % 4 == 0 else []
    client.log_batch(run_id, metrics, params, tagged)
    status = STATUSES[number % len(STATUSES)]
    if status != "RUNNING":
        client.set_terminated(run_id, status, T0 + number * 977)
    return run_id


def _history(metric: Any, rng: random.Random, number: int) -> list[Any]:
    """A metric with duplicate steps, equal times, values out of order, NaN and infinities in between."""
    if number % 3 == 0:
        return []
    points = [metric("loss", rng.choice(VALUES), T0 + rng.randrange(3), rng.randrange(-1, 4)) for _ in range(12)]
    return list({(m.timestamp, m.step, repr(m.value)): m for m in points}.values())


def _add_inputs(client: Any, rng: random.Random, ids: list[str]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    def dataset(name: str, digest: str) -> Dataset:
        return Dataset(name, digest, "local", f"file:///{name}", '{"a": 1}', None)

    for number, run_id in enumerate(ids):
        found = []
        if number % 2:
            found.append(
                DatasetInput(dataset("Train", f"d{number % 3}"), [InputTag("mlflow.data.context", "training")])
            )
        if number % 6 == 0:
            found.append(DatasetInput(dataset("it's é", "d9"), [InputTag("mlflow.data.context", "Validation")]))
        if number % 10 == 0:
            found.append(DatasetInput(dataset("bare", "d1"), []))
        if found:
            client.log_inputs(run_id, found)


def _add_models(client: Any, experiment: str, ids: list[str]) -> None:
    from mlflow.entities import LoggedModelOutput

    for number in (0, 1, 1, 2):
        model = client.create_logged_model(experiment, name=f"m{number}", source_run_id=ids[number])
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(ids[number], [LoggedModelOutput(model.model_id, 3 - number)])
    client.delete_logged_model(client.get_run(ids[2]).outputs.model_outputs[0].model_id)
    client.set_tag(
        ids[3],
        "mlflow.log-model.history",
        '[{"artifact_path": "old", "utc_time_created": "2020-01-01"}, {"artifact_path": "new é",'
        ' "utc_time_created": "2021-01-01"}]',
    )
    client.set_tag(ids[4], "mlflow.log-model.history", "no json")
    client.log_text(ids[0], "hello", "notes/a.txt")
    client.log_text(ids[0], "{}", "b.json")


def _register(client: Any, ids: list[str], others: list[str]) -> None:
    for name in MODELS:
        client.create_registered_model(name, tags={"owner": name}, description=f"about {name}")
        for run_id in (ids[0], ids[1], others[0], ids[0]):
            client.create_model_version(name, f"file:///{run_id}/model", run_id, tags={"from": run_id})
        client.transition_model_version_stage(name, 1, "Archived")
        client.transition_model_version_stage(name, 3, "Production")
        client.transition_model_version_stage(name, 4, "Staging")
        client.set_registered_model_alias(name, "champion", 3)
        client.set_registered_model_alias(name, "oldest", 1)
        client.delete_model_version(name, 2)
    client.create_registered_model("empty")
    client.register_prompt("a-prompt", "say {{this}}")
