"""The main job through a real terminal: open, find the candidate, see its curves, diff it, promote it, look again.

And what the terminal is owed: an end that leaves it as it was, no escape code of a store's text, life while a server
hangs.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlaudit.tui.app import SIGNAL_GRACE
from tests.plugins.terminal import Terminal, stretched

pytestmark = pytest.mark.real

SIZES = [(80, 24), (160, 45)]
SIZE_IDS = ["80x24", "160x45"]
MODEL = "fraud-detector"
EVIL = "\x1b[2Jgone \x1b]52;c;eA==\x07\x9b31m\u202e[/x][@click=app.quit]x[/]"
"""A run's name: clears the screen, writes the clipboard, colours, turns the text around, and breaks markup."""


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Path:
    """A copy of the demo store, to be changed."""
    return Path(shutil.copytree(demo_store, tmp_path / "demo"))


def production(store: Path) -> list[str]:
    """The versions in Production, asked of MLflow itself."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{store / 'mlflow.db'}"
    versions = MlflowClient(uri, uri).search_model_versions(f"name = '{MODEL}'")
    return [str(v.version) for v in versions if v.current_stage == "Production"]


def version_with(store: Path, role: str) -> tuple[str, str, str]:
    """Version, run id and run name of the demo run that plays this part."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{store / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name("fraud-detector")
    (run,) = client.search_runs([experiment.experiment_id], f"tags.`demo.role` = '{role}'")
    (version,) = [v for v in client.search_model_versions(f"name = '{MODEL}'") if v.run_id == run.info.run_id]
    return str(version.version), str(run.info.run_id), str(run.info.run_name)


@pytest.mark.parametrize("size", SIZES, ids=SIZE_IDS)
def test_the_main_path(store: Path, size: tuple[int, int]) -> None:
    """Everything a newcomer does after ``cd mlaudit-demo && mlaudit``, by keyboard alone."""
    new, run_id, name = version_with(store, "candidate-better")
    old, _, _ = version_with(store, "production")
    assert production(store) == [old]

    with Terminal(cwd=store, size=size) as t:
        t.see("fraud-detector", "2 experiments")
        t.press("enter")
        t.see(name, "15 runs", "newest first")

        # Filter: a mistake is told in place and costs nothing; then the real one.
        t.press("/")
        t.type("metrics.val_loss <")
        t.press("enter")
        t.see("▲", "15 runs", name)
        t.type(" 0.095")
        t.press("enter")
        t.gone("15 runs", "▲", "runaway", "loading")
        t.see("runs · newest first")
        found = int(t.line("newest first").split()[0])
        assert 4 <= found <= 14

        # Sort by the column under the cursor.
        t.press(*["right"] * 8, "s")
        t.see("by val_loss, ascending", "val_loss ▲")
        t.gone("loading")
        best = t.lines[4]
        assert best.split()[0] == "wide"

        # Mark two and chart them over one another.
        t.press("space", "down", "space")
        t.see("2 marked")
        t.press("c")
        t.see(" chart ·", "val_loss", "A wide seed", "B wide seed")
        t.gone("loading")
        assert len([c for c in t.text if "⠀" < c <= "⣿"]) > 20, t.text
        t.press("escape")
        t.see("2 marked")

        # The better candidate against Production.
        t.press("g")
        row = next(i for i, line in enumerate(t.lines[4:]) if name in line)
        t.press(*["j"] * row)
        t.press("d")
        t.see("PASS", run_id[:8], f"version {new}", f"stage:Production: version {old}", "val_loss")

        # The dialog starts on Cancel: enter alone, pressed twice as a tired engineer does, promotes nothing.
        t.press("p")
        t.see("Promote to Production", "Cancel", "PASS", f"version {old} in Production", f"version {new} (run")
        t.press("enter")
        t.see("cancelled. Nothing was changed")
        assert production(store) == [old]

        t.press("p")
        t.gone("cancelled. Nothing was changed")
        t.see("Promote to Production", "Cancel")
        t.press("right", "enter")
        t.see(f"In Production now: {MODEL} version {new}", "Archived: version")
        assert production(store) == [new]

        # Look again: the screen has compared anew, and so does the run's own screen.
        t.see(f"version {new} in Production ·")
        t.press("escape")
        t.see("2 marked")
        t.press("enter")
        t.see("Overview", run_id)
        t.press("end")
        t.see(f"version {new}", "Production")

        asked = time.monotonic()
        t.press("q")
        assert t.exit_code() == 0
        assert time.monotonic() - asked < stretched(1)
        assert t.left_behind() == []


