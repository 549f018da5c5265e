"""How a wrong filter is shown: the expression, a caret under the place, and the known key that was probably meant."""

from __future__ import annotations

from collections.abc import Sequence

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_keys import seen_in, suggestion
from mlaudit.domain.models import Run
from mlaudit.domain.text import clean

BEFORE = 60
"""Characters shown before the place, as far as there are more."""
AFTER = 40


def caret_lines(problem: FilterError) -> str:
    """The expression around the place, and a caret under it; empty where nobody knows the place."""
    from rich.cells import cell_len

    if problem.position < 0:
        return ""
    before, after = problem.expression[: problem.position], problem.expression[problem.position :]
    # Cleaned apart, since what replaces a character may be longer than it.
    left = clean(before[-BEFORE:]) if len(before) <= BEFORE else "…" + clean(before[-BEFORE:])
    right = clean(after) if len(after) <= AFTER else clean(after[:AFTER]) + "…"
    return f"  {left}{right}\n  {' ' * cell_len(left)}^"


def with_nearest_key(problem: FilterError, runs: Sequence[Run]) -> FilterError:
    """The error that also names the key of these runs that was probably meant."""
    if problem.position < 0:
        return problem
    near = suggestion(problem.expression, problem.position, seen_in(runs))
    if near is None or near in problem.problem:
        return problem
    return FilterError(problem.expression, f"{problem.problem}; the nearest known key is {near}", problem.position)
