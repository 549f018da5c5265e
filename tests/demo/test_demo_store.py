"""The demo store as it is really built: what a newcomer stands in front of."""

from __future__ import annotations

import math
import sqlite3
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import plan
import pytest

pytestmark = pytest.mark.real

JUDGED = ("val_loss", "val_accuracy", "val_precision", "val_recall", "val_f1", "val_roc_auc")


class Store:
    """Reads the database as it lies there, without MLflow and without changing it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.connection = sqlite3.connect(f"file:{directory}/mlflow.db?mode=ro", uri=True)

    def rows(self, query: str, *values: object) -> list[Any]:
        return self.connection.execute(query, values).fetchall()

    def run_id(self, role: str) -> str:
        ((run_id,),) = self.rows("select run_uuid from tags where key = 'demo.role' and value = ?", role)
        return str(run_id)

    def metrics(self, role: str) -> dict[str, float]:
        found = self.rows("select key, value, is_nan from latest_metrics where run_uuid = ?", self.run_id(role))
        return {key: math.nan if is_nan else value for key, value, is_nan in found}

    def worse_by(self, role: str) -> dict[str, float]:
        """How much worse than Production, as a fraction; negative: better."""
        ours, theirs = self.metrics(role), self.metrics("production")
        return {
            name: (ours[name] / theirs[name] - 1) * (1 if name == "val_loss" else -1) for name in JUDGED
        }  # fmt: skip


@pytest.fixture(scope="module")
def store(demo_store: Path) -> Store:
    return Store(demo_store)


class TestContents:
    def test_runs(self, store: Store) -> None:
        """All planned runs, one FAILED, none RUNNING."""
        statuses = Counter(status for (status,) in store.rows("select status from runs"))
        assert statuses == {"FINISHED": len(plan.RUNS) - 1, "FAILED": 1}
        ((failed,),) = store.rows("select run_uuid from runs where status = 'FAILED'")
        assert failed == store.run_id("failed")

    def test_stages(self, store: Store) -> None:
        """One version each in Production, Staging and Archived; the better and the worse candidate have none."""
        stages = dict(store.rows("select run_id, current_stage from model_versions"))
        assert stages == {
            store.run_id("archived"): "Archived",
            store.run_id("production"): "Production",
            store.run_id("staging"): "Staging",
            store.run_id("candidate-worse"): "None",
            store.run_id("candidate-better"): "None",
        }

    def test_everything_is_inside(self, store: Store) -> None:
        """Artifacts and models lie in the directory; neither leftovers nor a second store do."""
        locations = store.rows("select artifact_location from experiments where name = ?", plan.EXPERIMENT)
        assert locations == [(str(store.directory / "artifacts"),)]
        for (location,) in store.rows("select artifact_location from logged_models"):
            assert (Path(location) / "MLmodel").is_file()
            assert Path(location).is_relative_to(store.directory)
        names = {path.name for path in store.directory.iterdir()} - {".mlaudit-demo.json", ".mlaudit-demo.lock"}
        assert names == {"mlflow.db", "artifacts", "mlaudit.toml", "training.log"}

    def test_policy(self, store: Store) -> None:
        """The sample policy names this model and metrics that its runs have."""
        policy = tomllib.loads((store.directory / "mlaudit.toml").read_text())
        metrics = policy["model"][plan.MODEL]["metric"]
        assert {metric["name"] for metric in metrics} <= set(store.metrics("production"))


class TestCandidates:
    """By the 5 % rule on every metric that the built-in rules judge, with room to spare."""

    def test_better(self, store: Store) -> None:
        """Clearly lower loss, and nothing else near 5 % worse."""
        worse = store.worse_by("candidate-better")
        assert worse["val_loss"] < -0.08
        assert max(worse.values()) < 0.045

    def test_worse(self, store: Store) -> None:
        """Clearly higher loss."""
        assert store.worse_by("candidate-worse")["val_loss"] > 0.12

    def test_within_noise(self, store: Store) -> None:
        """Another model, and no metric 5 % off."""
        worse = store.worse_by("candidate-within-noise")
        assert any(worse.values())
        assert max(abs(value) for value in worse.values()) < 0.045

    def test_diverged(self, store: Store) -> None:
        """The loss explodes over several epochs and ends as NaN, in a run that FINISHED."""
        assert math.isnan(store.metrics("diverged")["val_loss"])
        history = store.rows(
            "select value, is_nan from metrics where key = 'val_loss' and run_uuid = ? order by step",
            store.run_id("diverged"),
        )
        assert history[0][0] > 1.0
        assert not history[0][1]
        assert history[-1][1]

    def test_other_dataset(self, store: Store) -> None:
        """The run on other data says so by tag and by digest."""
        query = (
            "select datasets.digest from inputs join datasets on inputs.source_id = datasets.dataset_uuid"
            " join input_tags on input_tags.input_uuid = inputs.input_uuid"
            " where inputs.destination_id = ? and input_tags.value = 'validation'"
        )
        other, ours = (store.rows(query, store.run_id(role)) for role in ("other-dataset", "production"))
        assert len(other) == len(ours) == 1
        assert other != ours

    def test_replicates(self, store: Store) -> None:
        """Runs of one recipe on one dataset differ in the param seed alone, and not all in their results."""
        for recipe in plan.RECIPES:
            ids = [
                run_id
                for (run_id,) in store.rows("select run_uuid from tags where key='demo.recipe' and value=?", recipe)
                if store.rows(
                    "select 1 from tags where run_uuid=? and key='demo.role' and value not like 'candidate-w%'"
                    " and value != 'other-dataset'",
                    run_id,
                )
            ]
            params = [dict(store.rows("select key, value from params where run_uuid=?", run_id)) for run_id in ids]
            seeds = {own.pop("seed") for own in params}
            assert len(ids) == len(seeds) >= 3
            assert all(own == params[0] for own in params)
            query = "select value from latest_metrics where key = 'val_loss' and run_uuid = ?"
            assert len({store.rows(query, run_id)[0][0] for run_id in ids}) == len(ids)
