"""Bad input gives one clear line, the right exit code and no traceback; good options stand where they are put."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

import mlaudit.cli.invocation as invocation_module
from mlaudit.cli import output
from mlaudit.cli.main import program
from mlaudit.domain.errors import StoreUnavailable, UsageError
from mlaudit.services.experiments import ListExperiments, ResolveExperiments

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nonsense"], "no run with the id or prefix 'nonsense'"),
        (["show", ""], "no run"),
        (["show"], "RUN_ID"),
        (["runs", "--experiment", "fraud-detecter"], "no experiment named 'fraud-detecter'; there are:"),
        (["runs", "--columns", "statsu"], "unknown column 'statsu'; did you mean status?"),
        (["runs", "--columns", ","], "names no column"),
        (["runs", "--max", "0"], "--max"),
        (["runs", "--format", "xml"], "xml"),
        (["runs", "--no-such-option"], "--no-such-option"),
        (["rus"], "'rus'"),
        (["show", "a\x1b[2Jb"], "a␛[2Jb"),
        (["--read-only", "promote", "x"], "--read-only"),
        (["promote", "x", "--read-only"], "--read-only"),
        ([], "needs a terminal"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cli, arguments, said):
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("mlaudit: error: ")
    assert result.err.count("\n") == 1
    assert said in result.err
    assert "\x1b" not in result.err


def test_an_ambiguous_prefix_names_the_runs(cli):
    cli.store.add_run("1", run_id="abc1" + "0" * 28)
    cli.store.add_run("1", run_id="abc2" + "0" * 28)
    result = cli("show", "abc")
    assert result.code == 2
    assert "abc1" in result.err
    assert "abc2" in result.err


def test_a_store_that_fails_is_exit_code_5(cli):
    cli.store.fail = lambda _method: StoreUnavailable("http://127.0.0.1:1", "connection refused")
    for arguments in (["experiments"], ["runs"], ["show", "x"], ["diff", "x"], ["promote", "x"]):
        result = cli(*arguments)
        assert (result.code, result.out) == (5, "")
        assert result.err == "mlaudit: error: http://127.0.0.1:1: connection refused\n"


def test_a_store_that_hangs_is_given_up(cli, monkeypatch):
    monkeypatch.setattr(invocation_module, "FIRST_ANSWER", 0.2)
    release = threading.Event()
    cli.answers[ListExperiments] = lambda _request: release.wait(30)
    started = time.monotonic()
    result = cli("experiments")
    release.set()
    assert time.monotonic() - started < 5
    assert result.code == 5
    assert "no answer to the list of experiments within 0.2 s" in result.err


def test_a_defect_is_called_one_and_keeps_its_text_to_itself(cli):
    def broken(_request):
        raise RuntimeError("http://admin:hunter2@host said \x1b[2J")

    cli.answers[ResolveExperiments] = broken
    result = cli("runs")
    assert result.code == 5
    assert "internal error (this is a bug)" in result.err
    assert "--traceback" in result.err
    assert "hunter2" not in result.err
    assert result.err.count("\n") == 1
    for arguments in (["--traceback", "runs"], ["runs", "--traceback"]):
        trace = cli(*arguments).err
        assert "in broken" in trace
        assert "\n  File " in trace
        assert "http://***@host said ␛[2J" in trace


def test_ctrl_c_is_exit_code_130(cli):
    def interrupted(_request):
        raise KeyboardInterrupt

    cli.answers[ResolveExperiments] = interrupted
    assert cli("runs").code == 130


@pytest.mark.parametrize("place", ["before", "after", "both"])
def test_global_options_before_or_after_the_command_the_later_wins(cli, place):
    given = ["--tracking-uri", "sqlite:///a.db", "--registry-uri", "r", "--policy", "p.toml", "--read-only"]
    early = {"before": given, "after": [], "both": ["--tracking-uri", "early", "--policy", "early"]}[place]
    late = [] if place == "before" else given
    assert cli(*early, "experiments", *late).code == 0
    settings = cli.settings
    assert (settings.tracking_uri, settings.registry_uri, settings.policy_path) == ("sqlite:///a.db", "r", "p.toml")
    assert settings.read_only
    assert not settings.traceback


@pytest.mark.parametrize(
    ("expression", "place", "said"),
    [
        ("metrics.val_loss ~ 1", "~", "expected one of =, !="),
        ("metrics.val_loss <", "end", "expected a bare number, found the end"),
        ("metrics.val_loss < 1 OR (params.seed = '1'", "(", "never closed"),
        ("val_loss < 1", "val_loss", "the nearest known key is metrics.val_loss"),
        ("nope nope nope", "nope", "unknown attribute 'nope'"),
        ("params.seed = '日本' AND metrics.val-loss < 1", "-loss", "the nearest known key is metrics.val_loss"),
        ("metrics.val_loss < 1 AND\n metrics.val_loss !! 1", "!!", "expected one of"),
        (" AND ".join(["metrics.val_loss < 1"] * 20) + " AND metrics.val_loss > 'x'" + " " * 90, "'x'", "number"),
    ],
)
def test_a_wrong_filter_is_shown_with_a_caret_under_the_place(cli, expression, place, said):
    """Under the very character, also after wide ones; a long expression is cut around it."""
    result = cli("runs", "--filter", expression)
    error, shown, caret = result.err.splitlines()
    assert (result.code, result.out) == (2, "")
    assert error.startswith("mlaudit: error: bad filter at character ")
    assert said in error
    assert (caret.strip(), len(shown) < 120) == ("^", True)
    column = cell_len(shown) if place == "end" else cell_len(shown[: shown.index(place)])
    assert cell_len(caret) - 1 == column


def test_a_wrong_order_is_shown_the_same_way(cli):
    lines = cli("runs", "--order-by", "metrics.f1 SIDEWAYS").err.splitlines()
    assert lines[0] == "mlaudit: error: bad order at character 12: expected ASC or DESC, found 'SIDEWAYS'"
    assert lines[1:] == ["  metrics.f1 SIDEWAYS", "             ^"]


class ClosedPipe(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_went_away_changes_nothing(cli, monkeypatch):
    monkeypatch.setattr(sys, "stdout", ClosedPipe())
    assert cli("runs").code == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_said_and_is_no_defect(cli, monkeypatch):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        found = cli("runs")
    assert (found.code, found.err.splitlines()[-1]) == (
        5,
        f"mlaudit: error: cannot write to stdout: {os.strerror(errno.ENOSPC)}",
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["runs", "--help"], ["--version"], ["runs", "--format", "parquet"]])
def test_a_full_disk_is_no_defect_whoever_writes(arguments, sqlite_template):
    """Others write the help and Parquet; what is in their buffers is not complained of again at the end."""
    if "parquet" in arguments:
        pytest.importorskip("pyarrow")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mlaudit", *arguments, "--tracking-uri", f"sqlite:///{sqlite_template}"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr.splitlines()[:1]) == (
        5,
        [f"mlaudit: error: cannot write to stdout: {os.strerror(errno.ENOSPC)}"],
    )
    assert "ignored" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_behind_stderr_changes_nothing(cli, monkeypatch):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert cli("runs", "--max", "1").code == 0


def test_json_survives_an_ascii_terminal(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    output.survive_encodings()
    output.json_data(json.dumps({"é😀": "…"}, ensure_ascii=False))
    assert json.loads(raw.getvalue().decode("ascii")) == {"é😀": "…"}


def test_a_report_file_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "report.txt"
    target.write_text("old")
    target.chmod(0o640)
    output.write_file(str(target), "new")
    assert target.read_text() == "new\n"
    assert target.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["report.txt"]
    for bad in (tmp_path, tmp_path / "missing" / "x"):
        with pytest.raises(UsageError, match="cannot write the report"):
            output.write_file(str(bad), "x")


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_colour_only_on_a_terminal_without_no_color(monkeypatch, no_colour):
    monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(output, "_is_tty", lambda _stream: True)
    assert output.colour() is (no_colour == "")
    monkeypatch.setattr(output, "_is_tty", lambda _stream: False)
    assert output.colour() is False


def test_every_command_and_option_is_documented():
    """docs/cli.md has a section for each command, with each of its options."""
    text = DOCS.read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    sections = {part.splitlines()[0].strip("` "): part for part in parts[1:]}
    root = program()
    common = {o for p in root.params for o in p.opts}
    missing = [o for o in common if f"`{o}" not in sections["Global options"]]
    for name, command in root.commands.items():
        if name not in sections:
            missing.append(name)
            continue
        for option in (o for p in command.params for o in p.opts if o.startswith("-") and o not in common):
            if f"`{option}" not in sections[name]:
                missing.append(f"{name} {option}")
    assert missing == []
