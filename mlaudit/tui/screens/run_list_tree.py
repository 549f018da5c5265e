"""Runs as a tree: those that another run started below it."""

from __future__ import annotations

from mlaudit.domain.run_tree import Lost
from mlaudit.tui.screens.run_list_groups import GroupsMixin
from mlaudit.tui.widgets.run_rows import LOST, TreeRows


class TreeMixin(GroupsMixin):
    """Shows nested runs nested."""

    @property
    def _tree(self) -> TreeRows | None:
        found = self._arrangement
        return found if isinstance(found, TreeRows) else None

    def action_tree(self) -> None:
        """Children below their parents, or a plain list again."""
        self._arrange(TreeRows() if self._tree is None else None)

    def _about_rows(self) -> list[str]:
        if self._tree is None:
            return super()._about_rows()
        tree = self._tree.tree
        said = ["tree" if tree.parents() else "tree: no run here started another"]
        if absent := tree.lost(Lost.ABSENT):
            said.append(f"{LOST[Lost.ABSENT]}{absent:,} whose parent is not listed")
        if cycles := tree.lost(Lost.CYCLE):
            said.append(f"{LOST[Lost.CYCLE]}{cycles:,} that name one another as parents")
        return [*said, *super()._about_rows()]
