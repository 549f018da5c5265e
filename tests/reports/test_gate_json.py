"""The judgement as JSON: its schema, its goldens, and no number that JSON lacks."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib import resources

import jsonschema
import pytest
from golden import same_as_golden

from mlaudit.config.policy import Policies
from mlaudit.domain.gate import Check, Direction, GatePolicy, MetricRule, Outcome, Role
from mlaudit.reports import json as json_report
from tests.plugins.sample_store import SAMPLE

SCHEMA = json.loads(resources.files("mlaudit.reports").joinpath("gate.schema.json").read_text("utf-8"))
POLICY = Policies(
    "mlaudit.toml",
    "0123456789abcdef" * 4,
    {
        "fraud-detector": GatePolicy(
            metrics=(
                MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, 0.05, relative_sd=0.02),
                MetricRule("val_f1", Role.GUARD, Direction.HIGHER, 0.05, lower_bound=0.7),
                MetricRule("train_loss", Role.INFO),
            ),
            model="fraud-detector",
            path="mlaudit.toml",
            sha256="0123456789abcdef" * 4,
        )
    },
)


def strict(text: str) -> dict:
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def check_against_schema(report: dict) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(report, SCHEMA)

    def all_documented(value, schema, where):
        if isinstance(value, dict) and "properties" in schema:
            assert list(value) == list(schema["properties"]), where
            for key, below in value.items():
                all_documented(below, schema["properties"][key], f"{where}.{key}")
        if isinstance(value, list) and "items" in schema:
            for item in value:
                all_documented(item, schema["items"], f"{where}[]")

    all_documented(report, SCHEMA, "report")


@pytest.mark.parametrize("nickname", [n for n in SAMPLE if n != "deleted"])
@pytest.mark.parametrize("policies", [Policies(), POLICY], ids=["builtin", "policy"])
def test_every_kind_of_run_fits_the_schema(compared, nickname, policies):
    model = "fraud-detector" if nickname != "churn" else "churn"
    comparison = compared(nickname, policies, model=model)
    report = strict(json_report.render(comparison))
    check_against_schema(report)
    assert (report["verdict"], report["exit_code"]) == (comparison.verdict.outcome, comparison.verdict.exit_code)


@pytest.mark.parametrize("nickname", ["better", "worse", "diverged", "hostile"])
def test_golden(compared, nickname, request):
    same_as_golden(f"{nickname}.json", json_report.render(compared(nickname, POLICY)) + "\n", request)


def test_values_that_are_no_numbers_are_null_with_their_word(compared):
    report = strict(json_report.render(compared("diverged")))
    loss = next(m for m in report["metrics"] if m["name"] == "val_loss")
    assert (loss["candidate"], loss["delta"], loss["non_finite"]) == (None, None, {"candidate": "NaN"})
    odd = strict(json_report.render(compared("odd")))
    huge = next(m for m in odd["metrics"] if m["name"] == "huge")
    assert (huge["candidate"], huge["non_finite"]) == (None, {"candidate": "Infinity"})
    declared = strict(json_report.render(compared("noise", POLICY)))
    assert declared["metrics"][0]["df"] is None
    assert declared["metrics"][0]["non_finite"] == {"df": "Infinity"}


def test_every_number_may_be_broken(compared):
    comparison = compared("better")
    broken = tuple(
        replace(
            m, candidate=math.nan, baseline=-math.inf, delta=math.inf, tolerance=1.797693134862316e308, noise=math.nan
        )
        for m in comparison.verdict.metrics
    )
    report = strict(json_report.render(replace(comparison, verdict=replace(comparison.verdict, metrics=broken))))
    check_against_schema(report)
    assert report["metrics"][0]["non_finite"]["baseline"] == "-Infinity"


def test_without_a_baseline_or_a_model(compared):
    alone = strict(json_report.render(compared("churn")))
    check_against_schema(alone)
    assert alone["baseline"] == {
        "run_id": None, "run_name": None, "experiment_id": None, "status": None, "version": None, "stage": None,
        "replicates": [], "selector": "stage:Production",
    }  # fmt: skip
    assert alone["params"] == []
    assert alone["policy"] == {"path": None, "sha256": None, "built_in": True}


def test_an_error_is_a_report_too(compared):
    comparison = compared("better")
    check = Check("baseline", Outcome.ERROR, "two of them", reason="multiple_baselines")
    verdict = replace(comparison.verdict, outcome=Outcome.ERROR, exit_code=2, checks=(check,))
    report = strict(json_report.render(replace(comparison, verdict=verdict, baseline=None, diff=None)))
    check_against_schema(report)
    assert report["exit_code"] == 2
