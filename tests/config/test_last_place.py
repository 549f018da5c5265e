"""The last place in a store, kept in a file of the user."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from mlaudit.config.last_place import LastPlace, Place

PLACE = Place(
    ("3", "7"),
    ("churn", "fraud"),
    False,
    "metrics.f1 > 0",
    (("metrics.f1", False), ("status", True)),
    ("run_name",),
    "a" * 32,
    ("metrics.f1",),
    ("f1", "loss"),
)


def test_a_place_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    """Each store has its own, readable by its owner only."""
    one, other = LastPlace("sqlite:///a.db", folder=tmp_path), LastPlace("sqlite:///b.db", folder=tmp_path)
    assert one.read() is None
    assert one.keep(PLACE)
    assert LastPlace("sqlite:///a.db", folder=tmp_path).read() == PLACE
    assert other.read() is None
    assert other.problem == ""
    assert stat.S_IMODE(one.path.stat().st_mode) == 0o600
    assert one.keep(None)
    assert one.read() is None


def test_the_default_place_is_kept_too(tmp_path: Path) -> None:
    place = Place(("0",), ("Default",))
    kept = LastPlace("s", folder=tmp_path)
    assert kept.keep(place)
    assert kept.read() == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"place": 1}',
        '{"place": {"experiment_ids": []}}',
        "\x00",
        "[" * 100_000,
    ],
    ids=range(8),
)
def test_what_is_no_place_is_named_and_passed_over(tmp_path: Path, text: str) -> None:
    kept = LastPlace("s", folder=tmp_path)
    kept.path.parent.mkdir()
    kept.path.write_text(text, encoding="utf-8")
    assert kept.read() is None
    assert "not what mlaudit wrote" in kept.problem
    assert kept.path.name in kept.problem
    assert kept.keep(PLACE)
    assert kept.read() == PLACE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("experiment_ids", []),
        ("experiment_ids", [3]),
        ("names", ["only one"]),
        ("filter_string", 5),
        ("filter_string", "x" * 20_000),
        ("sort", ["metrics.f1"]),
        ("sort", [["metrics.f1"]]),
        ("sort", [["metrics.f1", True, 3]]),
        ("sort", None),
        ("columns", "run_name"),
        ("run_id", None),
    ],
)
def test_a_field_of_another_kind_spoils_the_place(tmp_path: Path, field: str, value: object) -> None:
    kept = LastPlace("s", folder=tmp_path)
    kept.keep(PLACE)
    text = json.loads(kept.path.read_text(encoding="utf-8"))
    text["place"][field] = value
    kept.path.write_text(json.dumps(text), encoding="utf-8")
    assert kept.read() is None
    assert kept.problem


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "places").write_text("a file in the way", encoding="utf-8")
    kept = LastPlace("s", folder=tmp_path)
    assert not kept.keep(PLACE)
    assert kept.read() is None
