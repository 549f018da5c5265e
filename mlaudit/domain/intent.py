"""The intent: a tag on the registered model that says, while it lasts, who is changing what.

It is a lease without a clock in common: whoever finds another's intent backs off, and takes it for dead only after
having seen it unchanged for the lease time by a clock of his own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from mlaudit.domain.errors import UsageError
from mlaudit.domain.evidence import canonical
from mlaudit.domain.models import ModelVersion, Stage
from mlaudit.domain.promotion import Target
from mlaudit.domain.text import clean

INTENT_PREFIX = "mlaudit.intent."
RECOVERY = "recovery"
"""The event of an intent that ends others; what it does may be done again, so a dead one is just deleted."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Who is changing what. All text is clean."""

    op: str
    """The operation's id, which is its record's too."""
    event: str
    target: str
    aliases: tuple[str, ...]
    version: str | None
    """None: a version that is registered on the way."""
    run_id: str
    previous: str | None
    """The version that was in Production, or under the alias."""
    previous_stage: str
    """The stage that ``version`` was in."""
    plan_id: str
    actor: str
    host: str
    time: str
    """UTC, ISO 8601, by the writer's clock: for people only."""

    @property
    def key(self) -> str:
        """The tag's key."""
        return f"{INTENT_PREFIX}{self.op}"

    @property
    def words(self) -> str:
        """For people: who, where, since when, what."""
        if self.event == RECOVERY:
            return f"recovery by {self.actor} on {self.host} since {self.time}"
        version = f"version {self.version}" if self.version else f"a new version of run {self.run_id[:12]}"
        return f"{self.event} of {version} to {self.target} by {self.actor} on {self.host} since {self.time}"

    def text(self) -> str:
        """The tag's value."""
        return canonical({k: v for k, v in asdict(self).items() if k != "op"})

    @classmethod
    def parse(cls, key: str, value: str) -> Intent | None:
        """The intent in a tag; None when it cannot be read, as somebody else wrote it."""
        try:
            told = json.loads(value)
            version, previous = told["version"], told["previous"]
            words = ("event", "target", "run_id", "previous_stage", "plan_id", "actor", "host", "time")
            texts = {name: clean(str(told[name]), max_length=300) for name in words}
            if not isinstance(told["aliases"], list):
                return None
            aliases = tuple(clean(str(a)) for a in told["aliases"])
            return cls(
                op=clean(key.removeprefix(INTENT_PREFIX)),
                aliases=aliases,
                version=None if version is None else clean(str(version)),
                previous=None if previous is None else clean(str(previous)),
                **texts,
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


def intents_among(tags: Mapping[str, str]) -> dict[str, str]:
    """The raw intents among a registered model's tags: key -> value."""
    return {k: v for k, v in sorted(tags.items()) if k.startswith(INTENT_PREFIX)}


def words_of(key: str, value: str) -> str:
    """An intent for people, readable or not."""
    intent = Intent.parse(key, value)
    return intent.words if intent else f"an intent that cannot be read: {clean(key, max_length=80)}"


class Recovery(StrEnum):
    """What is to be done about a dead intent."""

    ROLL_FORWARD = "roll forward"
    DELETE = "delete the intent"
    ASK = "ask"


def recovery_of(intent: Intent | None, versions: tuple[ModelVersion, ...]) -> tuple[Recovery, str]:
    """What the registry says about how far it came: what to do, and why in words."""
    if intent is None:
        return Recovery.ASK, "the intent cannot be read"
    if intent.event == RECOVERY:
        return Recovery.DELETE, "what it was to end still has its own intent"
    try:
        target = Target.parse(intent.target)
    except UsageError:
        return Recovery.ASK, f"its target {intent.target!r} is unknown"
    if target.stage in {Stage.STAGING, Stage.ARCHIVED}:
        return _recovery_of_move(intent, target, versions)
    if target.removes:
        holders = [v.version for v in versions if target.alias in v.aliases]
        if not holders:
            return Recovery.ROLL_FORWARD, f"alias {target.alias} names no version"
        said = f"alias {target.alias} names version {holders[0]}"
        return (Recovery.DELETE, f"{said}, as before") if holders == [intent.version] else (Recovery.ASK, said)
    where = "Production" if target.stage is not None else f"alias {target.alias}"
    if target.stage is not None:
        there = [v for v in versions if v.stage is Stage.PRODUCTION]
    else:
        there = [v for v in versions if target.alias in v.aliases]
    said = f"in {where}: {', '.join(v.version for v in there) or 'nothing'}"
    if len(there) == 1 and _is_its(intent, there[0]):
        return Recovery.ROLL_FORWARD, said
    if [v.version for v in there] == ([intent.previous] if intent.previous else []):
        return Recovery.DELETE, f"{said}, as before"
    return Recovery.ASK, said


def _is_its(intent: Intent, version: ModelVersion) -> bool:
    """Whether this is the version that the intent is about."""
    if intent.version is not None:
        return version.version == intent.version
    return version.run_id == intent.run_id and version.version != intent.previous


def _recovery_of_move(intent: Intent, target: Target, versions: tuple[ModelVersion, ...]) -> tuple[Recovery, str]:
    if intent.version is None:
        found = next((v for v in versions if v.run_id == intent.run_id), None)
        if found is None or found.stage is Stage.NONE:
            return Recovery.DELETE, "its version was not registered, or not moved"
    else:
        found = next((v for v in versions if v.version == intent.version), None)
        if found is None:
            return Recovery.DELETE, f"version {intent.version} is gone"
    said = f"version {found.version} is in {found.stage}"
    if found.stage is target.stage:
        return Recovery.ROLL_FORWARD, said
    if found.stage == intent.previous_stage:
        return Recovery.DELETE, f"{said}, as before"
    return Recovery.ASK, said
