"""``mlaudit config``: where the user's settings lie, what they are, an editor on them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from textual.app import App

from mlaudit.cli.main import main, with_personal
from mlaudit.config.personal import TEMPLATE, VARIABLE
from mlaudit.config.settings import Settings
from mlaudit.tui.themes import theme_names


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's file, not there yet."""
    path = tmp_path / "deep" / "config.toml"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_path_and_show_make_no_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    assert main(["config", "show"]) == 0
    assert "there is none: these are the defaults" in capsys.readouterr().out
    assert not file.parent.exists()


def test_show_tells_what_is_wrong(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir()
    file.write_text('theme = "nord"\nslow = 1\n[keys]\n"runs.sort" = "o"\n')
    assert main(["config", "show"]) == 2
    out, err = capsys.readouterr()
    rest = 'slow = false\ntrainings_at_once = 1\nrestore = true\n\n[keys]\n"runs.sort" = "o"\n'
    assert out == f'# {file}\ntheme = "nord"\n{rest}'
    assert err == f"mlaudit: {file}: slow is ignored: it must be true or false\n"


def test_show_leaves_out_a_theme_and_actions_that_there_are_not(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir()
    file.write_text('theme = "nosuch"\n[keys]\n"no.such" = "x"\n"runs.sort" = "o"\n')
    assert main(["config", "show"]) == 2
    out, err = capsys.readouterr()
    assert "nosuch" not in out
    assert "no.such" not in out
    assert '"runs.sort" = "o"' in out
    assert "there is no theme 'nosuch'; there are " in err
    assert "there is no action no.such" in err


def test_its_themes_are_the_apps() -> None:
    """None is registered by the app itself."""
    assert theme_names() == sorted(App().available_themes)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_global_options_stand_wherever_they_are_put(
    file: Path, capsys: pytest.CaptureFixture[str], place: int
) -> None:
    words = ["config", "path"]
    words.insert(place, "--read-only")
    assert main(words) == 0
    assert capsys.readouterr().out == f"{file}\n"


def test_an_editor_with_an_open_quote_is_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "vi '")
    assert main(["config", "edit"]) == 2
    assert "has a quote that is not closed" in capsys.readouterr().err


def test_edit_writes_a_commented_file_and_opens_the_editor(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "my editor.py"
    script.write_text("import sys\nopen(sys.argv[1], 'a').write('slow = true\\n')\n")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} '{script}'")
    assert main(["config", "edit"]) == 0
    assert file.read_text() == TEMPLATE + "slow = true\n"


def test_an_editor_that_is_not_there_is_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "no-such-editor")
    assert main(["config", "edit"]) == 2
    assert capsys.readouterr().err.startswith("mlaudit: error: no-such-editor: No such file or directory; set EDITOR")


def test_the_command_line_goes_before_the_file(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('theme = "nord"\n')
    settings = with_personal(Settings(read_only=True), slow=True)
    assert (settings.read_only, settings.slow, settings.theme) == (True, True, "nord")


def test_slow_without_a_screen_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--slow", "config", "path"]) == 2
    assert "--slow is for the app" in capsys.readouterr().err


def test_the_app_begins_where_one_was_unless_told_otherwise(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the option, or by the file."""
    assert with_personal(Settings()).restore
    assert not with_personal(Settings(), restore=False).restore
    file.parent.mkdir()
    file.write_text("restore = false\n")
    assert not with_personal(Settings()).restore
    assert main(["--no-restore", "experiments"]) == 2
    assert "--no-restore is for the app" in capsys.readouterr().err
