"""What MLflow's own parser accepts, mlaudit's accepts with the same meaning; the other way round where it matters."""

from __future__ import annotations

import random
import re

import pytest

from mlaudit.domain.filters import locate_error, parse

IDENTIFIERS = (
    *("metrics.loss", "metric.`a b`", 'metrics."x/y"', "params.lr", "parameter.lr", "param.a.b", "tags.mlflow.runName"),
    *(
        "tag.`q r`",
        "attributes.status",
        "run_id",
        "attr.run_name",
        "start_time",
        "created",
        "end_time",
        "`metrics`.loss",
    ),
    *("datasets.name", "dataset.digest", "datasets.context", "user_id", "artifact_uri", "tags.order", "params.key"),
    *("metrics.date", "params.type", "tags.user", "metrics.val_loss", "metrics._x", "metrics.x1", "`run name`"),
)
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "LIKE", "like", "ILIKE", "IN", "NOT IN", "IS NULL", "is not null", "==")
VALUES = (
    "1",
    "-1",
    "0.5",
    "1e-3",
    "1E5",
    ".5",
    "-2.5",
    "'x'",
    '"x"',
    "'it''s'",
    "'a b'",
    "('a', 'b')",
    "('a')",
    "x",
    "",
)


def accepted_by_mlflow(text: str) -> list[tuple[str, str]] | None:
    """(entity, key) of each comparison, or None when MLflow refuses the expression or one of its operators."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchUtils

    try:
        comparisons = SearchUtils.parse_search_filter(text)
        for c in comparisons:
            if isinstance(c["value"], tuple) and "IN" not in c["comparator"].upper():
                return None  # parsed by MLflow, but then no store can compare with a list
            kind, key, operator = c["type"], c["key"], c["comparator"].upper()
            assert (
                SearchUtils.is_metric(kind, operator)
                or SearchUtils.is_param(kind, operator)
                or SearchUtils.is_tag(kind, operator)
                or SearchUtils.is_attribute(kind, key, operator)
                or SearchUtils.is_dataset(kind, operator)
            )
    except MlflowException:
        return None
    names = {"parameter": "param"}
    return [(names.get(c["type"], c["type"]), SearchUtils.translate_key_alias(c["key"])) for c in comparisons]


def _misses_and(text: str) -> bool:
    return locate_error(text) is None and any("missing" in w.text for w in parse(text).warnings)


def expressions() -> list[str]:
    rng = random.Random(20260101)
    single = [f"{i} {o} {v}".strip() for i in IDENTIFIERS for o in OPERATORS for v in VALUES]
    joins = (" AND ", " and ", " ", "  AND\n", " AND AND ", " OR ")
    joined = [rng.choice(joins).join(rng.sample(single, rng.choice((2, 3)))) for _ in range(3000)]
    good = [s for s in single if locate_error(s) is None]
    joined += [rng.choice(joins).join(rng.sample(good, 2)) for _ in range(2000)]
    return rng.sample(single, 3000) + joined


@pytest.mark.real
def test_parity_with_mlflow() -> None:
    """Over a few thousand expressions: none that MLflow takes is refused, none means something else."""
    refused: list[str] = []
    different: list[str] = []
    too_kind: list[str] = []
    checked = 0
    for text in expressions():
        # Without an AND before it, MLflow tears a comparison with IN or IS NULL apart.
        if re.search(r"\b(IN|IS)\b", text, re.IGNORECASE) and _misses_and(text):
            continue
        theirs = accepted_by_mlflow(text)
        error = locate_error(text)
        if theirs is None:
            # OR and parentheses are ours alone.
            if error is None and not parse(text).extended:
                too_kind.append(text)
            continue
        checked += 1
        if error is not None:
            refused.append(f"{text!r}: {error}")
        elif [(c.entity, c.key) for c in parse(text).comparisons] != theirs:
            different.append(text)
    assert checked > 500
    assert refused == []
    assert different == []
    assert too_kind == []
