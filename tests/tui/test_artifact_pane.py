"""The artifacts of a run on its screen: what the cursor rests on is shown beside the tree, or in its place by enter."""

from __future__ import annotations

import io
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from mlaudit.domain.errors import ArtifactTooLarge, StoreUnavailable
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.preview import PreviewArtifact
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from mlaudit.tui.widgets.preview_view import PreviewView
from tests.plugins.screen_tools import Handle, app_on, see, text_of, until

WIDE, NARROW = (160, 45), (80, 24)
FILES: Mapping[str, bytes] = {
    "a.json": b'{"tn":9700,"fp":[41,1e-07]}',
    "b.csv": b"id,amount\n" + b"".join(b"%d,%d\n" % (i, 100 - i) for i in range(60)),
    "c.log": b"\x1b[2Jhello [/x] [@click=app.quit]no[/]\n" + b"line\n" * 200 + b"w" * 500 + b"\n",
    "d.md": b"# The title\n\nSee [here](http://example.org/x) and &#x202e;not.\n",
    "e.pkl": b"\x80\x04cos\nsystem\n(V1\ntR.",
    "f.png": b"",
    "g.png": b"\x89PNG broken",
    "sub/MLmodel": b"flavors: {sklearn: {sklearn_version: 1.5}}\n",
    "sub/conda.yaml": b"name: x\n",
}


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def store_with(files: Mapping[str, bytes] = FILES) -> tuple[MemoryGateway, str]:
    """A store with one run that has these artifacts."""
    image = pytest.importorskip("PIL.Image").new("RGB", (40, 20), (10, 200, 30))
    file = io.BytesIO()
    image.save(file, "PNG")
    store = MemoryGateway()
    artifacts = dict(files) | ({"f.png": file.getvalue()} if "f.png" in files else {})
    return store, store.add_run(store.add_experiment("exp"), name="the run", artifacts=artifacts, model=False)


@asynccontextmanager
async def artifacts_of(
    store: MemoryGateway, run_id: str, size: tuple[int, int], **options: Any
) -> AsyncIterator[tuple[Pilot[Any], ArtifactTree, PreviewView]]:
    """The app with the artifacts of one run, the cursor on the first."""
    app = app_on(store, **options)
    async with app.run_test(size=size) as pilot:
        await see(pilot, "exp")
        app.show_run(run_id)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await see(pilot, "Artifacts")
        await pilot.press("5")
        tree = app.screen.query_one(ArtifactTree)
        await until(pilot, lambda: tree.cursor_node is not None and tree.has_focus)
        yield pilot, tree, app.screen.query_one(PreviewView)


async def go(pilot: Pilot[Any], tree: ArtifactTree, path: str) -> None:
    """Move the cursor down to a path."""
    for _ in range(30):
        if tree.path == path:
            return
        await pilot.press("j")
    raise AssertionError(f"no {path} in the tree:\n{text_of(pilot)}")


