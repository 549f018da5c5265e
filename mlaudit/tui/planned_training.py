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

    @property
    def title(self) -> str:
        """Script and options on one line."""
        return f"{self.name}: {self.changed}" if self.changed else self.name

    def record(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "name": self.name,
            "changed": self.changed,
            "metric": self.metric,
            "steps": self.steps,
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
    metric, steps = "", 0
    if script.progress is not None:
        told = dict(values).get(script.progress.parameter, "")
        metric, steps = (script.progress.metric, int(told)) if told else ("", 0)
    return Planned(request, script.name, changed, metric, steps)


def from_record(record: Mapping[str, Any]) -> Planned:
    """What :meth:`Planned.record` wrote. Raises KeyError, TypeError, ValueError, AttributeError."""
    command = record["command"]
    request = StartTraining(
        values=tuple((str(name), str(text)) for name, text in record["values"]),
        script=None if record["script"] is None else str(record["script"]),
        command=None if command is None else tuple(str(word) for word in command),
        directory=str(record["directory"]),
    )
    return Planned(
        request, clean(record["name"]), clean(record["changed"]), str(record["metric"]), int(record["steps"])
    )
