"""A run's artifacts: the tree, and what is under its cursor beside it; in a narrow terminal in its place, by enter."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Static, Tree

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Artifact
from mlaudit.domain.text import format_size
from mlaudit.services.preview import Kind, PreviewArtifact
from mlaudit.tui.histories import Ask
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from mlaudit.tui.widgets.preview_view import PreviewView, title_of

BESIDE = 110
"""Cells from which on tree and preview stand side by side."""
PAUSE = 0.12
"""Seconds that the cursor rests before what is under it is read."""


class ArtifactPane(Horizontal):
    """Reads what the cursor rests on; an answer that is no longer wanted is dropped."""

    DEFAULT_CSS = """
    ArtifactPane { height: 1fr; }
    ArtifactPane ArtifactTree { width: 38%; min-width: 34; max-width: 64; }
    ArtifactPane #preview { width: 1fr; height: 1fr; border-left: solid $panel; }
    ArtifactPane #about { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    ArtifactPane #about.-bad { color: $text-error; height: auto; max-height: 3; text-wrap: wrap; }
    ArtifactPane.-narrow ArtifactTree { width: 1fr; max-width: 100%; }
    ArtifactPane.-narrow #preview { display: none; border-left: none; }
    ArtifactPane.-narrow.-open #preview { display: block; }
    ArtifactPane.-narrow.-open ArtifactTree { display: none; }
    """

    def __init__(self, run_id: str, ask: Ask) -> None:
        super().__init__()
        self._run_id = run_id
        self._ask = ask
        self._wanted: Artifact | None = None
        self._timer: Timer | None = None
        self._entries: tuple[Artifact, ...] | None = None

    def compose(self) -> ComposeResult:
        yield ArtifactTree(self._run_id, self._ask)
        with Vertical(id="preview"):
            yield Static(id="about", markup=False)
            yield PreviewView()

    def show(self, artifacts: Iterable[Artifact]) -> None:
        """The entries at the top. Where they are the same as before the tree stays, and what is shown is read anew."""
        entries = tuple(artifacts)
        if entries == self._entries:
            self.query_one(ArtifactTree).forget()
            if self._wanted is not None and (self.is_beside or self.has_class("-open")):
                self._later()
            else:
                # Read when it is opened, and not shown as it was before.
                self.query_one(PreviewView).show(None)
            return
        self._entries = entries
        self._wanted = None
        self.remove_class("-open")
        self.query_one(ArtifactTree).show(entries)

    @property
    def is_beside(self) -> bool:
        """Whether there is room for both."""
        return not self.has_class("-narrow")

    def focus_inside(self) -> None:
        """Focus what can be seen."""
        in_place = self.has_class("-narrow") and self.has_class("-open")
        (self.query_one(PreviewView) if in_place else self.query_one(ArtifactTree)).focus()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side or one in place of the other; a picture is made anew for its room."""
        self.set_class(event.size.width < BESIDE, "-narrow")
        preview = self.query_one(PreviewView).preview
        if (preview is not None and preview.picture is not None) or (preview is None and self.is_beside):
            self._later()

    # What is under the cursor

    @on(Tree.NodeHighlighted)
    def _highlighted(self, event: Tree.NodeHighlighted[Artifact | None]) -> None:
        if event.node.data != self._wanted:
            self._wanted = event.node.data
            self._say("")
            self.query_one(PreviewView).show(None)
            if self.is_beside:
                self._later()

    @on(Tree.NodeSelected)
    def _selected(self, event: Tree.NodeSelected[Artifact | None]) -> None:
        artifact = event.node.data
        if artifact is None or artifact.is_dir:
            return
        self._wanted = artifact
        self.add_class("-open")
        view = self.query_one(PreviewView)
        view.focus()
        if view.preview is None:
            # Only after this the view has a size, for which a picture is made.
            self.call_after_refresh(self._read)

    def _later(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._read)

    def _read(self, *, fetch: bool = False) -> None:
        artifact = self._wanted
        view = self.query_one(PreviewView)
        if artifact is None:
            return
        if artifact.is_dir:
            self._say(f"{artifact.path}/ is a folder: enter opens it")
            return
        self._say(f"reading {artifact.path}…")
        # A view that was just shown may have no size yet.
        room = view.size or self.size
        self._load(PreviewArtifact(self._run_id, artifact.raw_path, room.width, room.height, fetch))

    @work(exclusive=True, group="artifacts.preview")
    async def _load(self, request: PreviewArtifact) -> None:
        view = self.query_one(PreviewView)
        problem = ""
        try:
            preview = await self._ask(request)
        except MlauditError as error:
            preview, problem = None, str(error)
        if self._wanted is None or request.path != self._wanted.raw_path:
            return
        if preview is None:
            view.show(None)
            view.can_fetch = True
            self._say(f"not read: {problem}. In the preview, enter tries again.", bad=True)
            self.screen.refresh_bindings()
            return
        view.show(preview)
        view.can_fetch = preview.kind is Kind.TOO_LARGE
        size = format_size(preview.size) if preview.size is not None else "size not known"
        bad = preview.kind in {Kind.REFUSED, Kind.TOO_LARGE}
        if view.can_fetch:
            hint = "; enter fetches it" if view.has_focus else "; enter and enter again fetches it"
            self._say(f"{preview.path}: {preview.note}{hint}", bad=True)
        elif bad:
            self._say(f"{preview.path} · {size}: {preview.note}", bad=True)
        else:
            self._say(title_of(preview, size, self.query_one("#about").size.width - 2))
        self.screen.refresh_bindings()

    @on(PreviewView.FetchAsked)
    def _fetch(self) -> None:
        self._read(fetch=True)

    @on(PreviewView.Left)
    def _left(self) -> None:
        self.remove_class("-open")
        self.query_one(ArtifactTree).focus()

    def _say(self, text: str, *, bad: bool = False) -> None:
        place = self.query_one("#about", Static)
        place.update(Text(text))
        place.set_class(bad, "-bad")
