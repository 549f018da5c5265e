"""When seed.py builds, reuses, refuses and clears away. The trainings themselves are left out here."""

from __future__ import annotations

import fcntl
import json
from collections import Counter
from pathlib import Path

import plan
import pytest
import seed
from stopping import Stopped


class Trainings:
    """Stands in for ``seed.build``: writes what a build writes, then fails or not."""

    def __init__(self) -> None:
        self.calls = 0
        self.problem: BaseException | None = None

    def __call__(self, directory: Path, _stop: object) -> None:
        self.calls += 1
        assert json.loads((directory / seed.MARKER).read_text())["state"] == "building"
        (directory / seed.SCRATCH).mkdir()
        (directory / seed.ARTIFACTS).mkdir()
        (directory / seed.ARTIFACTS / "model").write_text("weights")
        (directory / seed.DATABASE).write_text(f"database {self.calls}")
        if self.problem is not None:
            raise self.problem


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    stand_in = Trainings()
    monkeypatch.setattr(seed, "build", stand_in)
    return stand_in


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    seen: list[dict[str, object]] = []
    monkeypatch.setattr(seed, "emit", lambda event, **fields: seen.append({"event": event, **fields}))
    return seen


def kinds(events: list[dict[str, object]]) -> list[object]:
    return [event["event"] for event in events]


