"""A field that lets through what has a text in it; it is there only while it is used."""

from __future__ import annotations

from mlaudit.tui.widgets.field import Field


class SearchField(Field):
    """Opened by a key of its screen; empty and left, it is gone again."""

    DEFAULT_CSS = "SearchField { height: 1; }"

    def __init__(self, what: str = "search") -> None:
        super().__init__(placeholder=f"/ {what}", compact=True)
        self.display = False

    @property
    def wanted(self) -> str:
        """What is searched for, in small letters; empty: everything."""
        return self.value.strip().lower()

    def open(self) -> None:
        """Show it and type in it."""
        self.display = True
        # At once: what is typed next belongs here.
        self.screen.set_focus(self)

    def close(self) -> bool:
        """Forget what was searched for; whether there was anything to close."""
        was_open = self.display
        self.value = ""
        self.display = False
        return was_open

    def on_blur(self) -> None:
        """Nothing to search for, nothing to show."""
        if not self.wanted:
            self.display = False
