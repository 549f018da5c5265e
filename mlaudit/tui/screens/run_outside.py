"""Opening a run's artifact with a program of the user's, or the run's page in a browser."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import SuspendNotSupported
from textual.binding import Binding

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Artifact, Run, StoreKind
from mlaudit.domain.text import clean, format_size
from mlaudit.services.download import Phase, StartDownload
from mlaudit.tui import outside
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.confirm import ConfirmDialog

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    Host = BaseScreen
else:
    Host = object

OUTSIDE_KEY = Binding(
    "O",
    "outside",
    show=False,
    id="run.outside",
    tooltip="Open the artifact with another program, or the run's web page",
)
SHORT = 2_000_000
"""Bytes that are there before anybody wonders."""
UNASKED = 30_000_000
"""Bytes that are fetched without a question before."""


class OutsideMixin(Host):
    """For the screen of a run."""

    def open_page(self, run: Run) -> None:
        """Copy the address of the run's web page, and open it where there is a browser to be seen."""
        store = self.mlaudit.store
        if store is None or store.kind is not StoreKind.SERVER:
            self._tell("Only a tracking server has web pages, and this store is none.", "warning")
            return
        address = outside.page_of_run(store.uri, run.experiment_id, run.run_id)
        self.mlaudit.copy(address)
        command = outside.opener()
        if command is not None and (problem := outside.start(command, address)):
            self._tell(problem, "error")

    @work(group="run.outside", exclusive=True)
    async def open_artifact(self, run_id: str, artifact: Artifact) -> None:
        """Fetch the file into a private folder and hand it on; without a display, to a pager."""
        ending = outside.ending_of(artifact.raw_path)
        command = outside.opener()
        if artifact.is_dir:
            self._tell("Only a file can be opened; o downloads the folder.", "warning")
        elif command is not None and outside.is_started(artifact.raw_path):
            self._tell(f"{artifact.path} could start a program, and is not opened; o downloads it.", "warning")
        elif command is not None and (
            (ending in outside.LOOKED_AT and (artifact.size or 0) <= UNASKED) or await self._may(artifact, command[0])
        ):
            path = await self._fetched(run_id, artifact)
            if path is not None and (problem := outside.start(command, str(path))):
                self._tell(problem, "error")
        elif command is None:
            await self._page(run_id, artifact)

    async def _may(self, artifact: Artifact, program: str) -> bool:
        lines = [
            f"{artifact.path}, {format_size(artifact.size)}, comes from the store.",
            "It is fetched first. What its program does with it, that program decides: a page's scripts would run.",
        ]
        dialog = ConfirmDialog(f"Open with {program}?", lines, confirm_label="Open")
        return await self.app.push_screen_wait(dialog) is not None

    async def _page(self, run_id: str, artifact: Artifact) -> None:
        command = outside.pager()
        if command is None:
            self._tell("There is no display here, and no pager either; o downloads the file.", "warning")
            return
        lines = [
            "There is no display here on which another program could be seen.",
            f"{artifact.path}, {format_size(artifact.size)}, can be read in {clean(command[0])} instead;"
            " control characters are made visible. Leaving it comes back here.",
        ]
        dialog = ConfirmDialog("Read it in the pager?", lines, confirm_label=f"Open {clean(command[0])}")
        if await self.app.push_screen_wait(dialog) is None:
            return
        path = await self._fetched(run_id, artifact)
        if path is None:
            return
        try:
            copy = await asyncio.to_thread(outside.printable_copy, path)
        except OSError as error:
            self._tell(f"{artifact.path} could not be made ready for the pager: {clean(error)}", "error")
            return
        if copy is None:
            self._tell(f"{artifact.path} is no text, which is all that a pager can show; o downloads it.", "warning")
            return
        try:
            with self.app.suspend():
                subprocess.run([*command, str(copy)], check=False)
        except (OSError, SuspendNotSupported) as error:
            self._tell(f"{clean(command[0])} did not start: {clean(error)}", "error")
        self.refresh(layout=True)

    async def _fetched(self, run_id: str, artifact: Artifact) -> Path | None:
        """Where the file lies now; None when it could not be fetched, which was told."""
        downloads = self.mlaudit.downloads
        if downloads.current is not None:
            self._tell("Another download is under way; o on the artifacts shows it.", "warning")
            return None
        if artifact.size is None or artifact.size > SHORT:
            self._tell(f"Getting {artifact.path} ready; o on the artifacts shows how far it is.", "information")
        try:
            folder = await asyncio.to_thread(self.mlaudit.outside.new_folder)
            live = await downloads.start(StartDownload(run_id, artifact.raw_path, False, str(folder)), quiet=True)
        except (MlauditError, OSError) as error:
            self._tell(f"{artifact.path} was not fetched: {clean(error)}", "error")
            return None
        await live.ended.wait()
        if live.state.phase is Phase.DONE:
            return Path(live.download.target)
        if live.state.phase is not Phase.CANCELLED:
            self._tell(live.outcome, "error")
        return None

    def _tell(self, text: str, severity: SeverityLevel) -> None:
        self.app.notify(text, severity=severity, timeout=8, markup=False)
