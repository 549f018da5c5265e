"""What a promotion is going to do, and what it did: targets, plans, outcomes.

A *promotion* puts a version into Production or under an alias, a *move* into Staging or Archived or out from under an
alias, a *rollback* puts the recorded previous version back. All three go the same way: plan, consent, protocol, record.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlaudit.domain.baseline import is_alias
from mlaudit.domain.errors import UsageError
from mlaudit.domain.gate import Outcome
from mlaudit.domain.models import ModelSource, ModelVersion, Stage, StoreInfo
from mlaudit.domain.text import clean

UNALIAS = "unalias:"


class Event(StrEnum):
    """What a record in the audit trail is about."""

    PROMOTION = "promotion"
    MOVE = "move"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a version goes: a stage, under an alias, or out from under one."""

    stage: Stage | None
    alias: str = ""
    """Empty for a stage."""
    removes: bool = False
    """The alias is taken off the version, and names nothing afterwards."""

    def __str__(self) -> str:
        if self.stage is not None:
            return str(self.stage)
        return f"{UNALIAS if self.removes else 'alias:'}{self.alias}"

    @property
    def event(self) -> Event:
        """What it is to bring a version there."""
        return Event.MOVE if self.removes or self.stage in {Stage.STAGING, Stage.ARCHIVED} else Event.PROMOTION

    @property
    def is_judged(self) -> bool:
        """Whether the gate must be passed to get there: everywhere but to Archived and out from under an alias."""
        return self.stage is not Stage.ARCHIVED and not self.removes

    @classmethod
    def parse(cls, text: str) -> Target:
        """``Production``, ``Staging``, ``Archived``, ``alias:NAME``, ``unalias:NAME``; any case. Raises UsageError."""
        kind, colon, name = text.partition(":")
        if colon and kind.lower() in {"alias", "unalias"} and is_alias(name):
            return cls(None, name, removes=kind.lower() == "unalias")
        stages = (Stage.PRODUCTION, Stage.STAGING, Stage.ARCHIVED)
        stage = next((s for s in stages if s.value.lower() == text.lower()), None)
        if stage is None:
            raise UsageError(
                f"{clean(text)!r} is no target: use Production, Staging, Archived, alias:NAME or unalias:NAME"
                " (NAME: letters, digits, _ and -; neither latest nor v1)"
            )
        return cls(stage)


@dataclass(frozen=True, slots=True)
class PromotionPlan:
    """What would be done, on which state of the registry."""

    store: StoreInfo
    model: str
    raw_model: str
    event: Event
    target: Target
    subject: str
    """What was named: the run's id, or ``models:/NAME/VERSION``."""
    run_id: str
    """Empty where the version does not say which run made it."""
    run_name: str
    version: str | None
    """The version to move; None: the run's model is registered first."""
    stage_before: Stage
    """The stage that the version is in now."""
    source: ModelSource | None
    """What is registered when ``version`` is None."""
    previous: ModelVersion | None
    """The version that is in Production, or under the alias, now; None if there is none, and for a move."""
    aliases: tuple[str, ...]
    """The aliases that move to the version, after the stage."""
    outcome: Outcome | None
    """The gate's verdict on the run; None where nothing is judged: a rollback, a move to Archived."""
    reason: str
    """The verdict's reason, a stable word."""
    exit_code: int
    """The verdict's: 0 where the gate, by its policy, lets it through."""
    observed: tuple[tuple[str, str, int | None], ...]
    """Every version of the model as (version, stage, last_updated), newest first: the state that the plan is for."""
    plan_id: str
    """sha256 over all the above and what the verdict came from: policy, values, aliases."""
    command: str
    """The command line that does the same."""
    warnings: tuple[str, ...] = ()
    """What who decides should know, beside the verdict."""

    @property
    def passes(self) -> bool:
        """Whether it needs no override."""
        return self.exit_code == 0

    @property
    def needs_typed_name(self) -> bool:
        """Whether the model's name must be typed: the gate does not let it through."""
        return not self.passes


@dataclass(frozen=True, slots=True)
class PromotionOutcome:
    """What a promotion did, as read back from the registry afterwards."""

    model: str
    version: ModelVersion
    """The version that was moved, as it is now."""
    registered: bool
    """Whether it was registered on the way."""
    archived: tuple[ModelVersion, ...]
    """What left Production."""
    warnings: tuple[str, ...] = ()
    target: str = "Production"
    aliases: tuple[str, ...] = ()
    """The aliases that name it now and did not before."""
    record_id: str = ""
    """The id of its record in the audit trail."""
