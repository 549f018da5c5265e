"""Every notification of the session, the newest first: those that were missed can be read again, and searched."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.text import Text
from textual.binding import Binding
from textual.widgets import Static

from mlaudit.tui.screens.searched import SearchedScreen
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.jump_table import JumpTable

MOST = 500
"""Notifications that are kept."""
CELL_WIDTH = 160
"""Cells of a text in the table; the line below it has all of the one under the cursor."""
STYLES = {"information": "", "warning": "yellow", "error": "bold red"}


@dataclass(frozen=True, slots=True)
class Notice:
    """What was told, and when."""

    at: float
    """Seconds since the epoch."""
    severity: str
    text: str
    """Printable."""
    screen: str
    """The screen that was on then."""

    @property
    def clock(self) -> str:
        """The time of day here."""
        return time.strftime("%H:%M:%S", time.localtime(self.at))


class NoticesScreen(SearchedScreen):
    """Lists what the app has told; more may come while it is on."""

    TITLE = "notifications"
    BINDINGS = [
        Binding("slash", "search", "Search", key_display="/", id="notices.search", tooltip="Search the notifications"),
        Binding("y", "copy", "Copy", id="notices.copy", tooltip="Copy the notification under the cursor"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._listed: tuple[Notice, ...] = ()

    def _make_table(self) -> JumpTable:
        return JumpTable(id="notices", cursor_type="row", zebra_stripes=True, cell_padding=1)

    def on_mount(self) -> None:
        """List them, and again whenever one comes."""
        self.query_one(JumpTable).focus()
        self.watch(self.app, "notices", self._list)

    def _list(self) -> None:
        notices = self.mlaudit.notices
        wanted, current = self._wanted, self.current
        self._listed = tuple(n for n in reversed(notices) if wanted in f"{n.severity} {n.text}".lower())
        table = self.query_one(JumpTable)
        table.fill(
            ("time", "", "notification"),
            (
                (Text(n.clock), Text(n.severity, style=STYLES.get(n.severity, "")), Text(fit(n.text, CELL_WIDTH)))
                for n in self._listed
            ),
        )
        # A new one comes at the top: the cursor goes down with what it was on.
        at = next((place for place, notice in enumerate(self._listed) if notice is current), None)
        if at is not None:
            table.move_cursor(row=at)
        count = len(notices)
        said = f"{count} notification{'' if count == 1 else 's'} since mlaudit was started" if count else "none so far"
        if count == MOST:
            said = f"the last {MOST} notifications; older ones are forgotten"
        if wanted:
            said += f" · {len(self._listed)} with this in it"
        self.query_one("#about", Static).update(Text(said))
        self._show_whole()

    @property
    def current(self) -> Notice | None:
        """The one under the cursor."""
        at = self.query_one(JumpTable).cursor_row
        return self._listed[at] if 0 <= at < len(self._listed) else None

    def _show_whole(self) -> None:
        one = self.current
        where = f"  (told on: {one.screen})" if one is not None and one.screen else ""
        self.query_one("#whole", Static).update(Text.assemble(one.text, (where, "dim")) if one else Text(""))

    def action_copy(self) -> None:
        """Copy the text under the cursor."""
        if self.current is not None:
            self.mlaudit.copy(self.current.text)
