"""The app starts on the experiments, and says in place what went wrong."""

from typing import Any

from textual.coordinate import Coordinate
from textual.widgets import DataTable, Static

from mlaudit.config.settings import Settings
from mlaudit.domain.errors import StoreUnavailable
from mlaudit.domain.models import Experiment, StoreInfo
from mlaudit.services.experiments import ExperimentList
from mlaudit.services.identity import Actor, IdentifyUser
from mlaudit.tui.app import MlauditApp
from mlaudit.tui.widgets.store_header import StoreHeader, elide
from mlaudit.worker.backend import ThreadBackend

NAMES = ("[/x]", "[@click=app.quit]x[/]")


def answer(request: Any) -> ExperimentList | Actor:
    if isinstance(request, IdentifyUser):
        return Actor("ada", "claimed")
    store = StoreInfo("sqlite", "sqlite:///x.db", "sqlite:///x.db", "fake", "test")  # type: ignore[arg-type]
    return ExperimentList(store, tuple(Experiment(str(i), n, n) for i, n in enumerate(NAMES)))


async def test_hostile_names_are_listed_literally_and_q_quits() -> None:
    app = MlauditApp(ThreadBackend(answer), Settings(read_only=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()
        rows = app.screen.query_one(DataTable)
        assert [str(rows.get_cell_at(Coordinate(i, 1))) for i in range(2)] == list(NAMES)
        assert "READ-ONLY" in app.screen.query_one(StoreHeader).render().plain
        await pilot.press("q")
    assert app.return_value == 0


async def test_a_dead_server_is_said_in_place() -> None:
    def fail(_request: Any) -> None:
        raise StoreUnavailable("http://127.0.0.1:1", "refused")

    app = MlauditApp(ThreadBackend(fail), Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()
        assert "refused" in str(app.screen.query_one("#status", Static).render())
        header = app.screen.query_one(StoreHeader).render().plain
        assert "no store has been opened" in header
        assert "NO ANSWER since" in header
        assert "STALE" not in header


def test_elide_keeps_both_ends() -> None:
    assert elide("abcdefghij", 5) == "ab…ij"[:2] + "…" + "ij"
    assert elide("abc", 0) == ""
    assert elide("実験の名前", 6) == "実 …前"
    assert elide("実験の", 6) == "実験の"
