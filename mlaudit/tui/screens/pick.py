"""A list to search in and to choose one thing from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.widgets import Input, OptionList

from mlaudit.tui.screens.picker import Picker


class PickScreen(Picker[str]):
    """Returns what was chosen; None when cancelled."""

    AUTO_FOCUS = "Input"
    SEARCH = "type to search"
    KEYS = "↑ ↓ choose · enter takes it · esc leaves it as it is"
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="pick.cancel", tooltip="Leave it as it is"),
        Binding("down", "cursor(1)", show=False, id="pick.next", tooltip="The next one"),
        Binding("up", "cursor(-1)", show=False, id="pick.previous", tooltip="The one before"),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], current: str | None) -> None:
        """``choices``: (what is returned, what is said about it)."""
        super().__init__(Text(title, style="bold"))
        self._choices, self._chosen = tuple(choices), current

    def _list(self) -> None:
        wanted = self._wanted
        kept = [(name, about) for name, about in self._choices if wanted in name.lower()]
        first = kept[0][0] if kept else None
        self._fill(
            [(name, Text.assemble(name, (f"  {about}", "dim"), no_wrap=True)) for name, about in kept],
            self._chosen if any(name == self._chosen for name, _ in kept) else first,
        )

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _take(self) -> None:
        if self._current is not None:
            self.dismiss(self._current)

    def action_cancel(self) -> None:
        """Leave it as it is."""
        self.dismiss(None)
