"""Back and forward through screens, by the browser's rule: going on to something new forgets what lay ahead.

A screen that was left stays as it was, cursor and all, until there is no way forward to it any more.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.screen import Screen

from mlaudit.tui.screens.base import BaseScreen

if TYPE_CHECKING:
    Screens = App[Any]
    Left = Screen[Any]


class Trail:
    """The screens that were left by going back."""

    def __init__(self, app: Screens) -> None:
        self._app = app
        self._ahead: list[tuple[Left, Left]] = []
        """(the screen that it lay on, the screen that was left), the nearest last."""
        self._kept: list[Left] = []
        """Screens that Textual would otherwise have taken apart; some of them may be on again."""
        self._names = itertools.count(1)

    @property
    def _way(self) -> list[Left]:
        """The screens that were gone through; a dialog or the palette above them is no place to be."""
        return [screen for screen in self._app.screen_stack if not screen.is_modal]

    @property
    def can_go_back(self) -> bool:
        """There is no way back from the first screen, which lies on Textual's own blank one."""
        return len(self._way) > 2

    @property
    def can_go_forward(self) -> bool:
        """Whether something was left from the screen that is on."""
        return bool(self._ahead) and self._ahead[-1][0] is self._way[-1]

    async def back(self) -> None:
        """Leave the screen that is on, if there is one below it."""
        below, left = self._app.screen_stack[-2:]
        # A dialog has an answer to give, and closes itself.
        if not self.can_go_back or left.is_modal:
            return
        if isinstance(left, BaseScreen) and not left.may_leave():
            return
        if left not in self._kept:
            self._app.install_screen(left, name=f"left {next(self._names)}")
            self._kept.append(left)
        await self._app.pop_screen()
        if self._ahead and self._ahead[-1][0] is not left:
            # Something was left in another way since.
            self._ahead.clear()
        self._ahead.append((below, left))
        self._sweep()

    async def back_to(self, index: int) -> None:
        """Leave all screens above the one at ``index`` of the way, the first being 0, as far as they may be left."""
        # The first of all is Textual's own.
        while len(self._way) > index + 2 and not (left := self._app.screen).is_modal:
            await self.back()
            if self._app.screen is left:
                return

    async def forward(self) -> None:
        """Return to the screen that was left last, if there is one."""
        if self.can_go_forward and self._ahead[-1][0] is self._app.screen:
            await self._app.push_screen(self._ahead.pop()[1])

    def opened(self) -> None:
        """Something new was opened: there is no way forward any more."""
        self._ahead.clear()
        self._sweep()

    def _sweep(self) -> None:
        """Take apart what can be reached neither by going forward nor by going back."""
        wanted = [*self._app.screen_stack, *(left for _, left in self._ahead)]
        for screen in [kept for kept in self._kept if kept not in wanted]:
            self._kept.remove(screen)
            self._app.uninstall_screen(screen)
            screen.remove()
