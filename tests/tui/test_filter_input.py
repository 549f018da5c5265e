"""The field that takes a filter: what it offers, what it says and when, what it remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.events import Paste
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Label

from mlaudit.config.filter_memory import FilterMemory
from mlaudit.domain.errors import FilterError
from mlaudit.tui.widgets import filter_input
from mlaudit.tui.widgets.completion_list import CompletionList
from mlaudit.tui.widgets.filter_input import FilterInput
from tests.plugins.screen_tools import see, text_of, until

KEYS: dict[str, Any] = {
    "metrics": ["loss", "val_loss", "val auc", "[/x]"],
    "params": ["lr", "optimizer"],
    "tags": ["team"],
    "values": {"params.optimizer": ["adam", "sgd", "[red]x[/red]"]},
}


class FieldApp(App[None]):
    """The field above another widget that can be focused."""

    def __init__(self, memory: FilterMemory | None) -> None:
        super().__init__()
        self.memory = memory
        self.submitted: list[str] = []
        self.left = 0

    def compose(self) -> ComposeResult:
        yield FilterInput()
        yield Input(id="below", placeholder="the table")
        yield Label("rows", id="rows")

    def on_mount(self) -> None:
        field = self.query_one(FilterInput)
        field.set_keys(**KEYS)
        field.set_memory(self.memory)
        field.focus_input()

    def on_filter_input_submitted(self, event: FilterInput.Submitted) -> None:
        self.submitted.append(event.expression)

    def on_filter_input_left(self) -> None:
        self.left += 1


@asynccontextmanager
async def field_app(
    memory: FilterMemory | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], FilterInput, FieldApp]]:
    app = FieldApp(memory)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot, app.query_one(FilterInput), app


@pytest.fixture
def memory(tmp_path: Path) -> FilterMemory:
    return FilterMemory("memory://", ["1"], folder=tmp_path)


async def type_in(pilot: Pilot[Any], text: str) -> None:
    """All but the last character come at once, as pasted: a test's keys take their time."""
    focused = pilot.app.focused
    assert focused is not None
    if text[:-1]:
        focused.post_message(Paste(text[:-1]))
        await pilot.pause()
    names = {" ": "space", ".": "full_stop", "'": "apostrophe", ")": "right_parenthesis", "@": "at"}
    await pilot.press(names.get(text[-1], text[-1]))


def is_open(field: FilterInput) -> bool:
    return field.query_one(CompletionList).is_open


class TestCompletion:
    async def test_a_filter_written_by_choosing(self) -> None:
        """tab goes into the list and takes; after each piece the next ones are offered."""
        async with field_app() as (pilot, field, app):
            await type_in(pilot, "opt")
            await see(pilot, "params.optimizer", "tab or ↓ chooses")
            await pilot.press("tab", "tab")
            assert field.value == "params.optimizer "
            await see(pilot, "LIKE", "IS NOT NULL")
            await pilot.press("down", "enter")
            assert field.value == "params.optimizer = "
            await see(pilot, "'adam'", "[red]x[/red]")
            await pilot.press("down", "down", "enter")
            assert field.value == "params.optimizer = 'sgd' "
            await see(pilot, "AND", "OR")
            await pilot.press("enter")
            assert app.submitted == ["params.optimizer = 'sgd'"]
            assert not is_open(field)

    async def test_keys_that_need_it_come_in_backticks(self) -> None:
        async with field_app() as (pilot, field, _):
            await type_in(pilot, "metrics.au")
            await pilot.press("tab", "enter")
            assert field.value == "metrics.`val auc` "

    async def test_in_the_middle_of_an_expression(self) -> None:
        """Only the word under the cursor is replaced, and the cursor stands behind it."""
        async with field_app() as (pilot, field, _):
            await type_in(pilot, "metrics. > 1")
            await pilot.press(*["left"] * 4, "v", "tab", "tab")
            assert field.value == "metrics.val_loss > 1"
            await type_in(pilot, "X")
            assert field.value == "metrics.val_loss X> 1"

    async def test_enter_submits_while_nobody_is_in_the_list(self) -> None:
        async with field_app() as (pilot, field, app):
            await type_in(pilot, "los")
            assert is_open(field)
            await pilot.press("enter")
            assert app.submitted == ["los"]

    async def test_escape_closes_the_list_first(self) -> None:
        async with field_app() as (pilot, field, app):
            await type_in(pilot, "los")
            await pilot.press("tab", "escape")
            assert (is_open(field), app.left, field.value) == (False, 0, "los")
            await pilot.press("escape")
            assert (app.left, field.value) == (1, "")

    async def test_up_from_the_first_one_leaves_the_list(self) -> None:
        async with field_app() as (pilot, _field, app):
            await type_in(pilot, "los")
            await pilot.press("down", "up", "enter")
            assert app.submitted == ["los"]

    async def test_tab_without_a_list_goes_on(self) -> None:
        async with field_app() as (pilot, field, app):
            assert not is_open(field)
            await pilot.press("tab")
            assert app.focused is app.query_one("#below")

    async def test_down_opens_the_list_in_an_empty_field(self) -> None:
        async with field_app() as (pilot, field, _):
            await pilot.press("down", "enter")
            assert field.value == "metrics."

    async def test_a_click_takes_one(self) -> None:
        async with field_app() as (pilot, field, _):
            await type_in(pilot, "metrics.")
            await see(pilot, "tab or ↓ chooses")
            await pilot.click(CompletionList, offset=(3, 1))
            assert field.value == "metrics.val_loss "

    async def test_leaving_the_field_closes_the_list(self) -> None:
        async with field_app() as (pilot, field, app):
            await type_in(pilot, "los")
            app.query_one("#below").focus()
            await until(pilot, lambda: not is_open(field))

    async def test_a_screen_that_goes_away_takes_the_field_with_it(self) -> None:
        class FieldScreen(Screen[None]):
            def compose(self) -> ComposeResult:
                yield FilterInput()

        async with field_app() as (pilot, _, app):
            await app.push_screen(FieldScreen())
            app.screen.query_one(FilterInput).focus_input()
            await type_in(pilot, "metrics.loss ~ 1")
            await app.pop_screen()
            await pilot.pause()
            assert app.query_one(FilterInput).value == ""

    async def test_the_list_fits_into_eighty_columns_wherever_the_cursor_is(self) -> None:
        async with field_app() as (pilot, field, _):
            field.value = "metrics.loss > 1 AND metrics.loss > 2 AND metrics.loss > 3 AND metrics.loss > 4 AND "
            await type_in(pilot, "los")
            await see(pilot, "metrics.val_loss", "tab or ↓ chooses")

    async def test_a_thousand_keys(self) -> None:
        """Capped, and the rest is said."""
        async with field_app() as (pilot, field, _):
            field.set_keys([f"layer{i}/loss" for i in range(1000)], [], [])
            await type_in(pilot, "metrics.layer")
            await see(pilot, "`layer7/loss`", "42 more")
            await pilot.press(*["down"] * 12)
            await see(pilot, "`layer11/loss`")


