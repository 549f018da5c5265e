"""One line at the top: where we are, which store this is, and whether what is shown is still fresh."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from mlaudit.domain.models import StoreInfo


def elide(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, its middle replaced by an ellipsis."""
    if len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    tail = (width - 1) // 2
    head = width - 1 - tail
    return f"{text[:head]}…{text[len(text) - tail :]}" if tail else f"{text[:head]}…"


class StoreHeader(Widget):
    """Shows the screen's title, the store, READ-ONLY, and since when the data is stale."""

    DEFAULT_CSS = "StoreHeader { dock: top; height: 1; background: $panel; color: $foreground; }"

    store: reactive[StoreInfo | None] = reactive(None)
    title: reactive[str] = reactive("")
    stale_since: reactive[str] = reactive("")
    """Clock time of the last good answer when a later request failed; empty while fresh."""
    read_only: reactive[bool] = reactive(False)

    def render(self) -> Text:
        """The line, fitted to the width: the URI gives way first."""
        read_only = self.read_only or (self.store is not None and not self.store.writable)
        marks = "".join(f" {m}" for m in (read_only and "READ-ONLY", self.stale_since) if m)
        left = f" {self.title}" if self.title else " mlaudit"
        room = max(0, self.size.width - len(marks) - 1)
        left = elide(left, room)
        where = "opening the store…"
        if self.store is not None:
            where = f"{self.store.kind} {self.store.uri} · {self.store.reader}"
        line = Text(left, style="bold", no_wrap=True)
        line.append(elide(f" · {where}", max(0, room - len(left))), style="not bold")
        line.append(marks, style="bold reverse")
        return line
