"""What a user feels at size: the real program on a real pseudo-terminal, from a key to the frame that shows its effect.

The terminal here answers that it knows synchronized output, so that the program marks where each frame begins and ends;
what a frame shows is looked for in its bytes, since a terminal's own emulation would cost more than the program.
"""

from __future__ import annotations

import os
import random
import re
import select
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.plugins.terminal import Terminal

SIZE = (160, 45)
BEGIN, END = b"\x1b[?2026h", b"\x1b[?2026l"
CURSOR = re.compile(rb"\x1b\[1;[0-9;]*m(?:  |\xe2\x97(?:\x8f|\x86) )run-(\d+)\b")
"""The number of the run under the cursor, whose row is the only bold one."""
BRAILLE = re.compile("[⠁-⣿]")
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    count = 0
    def compose(self):
        yield Static("pressed 0")
    def on_key(self):
        self.count += 1
        self.query_one(Static).update(f"pressed {self.count}")
Bare().run()
"""
THINKING = 0.04
"""Seconds between an answer and the next key, as when a key is held down."""
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Frame:
    """What the program painted at once."""

    at: float
    """When the last of it came."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """One key and the frame that showed its effect."""

    seconds: float
    """From the one to the other."""
    at_work: float
    """The same without the time that was spent waiting for a core: what it would be, about, on an idle machine."""


class Felt(Terminal):
    """Keeps frames and their times, and no screen."""

    def __init__(
        self, *arguments: str, folder: Path, command: Sequence[str] = (sys.executable, "-m", "mlaudit")
    ) -> None:
        self.frames: list[Frame] = []
        self._from = 0
        super().__init__(*arguments, cwd=folder, size=SIZE, command=command)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        data = os.read(self._master, 1 << 20)
        now = time.perf_counter()
        self.raw += data
        if b"\x1b[?2026$p" in data:
            os.write(self._master, b"\x1b[?2026;2$y")
        while (end := self.raw.find(END, self._from)) >= 0:
            self.frames.append(Frame(now, bytes(self.raw[self._from : end])))
            self._from = end + len(END)
        return bool(data)

    def drain(self, seconds: float = 0.0) -> None:
        """Read for so long."""
        end = time.perf_counter() + seconds
        while self._read(end - time.perf_counter()) or time.perf_counter() < end:
            pass

    def shown(self, holds: Callable[[bytes], object], what: str, seconds: float = PATIENCE) -> float:
        """When the first frame from now on came of which this is true. Raises AssertionError."""
        place, end = len(self.frames), time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._read(0.05)
            for frame in self.frames[place:]:
                if holds(frame.data):
                    return frame.at
            place = len(self.frames)
        raise AssertionError(f"never painted: {what}; last: {self.frames[-1].data[-2000:] if self.frames else b''!r}")

    def press_for(self, key: str, holds: Callable[[bytes], object]) -> Key:
        """What it took from the key to the frame of which this is true."""
        self.drain()
        start, waited = time.perf_counter(), self._waited()
        self.press(key)
        seconds = self.shown(holds, f"the effect of {key}") - start
        # The one of the two that waited longer: they may have waited at the same time.
        return Key(
            seconds, max(0.0, seconds - max(now - then for now, then in zip(self._waited(), waited, strict=True)))
        )

    def _waited(self) -> tuple[float, float]:
        """Seconds that the program's main thread, and this process, were ready to run and had no core to run on."""
        pids = self.process.pid, os.getpid()
        texts = [Path(f"/proc/{pid}/task/{pid}/schedstat").read_text() for pid in pids]
        ours, theirs = (int(text.split()[1]) / 1e9 for text in texts)
        return ours, theirs

    @property
    def processes(self) -> list[int]:
        """The screen's process and those it started."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, path.read_text().split())
        return found

    def megabytes(self) -> list[float]:
        """Memory of each process in MB (PSS: a page that several share counts once among them)."""
        found = []
        for pid in self.processes:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            found.append(next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024)
        return found


def on_store(uri: str, folder: Path) -> Felt:
    """mlaudit on a store, and not where the session before was in it."""
    return Felt("--tracking-uri", uri, "--read-only", "--no-restore", folder=folder)


def bare(folder: Path, keys: int = 100) -> list[Key]:
    """Keys in a Textual app that does nothing but count them: what the machine and Textual themselves take."""
    with Felt(folder=folder, command=(sys.executable, "-c", BARE)) as terminal:
        terminal.shown(_holds("pressed 0"), "the empty app")
        taken = []
        for number in range(1, keys + 1):
            taken.append(terminal.press_for("down", _holds(f"pressed {number}")))
            terminal.drain(THINKING)
        return taken


def _holds(text: str) -> Callable[[bytes], bool]:
    return lambda frame: text.encode() in frame


def cursor_in(frame: bytes) -> int | None:
    """The number of the run under the cursor; None where the frame did not paint it. The last one counts."""
    found = CURSOR.findall(frame)
    return int(found[-1]) if found else None


def open_runs(terminal: Felt, newest: int) -> float:
    """From the start of the process to the rows of the only experiment; returns the time at which they were there."""
    terminal.shown(_holds("bench"), "the experiments")
    terminal.press("enter")
    return terminal.shown(_holds(f"run-{newest}"), "the runs")


def opening(uri: str, runs: int, folder: Path) -> float:
    """Seconds from a cold process to the rows on screen."""
    start = time.perf_counter()
    with on_store(uri, folder) as terminal:
        return open_runs(terminal, runs - 1) - start


@dataclass(frozen=True, slots=True)
class Browsed:
    """What browsing all runs was like."""

    loading: list[Key]
    """From each key to its frame while pages were loading."""
    judging: list[Key]
    """The same when all were there."""
    loaded: float
    """Seconds until all runs were there."""
    megabytes: list[float]
    """Of each process when all runs had been looked at."""
    peak: float
    """The most that all processes together had, as far as it was looked at."""


def percentile(values: list[float], share: float) -> float:
    """The value that so many percent do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share / 100))]


