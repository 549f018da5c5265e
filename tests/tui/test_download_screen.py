"""Downloading an artifact from the screen of its run: the question, the progress, the end, and quitting meanwhile."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mlaudit.domain.errors import BackendCrashed
from mlaudit.domain.models import ArtifactStream
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.download import CancelDownload, PollDownload, StartDownload
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.download import DownloadDialog
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from tests.plugins.screen_tools import Handle, app_on, see, told, until


class Pausing(MemoryGateway):
    """Gives half of each file, then waits for ``go``."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    @contextmanager
    def _open(self, run_id: str, path: str) -> Iterator[ArtifactStream]:
        content = self._stored(run_id).artifacts[path]

        def chunks() -> Iterator[bytes]:
            yield content[: len(content) // 2]
            assert self.go.wait(20)
            yield content[len(content) // 2 :]

        yield ArtifactStream(chunks(), len(content))

    def open_artifact(
        self, run_id: str, path: str, whole_most: int | None = None
    ) -> AbstractContextManager[ArtifactStream]:
        return self._open(run_id, path)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which is where downloads go when nothing else is said."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@asynccontextmanager
async def at_artifacts(**options: Any) -> AsyncIterator[tuple[Pilot[Any], Pausing]]:
    """The app with the cursor on ``model.bin`` of 4 kB, below the folder ``logs``."""
    store = Pausing()
    files = {"logs/a.txt": b"a" * 10, "logs/b.txt": b"b" * 20, "model.bin": b"m" * 4000}
    run_id = store.add_run(store.add_experiment("exp"), artifacts=files, model=False)
    app = app_on(store, **options)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await see(pilot, "exp")
        app.show_run(run_id)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await see(pilot, "Artifacts")
        await pilot.press("5")
        tree = app.screen.query_one(ArtifactTree)
        await until(pilot, lambda: tree.path == "logs")
        await pilot.press("j")
        yield pilot, store
        store.go.set()


async def test_a_file_into_the_folder_that_is_named(here: Path) -> None:
    (here / "to").mkdir()
    async with at_artifacts() as (pilot, store):
        await pilot.press("o")
        await see(pilot, "Download the file model.bin, 4.0 kB", str(here)[:20])
        pilot.app.screen.query_one(Input).value = "to"
        await pilot.press("enter")
        await see(pilot, "Downloading model.bin", "into ", str(here)[:40], " 50%", "2.0 kB of 4.0 kB")
        assert not (here / "to" / "model.bin").exists()
        store.go.set()
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await see(pilot, "Downloaded 4.0 kB:")
        assert (here / "to" / "model.bin").read_bytes() == b"m" * 4000
        assert [p.name for p in (here / "to").iterdir()] == ["model.bin"]


async def test_a_folder(here: Path) -> None:
    async with at_artifacts() as (pilot, store):
        store.go.set()
        await pilot.press("k", "o")
        await see(pilot, "Download the folder logs")
        await pilot.press("enter")
        await see(pilot, "Downloaded 2 files, 30 B:")
        assert {p.name: p.read_bytes()[:1] for p in (here / "logs").iterdir()} == {"a.txt": b"a", "b.txt": b"b"}


async def test_what_cannot_be_is_told_at_once(here: Path) -> None:
    (here / "model.bin").write_text("mine")
    async with at_artifacts() as (pilot, _):
        await pilot.press("o", "enter")
        await see(pilot, "exists already")
        pilot.app.screen.query_one(Input).value = "no/where"
        await pilot.press("enter")
        await see(pilot, "there is no folder")
        pilot.app.screen.query_one(Input).value = " "
        await pilot.press("enter")
        await see(pilot, "the name of a folder is needed")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    assert (here / "model.bin").read_text() == "mine"


async def test_cancelled_it_leaves_nothing(here: Path) -> None:
    let_go: list[Callable[[], None]] = []

    def around(handle: Handle) -> Handle:
        def answer(request: Any) -> Any:
            if isinstance(request, CancelDownload):
                # What is waited for comes on its way only when nobody wants it any more.
                threading.Timer(0.1, let_go[0]).start()
            return handle(request)

        return answer

    async with at_artifacts(around=around) as (pilot, store):
        let_go.append(store.go.set)
        await pilot.press("o", "enter")
        await see(pilot, " 50%")
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await see(pilot, "The download was cancelled")
        assert list(here.iterdir()) == []


async def test_it_goes_on_behind_other_screens(here: Path) -> None:
    """``o`` shows it again, even where nothing can be downloaded."""
    async with at_artifacts() as (pilot, store):
        await pilot.press("o", "enter")
        await see(pilot, " 50%")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("k", "o")
        await see(pilot, "Downloading model.bin", " 50%")
        await pilot.press("enter", "escape", "escape")
        store.go.set()
        await see(pilot, "Downloaded 4.0 kB:")
        assert (here / "model.bin").stat().st_size == 4000


async def test_quitting_asks_first(here: Path) -> None:
    async with at_artifacts() as (pilot, store):
        await pilot.press("o", "enter")
        await see(pilot, " 50%")
        await pilot.press("escape", "q")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await see(pilot, "Drop the download?", "2.0 kB so far")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("right", "enter")
        store.go.set()
        await until(pilot, lambda: not pilot.app.is_running or pilot.app._exit)
        assert list(here.iterdir()) == []


def refusing(lost: bool) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Answers of a worker that takes nothing away; ``lost``: and knows of no download."""

    def around(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def answer(request: Any) -> Any:
            if isinstance(request, CancelDownload):
                raise BackendCrashed("memory", "it was killed")
            return handle(PollDownload("unknown") if lost and isinstance(request, PollDownload) else request)

        return answer

    return around


async def test_what_could_not_be_taken_away_is_named(here: Path) -> None:
    async with at_artifacts(around=refusing(lost=True)) as (pilot, store):
        await pilot.press("o", "enter")
        await until(pilot, lambda: "; what there is of it lies in" in told(pilot))
        assert "nothing is left" not in told(pilot)
        store.go.set()


async def test_what_could_not_be_taken_away_is_named_after_the_end(here: Path) -> None:
    """In the terminal, when mlaudit has quit."""
    async with at_artifacts(around=refusing(lost=False)) as (pilot, store):
        await pilot.press("o", "enter")
        await see(pilot, " 50%")
        await pilot.press("escape", "q")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("right", "enter")
        await until(pilot, lambda: pilot.app._exit)
        (said,) = pilot.app._exit_renderables
        assert str(here) in str(said)
        assert ".model.bin.mlaudit-" in str(said)
        store.go.set()


async def test_a_worker_that_was_started_anew_is_told(here: Path) -> None:
    """What the one before has left is taken away."""
    lost = False

    def around(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def answer(request: Any) -> Any:
            return handle(PollDownload("unknown") if lost and isinstance(request, PollDownload) else request)

        return answer

    async with at_artifacts(around=around) as (pilot, store):
        await pilot.press("o", "enter")
        await see(pilot, " 50%")
        lost = True
        store.go.set()
        await see(pilot, "Not downloaded: ")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


async def test_all_artifacts_from_the_other_panes(here: Path) -> None:
    """Into a folder that is named after the run."""
    async with at_artifacts() as (pilot, store):
        store.go.set()
        await pilot.press("1", "o")
        await see(pilot, "Download all artifacts of the run")
        await pilot.press("enter")
        await see(pilot, "Downloaded 3 files,")
        (folder,) = here.iterdir()
        assert folder.name.startswith("run-")
        found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert found == {"logs/a.txt", "logs/b.txt", "model.bin"}


async def test_a_second_enter_before_the_answer_begins_nothing_more() -> None:
    go, asked = threading.Event(), list[Any]()

    def around(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def answer(request: Any) -> Any:
            if isinstance(request, StartDownload):
                asked.append(request)
                assert go.wait(20)
            return handle(request)

        return answer

    async with at_artifacts(around=around) as (pilot, _):
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, DownloadDialog))
        dialog = pilot.app.screen
        assert isinstance(dialog, DownloadDialog)
        await pilot.press("enter")
        await until(pilot, lambda: asked)
        await pilot.press("enter")
        go.set()
        await until(pilot, lambda: dialog._live is not None)
        assert len(asked) == 1
