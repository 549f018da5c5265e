"""What may be passed to a training script, and in which words."""

import pytest

from mlaudit.domain.errors import UsageError
from mlaudit.domain.training import Parameter, TrainingScript


@pytest.mark.parametrize(
    ("kind", "passed", "value", "words"),
    [
        ("float", (), "0.1", ("--x=0.1",)),
        ("float", ("--lr", "{}"), "-1e-3", ("--lr", "-1e-3")),
        ("str", ("--{name}={value}",), "a b; $HOME", ("--x=a b; $HOME",)),
        ("str", ("model.{name}={}",), "{name} {}", ("model.x={name} {}",)),
        ("str", (), "", ()),
        ("choice", ("{}",), "--fast", ("--fast",)),
        ("bool", (), "true", ("--x",)),
        ("bool", (), "false", ()),
        ("bool", ("--amp",), "true", ("--amp",)),
        ("bool", ("amp={}",), "false", ("amp=false",)),
    ],
)
def test_a_value_in_its_words(kind: str, passed: tuple[str, ...], value: str, words: tuple[str, ...]) -> None:
    assert Parameter("x", kind, "", choices=("--fast",), passed=passed).words(value) == words


def test_a_switch_that_is_off_may_be_said_to_be() -> None:
    switch = Parameter("x", "bool", "true", passed=("--amp",), passed_off=("--no-amp",))
    assert (switch.words("true"), switch.words("false")) == (("--amp",), ("--no-amp",))


def test_a_text_that_stands_alone_cannot_be_an_option() -> None:
    parameter = Parameter("data", "str", "", passed=("{}",))
    assert parameter.problem("--delete") == "must be text on one line that does not begin with -"
    assert parameter.problem("data.csv") == ""
    assert Parameter("data", "str", "", passed=("--data={}",)).problem("--delete") == ""


def test_a_param_of_a_run_is_known_by_its_name() -> None:
    assert Parameter("learning-rate", "float", "").is_recorded_as("learning_rate")
    named = Parameter("lr", "float", "", param="opt/lr")
    assert named.is_recorded_as("opt/lr")
    assert not named.is_recorded_as("lr")


def test_a_script_without_options_says_so() -> None:
    script = TrainingScript("x", "/", (), command=("make",))
    assert script.argv(()) == ("make",)
    with pytest.raises(UsageError, match="it has none"):
        script.argv((("a", "1"),))
