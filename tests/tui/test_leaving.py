"""Answers that come while the screen that asked is taken down."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from textual.widget import Widget

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.services.runs import GetRunDetails
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.dialog import Dialog
from mlaudit.tui.screens.run import RunScreen
from tests.plugins.sample_store import SAMPLE
from tests.plugins.screen_tools import Handle, app_on, see, until


class Lingering(Widget):
    """Goes last of all widgets, and lets the answer in before."""

    def __init__(self, release: threading.Event, answered: threading.Event) -> None:
        super().__init__()
        self.release, self.answered = release, answered

    async def on_unmount(self) -> None:
        screen = self.screen
        while len(screen.children) > 1:
            await asyncio.sleep(0)
        self.release.set()
        await asyncio.to_thread(self.answered.wait, 10)
        # Time for the answer to be shown, by whoever would.
        for _ in range(100):
            await asyncio.sleep(0.001)


async def test_an_answer_that_comes_while_the_app_quits_is_no_error(sample_gateway: MemoryGateway) -> None:
    """The screen's widgets are gone by then, the screen itself is not."""
    asked, release, answered = threading.Event(), threading.Event(), threading.Event()

    def around(handle: Handle) -> Handle:
        def held(request: Any) -> Any:
            if not isinstance(request, GetRunDetails):
                return handle(request)
            asked.set()
            release.wait(10)
            try:
                return handle(request)
            finally:
                answered.set()

        return held

    app = app_on(sample_gateway, around=around)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        screen = RunScreen(SAMPLE["better"])
        await app.push_screen(screen)
        await until(pilot, asked.is_set)
        await screen.mount(Lingering(release, answered))
        assert not answered.is_set()
    assert answered.is_set()
    assert not screen.details


class Asking(Dialog[bool]):
    """A dialog with something under way."""

    begun = ended = False

    def on_mount(self) -> None:
        self.run_worker(self.work(), exit_on_error=True)

    async def work(self) -> None:
        self.begun = True
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True
            assert self.children or self.is_running


@pytest.mark.parametrize("by", ["answer", "quit"])
async def test_what_a_dialog_has_under_way_ends_with_it(sample_gateway: MemoryGateway, by: str) -> None:
    """However it goes."""
    app = app_on(sample_gateway)
    dialog = Asking()
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        await app.push_screen(dialog)
        await until(pilot, lambda: dialog.begun)
        if by == "answer":
            dialog.dismiss(True)
            await until(pilot, lambda: dialog.ended)
    assert dialog.ended


async def test_a_key_to_a_screen_that_is_not_there_yet_is_none(sample_gateway: MemoryGateway) -> None:
    """Nor to one that is not there any more."""
    app = app_on(sample_gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await see(pilot, "fraud-detector")
        dialog = ConfirmDialog("Sure?", ["[/x]"], confirm_label="Yes")
        assert not await app.run_action("scroll(8)", dialog)
        opening = app.push_screen(dialog)
        assert not await app.run_action("scroll(8)", dialog)
        assert not await app.run_action("screen.scroll(8)", dialog)
        await opening
        assert await app.run_action("scroll(8)", dialog)
        dialog.dismiss(None)
        await until(pilot, lambda: app.screen is not dialog)
        assert not await app.run_action("scroll(8)", dialog)
