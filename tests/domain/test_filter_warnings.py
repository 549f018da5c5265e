"""What a filter leaves out in silence is said."""

from __future__ import annotations

import pytest

from mlaudit.domain.filter_warnings import named_keys, silent_traps, unknown_key, unknown_keys
from mlaudit.domain.filters import parse


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("status = 'finished'", "no run has the status 'finished': write 'FINISHED'"),
        ("status != 'done'", "no run has the status 'done': there are RUNNING, SCHEDULED"),
        ("attributes.status LIKE 'fin%'", "written in capitals, or use ILIKE"),
        ("params.a != 'x'", "no params.a; OR params.a IS NULL would keep them"),
        ("metrics.`a b` != 1", "no metrics.`a b`"),
        ("metrics.a > 1 AND", "character 15: nothing follows this AND"),
        ("metrics.a > 1 metrics.b > 1", "character 15: AND is missing here"),
    ],
)
def test_traps(expression: str, said: str) -> None:
    (warning,) = silent_traps(parse(expression))
    assert said in warning


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "status = 'FINISHED' AND metrics.a > 1",
        "status ILIKE 'fin%'",
        "status LIKE 'FIN%'",
        "params.a != 'x' OR params.a IS NULL",
        "run_name != 'x'",
        "datasets.name != 'x'",
    ],
)
def test_no_false_alarm(expression: str) -> None:
    assert silent_traps(parse(expression)) == ()


def test_a_warning_comes_once() -> None:
    assert len(silent_traps(parse("params.a != 'x' AND params.a != 'y'"))) == 1


def test_unknown_keys_say_no_more_than_that() -> None:
    """That != leaves out runs without the key is no news when none has it."""
    parsed = parse("params.optimiser != 'x' OR metrics.a > 1")
    said, named = unknown_keys(parsed.terms, lambda c: c.key == "a", lambda _: ["optimizer"])
    assert said == ("no run here has params.optimiser; did you mean params.optimizer?",)
    assert silent_traps(parsed, named) == ()


def test_is_null_needs_no_key() -> None:
    assert named_keys(parse("params.a IS NULL AND tags.b IS NOT NULL").terms) == parse("tags.b IS NOT NULL").comparisons


def test_hostile_keys_are_printable() -> None:
    (comparison,) = parse("metrics.`a\x1b[2J` > 1").comparisons
    assert unknown_key(comparison, ["a\x1b[3J"]) == "no run here has metrics.`a␛[2J`; did you mean metrics.`a␛[3J`?"
