"""A world for promotions without real waiting: sleeping moves the clock, chance and ids are counted."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mlaudit.services.surroundings import Pace, Surroundings

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """Seconds since the test began; ``on_sleep`` is called before time moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.on_sleep: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.on_sleep()
        self.seconds += seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


_ids = itertools.count(1)


def fake_surroundings(
    clock: FakeClock | None = None,
    *,
    user: str = "ada",
    host: str = "box",
    ci_url: str | None = None,
    pace: Pace | None = None,
) -> Surroundings:
    """Surroundings on a fake clock."""
    clock = clock or FakeClock()
    return Surroundings(
        user,
        host,
        ci_url,
        now=clock.now,
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        chance=random.Random(1).random,
        token=lambda: f"{next(_ids):08x}",
        pace=pace or Pace(),
    )
