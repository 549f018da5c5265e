"""The overview of a run: where its code came from, what it was trained with, and its note."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from textual.pilot import Pilot

from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.models import Run
from mlaudit.domain.text import clean
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.run_environment import MOST_FOLDERS, FindEnvironment, find_environment
from mlaudit.tui.screens.run import RunScreen
from mlaudit.tui.widgets.markdown_text import MarkdownText
from mlaudit.tui.widgets.run_overview import RunOverview, identity_rows, source_rows
from tests.plugins.screen_tools import app_on, see, text_of, until

COMMIT = {"mlflow.source.git.commit": "0123456789abcdef"}


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def source(tags: Mapping[str, str]) -> dict[str, str]:
    """The rows of a run's source as plain text."""
    return {name: str(value) for name, value in source_rows(Run("r", "0", "", "FINISHED", tags=tags))}


class TestSource:
    @pytest.mark.parametrize("tag", ["mlflow.source.git.dirty", "mlaudit.git.dirty"])
    def test_a_commit_is_not_all_of_the_code_where_the_tree_had_changes(self, tag: str) -> None:
        assert source(COMMIT | {tag: "true"})["work tree"].startswith(
            "DIRTY: it had changes that are not in the commit;"
        )
        assert source(COMMIT | {tag: "True", "mlflow.source.git.diff": "+x"})["work tree"].endswith("diff has them")
        assert source(COMMIT | {tag: "false"})["work tree"] == "clean"

    def test_what_is_missing_is_said(self) -> None:
        assert source(COMMIT)["work tree"].startswith("not recorded")
        assert source({})["commit"].startswith("not recorded")
        assert source({})["host"].startswith("not recorded")
        assert source({"hostname": "gpu-7"})["host"] == "gpu-7"
        assert source({"mlflow.docker.image.uri": "x:1"})["image"] == "x:1"


@pytest.mark.parametrize(
    ("start", "end", "started", "ended"),
    [
        (60_000, 61_000, "1970-01-01 00:01 UTC", "1970-01-01 00:01 UTC, after 1.0s"),
        (None, 60_000, "—", "1970-01-01 00:01 UTC"),
        (60_000, None, "1970-01-01 00:01 UTC", "—"),
    ],
)
def test_a_time_that_is_missing_has_no_zone(start: int | None, end: int | None, started: str, ended: str) -> None:
    rows = dict(identity_rows(Run("r", "0", "", "FINISHED", start_time=start, end_time=end), "churn"))
    assert (rows["started"], rows["ended"]) == (started, ended)


def test_environment_files_are_looked_for_with_each_model() -> None:
    store = MemoryGateway()
    files = {"requirements.txt": b"a", "m/conda.yaml": b"bb", "m/deep/conda.yaml": b"", "other/x.txt": b""}
    many = {f"f{i:02}/requirements.txt": b"" for i in range(20)}
    exp = store.add_experiment("x")
    found = find_environment(store, FindEnvironment(store.add_run(exp, artifacts=files, model=False)))
    assert [(f.path, f.size) for f in found.files] == [("requirements.txt", 1), ("m/conda.yaml", 2)]
    found = find_environment(store, FindEnvironment(store.add_run(exp, artifacts=many, model=False)))
    assert (len(found.files), found.skipped) == (MOST_FOLDERS, 20 - MOST_FOLDERS)


@asynccontextmanager
async def overview_of(
    tags: Mapping[str, str], files: Mapping[str, bytes] | None = None, *, store: MemoryGateway | None = None
) -> AsyncIterator[tuple[Pilot[Any], RunOverview]]:
    """The overview of a run with these tags and artifacts."""
    store = store or MemoryGateway()
    run_id = store.add_run(store.add_experiment("exp"), tags=dict(tags), artifacts=files or {}, model=False)
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "exp")
        app.show_run(run_id)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await see(pilot, "FINISHED")
        yield pilot, app.screen.query_one(RunOverview)


async def test_the_environment_stands_there() -> None:
    async with overview_of({}, {"model/requirements.txt": b"mlflow\n", "model/MLmodel": b""}) as (pilot, _):
        await pilot.press("G")
        await see(pilot, "Environment files", "model/requirements.txt  7 B")
    async with overview_of({}) as (pilot, _):
        await pilot.press("G")
        await see(pilot, "none: which packages it was trained with is not recorded")


async def test_a_store_that_lists_no_artifacts_hides_nothing_else() -> None:
    store = MemoryGateway()
    store.fail = lambda method: StoreUnavailable("memory", "bucket is gone") if method == "list_artifacts" else None
    async with overview_of({}, store=store) as (pilot, _):
        await pilot.press("G")
        await see(pilot, "not known: memory: bucket is gone", "Datasets")


async def test_a_note_is_laid_out_and_obeys_nobody() -> None:
    note = "# Why\n\nA **bold** claim:\n\n- one\n- [two](http://evil.example/)\n\n"
    note += "[/x] [@click=app.quit]quit[/] \x1b[2J&#x202e;\n"
    async with overview_of({"mlflow.note.content": note}) as (pilot, overview):
        await pilot.press("G")
        await see(pilot, "Note", "A bold claim:", " • one", "two (http://evil.example/)", "[@click=app.quit]quit[/]")
        await see(pilot, "␛[2J�")
        assert "**" not in text_of(pilot)
        segments = [s for strip in pilot.app.screen._compositor.render_strips() for s in strip]
        assert not any(s.style and (s.style.link or "@click" in s.style.meta) for s in segments if "two" in s.text)
        await pilot.press("g")
        await until(pilot, lambda: overview.scroll_offset.y == 0)


async def test_a_run_without_a_note_has_no_title_for_it() -> None:
    async with overview_of({}) as (pilot, _):
        await pilot.press("G")
        await see(pilot, "Environment files")
        assert "Note" not in text_of(pilot)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *("&#x202e;", "&#x200b;", "&#27;", "&#155;", "&Tab;", "&NewLine;", "# ", "- ", "`", "```\n"),
                *("\n", "\n\n", "*", "a", "[a](http://x/&#x202e;)", "![b](c)", "<http://x/>"),
                *("[@click=app.quit]", "|", "---", "> ", "[/x]", "é"),
            ]
        ),
        max_size=40,
    ).map("".join)
)
def test_laid_out_it_holds_nothing_that_a_terminal_would_obey(text: str) -> None:
    """Entities become characters only after the gateway has cleaned the text; and there is no link."""
    console = Console(width=60, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for segment in console.render(MarkdownText(text)):
        for line in segment.text.split("\n"):
            assert clean(line) == line
        assert segment.style is None or not segment.style.link
