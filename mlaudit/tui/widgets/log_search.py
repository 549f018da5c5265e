"""Searching the output of a program: a line to type in, and how many lines have it.

Plain text; in any case, unless it has a capital letter. Only the lines that are kept are searched, and that others are
only in the file is said.
"""

from __future__ import annotations

import re

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from mlaudit.tui.log_tail import LogTail
from mlaudit.tui.widgets.field import Field


def pattern_of(needle: str) -> re.Pattern[str]:
    """What finds a text, whichever way it is written where it has no capital letter."""
    return re.compile(re.escape(needle), 0 if needle != needle.lower() else re.IGNORECASE)


def lines_with(tail: LogTail, needle: str) -> list[int]:
    """The numbers of the kept lines that hold the text, counted over all lines that ever came; none for no text."""
    if not needle:
        return []
    found = pattern_of(needle).search
    return [index + tail.dropped_lines for index in range(len(tail)) if found(tail.raw(index))]


class LogSearch(Horizontal):
    """Typed in, it asks for a search; enter leaves it and keeps what was found, esc forgets it."""

    DEFAULT_CSS = """
    LogSearch { display: none; height: 1; background: $panel; padding: 0 1; }
    LogSearch Field { width: 1fr; background: $boost; }
    LogSearch #sign { width: 2; }
    LogSearch #found { width: auto; padding-left: 1; }
    """
    BINDINGS = [
        Binding("escape", "close", "Close", id="search.close", tooltip="Search no more"),
        Binding("up", "again(-1)", show=False, id="search.previous", tooltip="The match before"),
        Binding("down", "again(1)", show=False, id="search.next", tooltip="The next match"),
    ]

    class Asked(Message):
        """Something was typed; ``needle`` may be empty."""

        def __init__(self, needle: str) -> None:
            super().__init__()
            self.needle = needle

    class Again(Message):
        """The next match is wanted, or with ``by`` -1 the one before."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Left(Message):
        """The field is left; what was found stays."""

    def compose(self) -> ComposeResult:
        yield Static(Content("/"), id="sign")
        yield Field(compact=True, placeholder="text in the output", select_on_focus=False)
        yield Static(id="found", markup=False)

    def open(self) -> None:
        """Begin, with what was searched for the last time."""
        self.display = True
        field = self.query_one(Field)
        # At once: what is typed right behind the key belongs in here.
        self.screen.set_focus(field)
        field.action_select_all()
        if field.value:
            self.post_message(self.Asked(field.value))

    def action_close(self) -> None:
        """Forget the search."""
        self.display = False
        self.post_message(self.Asked(""))
        self.post_message(self.Left())

    def action_again(self, by: int) -> None:
        """Another match, without leaving the field."""
        self.post_message(self.Again(by))

    def say(self, found: str) -> None:
        """What came of it."""
        self.query_one("#found", Static).update(Text(found))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.Asked(event.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Left())

    def on_click(self, event: events.Click) -> None:
        """A click into it does not count for what lies around."""
        event.stop()
