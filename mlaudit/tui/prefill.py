"""Values that the form of a training begins with: those of a run, of an earlier launch, or what was typed before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlaudit.config.launch_memory import Launch
from mlaudit.domain.models import Run
from mlaudit.domain.text import clean
from mlaudit.domain.training import TrainingScript

LAUNCH_TAG = "mlaudit.launch_id"
MOST_NAMED = 6
"""Names that a sentence takes before it only counts the others."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """What the form is to begin with."""

    values: Mapping[str, str] = field(default_factory=dict)
    """By an option's name."""
    params: Mapping[str, str] = field(default_factory=dict)
    """By the name of an MLflow param."""
    origin: str = ""
    """Where they come from, for a sentence: ``run clever-owl (4f2a11)``; empty: from this same form."""
    script: str = ""
    """The key of the script that they were for; empty: not known."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What of it a script takes."""

    values: Mapping[str, str]
    """By an option's name."""
    remarks: tuple[str, ...]
    """What was left out, a sentence each."""


def of_run(run: Run, launch: Launch | None) -> Prefill:
    """A run's params; with how it was launched, where that is remembered, for what a script does not record."""
    values = dict(launch.values) if launch else {}
    origin = f"run {run.name} ({run.run_id[:8]})" if run.name else f"run {run.run_id[:8]}"
    return Prefill(values, run.params, origin, launch.script if launch else "")


def of_launch(launch: Launch, when: str) -> Prefill:
    """The values of an earlier launch."""
    return Prefill(dict(launch.values), origin=f"the launch of {when}", script=launch.script)


def fill(script: TrainingScript, prefill: Prefill) -> Filled:
    """The values that this script can take, and what it cannot."""
    taken: dict[str, str] = {}
    wrong: dict[str, str] = {}
    used: set[str] = set()
    for parameter in script.parameters:
        key = next((k for k in prefill.params if parameter.is_recorded_as(k)), None)
        if key is None and parameter.name not in prefill.values:
            continue
        text = prefill.values[parameter.name] if key is None else prefill.params[key]
        used |= {key} if key is not None else set()
        value = text.lower() if parameter.type == "bool" else text
        if parameter.type in {"bool", "choice"} and value and parameter.problem(value):
            # A control that cannot hold a wrong value cannot show one either.
            wrong[parameter.name] = f"{parameter.name} {clean(text)!r}"
            continue
        taken[parameter.name] = value
    known = {p.name for p in script.parameters}
    unknown = [clean(k) for k in prefill.params if k not in used]
    unknown += [clean(k) for k in prefill.values if k not in known and k not in prefill.params]
    remarks = []
    if unknown:
        remarks.append(f"Not passed on, since the script has no such option: {_named(unknown)}.")
    if wrong:
        remarks.append(f"Not taken over, since the script does not allow it: {_named(list(wrong.values()))}.")
    missing = [p.name for p in script.parameters if p.name not in taken and p.name not in wrong]
    if prefill.origin and missing:
        remarks.append(f"Not known from there, so at their defaults: {_named(missing)}.")
    return Filled(taken, tuple(remarks))


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
