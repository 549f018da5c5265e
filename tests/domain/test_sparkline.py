"""Histories as a line of block characters."""

from __future__ import annotations

import math

import pytest

from mlaudit.domain.sparkline import LEVELS, sparkline


def test_few_points_are_a_character_each() -> None:
    assert sparkline([0, 5, 100], [0.0, 0.5, 1.0], 12) == "▁▅█"
    assert sparkline([1], [3.5], 12) == "▄"
    assert sparkline([], [], 12) == ""


def test_many_points_are_spread_over_the_steps() -> None:
    """A straight line rises through all levels; where nothing was logged there is a blank."""
    assert sparkline(range(800), [float(v) for v in range(800)], 8) == LEVELS
    steps = [*range(100), *range(300, 400)]
    assert sparkline(steps, [0.0] * 100 + [1.0] * 100, 4) == "▁  █"


def test_points_of_one_step_are_spread_by_their_order() -> None:
    assert sparkline([7] * 40, [0.0] * 20 + [1.0] * 20, 4) == "▁▁██"


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 1.7976931348623157e308])
def test_what_is_no_number_is_seen(odd: float) -> None:
    """Alone or among numbers, whose level it does not change."""
    assert sparkline([0, 1, 2], [1.0, odd, 2.0], 12) == "▁×█"
    values = [float(v) for v in range(400)]
    values[150] = odd
    assert sparkline(range(400), values, 4) == "▁×▆█"
    assert sparkline([0, 1], [odd, odd], 12) == "××"


def test_values_that_are_the_same_are_level() -> None:
    """Whatever rounding makes of their mean; and zeros, and the greatest numbers there are."""
    assert sparkline(range(30), [0.1] * 30, 7) == "▄" * 7
    assert sparkline(range(3), [0.0] * 3, 7) == "▄▄▄"
    assert sparkline(range(40), [1.6e308] * 40, 4) == "▄▄▄▄"


def test_great_values_of_both_signs_do_not_overflow() -> None:
    assert sparkline(range(4), [-1.6e308, 0.0, 0.0, 1.6e308], 4) == "▁▅▅█"


def test_never_wider_than_asked() -> None:
    for count in (1, 11, 12, 13, 150, 1001):
        assert len(sparkline(range(count), [math.sin(v) for v in range(count)], 12)) == min(count, 12)
