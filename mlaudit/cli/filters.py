"""Filters on the command line: named ones, and how a wrong one is shown.

A wrong filter is shown with a caret under the place, and with the known key that was probably meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlaudit.cli import output
from mlaudit.config.filter_memory import FilterMemory
from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_keys import seen_in, suggestion
from mlaudit.domain.models import Run
from mlaudit.domain.text import clean

BEFORE = 60
"""Characters shown before the place, as far as there are more."""
AFTER = 40


def expanded(expression: str, store: str, experiments: Sequence[str]) -> str:
    """The expression, or what its ``@name`` stands for, which is said on stderr. Raises FilterError."""
    if not expression.strip().startswith("@"):
        return expression
    name = expression.strip()[1:]
    memory = FilterMemory(store, experiments)
    found = memory.meanings(name)
    if memory.problem:
        output.say(f"mlaudit: {memory.problem}")
    if len(found) > 1:
        problem = f"several experiments have a filter named {name!r}, with different meanings; choose one with -e"
        raise FilterError(expression, problem, expression.index("@"))
    if not found:
        known = ", ".join(f"@{n}" for n in sorted(memory.named))
        there_are = f"there are: {known}" if known else "none has a name here; ctrl+s in the app's filter gives one"
        raise FilterError(expression, f"no filter is named {name!r}; {there_are}", expression.index("@"))
    output.say(f"mlaudit: filter @{name}: {clean(found[0])}")
    return found[0]


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
    # What else there is need not be listed then.
    what = problem.problem.partition(": there are ")[0]
    return type(problem)(problem.expression, f"{what}; the nearest known key is {near}", problem.position)
