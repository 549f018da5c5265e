"""Baseline selectors."""

from __future__ import annotations

import pytest

from mlaudit.domain.baseline import parse_selector
from mlaudit.domain.errors import BaselineSelectorError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("stage:Production", "stage:Production"),
        ("Stage: production ", "stage:Production"),
        ("stage:NONE", "stage:None"),
        ("alias:champion", "alias:champion"),
        ("alias:a:b", "alias:a:b"),
        ("version:12", "version:12"),
        ("version:v3", "version:3"),
        ("version:007", "version:7"),
        ("run:abc123", "run:abc123"),
        ("previous", "previous"),
    ],
)
def test_selectors(text, canonical):
    assert str(parse_selector(text)) == canonical


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("", "stage:NAME"),
        ("production", "stage:NAME"),
        ("stage:", "stage:NAME"),
        ("previous:1", "stage:NAME"),
        ("stage:Prod", "None, Staging, Production, Archived"),
        ("version:latest", "a version is a number"),
        ("version:-1", "a version is a number"),
        ("version:²", "a version is a number"),
        ("tag:\x1b[2Jx", "stage:NAME"),
    ],
)
def test_what_is_no_selector(text, piece):
    with pytest.raises(BaselineSelectorError, match=piece) as caught:
        parse_selector(text)
    assert str(caught.value).isprintable()
