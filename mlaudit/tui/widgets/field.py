"""A line to type in that paints what is pasted or put into it, and never obeys it.

Textual's own hands escape bytes on to the terminal. The value stays what it is: a key of a store may hold anything, and
must be asked for as it is.
"""

from __future__ import annotations

from typing import Any

from rich.highlighter import Highlighter
from rich.text import Text
from textual.widgets import Input

from mlaudit.domain.text import clean_in_place


class PrintableHighlighter(Highlighter):
    """Shows control and format characters as visible ones, each as one, so that the cursor stands where it seems to."""

    def __call__(self, text: str | Text) -> Text:
        """A copy of the text that may be painted."""
        given = Text(text) if isinstance(text, str) else text
        copy = given.copy()
        # Rich's own setter keeps the styles; the length is the same.
        copy.plain = clean_in_place(given.plain)
        self.highlight(copy)
        return copy

    def highlight(self, text: Text) -> None:
        """Colours nothing."""


class Field(Input):
    """Textual's Input with a value that may be anything."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("highlighter", PrintableHighlighter())
        super().__init__(*arguments, **options)

    def focus(self, scroll_visible: bool = True) -> Field:
        """At once: Textual's waits for a turn, and keys that were typed right behind would not find the field."""
        if self.is_attached:
            self.screen.set_focus(self, scroll_visible)
            return self
        return super().focus(scroll_visible)
