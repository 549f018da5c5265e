"""What the shell offers behind tab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlaudit import wiring
from mlaudit.cli.main import main
from mlaudit.gateway.memory import MemoryGateway

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Presses tab at the end of a line; the lines that bash gets."""

    def press(line: str, shell: str = "bash") -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_MLAUDIT_COMPLETE", f"complete_{shell}")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main([])
        return [line for line in capsys.readouterr().out.splitlines() if line]

    return press


@pytest.fixture
def store(sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> MemoryGateway:
    """The sample store as if it were a database."""
    monkeypatch.setattr(wiring, "open_quickly", lambda _settings: sample_gateway)
    return sample_gateway


def test_runs_models_and_experiments_are_offered(tab, store) -> None:
    """By what the parameter is called, in whatever command."""
    ids = tab("mlaudit show ")
    assert ids
    assert set(ids) <= {
        run.run_id for run in store.search_runs([e.experiment_id for e in store.list_experiments()]).runs
    }
    assert tab(f"mlaudit diff {ids[0][:6]}") == [i for i in ids if i.startswith(ids[0][:6])]
    assert "fraud-detector" in tab("mlaudit history f")
    assert "fraud-detector" in tab("mlaudit diff --model ")
    assert tab("mlaudit runs -e frau") == ["fraud-detector"]


def test_commands_and_options_are_offered_without_a_store(tab, monkeypatch) -> None:
    monkeypatch.setattr(wiring, "open_quickly", lambda _settings: pytest.fail("opened"))
    assert tab("mlaudit sho") == ["show"]
    assert "--filter" in tab("mlaudit runs --f")


def test_names_that_a_shell_would_obey_are_left_out(tab, store) -> None:
    """The shells' scripts evaluate what is offered."""
    for name in ("$(touch x)", "`touch x`", "\\$(touch x)", 'a"b', "a'b", "a;b", "a\nb", "a|b", "safe name"):
        store.add_experiment(name)
    for shell in ("bash", "zsh", "fish"):
        said = "\n".join(tab("mlaudit runs -e ", shell))
        assert "safe name" in said
        assert "touch" not in said
        assert not any(bad in said for bad in ("a;b", "a|b", 'a"b', "a'b"))


def test_a_store_that_fails_is_silent(tab, monkeypatch, capsys) -> None:
    def fail(_settings: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(wiring, "open_quickly", fail)
    assert tab("mlaudit show ") == []
    assert tab("mlaudit show '; DROP") == []
    assert capsys.readouterr().err == ""


def test_the_store_of_the_line_is_asked(tab, monkeypatch) -> None:
    """Wherever the global option stands."""
    asked = []
    monkeypatch.setattr(wiring, "open_quickly", lambda settings: asked.append(settings) and None)
    tab("mlaudit --tracking-uri sqlite:///one.db show ")
    tab("mlaudit show --tracking-uri sqlite:///two.db ")
    assert [s.tracking_uri for s in asked] == ["sqlite:///one.db", "sqlite:///two.db"]
    assert all(s.read_only for s in asked)


def test_a_directory_is_not_opened_and_nothing_is_made(tmp_path: Path) -> None:
    """A process of its own, as the shell starts it."""
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    words = {"_MLAUDIT_COMPLETE": "complete_bash", "COMP_WORDS": "mlaudit show ", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "mlaudit"],
        cwd=tmp_path,
        env=os.environ | words | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["0", "mlruns"]
