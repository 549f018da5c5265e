"""What every screen shares: the header above, the keys below, and asking the backend."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from mlaudit.domain.errors import DeadlineExceeded, MlauditError, StoreError, StoreUnavailable
from mlaudit.services.experiments import ListExperiments
from mlaudit.services.requests import Request
from mlaudit.tui.screen_workers import end_workers
from mlaudit.tui.widgets.key_line import KeyLine
from mlaudit.tui.widgets.store_header import StoreHeader

if TYPE_CHECKING:
    from mlaudit.domain.models import Run, StoreInfo
    from mlaudit.tui.app import MlauditApp

T = TypeVar("T")
FIRST_PAUSE = 1.0
"""Seconds until a store that did not answer is asked again by itself; doubled each time that it does not."""
LONGEST_PAUSE = 4.0
"""A store that is back is noticed within five seconds."""
SETTLED = 60.0
"""Seconds after such a return in which a failure is the question's own, unless the store is seen to be away again."""


def in_view(screen: Screen[Any]) -> bool:
    """Whether a screen can be seen: it is the top one, or there are only dialogs above it."""
    stack = screen.app.screen_stack
    return screen in stack and all(above.is_modal for above in stack[stack.index(screen) + 1 :])


class BaseScreen(Screen[None]):
    """A screen composes :meth:`compose_body`; header and footer are put around it."""

    BINDINGS = [
        Binding("escape", "back", "Back", id="screen.back", tooltip="Go back to the screen before"),
        Binding(
            "less_than_sign,alt+left", "back", show=False, id="screen.backward", tooltip="Go back to the screen before"
        ),
        Binding(
            "greater_than_sign,alt+right",
            "forward",
            show=False,
            id="screen.forward",
            tooltip="Forward again to the screen that was left",
        ),
    ]

    _pause = FIRST_PAUSE
    _due: Timer | None = None
    """When the store is asked again, where it did not answer."""
    _is_away = False
    """Whether it is the store that does not answer, and not one question that it cannot answer, or not in time."""
    _settled_at = 0.0

    def compose(self) -> ComposeResult:
        yield StoreHeader()
        yield from self.compose_body()
        yield KeyLine()

    def compose_body(self) -> Iterable[Widget]:
        """The widgets between header and footer."""
        return ()

    def on_mount(self) -> None:
        """Called by Textual after that of a subclass, which must not call it itself."""
        self.query_one(StoreHeader).read_only = self.mlaudit.settings.read_only
        self.watch(self.mlaudit, "store", self._show_store)
        self.watch(self.mlaudit, "user", self._show_user)
        self.mlaudit.trail.opened()
        self._show_crumbs()

    def _on_prune(self) -> None:
        """It is being left, or the app quits. Textual calls its own as well."""
        end_workers(self)

    def _show_store(self, store: StoreInfo | None) -> None:
        self.query_one(StoreHeader).store = store

    def _show_user(self, user: str) -> None:
        self.query_one(StoreHeader).user = user

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
        except StoreError as error:
            for header in self.query(StoreHeader):
                header.failed_at = header.failed_at or time.strftime("%H:%M:%S")
            if isinstance(error, StoreUnavailable | DeadlineExceeded) and not request.writes:
                # Of one that takes too long, the next question will tell.
                self._is_away |= isinstance(error, StoreUnavailable) and time.monotonic() >= self._settled_at
                self._ask_again_later()
            raise
        self._answered()
        return answer

    # A store that does not answer

    def _answered(self) -> None:
        # A screen that is being taken down still gets its answers, and has no header any more.
        for header in self.query(StoreHeader):
            header.failed_at = ""
        self._pause = FIRST_PAUSE
        if self._due is not None:
            self._due.stop()
            self._due = None

    def _ask_again_later(self) -> None:
        """Unless that is due already."""
        if self._due is None and self.is_attached:
            self._due = self.set_timer(self._pause, self._ask_again)
            self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def _ask_again(self) -> None:
        self._due = None
        if self.app.screen is self:
            self.run_worker(self._look_whether_back(), group="back", exclusive=True)
        else:
            # What cannot be seen needs no news, and what a dialog asks about stays as it is.
            self._ask_again_later()

    async def _look_whether_back(self) -> None:
        """By a question that changes nothing, whatever it was that failed."""
        try:
            await self.mlaudit.backend.ask(ListExperiments())
        except (StoreUnavailable, DeadlineExceeded):
            self._is_away = True
            self._ask_again_later()
        except MlauditError:
            pass  # an answer, though no good one: the next key will tell
        else:
            if self._is_away:
                self._is_away, self._settled_at = False, time.monotonic() + SETTLED
                self._answered()
                self.store_is_back()

    def store_is_back(self) -> None:
        """It answers again: show what it has to tell, as the key for that does, where there is one."""
        if hasattr(self, "action_reload"):
            self.call_next(self.run_action, "reload")

    def is_at_work(self, group: str) -> bool:
        """Whether a worker of this screen's goes on: one that is started now would end it unfinished."""
        return any(w.node is self and w.group == group and not w.is_finished for w in self.workers)

    # The way here

    @property
    def crumb(self) -> str:
        """What this screen is called in the way to it."""
        return self.title or ""

    def show_title(self, title: str) -> None:
        """Name this screen in the header."""
        self.title = title
        self._show_crumbs()

    def on_screen_resume(self) -> None:
        """A screen below may have got its name meanwhile, and the store one of its own."""
        self._show_crumbs()

    def _show_crumbs(self) -> None:
        stack = self.app.screen_stack
        if self in stack:
            way = (s.crumb for s in stack[: stack.index(self) + 1] if isinstance(s, BaseScreen))
            self.query_one(StoreHeader).crumbs = tuple(way)

    def may_leave(self) -> bool:
        """Asked when it is about to be left by going back; a screen that says no says why."""
        return True

    async def action_back(self) -> None:
        """Leave this screen, unless it is the first one."""
        await self.mlaudit.trail.back()

    async def action_forward(self) -> None:
        """Return to the screen that was left last."""
        await self.mlaudit.trail.forward()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no way back from the first screen, nor forward where nothing was left."""
        if action == "back" and not self.mlaudit.trail.can_go_back:
            return False
        if action == "forward" and not self.mlaudit.trail.can_go_forward:
            return False
        return super().check_action(action, parameters)
