"""The footer: the keys that do something here and now.

Written by hand, since Textual's ``Footer`` makes a widget a key, and makes all of them anew whenever the bindings *may*
have changed: 293 times in a walk of five tests through the runs screen, which was three tenths of all processor time
there, and half of all function calls. It also cuts off what has no room, at 80 columns the key for help among it. Here
the line is one widget that is painted anew when it says something else; where there is no room the last keys go first,
an ellipsis says so, and help stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

HELP = "help"
PALETTE = "command_palette"


@dataclass(frozen=True, slots=True)
class Shown:
    """A key that stands in the line."""

    key: str
    """As it is pressed."""
    display: str
    description: str
    action: str
    enabled: bool
    tooltip: str

    @property
    def width(self) -> int:
        """Cells, with the blanks around."""
        return len(self.display) + len(self.description) + 3


def fitting(shown: tuple[Shown, ...], width: int) -> tuple[tuple[Shown, ...], bool]:
    """Those that have room in so many cells, and whether that is all; help stays as long as anything does."""
    if sum(one.width for one in shown) <= width:
        return shown, True
    left = width - 2 - sum(one.width for one in shown if one.action == HELP)
    kept = []
    for one in shown:
        if one.action != HELP:
            left -= one.width
            if left < 0:
                break
            kept.append(one)
    return (*kept, *(one for one in shown if one.action == HELP)), False


class KeyLine(Widget, can_focus=False):
    """One line of keys; each can be clicked."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"key-line--key", "key-line--description", "key-line--edge"}
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        text-wrap: nowrap;
        color: $footer-foreground;
        background: $footer-background;
        .key-line--key {
            color: $footer-key-foreground;
            background: $footer-key-background;
            text-style: bold;
        }
        .key-line--description {
            color: $footer-description-foreground;
            background: $footer-description-background;
        }
        .key-line--edge {
            color: $foreground 20%;
        }
    }
    """

    shown: reactive[tuple[Shown, ...]] = reactive((), always_update=False)
    """All keys of the screen, in their order; the palette's last."""

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[range, Shown]] = []

    def on_mount(self) -> None:
        """Follow the screen's bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def on_unmount(self) -> None:
        """Follow them no more."""
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        # A terminal that is not looked at has no bindings; the line stays as it was.
        if not (screen.app.app_focus and self.is_attached and screen is self.screen):
            return
        found: dict[str, Shown] = {}
        for _, binding, enabled, tooltip in screen.active_bindings.values():
            if (binding.show or binding.action == PALETTE) and binding.action not in found:
                display = self.app.get_key_display(binding)
                told = tooltip or binding.description
                found[binding.action] = Shown(binding.key, display, binding.description, binding.action, enabled, told)
        palette = [found.pop(PALETTE)] if PALETTE in found else []
        self.shown = (*found.values(), *palette)

    def render(self) -> Text:
        """The line at this width."""
        palette = [one for one in self.shown if one.action == PALETTE]
        room = self.size.width - sum(one.width + 1 for one in palette)
        keys, all_of_them = fitting(tuple(one for one in self.shown if one.action != PALETTE), room)
        line = Text(no_wrap=True, end="")
        self._places = []
        for one in keys:
            self._add(line, one)
        if not all_of_them:
            line.append(" …", self.get_component_rich_style("key-line--description"))
        if palette:
            line.append(" " * (room - line.cell_len))
            for one in palette:
                line.append("▏", self.get_component_rich_style("key-line--edge"))
                self._add(line, one)
        return line

    def _add(self, line: Text, one: Shown) -> None:
        start = line.cell_len
        for part, style in ((f" {one.display} ", "key"), (f"{one.description} ", "description")):
            line.append(part, self.get_component_rich_style(f"key-line--{style}"))
        if not one.enabled:
            line.stylize("dim", start)
        self._places.append((range(start, line.cell_len), one))

    def _at(self, x: int) -> Shown | None:
        return next((one for place, one in self._places if x in place), None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say more about the key under the pointer."""
        one = self._at(event.x)
        told = one.tooltip if one else None
        if self.tooltip != told:
            self.tooltip = told

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click is the key's press."""
        one = self._at(event.x)
        if one is None:
            return
        if one.enabled:
            self.app.simulate_key(one.key)
        else:
            self.app.bell()
