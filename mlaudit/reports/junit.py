"""The judgement as JUnit XML, which CI systems show beside the tests.

One test case a deciding metric, one a check of comparability, and one named ``verdict`` for the whole. A case is red
only where the verdict is: what the policy lets pass is skipped, with the reason. REGRESSION is a failure;
NOT_COMPARABLE, INCONCLUSIVE, NO_BASELINE and ERROR, where nobody can tell, are errors. Elements and attributes are
those of the schema of Jenkins' xUnit plugin (junit-10.xsd), which other systems read too.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from mlaudit.domain.code_change import CodeChange
from mlaudit.domain.comparison import Comparison
from mlaudit.domain.reasons import explain
from mlaudit.domain.text import format_change, format_number
from mlaudit.domain.verdict import Outcome, Role
from mlaudit.reports.gate_words import baseline_title, counts, relative_change, why, worst_accepted

# All that XML 1.0 forbids; no reference stands for them either.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """``text`` with what XML cannot hold replaced."""
    return _FORBIDDEN.sub("\ufffd", text)


def render(comparison: Comparison, code: CodeChange | None = None) -> str:
    """An XML document, ending in a newline."""
    verdict = comparison.verdict
    against = baseline_title(comparison)
    suite = ElementTree.Element("testsuite", name=legal(f"mlaudit: {comparison.model or 'run'} against {against}"))
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _properties(comparison, code):
        ElementTree.SubElement(properties, "property", name=key, value=legal(value))
    group = legal(f"mlaudit.{(comparison.model or 'run').replace('.', '_')}")
    found = {"failure": 0, "error": 0, "skipped": 0}

    def case(name: str, outcome: Outcome, reason: str, body: str) -> None:
        element = ElementTree.SubElement(suite, "testcase", classname=group, name=legal(name), time="0")
        if outcome is Outcome.PASS:
            if body:
                ElementTree.SubElement(element, "system-out").text = legal(body)
            return
        tag = "skipped" if verdict.exit_code == 0 else "failure" if outcome is Outcome.REGRESSION else "error"
        found[tag] += 1
        message = legal(f"{outcome}: {reason}")
        ElementTree.SubElement(element, tag, type=str(outcome), message=message).text = legal(body)

    rules = {rule.name: rule for rule in comparison.policy.metrics}
    for v in verdict.metrics:
        if v.role is Role.INFO:
            continue
        rule = rules.get(v.name)
        facts = (
            f"{against}: {format_number(v.baseline)}",
            f"candidate: {format_number(v.candidate)} ({format_change(relative_change(v))})",
            f"limit: {format_number(worst_accepted(v, rule))}",
            f"noise: {'unknown' if v.noise is None else format_number(v.noise)}",
            f"n (candidate/baseline): {counts(v)}",
            *(explain(word) for word in v.warnings),
        )
        case(f"metric {v.name}", v.outcome, why(v, comparison.policy), "\n".join(facts))
    for check in verdict.checks:
        case(f"check {check.name}", check.outcome, explain(check.reason), check.detail)
    case("verdict", verdict.outcome, explain(verdict.reason), "\n".join((f"{verdict.outcome}", *verdict.warnings)))
    suite.set("tests", str(sum(child.tag == "testcase" for child in suite)))
    suite.set("failures", str(found["failure"]))
    suite.set("errors", str(found["error"]))
    suite.set("skipped", str(found["skipped"]))
    suite.set("time", "0")
    root = ElementTree.Element("testsuites", {"name": "mlaudit"} | {key: suite.get(key, "") for key in _TOTALS})
    root.append(suite)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


_TOTALS = ("tests", "failures", "errors", "time")


def _properties(comparison: Comparison, code: CodeChange | None) -> list[tuple[str, str]]:
    policy, baseline = comparison.policy, comparison.baseline
    every = [
        ("verdict", str(comparison.verdict.outcome)),
        ("exit_code", str(comparison.verdict.exit_code)),
        ("model", comparison.model or ""),
        ("candidate.run_id", comparison.candidate.run.run_id),
        ("candidate.replicates", ",".join(comparison.candidate.replicates)),
        ("baseline.run_id", baseline.run.run_id if baseline else ""),
        ("baseline.replicates", ",".join(baseline.replicates) if baseline else ""),
        ("baseline.selector", comparison.selector),
        ("policy.path", policy.path or ""),
        ("policy.sha256", policy.sha256 or ""),
        ("store", comparison.store.uri),
    ]
    if code is not None:
        every += [("candidate.commit", code.candidate or ""), ("baseline.commit", code.baseline or "")]
    return every
