"""Reading the end of a growing file."""

from pathlib import Path

import pytest

from mlaudit.tui import log_tail
from mlaudit.tui.log_tail import Change, LogTail


def lines(tail: LogTail) -> list[str]:
    return [tail.line(i) for i in range(len(tail))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.log"


def add(path: Path, data: bytes | str) -> None:
    with open(path, "ab") as file:
        file.write(data.encode() if isinstance(data, str) else data)


def test_lines_come_as_they_are_written(path: Path) -> None:
    add(path, "one\ntw")
    tail = LogTail(str(path))
    assert tail.read() == Change(1, 0, True)
    assert lines(tail) == ["one", "tw"]
    assert not tail.read()
    add(path, "o\n\nthree")
    tail.read()
    assert lines(tail) == ["one", "two", "", "three"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (["10%\r20%\r30%\n", "done\n"], ["30%", "done"]),
        (["10%", "\r", "20%", "\r"], ["20%"]),
        (["10%\r", "20%\r", "\n", "next"], ["20%", "next"]),
        (["\r 0%\r 50%", "\r100%\n"], ["100%"]),
        (["dos\r\nlines\r\n"], ["dos", "lines"]),
        (["dos\r", "\nlines"], ["dos", "lines"]),
        (["a\r\r\rb"], ["b"]),
    ],
)
def test_a_carriage_return_replaces_its_line(path: Path, written: list[str], shown: list[str]) -> None:
    """However the reads fall."""
    tail = LogTail(str(path))
    for part in written:
        add(path, part)
        tail.read()
    assert lines(tail) == shown


def test_what_is_shown_is_printable_and_markup_is_text(path: Path) -> None:
    add(path, b"\x1b[2J[/x] [@click=app.quit]\tq\x07 \xff \xe2\x80\xae \x9b31m\n")
    tail = LogTail(str(path))
    tail.read()
    (shown,) = lines(tail)
    assert shown.isprintable()
    assert "␛[2J[/x] [@click=app.quit]" in shown
    assert "␉" not in shown


def test_a_character_that_is_written_in_two_halves(path: Path) -> None:
    tail = LogTail(str(path))
    for half in ("█".encode()[:1], "█".encode()[1:]):
        add(path, half)
        tail.read()
    assert lines(tail) == ["█"]


def test_old_lines_are_let_go_and_counted(path: Path) -> None:
    add(path, "".join(f"line {i}\n" for i in range(100_000)))
    tail = LogTail(str(path))
    change = tail.read_all()
    assert (change.lines, len(tail), tail.dropped_lines) == (100_000, log_tail.KEEP_LINES, 80_000)
    assert lines(tail)[-1] == "line 99999"
    assert tail.line(0) == "line 80000"


def test_memory_is_bounded_by_characters_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "KEEP_CHARACTERS", 1000)
    add(path, ("x" * 100 + "\n") * 50)
    tail = LogTail(str(path))
    tail.read_all()
    assert (len(tail), tail.dropped_lines) == (10, 40)


def test_a_line_without_an_end_is_cut_and_says_so(path: Path) -> None:
    add(path, "x" * 1_000_000)
    tail = LogTail(str(path))
    tail.read_all()
    assert tail.line(0) == f"{'x' * log_tail.LINE_LENGTH}… (+{1_000_000 - log_tail.LINE_LENGTH} characters)"
    add(path, "\nshort\n")
    tail.read()
    assert lines(tail)[1] == "short"


def test_more_than_can_be_shown_is_skipped_and_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "BEHIND", 10_000)
    monkeypatch.setattr(log_tail, "CATCH_UP", 100)
    add(path, "first\nsecond is cut o")
    tail = LogTail(str(path))
    tail.read()
    add(path, "ff\n" + "x" * 79 + "\n" + ("y" * 99 + "\n") * 1000)
    tail.read_all()
    shown = lines(tail)
    assert shown[:2] == ["first", "second is cut o"]
    assert "it is in the file" in shown[2]
    assert shown[3:] == ["y" * 99]
    assert tail.skipped_bytes == 100_083 - 100


def test_a_file_that_is_not_there_or_begins_anew(path: Path) -> None:
    tail = LogTail(str(path))
    assert not tail.read()
    assert "No such file" in tail.error
    add(path, "one long line\n")
    tail.read()
    assert not tail.error
    path.write_text("two\n")
    tail.read()
    assert lines(tail) == ["one long line", "two"]


def test_the_last_lines_are_those_with_something_on_them(path: Path) -> None:
    add(path, "a\nb\n\nc\n  \n")
    tail = LogTail(str(path))
    tail.read()
    assert tail.last_lines(2) == ["b", "c"]
    assert tail.last_lines(9) == ["a", "b", "c"]