class TestBeside:
    async def test_each_kind_of_file(self) -> None:
        store, run_id = store_with()
        async with artifacts_of(store, run_id, WIDE) as (pilot, tree, _):
            await see(pilot, "sub/ is a folder: enter opens it")
            await go(pilot, tree, "a.json")
            await see(pilot, '  "tn": 9700,', "    1e-07", "a.json · 27 B")
            await go(pilot, tree, "b.csv")
            await see(pilot, "id  amount", " 9      91")
            await go(pilot, tree, "c.log")
            await see(pilot, "␛[2Jhello [/x] [@click=app.quit]no[/]")
            await go(pilot, tree, "d.md")
            await see(pilot, "The title", "here (http://example.org/x)", "�not")
            await go(pilot, tree, "e.pkl")
            await see(pilot, "a pickle: it could run code, and is never loaded", "80 04 63 6f 73")
            await go(pilot, tree, "f.png")
            await see(pilot, "40x20 pixels", "▀" * 80)
            await go(pilot, tree, "g.png")
            await see(pilot, "no readable PNG or JPEG picture")
            assert "▀▀" not in text_of(pilot)
            assert "\x1b" not in text_of(pilot)

    async def test_the_models_description(self) -> None:
        store, run_id = store_with()
        async with artifacts_of(store, run_id, WIDE) as (pilot, tree, _):
            await pilot.press("enter")
            await see(pilot, "MLmodel  43 B")
            await go(pilot, tree, "sub/MLmodel")
            await see(pilot, "Flavors", "version 1.5", "no signature", "conda.yaml 8 B", "The file")

    async def test_enter_goes_in_and_escape_comes_back(self) -> None:
        """There the keys scroll, sideways too, and a table's header stays."""
        store, run_id = store_with()
        async with artifacts_of(store, run_id, WIDE) as (pilot, tree, view):
            await go(pilot, tree, "b.csv")
            await see(pilot, "id  amount")
            await pilot.press("enter")
            await until(pilot, lambda: view.has_focus)
            await pilot.press("G")
            await see(pilot, "59      41", "id  amount")
            await pilot.press("g")
            await see(pilot, " 0     100")
            await pilot.press("escape")
            await until(pilot, lambda: tree.has_focus)
            await go(pilot, tree, "c.log")
            await see(pilot, "hello")
            await pilot.press("enter", "l", "l")
            await until(pilot, lambda: view.scroll_offset.x == 16)

    async def test_a_picture_is_made_for_its_room(self) -> None:
        store, run_id = store_with()
        async with artifacts_of(store, run_id, WIDE) as (pilot, tree, view):
            await go(pilot, tree, "f.png")
            await see(pilot, "▀▀▀")
            await pilot.resize_terminal(112, 30)
            await until(
                pilot, lambda: view.preview and view.preview.picture and view.preview.picture.width <= view.size.width
            )

    async def test_an_answer_that_is_no_longer_wanted_is_dropped(self) -> None:
        """And while it is waited for, no key waits."""
        store, run_id = store_with()
        release = threading.Event()

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if isinstance(request, PreviewArtifact) and request.path == "a.json":
                    release.wait(20)
                return handle(request)

            return answer

        async with artifacts_of(store, run_id, WIDE, around=around) as (pilot, tree, _):
            await go(pilot, tree, "a.json")
            await see(pilot, "reading a.json…")
            await go(pilot, tree, "b.csv")
            await see(pilot, "id  amount")
            release.set()
            await pilot.pause(0.1)
            assert '"tn"' not in text_of(pilot)

    async def test_an_error_that_is_no_longer_wanted_is_dropped(self) -> None:
        """In a narrow terminal nothing else is asked for meanwhile."""
        store, run_id = store_with()
        release, answered = threading.Event(), threading.Event()

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if isinstance(request, PreviewArtifact):
                    release.wait(20)
                    answered.set()
                    raise StoreUnavailable("memory", "no route")
                return handle(request)

            return answer

        async with artifacts_of(store, run_id, NARROW, around=around) as (pilot, tree, view):
            await go(pilot, tree, "a.json")
            await pilot.press("enter")
            await see(pilot, "reading a.json…")
            await pilot.press("escape")
            await until(pilot, lambda: tree.has_focus)
            await go(pilot, tree, "b.csv")
            release.set()
            await until(pilot, lambda: answered.is_set() and not any(w.name == "_load" for w in pilot.app.workers))
            assert not view.can_fetch
            assert "not read" not in str(pilot.app.screen.query_one("#about", Static).render())

    async def test_a_dead_store_is_told_and_asked_again(self) -> None:
        store, run_id = store_with()
        async with artifacts_of(store, run_id, WIDE) as (pilot, tree, _):
            store.fail = lambda method: StoreUnavailable("memory", "no route") if method == "open_artifact" else None
            await go(pilot, tree, "a.json")
            await see(pilot, "not read: memory: no route", "STALE")
            store.fail = lambda _: None
            await pilot.press("enter", "enter")
            await see(pilot, '"tn": 9700')

    async def test_a_large_file_is_fetched_only_when_asked(self) -> None:
        store, run_id = store_with()
        asked: list[bool] = []

        def around(handle: Handle) -> Handle:
            def answer(request: Any) -> Any:
                if isinstance(request, PreviewArtifact) and request.path == "c.log":
                    asked.append(request.fetch)
                    if not request.fetch:
                        store.fail = lambda m: (
                            ArtifactTooLarge("far", "c.log", 5_000_000) if m == "open_artifact" else None
                        )
                try:
                    return handle(request)
                finally:
                    store.fail = lambda _: None

            return answer

        async with artifacts_of(store, run_id, WIDE, around=around) as (pilot, tree, view):
            await go(pilot, tree, "c.log")
            await see(pilot, "c.log: a file of 5.0 MB can only be fetched as a whole")
            await pilot.press("enter")
            await until(pilot, lambda: view.has_focus)
            assert "hello" not in text_of(pilot)
            await pilot.press("enter")
            await see(pilot, "hello [/x]")
            assert asked[-1] is True
            assert asked.count(True) == 1

    async def test_refreshing_reads_it_anew(self) -> None:
        """The tree stays open as it was; a folder that is opened again is asked for again."""
        store, run_id = store_with()
        async with artifacts_of(store, run_id, WIDE) as (pilot, tree, _):
            await pilot.press("enter")
            await see(pilot, "MLmodel  43 B")
            await go(pilot, tree, "a.json")
            await see(pilot, '"tn": 9700')
            store.write_artifact(run_id, "sub/new.txt", "new")
            # As long as it was: else the tree would be another one.
            store.write_artifact(run_id, "a.json", '{"tn": 1234567890123456789}')
            await pilot.press("r")
            await see(pilot, '"tn": 1234567890123456789', "MLmodel")
            assert tree.path == "a.json"
            await pilot.press("g", "enter", "enter")
            await see(pilot, "new.txt  3 B")

    async def test_of_very_many_entries_the_rest_is_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mlaudit.tui.widgets.artifact_tree.MOST_ENTRIES", 5)
        store, run_id = store_with({f"f{i}.txt": b"x" for i in range(9)})
        async with artifacts_of(store, run_id, WIDE) as (pilot, tree, _):
            await see(pilot, "f4.txt", "… and 4 more")
            assert "f5.txt" not in text_of(pilot)
            await pilot.press("G", "o", "O", "y", "enter")
            assert tree.has_focus


