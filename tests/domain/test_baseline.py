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
        ("alias:v3-best", "alias:v3-best"),
        ("alias:latest_good", "alias:latest_good"),
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
        ("alias:latest", "letters, digits"),
        ("alias:LATEST", "letters, digits"),
        ("alias:v3", "neither latest nor v1"),
        ("alias:my champ", "letters, digits"),
        ("alias:a:b", "letters, digits"),
        ("tag:\x1b[2Jx", "stage:NAME"),
    ],
)
def test_what_is_no_selector(text, piece):
    with pytest.raises(BaselineSelectorError, match=piece) as caught:
        parse_selector(text)
    assert str(caught.value).isprintable()
