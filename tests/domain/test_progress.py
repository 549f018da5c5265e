"""How far a training is, by its steps."""

import pytest

from mlaudit.domain.progress import WINDOW, Estimate, estimate


def told(steps: list[int], seconds: list[float], total: int, now: float) -> Estimate | None:
    return estimate(steps, [int(s * 1000) for s in seconds], total, started=0, now=now)


def test_steps_may_begin_with_0_or_1() -> None:
    assert told([1, 2, 3], [10, 20, 30], 10, now=30) == Estimate(3, 10, 70)
    assert told([0, 1, 2], [10, 20, 30], 10, now=30) == Estimate(3, 10, 70)


def test_the_first_step_alone_tells_by_the_start() -> None:
    assert told([1], [10], 4, now=12) == Estimate(1, 4, 28)


def test_what_has_passed_since_the_last_step_is_taken_off_but_never_below_nothing() -> None:
    assert told([1, 2], [10, 20], 3, now=24) == Estimate(2, 3, 6)
    assert told([1, 2], [10, 20], 3, now=99) == Estimate(2, 3, 0)
    assert told([1, 2, 3], [10, 20, 30], 3, now=31) == Estimate(3, 3, 0)


def test_a_metric_may_be_logged_every_few_steps() -> None:
    assert told([100, 200], [10, 20], 400, now=20) == Estimate(200, 400, 20)


def test_the_pace_is_that_of_late() -> None:
    steps = list(range(1, 101))
    times = [s * 10.0 for s in steps[:50]] + [500 + s for s in range(1, 51)]
    assert told(steps, times, 110, now=550) == Estimate(100, 110, 10)
    assert WINDOW < 50


@pytest.mark.parametrize(("steps", "total"), [([], 5), ([1, 2], 0), ([-1, 2], 5), ([1, 6], 5), ([0, 5], 5)])
def test_what_makes_no_sense_tells_nothing(steps: list[int], total: int) -> None:
    assert told(steps, [float(s) for s in range(len(steps))], total, now=10) is None


def test_a_clock_that_went_back_tells_no_time() -> None:
    assert told([1, 2], [20, 10], 3, now=20) == Estimate(2, 3, None)
