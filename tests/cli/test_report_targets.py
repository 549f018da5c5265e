"""Which format goes where."""

from __future__ import annotations

import pytest

from mlaudit.cli.report_targets import GateFormat, Target, report_targets
from mlaudit.domain.errors import UsageError

TEXT, JSON, MARKDOWN, JUNIT = GateFormat


@pytest.mark.parametrize(
    ("formats", "paths", "expected"),
    [
        ([], [], [(TEXT, None)]),
        ([JSON], [], [(JSON, None)]),
        ([JSON], ["a"], [(JSON, "a")]),
        ([], ["a"], [(TEXT, "a")]),
        ([], ["a.json", "b.XML"], [(JSON, "a.json"), (JUNIT, "b.XML")]),
        ([], ["c.md", "d.txt"], [(MARKDOWN, "c.md"), (TEXT, "d.txt")]),
        ([JSON, JUNIT], ["a.json", "b.xml"], [(JSON, "a.json"), (JUNIT, "b.xml")]),
        ([JSON], ["a.out", "b.xml"], [(JSON, "a.out"), (JUNIT, "b.xml")]),
        ([JSON, TEXT], ["a.json"], [(JSON, "a.json"), (TEXT, None)]),
    ],
)
def test_pairs(formats, paths, expected):
    assert report_targets(formats, paths) == tuple(Target(*pair) for pair in expected)


@pytest.mark.parametrize(
    ("formats", "paths", "piece"),
    [
        ([JSON, TEXT], [], "one stdout for json and text"),
        ([JSON, TEXT, JUNIT], ["a"], "text and junit"),
        ([], ["a", "a"], "twice"),
        ([TEXT, JSON], ["a", "./a"], "twice"),
        ([JSON], ["-"], "--output - names no file"),
        ([TEXT], ["a.json"], "--format text would go to a.json, whose name says json"),
    ],
)
def test_what_cannot_be_meant(formats, paths, piece):
    with pytest.raises(UsageError, match=piece):
        report_targets(formats, paths)
