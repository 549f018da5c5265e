"""The line that tells the way to a screen."""

from __future__ import annotations

from rich.cells import cell_len

from mlaudit.tui.widgets import breadcrumbs as module


def breadcrumbs(names: tuple[str, ...], width: int) -> str:
    """The line as one text."""
    return "".join(piece for piece, _ in module.breadcrumbs(names, width))


WAY = ("experiments", "fraud-detector", "run bold-fox-with-a-very-long-name-of-its-own", "diff")


def test_all_of_it_where_there_is_room() -> None:
    assert breadcrumbs(WAY, 120) == " › ".join(WAY)


def test_long_names_give_way_before_whole_screens_do() -> None:
    assert breadcrumbs(WAY, 70) == "experiments › fraud-detector › run bold-fox-with-a-ver… › diff"


def test_what_is_furthest_out_gives_way_first() -> None:
    assert breadcrumbs(WAY, 50) == "… › run bold-fox-with-a-ver… › diff"
    assert breadcrumbs(WAY, 12) == "… › diff"


def test_where_one_is_stays_to_the_last() -> None:
    assert breadcrumbs(WAY, 5) == "diff"
    assert breadcrumbs(WAY, 3) == "di…"
    assert breadcrumbs(WAY, 0) == breadcrumbs((), 10) == ""


def test_wide_characters_count_as_two() -> None:
    for width in range(1, 40):
        assert cell_len(breadcrumbs(("experiments", "詐欺検知モデルの実験", "比較"), width)) <= width


def test_each_piece_knows_its_screen() -> None:
    """The ellipsis stands for the nearest one that it hides."""
    assert [i for piece, i in module.breadcrumbs(WAY, 120) if i is not None] == [0, 1, 2, 3]
    assert module.breadcrumbs(WAY, 12) == [("…", 2), (" › ", None), ("diff", 3)]
