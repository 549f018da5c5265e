"""Filters are remembered for each experiment of each store, privately, and nothing about it can fail loudly."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mlaudit.config.filter_memory import MOST, FilterMemory
from mlaudit.config.places import state_dir

STORE = "sqlite:////data/mlflow.db"


def memory(folder: Path, *experiments: str, store: str = STORE) -> FilterMemory:
    return FilterMemory(store, experiments or ("1",), folder=folder)


def files(folder: Path) -> list[Path]:
    return sorted((folder / "filters").iterdir())


def test_newest_first_each_once_and_not_for_ever(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    for expression in ("a", "b", "", "  ", "a", *map(str, range(MOST))):
        kept.remember(expression)
    assert memory(tmp_path).history == tuple(str(i) for i in reversed(range(MOST)))
    again = memory(tmp_path)
    again.remember("5")
    assert again.history[:2] == ("5", "99")
    assert len(again.history) == MOST


def test_experiments_and_stores_are_kept_apart(tmp_path: Path) -> None:
    memory(tmp_path).remember("mine")
    assert memory(tmp_path, "2").history == ()
    assert memory(tmp_path, store="http://x").history == ()
    assert memory(tmp_path).history == ("mine",)


def test_names(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    assert kept.name("good", "metrics.a > 1")
    assert kept.name("good", "metrics.a > 2")
    assert kept.name("other.one-2", "x")
    assert dict(memory(tmp_path).named) == {"other.one-2": "x", "good": "metrics.a > 2"}
    assert kept.forget("good")
    assert dict(memory(tmp_path).named) == {"other.one-2": "x"}


@pytest.mark.parametrize("name", ["", "a b", "@x", "-x", "x" * 41, "a/b", "\x1b"])
def test_names_that_cannot_be_typed_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError):
        memory(tmp_path).name(name, "x")


def test_several_experiments_see_the_names_of_each(tmp_path: Path) -> None:
    memory(tmp_path, "1").name("one", "a")
    memory(tmp_path, "2").name("two", "b")
    both = memory(tmp_path, "2", "1")
    assert both.meanings("one") == ("a",)
    assert both.meanings("none") == ()
    assert not both.forget("one")
    memory(tmp_path, "2").name("one", "other")
    assert memory(tmp_path, "2", "1").meanings("one") == ("a", "other")
    memory(tmp_path, "2").forget("one")
    assert dict(both.named) == {"one": "a", "two": "b"}
    both.name("one", "c")
    assert memory(tmp_path, "1", "2").named["one"] == "c"
    assert memory(tmp_path, "1").named["one"] == "a"


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    memory(tmp_path / "new").remember("x")
    (path,) = files(tmp_path / "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_looking_writes_nothing(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    assert (kept.history, dict(kept.named), kept.problem) == ((), {}, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"history": 3, "named": {}}', b'{"history": [], "named": []}', b"\xff", b"[" * 9999],
)
def test_a_broken_file_is_said_passed_over_and_put_aside(tmp_path: Path, content: bytes) -> None:
    memory(tmp_path).remember("x")
    (path,) = files(tmp_path)
    path.write_bytes(content)
    kept = memory(tmp_path)
    assert kept.history == ()
    assert str(path) in kept.problem
    assert path.read_bytes() == content
    kept.remember("y")
    assert memory(tmp_path).history == ("y",)
    assert memory(tmp_path).problem == ""
    assert path.with_suffix(".broken").read_bytes() == content


def test_what_is_odd_inside_is_dropped(tmp_path: Path) -> None:
    memory(tmp_path).remember("x")
    (path,) = files(tmp_path)
    path.write_text('{"history": ["x", 3, null], "named": {"ok": "a", "not ok": "b", "n": 1}}')
    assert (memory(tmp_path).history, dict(memory(tmp_path).named)) == (("x",), {"ok": "a"})


def test_where_nothing_can_be_written_it_lasts_for_the_session(tmp_path: Path) -> None:
    (tmp_path / "filters").write_text("a file where the folder should be")
    kept = memory(tmp_path)
    kept.remember("x")
    assert not kept.name("n", "x")
    assert (kept.history, dict(kept.named)) == (("x",), {"n": "x"})


def test_two_sessions_do_not_forget_each_others(tmp_path: Path) -> None:
    one, two = memory(tmp_path), memory(tmp_path)
    one.remember("from one")
    two.remember("from two")
    one.name("n", "x")
    kept = memory(tmp_path)
    assert set(kept.history) == {"from one", "from two"}
    assert dict(kept.named) == {"n": "x"}


def test_the_state_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "here"))
    assert state_dir() == tmp_path / "here"
    monkeypatch.delenv("MLAUDIT_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert state_dir() == tmp_path / "xdg" / "mlaudit"
