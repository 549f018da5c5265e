"""The judgement as Markdown: goldens, and nothing from a store becomes markup, a link or a mention."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from golden import same_as_golden
from markdown_it import MarkdownIt
from test_gate_json import POLICY

from mlaudit.domain.code_change import ChangedFile, CodeChange, Commit
from mlaudit.domain.diff import Change, ParamDiff
from mlaudit.reports import markdown

CODE = CodeChange(
    "a" * 40, "b" * 40, True, "", (Commit("aaaa", "say <hi> to @all"),), False, 0, (ChangedFile("M", "a|b.py"),)
)
HOSTILE = [
    "@octocat fixes #12, GH-3 and octo/repo#4",
    "</code></details><script>alert(1)</script><img src=x onerror=y>",
    "a | b | c\n| d |",
    "**bold** _em_ `code` ~~gone~~ [text](http://evil.example) ![img](http://evil.example/x.png)",
    "<!-- --> --> <details> &lt;b&gt;",
    "http://evil.example/login www.evil.example https://x.example",
    "# heading\n- list\n> quote\n```\nfence",
    ":tada: $x$ ||spoiler|| \\",
]
TAGS = {
    "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "ul", "li", "details", "summary", "strong",
}  # fmt: skip


class Seen(HTMLParser):
    """The tags, attributes and text of an HTML page, the text inside ``<code>`` apart."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.inside, self.outside, self.open = "", "", 0

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self.open += tag == "code"

    def handle_endtag(self, tag):
        self.open -= tag == "code"

    def handle_data(self, data):
        if self.open:
            self.inside += data
        else:
            self.outside += data


def looked_at(body: str) -> Seen:
    """The body as a browser gets it, by GitHub's flavour of Markdown."""
    seen = Seen()
    seen.feed(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(body))
    return seen


@pytest.mark.parametrize("nickname", ["better", "worse", "diverged", "hostile", "running"])
def test_golden(compared, nickname, request):
    same_as_golden(f"{nickname}.md", markdown.render(compared(nickname, POLICY), CODE), request)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_a_store_is_markup(compared, text):
    comparison = compared("worse", POLICY)
    run = replace(comparison.candidate.run, name=text)
    param = ParamDiff(text, text, text, Change.CHANGED)
    metrics = tuple(replace(m, name=text) for m in comparison.verdict.metrics)
    body = markdown.render(
        replace(
            comparison,
            model=text,
            model_reason=text,
            selector=f"alias:{text}",
            candidate=replace(comparison.candidate, run=run, replicates=(text,)),
            diff=replace(comparison.diff, params=(param,)),
            verdict=replace(comparison.verdict, metrics=metrics, warnings=(f"baseline {text} was passed over",)),
        ),
        CodeChange(text, text, True, text, (Commit(text, text),), False, 0, (ChangedFile("M", text),)),
    )
    seen = looked_at(body)
    assert seen.tags <= TAGS
    assert {name for name, _ in seen.attributes} <= {"style"}
    plain = " ".join(text.split("\n"))
    assert plain in seen.inside
    # What GitHub links by itself, it links outside of code alone.
    assert not re.search(r"@\w|#\d|GH-\d|://|www\.", seen.outside)
    assert plain in seen.outside.replace("\u200b", "")
    tables = [line for line in body.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {9, 4}


def test_a_long_body_stays_below_the_limit_and_is_closed(compared):
    comparison = compared("worse")
    warnings = tuple(f"{i} " + "@" * 500 for i in range(40))
    many = tuple(ParamDiff("[" * 500 + str(i), "x" * 6000, "|" * 6000, Change.CHANGED) for i in range(500))
    body = markdown.render(
        replace(
            comparison,
            verdict=replace(comparison.verdict, warnings=warnings),
            diff=replace(comparison.diff, params=many),
        )
    )
    assert len(body) <= markdown.MAX_LENGTH
    assert body.count("<details>") == body.count("</details>")
    assert "too long for a comment" in body


def test_lists_say_what_they_leave_out(compared):
    comparison = compared("better")
    many = tuple(ParamDiff(f"p{i}", "1", "2", Change.CHANGED) for i in range(50))
    body = markdown.render(replace(comparison, diff=replace(comparison.diff, params=many)))
    assert "and 10 more" in body
    assert "50 params differ" in body


def test_without_a_baseline(compared):
    body = markdown.render(compared("churn"))
    assert "NO_BASELINE" in body.splitlines()[1]
    assert "baseline: none" in body
