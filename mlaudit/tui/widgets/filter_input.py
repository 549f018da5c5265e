"""One line that takes a filter, and around it all that helps to write one.

While somebody types, what may come next is offered in a list below; what is wrong is said in place, with a mark under
the character, but not before the last word is finished. ``up`` brings back filters that were used; ``ctrl+s`` gives the
one in the field a name, under which it is offered as ``@name``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from mlaudit.config.filter_memory import NAME, FilterMemory
from mlaudit.domain.errors import FilterError
from mlaudit.domain.filter_completion import Candidate, complete
from mlaudit.domain.filter_keys import KnownKeys, suggestion
from mlaudit.domain.filters import is_unfinished, locate_error
from mlaudit.domain.text import clean
from mlaudit.tui.widgets.completion_list import CompletionList
from mlaudit.tui.widgets.expression_field import ExpressionField
from mlaudit.tui.widgets.field import Field

QUIET = 0.3
"""Seconds without a key after which a mistake is said."""


class FilterInput(Vertical):
    """Takes an expression; completes it, says in place what is wrong with it, remembers those that were used."""

    DEFAULT_CSS = """
    FilterInput { height: auto; }
    FilterInput #expression { background: $boost; }
    FilterInput #name { background: $boost; display: none; }
    FilterInput #said { height: auto; max-height: 6; display: none; }
    FilterInput #said.-error { color: $text-error; }
    FilterInput #said.-warning { color: $text-warning; }
    FilterInput #said.-note { color: $text-muted; }
    """
    BINDINGS = [
        Binding("escape", "leave", "Back", show=False, id="filter.leave", tooltip="Back to the runs"),
        Binding("tab", "choose", "Complete", show=False, id="filter.complete", tooltip="Choose what comes next"),
        Binding("down", "down", "Complete", show=False, id="filter.down", tooltip="Choose what comes next"),
        Binding("up", "up", "History", show=False, id="filter.up", tooltip="The filters used before"),
        Binding("ctrl+s", "name", "Name it", show=False, id="filter.name", tooltip="Give this filter a name"),
    ]

    @dataclass
    class Submitted(Message):
        """Enter: filter by this expression; empty shows all runs."""

        expression: str

    class Left(Message):
        """Escape: back to the table, the field as it was last submitted."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._submitted = ""
        self._seen = KnownKeys()
        self._memory: FilterMemory | None = None
        self._error: FilterError | None = None
        self._walk: int | None = None
        self._draft = ""
        self._quiet: Timer | None = None

    def compose(self) -> ComposeResult:
        yield ExpressionField(
            self, placeholder="/ filter: metrics.val_loss < 0.3 AND params.seed = '1'", id="expression"
        )
        yield Field(placeholder="a name for this filter, then enter: good-runs", id="name", compact=True)
        yield Static(id="said", markup=False)
        yield CompletionList()

    def on_mount(self) -> None:
        """The mark under a mistake moves with the text."""
        self.watch(self._field, "scroll_x", self._text_scrolled, init=False)

    # For the screen around it

    @property
    def value(self) -> str:
        """The expression as it stands in the field."""
        return self._field.value

    @value.setter
    def value(self, expression: str) -> None:
        self._submitted = expression
        self._put(expression)

    def set_keys(
        self,
        metrics: Iterable[str],
        params: Iterable[str],
        tags: Iterable[str],
        values: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """The raw keys to complete; ``values``: ``params.KEY`` or ``tags.KEY`` -> values seen."""
        seen = {name: tuple(some) for name, some in (values or {}).items()}
        self._seen = KnownKeys(tuple(metrics), tuple(params), tuple(tags), seen)

    def set_memory(self, memory: FilterMemory | None) -> None:
        """Where filters are remembered and named; None: nowhere."""
        self._memory = memory
        if memory is not None and memory.problem:
            self._say(Text(memory.problem), "note")

    def focus_input(self) -> None:
        """Go to the field, at once: what is typed next is meant for it."""
        self.screen.set_focus(self._field)

    def show_error(self, error: FilterError | None) -> None:
        """Say what is wrong, with a mark under the place; None takes it away."""
        self._error = error
        if error is None:
            self._say(Text(""))
            return
        near = suggestion(error.expression, error.position, self._seen) if error.position >= 0 else None
        problem = error.problem if near is None or near in error.problem else f"{error.problem} — {clean(near)}?"
        # What is submitted has no blanks around it.
        blanks = 0 if error.expression == self.value else len(self.value) - len(self.value.lstrip())
        column = self._column(error.position + blanks)
        if error.position < 0 or error.expression.strip() != self.value.strip():
            self._say(Text(problem), "error")
        elif 0 <= column < self._field.size.width:
            self._say(Text(f"{' ' * column}▲\n").append(problem), "error")
        else:
            self._say(Text(f"character {error.position + 1}: {problem}"), "error")

    def show_warnings(self, warnings: Sequence[str]) -> None:
        """Say what is allowed and probably not meant."""
        self._say(Text("\n".join(f"! {w}" for w in warnings)), "warning")

    # Typing

    @property
    def _field(self) -> ExpressionField:
        return self.query_one("#expression", ExpressionField)

    @property
    def _list(self) -> CompletionList:
        return self.query_one(CompletionList)

    def _put(self, expression: str, cursor: int | None = None) -> None:
        """Set the field as if by program: nothing is offered, no mistake looked for."""
        field = self._field
        with self.prevent(Input.Changed):
            field.value = expression
        field.cursor_position = len(expression) if cursor is None else cursor
        self._list.close()

    @on(Input.Changed, "#expression")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._walk = None
        self._offer()
        self._look()

    def _offer(self, *, always: bool = False) -> None:
        """Show what may come next; for an empty field only when asked."""
        field = self._field
        if not field.has_focus or not (always or field.value.strip()):
            self._list.close()
            return
        found = complete(field.value, field.cursor_position, self._seen, self._names())
        self._list.show(found, self._column(found[0].start) if found else 0)

    def _look(self) -> None:
        """Say a mistake, at once where one is said already, else when nothing is typed for a moment."""
        if self._quiet is not None:
            self._quiet.stop()
        error = self._mistake()
        if error is None or self._error is not None:
            self.show_error(error)
        else:
            self._say(Text(""))
            self._quiet = self.set_timer(QUIET, self._say_mistake)

    def _say_mistake(self) -> None:
        error = self._mistake()
        if error is not None:
            self.show_error(error)

    def _mistake(self) -> FilterError | None:
        """What is wrong whatever is typed after it."""
        text = self.value
        if text.lstrip().startswith("@"):
            return None
        error = locate_error(text)
        return None if error is None or is_unfinished(error) else error

    def _text_scrolled(self) -> None:
        if self._error is not None:
            self.show_error(self._error)

    def _column(self, position: int) -> int:
        """The column in which a character of the expression stands; outside of the field it may be negative."""
        return cell_len(self.value[: max(0, position)]) - int(self._field.scroll_offset.x)

    def _say(self, text: Text, kind: str = "note") -> None:
        if not self.is_mounted:
            return
        said = self.query_one("#said", Static)
        said.update(text)
        said.display = bool(text.plain)
        for name in ("error", "warning", "note"):
            said.set_class(name == kind, f"-{name}")

    # Completion

    def action_choose(self) -> None:
        """Go into the list, or take what is chosen there."""
        if self._list.chosen is not None:
            self.take()
        else:
            self._list.enter()

    def action_down(self) -> None:
        """Down the list, back towards the filter that was being typed, or into the list."""
        listed = self._list
        if listed.chosen is not None:
            listed.move(1)
        elif self._walk is not None:
            self._walk_to(self._walk - 1)
        else:
            if not listed.is_open:
                self._offer(always=True)
            listed.enter()

    def action_up(self) -> None:
        """Up the list; in a field that is empty or as it was submitted, to the filter used before."""
        if self._list.chosen is not None:
            self._list.move(-1)
        elif self._walk is not None:
            self._walk_to(self._walk + 1)
        elif self._memory is not None and self.value.strip() in {"", self._submitted}:
            self._draft = self.value
            history = self._memory.history
            self._walk_to(1 if history and history[0] == self.value.strip() else 0)

    def _walk_to(self, place: int) -> None:
        history = self._memory.history if self._memory is not None else ()
        if place < 0:
            self._walk = None
            self._put(self._draft)
        elif place < len(history):
            self._walk = place
            # As it was used: the field paints it safely, and what is made printable is another filter.
            self._put(history[place])

    def take(self) -> bool:
        """Put in what is chosen in the list; False when nothing is."""
        chosen = self._list.chosen
        if chosen is not None:
            self._take(chosen)
        return chosen is not None

    def _take(self, candidate: Candidate) -> None:
        text, rest = self.value, self.value[candidate.end :]
        insert = candidate.insert[:-1] if candidate.insert.endswith(" ") and rest.startswith(" ") else candidate.insert
        after = candidate.start + len(insert) + (insert is not candidate.insert and rest.startswith(" "))
        self._put(text[: candidate.start] + insert + rest, after)
        self._walk = None
        self._offer()
        self._look()

    @on(CompletionList.Clicked)
    def _clicked(self, event: CompletionList.Clicked) -> None:
        event.stop()
        self._field.focus()
        self._take(event.candidate)

    def on_descendant_blur(self) -> None:
        """The list belongs to the field that is typed in, and a name is asked for only while somebody is there."""
        # Queries, since the last blur comes while the screen is taken apart.
        for listed in self.query(CompletionList):
            listed.close()
        for name in self.query("#name").results(Input):
            name.display = name.has_focus

    # Names

    def _names(self) -> Mapping[str, str]:
        return self._memory.named if self._memory is not None else {}

    def action_name(self) -> None:
        """Ask for a name for the filter in the field."""
        if self._memory is None or not self.value.strip():
            self._say(Text("type a filter first, then ctrl+s gives it a name"), "note")
            return
        self._list.close()
        self._say(Text(""))
        name = self.query_one("#name", Input)
        name.display = True
        name.value = ""
        name.focus()

    def forget(self) -> bool:
        """Take away the name that is chosen in the list; False when none is."""
        chosen = self._list.chosen
        if chosen is None or chosen.kind != "named" or self._memory is None:
            return False
        end = "is forgotten" if self._memory.forget(chosen.text[1:]) else "could not be taken away here"
        self._offer(always=True)
        self._say(Text(f"{chosen.text} {end}"), "note")
        return True

    @on(Input.Submitted, "#name")
    def _name_given(self, event: Input.Submitted) -> None:
        event.stop()
        name, expression = event.value.strip().removeprefix("@"), self.value.strip()
        if not NAME.fullmatch(name):
            said = "a name begins with a letter or digit; then letters, digits, - . _ follow, 39 at most"
            self._say(Text(said), "error")
            return
        assert self._memory is not None
        before = self._memory.named.get(name, expression)
        kept = self._memory.name(name, expression)
        self._close_name()
        instead = "" if before == expression else f"; before it was {clean(before)}"
        self._say(Text(f"@{name} is this filter now{instead}" + ("" if kept else ", until mlaudit ends")), "note")

    @on(Input.Changed, "#name")
    def _name_typed(self, event: Input.Changed) -> None:
        event.stop()

    def _close_name(self) -> None:
        self.query_one("#name", Input).display = False
        self._field.focus()

    # Enter and escape

    @on(Input.Submitted, "#expression")
    def _entered(self, event: Input.Submitted) -> None:
        """Hand the expression on."""
        event.stop()
        expression = event.value.strip()
        if expression.startswith("@"):
            named = self._names().get(expression[1:])
            if named is None:
                self.show_error(FilterError(expression, f"no filter is named {expression[1:]!r}", 0))
                return
            expression = named
            self._put(expression)
        self._list.close()
        if self._quiet is not None:
            self._quiet.stop()
        self._walk, self._submitted = None, expression
        if self._memory is not None and locate_error(expression) is None:
            self._memory.remember(expression)
        self.post_message(self.Submitted(expression))

    def action_leave(self) -> None:
        """Close what is open; else leave the field as it was last submitted."""
        if self._list.is_open:
            self._list.close()
        elif self.query_one("#name", Input).display:
            self._say(Text(""))
            self._close_name()
        else:
            self.value, self._walk = self._submitted, None
            self.show_error(None)
            self.post_message(self.Left())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a list tab goes on to the next pane, and the field for a name has no use for the list's keys."""
        if not self.is_mounted:
            return False
        if action == "choose":
            return self._list.is_open
        if action in {"down", "up", "name"}:
            return self._field.has_focus
        return super().check_action(action, parameters)
