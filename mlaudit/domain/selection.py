"""Which of a metric's logged values is judged: ``last``, ``best`` or ``step:<n>``."""

from __future__ import annotations

from mlaudit.domain.finite import is_finite
from mlaudit.domain.models import MetricHistory
from mlaudit.domain.verdict import Direction


def select_value(history: MetricHistory, select: str, direction: Direction | None) -> float | None:
    """The value that ``select`` names; None where there is none.

    ``last`` is the greatest (step, timestamp, value). ``best`` looks at the finite values only, and is not finite where
    none is. ``step:<n>`` is the last value logged at that step.
    """
    if not len(history):
        return None
    if select == "best":
        finite = [v for v in history.values if is_finite(v)]
        if not finite:
            return history.values[-1]
        return max(finite) if direction is Direction.HIGHER else min(finite)
    if select.startswith("step:"):
        step = int(select.removeprefix("step:"))
        return next((history.values[i] for i in reversed(range(len(history))) if history.steps[i] == step), None)
    return history.values[-1]
