"""What a promotion is going to do, and what it did.

Here is the plan and its read-back. The lease, the aliases and the evidence record of the full protocol build on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlaudit.domain.gate import Outcome
from mlaudit.domain.models import ModelSource, ModelVersion, StoreInfo


@dataclass(frozen=True, slots=True)
class PromotionPlan:
    """What would be done, on which state of the registry."""

    store: StoreInfo
    model: str
    raw_model: str
    run_id: str
    run_name: str
    version: str | None
    """The version to promote; None: the run's model is registered first."""
    source: ModelSource | None
    """What is registered when ``version`` is None."""
    previous: ModelVersion | None
    """The version in Production now; None if there is none."""
    outcome: Outcome
    """The gate's verdict on the run."""
    reason: str
    observed: tuple[tuple[str, str, int | None], ...]
    """Every version of the model as (version, stage, last_updated), newest first: the state that the plan is for."""
    plan_id: str
    """sha256 over all the above and what the verdict came from: policy, values, aliases."""
    command: str
    """The command line that does the same."""

    @property
    def needs_typed_name(self) -> bool:
        """Whether the model's name must be typed: the verdict is anything but PASS."""
        return self.outcome is not Outcome.PASS


@dataclass(frozen=True, slots=True)
class PromotionOutcome:
    """What a promotion did, as read back from the registry afterwards."""

    model: str
    version: ModelVersion
    """The version now in Production."""
    registered: bool
    """Whether it was registered on the way."""
    archived: tuple[ModelVersion, ...]
    """What left Production."""
    warnings: tuple[str, ...] = ()