class TestInPlace:
    async def test_what_was_read_before_a_refresh_is_read_anew(self) -> None:
        store, run_id = store_with()
        async with artifacts_of(store, run_id, NARROW) as (pilot, tree, view):
            await go(pilot, tree, "a.json")
            await pilot.press("enter")
            await see(pilot, '"tn": 9700')
            await pilot.press("escape")
            await until(pilot, lambda: tree.has_focus)
            store.write_artifact(run_id, "a.json", '{"tn": 1234567890123456789}')
            await pilot.press("r")
            await until(pilot, lambda: view.preview is None)
            await pilot.press("enter")
            await see(pilot, '"tn": 1234567890123456789')

    async def test_enter_shows_it_in_place_of_the_tree(self) -> None:
        store, run_id = store_with()
        async with artifacts_of(store, run_id, NARROW) as (pilot, tree, view):
            await go(pilot, tree, "a.json")
            assert '"tn"' not in text_of(pilot)
            await pilot.press("enter")
            await see(pilot, '"tn": 9700')
            assert "g.png" not in text_of(pilot)
            assert view.has_focus
            await pilot.press("tab", "5")
            await until(pilot, lambda: view.has_focus)
            await pilot.press("escape")
            await see(pilot, "g.png")
            await until(pilot, lambda: tree.has_focus)
            await go(pilot, tree, "f.png")
            await pilot.press("enter")
            await see(pilot, "▀" * 40)
            await pilot.press("y")
            assert pilot.app.clipboard == "f.png"

    async def test_a_terminal_that_grows_shows_both(self) -> None:
        store, run_id = store_with()
        async with artifacts_of(store, run_id, NARROW) as (pilot, tree, _):
            await go(pilot, tree, "a.json")
            await pilot.resize_terminal(150, 40)
            await see(pilot, '"tn": 9700', "g.png")
