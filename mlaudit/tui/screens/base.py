"""What every screen shares: the header above, the keys below, and asking the backend."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget

from mlaudit.domain.errors import StoreError
from mlaudit.domain.models import Run
from mlaudit.services.requests import Request
from mlaudit.tui.widgets.key_line import KeyLine
from mlaudit.tui.widgets.store_header import StoreHeader

if TYPE_CHECKING:
    from mlaudit.tui.app import MlauditApp

T = TypeVar("T")


def in_view(screen: Screen[Any]) -> bool:
    """Whether a screen can be seen: it is the top one, or there are only dialogs above it."""
    stack = screen.app.screen_stack
    return screen in stack and all(above.is_modal for above in stack[stack.index(screen) + 1 :])


class BaseScreen(Screen[None]):
    """A screen composes :meth:`compose_body`; header and footer are put around it."""

    BINDINGS = [
        Binding("escape", "back", "Back", id="screen.back", tooltip="Go back to the screen before"),
    ]

    def compose(self) -> ComposeResult:
        yield StoreHeader()
        yield from self.compose_body()
        yield KeyLine()

    def compose_body(self) -> Iterable[Widget]:
        """The widgets between header and footer."""
        return ()

    def on_mount(self) -> None:
        header = self.query_one(StoreHeader)
        header.read_only = self.mlaudit.settings.read_only
        header.store = self.mlaudit.store
        header.title = self.title or ""

    @property
    def mlaudit(self) -> MlauditApp:
        """The app, with its own type."""
        return cast("MlauditApp", self.app)

    @property
    def run_at_hand(self) -> Run | None:
        """The run that this screen is about, or that its cursor is on, where there is one."""
        return None

    async def ask(self, request: Request[T]) -> T:
        """The backend's answer; the header tells when a store failed to give one. Raises MlauditError."""
        try:
            answer = await self.mlaudit.backend.ask(request)
        except StoreError:
            self._say_stale(f"STALE since {time.strftime('%H:%M:%S')}")
            raise
        self._say_stale("")
        return answer

    def _say_stale(self, since: str) -> None:
        # A screen that is being taken down still gets its answers, and has no header any more.
        for header in self.query(StoreHeader):
            header.stale_since = since

    def show_title(self, title: str) -> None:
        """Name this screen in the header."""
        self.title = title
        self.query_one(StoreHeader).title = title

    async def action_back(self) -> None:
        """Leave this screen, unless it is the first one."""
        if len(self.app.screen_stack) > 2:
            await self.app.pop_screen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no way back from the first screen."""
        if action == "back" and len(self.app.screen_stack) <= 2:
            return False
        return super().check_action(action, parameters)
