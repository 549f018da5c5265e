"""What all lists to search in and to choose from have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlaudit.tui.screens.dialog import Dialog
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.pick_list import PickList

PickedT = TypeVar("PickedT")


class Picker(Dialog[PickedT | None], Generic[PickedT]):
    """A title, a field to search in, the list, and a line about the keys. Returns None when cancelled."""

    DEFAULT_CSS = """
    Picker { align: center middle; }
    Picker #box { width: 64; max-width: 95%; height: 80%; padding: 0 1; border: heavy $primary; background: $surface; }
    Picker OptionList, Picker OptionList:focus { height: 1fr; border: none; }
    Picker Static { height: auto; color: $text-muted; }
    """
    SEARCH = "/ search"
    """What the empty field says."""
    KEYS = ""
    """The line about the keys."""

    def __init__(self, title: Text) -> None:
        super().__init__()
        self._title = title
        self._listed: list[str] = []
        """The names that are listed now, in order."""

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(self._title, markup=False)
            yield Field(placeholder=self.SEARCH, id="search", compact=True)
            yield PickList(markup=False)
            yield Static(self.KEYS, markup=False)

    def on_mount(self) -> None:
        """List them all."""
        self._list()

    def _list(self) -> None:
        """Fill the list with what the search lets through, by :meth:`_fill`."""
        raise NotImplementedError

    @property
    def _wanted(self) -> str:
        """What is searched for, in small letters."""
        return self.query_one(Input).value.strip().lower()

    def _fill(self, lines: Sequence[tuple[str, Text]], highlighted: str | None = None) -> None:
        """``lines``: name and how it is shown. The cursor goes to the name, else stays where it was."""
        rows = self.query_one(OptionList)
        at = rows.highlighted or 0
        self._listed = [name for name, _ in lines]
        rows.clear_options()
        rows.add_options([Option(text) for _, text in lines])
        if self._listed:
            index = self._listed.index(highlighted) if highlighted in self._listed else at
            rows.highlighted = min(index, len(self._listed) - 1)

    @property
    def _current(self) -> str | None:
        """The name under the cursor."""
        index = self.query_one(OptionList).highlighted
        return self._listed[index] if index is not None and index < len(self._listed) else None

    @on(Input.Changed)
    def _searched(self) -> None:
        self._list()

    def action_cursor(self, by: int) -> None:
        """Move through the list, also while the search has the focus."""
        step(self.query_one(OptionList), by)


class Marker(Picker[tuple[str, ...]]):
    """One of which several are marked: its list has the focus, and ``/`` goes to the field."""

    AUTO_FOCUS = "OptionList"

    def _done(self) -> None:
        """Return what was marked, by ``dismiss``."""
        raise NotImplementedError

    def _toggle(self) -> None:
        """Mark what is under the cursor, or no more."""
        raise NotImplementedError

    @on(OptionList.OptionSelected)
    def _clicked(self) -> None:
        self._toggle()

    def action_search(self) -> None:
        """Go to the search field, at once: what is typed next is meant for it."""
        self.set_focus(self.query_one(Input))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field owns its keys."""
        if action == "search" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_apply(self) -> None:
        """From the search field to the list, from the list back to the table."""
        if isinstance(self.focused, Input):
            self.query_one(OptionList).focus()
        else:
            self._done()

    def action_cancel(self) -> None:
        """Out of the search first, then out of the dialog."""
        if isinstance(self.focused, Input):
            self.query_one(Input).value = ""
            self.query_one(OptionList).focus()
        else:
            self.dismiss(None)


def step(rows: OptionList, by: int) -> None:
    """Move the cursor of a list one down, or up where ``by`` is negative."""
    if by > 0:
        rows.action_cursor_down()
    else:
        rows.action_cursor_up()


def moving(prefix: str, thing: str) -> list[Any]:
    """The bindings for moving through the list and for its search; ``prefix`` is that of their ids."""
    return [
        Binding(
            "slash",
            "search",
            "Search",
            key_display="/",
            # Before the keys that are typed right after it.
            priority=True,
            id=f"{prefix}.search",
            tooltip=f"Search {thing} by name",
        ),
        Binding("j", "cursor(1)", show=False, id=f"{prefix}.next", tooltip="The next one of the list"),
        Binding("k", "cursor(-1)", show=False, id=f"{prefix}.previous", tooltip="The one before in the list"),
    ]
