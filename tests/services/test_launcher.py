"""Launching, watching and ending real processes."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlaudit.domain.errors import MissingExtra, ReadOnly, StoreUnavailable, UsageError
from mlaudit.domain.models import RunStatus
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services import launcher as launcher_module
from mlaudit.services.launcher import (
    LAUNCH_TAG,
    DescribeTraining,
    Launcher,
    PollTraining,
    StartTraining,
    StopTraining,
    Training,
    TrainingStatus,
)
from mlaudit.services.process_group import identity
from mlaudit.services.training_script import read_script
from tests.plugins.fake_training import DECLARATION, write_fake_training

USERS = {"PATH": os.environ["PATH"], "MLFLOW_TRACKING_URI": "sqlite:////abs/x.db"}


class Bench:
    """A launcher on a memory store, with a fake script."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryGateway()
        self.experiment = self.store.add_experiment("fraud-detector")
        self.environment = dict(USERS)
        self.scripts = write_fake_training(folder / "scripts")
        self.started: list[Training] = []
        self.launcher = self.another()

    def another(self) -> Launcher:
        """One that knows nothing of what the first one started."""
        (self.folder / "logs").mkdir(exist_ok=True)
        return Launcher(
            lambda: self.store,
            lambda: self.environment,
            lambda: (read_script(self.scripts),),
            lambda: self.folder / "logs",
            grace=(0.5, 0.5),
        )

    def start(self, mode: str, **more: str) -> Training:
        training = self.launcher.start(StartTraining((("mode", mode), *more.items())))
        self.started.append(training)
        return training

    def add_run(self, **more: Any) -> str:
        return self.store.add_run(self.experiment, status=RunStatus.RUNNING, **more)

    def status(self, training: Training) -> TrainingStatus:
        return self.launcher.poll(PollTraining(training))

    def stop(self, training: Training) -> TrainingStatus:
        return self.launcher.stop(StopTraining(training))


def output(training: Training) -> str:
    return Path(training.log_path).read_text()


