"""What all dialogs have in common: each gives one answer, and closes itself and nothing else."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

from mlaudit.tui.screen_workers import end_workers

AnswerT = TypeVar("AnswerT")


class Dialog(ModalScreen[AnswerT], Generic[AnswerT]):
    """Only its first answer counts: on a slow line two key presses may come before it is gone.

    Textual would close whatever screen is on by then.
    """

    _answered = False
    _late: tuple[AnswerT | None] | None = None
    """The answer of one that another screen lies over, as long as it does."""

    def dismiss(self, result: AnswerT | None = None) -> AwaitComplete:
        """Answer and close, once; where another screen lies over it, as soon as that is gone."""
        if self._answered:
            return AwaitComplete()
        self._answered = True
        if not self.is_active:
            self._late = (result,)
            return AwaitComplete()
        return super().dismiss(result)

    def on_screen_resume(self) -> None:
        """Give the answer that came while another screen was on."""
        if self._late is not None:
            late, self._late = self._late, None
            super().dismiss(late[0])

    def _on_prune(self) -> None:
        """It closes, or the app quits. Textual calls its own as well."""
        end_workers(self)
