"""A judgement of replicates that cannot tell, in every format."""

from __future__ import annotations

import pytest
from golden import same_as_golden
from junit_schema import check_junit
from test_gate_json import POLICY, check_against_schema, strict

from mlaudit.domain.models import Dataset
from mlaudit.reports import json as json_report
from mlaudit.reports import junit, markdown, text


@pytest.fixture
def inconclusive(store, compared):
    """A candidate of two seeds that vary by 6 %, a little worse, with a calibration group beside them."""

    def run(name, recipe, seed, loss):
        return store.add_run(
            "1",
            name=name,
            params={"recipe": recipe, "seed": seed},
            metrics={"val_loss": loss, "val_f1": 0.76},
            tags={"dataset_version": "v1"},
            datasets=(Dataset("transactions-val", "77aa01cc", "validation"),),
        )

    for seed, loss in enumerate((0.50, 0.53, 0.55)):
        run(f"other {seed}", "other", seed, loss)
    run("deep 2", "deep", 2, 0.25)
    return compared(run("deep 1", "deep", 1, 0.27), POLICY)


@pytest.mark.parametrize("suffix", ["txt", "json", "md", "xml"])
def test_golden(inconclusive, suffix, request):
    report = {
        "txt": lambda: text.render(inconclusive, colour=False, width=100),
        "json": lambda: json_report.render(inconclusive) + "\n",
        "md": lambda: markdown.render(inconclusive),
        "xml": lambda: junit.render(inconclusive),
    }[suffix]()
    same_as_golden(f"inconclusive.{suffix}", report, request)


def test_it_says_what_is_judged_and_what_would_tell(inconclusive):
    report = " ".join(text.render(inconclusive, colour=False, width=100).split())
    assert report.startswith("INCONCLUSIVE it cannot be told whether deep 1, with 1 replicate, is as good as mlp-base")
    assert "judged as the mean of 2 runs: this one and " in report
    assert "also from 1 calibration group of 3 runs" in report
    assert "runs a side would tell" in report
    check_junit(junit.render(inconclusive))
    found = strict(json_report.render(inconclusive))
    check_against_schema(found)
    assert len(found["candidate"]["replicates"]) == 1
    assert [len(group) for group in found["calibration"]] == [3]
