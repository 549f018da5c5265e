"""Opening an artifact with another program, and a run's page in a browser: what is opened, asked about, refused."""

from __future__ import annotations

import errno
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mlaudit.domain.models import StoreKind
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui import outside
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from tests.plugins.screen_tools import app_on, see, until


def having(*programs: str) -> outside.Which:
    """A look-up that finds only these programs."""
    return lambda name: f"/bin/{name}" if name in programs else None


class TestWhatThereIs:
    @pytest.mark.parametrize(
        ("environ", "platform", "found"),
        [
            ({}, "linux", None),
            ({"DISPLAY": ":0"}, "linux", ["xdg-open"]),
            ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", ["xdg-open"]),
            ({"SSH_CONNECTION": "x"}, "linux", None),
            ({"SSH_CONNECTION": "x", "DISPLAY": "localhost:10"}, "linux", ["xdg-open"]),
            ({}, "darwin", ["open"]),
            ({"SSH_CONNECTION": "x"}, "darwin", None),
            ({"WSL_DISTRO_NAME": "Debian"}, "linux", ["wslview"]),
        ],
    )
    def test_to_open_with(self, environ: dict[str, str], platform: str, found: list[str] | None) -> None:
        assert outside.opener(environ, platform, having("xdg-open", "open", "wslview")) == found

    def test_without_the_program_a_display_is_none(self) -> None:
        assert outside.opener({"DISPLAY": ":0"}, "linux", having()) is None

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ("most -s", ["most", "-s"]),
            ("", ["less"]),
            ("missing", ["less"]),
            ("'unclosed", ["less"]),
        ],
    )
    def test_to_read_with(self, wanted: str, found: list[str]) -> None:
        assert outside.pager({"PAGER": wanted}, having("most", "less", "more")) == found
        assert outside.pager({}, having()) is None

    @pytest.mark.parametrize(
        ("uri", "page"),
        [
            ("http://host:5000", "http://host:5000/#/experiments/1/runs/r"),
            ("https://***@host/mlflow/", "https://host/mlflow/#/experiments/1/runs/r"),
            ("https://host?token=***", "https://host/#/experiments/1/runs/r"),
        ],
    )
    def test_a_runs_page_has_no_credentials(self, uri: str, page: str) -> None:
        assert outside.page_of_run(uri, "1", "r") == page

    def test_a_pager_gets_nothing_that_it_might_obey(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "a.log"
        file.write_bytes(b"one\r\n\x1b[2Jtwo\x1b]52;c;eA==\x07\n")
        copy = outside.printable_copy(file)
        assert copy is not None
        assert copy.read_text() == "one\n␛[2Jtwo␛]52;c;eA==␇\n"
        monkeypatch.setattr(outside, "PAGED_BYTES", 5)
        assert outside.printable_copy(file) is not None
        assert copy.read_text() == "one\n\n… the file goes on; these are its first 5 B\n"
        file.write_bytes(b"\x00\x01")
        assert outside.printable_copy(file) is None

    @pytest.mark.parametrize(
        ("name", "started"),
        [
            *(("a/run.JS", True), ("x.hta", True), ("x.exe.", True), ("x.exe ", True), ("x.txt. .", True)),
            *(("x.txt", False), ("js", False), ("a.b/x.json", False)),
        ],
    )
    def test_what_starts_a_program(self, name: str, started: bool) -> None:
        assert outside.is_started(name) == started

    def test_a_name_may_be_as_long_as_they_get(self, tmp_path: Path) -> None:
        file = tmp_path / ("n" * 250 + ".log")
        file.write_bytes(b"one\n")
        copy = outside.printable_copy(file)
        assert copy is not None
        assert copy.read_text() == "one\n"

    def test_the_folder_is_private_and_goes_away(self) -> None:
        place = outside.Outside()
        one, two = place.new_folder(), place.new_folder()
        assert one != two
        assert one.parent.stat().st_mode & 0o777 == 0o700
        (one / "x").write_text("x")
        place.close()
        assert not one.parent.exists()


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A display, and a program that notes what it is to open and keeps a copy of it."""
    monkeypatch.chdir(tmp_path)
    noted = tmp_path / "noted"
    noted.mkdir()
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    copy = f"import sys, shutil, os\nname = sys.argv[1]\nopen({str(noted / 'argument')!r}, 'w').write(name)\n"
    copy += f"if os.path.exists(name): shutil.copy(name, {str(noted)!r})\n"
    program.write_text(f"#!{sys.executable}\n{copy}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("WSL_DISTRO_NAME", raising=False)
    return noted


class Served(MemoryGateway):
    """Looks like a tracking server's."""

    def __init__(self) -> None:
        super().__init__()
        self._info = replace(self._info, kind=StoreKind.SERVER, uri="http://***@host:5000")


@asynccontextmanager
async def at(path: str, store: MemoryGateway | None = None) -> AsyncIterator[Pilot[Any]]:
    """The artifacts of a run with the cursor on this path."""
    store = store or MemoryGateway()
    files = {"a.log": b"\x1b[2Jhello\n", "b.html": b"<script>", "c.desktop": b"[x]", "d.bin": b"\x00", "sub/x": b""}
    run_id = store.add_run(store.add_experiment("exp"), artifacts=files, model=False)
    app = app_on(store)
    async with app.run_test(size=(140, 30), notifications=True) as pilot:
        await see(pilot, "exp")
        app.show_run(run_id)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await see(pilot, "Artifacts")
        await pilot.press("5")
        tree = app.screen.query_one(ArtifactTree)
        await until(pilot, lambda: tree.cursor_node is not None and tree.has_focus)
        while tree.path != path:
            await pilot.press("j")
        yield pilot


async def test_what_is_only_looked_at_is_opened_at_once(opened: Path) -> None:
    """A copy of it, in a private folder that does not outlive the app."""
    async with at("a.log") as pilot:
        await pilot.press("O")
        copy = opened / "a.log"
        await until(pilot, lambda: copy.exists() and copy.read_bytes() == b"\x1b[2Jhello\n")
        place = Path((opened / "argument").read_text())
        assert place.exists()
        assert place.parent.parent.stat().st_mode & 0o777 == 0o700
    assert not place.exists()


async def test_what_a_program_might_obey_is_asked_about(opened: Path) -> None:
    async with at("b.html") as pilot:
        await pilot.press("O")
        await see(pilot, "Open with xdg-open?", "b.html, 8 B")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert not (opened / "argument").exists()
        await pilot.press("O")
        await see(pilot, "Open with xdg-open?")
        await pilot.press("right", "enter")
        await until(pilot, (opened / "b.html").exists)


async def test_what_starts_a_program_is_not_opened(opened: Path) -> None:
    async with at("c.desktop") as pilot:
        await pilot.press("O")
        await see(pilot, "could start a program")
        await pilot.pause(0.2)
    assert not (opened / "argument").exists()


async def test_a_folder_is_not_opened(opened: Path) -> None:
    async with at("sub") as pilot:
        await pilot.press("O")
        await see(pilot, "Only a file can be opened")


async def test_without_a_display_the_pager_is_offered(opened: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for what is no text; where there is no pager either, that is said."""
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    async with at("d.bin") as pilot:
        await pilot.press("O")
        await see(pilot, "no pager either")
    monkeypatch.setenv("PAGER", "xdg-open")
    async with at("d.bin") as pilot:
        await pilot.press("O")
        await see(pilot, "Read it in the pager?", "There is no display here")
        await pilot.press("right", "enter")
        await see(pilot, "is no text")
        assert not (opened / "argument").exists()
        await pilot.press("O", "escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmDialog))


async def test_a_full_disk_is_told(opened: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy for the pager cannot be written."""

    def full(path: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("PAGER", "xdg-open")
    monkeypatch.setattr(outside, "printable_copy", full)
    async with at("a.log") as pilot:
        await pilot.press("O")
        await see(pilot, "Read it in the pager?")
        await pilot.press("right", "enter")
        await see(pilot, "could not be made ready", "No space left")
    assert not (opened / "argument").exists()


async def test_a_runs_page(opened: Path) -> None:
    """Copied as well, for whoever sits elsewhere; where no server is there is none."""
    async with at("a.log", Served()) as pilot:
        await pilot.press("1", "O")
        await until(pilot, lambda: (opened / "argument").exists() and (opened / "argument").read_text())
        address = (opened / "argument").read_text()
        assert address.startswith("http://host:5000/#/experiments/")
        assert pilot.app.clipboard == address
    async with at("a.log") as pilot:
        await pilot.press("1", "O")
        await see(pilot, "Only a tracking server has web pages")
