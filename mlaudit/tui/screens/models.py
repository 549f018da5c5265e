"""The registered models: how many versions, which one serves, and when something moved last."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import DataTable, Static

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Stage
from mlaudit.domain.text import format_time
from mlaudit.services.registry import ModelList, ModelSummary, SummarizeModels
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.jump_table import OpenTable

NAME_WIDTH = 36
ALIASES_WIDTH = 40
COLUMNS = ("", "model", "versions", "Production", "Staging", "changed (UTC)", "aliases")


class ModelsScreen(BaseScreen):
    """Lists the registered models; an error keeps the rows that were there."""

    TITLE = "models"
    CSS_PATH = "models.tcss"
    BINDINGS = [
        Binding("H", "history", "History", id="models.history", tooltip="Who put what where in this model, and why"),
        Binding("y", "copy", "Copy", show=False, id="models.copy", tooltip="Copy the model's name"),
        Binding("r", "reload", "Refresh", id="models.refresh", tooltip="Ask the store again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.models: ModelList | None = None
        """What is on show."""

    def compose_body(self) -> Iterable[Widget]:
        yield OpenTable(id="models", cursor_type="row", zebra_stripes=True, cell_padding=1)
        yield Static("Reading the registered models…", id="status", markup=False)

    def on_mount(self) -> None:
        self.load()

    def on_screen_resume(self) -> None:
        """A model may have been changed on its own screen."""
        if self.models is not None:
            self.load()

    def action_reload(self) -> None:
        """Ask for the models again; what is on show stays until the answer is there."""
        self.load()

    @work(exclusive=True, group="models.load")
    async def load(self) -> None:
        """Fill the list, or say in place why not."""
        try:
            found = await self.ask(SummarizeModels())
        except MlauditError as error:
            kept = " What is shown is from before." if self.models else ""
            self._say(f"{error}.{kept} Press r to try again.", bad=True)
            return
        self.models = found
        self.mlaudit.store = found.store
        self.query_one(OpenTable).fill(COLUMNS, (_row(model) for model in found.models))
        count = len(found.models)
        said = [f"{count} registered model{'' if count == 1 else 's'}"] if count else [_NOTHING]
        said += [f"! {m.model.name}: {warning}" for m in found.models for warning in m.warnings]
        self._say("\n".join(said), bad=len(said) > 1)
        if self.focused is None:
            self.query_one(OpenTable).focus()
        self.refresh_bindings()

    @property
    def current(self) -> ModelSummary | None:
        """The model under the cursor."""
        row = self.query_one(OpenTable).cursor_row
        models = self.models.models if self.models else ()
        return models[row] if 0 <= row < len(models) else None

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        if self.current is not None:
            self.mlaudit.show_model(self.current.model.raw_name)

    def action_history(self) -> None:
        """The records of the model under the cursor."""
        from mlaudit.tui.screens.history import HistoryScreen

        if self.current is not None:
            self.app.push_screen(HistoryScreen(self.current.model.raw_name))

    def action_copy(self) -> None:
        """Copy the name of the model under the cursor."""
        if self.current is not None:
            self.mlaudit.copy(self.current.model.name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greyed out while there is no model."""
        if action in {"history", "copy"} and not (self.models and self.models.models):
            return None
        return super().check_action(action, parameters)

    def _say(self, message: str, *, bad: bool = False) -> None:
        status = self.query_one("#status", Static)
        status.update(Text(message))
        status.set_class(bad, "-bad")


_NOTHING = (
    "No model is registered in this store. Compare a run with d, then promote it with p: that registers its model."
)


def _row(found: ModelSummary) -> tuple[Text, ...]:
    production = found.in_stage(Stage.PRODUCTION)
    aliases = ", ".join(f"@{a} {v}" for a, v in sorted(found.model.aliases.items()))
    return (
        Text("!" if found.warnings else " ", style="bold red"),
        Text(fit(found.model.name, NAME_WIDTH)),
        Text(str(len(found.versions)), justify="right"),
        Text(", ".join(production) or "—", style="bold red" if len(production) > 1 else ""),
        Text(", ".join(found.in_stage(Stage.STAGING)) or "—"),
        Text(format_time(found.last_changed)),
        Text(fit(aliases, ALIASES_WIDTH) or "—"),
    )
