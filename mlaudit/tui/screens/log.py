"""What the worker and its libraries had to say: the end of the session's log file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from rich.text import Text
from textual import work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Log, Static

from mlaudit.domain.text import clean
from mlaudit.tui.screens.base import BaseScreen

TAIL = 200_000
"""Bytes from the end of the file that are shown."""


class LogScreen(BaseScreen):
    """Shows the end of the log; ``r`` reads it again."""

    TITLE = "log"
    CSS = """
    LogScreen Log { height: 1fr; }
    LogScreen Static { height: auto; padding: 0 1; color: $text-muted; }
    """
    BINDINGS = [Binding("r", "reload", "Refresh", id="log.refresh", tooltip="Read the file again")]

    def compose_body(self) -> Iterable[Widget]:
        yield Static("", id="about", markup=False)
        yield Log(highlight=False)

    def on_mount(self) -> None:
        self.action_reload()

    @work(exclusive=True, group="log")
    async def action_reload(self) -> None:
        """Read the end of the file."""
        path = self.mlaudit.log_path
        about, log = self.query_one("#about", Static), self.query_one(Log)
        if not path:
            about.update(Text("This session keeps no log."))
            return
        try:
            text, cut = await asyncio.to_thread(_tail, path)
        except OSError as error:
            about.update(Text(f"{path} cannot be read: {error.strerror}"))
            return
        about.update(Text(f"{path}" + (f" · its last {TAIL // 1000} kB" if cut else "")))
        log.clear()
        log.write_lines([clean(line) for line in text.splitlines()] or ["nothing has been logged"])


def _tail(path: str) -> tuple[str, bool]:
    """The end of a file, and whether there is more before it. Raises OSError."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        return file.read().decode("utf-8", "replace"), size > TAIL
