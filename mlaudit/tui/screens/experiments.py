"""The first screen: the experiments of the store."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.text import format_time
from mlaudit.services.runs import ListExperiments
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.store_header import StoreHeader


class ExperimentsScreen(BaseScreen):
    """Lists experiments; an error keeps the rows that were there."""

    TITLE = "experiments"
    DEFAULT_CSS = "ExperimentsScreen OptionList { height: 1fr; } ExperimentsScreen Static { height: auto; }"
    BINDINGS = [Binding("r", "reload", "Refresh", id="experiments.refresh", tooltip="Ask the store again")]

    def compose_body(self) -> Iterable[Widget]:
        yield OptionList(markup=False)
        yield Static("Opening the store…", id="status", markup=False)

    def action_reload(self) -> None:
        """Ask for the experiments."""
        self.load()

    @work(exclusive=True, group="experiments")
    async def load(self) -> None:
        """Fill the list, or say in place why not."""
        status = self.query_one("#status", Static)
        try:
            answer = await self.ask(ListExperiments())
        except MlauditError as error:
            status.update(Text(f"{error}\nPress r to try again."))
            return
        self.mlaudit.store = answer.store
        self.query_one(StoreHeader).store = answer.store
        rows = self.query_one(OptionList)
        rows.clear_options()
        for e in answer.experiments:
            rows.add_option(Option(Text(f"{e.name}  #{e.experiment_id}  {format_time(e.last_update_time)}")))
        count = len(answer.experiments)
        said = (
            f"{count} experiments" if count else "This store has no experiments. `mlaudit demo` builds one to look at."
        )
        status.update(Text("\n".join((said, *answer.store.notes))))
        rows.focus()