def until(true: Callable[[], Any], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def ready(training: Training) -> None:
    until(lambda: "ready" in output(training))


def members(group: int) -> list[int]:
    """The living processes of a group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    for training in bench.started:
        if members(training.pid):
            os.killpg(training.pid, signal.SIGKILL)


class TestStart:
    """A process of its own, with the user's settings."""

    def test_it_is_told_what_it_must_know(self, bench: Bench) -> None:
        training = bench.start("quick", experiment="a b; $HOME")
        until(lambda: not bench.status(training).running)
        said = output(training)
        assert "'--experiment=a b; $HOME'" in said
        assert "stdin ''" in said
        assert "session True True" in said
        assert "'PYTHONUNBUFFERED': '1'" in said
        assert "sqlite:////abs/x.db" in said
        assert "sqlite" not in " ".join(training.argv)
        assert bench.status(training) == TrainingStatus(False, 0, None, None)

    def test_the_output_is_nobody_elses(self, bench: Bench) -> None:
        assert stat.S_IMODE(os.stat(bench.start("quick").log_path).st_mode) == 0o600

    def test_the_run_context_keeps_the_users_tags(self, bench: Bench) -> None:
        bench.environment["MLFLOW_RUN_CONTEXT"] = json.dumps({"team": "risk"})
        training = bench.start("slow")
        ready(training)
        variables = Path(f"/proc/{training.pid}/environ").read_bytes().split(b"\0")
        context = next(v for v in variables if v.startswith(b"MLFLOW_RUN_CONTEXT=")).partition(b"=")[2]
        assert json.loads(context) == {"team": "risk", LAUNCH_TAG: training.launch_id}

    def test_a_dirty_tree_is_tagged(self, bench: Bench) -> None:
        def git(*words: str) -> None:
            identity_ = ("-c", "user.name=x", "-c", "user.email=x@y")
            subprocess.run(["git", *identity_, *words], cwd=bench.scripts, check=True, capture_output=True)

        git("init")
        git("add", ".")
        git("commit", "-m", "x")
        for dirty in ("false", "true"):
            training = bench.start("quick")
            until(lambda t=training: not bench.status(t).running)
            assert f'"mlaudit.git.dirty": "{dirty}"' in output(training)
            with open(bench.scripts / "train.toml", "a") as file:
                file.write("# changed\n")

    @pytest.mark.parametrize(("mode", "code"), [("quick", 0), ("fail", 7), ("killed", -9)])
    def test_the_exit_code(self, bench: Bench, mode: str, code: int) -> None:
        training = bench.start(mode)
        until(lambda: not bench.status(training).running)
        assert bench.status(training).exit_code == code

    def test_bad_values_start_nothing(self, bench: Bench) -> None:
        with pytest.raises(UsageError, match="--epochs"):
            bench.start("quick", epochs="0")
        assert list((bench.folder / "logs").iterdir()) == []

    def test_a_store_that_may_not_be_written(self, bench: Bench) -> None:
        info = replace(bench.store.describe(), writable=False)
        bench.store.describe = lambda: info  # type: ignore[method-assign]
        with pytest.raises(ReadOnly):
            bench.start("quick")

    def test_a_missing_package(self, bench: Bench) -> None:
        write_fake_training(bench.scripts, DECLARATION.replace('["json"]', '["no_such_torch"]'))
        (script,) = bench.launcher.describe(DescribeTraining())
        assert "no_such_torch" in script.missing
        with pytest.raises(MissingExtra, match=r"mlaudit\[train\]"):
            bench.start("quick")

    def test_a_program_that_is_not_there(self, bench: Bench) -> None:
        write_fake_training(
            bench.scripts, DECLARATION.replace('["python"', '["no-such-program"').replace("requires", "#")
        )
        with pytest.raises(UsageError, match="could not be started"):
            bench.start("quick")

    def test_old_output_is_deleted(self, bench: Bench) -> None:
        for i in range(30):
            (bench.folder / "logs" / f"training-{i}.log").write_text("")
        bench.start("quick")
        assert len(list((bench.folder / "logs").iterdir())) == 21

    def test_but_not_that_of_a_training_that_may_still_write(self, bench: Bench) -> None:
        """One that was left running by an earlier session, and has said nothing for long."""
        training = bench.start("quick")
        os.utime(training.log_path, (1, 1))
        for i in range(30):
            (bench.folder / "logs" / f"training-{i}.log").write_text("")
        bench.start("quick")
        assert Path(training.log_path).exists()


class TestADeclaredScript:
    """One of the team's own, from its mlaudit.toml."""

    def declare(self, bench: Bench, **more: Any) -> None:
        (script,) = (read_script(bench.scripts),)
        declared = replace(script, key="mine", source="mlaudit.toml", directory=str(bench.scripts), **more)
        bench.launcher = Launcher(
            lambda: bench.store, lambda: bench.environment, lambda: (declared,), lambda: bench.folder / "logs"
        )

    def environment(self, training: Training) -> dict[str, str]:
        variables = Path(f"/proc/{training.pid}/environ").read_bytes().split(b"\0")
        return dict(v.decode().partition("=")[::2] for v in variables if v)

    def test_it_runs_where_it_says_with_the_variables_that_it_names(self, bench: Bench) -> None:
        bench.environment |= {"AWS_KEY": "1", "AWSOME": "2", "SECRET": "3", "MLFLOW_RUN_ID": "f" * 32}
        bench.environment |= {"MLFLOW_EXPERIMENT_ID": "7"}
        self.declare(bench, environment=("AWS_*",), experiment="fraud")
        training = bench.start("slow")
        ready(training)
        got = self.environment(training)
        assert os.readlink(f"/proc/{training.pid}/cwd") == str(bench.scripts)
        assert got["AWS_KEY"] == "1"
        assert got["MLFLOW_EXPERIMENT_NAME"] == "fraud"
        assert got["MLFLOW_TRACKING_URI"] == USERS["MLFLOW_TRACKING_URI"]
        assert not {"AWSOME", "SECRET", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"} & got.keys()

    def test_without_names_it_gets_all_of_the_users(self, bench: Bench) -> None:
        bench.environment |= {"ANYTHING": "3"}
        self.declare(bench)
        training = bench.start("slow")
        ready(training)
        assert self.environment(training)["ANYTHING"] == "3"

    def test_another_command_than_was_agreed_to_is_not_run(self, bench: Bench) -> None:
        self.declare(bench)
        (script,) = bench.launcher.describe(DescribeTraining())
        agreed = script.argv(())
        self.declare(bench, command=("rm", "-r", "x"))
        request = StartTraining((), "mine", agreed, script.directory)
        with pytest.raises(UsageError, match=r"has changed since the question.*rm -r x"):
            bench.launcher.start(request)
        assert list((bench.folder / "logs").iterdir()) == []

    def test_it_is_chosen_by_its_key(self, bench: Bench) -> None:
        self.declare(bench)
        with pytest.raises(UsageError, match=r"no training script 'other'; mlaudit\.toml has: mine"):
            bench.launcher.start(StartTraining((), "other"))


class TestTheRun:
    """Found by what the script prints, or by its tag."""

    def test_by_its_output(self, bench: Bench) -> None:
        run = bench.add_run()
        training = bench.start("slow", **{"run-id": run})
        ready(training)
        assert bench.status(training) == TrainingStatus(True, None, run, "RUNNING")

    def test_by_its_tag(self, bench: Bench) -> None:
        training = bench.start("slow")
        run = bench.add_run(tags={LAUNCH_TAG: training.launch_id})
        bench.add_run(tags={LAUNCH_TAG: "another"})
        assert bench.status(training).run_id == run

    def test_of_several_the_first_that_is_nobodys_child(self, bench: Bench) -> None:
        training = bench.start("quick")
        tags = {LAUNCH_TAG: training.launch_id}
        first = bench.add_run(tags=tags, start_time=2_000)
        bench.add_run(tags={**tags, "mlflow.parentRunId": first}, start_time=1_000)
        bench.add_run(tags=tags, start_time=3_000)
        until(lambda: not bench.status(training).running)
        status = bench.status(training)
        assert (status.run_id, status.more_runs) == (first, 1)

    def test_without_the_store(self, bench: Bench) -> None:
        run = bench.add_run()
        training = bench.start("slow", **{"run-id": run})
        ready(training)
        bench.store.fail = lambda _method: StoreUnavailable("memory", "down")
        assert bench.launcher.poll(PollTraining(training, with_run=False)) == TrainingStatus(True, None, run, None)
        status = bench.status(training)
        assert (status.running, status.run_id) == (True, run)
        assert "down" in status.problem

    def test_a_run_that_is_in_another_store(self, bench: Bench) -> None:
        training = bench.start("slow", **{"run-id": "f" * 32})
        ready(training)
        assert "not in this store" in bench.status(training).problem


class TestStop:
    """Asked, then told, then made to."""

    def test_an_obedient_script(self, bench: Bench) -> None:
        run = bench.add_run()
        training = bench.start("slow", **{"run-id": run})
        ready(training)
        began = time.monotonic()
        assert bench.stop(training) == TrainingStatus(False, 130, run, "KILLED")
        assert time.monotonic() - began < 2
        assert "interrupted" in output(training)
        assert bench.store.writes[-1] == f"terminate_run {run} KILLED"

    @pytest.mark.parametrize(("mode", "code"), [("stubborn", -signal.SIGTERM), ("deaf", -signal.SIGKILL)])
    def test_one_that_ignores_signals(self, bench: Bench, mode: str, code: int) -> None:
        training = bench.start(mode)
        run = bench.add_run(tags={LAUNCH_TAG: training.launch_id})
        ready(training)
        assert bench.stop(training) == TrainingStatus(False, code, run, "KILLED")
        assert members(training.pid) == []

    def test_one_whose_last_threads_take_a_moment_more(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """It has no exit code yet when its group has nobody left but zombies."""
        monkeypatch.setattr(launcher_module, "end_group", lambda *_: True)
        training = bench.start("quick")
        assert bench.stop(training) == TrainingStatus(False, 0, None, None)

    def test_its_children_end_with_it(self, bench: Bench) -> None:
        training = bench.start("family")
        ready(training)
        assert len(members(training.pid)) == 2
        bench.stop(training)
        assert members(training.pid) == []

    def test_a_run_that_has_ended_by_itself_keeps_its_status(self, bench: Bench) -> None:
        run = bench.store.add_run(bench.experiment)
        training = bench.start("quick", **{"run-id": run})
        until(lambda: not bench.status(training).running)
        assert bench.stop(training) == TrainingStatus(False, 0, run, "FINISHED")
        assert bench.store.writes == []

    def test_a_crashed_script_that_left_its_run_running(self, bench: Bench) -> None:
        run = bench.add_run()
        training = bench.start("killed", **{"run-id": run})
        until(lambda: not bench.status(training).running)
        assert bench.status(training).run_status == "RUNNING"
        assert bench.stop(training) == TrainingStatus(False, -9, run, "KILLED")

    def test_every_run_of_a_dead_process_is_ended(self, bench: Bench) -> None:
        training = bench.start("killed")
        tags = {LAUNCH_TAG: training.launch_id}
        parent = bench.add_run(tags=tags)
        child = bench.add_run(tags={**tags, "mlflow.parentRunId": parent})
        stranger = bench.add_run()
        until(lambda: not bench.status(training).running)
        assert bench.stop(training) == TrainingStatus(False, -9, parent, "KILLED")
        assert bench.store.get_run(child).status == "KILLED"
        assert bench.store.get_run(stranger).status == "RUNNING"

    def test_a_store_that_fails_does_not_keep_the_process_alive(self, bench: Bench) -> None:
        run = bench.add_run()
        training = bench.start("slow", **{"run-id": run})
        ready(training)
        bench.store.fail = lambda _method: StoreUnavailable("memory", "down")
        status = bench.stop(training)
        assert not status.running
        assert "down" in status.problem
        assert members(training.pid) == []


class TestAfterARestart:
    """A worker that did not start it finds it by pid and start time."""

    def test_it_is_found_and_stopped(self, bench: Bench) -> None:
        run = bench.add_run()
        training = bench.start("slow", **{"run-id": run})
        ready(training)
        other = bench.another()
        assert other.poll(PollTraining(training)) == TrainingStatus(True, None, run, "RUNNING")
        assert other.stop(StopTraining(training)) == TrainingStatus(False, None, run, "KILLED")
        assert members(training.pid) == []

    def test_a_pid_that_is_anothers_now_is_left_alone(self, bench: Bench) -> None:
        stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        try:
            training = Training("x", stranger.pid, 0.0, (), str(bench.folder / "none"), "1")
            assert identity(stranger.pid) not in {"", "1"}
            assert not bench.another().poll(PollTraining(training)).running
            bench.another().stop(StopTraining(training))
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()

    def test_one_that_has_ended(self, bench: Bench) -> None:
        training = bench.start("quick")
        until(lambda: not bench.status(training).running)
        assert bench.another().poll(PollTraining(training)) == TrainingStatus(False, None, None, None)
