"""What differs between two runs, stated as facts."""

from __future__ import annotations

import math

from mlaudit.domain.diff import Change, MetricDiff, diff_runs
from mlaudit.domain.models import Dataset, Run


def run(**fields):
    return Run("r", "1", "name", "FINISHED", **fields)


def test_params_same_changed_added_removed():
    candidate = run(params={"lr": "0.1", "b": "1", "new": "x", "empty": ""})
    baseline = run(params={"lr": "0.10", "b": "1", "old": "y", "empty": ""})
    diff = diff_runs(candidate, baseline)
    assert [(p.name, p.candidate, p.baseline, p.change) for p in diff.params] == [
        ("b", "1", "1", Change.SAME),
        ("empty", "", "", Change.SAME),
        ("lr", "0.1", "0.10", Change.CHANGED),
        ("new", "x", None, Change.ADDED),
        ("old", None, "y", Change.REMOVED),
    ]


def test_metrics_and_their_changes():
    diff = diff_runs(run(metrics={"a": 1.1, "c": math.nan}), run(metrics={"a": 1.0, "b": 2.0, "c": 1.0}))
    by_name = {m.name: m for m in diff.metrics}
    assert list(by_name) == ["a", "b", "c"]
    assert (round(by_name["a"].delta, 9), round(by_name["a"].relative, 9)) == (0.1, 0.1)
    assert (by_name["b"].candidate, by_name["b"].delta, by_name["b"].relative) == (None, None, None)
    assert math.isnan(by_name["c"].relative)


def test_relative_change_is_to_the_baselines_size():
    assert MetricDiff("x", -0.9, -1.0).relative == 0.09999999999999998
    assert MetricDiff("x", 1.0, 0.0).relative is None
    assert MetricDiff("x", 1.0, 0.0).delta == 1.0


def test_tags_without_mlflows_own_even_when_cleaning_changed_their_keys():
    candidate = run(
        tags={"team": "risk", "mlflow.user": "ada", "mlflow.x␛": "1"}, raw_keys={"mlflow.x␛": "mlflow.x\x1b"}
    )
    diff = diff_runs(candidate, run(tags={"mlflow.user": "bob"}))
    assert [(t.name, t.change) for t in diff.tags] == [("team", Change.ADDED)]


def test_datasets_by_context():
    train, val, other = (Dataset(n, n, c) for n, c in (("t", "training"), ("v", "validation"), ("w", "validation")))
    diff = diff_runs(run(datasets=(train, val, val)), run(datasets=(other,)))
    assert [(d.context, d.change) for d in diff.datasets] == [
        ("training", Change.ADDED),
        ("validation", Change.CHANGED),
    ]
    assert diff_runs(run(datasets=(val, val)), run(datasets=(val,))).datasets[0].change is Change.SAME
    assert diff_runs(run(), run(datasets=(val,))).datasets[0].change is Change.REMOVED
