"""One registered model: its versions on a board by stage, and what can be done with them.

Every change goes the one way of :mod:`mlaudit.tui.screens.promotion`: plan, dialog, execution, and the board read anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Stage
from mlaudit.domain.text import clean
from mlaudit.services.promote import PlanPromotion, PlanRollback
from mlaudit.services.registry import ListModels, ModelState, VersionState
from mlaudit.tui.screens.alias import AliasDialog
from mlaudit.tui.screens.promotion import PromotionMixin
from mlaudit.tui.widgets.version_board import VersionBoard
from mlaudit.tui.widgets.version_lines import FAILED, about_version

TARGETS = {"promote": Stage.PRODUCTION, "stage": Stage.STAGING, "archive": Stage.ARCHIVED}
"""Action -> where it brings the version under the cursor."""
WRITES = {*TARGETS, "alias", "rollback", "recover"}


class ModelScreen(PromotionMixin):
    """One registered model; an error keeps the board that was there."""

    TITLE = "model"
    CSS_PATH = "model.tcss"
    AUTO_FOCUS = "VersionBoard"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    BINDINGS = [
        Binding("d", "diff", "Diff", id="model.diff", tooltip="Compare the version's run with the one in Production"),
        Binding("p", "promote", "Promote", id="model.promote", tooltip="Move the version to Production"),
        Binding("S", "stage", "Stage", id="model.stage", tooltip="Move the version to Staging"),
        Binding("A", "archive", "Archive", id="model.archive", tooltip="Move the version to Archived"),
        Binding("a", "alias", "Alias", id="model.alias", tooltip="Set, move or take away an alias of the version"),
        Binding(
            "R",
            "rollback",
            "Rollback",
            id="model.rollback",
            tooltip="Put back what was in Production before, by record",
        ),
        Binding(
            "u",
            "recover",
            "Recover",
            show=False,
            id="model.recover",
            tooltip="Look after a promotion that was cut off, and end it",
        ),
        Binding("H", "history", "History", id="model.history", tooltip="Who put what where, and why"),
        Binding("y", "copy", "Copy", show=False, id="model.copy", tooltip="Copy models:/NAME/VERSION"),
        Binding("r", "reload", "Refresh", id="model.refresh", tooltip="Ask the store again"),
    ]

    def __init__(self, model: str, version: str | None = None) -> None:
        """``model`` is the raw name; ``version`` is where the cursor begins, by default in Production."""
        super().__init__()
        self._model = model
        self._version = version
        self.state: ModelState | None = None
        """What is on show."""

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="warnings", markup=False)
        yield Static(id="message", markup=False)
        yield VersionBoard(id="board")
        with VerticalScroll(id="about-scroll", can_focus=False):
            yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        self.show_title(clean(self._model))
        self.query_one("#warnings").display = False
        self.query_one("#about", Static).update(Text(f"reading {clean(self._model)}…"))
        self.load()

    @property
    def crumb(self) -> str:
        """``model fraud-detector``: the experiment often has the same name."""
        return f"model {clean(self._model)}"

    # Loading

    def action_reload(self) -> None:
        """Ask for the model again; what is on show stays until the answer is there."""
        self.say("")
        self.load()

    def on_screen_resume(self) -> None:
        """A promotion may have been done on the screen that was above."""
        if self.state is not None and not self.is_changing:
            self.load()

    def look_again(self) -> object:
        """What is there now, below the message of what was done."""
        return self.load()

    @work(exclusive=True, group="model.load")
    async def load(self) -> None:
        """Ask for the model and show it, or say in place why not."""
        try:
            found = await self.ask(ListModels(self._model))
        except MlauditError as error:
            self.say_unread(error, kept=self.state is not None)
            if self.state is None:
                self.query_one("#about", Static).update(Text(f"{clean(self._model)} was not read"))
            return
        self.say_read()
        self.state = found.models[0]
        self.mlaudit.store = found.store
        self._warn(self.state)
        self.query_one(VersionBoard).show(self.state, self._version)
        self._version = None
        if not self.state.versions:
            self.query_one("#about", Static).update(Text("This model has no version."))
        self.refresh_bindings()

    def _warn(self, state: ModelState) -> None:
        lines = [Text.assemble(("! ", "bold"), warning) for warning in state.warnings]
        if state.unfinished and not self.promotion_off():
            lines.append(Text("  press u to see whether it was cut off, and to end it"))
        if off := self.promotion_off():
            lines.append(Text(f"promotion is off: {off}"))
        place = self.query_one("#warnings", Static)
        place.update(Text("\n").join(lines))
        place.display = bool(lines)

    # The version under the cursor

    @property
    def current(self) -> VersionState | None:
        """The version under the cursor."""
        return self.query_one(VersionBoard).current if self.is_mounted else None

    @on(VersionBoard.Highlighted)
    def _highlighted(self, event: VersionBoard.Highlighted) -> None:
        if self.state is not None and event.version is not None:
            about = about_version(event.version, self.state.rules, self.state.rules_from)
            self.query_one("#about", Static).update(about)
        self.refresh_bindings()

    @on(VersionBoard.Opened)
    def _opened(self, event: VersionBoard.Opened) -> None:
        if event.version.run is not None:
            self.mlaudit.show_run(event.version.run.run_id)

    def action_diff(self) -> None:
        """The version's run against the one in Production."""
        from mlaudit.tui.screens.diff import DiffScreen

        if self.current is not None and self.current.run is not None:
            self.app.push_screen(DiffScreen(self.current.run.run_id, model=self._model))

    def action_history(self) -> None:
        """The records of the model."""
        from mlaudit.tui.screens.history import HistoryScreen

        self.app.push_screen(HistoryScreen(self._model))

    def action_copy(self) -> None:
        """Copy what names the version under the cursor in a command."""
        if self.current is not None:
            self.mlaudit.copy(f"models:/{self.current.version.model}/{self.current.version.version}")

    # Changes

    def _bring_to(self, target: str) -> None:
        if self.current is not None:
            self.begin(PlanPromotion(f"models:/{self._model}/{self.current.version.version}", self._model, target))

    def action_promote(self) -> None:
        """To Production."""
        self._bring_to(str(Stage.PRODUCTION))

    def action_stage(self) -> None:
        """To Staging."""
        self._bring_to(str(Stage.STAGING))

    def action_archive(self) -> None:
        """To Archived."""
        self._bring_to(str(Stage.ARCHIVED))

    @work(group="model.alias")
    async def action_alias(self) -> None:
        """Ask which alias, then go the way of every change."""
        if self.state is None or self.current is None:
            return
        dialog = AliasDialog(self.current.version, self.state.model.aliases)
        target = await self.app.push_screen_wait(dialog)
        if target is not None:
            self._bring_to(target)

    def action_rollback(self) -> None:
        """Back to what was in Production before."""
        self.begin(PlanRollback(self._model))

    def action_recover(self) -> None:
        """End what was cut off."""
        self.begin_recovery(self._model)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What writes is not bound where nothing may be written; what cannot be done just now is greyed out."""
        if action in WRITES:
            if self.promotion_off():
                return False
            return True if not self.is_changing and self._can(action) else None
        if action == "diff":
            return True if self.current and _is_there(self.current) else None
        if action == "copy":
            return True if self.current else None
        return super().check_action(action, parameters)

    def _can(self, action: str) -> bool:
        """Whether it could be done with what is on show. The plan, made on what is there then, has the last word."""
        if self.state is None:
            return False
        if action == "recover":
            return bool(self.state.unfinished)
        production = [v for v in self.state.versions if v.version.stage is Stage.PRODUCTION]
        if action == "rollback":
            return len(production) == 1
        found = self.current
        if found is None or found.run is None or found.version.status == FAILED:
            return False
        if action == "archive":
            return found.version.stage is not Stage.ARCHIVED
        if not _is_there(found):
            # Only an alias that it has can still be taken away.
            return action == "alias" and bool(found.version.aliases)
        if action == "promote" and len(production) > 1:
            return False
        return action == "alias" or found.version.stage is not TARGETS[action]


def _is_there(found: VersionState) -> bool:
    """Whether the version's run can be judged."""
    return found.run is not None and found.run.lifecycle_stage == "active"
