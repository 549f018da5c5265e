"""The list of runs through a real terminal: a curve, a pinned column, a saved view, a copied value, a file."""

from __future__ import annotations

import base64
import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.plugins.terminal import Terminal

pytestmark = pytest.mark.real


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
def test_a_view_is_made_kept_and_written(demo_store: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    """Kept by one mlaudit, applied by the next; what is copied and written has all digits."""
    store = Path(shutil.copytree(demo_store, tmp_path / "demo"))
    state = {"MLAUDIT_STATE_DIR": str(tmp_path / "state")}
    with Terminal(cwd=store, size=size, environ=state) as t:
        t.see("fraud-detector", "2 experiments")
        t.press("enter")
        t.see("15 runs", "newest first", "PASS")
        # To val_loss: sort, look at its course, keep that in place.
        t.press(*["right"] * 8, "s")
        t.see("by val_loss, ascending")
        t.gone("loading")
        t.press("Y")
        t.see("Copied val_loss: 0.")
        copied = [base64.b64decode(m).decode() for m in re.findall(rb"\x1b\]52;c;([^\x07\x1b]+)", t.raw)]
        t.press("i", "f")
        t.see("⇤ curves", "█", "×")
        t.press("w")
        t.see("None is saved here yet")
        t.press("s")
        t.see("enter keeps the name")
        t.type("best loss")
        t.press("enter")
        t.see("● best loss", "by val_loss ▲")
        t.press("escape")
        t.see("view best loss")
        t.press("o")
        t.see("Write the runs to a file", "fraud-detector-runs.csv", "Without the curves")
        t.press("enter")
        t.see("Written: fraud-detector-runs.csv")
        t.press("q")
        assert t.exit_code() == 0
    rows = list(csv.DictReader((store / "fraud-detector-runs.csv").open()))
    assert len(rows) == 15
    assert copied == [rows[0]["metrics.val_loss"]]
    assert len(copied[0]) > 10

    with Terminal("--read-only", cwd=store, size=size, environ=state) as t:
        t.see("15 runs")
        t.press("r", "w")
        t.see("best loss", "by val_loss ▲ · 1 pinned · 1 curve")
        t.press("enter")
        t.see("view best loss", "⇤ curves", "by val_loss, ascending", "×")
        t.press("q")
        assert t.exit_code() == 0

    listed = ("runs", "-e", "fraud-detector", "--view", "best loss", "--format", "json")
    with Terminal(*listed, cwd=store, size=(200, 45), environ=state) as t:
        assert t.exit_code() == 0
        text = bytes(t.raw).decode()
    runs = json.loads(text[text.index("[\r\n") :])
    assert [run["run_name"] for run in runs] == [row["run_name"] for row in rows]
