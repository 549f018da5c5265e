"""The line at the top."""

from __future__ import annotations

from dataclasses import replace

from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.widgets.store_header import StoreHeader
from tests.plugins.screen_tools import app_on, text_of, until


async def test_wide_characters_leave_room_for_what_must_be_seen() -> None:
    store = MemoryGateway()
    store._info = replace(store._info, uri="/" + "実験" * 40, reader="実験" * 9)
    for experiment in ("exp", "名前" * 30):
        async with app_on(store, read_only=True).run_test(size=(100, 24)) as pilot:
            app = pilot.app
            assert isinstance(app, MlauditApp)
            await until(pilot, lambda a=app: a.store is not None)  # type: ignore[misc]
            header = app.screen.query_one(StoreHeader)
            header.crumbs = ("experiments", experiment)
            header.failed_at = "12:34:56"
            await until(pilot, lambda p=pilot: "READ-ONLY STALE since 12:34:56" in text_of(p).splitlines()[0])  # type: ignore[misc]


async def test_the_header_names_who_would_be_recorded_where_there_is_room() -> None:
    """Known once the store has answered; a server's word counts more than the system's."""
    store = MemoryGateway()
    store.user = "grace"
    for size, named in (((120, 24), True), ((80, 24), False)):
        async with app_on(store).run_test(size=size) as pilot:
            await until(pilot, lambda p=pilot: p.app.user == "grace (authenticated)")  # type: ignore[misc]
            await pilot.pause()
            assert ("grace (authenticated)" in text_of(pilot).splitlines()[0]) is named
