"""The words that name a baseline: ``stage:NAME``, ``alias:NAME``, ``version:N``, ``run:ID`` and ``previous``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mlaudit.domain.errors import BaselineSelectorError
from mlaudit.domain.models import Stage
from mlaudit.domain.text import clean

# Less the names that MLflow keeps for itself, latest in any case.
_ALIAS = re.compile(r"(?!(?i:latest)\Z)(?![vV]\d+\Z)[\w-]{1,255}")


class SelectorKind(StrEnum):
    """What a selector names."""

    STAGE = "stage"
    ALIAS = "alias"
    VERSION = "version"
    RUN = "run"
    PREVIOUS = "previous"
    """The newest version that is older than the candidate's own, or the newest of all when it has none."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A baseline by name; ``str()`` gives the word back in its canonical form."""

    kind: SelectorKind
    value: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}" if self.value else str(self.kind)


def is_alias(name: str) -> bool:
    """Whether MLflow lets a version have this alias: letters, digits, _ and -; neither latest nor v1."""
    return _ALIAS.fullmatch(name) is not None


def parse_selector(text: str) -> Selector:
    """The selector that ``text`` spells; stages in any case. Raises BaselineSelectorError."""
    word, colon, value = text.strip().partition(":")
    word, value = word.strip().lower(), value.strip()
    if word == SelectorKind.PREVIOUS and not colon:
        return Selector(SelectorKind.PREVIOUS)
    if word not in set(SelectorKind) - {SelectorKind.PREVIOUS} or not value:
        raise BaselineSelectorError(clean(text), "use stage:NAME, alias:NAME, version:N, run:ID or previous")
    kind = SelectorKind(word)
    if kind is SelectorKind.STAGE:
        stages = {str(stage).lower(): stage for stage in Stage}
        if value.lower() not in stages:
            raise BaselineSelectorError(clean(text), f"the stages are {', '.join(Stage)}")
        return Selector(kind, stages[value.lower()])
    if kind is SelectorKind.VERSION:
        number = value.removeprefix("v")
        if not (number.isascii() and number.isdigit()):
            raise BaselineSelectorError(clean(text), "a version is a number, as in version:3")
        return Selector(kind, str(int(number)) if len(number) < 20 else number)
    if kind is SelectorKind.ALIAS and not is_alias(value):
        raise BaselineSelectorError(clean(text), "an alias is of letters, digits, _ and -, and neither latest nor v1")
    return Selector(kind, value)
