"""A training that was agreed to: what is to be started, and what to call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlaudit.domain.text import clean
from mlaudit.domain.training import TrainingScript
from mlaudit.services.training import StartTraining


@dataclass(frozen=True, slots=True)
class Planned:
    """A start, with what lists and notices say of it."""

    request: StartTraining
    name: str
    """The script's."""
    changed: str = ""
    """The options that differ from their defaults: ``epochs=7, seed=2``; empty: none does."""
    metric: str = ""
    """The raw key of the metric by whose steps it is told how far the training is; empty: nobody can tell."""
    steps: int = 0
    """How many there will be."""
    counted: str = ""
    """What they are, by the parameter that says how many: ``epochs``."""

    @property
    def title(self) -> str:
        """Script and options on one line."""
        return f"{self.name}: {self.changed}" if self.changed else self.name

    def description(self) -> dict[str, Any]:
        """What is said of it, for JSON."""
        return {
            "name": self.name,
            "changed": self.changed,
            "metric": self.metric,
            "steps": self.steps,
            "counted": self.counted,
        }

    def record(self) -> dict[str, Any]:
        """All of it for JSON."""
        return self.description() | {
            "script": self.request.script,
            "values": [list(pair) for pair in self.request.values],
            "command": None if self.request.command is None else list(self.request.command),
            "directory": self.request.directory,
        }


def plan(script: TrainingScript, values: tuple[tuple[str, str], ...]) -> Planned:
    """The start of a script with these values. Raises UsageError where they will not do."""
    request = StartTraining(values, script.key, script.argv(values), script.directory)
    defaults = {p.name: p.default for p in script.parameters}
    changed = ", ".join(f"{n}={v or '(not passed)'}" for n, v in values if v != defaults.get(n))
    progress = script.progress
    told = dict(values).get(progress.parameter, "") if progress else ""
    if progress is None or not told:
        return Planned(request, script.name, changed)
    return Planned(request, script.name, changed, progress.metric, int(told), progress.parameter)


def from_record(record: Mapping[str, Any]) -> Planned:
    """What :meth:`Planned.record` wrote. Raises KeyError, TypeError, ValueError, AttributeError."""
    command = record["command"]
    request = StartTraining(
        values=tuple((str(name), str(text)) for name, text in record["values"]),
        script=None if record["script"] is None else str(record["script"]),
        command=None if command is None else tuple(str(word) for word in command),
        directory=str(record["directory"]),
    )
    return described(record, request)


def described(record: Mapping[str, Any], request: StartTraining) -> Planned:
    """What a record says of a start. Raises KeyError, TypeError, ValueError."""
    metric, steps = str(record["metric"]), int(record["steps"])
    return Planned(request, clean(record["name"]), clean(record["changed"]), metric, steps, clean(record["counted"]))
