"""The history of a registered model: its records newest first, what moved without one, and whether the chain holds."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable, Static

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.text import clean
from mlaudit.services.audit_trail import OUT_OF_BAND, Entry, History, ReadHistory
from mlaudit.services.record_text import ReadRecord
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.jump_table import OpenTable

COLUMNS = ("#", "when (UTC)", "event", "what", "verdict", "who", "why")
WHAT_WIDTH, WHY_WIDTH, WHO_WIDTH = 44, 80, 32


class HistoryScreen(BaseScreen):
    """What happened to one model; an error keeps what was there."""

    TITLE = "history"
    CSS_PATH = "history.tcss"
    AUTO_FOCUS = "OpenTable"
    BINDINGS = [
        Binding("V", "verify", "Verify", id="history.verify", tooltip="Read every record anew and recompute the chain"),
        Binding("y", "copy", "Copy id", show=False, id="history.copy", tooltip="Copy the record's id"),
        Binding("r", "reload", "Refresh", id="history.refresh", tooltip="Ask the store again"),
    ]

    def __init__(self, model: str) -> None:
        """``model``: the raw name."""
        super().__init__()
        self._model = model
        self.history: History | None = None
        """What is on show."""

    def compose_body(self) -> Iterable[Widget]:
        with VerticalScroll(id="standing-scroll", can_focus=False):
            yield Static(f"Reading the history of {clean(self._model)}…", id="standing", markup=False)
        yield OpenTable(id="events", cursor_type="row", zebra_stripes=True, cell_padding=1)
        with VerticalScroll(id="about-scroll", can_focus=False):
            yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        self.show_title(f"history of {clean(self._model)}")
        self.load()

    def action_reload(self) -> None:
        """Ask again; what is on show stays until the answer is there."""
        self.load()

    def action_verify(self) -> None:
        """Read every record anew, recompute the chain, and say when that was."""
        self.query_one("#standing", Static).update(Text("Reading every record anew…"))
        self.load(verified=True)

    @work(exclusive=True, group="history.load")
    async def load(self, verified: bool = False) -> None:
        """Read the history and show it, or say in place why not."""
        place = self.query_one("#standing", Static)
        try:
            found = await self.ask(ReadHistory(self._model))
        except MlauditError as error:
            kept = " What is shown is from before." if self.history else ""
            not_verified = " Nothing was verified." if verified else ""
            place.update(Text(f"{error}.{not_verified}{kept} Press r to try again."))
            place.set_class(True, "-bad")
            return
        self.history = found
        place.update(standing_text(found, time.strftime("%H:%M:%S") if verified else ""))
        place.set_class(not found.holds, "-bad")
        table = self.query_one(OpenTable)
        table.fill(COLUMNS, (_row(entry) for entry in self.entries))
        table.display = bool(found.entries)
        self._describe()
        self.refresh_bindings()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Newest first."""
        return tuple(reversed(self.history.entries)) if self.history else ()

    @property
    def current(self) -> Entry | None:
        """The event under the cursor."""
        row = self.query_one(OpenTable).cursor_row if self.is_mounted else -1
        return self.entries[row] if 0 <= row < len(self.entries) else None

    @on(DataTable.RowHighlighted)
    def _describe(self) -> None:
        entry = self.current
        self.query_one("#about", Static).update(about_entry(entry) if entry else Text())
        self.query_one("#about-scroll").display = entry is not None
        self.refresh_bindings()

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        if self.current is not None and self.current.artifact:
            self.app.push_screen(RecordScreen(self.current))

    def action_copy(self) -> None:
        """Copy the id of the record under the cursor."""
        if self.current is not None and self.current.record_id:
            self.mlaudit.copy(self.current.record_id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greyed out where there is no record."""
        if action == "copy" and not (self.current and self.current.record_id):
            return None
        return super().check_action(action, parameters)


class RecordScreen(BaseScreen):
    """A whole record as text."""

    TITLE = "record"
    CSS_PATH = "history.tcss"
    AUTO_FOCUS = "#record-scroll"
    BINDINGS = [
        Binding("j", "scroll(1)", show=False, id="record.down", tooltip="A line down"),
        Binding("k", "scroll(-1)", show=False, id="record.up", tooltip="A line up"),
        Binding("g", "edge(0)", show=False, id="record.first", tooltip="The beginning"),
        Binding("G", "edge(1)", show=False, id="record.last", tooltip="The end"),
        Binding("y", "copy", "Copy", id="record.copy", tooltip="Copy the whole record"),
        Binding("r", "reload", "Refresh", id="record.refresh", tooltip="Read the record again"),
    ]

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self._entry = entry
        self._text = ""

    def compose_body(self) -> Iterable[Widget]:
        yield Static("", id="problem", markup=False)
        with VerticalScroll(id="record-scroll"):
            yield Static("", id="record", markup=False)

    def on_mount(self) -> None:
        self.show_title(f"record {self._entry.record_id}")
        self._say(f"reading {self._entry.artifact} of run {self._entry.run_id[:12]}…")
        self.load()

    def action_reload(self) -> None:
        """Read it again."""
        self.load()

    @work(exclusive=True, group="record.load")
    async def load(self) -> None:
        """Show the record with what is wrong about it, or say in place why it cannot be read."""
        try:
            found = await self.ask(ReadRecord(self._entry.run_id, self._entry.artifact))
        except MlauditError as error:
            kept = " What is shown is from before." if self._text else ""
            self._say(f"{error}.{kept} Press r to try again.", bad=True)
            return
        self._text = "\n".join(found.lines)
        self.query_one("#record", Static).update(Text(self._text))
        problem = found.problem or self._entry.problem
        self._say(f"! {problem}" if problem else f"{self._entry.artifact} · its hash is right", bad=bool(problem))
        self.refresh_bindings()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#record-scroll").scroll_relative(y=lines, animate=False)

    def action_edge(self, end: int) -> None:
        """To the beginning or the end."""
        scroll = self.query_one("#record-scroll", VerticalScroll)
        (scroll.scroll_end if end else scroll.scroll_home)(animate=False)

    def action_copy(self) -> None:
        """Copy the whole record."""
        if self._text:
            self.mlaudit.copy(self._text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greyed out until it is read."""
        if action == "copy" and not self._text:
            return None
        return super().check_action(action, parameters)

    def _say(self, message: str, *, bad: bool = False) -> None:
        place = self.query_one("#problem", Static)
        place.update(Text(message))
        place.set_class(bad, "-bad")


def standing_text(found: History, verified_at: str = "") -> Text:
    """Whether the records can be believed, and everything that speaks against it."""
    sign = "✓" if found.holds else "✗"
    when = f"verified at {verified_at}: " if verified_at else ""
    lines = [f"{sign} {when}{found.standing}"]
    speaks_against = found.problems or found.moved_since or found.unfinished
    if not found.entries:
        lines = [f"{when}{found.model} has no record" + ("" if speaks_against else ", and nothing has moved")]
    lines += [f"! broken: {problem}" for problem in found.problems]
    lines += [f"! out of band since the last record: {moved}" for moved in found.moved_since]
    lines += [f"! unfinished, or under way: {words}" for words in found.unfinished]
    if verified_at and found.head is not None:
        lines.append(f"  newest record {found.head.seq}, sha256 {found.head.sha256}")
    return Text("\n".join(lines))


def about_entry(entry: Entry) -> Text:
    """All that the list has no room for."""
    if entry.event == OUT_OF_BAND:
        when = f" · last updated {entry.time[:19].replace('T', ' ')} UTC" if entry.time else ""
        return Text.assemble(
            ("no record: ", "bold red"), entry.what, (f"{when} · who and why is not known to mlaudit", "dim")
        )
    lines = [Text.assemble((entry.what, "bold"), _aliases(entry), f" · {entry.verdict or 'not judged'}")]
    who = f"{_who(entry)} on {entry.host}" if entry.host else _who(entry)
    ci = f" · {entry.ci_url}" if entry.ci_url else ""
    lines.append(Text(f"{who}{ci}"))
    if entry.why:
        lines.append(Text.assemble(("overridden: " if entry.overridden else "why: ", "bold"), entry.why))
    if entry.problem:
        lines.append(Text(f"! {entry.problem}", style="bold red"))
    policy = f" · policy {entry.policy_sha256[:12]}" if entry.policy_sha256 else ""
    lines.append(
        Text(f"record {entry.record_id} · sha256 {entry.sha256[:16]} · run {entry.run_id[:12]}{policy}", "dim")
    )
    return Text("\n").join(lines)


def _aliases(entry: Entry) -> str:
    return "".join(f", @{a}" for a in entry.aliases if f"alias:{a}" != entry.target)


def _who(entry: Entry) -> str:
    known = f" ({entry.known_by})" if entry.known_by else ""
    return f"{entry.actor}{known}" + (f", ended by {entry.recovered_by}" if entry.recovered_by else "")


def _row(entry: Entry) -> tuple[Text, ...]:
    out = entry.event == OUT_OF_BAND
    why = f"BROKEN: {entry.problem}" if entry.problem else entry.why
    verdict = f"{entry.verdict}, overridden" if entry.overridden else entry.verdict
    return (
        Text("" if entry.seq is None else str(entry.seq), justify="right"),
        Text(entry.time[:16].replace("T", " ")),
        Text("OUT OF BAND" if out else entry.event, style="bold red" if out else ""),
        Text(fit(entry.what + _aliases(entry), WHAT_WIDTH)),
        Text(verdict),
        Text(fit(_who(entry), WHO_WIDTH) if entry.actor else ""),
        Text(fit(why, WHY_WIDTH), style="bold red" if entry.problem else ""),
    )
