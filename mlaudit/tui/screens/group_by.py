"""What the runs are grouped by: a list to search in and to mark, what differs first."""

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

from mlaudit.domain.groups import RECIPE, GroupChoice
from mlaudit.tui.widgets.field import Field


class GroupByScreen(ModalScreen[tuple[str, ...] | None]):
    """Returns the columns to group by in the order in which they were chosen, the empty tuple for none, None when
    cancelled."""

    CSS = """
    GroupByScreen { align: center middle; }
    GroupByScreen #box { width: 72; max-width: 95%; height: 80%; padding: 0 1; }
    GroupByScreen #box { border: heavy $primary; background: $surface; }
    GroupByScreen OptionList { height: 1fr; border: none; }
    GroupByScreen Static { height: auto; color: $text-muted; }
    """
    AUTO_FOCUS = "OptionList"
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="groups.cancel", tooltip="Leave the groups as they are"),
        Binding("space", "toggle_key", "Choose", id="groups.toggle", tooltip="Group by this as well, or not"),
        Binding(
            "enter", "apply", "Group", priority=True, id="groups.apply", tooltip="Group by what is marked, or by this"
        ),
        Binding(
            "slash",
            "search",
            "Search",
            key_display="/",
            # Before the keys that are typed right after it.
            priority=True,
            id="groups.search",
            tooltip="Search params and tags by name",
        ),
        Binding("x", "ungroup", "Ungroup", id="groups.ungroup", tooltip="A plain list of runs again"),
        Binding("j", "cursor(1)", show=False, id="groups.next", tooltip="The next one of the list"),
        Binding("k", "cursor(-1)", show=False, id="groups.previous", tooltip="The one before in the list"),
    ]

    def __init__(self, choices: Sequence[GroupChoice], chosen: Sequence[str], runs: int) -> None:
        """``chosen``: what the runs are grouped by now; ``runs``: how many were looked at."""
        super().__init__()
        self._choices = {choice.column: choice for choice in choices}
        self._before = tuple(chosen)
        self._chosen = list(chosen)
        self._runs = runs
        self._listed: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            looked_at = f"in the {self._runs:,} runs looked at"
            yield Static(f"Group the runs by · how many values {looked_at}", markup=False)
            yield Field(placeholder="/ search", id="search", compact=True)
            yield OptionList(markup=False)
            yield Static("space chooses, several in order · enter groups · x ungroups · esc")

    def on_mount(self) -> None:
        """List them all."""
        self._list()

    def _list(self) -> None:
        wanted = self.query_one(Input).value.strip().lower()
        rows = self.query_one(OptionList)
        at = rows.highlighted or 0
        every = [*(c for c in self._before if c not in self._choices and c != RECIPE), *self._choices]
        # Those that are likely wanted first; the recipe after them.
        first = [c for c in every if c not in self._choices or 1 < self._choices[c].distinct < self._runs]
        ordered = [*first, RECIPE, *(c for c in every if c not in first)]
        self._listed = [c for c in ordered if wanted in c.lower()]
        rows.clear_options()
        rows.add_options([Option(Text(self._line(c), no_wrap=True, overflow="ellipsis")) for c in self._listed])
        if self._listed:
            rows.highlighted = min(at, len(self._listed) - 1)

    def _line(self, column: str) -> str:
        mark = f"{self._chosen.index(column) + 1}" if column in self._chosen else "·"
        return f"{mark} {column}  {self._about(column)}"

    def _about(self, column: str) -> str:
        if column == RECIPE:
            return "(runs that differ only in their seed and the like)"
        choice = self._choices.get(column)
        if choice is None:
            return "(in none of these runs)"
        values = f"{choice.distinct:,} value{'' if choice.distinct == 1 else 's'}"
        return f"{values}, {choice.without:,} runs without" if choice.without else values

    @property
    def _current(self) -> str | None:
        index = self.query_one(OptionList).highlighted
        return self._listed[index] if index is not None and index < len(self._listed) else None

    @on(Input.Changed)
    def _searched(self) -> None:
        self._list()

    def action_search(self) -> None:
        """Go to the search field, at once: what is typed next is meant for it."""
        self.set_focus(self.query_one(Input))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field owns its keys."""
        if action == "search" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_toggle_key(self) -> None:
        """Choose what is under the cursor, or no more; stay there, so that what was chosen can be read."""
        column = self._current
        if column is None:
            return
        if column in self._chosen:
            self._chosen.remove(column)
        else:
            self._chosen.append(column)
        self._list()

    def action_cursor(self, by: int) -> None:
        """Move through the list."""
        rows = self.query_one(OptionList)
        if by > 0:
            rows.action_cursor_down()
        else:
            rows.action_cursor_up()

    def action_apply(self) -> None:
        """From the search field to the list, from the list back to the table.

        Without a mark the one under the cursor is meant, unless marks were there and were taken away.
        """
        if isinstance(self.focused, Input):
            self.query_one(OptionList).focus()
        elif self._chosen or self._before or self._current is None:
            self.dismiss(tuple(self._chosen))
        else:
            self.dismiss((self._current,))

    @on(OptionList.OptionSelected)
    def _clicked(self) -> None:
        self.action_toggle_key()

    def action_ungroup(self) -> None:
        """A plain list again."""
        self.dismiss(())

    def action_cancel(self) -> None:
        """Out of the search first, then out of the dialog."""
        if isinstance(self.focused, Input):
            self.query_one(Input).value = ""
            self.query_one(OptionList).focus()
        else:
            self.dismiss(None)
