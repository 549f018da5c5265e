"""What a failed change means for the registry, in words."""

from __future__ import annotations

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.errors import (
    BackendCrashed,
    DeadlineExceeded,
    MlauditError,
    PromotionConflict,
    StalePlan,
    StoreLocked,
)
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.promote import PlanPromotion, plan_promotion
from mlaudit.tui.widgets.change_text import failure_words
from tests.plugins.sample_store import MODEL, SAMPLE


@pytest.mark.parametrize(
    ("error", "begin", "end"),
    [
        (StalePlan(MODEL, "x"), "Not moved: ", "look again."),
        (StoreLocked("memory://", "locked"), "Not moved: ", "locked."),
        (PromotionConflict(MODEL, "x"), "promotion of", "Look at the registry before doing anything else."),
        (DeadlineExceeded("m", "x", 5, True), "m: no answer", "is not known: what is shown here is being read anew."),
        (BackendCrashed("m", "ended"), "m: ended", "is not known: what is shown here is being read anew."),
    ],
)
def test_only_what_is_not_known_is_said_to_be(
    sample_gateway: MemoryGateway, error: MlauditError, begin: str, end: str
) -> None:
    plan = plan_promotion(sample_gateway, Policies(), PlanPromotion(SAMPLE["production"], MODEL, "Archived"))
    said = failure_words(plan, error)
    assert said.startswith(begin)
    assert said.endswith(end)