def browse(uri: str, runs: int, folder: Path, keys: int = 400) -> Browsed:
    """Ask for the last run, which fetches page after page, and meanwhile move about at the top."""
    chance = random.Random(0)
    every = f"{runs:,} runs"

    with on_store(uri, folder) as terminal:
        open_runs(terminal, runs - 1)
        terminal.drain(1.0)
        start = time.perf_counter()
        terminal.press("G")
        terminal.drain(0.3)
        # Back from the end, where all was there already; else the cursor is at the top still, and nothing is painted.
        terminal.press("g")
        terminal.drain(0.3)
        at = runs - 1
        peak = 0.0
        loaded = 0.0

        def one() -> Key:
            nonlocal at, peak
            key = chance.choice(("down", "down", "down", "pagedown", "up", "pageup"))
            if at > runs - 60:
                key = "pagedown"
            before = at
            took = terminal.press_for(key, lambda frame: cursor_in(frame) not in {None, before})
            at = next(n for f in reversed(terminal.frames) if (n := cursor_in(f.data)) is not None)
            terminal.drain(THINKING)
            return took

        def done() -> bool:
            nonlocal loaded
            if not loaded and any(every.encode() in frame.data for frame in terminal.frames):
                loaded = time.perf_counter() - start
            del terminal.frames[:-20]
            return bool(loaded)

        loading, later = [], []
        while not done() and time.perf_counter() - start < PATIENCE * 3:
            loading.append(one())
            if len(loading) % 50 == 0:
                peak = max(peak, sum(terminal.megabytes()))
        for _ in range(keys // 4):
            later.append(one())
            done()
        terminal.press("G")
        terminal.shown(lambda frame: cursor_in(frame) == 0, "the last run")
        for _ in range(20):
            terminal.press("pageup")
            terminal.drain(0.1)
        found = terminal.megabytes()
        return Browsed(loading, later, loaded, found, max(peak, sum(found)))


def chart(uri: str, points: int, folder: Path) -> Key:
    """From the key to the picture of a metric with so many points."""
    with on_store(uri, folder) as terminal:
        open_runs(terminal, 0)
        terminal.drain(1.5)
        legend = f"{points:,} points".encode()
        return terminal.press_for("c", lambda f: legend in f and BRAILLE.search(f.decode(errors="replace")))
