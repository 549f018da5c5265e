"""What the public schema of JUnit reports allows (junit-10.xsd of Jenkins' xUnit plugin), element by element."""

from __future__ import annotations

import re
from xml.etree import ElementTree

TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
# Element -> (required attributes, optional ones, children, whether it may hold text)
ELEMENTS = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}, False),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        False,
    ),
    "properties": (set(), set(), {"property"}, False),
    "property": ({"name", "value"}, set(), set(), False),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
        False,
    ),
    "skipped": (set(), {"type", "message"}, set(), True),
    "error": (set(), {"type", "message"}, set(), True),
    "failure": (set(), {"type", "message"}, set(), True),
    "system-out": (set(), set(), set(), True),
    "system-err": (set(), set(), set(), True),
}


def check_junit(document: str) -> ElementTree.Element:
    """The root of a document that is well-formed and within the schema; the counts must be true as well."""
    root = ElementTree.fromstring(document.encode())
    assert root.tag in {"testsuites", "testsuite"}
    _check(root)
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "-1")) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute, "-1")) == sum(case.find(tag) is not None for case in cases)
    return root


def _check(element: ElementTree.Element) -> None:
    required, optional, children, text = ELEMENTS[element.tag]
    assert required <= set(element.attrib) <= required | optional, element.tag
    assert TIME.fullmatch(element.get("time", "0"))
    assert text or not (element.text or "").strip()
    assert not (element.tail or "").strip()
    for child in element:
        assert child.tag in children, f"{child.tag} in {element.tag}"
        _check(child)
