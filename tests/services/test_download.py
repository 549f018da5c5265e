"""Artifacts as files: whole or not at all, nothing overwritten, nothing outside the folder, stopped at any time."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from mlaudit.domain.errors import DownloadRefused, StoreUnavailable
from mlaudit.domain.models import Artifact, ArtifactStream
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.download import (
    CancelDownload,
    Download,
    Downloads,
    DownloadState,
    Phase,
    PollDownload,
    StartDownload,
    _words,
    safe_name,
)

FILES = {"a.txt": b"hello", "sub/b.bin": bytes(range(256)) * 10, "sub/deep/c.txt": b"", "sub/\x1b[2J.txt": b"evil"}


class Slow(MemoryGateway):
    """Gives ten bytes at a time, and waits for ``go`` before the third time."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.waiting = threading.Event()
        self.short = False
        self.listed: tuple[Artifact, ...] | None = None

    @contextmanager
    def _slow(self, run_id: str, path: str) -> Iterator[ArtifactStream]:
        content = self._stored(run_id).artifacts[path]

        def chunks() -> Iterator[bytes]:
            for at in range(0, len(content) // (2 if self.short else 1), 10):
                if at == 20:
                    self.waiting.set()
                    assert self.go.wait(20)
                yield content[at : at + 10]

        yield ArtifactStream(chunks(), len(content))

    def open_artifact(
        self, run_id: str, path: str, whole_most: int | None = None
    ) -> AbstractContextManager[ArtifactStream]:
        return self._slow(run_id, path)

    def list_artifacts(self, run_id: str, path: str = "") -> tuple[Artifact, ...]:
        return super().list_artifacts(run_id, path) if self.listed is None else self.listed


def store_with(store: MemoryGateway, files: dict[str, bytes]) -> str:
    """A run with these artifacts."""
    return store.add_run(store.add_experiment("x"), artifacts=files, model=False)


def ended(downloads: Downloads, download: Download) -> DownloadState:
    """How it ended."""
    end = time.monotonic() + 20
    while not (state := downloads.poll(PollDownload(download.download_id))).ended:
        assert time.monotonic() < end
        time.sleep(0.001)
    return state


def below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_file_and_a_folder(tmp_path: Path) -> None:
    """Names that a terminal would obey are written as they are shown."""
    store = MemoryGateway()
    run_id = store_with(store, FILES)
    downloads = Downloads(lambda: store)
    one = downloads.start(StartDownload(run_id, "a.txt", False, str(tmp_path)))
    assert (one.target, one.shown) == (str(tmp_path / "a.txt"), str(tmp_path / "a.txt"))
    state = ended(downloads, one)
    assert (state.phase, state.done, state.total, state.files_done, state.files) == (Phase.DONE, 5, 5, 1, 1)
    state = ended(downloads, downloads.start(StartDownload(run_id, "sub", True, str(tmp_path))))
    assert (state.phase, state.done, state.total, state.files_done, state.files) == (Phase.DONE, 2564, 2564, 3, 3)
    assert below(tmp_path) == {
        "a.txt": b"hello",
        "sub/b.bin": FILES["sub/b.bin"],
        "sub/deep/c.txt": b"",
        "sub/␛[2J.txt": b"evil",
    }


def test_everything(tmp_path: Path) -> None:
    store = MemoryGateway()
    run_id = store_with(store, FILES)
    downloads = Downloads(lambda: store)
    state = ended(downloads, downloads.start(StartDownload(run_id, "", True, str(tmp_path))))
    assert (state.phase, state.files_done) == (Phase.DONE, 4)
    assert set(below(tmp_path / f"run-{run_id}")) == {"a.txt", "sub/b.bin", "sub/deep/c.txt", "sub/␛[2J.txt"}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Neither what was there at the start, nor a link to nowhere, nor what came while the download went on."""
    store = Slow()
    run_id = store_with(store, {"a.txt": b"x" * 50, "b.txt": b"y", "sub/c.txt": b"x" * 50})
    downloads = Downloads(lambda: store)
    (tmp_path / "b.txt").write_text("mine")
    os.symlink("/nowhere", tmp_path / "b2.txt")
    with pytest.raises(DownloadRefused, match="exists already"):
        downloads.start(StartDownload(run_id, "b.txt", False, str(tmp_path)))
    with pytest.raises(DownloadRefused, match="exists already"):
        downloads.start(StartDownload(run_id, "b2.txt", False, str(tmp_path)))
    for path, is_dir in (("a.txt", False), ("sub", True)):
        store.go.clear()
        store.waiting.clear()
        download = downloads.start(StartDownload(run_id, path, is_dir, str(tmp_path)))
        assert store.waiting.wait(10)
        (tmp_path / path).write_text("mine too")
        store.go.set()
        state = ended(downloads, download)
        assert (state.phase, "nothing is overwritten" in state.problem) == (Phase.FAILED, True)
    assert below(tmp_path) == {"b.txt": b"mine", "a.txt": b"mine too", "sub": b"mine too"}


def test_cancelled_it_leaves_nothing(tmp_path: Path) -> None:
    """While it is under way there is nothing under the final name either."""
    store = Slow()
    run_id = store_with(store, {"a.txt": b"x" * 50, "sub/c.txt": b"x" * 50})
    downloads = Downloads(lambda: store)
    for path, is_dir in (("a.txt", False), ("sub", True)):
        store.go.clear()
        store.waiting.clear()
        download = downloads.start(StartDownload(run_id, path, is_dir, str(tmp_path)))
        assert store.waiting.wait(10)
        state = downloads.poll(PollDownload(download.download_id))
        assert (state.phase, state.done, state.total) == (Phase.RUNNING, 20, 50)
        assert not (tmp_path / path).exists()
        assert list(tmp_path.iterdir()) == [Path(download.staging)]
        store.go.set()
        assert downloads.cancel(CancelDownload(download)).phase is Phase.CANCELLED
        assert list(tmp_path.iterdir()) == []


def test_a_store_that_hangs_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it gives later goes nowhere."""
    monkeypatch.setattr("mlaudit.services.download.GRACE", 0.05)
    store = Slow()
    run_id = store_with(store, {"sub/c.txt": b"x" * 50, "sub/d.txt": b"x"})
    downloads = Downloads(lambda: store)
    download = downloads.start(StartDownload(run_id, "sub", True, str(tmp_path)))
    assert store.waiting.wait(10)
    assert downloads.cancel(CancelDownload(download)).phase is Phase.CANCELLED
    assert list(tmp_path.iterdir()) == []
    store.go.set()
    downloads._jobs[download.download_id].thread.join(10)
    assert list(tmp_path.iterdir()) == []


def test_another_process_clears_up_after_one_that_was_killed(tmp_path: Path) -> None:
    """Only what has the form of a download's own name."""
    store = Slow()
    run_id = store_with(store, {"sub/c.txt": b"x" * 50})
    download = Downloads(lambda: store).start(StartDownload(run_id, "sub", True, str(tmp_path)))
    assert store.waiting.wait(10)
    others = Downloads(lambda: store)
    assert others.poll(PollDownload(download.download_id)).phase is Phase.LOST
    assert others.cancel(CancelDownload(download)).phase is Phase.CANCELLED
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").write_text("mine")
    others.cancel(CancelDownload(Download("x", "", str(tmp_path / "mine"), "")))
    assert below(tmp_path) == {"mine": b"mine"}
    store.go.set()


def test_an_answer_that_ends_early_is_no_file(tmp_path: Path) -> None:
    store = Slow()
    store.short = True
    store.go.set()
    run_id = store_with(store, {"a.txt": b"x" * 100})
    downloads = Downloads(lambda: store)
    state = ended(downloads, downloads.start(StartDownload(run_id, "a.txt", False, str(tmp_path))))
    assert state.phase is Phase.FAILED
    assert "only 50 of 100 bytes came" in state.problem
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_fails_is_told(tmp_path: Path) -> None:
    store = MemoryGateway()
    run_id = store_with(store, FILES)
    store.fail = lambda method: StoreUnavailable("memory", "no route") if method == "open_artifact" else None
    downloads = Downloads(lambda: store)
    state = ended(downloads, downloads.start(StartDownload(run_id, "sub", True, str(tmp_path))))
    assert (state.phase, state.problem) == (Phase.FAILED, "memory: no route")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "listed",
    [
        (Artifact("x", "../x", False, 1),),
        (Artifact("x", "/etc/x", False, 1),),
        (Artifact("x", "sub/../../x", False, 1),),
        (Artifact("x", "sub/..", False, 1),),
        (Artifact("x", "sub/a\\..\\x", False, 1),),
        (Artifact("x", "other/x", False, 1),),
        (Artifact("x", "sub", True),),
        (Artifact("x", "sub/x", False, 1), Artifact("x", "sub/x", False, 1)),
        (Artifact("x", "sub/x", False, 1), Artifact("x", "sub/x/y", False, 1)),
    ],
)
def test_a_store_that_lies_about_names_writes_nothing(tmp_path: Path, listed: tuple[Artifact, ...]) -> None:
    """Paths that lead out, a folder within itself, a name twice, a file that is a folder too."""
    store = Slow()
    store.go.set()
    run_id = store_with(store, {entry.raw_path: b"1" for entry in listed})
    store.listed = listed
    folder = tmp_path / "in"
    folder.mkdir()
    downloads = Downloads(lambda: store)
    state = ended(downloads, downloads.start(StartDownload(run_id, "sub", True, str(folder))))
    assert state.phase is Phase.FAILED
    assert state.problem
    assert below(tmp_path) == {}


