"""A user's own settings: what holds, and what is told and left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlaudit.config.personal import TEMPLATE, VARIABLE, personal_path, read_personal


def test_no_file_is_the_defaults(tmp_path: Path) -> None:
    personal = read_personal(tmp_path / "config.toml")
    assert (personal.exists, personal.theme, personal.slow, personal.restore) == (False, None, False, True)
    assert (personal.keys, personal.problems) == ({}, ())


def test_what_is_right_holds_beside_what_is_wrong(tmp_path: Path) -> None:
    """Each mistake is named with its file and key."""
    file = tmp_path / "config.toml"
    file.write_text('theme = "nord"\nslow = "yes"\nthem = 1\n[keys]\n"runs.sort" = "o"\n"runs.mark" = 3\n')
    personal = read_personal(file)
    assert personal.theme == "nord"
    assert personal.slow is False
    assert personal.keys == {"runs.sort": "o"}
    assert [p.removeprefix(f"{file}: ") for p in personal.problems] == [
        "slow is ignored: it must be true or false",
        "unknown key 'them' is ignored; did you mean theme?",
        "keys.runs.mark is ignored: it must be a text such as 's' or 'ctrl+s'",
    ]


@pytest.mark.parametrize("wrong", ["0", "65", "true", '"2"', "1.5"])
def test_the_number_of_trainings_at_once(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text("trainings_at_once = 3\n")
    assert (read_personal(file).trainings_at_once, read_personal(file).problems) == (3, ())
    file.write_text(f"trainings_at_once = {wrong}\n")
    assert read_personal(file).trainings_at_once == 1
    assert read_personal(file).problems == (
        f"{file}: trainings_at_once is ignored: it must be a whole number from 1 to 64",
    )


@pytest.mark.parametrize("content", [b"theme = ", b"\xff\xfe", b"[keys", b"x = " + b"9" * 5000, b"x = " + b"[" * 5000])
def test_a_broken_file_is_named_and_ignored(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    personal = read_personal(file)
    assert personal.theme is None
    assert len(personal.problems) == 1
    assert personal.problems[0].startswith(f"{file} is ignored: this is not TOML")


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine.toml"))
    assert personal_path() == tmp_path / "mine.toml"


def test_the_template_says_the_defaults(tmp_path: Path) -> None:
    """As it is it changes nothing; without its comment signs it is right as well."""
    file = tmp_path / "config.toml"
    file.write_text(TEMPLATE)
    assert read_personal(file).problems == ()
    file.write_text("\n".join(line.removeprefix("# ") for line in TEMPLATE.splitlines() if "=" in line or "[" in line))
    personal = read_personal(file)
    assert personal.problems == ()
    assert personal.keys == {"runs.sort": "s,o"}
