"""What a report needs of a comparison: reports know the domain, and the services' result types only by shape."""

from __future__ import annotations

from typing import Protocol

from mlaudit.domain.diff import RunDiff
from mlaudit.domain.models import ModelVersion, Run, StoreInfo
from mlaudit.domain.verdict import GatePolicy, Verdict


class JudgedSide(Protocol):
    """The candidate or the baseline."""

    @property
    def run(self) -> Run: ...
    @property
    def version(self) -> ModelVersion | None: ...


class Judged(Protocol):
    """A comparison: :class:`mlaudit.services.compare.Comparison` has this shape."""

    @property
    def store(self) -> StoreInfo: ...
    @property
    def model(self) -> str | None: ...
    @property
    def model_reason(self) -> str: ...
    @property
    def candidate(self) -> JudgedSide: ...
    @property
    def baseline(self) -> JudgedSide | None: ...
    @property
    def selector(self) -> str: ...
    @property
    def diff(self) -> RunDiff | None: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def policy(self) -> GatePolicy: ...
