"""Searching the output of a training while it is written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.log_tail import LogTail
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.log_search import LogSearch, lines_with
from mlaudit.tui.widgets.log_view import LogView
from tests.plugins.screen_tools import see, text_of, until
from tests.tui.training_bench import TrainingBench, train


@pytest.fixture
def bench(tmp_path: Path, sample_gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingBench]:
    monkeypatch.setenv("MLAUDIT_STATE_DIR", str(tmp_path / "state"))
    bench = TrainingBench(tmp_path, sample_gateway)
    yield bench
    bench.close()


def test_lines_are_numbered_over_all_that_ever_came(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {i} {'Loss' if i % 2 else 'loss'}\n" for i in range(10)))
    tail = LogTail(str(tmp_path / "log"), keep_lines=4)
    tail.read_all()
    assert lines_with(tail, "loss") == [6, 7, 8, 9], "small letters find all"
    assert lines_with(tail, "Loss") == [7, 9]
    assert lines_with(tail, ".") == [], "it is no pattern"
    assert lines_with(tail, "") == []


async def written(bench: TrainingBench, screen: TrainingScreen, text: str) -> None:
    with open(screen.live.training.log_path, "a") as log:
        log.write(text)


async def test_typed_it_is_found_marked_and_gone_through(bench: TrainingBench) -> None:
    async with bench.app().run_test(size=(80, 24)) as pilot:
        screen = await train(pilot, "quiet")
        await see(pilot, "ready")
        view = screen.query_one(LogView)
        lines = [f"step {i}{' WARNING [/x]' if i in (100, 200, 300) else ''}\n" for i in range(400)]
        await written(bench, screen, "".join(lines))
        await see(pilot, "step 399")
        await pilot.press("slash", *"warning [/")
        await see(pilot, "1 of 3 lines", "step 100 WARNING [/x]")
        assert not view.following
        await pilot.press("enter")
        await until(pilot, lambda: screen.focused is view)
        await pilot.press("n")
        await see(pilot, "2 of 3 lines", "step 200 WARNING")
        await pilot.press("n", "n")
        await see(pilot, "1 of 3 lines", "step 100 WARNING")
        await pilot.press("N")
        await see(pilot, "3 of 3 lines", "step 300 WARNING")
        await written(bench, screen, "one more Warning [/\n")
        await until(pilot, lambda: view.tail.last_lines(1) == ["one more Warning [/"])
        await pilot.press("n")
        await see(pilot, "4 of 4 lines", "one more Warning")
        row = view.tail.dropped_lines + len(view.tail) - 1 - view.scroll_offset.y
        assert any(s.style is not None and s.style.reverse for s in view.render_line(row))


async def test_what_is_not_there_is_said_and_esc_ends_the_search(bench: TrainingBench) -> None:
    async with bench.app().run_test(size=(80, 24)) as pilot:
        screen = await train(pilot, "quiet")
        await see(pilot, "ready")
        assert "n" not in screen.active_bindings
        await pilot.press("slash", *"nowhere")
        await see(pilot, "not found")
        assert screen.query_one(Field).value == "nowhere", "a text field owns the keys that print"
        await pilot.press("escape")
        await until(pilot, lambda: not screen.query_one(LogSearch).display)
        assert screen.query_one(LogView).needle == ""
        assert "not found" not in text_of(pilot)
        assert "n" not in screen.active_bindings
        assert pilot.app.screen is screen


async def test_lines_that_were_let_go_are_said_to_be_only_in_the_file(bench: TrainingBench) -> None:
    async with bench.app().run_test(size=(120, 30)) as pilot:
        screen = await train(pilot, "quiet")
        await see(pilot, "ready")
        await written(bench, screen, "".join(f"number {i}\n" for i in range(30_000)))
        await see(pilot, "number 29999")
        await pilot.press("slash", *"number 1")
        await see(pilot, "are only in the file")
