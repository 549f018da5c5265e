"""The download that this app has under way: it belongs to the app and not to a screen, which may be left meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.text import clean, format_size
from mlaudit.services.download import CancelDownload, Download, DownloadState, Phase, PollDownload, StartDownload
from mlaudit.tui.screens.confirm import ConfirmDialog

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from mlaudit.tui.app import MlauditApp

POLL_SECONDS = 0.25
NOTICE_SECONDS = 8


class LiveDownload:
    """One download and how far it is. Only :class:`Downloads` changes it."""

    def __init__(self, download: Download, *, quiet: bool = False) -> None:
        self.download = download
        self.quiet = quiet
        """Whoever has started it tells how it ended."""
        self.ended = asyncio.Event()
        """Set when it has, whatever way."""
        self.state = DownloadState(Phase.RUNNING)
        self.problem = ""
        """Why the last look failed; empty when it did not."""
        self.left = ""
        """Where what there is of it lies, in words, since it could not be taken away; empty when that never failed."""
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has gone on."""
        return time.monotonic() - self._began

    @property
    def outcome(self) -> str:
        """How it ended, in one line."""
        state, rest = self.state, self.left or "nothing is left of it"
        if state.phase is Phase.DONE:
            files = "" if state.files == 1 else f"{state.files or 0:,} files, "
            return f"Downloaded {files}{format_size(state.done)}: {self.download.shown}"
        if state.phase is Phase.CANCELLED:
            return f"The download was cancelled; {rest}."
        return f"Not downloaded: {state.problem or self.problem}; {rest}."


class Downloads:
    """Starts, watches and cancels, one at a time; lives on the app."""

    def __init__(self, app: MlauditApp) -> None:
        self._app = app
        self.current: LiveDownload | None = None
        """The one under way."""

    async def start(self, request: StartDownload, *, quiet: bool = False) -> LiveDownload:
        """Raises MlauditError: it cannot begin, and nothing was done. ``quiet``: its end is not told."""
        live = LiveDownload(await self._app.backend.ask(request), quiet=quiet)
        self.current = live
        self._app.run_worker(self._watch(live), group="downloads", exit_on_error=True)
        return live

    async def _watch(self, live: LiveDownload) -> None:
        while not live.state.ended:
            await asyncio.sleep(POLL_SECONDS)
            try:
                live.state = await self._app.backend.ask(PollDownload(live.download.download_id))
                live.problem = ""
            except MlauditError as error:
                live.problem = str(error)
        if live.state.phase is Phase.LOST:
            # The process is gone and left what it had written; another one can take that away.
            await self._clear(live)
        if self.current is live:
            self.current = None
        live.ended.set()
        if live.quiet:
            return
        bad = live.state.phase in {Phase.FAILED, Phase.LOST}
        severity: SeverityLevel = "error" if bad else "information"
        self._app.notify(live.outcome, severity=severity, timeout=NOTICE_SECONDS, markup=False)

    async def cancel(self, live: LiveDownload) -> None:
        """Returns when nothing is left of it, or ``live.left`` says what is."""
        state = await self._clear(live)
        if state is not None and not live.state.ended:
            live.state = state

    async def _clear(self, live: LiveDownload) -> DownloadState | None:
        try:
            state = await self._app.backend.ask(CancelDownload(live.download))
        except MlauditError as error:
            live.left = f"what there is of it lies in {clean(live.download.staging)}"
            live.problem = f"{error}; {live.left}"
            return None
        live.left = ""
        return state

    async def may_quit(self) -> bool:
        """A guard of the app: ask before a download is dropped. The answer quits later, or does not."""
        live = self.current
        if live is None:
            return True
        lines = [
            f"{live.download.shown} is being downloaded.",
            f"{format_size(live.state.done)} so far. Quitting drops it; nothing is left of it.",
        ]
        dialog = ConfirmDialog("Drop the download?", lines, confirm_label="Drop it and quit")
        self._app.push_screen(dialog, self._quit_answered)
        return False

    async def _quit_answered(self, answer: str | None) -> None:
        if answer is None:
            return
        if (live := self.current) is not None:
            await self.cancel(live)
            self.current = None
            if live.left:
                self._app.parting.append(f"mlaudit: {live.download.shown} was not downloaded; {live.left}")
        await self._app.go_on_quitting()
