"""The keys at the foot of a screen: those that have room, help among them, and nothing done twice."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.binding import Binding

from mlaudit.tui.widgets.key_line import KeyLine, Shown, fitting


def key(action: str, description: str) -> Shown:
    return Shown(action, action[0], description, action, True, description)


KEYS = (key("first", "First"), key("second", "Second"), key("third", "Third"), key("help", "Help"))


def test_all_of_them_where_there_is_room() -> None:
    assert fitting(KEYS, 36) == (KEYS, True)


def test_the_last_ones_go_first_and_help_stays() -> None:
    shown, everything = fitting(KEYS, 30)
    assert [one.action for one in shown] == ["first", "second", "help"]
    assert not everything
    assert sum(one.width for one in shown) + 2 <= 30
    assert [one.action for one in fitting(KEYS, 1)[0]] == ["help"]


class Keys(App[None]):
    """An app with three keys, one of which can be switched off."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [
        Binding("a", "count", "Count", tooltip="Count once more"),
        Binding("b", "never", "Never"),
        Binding("j,down", "down", "Down"),
        Binding("question_mark", "help", "Help", key_display="?"),
    ]
    may_count = True
    counted = 0

    def compose(self) -> ComposeResult:
        yield KeyLine()

    def action_count(self) -> None:
        self.counted += 1

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """None: shown, dim, and not to be pressed."""
        if action == "never":
            return None
        return self.may_count if action == "count" else True


async def test_a_key_can_be_clicked_and_says_more_under_the_pointer() -> None:
    app = Keys()
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        line = app.query_one(KeyLine)
        assert line.render().plain == " a Count  b Never  j Down  ? Help "
        await pilot.click(KeyLine, offset=(4, 0))
        await pilot.click(KeyLine, offset=(12, 0))
        await pilot.pause()
        assert app.counted == 1
        await pilot.hover(KeyLine, offset=(4, 0))
        assert line.tooltip == "Count once more"
        await pilot.hover(KeyLine, offset=(50, 0))
        assert line.tooltip is None


async def test_it_says_what_can_be_done_now() -> None:
    app = Keys()
    async with app.run_test(size=(28, 5)) as pilot:
        await pilot.pause()
        line = app.query_one(KeyLine)
        assert line.render().plain == " a Count  b Never  ? Help  …"
        same = line.shown
        app.refresh_bindings()
        await pilot.pause()
        assert line.shown is same
        app.may_count = False
        app.refresh_bindings()
        await pilot.pause()
        assert line.render().plain == " b Never  j Down  ? Help "


class Palette(Keys):
    """The same with Textual's palette of commands."""

    ENABLE_COMMAND_PALETTE = True


async def test_the_palette_stands_at_the_right_edge() -> None:
    app = Palette()
    async with app.run_test(size=(41, 5)) as pilot:
        await pilot.pause()
        assert app.query_one(KeyLine).render().plain == " a Count  b Never  ? Help  …▏ ^p palette "
    wide = Palette()
    async with wide.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        line = wide.query_one(KeyLine).render().plain
        assert line.startswith(" a Count  b Never  j Down  ? Help  ")
        assert line.endswith("  ▏ ^p palette ")
        assert len(line) == 60
