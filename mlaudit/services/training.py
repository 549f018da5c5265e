"""A training as it is asked for and answered: requests and results that travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.domain.training import TrainingScript
from mlaudit.services.requests import Request

__all__ = ["DescribeTraining", "PollTraining", "StartTraining", "StopTraining", "Training", "TrainingStatus"]


@dataclass(frozen=True, slots=True)
class DescribeTraining(Request[tuple[TrainingScript, ...]]):
    """The training scripts that can be started here, with their options; never none.

    Those of the team's mlaudit.toml in its order, else the bundled one. Raises PolicyError for a wrong declaration.
    """

    @property
    def what(self) -> str:
        return "the training script's options"


@dataclass(frozen=True, slots=True)
class Training:
    """A launched training process."""

    launch_id: str
    """Also the run's tag ``mlaudit.launch_id``."""
    pid: int
    started: float
    """Seconds since the epoch."""
    argv: tuple[str, ...]
    log_path: str
    """stdout and stderr of the process; tail it."""
    identity: str = ""
    """When the process was started, as the system says it: a pid alone may be another's by now."""


@dataclass(frozen=True, slots=True)
class StartTraining(Request[Training]):
    """Start the script with these values (option name -> text). Raises UsageError, MissingExtra, ReadOnly."""

    values: tuple[tuple[str, str], ...]
    script: str | None = None
    """Its key; None: the only one."""
    command: tuple[str, ...] | None = None
    """What the user was shown and has agreed to. Where something else would be run by now, nothing is. None: nobody
    was asked, as the user has named the script and the values himself."""
    directory: str = ""
    """With ``command``: where it was to be run."""

    # It may be the first that is asked of the store.
    deadline: ClassVar[float] = 20.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return "the start of a training"


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """How a training stands."""

    running: bool
    exit_code: int | None
    """None while it runs; negative for a signal, as Python has it. Also None when nobody was there to be told."""
    run_id: str | None
    """The MLflow run, once the script has started one."""
    run_status: str | None
    """MLflow's status of that run."""
    problem: str = ""
    """Why the run's part is missing or doubtful, in words; the process's part is right all the same."""
    more_runs: int = 0
    """Further runs of the same process that are not children of another; -1: some, too many to be counted."""
    answered: bool = True
    """False: the store failed, so nobody knows yet what has become of the run."""


@dataclass(frozen=True, slots=True)
class PollTraining(Request[TrainingStatus]):
    """Whether it still runs, and its run."""

    training: Training
    with_run: bool = True
    """False: look at the process and its output only, and do not ask the store."""

    @property
    def what(self) -> str:
        return "the state of the training"


@dataclass(frozen=True, slots=True)
class StopTraining(Request[TrainingStatus]):
    """SIGINT to the group, 10 s, SIGTERM, 5 s, SIGKILL; then a run still RUNNING is set KILLED."""

    training: Training

    deadline: ClassVar[float] = 40.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return "stopping the training"
