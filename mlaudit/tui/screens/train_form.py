"""The form in front of a training: the script's options, checked as they are typed, and the question before the start.

What was typed is kept by the app when the form is left, so that the next training begins where this one was.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from mlaudit.domain.errors import MlauditError
from mlaudit.domain.training import BUNDLED, TrainingScript
from mlaudit.services.experiments import ListExperiments
from mlaudit.services.training import DescribeTraining
from mlaudit.tui.planned_training import plan
from mlaudit.tui.prefill import Prefill, fill, of_launch
from mlaudit.tui.screens.base import BaseScreen, in_view
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.launches import LaunchesScreen, when
from mlaudit.tui.screens.train_form_running import RunningMixin
from mlaudit.tui.screens.train_question import question_lines, store_words
from mlaudit.tui.screens.training import TrainingScreen
from mlaudit.tui.widgets.parameter_field import Choices, ParameterField

NOW = "now"


class FieldList(VerticalScroll, inherit_bindings=False):
    """The fields; the arrows go from one to the next."""

    BINDINGS = [
        Binding("up", "app.focus_previous", show=False, id="train.previous", tooltip="The field before"),
        Binding("down", "app.focus_next", show=False, id="train.next", tooltip="The next field"),
        Binding("pageup", "page_up", show=False, id="train.page_up", tooltip="Scroll up a page"),
        Binding("pagedown", "page_down", show=False, id="train.page_down", tooltip="Scroll down a page"),
    ]


class TrainFormScreen(RunningMixin, BaseScreen):
    """Asks for the options of a training and starts it after a confirmation."""

    TITLE = "train"
    CSS_PATH = "train_form.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]
    BINDINGS = [
        Binding("ctrl+s", "start", "Start", id="train.start", tooltip="Start the training, after a question"),
        Binding("ctrl+r", "reset", "Default", id="train.reset", tooltip="Put this field back to its default"),
        Binding("ctrl+o", "launches", "Earlier", id="train.launches", tooltip="Take the values of an earlier launch"),
        Binding("f5", "reload", "Refresh", show=False, id="train.refresh", tooltip="Read the script's options again"),
    ]

    def __init__(self, prefill: Prefill | None = None) -> None:
        """``prefill``: what it begins with; None: what it held when it was left."""
        super().__init__()
        self._prefill = prefill
        self._scripts: tuple[TrainingScript, ...] = ()
        self._script: TrainingScript | None = None
        self._asking = False
        """From the key press until the training has started, or not."""

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="about", markup=False)
        yield from self.compose_running()
        yield Static(id="message", markup=False)
        with Horizontal(id="which"):
            yield Static(Text("script"), classes="name")
            yield Choices((), allow_blank=True, prompt="", compact=True, id="script")
        yield FieldList(id="fields", can_focus=False)
        with Horizontal(id="buttons"):
            yield Button(Content("Start…"), id="start", variant="primary", compact=True, disabled=True)
            yield Button(Content("All to default"), id="reset-all", compact=True)

    def on_mount(self) -> None:
        self._show_about()
        self.show_running()
        self.set_interval(1.0, self.show_running)
        self.load()

    # What there is to know

    @property
    def _off(self) -> str:
        """Why nothing can be started here; empty when it can."""
        store = self.mlaudit.store
        if self.mlaudit.settings.read_only:
            return "Training is off: mlaudit was started with --read-only."
        if store is not None and not store.writable:
            return f"Training is off: {'; '.join(('this store must not be written to', *store.notes))}."
        if self._script is not None and self._script.missing:
            return f"Training is off: {self._script.missing}"
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing that writes is bound where nothing may be written or run."""
        if action == "start":
            if self._off:
                return False
            return True if self._script is not None and not self._asking else None
        if action == "launches":
            return True if self._script is not None and self.mlaudit.store is not None else None
        return super().check_action(action, parameters)

    def action_reload(self) -> None:
        """Read the script's options again; what was typed stays."""
        self.keep()
        self._prefill = None
        self.load()

    def store_is_back(self) -> None:
        """Nothing: a form is made anew under nobody's hands."""

    def fill(self, prefill: Prefill) -> None:
        """Begin anew, with these values; the script that they were for is chosen, where it is there."""
        self._prefill = prefill
        self.load()

    @work(exclusive=True, group="train.load")
    async def load(self) -> None:
        """Ask for the script and, where it is not known yet, for the store."""
        try:
            self._scripts = await self.ask(DescribeTraining())
        except MlauditError as error:
            self._say(f"{error}. Press f5 to try again.", bad=True)
            return
        last = (self._prefill.script if self._prefill else "") or self.mlaudit.trainings.script
        script = next((s for s in self._scripts if s.key == last), self._scripts[0])
        which = self.query_one("#script", Choices)
        with self.prevent(Select.Changed):
            which.set_options((Text(s.name if s.name == s.key else f"{s.key}: {s.name}"), s.key) for s in self._scripts)
            which.value = script.key
        self.query_one("#which").display = len(self._scripts) > 1
        await self._take(script)
        if self.mlaudit.store is None:
            try:
                answer = await self.ask(ListExperiments())
            except MlauditError as error:
                self._say(f"{error}. Press f5 to try again.", bad=True)
            else:
                self.mlaudit.store = answer.store
        self._show_about()

    async def _take(self, script: TrainingScript) -> None:
        """Show this one."""
        self._script = script
        self.mlaudit.trainings.script = script.key
        notes = await self._show_fields(script)
        self._say(notes)
        self._show_about()

    @on(Select.Changed, "#script")
    def _chosen(self, event: Select.Changed) -> None:
        script = next((s for s in self._scripts if s.key == event.value), None)
        if script is not None and script is not self._script:
            if self._prefill is None:
                self.keep()
            self._choose(script)

    @work(exclusive=True, group="train.load")
    async def _choose(self, script: TrainingScript) -> None:
        await self._take(script)

    async def _show_fields(self, script: TrainingScript) -> str:
        """Put the fields up; what of the values handed in could not be taken is returned in words."""
        draft = Prefill(self.mlaudit.trainings.drafts.get(script.key, {}))
        filled = fill(script, self._prefill or draft)
        fields = self.query_one("#fields", FieldList)
        await fields.remove_children()
        await fields.mount(*(ParameterField(p, filled.values.get(p.name, p.default)) for p in script.parameters))
        if self.focused is None and not self.query_one("#there").display:
            self.focus_next("ParameterField Input, ParameterField Select, ParameterField OnOff, #start")
        origin = self._prefill.origin if self._prefill else ""
        return "\n".join((*([f"As {origin} had it."] if origin else []), *filled.remarks))

    @property
    def _fields(self) -> list[ParameterField]:
        return list(self.query(ParameterField))

    def _show_about(self) -> None:
        """What would be run, where its data would go, and why not."""
        script = self._script
        lines = Text()
        lines.append(script.name if script else "reading the script's options…", style="bold")
        if script and script.key != BUNDLED:
            lines.append(f" · {script.source}", style="dim")
        lines.append(f"\nrecords in {store_words(self.mlaudit.store)}")
        if script and script.experiment:
            lines.append(f", experiment {script.experiment}")
        if script:
            wrong = [f.parameter.name for f in self._fields if f.problem]
            changed = sum(f.changed for f in self._fields)
            lines.append(f"\n{len(self._fields)} options, {changed} changed")
            if wrong:
                lines.append(f"; not right yet: {', '.join(wrong)}", style="bold")
        self.query_one("#about", Static).update(lines)
        button = self.query_one("#start", Button)
        button.disabled = bool(self._off) or script is None or self._asking
        if self._off:
            self._say(self._off, bad=True)
        self.refresh_bindings()

    def _say(self, message: str, *, bad: bool = False) -> None:
        place = self.query_one("#message", Static)
        place.update(Text(message))
        place.display = bool(message)
        place.set_class(bad, "-bad")

    @on(ParameterField.Changed)
    def _changed(self) -> None:
        self._say("")
        self._show_about()

    # The fields

    def action_launches(self) -> None:
        """Choose one of the earlier launches and have its values here."""
        memory = self.mlaudit.trainings.memory
        if memory is not None and self._script is not None:
            self.keep()
            self.app.push_screen(
                LaunchesScreen(memory, self._scripts, lambda launch: self.fill(of_launch(launch, when(launch))))
            )

    def action_reset(self) -> None:
        """Put the field with the focus back to its default."""
        for field in self._fields:
            if field.has_focus_within:
                field.reset()

    @on(Button.Pressed, "#reset-all")
    def _reset_all(self) -> None:
        for field in self._fields:
            field.reset()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.focus_next()

    def may_leave(self) -> bool:
        """What was typed is kept."""
        self.keep()
        return True

    def keep(self) -> None:
        """Remember what was typed."""
        if self._script is not None:
            changed = {f.parameter.name: f.value for f in self._fields if f.changed}
            self.mlaudit.trainings.drafts[self._script.key] = changed

    # The start

    @on(Button.Pressed, "#start")
    def _start_pressed(self) -> None:
        self.action_start()

    def action_start(self) -> None:
        """Check, ask, start."""
        if self._off or self._script is None or self._asking:
            return
        wrong = [f for f in self._fields if f.problem]
        if wrong:
            self._say(f"--{wrong[0].parameter.name} {wrong[0].problem}.", bad=True)
            wrong[0].control.focus()
            return
        self._say("")
        self._start(self._script)

    @work(group="train.start")
    async def _start(self, script: TrainingScript) -> None:
        trainings = self.mlaudit.trainings
        self._asking = True
        self._show_about()
        try:
            planned = plan(script, tuple((f.parameter.name, f.value) for f in self._fields))
            now = trainings.queue.has_room
            dialog = ConfirmDialog(
                "Start this training?" if now else "Put this training into the queue?",
                question_lines(script, planned, trainings, self.mlaudit.store),
                confirm_label="Start" if now else "Into the queue",
                also=None if now else (NOW, "Start it now"),
            )
            answer = await self.app.push_screen_wait(dialog)
            if answer is None:
                self._say("Not started: cancelled.")
                return
            self.keep()
            if not now and answer != NOW:
                trainings.queue.add(planned)
                if self.is_current:
                    self.to_list()
                return
            self._say("Starting…")
            live = await trainings.start(planned)
        except MlauditError as error:
            self._say(f"Not started: {error}.", bad=True)
            if not in_view(self):
                trainings.notify(f"The training was not started: {error}.", bad=True)
            return
        finally:
            self._asking = False
            if self.is_attached:
                self._show_about()
        self._say("")
        if self.is_active:
            self.switch_to(TrainingScreen(live))
        else:
            trainings.notify(f"{live.headline}. t shows it.")
