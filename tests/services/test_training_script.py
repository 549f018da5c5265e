"""What a training script declares, and what may be passed to it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlaudit.config.bundled import demo_dir
from mlaudit.config.policy import load_scripts
from mlaudit.domain.errors import UsageError
from mlaudit.services.training_script import (
    BUNDLED,
    Parameter,
    TrainingScript,
    choose_script,
    read_script,
    scripts_here,
)
from tests.plugins.fake_training import DECLARATION, write_fake_training


def test_the_bundled_script_can_be_read_and_its_defaults_are_allowed() -> None:
    script = read_script(demo_dir())
    assert script.missing == ""
    argv = script.argv(())
    assert argv[:2] == (sys.executable, str(demo_dir() / "train.py"))
    assert "--learning-rate=0.004" in argv
    assert not any(a.startswith(("--run-name", "--gate")) for a in argv)


def test_values_become_one_argument_each(tmp_path: Path) -> None:
    script = read_script(write_fake_training(tmp_path))
    argv = script.argv((("experiment", "--gate; rm -rf $HOME"), ("gate", "true"), ("epochs", "12")))
    assert argv[2:] == (
        "--mode=quick",
        "--learning-rate=0.1",
        "--epochs=12",
        "--experiment=--gate; rm -rf $HOME",
        "--gate",
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("epochs", "0", "--epochs must be an integer from 1 to 1000, not '0'"),
        ("epochs", "1e2", "--epochs must be an integer from 1 to 1000, not '1e2'"),
        ("epochs", "1_0", "an integer"),
        ("epochs", " 5", "an integer"),
        ("epochs", "٣", "an integer"),
        ("epochs", "9" * 400, "an integer"),
        ("epochs", "", "--epochs must not be empty"),
        ("learning-rate", "nan", "--learning-rate must be a number from 1e-06 to 10, not 'nan'"),
        ("learning-rate", "inf", "a number"),
        ("learning-rate", "1e999", "a number"),
        ("learning-rate", "fast", "a number"),
        ("mode", "other", "--mode must be one of quick, slow"),
        ("gate", "yes", "--gate must be true or false, not 'yes'"),
        ("experiment", "a\x1b[2J", "--experiment must be text on one line"),
        ("experiment", "a\0b", "text on one line"),
        ("experiment", "   ", "text on one line"),
        ("nonsense", "1", "--nonsense is no option of the training script; it has: mode, learning-rate"),
    ],
)
def test_bad_values_are_named_with_what_is_allowed(tmp_path: Path, name: str, value: str, said: str) -> None:
    script = read_script(write_fake_training(tmp_path))
    with pytest.raises(UsageError) as caught:
        script.argv(((name, value),))
    assert said in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (None, None, "a number"),
        (0, None, "a number of 0 or more"),
        (None, 0, "a number of 0 or less"),
        (0, 1, "from 0"),
    ],
)
def test_ranges_in_words(low: float | None, high: float | None, said: str) -> None:
    assert said in Parameter("x", "float", "", minimum=low, maximum=high).allowed


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (DECLARATION, "x = 1", "no [train] table"),
        ('["python", "script.py"]', "[]", "must name a program"),
        ('["python", "script.py"]', '"python script.py"', "list of texts"),
        ('type = "int"', 'type = "integer"', 'train.parameter.type: must be "int" or "float"'),
        ('default = "3"', 'default = "0"', "default: '0' must be an integer from 1"),
        ('default = "3"', 'default = "3"\ntypo = 1', "train.parameter.typo: unknown key"),
        ("minimum = 1\n", 'minimum = "1"\n', 'minimum: must be a number, not "1"'),
        ('name = "gate"', 'name = "epochs"', "'epochs' is declared already"),
        ('name = "gate"', 'name = "--gate"', "must be letters, digits"),
        ('choices = ["quick"', 'choices = "quick" # ', "choices: must be a list"),
        ("[train]", "[train", "not TOML"),
    ],
)
def test_a_bad_declaration_is_one_clear_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in DECLARATION
    write_fake_training(tmp_path, DECLARATION.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        read_script(tmp_path)
    assert str(tmp_path / "train.toml") in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_declaration_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_script(tmp_path)


def test_missing_packages_name_the_extra(tmp_path: Path) -> None:
    write_fake_training(tmp_path, DECLARATION.replace('["json"]', '["json", "no_such_torch"]'))
    script = read_script(tmp_path)
    assert script.missing_packages == ("no_such_torch",)
    assert "pip install 'mlaudit[train]'" in script.missing


def test_numbers_may_be_written_as_numbers(tmp_path: Path) -> None:
    write_fake_training(tmp_path, DECLARATION.replace('default = "0.1"', "default = 0.1"))
    assert {p.name: p.default for p in read_script(tmp_path).parameters}["learning-rate"] == "0.1"


class TestHere:
    """Declared scripts, made ready for this machine."""

    def here(self, folder: Path, command: str, more: str = "") -> TrainingScript:
        (folder / "mlaudit.toml").write_text(f'schema = 1\n[train]\ncommand = ["{command}", "x"]\n{more}')
        (script,) = scripts_here(load_scripts(str(folder / "mlaudit.toml")), demo_dir)
        return script

    def test_python_is_the_one_that_runs_mlaudit(self, tmp_path: Path) -> None:
        script = self.here(tmp_path, "python", 'requires = ["json"]\n')
        assert (script.command, script.missing) == ((sys.executable, "x"), "")

    def test_a_missing_package_is_not_mlaudits_to_install(self, tmp_path: Path) -> None:
        script = self.here(tmp_path, "python3", 'name = "Mine"\nrequires = ["json", "no_such_torch"]\n')
        assert script.missing == f"Mine needs the package no_such_torch, which {sys.executable} does not have"

    def test_a_program_by_its_path_is_the_one_beside_the_file(self, tmp_path: Path) -> None:
        assert self.here(tmp_path, "bin/go").missing == f"there is no program {tmp_path}/bin/go"
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "go").write_text("")
        script = self.here(tmp_path, "bin/go")
        assert (script.command[0], script.missing) == (str(tmp_path / "bin" / "go"), "")

    def test_a_program_that_is_nowhere_is_told_before_it_is_started(self, tmp_path: Path) -> None:
        assert self.here(tmp_path, "no-such").missing == "there is no program no-such on the PATH"
        (tmp_path / "no-such").write_text("")
        assert self.here(tmp_path, "no-such").missing.endswith(f"; the one in {tmp_path} is called ./no-such")
        assert self.here(tmp_path, "sh").missing == ""

    def test_a_missing_directory(self, tmp_path: Path) -> None:
        assert f"there is no directory {tmp_path}/src" in self.here(tmp_path, "sh", 'directory = "src"\n').missing

    def test_without_a_declaration_it_is_the_bundled_one(self) -> None:
        (script,) = scripts_here((), demo_dir)
        assert script.key == BUNDLED
        assert choose_script((script,), None) is script