class TestBuilding:
    def test_new_directory(self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]]) -> None:
        """A directory that is missing is made; its URI is the last event."""
        store = tmp_path / "a b" / "demo"
        assert seed.main([str(store)]) == 0
        assert kinds(events) == ["start", "done"]
        assert events[-1]["uri"] == f"sqlite:///{store}/mlflow.db"
        assert seed.state_of(store) == "complete"
        assert not (store / seed.SCRATCH).exists()

    def test_second_time(self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]]) -> None:
        """A complete store is reused, not touched."""
        assert seed.main([str(tmp_path)]) == 0
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        assert seed.main([str(tmp_path)]) == 0
        assert trainings.calls == 1
        assert kinds(events) == ["start", "done", "reuse"]
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before

    def test_built_by_another_just_before_the_lock(
        self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the first question did not see yet is reused all the same."""
        assert seed.main([str(tmp_path)]) == 0
        really, asked = seed.is_ready, []

        def is_ready(directory: Path, fresh: bool) -> bool:
            asked.append(directory)
            return len(asked) > 1 and really(directory, fresh)

        monkeypatch.setattr(seed, "is_ready", is_ready)
        assert seed.main([str(tmp_path)]) == 0
        assert trainings.calls == 1
        assert kinds(events) == ["start", "done", "reuse"]

    def test_fresh(self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]]) -> None:
        """--fresh rebuilds what a build writes and leaves the user's own files alone."""
        assert seed.main([str(tmp_path)]) == 0
        (tmp_path / "notes.txt").write_text("mine")
        assert seed.main([str(tmp_path), "--fresh"]) == 0
        assert (tmp_path / seed.DATABASE).read_text() == "database 2"
        assert (tmp_path / "notes.txt").read_text() == "mine"

    def test_missing_package(
        self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without PyTorch nothing is built or written, but a complete store is still reused."""
        ready = tmp_path / "ready"
        assert seed.main([str(ready)]) == 0
        monkeypatch.setattr(seed.importlib.util, "find_spec", lambda _name: None)
        assert seed.main([str(tmp_path / "new")]) == 2
        assert events[-1] == {"event": "missing", "package": "torch"}
        assert not (tmp_path / "new").exists()
        assert seed.main([str(ready)]) == 0


class TestInterrupted:
    @pytest.mark.parametrize(
        ("problem", "code", "event"),
        [(Stopped(2), 130, "start"), (Stopped(15), 143, "start"), (seed.TrainingFailed("run 'x' ended"), 5, "error"),
         (OSError(28, "No space left on device"), 2, "error")],
    )  # fmt: skip
    def test_nothing_stays(
        self,
        tmp_path: Path,
        trainings: Trainings,
        events: list[dict[str, object]],
        problem: BaseException,
        code: int,
        event: str,
    ) -> None:
        """A build that is stopped or fails clears everything away, the new directory too; the next one succeeds."""
        store, trainings.problem = tmp_path / "demo", problem
        assert seed.main([str(store)]) == code
        assert kinds(events)[-1] == event
        assert not store.exists()
        trainings.problem = None
        assert seed.main([str(store)]) == 0

    def test_killed(self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]]) -> None:
        """What a killed build left behind is no store: it is built anew without --fresh."""
        seed.mark(tmp_path, "building")
        (tmp_path / seed.DATABASE).write_text("half")
        (tmp_path / seed.ARTIFACTS).mkdir()
        (tmp_path / seed.ARTIFACTS / "old").write_text("")
        (tmp_path / seed.SCRATCH).mkdir()
        assert seed.main([str(tmp_path)]) == 0
        assert trainings.calls == 1
        assert not (tmp_path / seed.ARTIFACTS / "old").exists()

    def test_database_lost(self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]]) -> None:
        """A complete store whose database was deleted is built anew."""
        assert seed.main([str(tmp_path)]) == 0
        (tmp_path / seed.DATABASE).unlink()
        assert seed.main([str(tmp_path)]) == 0
        assert trainings.calls == 2


class TestRefused:
    @pytest.mark.parametrize("fresh", [[], ["--fresh"]])
    def test_other_directory(
        self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]], fresh: list[str]
    ) -> None:
        """A directory with anything else in it is never written to, --fresh or not."""
        (tmp_path / "mlflow.db").write_text("somebody's own store")
        assert seed.main([str(tmp_path), *fresh]) == 2
        assert "no demo store" in str(events[-1]["message"])
        assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
        assert trainings.calls == 0

    def test_file(self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]]) -> None:
        """A file is no directory."""
        (tmp_path / "x").write_text("")
        assert seed.main([str(tmp_path / "x")]) == 2
        assert "is a file" in str(events[-1]["message"])

    @pytest.mark.parametrize("marker", ["", "[]", "{}", '{"state": "other"}'])
    def test_damaged_marker(
        self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]], marker: str
    ) -> None:
        """A marker that says nothing known is not believed."""
        (tmp_path / seed.MARKER).write_text(marker)
        assert seed.main([str(tmp_path), "--fresh"]) == 2
        assert "damaged" in str(events[-1]["message"])

    def test_unspeakable_path(self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]]) -> None:
        """A path that an SQLite URI cannot hold is refused before anything is made."""
        assert seed.main([str(tmp_path / "50%")]) == 2
        assert not (tmp_path / "50%").exists()

    def test_two_builds(self, tmp_path: Path, trainings: Trainings, events: list[dict[str, object]]) -> None:
        """While one process builds, a second one says so and touches nothing."""
        seed.mark(tmp_path, "building")
        with (tmp_path / seed.LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert seed.main([str(tmp_path)]) == 2
        assert "another process" in str(events[-1]["message"])
        assert seed.state_of(tmp_path) == "building"


class TestPlan:
    def test_enough_of_everything(self) -> None:
        """At least 14 runs; 3 recipes with 3 seeds or more; one of each role."""
        assert len(plan.RUNS) >= 14
        plain = [run for run in plan.RUNS if set(run.options) == {"seed"}]
        for recipe in plan.RECIPES:
            seeds = {run.options["seed"] for run in plain if run.recipe == recipe}
            assert len(seeds) >= 3
        roles = Counter(run.role for run in plan.RUNS)
        for role in ("production", "staging", "archived", "candidate-better", "candidate-worse",
                     "candidate-within-noise", "diverged", "failed"):  # fmt: skip
            assert roles[role] == 1

    def test_arguments(self) -> None:
        """Every planned run is a command line that train.py accepts."""
        import options

        for run in plan.RUNS:
            parsed = options.parse(run.arguments())
            assert parsed.run_name == run.name
            assert parsed.no_register is not run.register