class TestMistakes:
    async def test_the_mark_is_under_the_character(self) -> None:
        """Once nothing is typed for a moment; then it follows at once."""
        async with field_app() as (pilot, _field, _):
            await type_in(pilot, "metrics.loss ~ 1")
            await see(pilot, "expected one of =, !=")
            lines = text_of(pilot).splitlines()
            assert lines[1].index("▲") == lines[0].index("~")
            await pilot.press(*["backspace"] * 3)
            await type_in(pilot, "> 1")
            await until(pilot, lambda: "▲" not in text_of(pilot))

    async def test_nothing_is_said_of_what_is_not_finished(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(filter_input, "QUIET", 0.001)
        async with field_app() as (pilot, field, _):
            for text in ("metrics.los", "s > ", "1 AN", "D (params.lr = 'x"):
                await type_in(pilot, text)
                await pilot.pause(0.02)
                assert "▲" not in text_of(pilot), field.value

    async def test_the_known_key_that_was_meant(self) -> None:
        async with field_app() as (pilot, _field, _):
            await type_in(pilot, "optimiser = 'adam'")
            await see(pilot, "unknown attribute 'optimiser'", "params.optimizer?")

    async def test_the_stores_own_error_is_shown_below(self) -> None:
        async with field_app() as (pilot, field, _):
            field.value = "  metrics.loss > 1"
            field.show_error(FilterError("metrics.loss > 1", "the store [/x] says no", 8))
            await see(pilot, "the store [/x] says no")
            assert text_of(pilot).splitlines()[1].index("▲") == 10
            field.show_error(None)
            await until(pilot, lambda: "says no" not in text_of(pilot))

    async def test_a_place_that_is_scrolled_away_is_named(self) -> None:
        async with field_app() as (pilot, _field, _):
            await type_in(pilot, "metrics.loss ~ 1 AND " + "metrics.loss > 1 AND " * 4)
            await see(pilot, "character 14: expected one of")
            await pilot.press("home")
            await until(pilot, lambda: "▲" in text_of(pilot))
            lines = text_of(pilot).splitlines()
            assert lines[1].index("▲") == lines[0].index("~")

    async def test_warnings(self) -> None:
        async with field_app() as (pilot, field, _):
            field.show_warnings(["no run here has metrics.los; did you mean [b]?", "second"])
            await see(pilot, "! no run here has metrics.los; did you mean [b]?", "! second")
            await type_in(pilot, "m")
            await until(pilot, lambda: "! second" not in text_of(pilot))


class TestHistory:
    async def test_up_and_down(self, memory: FilterMemory) -> None:
        """From an empty field, or one that is as it was submitted; back to what was there."""
        async with field_app(memory) as (pilot, field, app):
            for text in ("metrics.loss > 1", "metrics.loss > 2"):
                field.value = ""
                await type_in(pilot, text)
                await pilot.press("enter")
            assert memory.history == ("metrics.loss > 2", "metrics.loss > 1")
            await pilot.press("up")
            assert field.value == "metrics.loss > 1"
            await pilot.press("up")
            assert field.value == "metrics.loss > 1"
            await pilot.press("down", "down")
            assert field.value == "metrics.loss > 2"
            field.value = ""
            await pilot.press("up", "up", "enter")
            assert app.submitted[-1] == "metrics.loss > 1"

    async def test_what_comes_back_is_what_was_used(self, memory: FilterMemory) -> None:
        used = "tags.note = 'a\u200db\u202e\x1b[2J" + "x" * 300 + "'"
        memory.remember(used)
        async with field_app(memory) as (pilot, field, app):
            await pilot.press("up", "enter")
            assert field.value == used
            assert app.submitted == [used]
            assert not {"\x1b", "\u202e"} & set(text_of(pilot))

    async def test_a_filter_that_is_being_written_is_not_lost(self, memory: FilterMemory) -> None:
        memory.remember("metrics.loss > 1")
        async with field_app(memory) as (pilot, field, _):
            await type_in(pilot, "metrics.loss < 5 ")
            await pilot.press("escape", "up")
            assert field.value == "metrics.loss < 5 "

    async def test_wrong_ones_are_not_remembered(self, memory: FilterMemory) -> None:
        async with field_app(memory) as (pilot, _field, app):
            await type_in(pilot, "nonsense > 1")
            await pilot.press("enter")
            assert (app.submitted, memory.history) == (["nonsense > 1"], ())

    async def test_without_a_memory_nothing_breaks(self) -> None:
        async with field_app() as (pilot, _field, _):
            await pilot.press("up", "ctrl+s")
            await see(pilot, "type a filter first")


class TestNames:
    async def test_a_name_is_given_offered_and_taken(self, memory: FilterMemory) -> None:
        async with field_app(memory) as (pilot, field, _app):
            await type_in(pilot, "metrics.loss > 1 OR params.lr = '1'")
            await pilot.press("ctrl+s")
            await type_in(pilot, "either")
            await pilot.press("enter")
            await see(pilot, "@either is this filter now")
            assert dict(memory.named) == {"either": "metrics.loss > 1 OR params.lr = '1'"}
            field.value = ""
            await type_in(pilot, "@ei")
            await see(pilot, "@either")
            await pilot.press("tab", "enter")
            assert field.value == "metrics.loss > 1 OR params.lr = '1'"

    async def test_a_name_typed_in_full_is_its_filter(self, memory: FilterMemory) -> None:
        memory.name("good", "metrics.loss > 1")
        async with field_app(memory) as (pilot, field, app):
            await type_in(pilot, "@good")
            await pilot.press("enter")
            assert (app.submitted, field.value) == (["metrics.loss > 1"], "metrics.loss > 1")
            field.value = ""
            await type_in(pilot, "@none")
            await pilot.press("enter")
            await see(pilot, "no filter is named 'none'")
            assert len(app.submitted) == 1

    async def test_a_bad_name_is_said_and_escape_gives_up(self, memory: FilterMemory) -> None:
        async with field_app(memory) as (pilot, field, app):
            await type_in(pilot, "metrics.loss > 1")
            await pilot.press("ctrl+s", "a", "space", "b", "enter")
            await see(pilot, "a name begins with")
            await pilot.press("escape")
            assert (app.left, dict(memory.named), field.value) == (0, {}, "metrics.loss > 1")
            await pilot.press("x")
            assert field.value == "metrics.loss > 1x"

    async def test_going_elsewhere_gives_up_too(self, memory: FilterMemory) -> None:
        async with field_app(memory) as (pilot, field, app):
            await type_in(pilot, "metrics.loss > 1")
            await pilot.press("ctrl+s", "tab")
            assert app.focused is app.query_one("#below")
            assert not field.query_one("#name", Input).display

    async def test_a_name_can_be_forgotten(self, memory: FilterMemory) -> None:
        memory.name("good", "metrics.loss > 1")
        async with field_app(memory) as (pilot, _field, _):
            await type_in(pilot, "@go")
            await pilot.press("tab")
            await see(pilot, "delete forgets")
            await pilot.press("delete")
            await see(pilot, "@good is forgotten")
            assert dict(memory.named) == {}

    async def test_where_it_cannot_be_kept_that_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "filters").write_text("in the way")
        async with field_app(FilterMemory("memory://", ["1"], folder=tmp_path)) as (pilot, _field, _):
            await type_in(pilot, "metrics.loss > 1")
            await pilot.press("ctrl+s", "a", "enter")
            await see(pilot, "@a is this filter now, until mlaudit ends")
