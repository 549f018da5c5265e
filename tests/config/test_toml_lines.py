"""The line of a key in a TOML file."""

from __future__ import annotations

import pytest

from mlaudit.config.toml_lines import line_of

TEXT = """\
# a comment = 1
top = 1
"quoted = key" = 2
a.b = 3

[t."x y"]  # [not.this]
k = "v = w"
inline = { deep = 1 }
long = [
  1,
]

[[t.arr]]
n = 1
[[t.arr]]
n = 2
[t.arr.sub]
m = 3
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted = key",), 3),
        (("a", "b"), 4),
        (("a",), 4),
        (("t", "x y"), 6),
        (("t", "x y", "k"), 7),
        (("t", "x y", "inline", "deep"), 8),
        (("t", "x y", "long"), 9),
        (("t", "arr", 0, "n"), 14),
        (("t", "arr", 1), 15),
        (("t", "arr", 1, "n"), 16),
        (("t", "arr", 1, "sub", "m"), 18),
        (("t", "arr", 1, "missing"), 15),
        (("nowhere",), 0),
        ((), 0),
    ],
)
def test_line_of(path, line):
    assert line_of(TEXT, path) == line
