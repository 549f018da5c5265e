"""Markdown of strangers, laid out for a terminal: no link can be followed, and nothing in it is obeyed."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown
from rich.segment import Segment
from rich.style import Style

from mlaudit.domain.text import clean_in_place

NEWLINES = str.maketrans({"⏎": "\n", "␍": "", "␉": "    "})
"""What the gateway made of the line breaks of a tag."""


class MarkdownText:
    """A Rich renderable. Links show their address and are none.

    The layout resolves entities, so that ``&#x202e;`` becomes a character that was not there when the text was
    cleaned: every segment is cleaned again.
    """

    def __init__(self, text: str) -> None:
        self._layout = Markdown(text, hyperlinks=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._layout, options):
            text = "\n".join(clean_in_place(part) for part in segment.text.split("\n"))
            style = segment.style
            if style is not None and (style.link or style.meta):
                style = style.update_link(None) + Style(meta={})
            yield Segment(text, style)
