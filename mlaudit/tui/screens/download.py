"""Into which folder an artifact is downloaded, and how far that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Artifact
from mlaudit.domain.text import clean, format_size
from mlaudit.services.download import StartDownload, problem_with
from mlaudit.tui.downloads import POLL_SECONDS, LiveDownload
from mlaudit.tui.screens.dialog import Dialog
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.fitting import fit

if TYPE_CHECKING:
    from mlaudit.tui.app import MlauditApp

BAR = 40
QUIET = 5.0
"""Seconds without a byte after which that is told."""


class DownloadDialog(Dialog[None]):
    """Asks for the folder, then shows the download; with one under way already, that one."""

    CSS = """
    DownloadDialog { align: center middle; }
    DownloadDialog #box { width: 76; max-width: 95%; height: auto; padding: 0 1; }
    DownloadDialog #box { border: heavy $primary; background: $surface; }
    DownloadDialog Static { height: auto; color: $text-muted; }
    DownloadDialog #title { color: $foreground; text-style: bold; }
    DownloadDialog #problem { color: $text-error; }
    DownloadDialog #buttons { height: 1; margin-top: 1; }
    DownloadDialog Button { margin-right: 2; }
    """
    BINDINGS = [
        Binding("escape", "hide", "Close", id="download.close", tooltip="Close; a download that has begun goes on"),
        Binding("left", "app.focus_previous", show=False, id="download.previous", tooltip="The button before"),
        Binding("right", "app.focus_next", show=False, id="download.next", tooltip="The next button"),
    ]

    def __init__(self, run_id: str, artifact: Artifact | None) -> None:
        """``artifact`` may be None while a download is under way."""
        super().__init__()
        self._run_id = run_id
        self._artifact = artifact
        self._live: LiveDownload | None = None

    @property
    def _app(self) -> MlauditApp:
        return cast("MlauditApp", self.app)

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(id="title", markup=False)
            yield Field(str(Path.cwd()), id="folder", compact=True, select_on_focus=False)
            yield Static(id="problem", markup=False)
            yield Static(id="about", markup=False)
            with Horizontal(id="buttons"):
                yield Button(Content("Go on in the background"), id="hide", compact=True)
                yield Button(Content("Cancel the download"), id="stop", variant="warning", compact=True)

    def on_mount(self) -> None:
        """Ask, or show the one that is under way."""
        current = self._app.downloads.current
        if current is not None:
            self._follow(current)
            return
        assert self._artifact is not None
        self._show_form(True)
        kind = "folder" if self._artifact.is_dir else "file"
        what = f"the {kind} {self._artifact.path}" if self._artifact.path else "all artifacts of the run"
        size = f", {format_size(self._artifact.size)}" if self._artifact.size is not None else ""
        self.query_one("#title", Static).update(Text(f"Download {what}{size}"))
        self.query_one("#about", Static).update(Text("into this folder   enter begins · esc cancels"))
        self.query_one(Field).focus()

    def _show_form(self, form: bool) -> None:
        self.query_one(Field).display = form
        self.query_one("#buttons").display = not form

    # The question

    @on(Input.Changed)
    def _changed(self) -> None:
        self._problem("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        artifact = self._artifact
        if self._live is not None or artifact is None:
            return
        if not event.value.strip():
            self._problem("the name of a folder is needed")
            return
        try:
            folder = Path(event.value.strip()).expanduser().absolute()
            request = StartDownload(self._run_id, artifact.raw_path, artifact.is_dir, str(folder))
            problem = problem_with(folder, request.name)
        except (OSError, RuntimeError, ValueError, MlauditError) as error:
            problem = clean(error)
        if problem:
            self._problem(problem)
        else:
            self._start(request)

    @work(group="download.start", exclusive=True)
    async def _start(self, request: StartDownload) -> None:
        try:
            self._follow(await self._app.downloads.start(request))
        except MlauditError as error:
            self._problem(str(error))

    def _problem(self, text: str) -> None:
        self.query_one("#problem", Static).update(Text(text))

    # The download

    def _follow(self, live: LiveDownload) -> None:
        self._live = live
        self._show_form(False)
        folder, _, name = live.download.shown.rpartition("/")
        self.query_one("#title", Static).update(Text(f"Downloading {name}\ninto {folder}"))
        self.query_one("#hide", Button).focus()
        self._look()
        self.set_interval(POLL_SECONDS, self._look)

    def _look(self) -> None:
        live = self._live
        if live is None:
            return
        if live.state.ended:
            # How it ended the app tells.
            self._live = None
            self.dismiss()
            return
        self._problem(live.problem)
        self.query_one("#about", Static).update(self._progress(live))

    def _progress(self, live: LiveDownload) -> Text:
        state = live.state
        if state.files is None:
            said = f"listing the files: {state.files_done:,} so far" if state.files_done else "asking the store"
            return Text(f"{said}\n\n")
        done = format_size(state.done)
        if state.total:
            share = min(state.done / state.total, 1.0)
            full = int(share * BAR)
            bar = "━" * full + "╌" * (BAR - full)
            amount = f"{bar} {share:4.0%}\n{done} of {format_size(state.total)}"
        else:
            amount = f"{done}; how much there is the store does not say"
        # Of the download, not of this dialog, which may have been opened again just now.
        speed = f" · {format_size(int(state.done / live.seconds))}/s" if live.seconds > 1 and state.done else ""
        files = f" · {state.files_done:,} of {state.files:,} files" if state.files > 1 else ""
        quiet = f" · nothing has come for {state.idle:.0f} s" if state.idle > QUIET else ""
        return Text(f"{amount}{files}{speed}{quiet}\n{fit(state.current, 70)}")

    @on(Button.Pressed, "#stop")
    def _stop(self) -> None:
        self._cancel()

    @work(group="download.cancel", exclusive=True)
    async def _cancel(self) -> None:
        if self._live is not None:
            self.query_one("#about", Static).update(Text("cancelling…\n\n"))
            await self._app.downloads.cancel(self._live)

    @on(Button.Pressed, "#hide")
    def _hide(self) -> None:
        self.action_hide()

    def action_hide(self) -> None:
        """Close the dialog; what has begun goes on."""
        self.dismiss()
