"""One line at the top: where we are, which store this is, and whether what is shown is still fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from mlaudit.tui.widgets.breadcrumbs import breadcrumbs

if TYPE_CHECKING:
    from mlaudit.domain.models import StoreInfo

STORE_WIDTH = 30
"""Cells that the store keeps where the way here is long: whoever promotes must see where."""
USER_FROM = 100
"""Columns; below that the store needs the room, and the question before a promotion names the user."""


def elide(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells, its middle replaced by an ellipsis."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[: max(0, width)]
    tail = (width - 1) // 2
    # Half of a wide character is a blank.
    return f"{set_cell_size(text, width - 1 - tail)}…{set_cell_size(text[::-1], tail)[::-1]}"


class StoreHeader(Widget):
    """Shows the way to this screen, the store, READ-ONLY, and since when the data is stale."""

    DEFAULT_CSS = "StoreHeader { dock: top; height: 1; background: $panel; color: $foreground; }"

    store: reactive[StoreInfo | None] = reactive(None)
    crumbs: reactive[tuple[str, ...]] = reactive(())
    """The names of the screens from the first to this one."""
    failed_at: reactive[str] = reactive("")
    """Clock time at which the store failed to answer; empty while it does."""
    read_only: reactive[bool] = reactive(False)
    user: reactive[str] = reactive("")
    """Who would be recorded; shown from :data:`USER_FROM` columns on."""

    def render(self) -> Text:
        """The line, fitted to the width: the URI gives way first, then the way here."""
        read_only = self.read_only or (self.store is not None and not self.store.writable)
        # Nothing that was never read can be stale.
        failed = f"{'STALE' if self.store is not None else 'NO ANSWER'} since {self.failed_at}"
        who = f" · {self.user}" if self.user and self.size.width >= USER_FROM else ""
        marks = "".join(f" {m}" for m in (read_only and "READ-ONLY", self.failed_at and failed) if m)
        room = max(0, self.size.width - cell_len(marks) - cell_len(who) - 1)
        if self.store is not None:
            where = f"{self.store.kind} {self.store.uri} · {self.store.reader}"
        else:
            where = "no store has been opened" if self.failed_at else "opening the store…"
        way = breadcrumbs(self.crumbs, room - 4 - min(cell_len(where), STORE_WIDTH))
        line = Text(" ", style="bold", no_wrap=True)
        for piece, index in way or [("mlaudit", None)]:
            last = index is None or index == len(self.crumbs) - 1
            line.append(piece, style="" if last else Style.from_meta({"@click": f"app.back_to({index})"}))
        line.append(elide(f" · {where}", max(0, room - line.cell_len)), style="not bold")
        line.append(who, style="not bold")
        line.append(marks, style="bold reverse")
        return line