def test_a_worse_candidate_is_not_promoted_by_enter(store: Path) -> None:
    """The verdict and the demand for the model's name are on screen; the other button cannot be reached meanwhile."""
    new, _, name = version_with(store, "candidate-worse")
    old, _, _ = version_with(store, "production")
    with Terminal(cwd=store) as t:
        t.see("2 experiments")
        t.press("enter")
        t.see("15 runs")
        t.press("/")
        t.type(f"attributes.run_name = '{name}'")
        t.press("enter")
        t.see("1 run ·", name)
        t.press("p")
        t.see("Promote to Production", "REGRESSION", f"To confirm, type: {MODEL}", "Cancel")
        t.press("enter", "enter", "enter")
        t.see("Not promoted: cancelled")
        assert production(store) == [old]
        assert old != new
        t.press("q")
        assert t.exit_code() == 0


def test_read_only_has_no_promotion(store: Path) -> None:
    """``p`` is not bound, neither the footer nor the help names it, and the header says why."""
    before = (store / "mlflow.db").read_bytes()
    with Terminal("--read-only", cwd=store, size=(160, 45)) as t:
        t.see("READ-ONLY", "2 experiments")
        t.press("enter")
        t.see("15 runs", "d Diff")
        assert "Promote" not in t.text
        t.press("p", "d")
        t.see("READ-ONLY", "promotion is off", "--read-only")
        assert "p Promote" not in t.text
        t.press("p", "?")
        t.see("Keys: diff", "Compare again")
        assert "Move this run's model to Production" not in t.text
        t.press("q")
        t.gone("Keys: diff")
        t.press("q")
        assert t.exit_code() == 0
    assert (store / "mlflow.db").read_bytes() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_a_sane_terminal(store: Path, number: signal.Signals, code: int) -> None:
    """In the middle of a table."""
    with Terminal(cwd=store) as t:
        t.see("2 experiments")
        t.press("enter")
        t.see("15 runs")
        t.signal(number)
        assert t.exit_code(stretched(10)) == code
        assert t.left_behind() == []
        assert b"Traceback" not in t.raw


@pytest.mark.parametrize("question", [False, True], ids=["in a table", "in a question"])
def test_a_lost_connection_ends_it(store: Path, question: bool) -> None:
    """And leaves no process behind that reads from a terminal which is no more."""
    with Terminal(cwd=store) as t:
        t.see("2 experiments")
        t.press("enter")
        t.see("15 runs")
        if question:
            t.press("t")
            t.see("epochs")
            t.press("\x13")
            t.see("Start this training?")
        t.hang_up()
        # By itself: nobody had to put an end to it.
        assert t.process.wait(stretched(SIGNAL_GRACE - 1)) == 129


def test_stopped_and_continued_it_goes_on(store: Path) -> None:
    """As ``fg`` of a shell lets it."""
    with Terminal(cwd=store) as t:
        t.see("2 experiments")
        t.signal(signal.SIGTSTP)
        state = Path(f"/proc/{t.process.pid}/stat")
        t.until(lambda: not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "T", "its stop")
        taken = t.raw.count(b"\x1b[?2004h")
        t.signal(signal.SIGCONT)
        t.until(lambda: t.raw.count(b"\x1b[?2004h") > taken and t.takes_keys, "the terminal, taken again")
        t.press("enter")
        t.see("15 runs")
        t.press("q")
        assert t.exit_code() == 0
        assert t.left_behind() == []


