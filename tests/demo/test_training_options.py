"""The training script without training: its options, their declaration for mlaudit's form, its data, its signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from typing import Any

import numpy as np
import options
import pytest
import train
import transactions
from stopping import Stopped, StopSignals

from mlaudit.config.bundled import demo_dir

HANDED_OVER = {"tracking-uri"}
"""In the environment, never as an argument: a URI may hold a password."""


def declared() -> dict[str, dict[str, Any]]:
    document = tomllib.loads((demo_dir() / "train.toml").read_text(encoding="utf-8"))
    return {parameter["name"]: parameter for parameter in document["train"]["parameter"]}


def accepted() -> dict[str, dict[str, Any]]:
    """What argparse knows, in the words of train.toml."""
    found = {}
    for action in options.build_parser()._actions:
        name = action.option_strings[-1].removeprefix("--")
        if name == "help":
            continue
        kind = "choice" if action.choices else "bool" if action.nargs == 0 else (action.type or str).__name__
        default = str(action.default).lower() if isinstance(action.default, bool) else str(action.default)
        found[name] = {"type": kind, "default": default, "choices": list(action.choices or [])}
    return found


class TestDeclaration:
    """train.toml and argparse say the same."""

    def test_same_options(self) -> None:
        """Every option is declared, save the store."""
        assert set(declared()) == set(accepted()) - HANDED_OVER

    @pytest.mark.parametrize("name", sorted(declared()))
    def test_same_type_default_choices(self, name: str) -> None:
        """Type, default and choices agree; numbers are equal as numbers."""
        ours, theirs = declared()[name], accepted()[name]
        assert (ours["type"], ours.get("choices", [])) == (theirs["type"], theirs["choices"])
        if ours["type"] in {"int", "float"}:
            assert float(ours["default"]) == float(theirs["default"])
        else:
            assert ours["default"] == theirs["default"]

    def test_same_ranges(self) -> None:
        """Every number has its smallest and largest value, the same on both sides."""
        ours = {
            name.replace("-", "_"): (parameter["minimum"], parameter["maximum"])
            for name, parameter in declared().items()
            if parameter["type"] in {"int", "float"}
        }
        assert ours == options.RANGES

    def test_choices_are_the_datasets(self) -> None:
        """Each dataset version on offer can be generated."""
        assert declared()["dataset-version"]["choices"] == list(transactions.VERSIONS)

    def test_every_default_is_accepted(self) -> None:
        """The form as it opens is a valid command line."""
        arguments = [
            f"--{name}={parameter['default']}"
            for name, parameter in declared().items()
            if parameter["type"] != "bool" and parameter["default"]
        ]
        assert options.parse(arguments) == options.parse([])


class TestBadInput:
    """Usage errors end with 2 and name the option."""

    @pytest.mark.parametrize(
        "argument",
        ["--dropout=1.5", "--epochs=0", "--learning-rate=nan", "--batch-size=x", "--seed=-1", "--experiment= ",
         "--dataset-version=v9", "--optimizer=magic", "--hidden-size=99999", "--epoch=3"],
    )  # fmt: skip
    def test_refused(self, argument: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Out of range, no number, unknown choice, empty, abbreviated."""
        with pytest.raises(SystemExit) as ended:
            options.parse([argument])
        assert ended.value.code == 2
        assert argument.partition("=")[0] in capsys.readouterr().err

    def test_missing_package(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Without PyTorch: one line that names the extra, exit code 2."""
        find = train.importlib.util.find_spec
        monkeypatch.setattr(train.importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
        assert train.main([]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert "torch" in lines[0]
        assert "pip install 'mlaudit[train]'" in lines[0]

    def test_help_loads_nothing_heavy(self) -> None:
        """--help answers without MLflow, PyTorch or NumPy."""
        code = (
            "import runpy, sys\n"
            f"sys.path.insert(0, {str(demo_dir())!r}); sys.argv = ['train.py', '--help']\n"
            "try:\n    runpy.run_path(sys.path[0] + '/train.py', run_name='__main__')\n"
            "except SystemExit as ended:\n    assert ended.code == 0\n"
            "print('HEAVY', sorted({'torch', 'mlflow', 'numpy', 'sklearn'} & set(sys.modules)))"
        )
        shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert "--learning-rate" in shown.stdout
        assert shown.stdout.splitlines()[-1] == "HEAVY []"

    def test_password_is_not_printed(self) -> None:
        """A URI is shown without its user information."""
        assert train.without_password("postgresql://me:s3cret@db/x") == "postgresql://***@db/x"
        assert train.without_password("sqlite:////a@b/mlflow.db") == "sqlite:////a@b/mlflow.db"


class TestData:
    """Synthetic transactions: the same for everybody, imbalanced, learnable."""

    def test_deterministic(self) -> None:
        """Two calls give the same rows and digests."""
        for one, other in zip(transactions.generate("v1"), transactions.generate("v1"), strict=True):
            assert np.array_equal(one.features, other.features)
            assert np.array_equal(one.labels, other.labels)
            assert one.digest == other.digest

    def test_versions_and_halves_differ(self) -> None:
        """Four different digests: training and validation of two versions."""
        rows = [part for version in transactions.VERSIONS for part in transactions.generate(version)]
        assert len({part.digest for part in rows}) == 4

    def test_digest_sees_labels_and_features(self) -> None:
        """One changed value changes the digest."""
        rows = transactions.generate("v1")[1]
        labels, features = rows.labels.copy(), rows.features.copy()
        labels[0], features[0, 0] = 1 - labels[0], features[0, 0] + 1
        assert transactions.Transactions(rows.features, labels).digest != rows.digest
        assert transactions.Transactions(features, rows.labels).digest != rows.digest

    @pytest.mark.parametrize("version", sorted(transactions.VERSIONS))
    def test_imbalanced(self, version: str) -> None:
        """A few per cent of the rows are fraud, in both halves."""
        for rows in transactions.generate(version):
            assert 0.02 < rows.labels.mean() < 0.12
            assert rows.features.shape == (len(rows.labels), len(transactions.FEATURES))
            assert np.isfinite(rows.features).all()


class TestSignals:
    """The first signal asks, the second insists."""

    def test_first_is_a_flag(self) -> None:
        """Nothing is cut off: the stop shows at the next look."""
        with StopSignals() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(Stopped) as stopped:
                stop.check()
        assert (stopped.value.name, stopped.value.exit_code) == ("SIGTERM", 143)

    def test_second_is_immediate(self) -> None:
        """Whatever hangs is ended by a second Ctrl-C."""
        with StopSignals():
            os.kill(os.getpid(), signal.SIGINT)
            with pytest.raises(Stopped) as stopped:
                os.kill(os.getpid(), signal.SIGINT)
        assert stopped.value.exit_code == 130

    def test_handlers_come_back(self) -> None:
        """After the block the process reacts as before."""
        before = [signal.getsignal(number) for number in StopSignals.SIGNALS]
        with StopSignals():
            pass
        assert [signal.getsignal(number) for number in StopSignals.SIGNALS] == before
