"""One promotion at a time on a file store."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlaudit.domain.errors import PromotionBusy, ReadOnly
from mlaudit.gateway.store_lock import FILE_NAME, locked

HOLDER = """
import sys, time, pathlib
from mlaudit.gateway.store_lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_file_is_there_only_while_the_lock_is_held(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert (tmp_path / FILE_NAME).exists()
    assert list(tmp_path.iterdir()) == []


def test_only_one_is_inside_and_everybody_gets_in(tmp_path: Path) -> None:
    inside: list[int] = []
    entered: list[int] = []

    def enter(number: int) -> None:
        for _ in range(20):
            with locked(tmp_path):
                inside.append(number)
                assert len(inside) == 1
                entered.append(number)
                inside.remove(number)

    threads = [threading.Thread(target=enter, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(entered) == sorted([0, 1, 2, 3] * 20)
    assert not (tmp_path / FILE_NAME).exists()


def test_another_process_keeps_out_until_it_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(PromotionBusy), locked(tmp_path, patience=0.2):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        assert (tmp_path / FILE_NAME).exists(), "what is left of the killed one is in nobody's way"
        with locked(tmp_path, patience=5):
            pass
        assert list(tmp_path.iterdir()) == []
    finally:
        holder.kill()
        holder.wait(10)
        holder.stdout.close()  # type: ignore[union-attr]


def test_a_store_that_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(ReadOnly, match="cannot be locked"), locked(tmp_path / "missing"):
        pass
