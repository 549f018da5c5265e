"""The line at the top."""

from __future__ import annotations

from mlaudit.gateway.memory import MemoryGateway
from tests.plugins.screen_tools import app_on, text_of, until


async def test_the_header_names_who_would_be_recorded_where_there_is_room() -> None:
    """Known once the store has answered; a server's word counts more than the system's."""
    store = MemoryGateway()
    store.user = "grace"
    for size, named in (((120, 24), True), ((80, 24), False)):
        async with app_on(store).run_test(size=size) as pilot:
            await until(pilot, lambda p=pilot: p.app.user == "grace (authenticated)")  # type: ignore[misc]
            await pilot.pause()
            assert ("grace (authenticated)" in text_of(pilot).splitlines()[0]) is named
