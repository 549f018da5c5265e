"""Searching the output of a training, for a screen with a LogView and a LogSearch."""

from __future__ import annotations

from textual import on
from textual.binding import Binding

from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.log_search import LogSearch
from mlaudit.tui.widgets.log_view import LogView


class OutputSearchMixin(BaseScreen):
    """``/`` asks for a text, ``n`` and ``N`` go through the lines that have it."""

    BINDINGS = [
        Binding(
            "slash", "search", "Search", key_display="/", id="training.search", tooltip="Search the output for a text"
        ),
        Binding("n", "find(1)", show=False, id="training.next_match", tooltip="The next line that has it"),
        Binding("N", "find(-1)", show=False, id="training.previous_match", tooltip="The line before that has it"),
    ]

    def action_search(self) -> None:
        """Ask what to search the output for."""
        self.query_one(LogSearch).open()

    @on(LogSearch.Asked)
    def _search(self, event: LogSearch.Asked) -> None:
        self.query_one(LogView).search(event.needle)
        self._say_found()

    def action_find(self, by: int) -> None:
        """Another line that has what was searched for."""
        self.query_one(LogView).search_again(by)
        self._say_found()

    @on(LogSearch.Again)
    def _find_again(self, event: LogSearch.Again) -> None:
        self.action_find(event.by)

    @on(LogSearch.Left)
    def _left_search(self) -> None:
        self.query_one(LogView).focus()

    def _say_found(self) -> None:
        self.query_one(LogSearch).say(self.query_one(LogView).found_words)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no next match where nothing is searched for."""
        if action == "find":
            return bool(self.is_mounted and self.query_one(LogView).needle)
        return super().check_action(action, parameters)
