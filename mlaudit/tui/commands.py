"""The command palette: what can be done here and now, by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider


class ScreenCommands(Provider):
    """Every action of the screen below that is possible at this moment, and the app's own."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for title, help_text, active in self._possible():
            yield DiscoveryHit(title, partial(self._run, active), help=help_text)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for title, help_text, active in self._possible():
            score = max(matcher.match(title), matcher.match(help_text) * 0.5)
            if score > 0:
                yield Hit(score, matcher.highlight(title), partial(self._run, active), help=help_text)

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
