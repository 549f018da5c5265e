"""Comparisons on the sample store, as reports get them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlaudit.config.policy import Policies
from mlaudit.domain.comparison import Comparison
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.compare import CompareRun, compare_run
from tests.plugins.sample_store import SAMPLE, build_sample_gateway


@pytest.fixture
def store() -> MemoryGateway:
    return build_sample_gateway()


@pytest.fixture
def compared(store: MemoryGateway) -> Callable[..., Comparison]:
    """compared(nickname, policies, against=..., model=...) -> the comparison."""

    def call(nickname: str, policies: Policies | None = None, **options: str) -> Comparison:
        return compare_run(store, policies or Policies(), CompareRun(SAMPLE.get(nickname, nickname), **options))

    return call
