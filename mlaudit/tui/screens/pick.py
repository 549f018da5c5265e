"""A list to search in and to choose one thing from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlaudit.tui.widgets.field import Field


class PickScreen(ModalScreen[str | None]):
    """Returns what was chosen; None when cancelled."""

    CSS = """
    PickScreen { align: center middle; }
    PickScreen #box { width: 64; max-width: 95%; height: 80%; padding: 0 1; }
    PickScreen #box { border: heavy $primary; background: $surface; }
    PickScreen OptionList { height: 1fr; border: none; }
    PickScreen Static { height: auto; color: $text-muted; }
    """
    AUTO_FOCUS = "Input"
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="pick.cancel", tooltip="Leave it as it is"),
        Binding("down", "cursor(1)", show=False, id="pick.next", tooltip="The next one"),
        Binding("up", "cursor(-1)", show=False, id="pick.previous", tooltip="The one before"),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], current: str | None) -> None:
        """``choices``: (what is returned, what is said about it)."""
        super().__init__()
        self._title, self._choices, self._current = title, tuple(choices), current
        self._listed: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(Text(self._title, style="bold"))
            yield Field(placeholder="type to search", id="search", compact=True)
            yield OptionList(markup=False)
            yield Static("↑ ↓ choose · enter takes it · esc leaves it as it is", markup=False)

    def on_mount(self) -> None:
        """List them all."""
        self._list()

    @on(Input.Changed)
    def _list(self) -> None:
        wanted = self.query_one(Input).value.strip().lower()
        kept = [(name, about) for name, about in self._choices if wanted in name.lower()]
        self._listed = [name for name, _ in kept]
        rows = self.query_one(OptionList)
        rows.clear_options()
        rows.add_options([Option(Text.assemble(name, (f"  {about}", "dim"), no_wrap=True)) for name, about in kept])
        if kept:
            rows.highlighted = self._listed.index(self._current) if self._current in self._listed else 0

    def action_cursor(self, by: int) -> None:
        """Move through the list while the search has the focus."""
        rows = self.query_one(OptionList)
        if by > 0:
            rows.action_cursor_down()
        else:
            rows.action_cursor_up()

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _take(self) -> None:
        index = self.query_one(OptionList).highlighted
        if index is not None and index < len(self._listed):
            self.dismiss(self._listed[index])

    def action_cancel(self) -> None:
        """Leave it as it is."""
        self.dismiss(None)
