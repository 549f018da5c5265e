"""Metric histories for the chart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from mlaudit.domain.models import MetricHistory
from mlaudit.gateway.base import TrackingReader
from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class GetHistory(Request[MetricHistory]):
    """The history of one metric of one run; ``key`` is printable, ``raw_key`` what the store calls it."""

    run_id: str
    key: str
    raw_key: str = ""
    """Empty: the same as ``key``."""
    most: int | None = None
    """Points that are enough to draw, about: longer histories of database stores come as each stretch's least and
    greatest, marked as sampled. None: all points, as judging needs them."""

    # A million points take MLflow's client 50 s; the screen stays alive meanwhile and says what it waits for.
    deadline: ClassVar[float] = 120.0

    @property
    def what(self) -> str:
        return f"the history of {self.key}"


def get_history(reader: TrackingReader, request: GetHistory) -> MetricHistory:
    """Empty when the run never logged the metric. Raises RunNotFound, StoreError."""
    history = reader.metric_history(request.run_id, request.raw_key or request.key, request.most)
    if history.key == request.key:
        return history
    return replace(history, key=request.key)
