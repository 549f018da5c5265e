"""Views with a name are kept for each experiment of each store, and are lost to no other writer and no broken file."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path

import pytest

from mlaudit.config import file_lock
from mlaudit.config.file_lock import locked
from mlaudit.config.saved_views import MOST, SavedViews
from mlaudit.domain.errors import UsageError
from mlaudit.domain.groups import Statistic
from mlaudit.domain.models import ViewType
from mlaudit.domain.saved_view import SavedView, as_plain, from_plain
from mlaudit.domain.sorting import SortKey

STORE = "sqlite:////data/mlflow.db"
FULL = SavedView(
    "metrics.f1 > 0.5",
    (SortKey("metrics.loss"), SortKey("verdict", False)),
    ("metrics.loss ASC",),
    ("run_name", "metrics.loss", "curves.loss", "params.[/x]"),
    only_differing=False,
    pinned=("metrics.loss",),
    curves=("loss",),
    verdicts=False,
    group_by=("params.lr", "recipe"),
    statistic=Statistic.MAX,
    group_sorting=(SortKey("count", False),),
)


def views(folder: Path, *experiments: str, store: str = STORE) -> SavedViews:
    return SavedViews(store, experiments or ("1",), folder=folder)


def test_a_view_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = views(tmp_path)
    assert kept.read() == {}
    assert list(tmp_path.iterdir()) == []
    assert kept.save("  mine: [/x] ", FULL) == ""
    kept.save("Another", SavedView(tree=True, view_type=ViewType.ALL))
    again = views(tmp_path)
    assert dict(again.read()) == {"Another": SavedView(tree=True, view_type=ViewType.ALL), "mine: [/x]": FULL}
    assert list(again.read()) == ["Another", "mine: [/x]"]
    assert again.problem == ""
    assert stat.S_IMODE(again.path.stat().st_mode) == 0o600


def test_stores_and_experiments_are_kept_apart(tmp_path: Path) -> None:
    views(tmp_path).save("mine", FULL)
    assert not views(tmp_path, "2").read()
    assert not views(tmp_path, "1", "2").read()
    assert not views(tmp_path, store="http://x").read()


def test_a_name_that_is_taken_is_not_written_over_unasked(tmp_path: Path) -> None:
    kept = views(tmp_path)
    kept.save("mine", FULL)
    with pytest.raises(UsageError, match="already"):
        kept.save("mine", SavedView())
    assert kept.read()["mine"] == FULL
    kept.save("mine", SavedView(), replace=True)
    assert kept.read()["mine"] == SavedView()


def test_rename_and_delete(tmp_path: Path) -> None:
    kept = views(tmp_path)
    kept.save("a", FULL)
    kept.save("b", SavedView())
    with pytest.raises(UsageError, match="already"):
        kept.rename("a", "b")
    kept.rename("a", "c")
    kept.rename("c", "c")
    kept.delete("b")
    assert dict(kept.read()) == {"c": FULL}
    for missing in (lambda: kept.delete("b"), lambda: kept.rename("b", "d")):
        with pytest.raises(UsageError, match="no view named b"):
            missing()


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\nb", "\x1b[2J", "\u202ex"])
def test_names_that_cannot_be_shown_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="a view"):
        views(tmp_path).save(name, FULL)
    assert list(tmp_path.iterdir()) == []


def test_there_is_an_end_to_them(tmp_path: Path) -> None:
    kept = views(tmp_path)
    kept.save("0", FULL)
    raw = json.loads(kept.path.read_text())
    raw["views"] = {str(n): as_plain(FULL) for n in range(MOST)}
    kept.path.write_text(json.dumps(raw))
    with pytest.raises(UsageError, match="delete one first"):
        kept.save("one more", FULL)
    kept.save("7", SavedView(), replace=True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"views": []}', '{"views": 7}', "null", "[" * 100_000])
def test_a_broken_file_is_named_passed_over_and_put_aside(tmp_path: Path, text: str) -> None:
    """Also the second time: no file that was put aside is lost to the next."""
    kept = views(tmp_path)
    for time in (1, 2):
        kept.path.parent.mkdir(exist_ok=True)
        kept.path.write_text(text)
        assert kept.read() == {}
        assert str(kept.path) in kept.problem
        assert kept.path.read_text() == text
        told = kept.save("mine", FULL)
        assert "broken" in told
        assert len([p for p in kept.path.parent.iterdir() if "broken" in p.name]) == time
        assert dict(kept.read()) == {"mine": FULL}
        assert kept.problem == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": ["nonsense"]}, {"columns": "run_name"}, {"sorting": [["metrics.a"]]}, {"statistic": "mode"},
        {"filter": 3}, {"view_type": "SOME"}, {"group_by": ["metrics."]}, 7, None,
        {"group_by": ["run_name"]}, {"group_by": ["metrics.loss"]}, {"group_by": ["curves.loss"]},
        {"sorting": [["duration", True], ["verdict", True]]}, {"sorting": [["curves.loss", True]]},
        {"group_sorting": [["verdict", True]]}, {"group_sorting": [["curves.loss", True]]},
    ],
)  # fmt: skip
def test_one_view_that_cannot_be_read_stays_in_the_file(tmp_path: Path, wrong: object) -> None:
    """Such as one of a later version: it is named, the others work, and saving does not lose it."""
    kept = views(tmp_path)
    kept.save("good", FULL)
    raw = json.loads(kept.path.read_text())
    raw["views"]["odd"] = wrong
    raw["views"]["good"]["of a later version"] = 1
    kept.path.write_text(json.dumps(raw))
    assert dict(kept.read()) == {"good": FULL}
    assert "odd" in kept.problem
    kept.save("more", SavedView())
    left = json.loads(kept.path.read_text())["views"]
    assert left["odd"] == wrong
    assert left["good"]["of a later version"] == 1


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "views").write_text("a file")
    with pytest.raises(UsageError, match="nothing can be written"):
        views(tmp_path).save("mine", FULL)


def save_some(folder: str, who: int, count: int) -> None:
    kept = SavedViews(STORE, ("1",), folder=Path(folder))
    for n in range(count):
        kept.save(f"{who}-{n}", SavedView(f"metrics.x > {n}"))


def test_two_mlaudits_do_not_lose_each_others_views(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=save_some, args=(str(tmp_path), who, 15)) for who in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    assert len(views(tmp_path).read()) == 45


def test_a_lock_that_somebody_keeps_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lock, "PATIENCE", 0.05)
    kept = views(tmp_path)
    with locked(kept.path), pytest.raises(UsageError, match="locked"):
        kept.save("mine", FULL)
    kept.save("mine", FULL)


def test_what_a_view_is_in_words() -> None:
    assert FULL.summary == "metrics.f1 > 0.5 · by count ▼ · grouped by lr, recipe · 4 columns · 1 pinned · 1 curve" + (
        " · no verdicts"
    )
    assert SavedView().summary == "all runs"
    assert SavedView(view_type=ViewType.DELETED_ONLY).summary == "all runs · deleted ones only"
    assert from_plain({}) == SavedView()
