"""The report where there is no judgement has the form of one."""

from __future__ import annotations

from junit_schema import check_junit
from test_gate_json import check_against_schema, strict

from mlaudit.reports import failure

MESSAGE = "no run 'x\x1b@all <b>' in http://h"


def test_json_is_of_the_same_schema():
    report = strict(failure.render_json_report(MESSAGE, 5, "m"))
    check_against_schema(report)
    assert (report["verdict"], report["exit_code"], report["error"]) == ("ERROR", 5, MESSAGE)


def test_junit_is_red_and_legal():
    root = check_junit(failure.render_junit(MESSAGE, 2))
    assert root.find(".//testcase/error").get("type") == "ERROR"


def test_markdown_and_text():
    body = failure.render_markdown(MESSAGE, 5)
    assert "<b>" not in body
    assert "@all" not in body
    assert body.startswith("<!-- mlaudit.gate/1 -->\n### ❌ ERROR")
    assert failure.render_text(MESSAGE, 5).splitlines()[-1] == "VERDICT: ERROR (exit code 5)"
