"""A run's artifacts as a tree whose folders are asked for when they are opened."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import work
from textual.binding import Binding
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Artifact
from mlaudit.domain.text import format_size
from mlaudit.services.runs import ListArtifacts
from mlaudit.tui.histories import Ask

MOST_ENTRIES = 3000
"""Of one folder; more of them would hold up the keys."""


class ArtifactTree(Tree[Artifact | None]):
    """Folders are read once, when they are opened; sizes as the store gives them."""

    HELP_NAME = "tree of artifacts"
    DEFAULT_CSS = "ArtifactTree { height: 1fr; background: $background; }"
    BINDINGS = [
        Binding("j", "cursor_down", show=False, id="artifacts.down", tooltip="The next entry"),
        Binding("k", "cursor_up", show=False, id="artifacts.up", tooltip="The entry before"),
        Binding("g", "scroll_home", show=False, id="artifacts.first", tooltip="The first entry"),
        Binding("G", "scroll_end", show=False, id="artifacts.last", tooltip="The last entry"),
    ]

    def __init__(self, run_id: str, ask: Ask) -> None:
        super().__init__(Text("artifacts"), None)
        self.show_root = False
        self.guide_depth = 3
        self._run_id = run_id
        self._ask = ask
        self._read: set[int] = set()

    @property
    def path(self) -> str:
        """The path under the cursor; empty where there is none."""
        return self.artifact.path if self.artifact is not None else ""

    @property
    def artifact(self) -> Artifact | None:
        """The entry under the cursor."""
        node = self.cursor_node
        return node.data if node is not None else None

    def show(self, artifacts: Iterable[Artifact]) -> None:
        """The entries at the top."""
        self.clear()
        self._read.clear()
        self._add(self.root, artifacts)
        self.root.expand()
        self.call_after_refresh(self.action_cursor_down)

    def forget(self) -> None:
        """Folders that are opened from now on are asked for again."""
        self._read.clear()

    def _add(self, node: TreeNode[Artifact | None], artifacts: Iterable[Artifact]) -> None:
        count = 0
        for artifact in artifacts:
            count += 1
            if count > MOST_ENTRIES:
                continue
            name = artifact.path.rpartition("/")[2]
            if artifact.is_dir:
                node.add(Text(f"{name}/", style="bold"), artifact)
            else:
                size = f"  {format_size(artifact.size)}" if artifact.size is not None else ""
                # As far in as the names of folders, which have an arrow before them.
                node.add_leaf(Text.assemble("  ", name, (size, "dim")), artifact)
        if count > MOST_ENTRIES:
            left = f"… and {count - MOST_ENTRIES:,} more; o on the folder downloads them all"
            node.add_leaf(Text(left, style="dim"), None)
        if not count:
            node.add_leaf(Text("no artifacts" if node.is_root else "empty", style="dim"), None)

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Artifact | None]) -> None:
        """Ask for the entries of a folder that is opened for the first time."""
        artifact = event.node.data
        if artifact is not None and artifact.is_dir and event.node.id not in self._read:
            self._read.add(event.node.id)
            event.node.add_leaf(Text("reading…", style="dim"), None)
            self._open(event.node, artifact)

    @work(group="artifacts")
    async def _open(self, node: TreeNode[Artifact | None], artifact: Artifact) -> None:
        try:
            answer = await self._ask(ListArtifacts(self._run_id, artifact.raw_path))
        except MlauditError as error:
            # Closing and opening it again asks again.
            self._read.discard(node.id)
            node.remove_children()
            node.add_leaf(Text(f"not read: {error}", style="red"), None)
            return
        node.remove_children()
        self._add(node, answer.artifacts)
