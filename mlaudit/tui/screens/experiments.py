"""The first screen: the experiments of the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import DataTable, Static

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.text import format_time
from mlaudit.services.experiments import ListExperiments
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.jump_table import OpenTable

if TYPE_CHECKING:
    from mlaudit.domain.models import Experiment


class ExperimentsScreen(BaseScreen):
    """Lists experiments; an error keeps the rows that were there."""

    TITLE = "experiments"
    CSS = """
    ExperimentsScreen OpenTable { height: 1fr; }
    ExperimentsScreen #status { height: auto; max-height: 6; padding: 0 1; color: $text-muted; }
    ExperimentsScreen #status.-bad { color: $text-error; }
    """
    BINDINGS = [
        Binding("space", "mark", "Mark", id="experiments.mark", tooltip="Mark the experiment, to see several together"),
        Binding("a", "all", "All runs", id="experiments.all", tooltip="The runs of all experiments"),
        Binding("r", "reload", "Refresh", id="experiments.refresh", tooltip="Ask the store again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.experiments: tuple[Experiment, ...] = ()
        self._marked: set[str] = set()

    def compose_body(self) -> Iterable[Widget]:
        yield OpenTable(id="experiments", cursor_type="row", zebra_stripes=True, cell_padding=1)
        yield Static("Opening the store…", id="status", markup=False)

    def action_reload(self) -> None:
        """Ask for the experiments."""
        self.load()

    @work(exclusive=True, group="experiments")
    async def load(self) -> None:
        """Fill the list, or say in place why not."""
        try:
            answer = await self.ask(ListExperiments())
        except MlauditError as error:
            kept = " What is shown is from before." if self.experiments else ""
            self._say(f"{error}.{kept}\nPress r to try again.", bad=True)
            return
        self.mlaudit.store = answer.store
        self._find_user()
        self.experiments = answer.experiments
        self._list()
        count = len(answer.experiments)
        said = (
            f"{count} experiment{'' if count == 1 else 's'}"
            if count
            else "This store has no experiments. `mlaudit demo` builds one to look at."
        )
        self._say("\n".join((f"{said} · {answer.store.reason}", *answer.store.notes)))
        if self.focused is None:
            self.query_one(OpenTable).focus()
        self.refresh_bindings()
        self.mlaudit.places.begin(answer)

    @work(exclusive=True, group="experiments.user")
    async def _find_user(self) -> None:
        """For the header; a server must be asked for it, and nothing waits for that."""
        # After the first paint.
        from mlaudit.services.identity import IdentifyUser

        try:
            actor = await self.mlaudit.backend.ask(IdentifyUser())
        except MlauditError:
            return
        self.mlaudit.user = f"{actor.name} ({actor.known_by})"

    def on_screen_resume(self) -> None:
        """Whoever comes back here from the runs has left them for good."""
        self.mlaudit.places.come_back()

    def _list(self) -> None:
        self.query_one(OpenTable).fill(
            ("", "experiment", "id", "runs", "last run (UTC)", "created (UTC)"),
            (
                (
                    Text("●" if e.experiment_id in self._marked else " ", style="bold yellow"),
                    Text(e.name),
                    Text(e.experiment_id),
                    # Not every store tells this without reading all its runs.
                    Text("—" if e.run_count is None else f"{e.run_count:,}", justify="right"),
                    Text(format_time(e.last_run_time)),
                    Text(format_time(e.creation_time)),
                )
                for e in self.experiments
            ),
        )

    @property
    def _current(self) -> Experiment | None:
        row = self.query_one(OpenTable).cursor_row
        return self.experiments[row] if 0 <= row < len(self.experiments) else None

    def action_mark(self) -> None:
        """Mark or unmark, and go on to the next."""
        if self._current is not None:
            self._marked ^= {self._current.experiment_id}
            self._list()
            self.query_one(OpenTable).action_cursor_down()

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        """The runs of the marked experiments; without marks, of the one under the cursor."""
        marked = [e for e in self.experiments if e.experiment_id in self._marked]
        self._open(marked or ([self._current] if self._current else []))

    def action_all(self) -> None:
        """The runs of all experiments."""
        self._open(list(self.experiments))

    def _open(self, experiments: list[Experiment]) -> None:
        from mlaudit.tui.screens.runs import RunsScreen

        if experiments:
            self.app.push_screen(RunsScreen(experiments))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greyed out while there is nothing to open."""
        if action in {"mark", "all"} and not self.experiments:
            return None
        return super().check_action(action, parameters)

    def _say(self, message: str, *, bad: bool = False) -> None:
        status = self.query_one("#status", Static)
        status.update(Text(message))
        status.set_class(bad, "-bad")
