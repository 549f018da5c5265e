"""One line that takes a ``search_runs`` expression, and below it what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from mlaudit.domain.errors import FilterError
from mlaudit.domain.filters import highlight

COLORS = {
    "entity": "cyan",
    "key": "bold",
    "operator": "magenta",
    "string": "green",
    "number": "yellow",
    "keyword": "bold magenta",
    "paren": "",
    "error": "red underline",
}


class FilterInput(Vertical):
    """Takes an expression; says in place what is wrong with it."""

    DEFAULT_CSS = """
    FilterInput { height: auto; }
    FilterInput #expression { background: $boost; }
    FilterInput #said { height: auto; max-height: 4; display: none; color: $text-error; padding: 0 1; }
    FilterInput #said.-warning { color: $text-warning; }
    """
    BINDINGS = [Binding("escape", "leave", "Back", show=False, id="filter.leave", tooltip="Back to the runs")]

    @dataclass
    class Submitted(Message):
        """Enter: filter by this expression; empty shows all runs."""

        expression: str

    class Left(Message):
        """Escape: back to the table, the field as it was last submitted."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._submitted = ""

    def compose(self) -> ComposeResult:
        yield Input(
            placeholder="/ filter: metrics.val_loss < 0.3 AND params.seed = '1'",
            id="expression",
            compact=True,
            highlighter=ExpressionHighlighter(),
            # Coming back to a refused expression is for mending it: the first key must not wipe it out.
            select_on_focus=False,
        )
        yield Static(id="said", markup=False)

    @property
    def value(self) -> str:
        """The expression as it stands in the field."""
        return self.query_one("#expression", Input).value

    @value.setter
    def value(self, expression: str) -> None:
        self._submitted = expression
        self.query_one("#expression", Input).value = expression

    def focus_input(self) -> None:
        """Go to the field, at once: what is typed next is meant for it."""
        self.screen.set_focus(self.query_one("#expression", Input))

    def show_error(self, error: FilterError | None) -> None:
        """Say what is wrong, with a caret under the place; None takes it away."""
        if error is None:
            self._say(Text(""))
            return
        lines = Text(error.problem)
        if error.position >= 0 and error.expression == self.value:
            offset = cell_len(error.expression[: error.position])
            if offset < self.size.width - 2:
                lines = Text(f"{' ' * offset}▲ \n").append(lines)
        self._say(lines)

    def show_warnings(self, warnings: Sequence[str]) -> None:
        """Say what is allowed and probably not meant."""
        self._say(Text("\n".join(f"! {w}" for w in warnings)), warning=True)

    def _say(self, text: Text, *, warning: bool = False) -> None:
        said = self.query_one("#said", Static)
        said.update(text)
        said.display = bool(text.plain)
        said.set_class(warning, "-warning")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the expression on."""
        event.stop()
        self._submitted = event.value.strip()
        self.post_message(self.Submitted(self._submitted))

    def action_leave(self) -> None:
        """Leave the field as it was last submitted."""
        self.value = self._submitted
        self.show_error(None)
        self.post_message(self.Left())


class ExpressionHighlighter(Highlighter):
    """Colours an expression in place, by what its parts mean."""

    def highlight(self, text: Text) -> None:
        """See :func:`mlaudit.domain.filters.highlight`."""
        for start, end, kind in highlight(text.plain):
            if COLORS[kind]:
                text.stylize(COLORS[kind], start, end)
