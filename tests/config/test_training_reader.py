"""The training scripts of an mlaudit.toml: what is read, and one line for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlaudit.config.policy import check_policies, load_policies, load_scripts
from mlaudit.domain.errors import PolicyError
from mlaudit.domain.training import Progress

WHOLE = """\
schema = 1
[train]
name = "Fraud"
command = ["python", "-m", "fraud.train"]
directory = "src"
requires = ["json"]
environment = ["CUDA_VISIBLE_DEVICES", "AWS_*"]
experiment = "fraud"
pass = "--{name} {}"
progress = { parameter = "epochs", metric = "val_loss" }

[[train.parameter]]
name = "lr"
type = "float"
default = 0.1
minimum = 0
maximum = 1
help = "step size"
param = "opt.lr"

[[train.parameter]]
name = "epochs"
type = "int"
default = 3

[[train.parameter]]
name = "size"
type = "choice"
choices = [32, 64]
default = 64
pass = "--size={}"

[[train.parameter]]
name = "amp"
type = "bool"
default = true
pass_off = "--no-amp"
"""


def write(folder: Path, text: str, name: str = "mlaudit.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_all_that_can_be_said(tmp_path: Path) -> None:
    (script,) = load_scripts(write(tmp_path, WHOLE))
    assert (script.key, script.name, script.experiment) == ("train", "Fraud", "fraud")
    assert script.directory == str(tmp_path / "src")
    assert script.environment == ("CUDA_VISIBLE_DEVICES", "AWS_*")
    assert script.requires == ("json",)
    assert script.progress == Progress("epochs", "val_loss")
    assert script.argv(())[3:] == ("--lr", "0.1", "--epochs", "3", "--size=64", "--amp")
    assert script.argv((("amp", "false"), ("size", "32")))[-2:] == ("--size=32", "--no-amp")
    assert script.parameters[0].is_recorded_as("opt.lr")


def test_several_by_name_keep_their_order(tmp_path: Path) -> None:
    text = 'schema = 1\n[train.small]\ncommand = ["a"]\n[train.large]\nname = "Large"\ncommand = ["b"]\n'
    scripts = load_scripts(write(tmp_path, text))
    assert [(s.key, s.name, s.command) for s in scripts] == [("small", "small", ("a",)), ("large", "Large", ("b",))]
    assert scripts[0].directory == str(tmp_path)


def test_a_projects_file_may_hold_it(tmp_path: Path) -> None:
    text = '[tool.mlaudit]\nschema = 1\n[tool.mlaudit.train]\ncommand = ["a"]\nx = 1\n'
    path = write(tmp_path, text, "pyproject.toml")
    with pytest.raises(PolicyError, match=r"pyproject.toml:5: tool.mlaudit.train.x: unknown key"):
        load_scripts(path)


def test_without_a_declaration_there_is_none(tmp_path: Path) -> None:
    assert load_scripts(write(tmp_path, "schema = 1\n")) == ()
    assert load_scripts(None, tmp_path / "nowhere") == ()


def test_a_judgement_does_not_rest_on_the_scripts_nor_they_on_it(tmp_path: Path) -> None:
    broken = write(tmp_path, "schema = 1\n[train]\n")
    assert load_policies(broken).models == ()
    with pytest.raises(PolicyError, match="command"):
        load_scripts(broken)
    other = write(tmp_path, 'schema = 1\n[train]\ncommand = ["a"]\n[model.m]\nx = 1\n', "other.toml")
    assert len(load_scripts(other)) == 1
    assert len(check_policies(other).all_mistakes) == 1


def test_a_schema_that_is_not_known_is_told_once(tmp_path: Path) -> None:
    path = write(tmp_path, 'schema = 2\n[train]\ncommand = ["a"]\n')
    with pytest.raises(PolicyError, match="schema"):
        load_scripts(path)
    assert len(check_policies(path).all_mistakes) == 1


COMMAND = 'schema = 1\n[train]\ncommand = ["python"]\n'
ONE = f'{COMMAND}[[train.parameter]]\nname = "x"\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("schema = 1\ntrain = 1\n", 2, "train: must be a table"),
        ("schema = 1\n[train]\n", 2, "train.command: must name a program"),
        ("schema = 1\n[train]\ncommand = []\n", 3, "train.command: must name a program"),
        ('schema = 1\n[train]\ncommand = "python x"\n', 3, 'a list of texts, one for each word, not "python x"'),
        ('schema = 1\n[train]\ncommand = ["a\\u001b"]\n', 3, "a list of texts"),
        ('schema = 1\n[train]\ncomand = ["a"]\ncommand = ["a"]\n', 3, "comand: unknown key (did you mean command?)"),
        (f'{COMMAND}directory = ""\n', 4, "train.directory: must be text"),
        (f"{COMMAND}name = 3\n", 4, "train.name: must be text"),
        (f'{COMMAND}environment = ["A B"]\n', 4, "'A B' is no name of a variable"),
        (f"{COMMAND}requires = 1\n", 4, "train.requires: must be a list"),
        ('schema = 1\n[train]\ncommand = ["make"]\nrequires = ["x"]\n', 4, 'only for "python" as the program'),
        (f'{COMMAND}experiment = "a\\nb"\n', 4, "text on one line"),
        (f'{COMMAND}pass = "--{{name}}"\n', 4, "train.pass: has no place for the value"),
        (f'{COMMAND}pass = "--x {{val}}"\n', 4, "{val} is no place; there are {} or {value}, and {name}"),
        (f'{COMMAND}pass = "\'--x {{}}"\n', 4, "a quote that is not closed"),
        (f'{COMMAND}progress = {{ parameter = "e", metric = "m" }}\n', 4, "'e' is no int parameter"),
        (f'{ONE}type = "int"\n[train.progress]\nparameter = "x"\n', 7, "metric: is missing"),
        (
            f'{COMMAND}progress = {{ parameter = "x", metric = "m" }}\n'
            '[[train.parameter]]\nname = "x"\ntype = "integer"\n',
            7,
            "type: must be",
        ),
        (f'{COMMAND}[train.parameter]\nname = "x"\n', 4, "must be an array of tables, [[...parameter]]"),
        (f'{COMMAND}[[train.parameter]]\ntype = "int"\n', 4, "train.parameter.name: is missing"),
        (f'{COMMAND}[[train.parameter]]\nname = "--x"\n', 5, "must be letters, digits, - _ and ., a letter first"),
        (f'{ONE}type = "integer"\n', 6, 'type: must be "int" or "float" or "str" or "bool" or "choice", not "integer"'),
        (f'{ONE}type = "int"\ndefault = "ten"\n', 7, "default: 'ten' must be an integer"),
        (f'{ONE}type = "int"\ndefault = 1.5\n', 7, "default: '1.5' must be an integer"),
        (f'{ONE}type = "int"\nmaximum = 5\ndefault = 6\n', 8, "default: '6' must be an integer of 5 or less"),
        (f'{ONE}type = "bool"\ndefault = "yes"\n', 7, "default: 'yes' must be true or false"),
        (f"{ONE}default = [1]\n", 6, "default: must be a text, a number, true or false"),
        (
            f"{ONE}default = 0x{'f' * 5000}\n",
            6,
            "default: must be a text, a number, true or false, not a number so long",
        ),
        (f'{ONE}type = "float"\nminimum = "0"\n', 7, 'minimum: must be a number, not "0"'),
        (f'{ONE}type = "float"\nminimum = 2\nmaximum = 1\n', 8, "maximum: is below minimum"),
        (f"{ONE}minimum = 2\n", 6, "minimum: belongs to int and float only"),
        (f'{ONE}type = "choice"\n', 4, "choices: is missing"),
        (f'{ONE}type = "choice"\nchoices = []\n', 7, "choices: must be a list"),
        (f'{ONE}type = "choice"\nchoices = ["a", "a"]\n', 7, "choices: names something twice"),
        (f'{ONE}choices = ["a"]\n', 6, 'belongs to type = "choice" only'),
        (f'{ONE}type = "choice"\nchoices = ["a"]\ndefault = "b"\n', 8, "default: 'b' must be one of a"),
        (f'{ONE}pass_off = "--no-x"\n', 6, "pass_off: belongs to a bool"),
        (f'{ONE}type = "bool"\npass = "x={{}}"\npass_off = "-n"\n', 8, "pass_off: belongs to a bool whose pass"),
        (f'{ONE}[[train.parameter]]\nname = "x"\n', 7, "'x' is declared already"),
        (f'{ONE}helpp = "x"\n', 6, "helpp: unknown key (did you mean help?)"),
        ('schema = 1\n[train."a b"]\ncommand = ["a"]\n', 2, "letters, digits, - and _"),
        ('schema = 1\n[train.bundled]\ncommand = ["a"]\n', 2, "comes with mlaudit"),
        ('schema = 1\n[train.a]\ncommand = ["a"]\n[train.b]\n', 4, "train.b.command: must name a program"),
    ],
)
def test_each_mistake_is_one_line_that_says_where(tmp_path: Path, text: str, line: int, said: str) -> None:
    checked = check_policies(write(tmp_path, text))
    assert [m.line for m in checked.script_mistakes] == [line], [m.message() for m in checked.script_mistakes]
    message = checked.script_mistakes[0].message()
    assert said in message
    assert "\n" not in message
    assert "\x1b" not in message
