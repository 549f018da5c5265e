"""docs/app.md names every key that the app has, and none that it has not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def keys() -> ModuleType:
    """The script that writes the page's tables."""
    spec = importlib.util.spec_from_file_location("docs_keys", DOCS / "keys.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_key_is_documented_and_no_other(keys: ModuleType) -> None:
    """Line by line; ``python docs/keys.py`` writes them all."""
    right = keys.tables().splitlines()
    there = keys.documented((DOCS / "app.md").read_text(encoding="utf-8")).splitlines()
    missing = [line for line in right if line not in there]
    wrong = [line for line in there if line not in right]
    advice = "run python docs/keys.py, or"
    assert not missing, f"{advice} add to docs/app.md:\n" + "\n".join(missing)
    assert not wrong, f"{advice} delete from docs/app.md:\n" + "\n".join(wrong)
    assert there == right, "the lines of docs/app.md stand in another order; run python docs/keys.py"


def test_the_keys_were_really_collected(keys: ModuleType) -> None:
    """Screens, widgets and the app itself; every binding with an id says what it does."""
    ids = {str(b.id) for b in keys.bindings()}
    assert {"app.quit", "runs.filter", "runs.mark", "diff.promote", "confirm.cancel"} <= ids
    assert [b.id for b in keys.bindings() if not b.tooltip] == []


def test_a_key_that_changes_is_noticed(keys: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail."""
    before = keys.tables()
    monkeypatch.setitem(keys.NAMES, "q", "Q")
    assert keys.tables() != before
