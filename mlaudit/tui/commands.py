"""The command palette: what can be done here and now, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual.binding import ActiveBinding
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content


def _plain(text: str) -> Any:
    """A text that the palette, which takes a str for markup, shows as it is."""
    return Content(text)


class Palette(CommandPalette):
    """Textual's, where keys may come before its list is laid out."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A page up or down in a list without a size would end the app with an error (Textual 8.2.8)."""
        if action == "command_list" and not all(c.scrollable_content_region for c in self.query(CommandList)):
            return False
        return super().check_action(action, parameters)


class ScreenCommands(Provider):
    """Every action of the screen below that is possible at this moment, and the app's own."""

    async def startup(self) -> None:
        """What the screen has besides its keys, looked up once."""
        more = getattr(self.screen, "more_commands", None)
        self._more: list[tuple[str, str, Callable[[], object]]] = list(more()) if more is not None else []

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for title, help_text, active in self._possible():
            yield DiscoveryHit(title, partial(self._run, active), help=help_text)
        for title, help_text, act in self._more:
            yield DiscoveryHit(_plain(title), act, text=title, help=_plain(help_text))

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for title, help_text, active in self._possible():
            score = max(matcher.match(title), matcher.match(help_text) * 0.5)
            if score > 0:
                yield Hit(score, matcher.highlight(title), partial(self._run, active), help=help_text)
        for title, help_text, act in self._more:
            if (score := matcher.match(title)) > 0:
                yield Hit(score, _plain(title), act, text=title, help=_plain(help_text))

    def _possible(self) -> Iterator[tuple[str, str, ActiveBinding]]:
        seen: set[str] = set()
        # Those that the footer names come first; keys that only move a cursor go last.
        for active in sorted(self.screen.active_bindings.values(), key=lambda a: not a.binding.description):
            binding = active.binding
            # Textual's own have no id; the palette is open already.
            if not active.enabled or binding.system or binding.action in seen or not binding.id or not binding.tooltip:
                continue
            seen.add(binding.action)
            key = self.app.get_key_display(binding)
            yield f"{binding.description or binding.tooltip}  ({key})", str(binding.tooltip), active

    async def _run(self, active: ActiveBinding) -> None:
        await self.app.run_action(active.binding.action, active.node)
