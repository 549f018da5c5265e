"""Promotion: plan, confirm, act, read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlaudit.domain.promotion import PromotionOutcome, PromotionPlan
from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class PlanPromotion(Request[PromotionPlan]):
    """What promoting this run to Production would do. Changes nothing."""

    run_id: str
    model: str | None = None

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the plan to promote run {self.run_id[:12]}"


@dataclass(frozen=True, slots=True)
class ExecutePromotion(Request[PromotionOutcome]):
    """Do what the plan says, if the registry is still as the plan saw it."""

    plan: PromotionPlan
    typed_name: str = ""
    """What the user typed; must be the model's printable name when ``plan.needs_typed_name``."""

    deadline: ClassVar[float] = 120.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return f"the promotion of {self.plan.model}"
