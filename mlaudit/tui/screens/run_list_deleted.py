"""Deleted runs on demand: not shown, shown among the others, or shown alone."""

from __future__ import annotations

from textual.binding import Binding

from mlaudit.domain.models import ViewType
from mlaudit.domain.saved_view import DELETED_WORDS
from mlaudit.tui.screens.run_list import RunList

DELETED_KEY = Binding(
    "x", "deleted", "Deleted", show=False, id="runs.deleted", tooltip="Deleted runs: not shown, shown too, shown alone"
)
_NEXT = {
    ViewType.ACTIVE_ONLY: ViewType.ALL,
    ViewType.ALL: ViewType.DELETED_ONLY,
    ViewType.DELETED_ONLY: ViewType.ACTIVE_ONLY,
}


class DeletedMixin(RunList):
    """Chooses whether deleted runs are looked through."""

    def action_deleted(self) -> None:
        """Without them, with them, nothing but them."""
        self.view_type = _NEXT[self.view_type]
        self.load()

    def _about_deleted(self) -> list[str]:
        """That deleted runs are among those listed, or alone."""
        return [DELETED_WORDS[self.view_type]] if self.view_type in DELETED_WORDS else []
