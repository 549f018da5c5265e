"""The garbage collector while a process starts, and afterwards."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc
usual = gc.get_threshold()
from mlaudit.starting import collect_as_usual, collect_rarely
collect_rarely()
collections = [generation["collections"] for generation in gc.get_stats()]
import mlaudit.cli.runs, mlaudit.gateway.sql_gateway
print([generation["collections"] for generation in gc.get_stats()] == collections)
collect_as_usual()
print(gc.get_threshold() == usual, gc.get_freeze_count() > 10_000)
"""


def test_nothing_is_collected_until_the_imports_are_done() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
