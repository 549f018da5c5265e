"""Services for tests of the worker process: they sleep, hang, crash, fail and talk as they are asked."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mlaudit.config.settings import Settings
from mlaudit.domain import errors
from mlaudit.domain.models import MetricHistory
from mlaudit.services.requests import Request

PLACE = "tests.plugins.worker_services:make"


@dataclass(frozen=True, slots=True)
class Do(Request[Any]):
    """What the fake does with it, in ``action``; ``mark`` is a file that gets a line each time it begins."""

    action: str
    number: float = 0.0
    mark: str = ""

    deadline: ClassVar[float] = 20.0

    @property
    def what(self) -> str:
        return f"the fake {self.action}"


@dataclass(frozen=True, slots=True)
class Write(Do):
    """The same, as a request that writes."""

    writes: ClassVar[bool] = True


class Unprintable:
    """A result that cannot be packed."""

    def __reduce__(self) -> Any:
        raise TypeError("cannot be packed")


class Services:
    """Stands for :class:`mlaudit.wiring.Services`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def warm_up(self) -> None:
        if self.settings.policy_path:
            time.sleep(float(self.settings.policy_path))

    def handle(self, request: Do) -> Any:
        if request.mark:
            with open(request.mark, "a") as file:
                file.write(f"{os.getpid()}\n")
        return getattr(self, f"do_{request.action}")(request)

    def do_echo(self, request: Do) -> float:
        return request.number

    def do_pid(self, request: Do) -> int:
        return os.getpid()

    def do_settings(self, request: Do) -> Settings:
        return self.settings

    def do_sleep(self, request: Do) -> float:
        time.sleep(request.number)
        return request.number

    def do_sleep_then_mark(self, request: Do) -> None:
        time.sleep(request.number)
        with open(request.mark, "a") as file:
            file.write("done\n")

    def do_sleep_first(self, request: Do) -> str:
        """Hangs in the first process that gets it, answers in the second."""
        if len(set(Path(request.mark).read_text().split())) < 2:
            time.sleep(600)
        return "second"

    def do_die(self, request: Do) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)

    def do_die_first(self, request: Do) -> str:
        if len(set(Path(request.mark).read_text().split())) < 2:
            self.do_die(request)
        return "second"

    def do_fail(self, request: Do) -> None:
        raise errors.AmbiguousRunId("abc", ("abc1", "abc2"))

    def do_defect(self, request: Do) -> None:
        raise ValueError("could not connect to postgresql://joe:canary-secret@host/db")

    def do_exit(self, request: Do) -> None:
        sys.exit(3)

    def do_unpackable(self, request: Do) -> Unprintable:
        return Unprintable()

    def do_noise(self, request: Do) -> None:
        print("printed", "noise")
        sys.stderr.write("stderr noise http://joe:canary-secret@host/x\n")
        logging.getLogger("mlflow").warning("logged noise")
        os.write(1, b"raw noise\n")
        subprocess.run(["echo", "child noise"], check=True)

    def do_history(self, request: Do) -> MetricHistory:
        n = int(request.number)
        return MetricHistory("r", "k", array("q", range(n)), array("q", range(n)), array("d", range(n)))


def make(settings: Settings) -> Services:
    return Services(settings)
