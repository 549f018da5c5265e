"""The rules that judge where no policy names any metric.

A metric decides when the baseline has it and its exact name is in the table below: at most 5 % worse. The candidate
may not lack it. Without a baseline the candidate's metrics count. Every other metric is information. These few names
are the only ones whose direction is taken from a name, and the output says that no policy was found.

======  ==========================================================================================================
lower   ``loss log_loss rmse mae mse mape perplexity``
higher  ``accuracy balanced_accuracy f1 f1_score precision recall roc_auc auc pr_auc average_precision r2 r2_score``
======  ==========================================================================================================

each as it stands or after ``val_``, ``validation_``, ``eval_`` or ``test_``. After ``train_`` or ``training_`` it is
information: how well a model knows its own training data is no reason to promote it. So is a bare name beside one of
the baseline's with such a prefix for evaluation: Keras logs training as ``loss`` and validation as ``val_loss``. The
candidate's own metrics demote nothing: it must not escape by logging one more.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlaudit.domain.verdict import Direction, MetricRule, Role

TOLERANCE = 0.05
LOWER = frozenset({"loss", "log_loss", "rmse", "mae", "mse", "mape", "perplexity"})
HIGHER = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "f1",
        "f1_score",
        "precision",
        "recall",
        "roc_auc",
        "auc",
        "pr_auc",
        "average_precision",
        "r2",
        "r2_score",
    }
)
EVALUATION = ("val_", "validation_", "eval_", "test_")
TRAINING = ("train_", "training_")


def _split(name: str) -> tuple[str, str]:
    """``(prefix, bare name)``; the prefix is empty when there is none."""
    for prefix in (*EVALUATION, *TRAINING):
        if name.startswith(prefix):
            return prefix, name.removeprefix(prefix)
    return "", name


def _direction(bare: str) -> Direction | None:
    if bare in LOWER:
        return Direction.LOWER
    return Direction.HIGHER if bare in HIGHER else None


def direction_by_name(name: str) -> Direction | None:
    """Which way a metric of exactly this name gets better, training or not; None for any name not in the table."""
    return _direction(_split(name)[1])


def rules_for(candidate: Iterable[str], baseline: Iterable[str] | None) -> tuple[MetricRule, ...]:
    """The built-in rules for these metric names, those that decide first, each part by name.

    A metric that only the baseline has decides too (and cannot be judged): a candidate must not escape by not logging
    it. One that only the candidate has is information. ``baseline`` None: there is no baseline run.
    """
    ours = set(candidate)
    theirs = ours if baseline is None else set(baseline)
    every = ours | theirs
    evaluated = {bare for prefix, bare in map(_split, theirs) if prefix in EVALUATION}
    deciding, info = [], []
    for name in sorted(every):
        prefix, bare = _split(name)
        direction = _direction(bare)
        counts = (
            direction is not None and name in theirs and prefix not in TRAINING and (prefix or bare not in evaluated)
        )
        if counts:
            deciding.append(MetricRule(name, Role.PRIMARY, direction, max_rel_regression=TOLERANCE))
        else:
            tolerance = TOLERANCE if direction is not None else None
            info.append(MetricRule(name, Role.INFO, direction, max_rel_regression=tolerance))
    return (*deciding, *info)
