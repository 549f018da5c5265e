"""The dialog before anything that writes."""

from collections.abc import Sequence

import pytest
from rich.text import Text
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input

from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.pick import PickScreen

UNSET = "unset"


class Host(App[None]):
    """Shows one dialog and keeps its answer."""

    def __init__(self, lines: Sequence[str | Text], typed: str | None = None, title: str = "Promote?") -> None:
        super().__init__()
        self.dialog = ConfirmDialog(title, lines, confirm_label="Promote [/x]", typed=typed)
        self.answer: str | None = UNSET

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.keep)

    def keep(self, answer: str | None) -> None:
        assert self.answer == UNSET, "answered twice"
        self.answer = answer


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.pause()
    for key in keys:
        await pilot.press(key)
    await pilot.pause()


@pytest.mark.parametrize("keys", [["enter"], ["enter", "enter"], ["escape"], ["escape", "enter"]])
async def test_it_starts_on_cancel_and_enter_there_cancels(keys: list[str]) -> None:
    app = Host(["a"])
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, *keys)
        assert app.answer is None


@pytest.mark.parametrize("key", ["y", "n", "p", "q", "space"])
async def test_no_letter_confirms(key: str) -> None:
    app = Host(["a"])
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, key)
        assert app.answer in {UNSET, None}


@pytest.mark.parametrize("keys", [["tab", "enter"], ["right", "enter"], ["right", "enter", "enter"]])
async def test_the_other_button_confirms_once(keys: list[str]) -> None:
    app = Host(["a"])
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, *keys)
        assert app.answer == ""


async def test_the_typed_text_must_match_exactly() -> None:
    app = Host(["a"], typed="fraud[/x]")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        button = app.dialog.query_one("#confirm", Button)
        field = app.dialog.query_one("#typed", Input)
        assert button.disabled
        assert app.dialog.focused is app.dialog.query_one("#cancel", Button)
        field.focus()
        await press(pilot, *"fraud[/x")
        assert button.disabled
        await press(pilot, "enter")
        assert app.answer == UNSET
        await press(pilot, "]")
        assert not button.disabled
        await press(pilot, " ")
        assert button.disabled
        await press(pilot, "backspace", "enter")
        assert app.answer == UNSET, "enter in the field only goes to the button"
        await press(pilot, "enter")
        assert app.answer == "fraud[/x]"


async def test_q_and_arrows_belong_to_the_text_field_while_it_has_the_focus() -> None:
    app = Host(["a"], typed="q")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        field = app.dialog.query_one("#typed", Input)
        field.focus()
        await press(pilot, "q", "left", "right")
        assert field.value == "q"
        assert app.dialog.focused is field


async def test_store_text_is_shown_literally() -> None:
    names = "[/x] [@click=app.quit]x[/] [red]"
    app = Host([names, Text(names)], typed=names, title=names)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        shown = app.export_screenshot().replace("&#160;", " ")
        assert shown.count(names) == 4
        assert "Promote [/x]" in shown


async def test_a_long_text_scrolls_and_leaves_the_buttons_on_an_80x24_screen() -> None:
    app = Host([f"line {i}" for i in range(60)], typed="x")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for widget in ("#cancel", "#confirm", "#typed", "#title"):
            assert app.dialog.query_one(widget).region in app.dialog.region, widget
            assert app.dialog.query_one(widget).region.height >= 1, widget
        await press(pilot, "down", "pagedown")
        assert app.dialog.query_one("#text").scroll_y == 9


async def test_two_enters_close_the_dialog_and_nothing_below_it() -> None:
    """Of every kind of dialog: on a slow line both keys come before it is gone."""
    app = App[None]()
    async with app.run_test(size=(80, 24)) as pilot:
        below = Screen[None]()
        await app.push_screen(below)
        pick = PickScreen("Which?", [("one", ""), ("two", "")], None)
        answers: list[str | None] = []
        await app.push_screen(pick, answers.append)
        field = pick.query_one(Input)
        field.post_message(Input.Submitted(field, ""))
        field.post_message(Input.Submitted(field, ""))
        await pilot.pause()
        await pilot.pause()
        assert app.screen is below
        assert answers == ["one"]


async def test_an_answer_given_while_another_screen_is_above_waits_for_its_turn() -> None:
    app = App[None]()
    async with app.run_test(size=(80, 24)) as pilot:
        answers: list[str | None] = []
        pick = PickScreen("Which?", [("one", "")], None)
        await app.push_screen(pick, answers.append)
        above = Screen[None]()
        await app.push_screen(above)
        pick.action_cancel()
        await pilot.pause()
        assert app.screen is above
        assert answers == []
        await app.pop_screen()
        await pilot.pause()
        assert pick not in app.screen_stack
        assert answers == [None]
