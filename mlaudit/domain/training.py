"""A training script as it is declared, what may be passed to it, and the command that comes of it. Pure; runs nothing.

Each value goes into words of the command that were cut before it was put in, and no shell sees them: a value can be
neither two arguments nor, where the declaration says ``--name={}``, an option of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mlaudit.domain.errors import UsageError
from mlaudit.domain.text import clean

TYPES = ("int", "float", "str", "bool", "choice")
PARAMETER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
SCRIPT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
OWN_ARGUMENT = frozenset({"{}", "{value}"})
"""Words that are nothing but the value."""
BUNDLED = "bundled"
"""The key of the script that comes with mlaudit."""
NO_RUN = "the script recorded no run with mlflow.start_run(), and printed none as run_id: ID"
_PLACE = re.compile(r"\{(|value|name)\}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One option that a training script declares."""

    name: str
    """In the form and on mlaudit's command line, without dashes, e.g. ``learning-rate``."""
    type: str
    """``int``, ``float``, ``str``, ``bool`` (a switch) or ``choice``."""
    default: str
    """As text; ``true`` or ``false`` for a switch; empty: the option is not passed."""
    help: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    passed: tuple[str, ...] = ()
    """The words that hand a value over, with ``{}`` or ``{value}`` and ``{name}`` in them; empty: ``--name=value``, and
    ``--name`` for a switch that is on. Words of a switch without a place for its value are passed when it is on."""
    passed_off: tuple[str, ...] = ()
    """What is passed for a switch that is off."""
    param: str = ""
    """The MLflow param in which the script records it, where that has another name."""

    @property
    def allowed(self) -> str:
        """What it may hold, in words: ``an integer from 1 to 1000``."""
        if self.type == "bool":
            return "true or false"
        if self.type == "choice":
            return f"one of {', '.join(self.choices)}"
        kind = {"int": "an integer", "float": "a number"}.get(self.type, "text on one line")
        if self._bare:
            kind += " that does not begin with -"
        low, high = (None if v is None else f"{v:.15g}" for v in (self.minimum, self.maximum))
        if low is not None and high is not None:
            return f"{kind} from {low} to {high}"
        return f"{kind} of {low} or more" if low is not None else f"{kind} of {high} or less" if high else kind

    def problem(self, value: str) -> str:
        """Why ``value`` will not do, as ``must be ...``; empty when it will."""
        if not value:
            # The script's own default in place of a field that was emptied would be a surprise.
            return "must not be empty" if self.default else ""
        return "" if self._fits(value) else f"must be {self.allowed}"

    @property
    def _bare(self) -> bool:
        """Whether a text would stand alone as an argument, where a script may take it for an option."""
        return self.type == "str" and bool(OWN_ARGUMENT & set(self.passed))

    def _fits(self, value: str) -> bool:
        if self.type == "bool":
            return value in {"true", "false"}
        if self.type == "choice":
            return value in self.choices
        if self.type == "str":
            return clean(value) == value and bool(value.strip()) and not (self._bare and value.startswith("-"))
        if self.type == "int" and not _INTEGER.fullmatch(value):
            return False
        try:
            number: float = int(value) if self.type == "int" else float(value)
        except ValueError:
            return False
        if not math.isfinite(number) or "_" in value or value != value.strip():
            return False
        return not (
            (self.minimum is not None and number < self.minimum) or (self.maximum is not None and number > self.maximum)
        )

    def words(self, value: str) -> tuple[str, ...]:
        """The arguments that hand ``value`` over; none for one that is not passed."""
        if self.type == "bool":
            template = self.passed or ("--{name}",)
            if value != "true" and not takes_value(template):
                template = self.passed_off
        elif not value:
            return ()
        else:
            template = self.passed or ("--{name}={}",)
        # One pass over each word: what a value holds is never taken for a place.
        return tuple(_PLACE.sub(lambda m: self.name if m[1] == "name" else value, word) for word in template)

    def is_recorded_as(self, key: str) -> bool:
        """Whether this MLflow param holds it: ``learning_rate`` does for ``learning-rate``."""
        return key == self.param if self.param else same_name(key, self.name)


def takes_value(words: Iterable[str]) -> bool:
    """Whether there is a place for the value in these words."""
    return any(place != "name" for word in words for place in _PLACE.findall(word))


def same_name(one: str, other: str) -> bool:
    """Whether two names differ in nothing but dashes for underscores."""
    return one.replace("-", "_") == other.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Progress:
    """How it can be told how far a training is: by the steps of a metric, of which a parameter says how many."""

    parameter: str
    """The name of the parameter that holds the number of steps."""
    metric: str
    """The raw key of a metric that is logged with these steps."""


@dataclass(frozen=True, slots=True)
class TrainingScript:
    """A script that can be launched, and its options."""

    name: str
    """What people call it."""
    path: str
    """Absolute directory of its declaration."""
    parameters: tuple[Parameter, ...]
    missing: str = ""
    """Why it cannot run here, as one line (a package is missing); empty when it can."""
    command: tuple[str, ...] = ()
    """The program and its first arguments; the options follow."""
    missing_packages: tuple[str, ...] = ()
    """What ``missing`` names."""
    key: str = ""
    """By which it is chosen: NAME of ``[train.NAME]``, else ``train``; the bundled script is ``bundled``."""
    source: str = ""
    """The file that declares it, printable."""
    directory: str = ""
    """Absolute, where it is run; empty: mlaudit's own working directory."""
    environment: tuple[str, ...] | None = None
    """The names of variables that it is given (``AWS_*`` for all that begin so); None: all of the user's."""
    experiment: str = ""
    """Handed over in MLFLOW_EXPERIMENT_NAME; empty: left to the script."""
    requires: tuple[str, ...] = ()
    """Python packages without which it cannot run, by their import names."""
    progress: Progress | None = None

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name."""
        return next((p for p in self.parameters if p.name == name), None)

    def check(self, values: Iterable[tuple[str, str]]) -> dict[str, str]:
        """All options with their values, the defaults where none is given.

        Raises UsageError naming the option, the value and what is allowed.
        """
        given = dict(values)
        known = [p.name for p in self.parameters]
        for name in given:
            if name not in known:
                has = f"it has: {', '.join(known)}" if known else "it has none"
                raise UsageError(f"--{clean(name)} is no option of the training script; {has}")
        taken = {p.name: given.get(p.name, p.default) for p in self.parameters}
        for parameter in self.parameters:
            value = taken[parameter.name]
            if problem := parameter.problem(value):
                shown = f", not {clean(value)!r}" if value else ""
                raise UsageError(f"--{parameter.name} {problem}{shown}")
        return taken

    def argv(self, values: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """The whole command. Raises UsageError."""
        taken = self.check(values)
        return (*self.command, *(word for p in self.parameters for word in p.words(taken[p.name])))
