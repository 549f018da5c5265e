"""A terminal for tests: the real program on a real pseudo-terminal, its screen read back with pyte.

Nothing here sleeps: whatever is waited for has a deadline, and a failure shows the screen as it was.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
"""Seconds that a marker may take; generous, since the machine may be busy."""
KEYS = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "space": b" ",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "end": b"\x1b[F",
    "pagedown": b"\x1b[6~",
    "ctrl+c": b"\x03",
    "ctrl+l": b"\x0c",
    "ctrl+p": b"\x10",
}
_NOT_HANDED_ON = ("MLFLOW_", "COVERAGE", "TEXTUAL", "NO_COLOR", "COLORTERM", "COLUMNS", "LINES")


def stretched(seconds: float) -> float:
    """A limit on time as it is on a machine that has more to do than it has cores."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Terminal:
    """``python -m mlaudit`` in a session of its own on a pseudo-terminal of ``size`` (columns, lines).

    As a context manager it ends the program when the block is left.
    """

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        size: tuple[int, int] = (80, 24),
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "-m", "mlaudit"),
    ) -> None:
        self.size = size
        self.raw = bytearray()
        """Every byte that the program wrote to the terminal."""
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._hung_up = False
        self._modes = termios.tcgetattr(self._slave)
        home = cwd / ".home"
        home.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith((*_NOT_HANDED_ON, "XDG_"))}
        slave = self._slave

        def own_terminal() -> None:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=cwd,
            env=kept | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "HOME": str(home)} | dict(environ or {}),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=own_terminal,  # noqa: PLW1509  tests of terminals start it from their only thread
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            # Politely first, so that it ends its own children.
            self.process.terminate()
            try:
                self.exit_code(5)
            except AssertionError:
                self.process.kill()
                self.process.wait()
        if not self._hung_up:
            os.close(self._master)
            os.close(self._slave)

    @property
    def takes_keys(self) -> bool:
        """Whether the program has each key at once, and not a line at a time."""
        return not termios.tcgetattr(self._slave)[3] & termios.ICANON

    # What is on screen

    def _read(self, seconds: float) -> bool:
        """Take what the program has written, waiting at most so long for it; whether there was something."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        data = os.read(self._master, 65536)
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    @property
    def lines(self) -> list[str]:
        """The screen as it is painted now."""
        return list(self._screen.display)

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    def line(self, part: str) -> str:
        """The first line of the screen that holds this; fails where there is none."""
        found = [line for line in self.lines if part in line]
        assert found, f"not on screen: {part!r}\n{self.text}"
        return found[0]

    def colors(self) -> set[str]:
        """The colours of all painted cells, as pyte calls them."""
        rows = (self._screen.buffer[y] for y in range(self.size[1]))
        return {color for row in rows for x in range(self.size[0]) for color in (row[x].fg, row[x].bg)}

    def until(self, holds: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Read on until something is true of the screen."""
        end = time.monotonic() + seconds
        while not holds():
            left = end - time.monotonic()
            ended = self.process.poll() is not None
            # After its end what it wrote is still there to be read.
            if not self._read(0.0 if ended else min(left, 0.5)) and (ended or left <= 0):
                how = f"the program ended with {self.process.returncode}" if ended else f"within {seconds:g} s"
                raise AssertionError(f"never seen ({how}): {what}; on screen:\n{self.text}")

    def see(self, *texts: str, seconds: float = PATIENCE) -> None:
        """Wait until all of these are on screen."""
        self.until(lambda: all(text in self.text for text in texts), repr(texts), seconds)

    def gone(self, *texts: str, seconds: float = PATIENCE) -> None:
        """Wait until none of these is on screen."""
        self.until(lambda: not any(text in self.text for text in texts), f"the end of {texts!r}", seconds)

    # What the user does

    def press(self, *keys: str) -> None:
        """Press keys: names of :data:`KEYS`, or characters."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key.encode()))

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self._master, text.encode())

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal, and only the program."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Take the terminal away, as a lost connection does: the kernel sends SIGHUP and SIGCONT."""
        self._hung_up = True
        os.close(self._slave)
        os.close(self._master)

    # How it ended

    def exit_code(self, seconds: float = PATIENCE) -> int:
        """Wait for the program's end, reading what it still writes."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            if not self._read(0.02) and time.monotonic() > end:
                raise AssertionError(f"still running after {seconds:g} s; on screen:\n{self.text}")
        while self._read(0.0):
            pass
        return self.process.returncode

    def left_behind(self) -> list[str]:
        """What the program changed about the terminal and did not change back; empty is right."""
        problems = [
            f"{name} is still {'on' if on else 'off'}"
            for name, mode, on in (
                ("the alternate screen", 1049, True),
                ("mouse reporting", 1000, True),
                ("mouse motion reporting", 1003, True),
                ("bracketed paste", 2004, True),
                ("focus reporting", 1004, True),
                ("the cursor", 25, False),
            )
            if self._mode(mode) is on
        ]
        if termios.tcgetattr(self._slave) != self._modes:
            problems.append("the line discipline is not as it was")
        return problems

    def _mode(self, number: int) -> bool | None:
        """Whether a private mode was last switched on or off; None when it was not touched."""
        on, off = self.raw.rfind(b"\x1b[?%dh" % number), self.raw.rfind(b"\x1b[?%dl" % number)
        return None if on == off else on > off
