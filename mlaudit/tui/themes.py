"""The names of the colours that the app can have."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES


def theme_names() -> list[str]:
    """Sorted; all are Textual's own."""
    return sorted(BUILTIN_THEMES)
