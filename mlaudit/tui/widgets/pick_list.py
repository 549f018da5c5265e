"""Textual's list to choose from, made safe for keys that come before it is laid out."""

from __future__ import annotations

from textual.widgets import OptionList


class PickList(OptionList):
    """A page up or down in a list without a size, as in a dialog that opens just now, is none."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Textual would end the app with an error there (8.2.8)."""
        if action in {"page_up", "page_down"} and not self.scrollable_content_region:
            return False
        return super().check_action(action, parameters)