def test_a_name_full_of_escape_codes_does_nothing(store: Path) -> None:
    """Seen in the table, on the run's screen and in a comparison: literally, with the terminal as it was."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{store / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    _, run_id, _ = version_with(store, "candidate-better")
    client.set_tag(run_id, "mlflow.runName", EVIL)
    client.set_tag(run_id, "note", EVIL)
    with Terminal(cwd=store, size=(160, 45)) as t:
        t.see("2 experiments")
        t.press("enter")
        t.see("␛[2Jgone", "15 runs")
        t.press("/")
        t.type(f"attributes.run_id = '{run_id}'")
        t.press("enter")
        t.see("1 run ·")
        t.press("enter")
        t.see("Overview", "␛[2Jgone", "[/x][@click=app.quit]x[/]")
        t.press("4")
        t.see("note", "‹U+202E›")
        t.press("d")
        t.see("PASS", "␛[2Jgone")
        t.press("q")
        assert t.exit_code() == 0
        raw = bytes(t.raw)
    assert b"\x1b]52" not in raw
    assert b"eA==\x07" not in raw
    assert "\x9b31m".encode() not in raw
    assert "\u202e".encode() not in raw
    assert b"\x1b[2Jgone" not in raw


def test_no_color_paints_no_colour(store: Path) -> None:
    """NO_COLOR leaves greys at the most, and everything stays readable."""
    with Terminal(cwd=store, environ={"NO_COLOR": "1"}) as t:
        t.see("2 experiments")
        t.press("enter")
        t.see("15 runs")
        t.press("d")
        t.see("baseline", "val_loss")
        t.gone("loading")
        assert [c for c in t.colors() if not is_grey(c)] == []
        t.press("q")
        assert t.exit_code() == 0


def is_grey(color: str) -> bool:
    """Whether a colour of pyte's is the default or has no hue."""
    if color in {"default", "black", "white", "brightblack", "brightwhite"}:
        return True
    return len(color) == 6 and color[0:2] == color[2:4] == color[4:6]


@contextlib.contextmanager
def hanging_server() -> Iterator[str]:
    """A server that takes connections and never says a word; yields its address."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_hangs_does_not_hang_the_screen(tmp_path: Path) -> None:
    """Keys are answered meanwhile, the error is there within 10 s, and q quits at once."""
    with hanging_server() as uri, Terminal("--tracking-uri", uri, cwd=tmp_path) as t:
        started = time.monotonic()
        t.see("Opening the store")
        for _ in range(3):
            asked = time.monotonic()
            t.press("?")
            t.see("Keys: experiments", seconds=5)
            t.press("q")
            t.gone("Keys: experiments", seconds=5)
            assert time.monotonic() - asked < stretched(1)
        assert "no answer" not in t.text
        t.see(
            "gives no", "Press r to try again", "NO ANSWER since", seconds=stretched(10) - (time.monotonic() - started)
        )
        t.press("r")
        asked = time.monotonic()
        t.press("q")
        assert t.exit_code(stretched(5)) == 0
        assert time.monotonic() - asked < stretched(1)
        assert t.left_behind() == []


def test_a_dead_server_is_one_line_in_place(tmp_path: Path) -> None:
    """Nobody listens: told on the first screen, and the app goes on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Terminal("--tracking-uri", f"http://127.0.0.1:{port}", cwd=tmp_path) as t:
        t.see("connection refused", "Press r to try again", seconds=stretched(10))
        t.press("q")
        assert t.exit_code(stretched(5)) == 0
    assert list(tmp_path.glob("*.db")) == []
    assert not (tmp_path / "mlruns").exists()
