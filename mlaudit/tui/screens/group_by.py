"""What the runs are grouped by: a list to search in and to mark, what differs first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.binding import Binding

from mlaudit.domain.groups import RECIPE, GroupChoice
from mlaudit.tui.screens.picker import Marker, moving


class GroupByScreen(Marker):
    """Returns the columns to group by in the order in which they were chosen, the empty tuple for none, None when
    cancelled."""

    CSS = "GroupByScreen #box { width: 72; }"
    KEYS = "space chooses, several in order · enter groups · x ungroups · esc"
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="groups.cancel", tooltip="Leave the groups as they are"),
        Binding("space", "toggle_key", "Choose", id="groups.toggle", tooltip="Group by this as well, or not"),
        Binding(
            "enter", "apply", "Group", priority=True, id="groups.apply", tooltip="Group by what is marked, or by this"
        ),
        Binding("x", "ungroup", "Ungroup", id="groups.ungroup", tooltip="A plain list of runs again"),
        *moving("groups", "params and tags"),
    ]

    def __init__(self, choices: Sequence[GroupChoice], chosen: Sequence[str], runs: int) -> None:
        """``chosen``: what the runs are grouped by now; ``runs``: how many were looked at."""
        super().__init__(Text(f"Group the runs by · how many values in the {runs:,} runs looked at"))
        self._choices = {choice.column: choice for choice in choices}
        self._before = tuple(chosen)
        self._chosen = list(chosen)
        self._runs = runs

    def _list(self) -> None:
        every = [*(c for c in self._before if c not in self._choices and c != RECIPE), *self._choices]
        # Those that are likely wanted first; the recipe after them.
        first = [c for c in every if c not in self._choices or 1 < self._choices[c].distinct < self._runs]
        ordered = [*first, RECIPE, *(c for c in every if c not in first)]
        wanted = self._wanted
        self._fill(
            [(c, Text(self._line(c), no_wrap=True, overflow="ellipsis")) for c in ordered if wanted in c.lower()]
        )

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

    def _done(self) -> None:
        """Without a mark the one under the cursor is meant, unless marks were there and were taken away."""
        if self._chosen or self._before or self._current is None:
            self.dismiss(tuple(self._chosen))
        else:
            self.dismiss((self._current,))

    def _toggle(self) -> None:
        self.action_toggle_key()

    def action_ungroup(self) -> None:
        """A plain list again."""
        self.dismiss(())
