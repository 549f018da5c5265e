"""A command line on the sample store, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlaudit.cli.main import main
from mlaudit.config.settings import Settings
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.wiring import Services

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from sample_store import build_sample_gateway


@dataclass
class Result:
    code: int
    out: str
    err: str


@dataclass
class CommandLine:
    """Calls the program on one store and remembers the settings it came to."""

    store: MemoryGateway
    capture: pytest.CaptureFixture[str]
    answers: dict[type, Callable[[Any], Any]]
    settings: Settings | None = None

    def __call__(self, *arguments: str) -> Result:
        def factory(settings: Settings) -> Services:
            self.settings = settings
            services = Services(settings, open_gateway=lambda: self.store)
            services._answers.update(self.answers)  # requests whose service is another room's
            return services

        self.capture.readouterr()
        code = main(arguments, factory)
        captured = self.capture.readouterr()
        return Result(code, captured.out, captured.err)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The program on a fresh sample store."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    return CommandLine(build_sample_gateway(), capsys, {})
