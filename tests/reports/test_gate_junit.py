"""The judgement as JUnit: the public schema, goldens, and red only where the verdict is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from golden import same_as_golden
from junit_schema import check_junit
from test_gate_json import POLICY

from mlaudit.config.policy import Policies
from mlaudit.domain.code_change import CodeChange
from mlaudit.domain.gate import Outcome
from mlaudit.reports import junit
from tests.plugins.sample_store import SAMPLE

RED = ("failure", "error")


@pytest.mark.parametrize("nickname", ["better", "worse", "diverged", "hostile"])
def test_golden(compared, nickname, request):
    same_as_golden(f"{nickname}.xml", junit.render(compared(nickname, POLICY)), request)


@pytest.mark.parametrize("nickname", [n for n in SAMPLE if n != "deleted"])
@pytest.mark.parametrize("policies", [Policies(), POLICY], ids=["builtin", "policy"])
def test_every_kind_of_run_fits_the_schema_and_is_red_iff_the_verdict_is(compared, nickname, policies):
    comparison = compared(nickname, policies, model="churn" if nickname == "churn" else "fraud-detector")
    root = check_junit(junit.render(comparison, CodeChange("a" * 40, None)))
    red = [case.get("name") for case in root.iter("testcase") if any(case.find(tag) is not None for tag in RED)]
    assert bool(red) == bool(comparison.verdict.exit_code)
    assert ("verdict" in red) == bool(comparison.verdict.exit_code)


def test_what_the_policy_lets_pass_is_skipped_with_its_reason(compared):
    comparison = compared("worse")
    allowed = replace(comparison.verdict, outcome=Outcome.INCONCLUSIVE, exit_code=0)
    root = check_junit(junit.render(replace(comparison, verdict=allowed)))
    assert not [case for case in root.iter("testcase") if any(case.find(tag) is not None for tag in RED)]
    assert root.find(".//testcase[@name='metric val_loss']/skipped").get("type") == "REGRESSION"


def test_what_xml_cannot_hold_is_replaced(compared):
    comparison = compared("worse")
    nasty = "a\x00b\x1b[2J\ud800\ufffe]]>&<x>\x85"
    metrics = tuple(replace(m, name=nasty) for m in comparison.verdict.metrics)
    verdict = replace(comparison.verdict, metrics=metrics, warnings=(nasty,))
    document = junit.render(replace(comparison, model=nasty, verdict=verdict))
    assert not set(document) & set("\x00\x1b\ud800\ufffe")
    root = check_junit(document)
    assert any("]]>&<x>" in case.get("name") for case in root.iter("testcase"))
