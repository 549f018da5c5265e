"""``mlaudit demo`` around a stand-in for seed.py: what it shows, returns, opens and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlaudit.cli import demo as command
from mlaudit.cli import main as program
from mlaudit.cli import output
from mlaudit.config import bundled
from mlaudit.config.settings import Settings

REUSE = 'print(\'{"event": "reuse", "uri": "sqlite:////x/mlflow.db"}\')'
BUILD = """
print('{"event": "start", "runs": 2}')
print('{"event": "run", "number": 1, "of": 2, "name": "one [b]", "role": "r"}')
print('no event at all'); print('[1]')
print('{"event": "done", "uri": "sqlite:////x/mlflow.db", "seconds": 3.5}')
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a seed.py to be written by the test."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    monkeypatch.setattr(command, "demo_dir", lambda: scripts)
    monkeypatch.chdir(tmp_path)
    return scripts / "seed.py"


class TestBuild:
    def test_streams(self, stand_in: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Progress on stderr, the URI alone on stdout."""
        stand_in.write_text(BUILD)
        assert program.main(["demo", "--no-open"]) == 0
        shown = capsys.readouterr()
        assert shown.out == "sqlite:////x/mlflow.db\n"
        assert "training 1 of 2: one [b]" in shown.err
        assert "in 3.5 s" in shown.err
        assert "--tracking-uri sqlite:////x/mlflow.db" in shown.err

    def test_reuse(self, stand_in: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A store that is there is named as such."""
        stand_in.write_text(REUSE)
        assert program.main(["demo", "here", "--no-open"]) == 0
        assert "reusing the demo store in here" in capsys.readouterr().err

    def test_arguments(self, stand_in: Path) -> None:
        """Directory and --fresh reach the build."""
        stand_in.write_text(f"import sys; open('argv', 'w').write(repr(sys.argv[1:]))\n{REUSE}")
        assert program.main(["demo", "d i r", "--fresh", "--no-open"]) == 0
        assert Path("argv").read_text() == "['d i r', '--fresh']"


class TestFailure:
    @pytest.mark.parametrize(
        ("script", "code", "words"),
        [
            ('print(\'{"event": "missing", "package": "torch"}\'); exit(2)', 2, "pip install 'mlaudit[train]'"),
            ('print(\'{"event": "error", "message": "x is not empty"}\'); exit(2)', 2, "x is not empty"),
            ('print(\'{"event": "error", "message": "run died"}\'); exit(5)', 5, "run died"),
            ("raise ValueError('deep inside')", 5, "deep inside"),
            ("exit(3)", 5, "exit code 3"),
            ("exit(0)", 5, "exit code 0"),
        ],
    )
    def test_one_line(
        self, stand_in: Path, capsys: pytest.CaptureFixture[str], script: str, code: int, words: str
    ) -> None:
        """Whatever ends the build: one line, the right code, nothing on stdout."""
        stand_in.write_text(script)
        assert program.main(["demo", "--no-open"]) == code
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.count("\n") == 1
        assert words in shown.err
        assert "Traceback" not in shown.err

    @pytest.mark.parametrize(
        "arguments",
        [["--tracking-uri", "sqlite:///x.db"], ["--registry-uri", "sqlite:///x.db"], ["--fresh", "--read-only"]],
    )
    def test_contradictions(self, stand_in: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """Options that make no sense here are refused before anything is started."""
        stand_in.write_text("open('started', 'w')")
        assert program.main(["demo", *arguments]) == 2
        assert not Path("started").exists()

    def test_missing_scripts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An installation without the demo says so."""
        monkeypatch.setattr(bundled, "SCRIPT", "nowhere.py")
        assert program.main(["demo", str(tmp_path), "--no-open"]) == 5


class TestOpen:
    def test_settings(self, stand_in: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The app gets the store, its own registry and the sample policy; its exit code is the command's."""
        stand_in.write_text(REUSE)
        opened: list[Settings] = []
        monkeypatch.setattr(program, "open_app", lambda settings: opened.append(settings) or 7)
        monkeypatch.setattr(output, "has_terminal", lambda: True)
        monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://elsewhere")
        assert program.main(["demo", "d", "--read-only"]) == 7
        uri = "sqlite:////x/mlflow.db"
        policy = str(tmp_path / "d" / "mlaudit.toml")
        assert opened == [Settings(tracking_uri=uri, registry_uri=uri, policy_path=policy, read_only=True)]

    def test_no_open(self, stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """--no-open, or no terminal: the app stays closed."""
        stand_in.write_text(REUSE)
        monkeypatch.setattr(program, "open_app", lambda _settings: pytest.fail("opened"))
        assert program.main(["demo"]) == 0
        monkeypatch.setattr(output, "has_terminal", lambda: True)
        assert program.main(["demo", "--no-open"]) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    """The build is asked to stop and waited for; the command ends as interrupted, and no process stays."""
    (tmp_path / "seed.py").write_text(
        "import os, signal, sys, time\n"
        "def stop(*_): time.sleep(0.3); open('stopped', 'w').close(); sys.exit(130)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        "open('pid', 'w').write(str(os.getpid()))\n"
        'print(\'{"event": "start", "runs": 2}\', flush=True)\n'
        "time.sleep(60)\n"
    )
    code = (
        "import sys; from pathlib import Path; from mlaudit.cli import demo, main\n"
        f"demo.demo_dir = lambda: Path({str(tmp_path)!r})\n"
        "sys.exit(main.main(['demo', '--no-open']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "loading" in process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert (tmp_path / "stopped").exists()
    assert out == ""
    assert "Traceback" not in err
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_import_is_light() -> None:
    """The command's module loads none of the heavy packages."""
    code = "import mlaudit.cli.demo, sys; print(sorted({'mlflow', 'torch', 'textual', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
