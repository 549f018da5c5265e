"""The keys of the screen below, with what each does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from mlaudit.tui.screens.dialog import Dialog

GENERAL = """\
Text fields own the keys that print; tab and esc leave them. The mouse works wherever something can be chosen."""


class HelpScreen(Dialog[None]):
    """``?``: closed by any of the keys that close things."""

    CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll {
        width: 90%; max-width: 100; height: auto; max-height: 90%; border: heavy $primary; padding: 0 2;
        background: $surface;
    }
    HelpScreen Static { height: auto; }
    """
    BINDINGS = [
        Binding("escape,question_mark,q,enter", "close", "Close", id="help.close", tooltip="Close the help"),
        Binding("j", "scroll(1)", show=False, id="help.down", tooltip="Scroll down"),
        Binding("k", "scroll(-1)", show=False, id="help.up", tooltip="Scroll up"),
    ]

    def __init__(self, title: str, keys: Text) -> None:
        super().__init__()
        self._title = title
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(Text(f"Keys: {self._title}", style="bold"))
            yield Static(self._keys)
            yield Static(Text(f"\n{GENERAL}", style="dim"))

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def keys_text(screen: Screen[Any]) -> Text:
    """The active keys of a screen by where they come from: the focused part first, then the screen, then the app."""
    groups: dict[DOMNode, dict[str, tuple[list[str], str, bool]]] = {}
    # Of several keys for one action ours tells what it does; Textual's own bindings have no id.
    for active in sorted(screen.active_bindings.values(), key=lambda a: not a.binding.id):
        binding = active.binding
        if not binding.tooltip:
            continue
        rows = groups.setdefault(active.node, {})
        keys, _, _ = rows.setdefault(binding.action, ([], str(binding.tooltip), active.enabled))
        shown = screen.app.get_key_display(binding)
        if shown not in keys:
            keys.append(shown)
    order = sorted(groups, key=lambda node: (node is screen.app, node is screen))
    return Text("\n").join(_lines(groups[node].values(), _name(node, screen)) for node in order)


def _name(node: DOMNode, screen: Screen[Any]) -> str:
    if node is screen.app:
        return "everywhere"
    if node is screen:
        return "this screen"
    return f"in the {getattr(node, 'HELP_NAME', 'focused part')}"


def _lines(rows: Iterable[tuple[list[str], str, bool]], title: str) -> Text:
    text = Text(f"\n{title}", style="bold")
    for keys, tooltip, enabled in rows:
        line = f"\n  {' '.join(keys):<14} {tooltip}" + ("" if enabled else "  (not possible now)")
        text.append(line, style="not bold" if enabled else "not bold dim")
    return text