@pytest.mark.parametrize("name", ["", ".", "..", " ", "a/b", "a\\b"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(DownloadRefused):
        safe_name(name)


def test_the_folder_must_be_one(tmp_path: Path) -> None:
    store = MemoryGateway()
    run_id = store_with(store, FILES)
    downloads = Downloads(lambda: store)
    for folder in ("relative", str(tmp_path / "missing"), "a\x00b", "/dev/null"):
        with pytest.raises(DownloadRefused, match=r"there is no folder|null"):
            downloads.start(StartDownload(run_id, "a.txt", False, folder))
    state = ended(downloads, downloads.start(StartDownload(run_id, "gone.txt", False, str(tmp_path))))
    assert (state.phase, "has no file 'gone.txt'" in state.problem) == (Phase.FAILED, True)


def test_more_than_there_is_room_for_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage: Callable[[object], object] = lambda _: shutil._ntuple_diskusage(100, 99, 1)  # type: ignore[attr-defined] # noqa: E731
    monkeypatch.setattr("mlaudit.services.download.shutil.disk_usage", usage)
    store = MemoryGateway()
    run_id = store_with(store, FILES)
    downloads = Downloads(lambda: store)
    state = ended(downloads, downloads.start(StartDownload(run_id, "a.txt", False, str(tmp_path))))
    assert (state.phase, state.problem) == (Phase.FAILED, "5 B are too much: there are 1 B free")


def test_a_full_disk_is_told() -> None:
    """On the device that is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with pytest.raises(OSError) as caught, open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    assert _words(caught.value) == "not written: the disk is full"
