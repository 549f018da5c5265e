"""Launching a training script and watching it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class Parameter:
    """One option that a training script declares (``demo/train.toml``)."""

    name: str
    """The option without dashes, e.g. ``learning-rate``."""
    type: str
    """``int``, ``float``, ``str``, ``bool`` (a switch) or ``choice``."""
    default: str
    """As text; ``true`` or ``false`` for a switch; empty: the option is not passed."""
    help: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingScript:
    """A script that can be launched, and its options."""

    name: str
    path: str
    parameters: tuple[Parameter, ...]
    missing: str = ""
    """Why it cannot run here, as one line (a package is missing); empty when it can."""


@dataclass(frozen=True, slots=True)
class DescribeTraining(Request[TrainingScript]):
    """The bundled training script and its options."""

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


@dataclass(frozen=True, slots=True)
class StartTraining(Request[Training]):
    """Start the script with these values (option name -> text). Raises UsageError, MissingExtra, ReadOnly."""

    values: tuple[tuple[str, str], ...]

    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return "the start of a training"


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """How a training stands."""

    running: bool
    exit_code: int | None
    """None while it runs; negative for a signal, as Python has it."""
    run_id: str | None
    """The MLflow run, once the script has started one."""
    run_status: str | None
    """MLflow's status of that run."""


@dataclass(frozen=True, slots=True)
class PollTraining(Request[TrainingStatus]):
    """Whether it still runs, and its run."""

    training: Training

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
