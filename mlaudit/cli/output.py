"""The one place of the command line that writes. stdout is data, stderr is talk.

A reader that goes away (``mlaudit runs | head``) is no error: what is left is dropped in silence and the command keeps
its own exit code, since a gate must not pass or fail because of a pager.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, TextIO

from mlaudit.domain.errors import OutputFailed, UsageError
from mlaudit.domain.text import clean

PIPE_WIDTH = 100
"""Columns of a text report that goes to a file or a pipe, unless COLUMNS says otherwise."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNLIMITED_WIDTH = 1_000_000
"""A table that nobody looks at through a window is never cut."""


class ExitCode(IntEnum):
    """What every command ends with."""

    PASS = 0
    REGRESSION = 1
    USAGE = 2
    INCONCLUSIVE = 3
    NOT_COMPARABLE = 4
    STORE = 5
    INTERRUPTED = 130


def _write(stream: TextIO, text: str) -> None:
    """Write and flush; what cannot be written to is replaced by the null device, so that nothing fails later either.

    Raises OutputFailed where data are lost: on stdout, and not because its reader went away.
    """
    try:
        stream.write(text)
        stream.flush()
    except OSError as problem:
        _give_up(stream)
        if stream is sys.stdout and not isinstance(problem, BrokenPipeError):
            raise _failed(problem) from problem


def _give_up(stream: TextIO) -> None:
    """Let what is still to be written to it, at the interpreter's end too, go nowhere."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError, io.UnsupportedOperation):
        pass


def _failed(problem: OSError) -> OutputFailed:
    return OutputFailed(problem.strerror or type(problem).__name__)


def without_room(problem: Exception) -> OutputFailed | None:
    """What to say where somebody else's writing, such as that of the help, met a full disk; None for all else.

    Nothing is written to stdout any more then.
    """
    if not (isinstance(problem, OSError) and problem.errno in _FULL):
        return None
    _give_up(sys.stdout)
    return _failed(problem)


def survive_encodings() -> None:
    """Let what the terminal's encoding lacks appear as an escape instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def data(text: str) -> None:
    """Write a result to stdout, ending in exactly one newline unless it is empty."""
    if text:
        _write(sys.stdout, text if text.endswith("\n") else text + "\n")


def require_binary(what: str) -> None:
    """Raises UsageError where binary data would end on a terminal."""
    if _is_tty(sys.stdout):
        raise UsageError(f"{what} is binary: redirect it into a file, e.g. > runs.{what}")


def binary_data(write: Callable[[BinaryIO], None]) -> None:
    """Have ``write`` write a binary result to stdout. A reader that goes away is no error. Raises OutputFailed."""
    sys.stdout.flush()
    try:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _give_up(sys.stdout)
    except OSError as problem:
        _give_up(sys.stdout)
        raise _failed(problem) from problem


def _ascii_json(text: str) -> str:
    """The same JSON without any character beyond ASCII; such characters occur in JSON only inside strings."""
    out: list[str] = []
    for char in text:
        if ord(char) < 128:
            out.append(char)
            continue
        units = char.encode("utf-16-be", "surrogatepass")
        out.extend(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return "".join(out)


def json_data(text: str) -> None:
    """Write JSON to stdout; it stays valid JSON where stdout is not UTF-8."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    data(text if encoding.startswith("utf") else _ascii_json(text))


def say(text: str) -> None:
    """Write a remark to stderr: what a person should know, and no program should parse."""
    _write(sys.stderr, text + "\n")


def relay(text: str) -> None:
    """Write another program's output to stderr, as it is."""
    if text:
        _write(sys.stderr, text)


def error(text: str) -> None:
    """Write the one line that says why the command failed."""
    # Arguments are the user's own text, yet they may be pasted: they are made printable like text from a store.
    say(f"mlaudit: error: {clean(' '.join(text.split()))}")


def ask(question: str) -> str:
    """A line typed by the user; the question goes to stderr, so that stdout stays data. Empty at end of file."""
    _write(sys.stderr, question)
    return sys.stdin.readline().strip()


def _is_tty(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def can_ask() -> bool:
    """Whether somebody is there to answer a question."""
    return _is_tty(sys.stdin) and _is_tty(sys.stderr)


def has_terminal() -> bool:
    """Whether stdin, stdout and stderr are all terminals: what the app needs."""
    return _is_tty(sys.stdin) and _is_tty(sys.stdout) and _is_tty(sys.stderr)


def colour() -> bool:
    """Whether stdout may be coloured: a terminal that is not dumb, and NO_COLOR is unset or empty."""
    return _is_tty(sys.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def terminal_width() -> int | None:
    """Columns of the terminal behind stdout; None when it is none."""
    return shutil.get_terminal_size().columns if _is_tty(sys.stdout) else None


def report_width() -> int:
    """Columns for a text report: the terminal's, else COLUMNS, else :data:`PIPE_WIDTH`."""
    return shutil.get_terminal_size(fallback=(PIPE_WIDTH, 24)).columns


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """A plain aligned table; ``right`` names the columns that hold numbers.

    On a terminal it is as wide as the terminal at most, and cells that are too long end in an ellipsis.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold" if colour() else "")
    for index, name in enumerate(header):
        # Text, not str: a key such as "[/x]" is not markup.
        justify = "right" if index in right else "left"
        grid.add_column(Text(name), justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    buffer = io.StringIO()
    width = terminal_width() or UNLIMITED_WIDTH
    Console(
        file=buffer, width=width, force_terminal=colour(), no_color=not colour(), legacy_windows=False, highlight=False
    ).print(grid)
    return "".join(line.rstrip() + "\n" for line in buffer.getvalue().splitlines())


def write_file(path: str, text: str, what: str = "the report") -> None:
    """Write a report, or ``what`` it is, to ``path``: wholly or not at all. Raises UsageError when that cannot be.

    A pipe or a device such as /dev/stdout is written to as it is.
    """
    target = Path(path)
    payload = text if text.endswith("\n") else text + "\n"
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode) and not target.is_dir():
            target.write_text(payload, encoding="utf-8")
            return
        target = Path(os.path.realpath(target))
        if target.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        _refuse_database(target, path)
        _replace(target, payload)
    except OSError as problem:
        raise UsageError(f"cannot write {what} to {path}: {problem.strerror or problem}") from problem


def _refuse_database(target: Path, path: str) -> None:
    """Raises UsageError for a store's file: a slip of the hand would be the end of it. Raises OSError."""
    from mlaudit.gateway.inspection import SQLITE_HEADER

    if target.exists():
        with target.open("rb") as file:
            if file.read(len(SQLITE_HEADER)) == SQLITE_HEADER:
                raise UsageError(f"{path} is a database; it is not overwritten")


def append_file(path: str, text: str) -> None:
    """Add a report to the end of ``path``. Raises UsageError when that cannot be."""
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else text + "\n")
    except OSError as problem:
        raise UsageError(f"cannot add the report to {path}: {problem.strerror or problem}") from problem


def _replace(target: Path, payload: str) -> None:
    """Write beside the target and move over it, keeping the target's mode. Raises OSError."""
    umask = os.umask(0)
    os.umask(umask)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~umask
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(payload)
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
