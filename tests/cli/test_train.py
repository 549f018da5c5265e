"""``mlaudit train``: options checked first, output passed through, the run's id on stdout, interrupted politely."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlaudit.config.launch_memory import LaunchMemory
from mlaudit.domain.errors import DeadlineExceeded
from mlaudit.domain.models import RunStatus
from mlaudit.services.launcher import (
    DescribeTraining,
    Launcher,
    PollTraining,
    StartTraining,
    StopTraining,
    Training,
)
from mlaudit.services.process_group import _alive
from mlaudit.services.training_script import TrainingScript, read_script
from tests.plugins.fake_training import DECLARATION, write_fake_training


class Trained:
    """The command line with a launcher of a fake script."""

    def __init__(self, cli: Any, folder: Path) -> None:
        self.cli, self.folder = cli, folder
        self.scripts = write_fake_training(folder / "scripts")
        self.scripts_here: tuple[TrainingScript, ...] = ()
        self.trainings: list[Training] = []
        (folder / "logs").mkdir()
        self.launcher = Launcher(
            lambda: cli.store,
            lambda: {"PATH": os.environ["PATH"]},
            lambda: self.scripts_here or (read_script(self.scripts),),
            lambda: folder / "logs",
            grace=(0.5, 0.5),
        )
        cli.answers |= {
            DescribeTraining: self.launcher.describe,
            StartTraining: self.start,
            PollTraining: self.launcher.poll,
            StopTraining: self.launcher.stop,
        }
        self.run = cli.store.add_run(cli.store.list_experiments()[0].experiment_id, status=RunStatus.RUNNING)

    def start(self, request: StartTraining) -> Training:
        training = self.launcher.start(request)
        self.trainings.append(training)
        return training

    def __call__(self, *arguments: str) -> Any:
        return self.cli("train", *arguments)

    def signal_when_ready(self, number: signal.Signals) -> None:
        """Send this process a signal, as a terminal does, once the training says that it is ready."""

        def wait() -> None:
            end = time.monotonic() + 20
            while time.monotonic() < end:
                if self.trainings and "ready" in Path(self.trainings[0].log_path).read_text():
                    os.kill(os.getpid(), number)
                    return
                time.sleep(0.05)

        threading.Thread(target=wait, daemon=True).start()


@pytest.fixture
def trained(cli: Any, tmp_path: Path) -> Trained:
    return Trained(cli, tmp_path)


def test_output_is_passed_through_and_the_run_id_is_data(trained: Trained) -> None:
    trained.cli.store.terminate_run(trained.run, "FINISHED")
    result = trained("--mode", "noisy", f"--run-id={trained.run}", "--learning-rate", "1e-3", "--gate")
    assert (result.code, result.out) == (0, f"{trained.run}\n")
    for said in ("'--learning-rate=1e-3'", "'--gate'", "ready", "line 0 ", "line 2999 ", "30%", "epoch 2"):
        assert said in result.err, said
    assert str(trained.folder / "logs") in result.err


@pytest.mark.parametrize(("mode", "code"), [("fail", 7), ("killed", 137)])
def test_the_exit_code_is_the_scripts(trained: Trained, mode: str, code: int) -> None:
    result = trained("--mode", mode, f"--run-id={trained.run}")
    assert (result.code, result.out) == (code, f"{trained.run}\n")
    assert trained.cli.store.get_run(trained.run).status == "KILLED", "nobody else would end it"


def test_a_script_without_a_run_says_so(trained: Trained) -> None:
    result = trained("--mode=quick")
    assert (result.code, result.out) == (0, "")
    assert "recorded no run" in result.err


@pytest.mark.parametrize(
    ("number", "mode", "code"),
    [(signal.SIGINT, "slow", 130), (signal.SIGINT, "deaf", 130), (signal.SIGTERM, "family", 143)],
)
def test_interrupted(trained: Trained, number: signal.Signals, mode: str, code: int) -> None:
    before = signal.getsignal(number)
    trained.signal_when_ready(number)
    result = trained("--mode", mode, f"--run-id={trained.run}")
    assert result.code == code
    assert "stopping the training" in result.err
    assert trained.cli.store.get_run(trained.run).status == "KILLED"
    assert not _alive(trained.trainings[0].pid)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("stopped", [False, True])
def test_a_store_that_hangs_at_the_end_hides_neither_the_output_nor_the_run(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    """The exit code stays the script's; the launch is settled."""

    def poll(request: PollTraining) -> Any:
        if request.with_run:
            raise DeadlineExceeded("memory://", request.what, 1.0)
        return trained.launcher.poll(request)

    def stop(request: StopTraining) -> Any:
        trained.launcher.stop(request)
        raise DeadlineExceeded("memory://", request.what, 1.0, True)

    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    trained.cli.answers |= {PollTraining: poll, StopTraining: stop}
    if stopped:
        trained.signal_when_ready(signal.SIGINT)
    result = trained("--mode", "slow" if stopped else "noisy", f"--run-id={trained.run}")
    assert (result.code, result.out) == (130 if stopped else 0, f"{trained.run}\n")
    assert stopped or "line 2999 " in result.err
    assert "mlaudit: memory://: no answer to " in result.err
    assert LaunchMemory("memory://").launches[0].run_id == trained.run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epochs", "0"], "--epochs must be an integer from 1 to 1000, not '0'"),
        (["--epochs"], "--epochs needs a value"),
        (["--epochs", "--gate"], "--epochs needs a value"),
        (["--epochs", "1", "--epochs=2"], "given twice"),
        (["--nonsense", "1"], "no such option: --nonsense"),
        (["extra"], "unexpected argument 'extra'"),
        (["-e", "1"], "unexpected argument '-e'"),
        (["--gate=maybe"], "--gate must be true or false"),
        (["--experiment=a\nb"], "text on one line"),
    ],
)
def test_bad_options_start_nothing(trained: Trained, arguments: list[str], said: str) -> None:
    result = trained(*arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert len(result.err.splitlines()) == 1
    assert trained.trainings == []


def test_a_value_may_look_like_an_option(trained: Trained) -> None:
    result = trained("--experiment", "-x; rm", "--mode=fail")
    assert "'--experiment=-x; rm'" in result.err


def test_read_only_refuses(trained: Trained) -> None:
    result = trained("--read-only")
    assert result.code == 2
    assert "training is off" in result.err
    assert trained.trainings == []


def test_a_missing_package_is_one_line(trained: Trained) -> None:
    write_fake_training(trained.scripts, DECLARATION.replace('["json"]', '["no_such_torch"]'))
    result = trained()
    assert result.code == 2
    assert "no_such_torch: pip install 'mlaudit[train]'" in result.err
    assert len(result.err.splitlines()) == 1


class TestDeclared:
    """Scripts of the team's own."""

    @pytest.fixture
    def two(self, trained: Trained) -> Trained:
        (script,) = (read_script(trained.scripts),)
        small = replace(script, key="small", name="Small", source="mlaudit.toml", directory=str(trained.scripts))
        trained.scripts_here = (small, replace(small, key="large", name="Large", parameters=()))
        return trained

    def test_one_is_chosen_and_its_command_is_said_before_it_runs(self, two: Trained) -> None:
        result = two("--script", "small", "--", "--mode=quick", "--epochs", "5")
        assert result.code == 0
        said = result.err.splitlines()[0]
        assert said.startswith(f"mlaudit: mlaudit.toml has it run, in {two.scripts}: ")
        assert said.endswith("--epochs=5 --experiment=fraud-detector")
        assert "'--epochs=5'" in result.err

    def test_it_is_remembered_for_the_form_of_the_app(
        self, two: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
        two("--script", "small", "--", "--epochs", "5", f"--run-id={two.run}")
        (launch,) = LaunchMemory("memory://").launches
        assert (launch.script, launch.run_id, launch.outcome) == ("small", two.run, "KILLED")
        assert dict(launch.values)["epochs"] == "5"
        assert dict(launch.values)["experiment"] == "fraud-detector", "the defaults of that day, too"

    def test_without_a_name_those_that_there_are_are_named(self, two: Trained) -> None:
        result = two("--mode=quick")
        assert result.code == 2
        assert "which script is meant; mlaudit.toml has: small, large (--script NAME)" in result.err
        assert two("--script", "x").code == 2
        assert two.trainings == []

    def test_one_without_options_takes_none(self, two: Trained) -> None:
        result = two("--script", "large", "--epochs", "5")
        assert (result.code, two.trainings) == (2, [])
        assert "no such option: --epochs" in result.err

    def test_help_has_all_or_the_one(self, two: Trained) -> None:
        both = two("--help").out
        assert "Options of Small (--script small):" in both
        assert "Options of Large (--script large):\n  it has none" in both
        assert "Large" not in two("--script", "small", "--help").out


def test_help_lists_the_scripts_options(trained: Trained) -> None:
    for word in ("--help", "-h"):
        result = trained(word)
        assert result.code == 0
        for said in ("--tracking-uri", "--learning-rate FLOAT", "a number from 1e-06 to 10; default 0.1", "--gate\n"):
            assert said in result.out, said
