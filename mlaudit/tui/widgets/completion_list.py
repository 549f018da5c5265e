"""A short list that floats below a field: what may be put into it. The field keeps the focus and moves the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from mlaudit.domain.filter_completion import Candidate

LINES = 8
"""Candidates that are seen at once."""
WIDEST = 60
"""Columns of a line at most."""
STYLES = {
    "entity": "cyan", "key": "bold", "operator": "magenta", "value": "green", "keyword": "bold magenta",
    "named": "yellow",
}  # fmt: skip


class CompletionList(Widget):
    """Shows candidates; none is chosen until somebody goes in."""

    DEFAULT_CSS = """
    CompletionList {
        overlay: screen; constrain: inside inside; display: none; width: auto; height: auto; background: $panel;
        color: $foreground;
    }
    """

    @dataclass
    class Clicked(Message):
        """A candidate was clicked."""

        candidate: Candidate

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._candidates: tuple[Candidate, ...] = ()
        self._chosen: int | None = None
        self._top = 0

    @property
    def is_open(self) -> bool:
        """Whether candidates are shown."""
        return bool(self.display)

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that enter takes; None while nobody went in."""
        return None if self._chosen is None or not self.is_open else self._candidates[self._chosen]

    def show(self, candidates: Sequence[Candidate], column: int) -> None:
        """Show these, their left edge at a column of the field; nothing when there are none."""
        self._candidates, self._chosen, self._top = tuple(candidates), None, 0
        self.display = bool(candidates)
        self.styles.offset = (max(0, column - 1), 0)
        self.refresh(layout=True)

    def close(self) -> None:
        """Take the list away."""
        self.show((), 0)

    def enter(self) -> None:
        """Choose the first one."""
        self.move(0)

    def move(self, by: int) -> None:
        """Choose another one; up from the first one leaves the list."""
        if not self._candidates:
            return
        place = (0 if self._chosen is None else self._chosen) + by
        self._chosen = None if place < 0 else min(place, len(self._candidates) - 1)
        at = self._chosen or 0
        self._top = min(max(self._top, at - LINES + 1), at)
        self.refresh(layout=True)

    def render(self) -> Text:
        """The visible lines and a last one that says how to use them."""
        width = min(WIDEST, max(20, (self.app.size.width or 80) - 4))
        seen = self._candidates[self._top : self._top + LINES]
        out = Text(no_wrap=True)
        for number, candidate in enumerate(seen, self._top):
            line = Text(f" {candidate.text}", style=STYLES[candidate.kind])
            if candidate.detail:
                line.append(f"  {candidate.detail}", style="dim")
            line.truncate(width, overflow="ellipsis", pad=True)
            if number == self._chosen:
                line.stylize("reverse")
            out.append(line).append("\n")
        more = len(self._candidates) - self._top - len(seen)
        keys = " tab or ↓ chooses" if self._chosen is None else " enter takes · esc closes"
        if (chosen := self.chosen) is not None and chosen.kind == "named":
            keys = " enter takes · delete forgets"
        last = Text(f"{keys}{f' · {more} more' if more else ''}", style="dim")
        last.truncate(width, overflow="ellipsis", pad=True)
        return out.append(last)

    def on_click(self, event: events.Click) -> None:
        """Take the one that was clicked."""
        event.stop()
        place = self._top + event.y
        if event.y < LINES and place < len(self._candidates):
            self.post_message(self.Clicked(self._candidates[place]))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Further down the list."""
        event.stop()
        self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Further up, not out of it."""
        event.stop()
        if self._chosen:
            self.move(-1)
