"""One option of a training script in a form: its name, a control for its value, what is wrong with that, its help."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from mlaudit.domain.training import Parameter
from mlaudit.tui.widgets.field import Field


class OnOff(Static, can_focus=True):
    """A switch in words: Textual's own shows its state by colours alone."""

    BINDINGS = [Binding("enter,space", "switch", "Switch", id="switch.toggle", tooltip="Switch it on or off")]
    value: reactive[bool] = reactive(False)

    class Changed(Message):
        """It was switched."""

        def __init__(self, value: bool) -> None:
            super().__init__()
            self.value = value

    def __init__(self, value: bool) -> None:
        super().__init__(markup=False)
        self.set_reactive(OnOff.value, value)

    def render(self) -> Text:
        """The state."""
        return Text("[x] on" if self.value else "[ ] off")

    def watch_value(self, value: bool) -> None:
        """Tell whoever holds it."""
        self.post_message(self.Changed(value))

    def action_switch(self) -> None:
        """The other state."""
        self.value = not self.value

    def on_click(self) -> None:
        """The same."""
        self.action_switch()


class Choices(Select[str], inherit_bindings=False):
    """A list to choose from that the arrows pass by: only enter and space open it."""

    BINDINGS = [Binding("enter,space", "show_overlay", "Choose", id="choices.open", tooltip="Open the list")]


class ParameterField(Container):
    """A value that is checked whenever it changes; the error stands beside it."""

    DEFAULT_CSS = """
    ParameterField {
        layout: grid;
        grid-size: 3;
        grid-columns: 20 24 1fr;
        grid-rows: auto;
        grid-gutter: 0 1;
        height: auto;
    }
    ParameterField .name { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ParameterField .note { height: auto; color: $text-muted; }
    ParameterField .help { column-span: 3; height: auto; padding-left: 21; color: $text-muted; }
    ParameterField Input { background: $boost; }
    ParameterField OnOff { height: 1; background: $boost; }
    ParameterField OnOff:focus, ParameterField Choices:focus SelectCurrent { text-style: reverse; }
    ParameterField.-bad .note { color: $text-error; text-style: bold; }
    ParameterField.-bad Input { background: $error-muted; }
    ParameterField.-changed .name { text-style: bold; }
    """

    class Changed(Message):
        """The value is another one."""

    def __init__(self, parameter: Parameter, value: str) -> None:
        super().__init__()
        self.parameter = parameter
        self._value = value
        if parameter.type == "bool" or (parameter.type == "choice" and value not in parameter.choices):
            # A control that cannot hold a wrong value cannot show one either.
            self._value = value if not parameter.problem(value) else parameter.default

    def compose(self) -> ComposeResult:
        yield Static(classes="name", markup=False)
        yield self._control()
        yield Static(classes="note", markup=False)
        yield Static(self._help(), classes="help", markup=False)

    def on_mount(self) -> None:
        """Say at once what is wrong with a value that was handed in."""
        # One that was taken away at once, as by a form that is filled anew, gets no widgets any more.
        if self.children:
            self._say()

    def on_descendant_focus(self) -> None:
        """The help below comes into view with the control."""
        self.call_after_refresh(self.scroll_visible, animate=False)

    def _control(self) -> Widget:
        p = self.parameter
        if p.type == "bool":
            return OnOff(self._value == "true")
        if p.type == "choice":
            options = [(Text(c), c) for c in p.choices]
            chosen = self._value or Select.NULL
            return Choices(options, allow_blank=not p.default, prompt="not passed", value=chosen, compact=True)
        return Field(self._value, compact=True, placeholder="" if p.default else "not passed")

    def _help(self) -> Text:
        p = self.parameter
        # A switch and a list show by themselves what they may hold.
        allowed = "" if p.type in {"bool", "choice", "str"} else p.allowed
        return Text(" · ".join(part for part in (p.help, allowed) if part))

    @property
    def value(self) -> str:
        """As text, checked or not."""
        return self._value

    @property
    def problem(self) -> str:
        """Why the value will not do; empty when it will."""
        return self.parameter.problem(self._value)

    @property
    def changed(self) -> bool:
        """Whether it differs from the default."""
        return self._value != self.parameter.default

    @property
    def control(self) -> Widget:
        """What takes the focus."""
        return self.query_one("Input, Select, OnOff")

    def reset(self) -> None:
        """Back to the default."""
        control, default = self.control, self.parameter.default
        if isinstance(control, OnOff):
            control.value = default == "true"
        elif isinstance(control, Select):
            control.value = default or Select.NULL
        elif isinstance(control, Input):
            control.value = default
            control.cursor_position = len(default)

    @on(Input.Changed)
    @on(Select.Changed)
    @on(OnOff.Changed)
    def _control_changed(self, event: Input.Changed | Select.Changed | OnOff.Changed) -> None:
        event.stop()
        value = event.value
        if isinstance(value, bool):
            value = "true" if value else "false"
        value = value if isinstance(value, str) else ""
        if value == self._value:
            # Controls also report the value that they begin with.
            return
        self._value = value
        self._say()
        self.post_message(self.Changed())

    def _say(self) -> None:
        p, problem = self.parameter, self.problem
        default = p.default or "not passed"
        if p.type == "bool":
            default = "on" if p.default == "true" else "off"
        note = problem or (f"default: {default}" if self.changed else "")
        self.query_one(".name", Static).update(Text(f"{'•' if self.changed else ' '} {p.name}", no_wrap=True))
        self.query_one(".note", Static).update(Text(note))
        self.set_class(bool(problem), "-bad")
        self.set_class(self.changed, "-changed")
