"""Launches are remembered for each store, privately, and nothing about it can fail loudly."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from mlaudit.config.kept_file import KeptFile
from mlaudit.config.launch_memory import MOST, Launch, LaunchMemory

STORE = "sqlite:////data/mlflow.db"


def launch(launch_id: str, **values: str) -> Launch:
    return Launch(launch_id, 1.0, "train", tuple(values.items()))


def memory(folder: Path, store: str = STORE) -> LaunchMemory:
    return LaunchMemory(store, folder=folder)


def only_file(folder: Path) -> Path:
    (path,) = (folder / "launches").iterdir()
    return path


def test_newest_first_for_each_store_and_not_for_ever(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    for number in range(MOST + 5):
        kept.remember(launch(f"l{number}", epochs="3"))
    found = memory(tmp_path).launches
    assert (found[0], len(found)) == (launch(f"l{MOST + 4}", epochs="3"), MOST)
    assert memory(tmp_path, "http://other").launches == ()


def test_its_end_is_noted_by_whoever_saw_it(tmp_path: Path) -> None:
    first, second = memory(tmp_path), memory(tmp_path)
    first.remember(launch("a"))
    second.remember(launch("b"))
    first.settle("a", "f" * 32, "FINISHED")
    first.settle("nobody", None, "FAILED")
    found = memory(tmp_path)
    assert [each.launch_id for each in found.launches] == ["b", "a"]
    assert found.of("a") == Launch("a", 1.0, "train", (), "f" * 32, "FINISHED")
    assert found.of(None) is None
    found.forget("a")
    assert memory(tmp_path).of("a") is None


def test_looking_writes_nothing_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    kept.settle("a", None, "FINISHED")
    assert (kept.launches, kept.problem) == ((), "")
    assert list(tmp_path.iterdir()) == []
    kept.remember(launch("a"))
    assert stat.S_IMODE(only_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"version": 2, "launches": []}', b'{"version": 1, "launches": [{}]}', b"\xff", b"[" * 9999],
)
def test_a_broken_file_is_named_passed_over_and_put_aside(tmp_path: Path, content: bytes) -> None:
    memory(tmp_path).remember(launch("a"))
    path = only_file(tmp_path)
    path.write_bytes(content)
    kept = memory(tmp_path)
    assert kept.launches == ()
    assert kept.problem.startswith(f"the launches kept in {path} cannot be read")
    assert path.read_bytes() == content
    kept.remember(launch("b"))
    assert [each.launch_id for each in memory(tmp_path).launches] == ["b"]
    assert path.with_suffix(".broken").read_bytes() == content


def test_what_somebody_wrote_into_it_is_printable(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    kept.remember(launch("a", x="\x1b[2J"))
    assert memory(tmp_path).launches[0].values == (("x", "␛[2J"),)


def test_where_nothing_can_be_written_it_lasts_for_the_session(tmp_path: Path) -> None:
    (tmp_path / "launches").write_text("a file where the folder should be")
    kept = memory(tmp_path)
    kept.remember(launch("a"))
    kept.settle("a", None, "FAILED")
    assert kept.launches[0].outcome == "FAILED"


def test_of_two_that_met_a_broken_file_the_second_leaves_the_firsts_good_one(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("{")
    first, second = KeptFile(path, "things"), KeptFile(path, "things")
    for each in (first, second):
        assert each.read(list, []) == []
    assert first.write([1])
    assert second.write([*second.read(list, []), 2])
    assert json.loads(path.read_text()) == [1, 2]
    assert [p.name for p in tmp_path.glob("*.broken*")] == ["kept.broken"]
