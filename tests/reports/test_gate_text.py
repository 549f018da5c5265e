"""The judgement for people: goldens, and lines that fit whatever the names are."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from golden import same_as_golden
from rich.cells import cell_len
from test_gate_json import POLICY

from mlaudit.config.policy import Policies
from mlaudit.domain.calibration import runs_to_tell
from mlaudit.domain.diff import Change, MetricDiff, ParamDiff, diff_runs
from mlaudit.domain.gate import Direction, GatePolicy, MetricRule, MetricSamples, Outcome, Role, judge_metric
from mlaudit.domain.text import format_change
from mlaudit.domain.verdict import Verdict
from mlaudit.reports import gate_words, junit, markdown, text
from tests.plugins.sample_store import SAMPLE

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("nickname", ["better", "worse", "diverged", "hostile", "odd", "running"])
def test_golden(compared, nickname, request):
    same_as_golden(f"{nickname}.txt", text.render(compared(nickname), colour=False, width=80), request)


def test_golden_with_a_policy_and_wide(compared, request):
    same_as_golden("noise-policy-120.txt", text.render(compared("noise", POLICY), colour=False, width=120), request)


@pytest.mark.parametrize("width", [1, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("nickname", [n for n in SAMPLE if n != "deleted"])
def test_lines_fit_and_hold_no_escape(compared, nickname, width):
    report = text.render(compared(nickname), colour=False, width=width)
    for line in report.splitlines():
        assert cell_len(line) <= max(width, 40), line
        assert line.isprintable()
        assert line == line.rstrip()


def test_the_verdict_is_the_first_and_the_last_word(compared):
    for nickname, word, code in (("better", "PASS", 0), ("worse", "REGRESSION", 1), ("running", "NOT_COMPARABLE", 4)):
        lines = text.render(compared(nickname), colour=False, width=80).splitlines()
        assert lines[0] == word
        assert lines[-1] == f"VERDICT: {word} (exit code {code})"


def test_colour_changes_nothing_but_colour(compared, monkeypatch):
    comparison = compared("worse")
    plain = text.render(comparison, colour=False, width=80)
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.setenv(name, "dumb" if name == "TERM" else "1")
        assert text.render(comparison, colour=False, width=80) == plain
    coloured = text.render(comparison, colour=True, width=80)
    assert "\x1b[1;31mREGRESSION" in coloured
    assert [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()] == plain.splitlines()


def test_markup_and_links_in_names_are_plain_text(compared):
    report = text.render(compared("markup"), colour=True, width=80)
    assert "[/x] may replace mlp-base" in ESCAPE.sub("", report)
    assert "[@click=app.quit]x[/]" in report
    assert "\x1b]8" not in report


def test_wide_and_long_names_fit_and_the_cut_is_said(compared):
    comparison = compared("better")
    long_name = "检验损失" * 30 + "/fold_3"
    metrics = tuple(replace(m, name=long_name) for m in comparison.verdict.metrics)
    run = replace(comparison.candidate.run, name="模型" * 60, params={"很长" * 30: "x" * 500})
    wide = replace(
        comparison,
        model="m" * 300,
        candidate=replace(comparison.candidate, run=run),
        diff=diff_runs(run, comparison.baseline.run),
        verdict=replace(comparison.verdict, metrics=metrics, warnings=("w" * 300,)),
    )
    report = text.render(wide, colour=False, width=80)
    assert all(cell_len(line) <= 80 for line in report.splitlines())
    assert "/fold_3" in report
    assert "were cut to fit" in report
    assert "were cut to fit" not in text.render(comparison, colour=False, width=80)


def test_many_info_metrics_and_params_are_counted_not_hidden(compared):
    comparison = compared("better")
    info = replace(comparison.verdict.metrics[-1], role=Role.INFO)
    metrics = (*comparison.verdict.metrics, *(replace(info, name=f"info_{i}") for i in range(50)))
    params = tuple(ParamDiff(f"p{i}", "1", "2", Change.CHANGED) for i in range(100))
    many = replace(
        comparison,
        verdict=replace(comparison.verdict, metrics=metrics),
        diff=replace(comparison.diff, params=params, metrics=(MetricDiff("unnamed", 1.0, 2.0),)),
    )
    report = text.render(many, colour=False, width=80)
    assert "and 31 more that do not decide" in report
    assert "and 60 more; --format json has them" in report
    assert "not in the policy: unnamed" in report


def test_figures_behind_the_reasons(compared):
    rules = (
        MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, 0.05, relative_sd=0.1),
        MetricRule("val_f1", Role.GUARD, Direction.HIGHER, 0.05, lower_bound=0.9),
        MetricRule("val_accuracy", Role.GUARD, Direction.HIGHER, 0.05, upper_bound=0.5),
    )
    policies = Policies(
        "p.toml", "0" * 64, {"fraud-detector": GatePolicy(metrics=rules, model="fraud-detector", nuisance_params=())}
    )
    report = " ".join(text.render(compared("worse", policies), colour=False, width=100).split())
    assert "below the policy's lower bound (0.65 < 0.9)" in report
    assert "above the policy's upper bound (0.93 > 0.5)" in report
    assert re.search(r"val_loss: chance alone .* \(0.066 worse, 0.0127 allowed, up to 0.076\d+ by chance\)", report)


def test_figures_that_differ_never_look_the_same():
    def figures(rule, candidate, baseline):
        return gate_words.numbers(judge_metric(rule, MetricSamples((candidate,), (baseline,))), rule)

    tolerance = MetricRule("loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
    assert figures(tolerance, 0.315001, 0.3) == " (0.015001 worse, 0.015 allowed)"
    assert figures(tolerance, 0.4, 0.3) == " (0.1 worse, 0.015 allowed)"
    bounds = MetricRule("loss", Role.PRIMARY, Direction.LOWER, upper_bound=0.9, lower_bound=0.1)
    assert figures(bounds, 0.900001, 0.8) == " (0.900001 > 0.9)"
    assert figures(bounds, 0.0999999, 0.8) == " (0.0999999 < 0.1)"
    assert figures(bounds, 1.7e308, 0.8) == " (1.7000e+308 > 0.9)"


def test_how_many_runs_would_tell_goes_by_the_metrics_that_decide_and_is_not_told_of_pairs():
    rules = tuple(
        MetricRule(name, role, Direction.LOWER, max_rel_regression=0.05)
        for name, role in (("loss", Role.PRIMARY), ("other", Role.GUARD), ("seen", Role.INFO))
    )
    verdict = judge_metric(rules[0], MetricSamples((1.07,), (1.0,), ((0.8, 1.0, 1.2),)), m=2)
    assert verdict.reason == "noise_exceeds_margin"
    needed = [runs_to_tell(verdict, 0.05, m) for m in (1, 2, 3)]
    assert len(set(needed)) == 3
    policy = GatePolicy(metrics=rules)
    assert gate_words.why(verdict, policy).endswith(f"; the same difference over {needed[1]} runs a side would tell")
    assert "would tell" not in gate_words.why(verdict, replace(policy, paired=True))


@pytest.mark.parametrize("broken", [math.nan, math.inf, 1.7976931348623157e308, -1.7976931348623157e308])
def test_no_change_is_told_of_what_is_no_number(broken):
    rule = MetricRule("loss", Role.PRIMARY, Direction.LOWER, max_rel_regression=0.05)
    for candidate, baseline in ((1.0, broken), (broken, 1.0), (broken, broken), (1.0, 0.0)):
        verdict = judge_metric(rule, MetricSamples((candidate,), (baseline,)))
        assert gate_words.relative_change(verdict) is None
    assert format_change(1.79e308) == "—"
    less_negative = judge_metric(rule, MetricSamples((-0.9,), (-1.0,)))
    assert gate_words.relative_change(less_negative) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("against", "title"),
    [
        ("stage:Staging", "Staging"),
        ("alias:champion", "@champion"),
        ("version:1", "version 1"),
        (f"run:{SAMPLE['archived']}", "baseline"),
    ],
)
def test_the_baselines_column_says_what_it_is(compared, against, title):
    report = text.render(compared("better", against=against), colour=False, width=80)
    header = next(line for line in report.splitlines() if line.strip().startswith("metric "))
    assert title in header
    assert against.split(":")[1][:12] in report


def test_a_run_compared_with_itself_is_said_first(compared):
    report = text.render(compared("production"), colour=False, width=80)
    assert report.splitlines()[1] == "mlp-base is compared with itself: not worse than the baseline."


def test_the_limit_is_shown_even_where_the_candidate_has_no_number(compared):
    report = text.render(compared("diverged"), colour=False, width=80)
    line = next(line for line in report.splitlines() if "val_loss" in line)
    assert line.split() == ["↓", "val_loss", "0.25397", "NaN", "—", "0.26667", "?", "1/2", "REGRESSION"]


def test_the_limit_is_a_bound_where_that_is_the_stricter(compared):
    rules = (
        MetricRule("val_loss", Role.PRIMARY, Direction.LOWER, 0.05, upper_bound=0.26012, lower_bound=0.1),
        MetricRule("val_f1", Role.GUARD, Direction.HIGHER, 0.05, lower_bound=0.75123, upper_bound=0.99),
        MetricRule("val_accuracy", Role.GUARD, Direction.HIGHER, 0.05, lower_bound=0.1),
    )
    policies = Policies(
        "p.toml", "0" * 64, {"fraud-detector": GatePolicy(metrics=rules, model="fraud-detector", nuisance_params=())}
    )
    comparison = compared("better", policies)
    words = {v.name: gate_words.worst_accepted(v, r) for v, r in zip(comparison.verdict.metrics, rules, strict=True)}
    assert (words["val_loss"], words["val_f1"]) == (0.26012, 0.75123)
    assert words["val_accuracy"] > 0.5
    for report in (
        text.render(comparison, colour=False, width=100), markdown.render(comparison), junit.render(comparison)
    ):  # fmt: skip
        assert "0.26012" in report
        assert "0.75123" in report
        assert "0.99" not in report


def test_every_outcome_has_a_headline(compared):
    comparison = compared("better")
    for outcome in Outcome:
        verdict = Verdict(outcome, 0, "some_reason")
        for baseline in (comparison.baseline, None):
            shown = text.render(replace(comparison, verdict=verdict, baseline=baseline), colour=False, width=80)
            assert shown.startswith(f"{outcome}\nmlp-wide") or outcome is Outcome.INCONCLUSIVE
            assert "some reason" in shown
