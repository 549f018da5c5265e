"""Saved views of the runs: a list to apply one, to save the present one, to rename and to delete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.cells import cell_len
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlaudit.config.saved_views import SavedViews
from mlaudit.domain.errors import UsageError
from mlaudit.domain.saved_view import SavedView
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.screens.dialog import Dialog
from mlaudit.tui.screens.picker import step
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.pick_list import PickList

NEED_A_VIEW = {"rename", "delete", "apply"}


class ViewsScreen(Dialog[tuple[str, SavedView] | None]):
    """Returns the view to apply with its name, None when closed. What was saved last is :attr:`saved`."""

    CSS = """
    ViewsScreen { align: center middle; }
    ViewsScreen #box { width: 90; max-width: 95%; height: auto; max-height: 80%; padding: 0 1; }
    ViewsScreen #box { border: heavy $primary; background: $surface; }
    ViewsScreen OptionList { height: auto; max-height: 16; border: none; }
    ViewsScreen Static { height: auto; color: $text-muted; }
    ViewsScreen #title { color: $foreground; text-style: bold; }
    ViewsScreen #problem { color: $text-error; }
    ViewsScreen #name { display: none; }
    ViewsScreen.-naming #name { display: block; }
    """
    AUTO_FOCUS = "OptionList"
    BINDINGS = [
        Binding("escape", "cancel", "Close", id="views.cancel", tooltip="Back to the runs as they are"),
        Binding("enter", "apply", "Apply", priority=True, id="views.apply", tooltip="Show the runs this way"),
        # These before the keys of the name that is typed right after them.
        Binding(
            "s", "save", "Save", priority=True, id="views.save", tooltip="Save how the runs are shown now, under a name"
        ),
        Binding("n", "rename", "Rename", priority=True, id="views.rename", tooltip="Give the view another name"),
        Binding("x", "delete", "Delete", id="views.delete", tooltip="Delete the view, after a question"),
        Binding("j", "cursor(1)", show=False, id="views.next", tooltip="The next view"),
        Binding("k", "cursor(-1)", show=False, id="views.previous", tooltip="The view before"),
    ]

    def __init__(self, views: SavedViews, present: SavedView, current: str = "") -> None:
        """``present`` is what can be saved; ``current`` the name of the view that was applied or saved last."""
        super().__init__()
        self._views = views
        self._present = present
        self._current = current
        self._known: dict[str, SavedView] = {}
        self._renaming: str | None = None
        self._busy = False
        self.saved = ""
        """The name under which the present view was saved here."""

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static("Saved views of these runs", id="title", markup=False)
            yield PickList(markup=False)
            yield Field(id="name", compact=True, select_on_focus=False)
            yield Static(id="about", markup=False)
            yield Static(id="problem", markup=False)
            yield Static(id="hint", markup=False)

    def on_mount(self) -> None:
        """List them."""
        self._list(self._current)

    def _list(self, highlighted: str = "") -> None:
        self._known = dict(self._views.read())
        rows = self.query_one(OptionList)
        rows.clear_options()
        width = min(30, max((cell_len(name) for name in self._known), default=0))
        # The box's width less its frame and the paddings.
        room = min(90, self.app.size.width * 95 // 100) - 6
        for name, view in self._known.items():
            sign = "● " if name == self._current else "  "
            line = Text.assemble(f"{sign}{fit(name, width, pad=True)}  ", (view.summary, "dim"))
            line.truncate(room, overflow="ellipsis")
            rows.add_option(Option(line))
        names = list(self._known)
        if names:
            rows.highlighted = names.index(highlighted) if highlighted in names else 0
        else:
            self.query_one("#about", Static).update("")
        rows.display = bool(names)
        self._say_problem(self._views.problem)
        self._say_hint()

    @property
    def _chosen(self) -> str | None:
        index = self.query_one(OptionList).highlighted
        names = list(self._known)
        return names[index] if index is not None and index < len(names) else None

    def _say_problem(self, problem: str) -> None:
        self.query_one("#problem", Static).update(Text(problem))

    def _say_hint(self) -> None:
        if self.has_class("-naming"):
            said = "enter keeps the name · esc does not"
        elif self._known:
            said = "enter applies · s saves as shown · n renames · x deletes · esc closes"
        else:
            said = f"None is saved here yet. s saves the present one: {self._present.summary} · esc closes"
        self.query_one("#hint", Static).update(Text(said))

    def _ask_name(self, name: str, placeholder: str, about: str) -> None:
        """``about``: the view that gets this name."""
        self.add_class("-naming")
        self.query_one("#about", Static).update(Text(about))
        field = self.query_one("#name", Field)
        field.value, field.placeholder = name, placeholder
        field.cursor_position = len(name)
        self.set_focus(field)
        self._say_problem("")
        self._say_hint()

    def _end_naming(self) -> None:
        self._renaming = None
        self.remove_class("-naming")
        self.set_focus(self.query_one(OptionList) if self._known else None)
        self._say_about()
        self._say_hint()

    @on(Input.Changed)
    def _typed(self) -> None:
        self._say_problem("")

    def action_save(self) -> None:
        """Ask for a name for the present view."""
        self._ask_name(self._current, "a name for the present view", f"to be saved: {self._present.summary}")

    def action_rename(self) -> None:
        """Ask for another name."""
        if (name := self._chosen) is not None:
            self._ask_name(name, "another name", f"{name}: {self._known[name].summary}")
            self._renaming = name

    def action_apply(self) -> None:
        """Apply the view under the cursor."""
        if (name := self._chosen) is not None:
            self.dismiss((name, self._known[name]))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        """The field's own message: it comes after all that was typed."""
        if not self._busy:
            self._take_name(event.value)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        """All of what a line may have had no room for."""
        # Of the list as it is now, which may be another one than the message is about.
        if self._chosen is not None and not self.has_class("-naming"):
            self._say_about()

    def _say_about(self) -> None:
        name = self._chosen
        self.query_one("#about", Static).update(Text(f"{name}: {self._known[name].summary}" if name else ""))

    @on(OptionList.OptionSelected)
    def _clicked(self) -> None:
        """The key is this screen's own."""
        if (name := self._chosen) is not None:
            self.dismiss((name, self._known[name]))

    @work(group="views.change")
    async def _take_name(self, typed: str) -> None:
        name, old = typed.strip(), self._renaming
        if old is not None:
            if await self._change(lambda: self._views.rename(old, name)):
                self._current = name if self._current == old else self._current
                self._end_naming()
                self._list(name)
            return
        replace = name in self._known
        if replace:
            lines = [f"It is: {self._known[name].summary}", f"It becomes: {self._present.summary}"]
            dialog = ConfirmDialog(f"Replace the view {name}?", lines, confirm_label="Replace")
            if await self.app.push_screen_wait(dialog) is None:
                return
        if await self._change(lambda: self._views.save(name, self._present, replace=replace)):
            self._current = self.saved = name
            self._end_naming()
            self._list(name)

    @work(group="views.change")
    async def action_delete(self) -> None:
        """Delete the view under the cursor, after a question."""
        if (name := self._chosen) is None:
            return
        lines = [f"It is: {self._known[name].summary}"]
        dialog = ConfirmDialog(f"Delete the view {name}?", lines, confirm_label="Delete")
        if await self.app.push_screen_wait(dialog) is None:
            return
        if await self._change(lambda: self._views.delete(name)):
            self._current = "" if self._current == name else self._current
            self._list()

    @property
    def applied(self) -> str:
        """The name that the view on show has by now; empty where there is none, or none any more."""
        return self._current

    async def _change(self, change: Callable[[], str]) -> bool:
        """Whether it was done. In a thread: another mlaudit may keep the file locked for a moment."""
        self._busy = True
        try:
            told = await asyncio.to_thread(change)
        except UsageError as error:
            self._say_problem(f"{error}.")
            return False
        finally:
            self._busy = False
        if told:
            self.app.notify(told, severity="warning", timeout=15, markup=False)
        return True

    def action_cursor(self, by: int) -> None:
        """Move through the list."""
        step(self.query_one(OptionList), by)

    def action_cancel(self) -> None:
        """Out of the field first, then out of the dialog."""
        if self.has_class("-naming"):
            self._end_naming()
        else:
            self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field owns the keys that print; there must be a view to do something with it."""
        if action in {"apply", "save", "rename"} and isinstance(self.focused, Input):
            return False
        if self.is_mounted and action in NEED_A_VIEW and not self._known:
            return None
        return super().check_action(action, parameters)
