"""The report where there is no judgement: the store did not answer, or the request was wrong.

A CI job reads its report whatever happened; a missing one, or the one of the run before, would be taken for something
else. It has the form of a judgement: verdict ERROR, the exit code of the error, and what is wrong.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from mlaudit.reports import markdown
from mlaudit.reports.json import SCHEMA
from mlaudit.reports.junit import legal
from mlaudit.reports.runs import render_json

REASON = "no_judgement"
_SIDE = ("run_id", "run_name", "experiment_id", "status", "version", "stage")


def render_text(message: str, exit_code: int) -> str:
    """For people."""
    return f"ERROR\n{message}\n\nVERDICT: ERROR (exit code {exit_code})\n"


def render_markdown(message: str, exit_code: int) -> str:
    """The body of a comment."""
    title = f"### ❌ ERROR: no judgement (exit code {exit_code})"
    return "\n".join([markdown.MARK, title, "", markdown.sentence(message), ""])


def render_junit(message: str, exit_code: int) -> str:
    """One test case, with an error."""
    counts = {"tests": "1", "failures": "0", "errors": "1", "time": "0"}
    root = ElementTree.Element("testsuites", {"name": "mlaudit"} | counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "mlaudit", "skipped": "0"} | counts)
    case = ElementTree.SubElement(suite, "testcase", classname="mlaudit", name="verdict", time="0")
    error = ElementTree.SubElement(case, "error", type="ERROR", message=legal(message))
    error.text = f"exit code {exit_code}"
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def render_json_report(message: str, exit_code: int, model: str | None) -> str:
    """``mlaudit.gate/1`` with nothing in it but the error."""
    side: dict[str, Any] = {**dict.fromkeys(_SIDE), "replicates": []}
    report = {
        "schema": SCHEMA,
        "verdict": "ERROR",
        "exit_code": exit_code,
        "reason": REASON,
        "error": message,
        "model": model,
        "model_reason": None,
        "store": {"kind": None, "uri": None},
        "candidate": side,
        "baseline": {**side, "selector": None},
        "policy": {"path": None, "sha256": None, "built_in": None},
        "calibration": [],
        "metrics": [],
        "params": [],
        "datasets": [],
        "code": None,
        "checks": [],
        "warnings": [],
    }
    return render_json(report)
