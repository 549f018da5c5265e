"""On the form of a training: a line that says what runs and waits already, and leads there."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.screens.trainings import TrainingsScreen


class RunningMixin(BaseScreen):
    """``ctrl+g`` goes to the training that runs, or to the list of several."""

    BINDINGS = [
        Binding("ctrl+g", "go_there", "Running training", id="train.there", tooltip="Go to the training that runs"),
    ]

    def compose_running(self) -> Iterable[Widget]:
        """The line; not shown while there is nothing to say."""
        with Horizontal(id="there"):
            yield Static(id="there-text", markup=False)
            yield Button(Content("Go to it"), id="there-button", compact=True)

    def keep(self) -> None:
        """Called before the form is left."""

    def show_running(self) -> None:
        """Say what runs and waits by now."""
        trainings = self.mlaudit.trainings
        there, others = trainings.at_hand, trainings.summary
        some = there is not None or bool(trainings.queue.waiting)
        place = self.query_one("#there")
        if some:
            words = f"{there.headline}." if there is not None and trainings.is_only(there) else f"{others}."
            self.query_one("#there-text", Static).update(Text(words))
        if place.display != some:
            place.display = some
            if some and self.focused is None:
                self.query_one("#there-button").focus()
            self.refresh_bindings()

    async def action_go_there(self) -> None:
        """Go to the training that runs; to the list of them where there are several, or some wait."""
        trainings = self.mlaudit.trainings
        there = trainings.at_hand
        if there is None and not trainings.queue.waiting:
            return
        self.keep()
        below = self.app.screen_stack[-2]
        if there is None or not trainings.is_only(there):
            self.to_list()
        elif isinstance(below, TrainingScreen) and below.live is there:
            # Later and by the app, as in switch_to.
            self.app.call_later(self.app.pop_screen)
        else:
            self.switch_to(TrainingScreen(there))

    def to_list(self) -> None:
        """Leave for the list of trainings: the one that lies below, where there is one."""
        if isinstance(self.app.screen_stack[-2], TrainingsScreen):
            self.app.call_later(self.app.pop_screen)
        else:
            self.switch_to(TrainingsScreen())

    def switch_to(self, screen: BaseScreen) -> None:
        """Let another screen take this one's place."""
        # Later and by the app: a screen that waits for its own removal waits for ever.
        self.app.call_later(self.app.switch_screen, screen)

    @on(Button.Pressed, "#there-button")
    async def _there_pressed(self) -> None:
        await self.action_go_there()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only where there is something to go to."""
        if action == "go_there":
            return self.mlaudit.trainings.at_hand is not None or bool(self.mlaudit.trainings.queue.waiting)
        return super().check_action(action, parameters)
