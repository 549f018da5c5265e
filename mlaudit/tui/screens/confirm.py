"""The dialog before anything that writes. It starts on Cancel, and no letter key confirms.

A tired engineer presses enter twice: the first thing that enter meets here is Cancel. Where the stakes are higher a
text must be typed first, exactly, before the other button can be pressed at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from mlaudit.tui.screens.dialog import Dialog
from mlaudit.tui.widgets.field import Field


class ConfirmDialog(Dialog[str | None]):
    """Returns None when cancelled, else the reason where one is asked for, else what was typed (the empty text when no
    typing was needed).

    With ``also`` there is a third button, and its answer.
    """

    CSS_PATH = "confirm.tcss"
    AUTO_FOCUS = "#cancel"
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="confirm.cancel", tooltip="Close without doing anything"),
        Binding("left", "app.focus_previous", show=False, id="confirm.previous", tooltip="The button before"),
        Binding("right", "app.focus_next", show=False, id="confirm.next", tooltip="The next button"),
        Binding("up", "scroll(-1)", show=False, id="confirm.up", tooltip="Scroll the text up"),
        Binding("down", "scroll(1)", show=False, id="confirm.down", tooltip="Scroll the text down"),
        Binding("pageup", "scroll(-8)", show=False, id="confirm.page_up", tooltip="Scroll the text up a page"),
        Binding("pagedown", "scroll(8)", show=False, id="confirm.page_down", tooltip="Scroll the text down a page"),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[str | Text],
        *,
        confirm_label: str,
        typed: str | None = None,
        reason: str = "",
        also: tuple[str, str] | None = None,
    ) -> None:
        """``typed`` is what must be typed before ``confirm_label`` can be pressed; None: nothing.

        ``reason`` is the question for a reason, which must be given; empty: none is asked for. ``also`` is (answer,
        label) of another thing that can be done without either.
        """
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._confirm_label = confirm_label
        self._typed = typed
        self._reason = reason
        self.set_class(bool(reason), "-reason")
        self.set_class(typed is None and not reason, "-plain")
        self._also = also

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(self._title), id="title")
            with VerticalScroll(id="text", can_focus=False):
                for line in self._lines:
                    yield Static(line if isinstance(line, Text) else Text(line))
            if self._typed is not None:
                yield Static(Text.assemble("To confirm, type: ", (self._typed, "bold")), id="prompt")
                yield Field(id="typed", compact=True)
            if self._reason:
                yield Static(Text(self._reason), id="reason_prompt")
                yield Field(id="reason", compact=True)
            with Horizontal(id="buttons"):
                yield Button(Content("Cancel"), id="cancel", compact=True)
                yield Button(
                    Content(self._confirm_label),
                    id="confirm",
                    variant="warning",
                    compact=True,
                    disabled=not self._is_complete(),
                )
                if self._also is not None:
                    yield Button(Content(self._also[1]), id="also", variant="warning", compact=True)

    def on_input_changed(self) -> None:
        """The button can be pressed exactly while the text is right and a reason is there."""
        self.query_one("#confirm", Button).disabled = not self._is_complete()

    def on_input_submitted(self) -> None:
        """Enter in a field goes to the button and does not press it."""
        button = self.query_one("#confirm", Button)
        if not button.disabled:
            button.focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer with the button that was pressed."""
        if event.button.id == "also" and self._also is not None:
            self.dismiss(self._also[0])
            return
        if event.button.id != "confirm":
            self.dismiss(None)
        elif self._is_complete():
            self.dismiss(self._field("reason").strip() if self._reason else self._field("typed"))

    def _field(self, name: str) -> str:
        """What stands in a field; empty while there is none."""
        found = self.query(f"#{name}").results(Input) if self.is_mounted else iter(())
        return next((field.value for field in found), "")

    def _is_complete(self) -> bool:
        typed = self._typed is None or self._field("typed") == self._typed
        return typed and (not self._reason or bool(self._field("reason").strip()))

    def action_cancel(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll the text, which may be longer than a small terminal."""
        self.query_one("#text").scroll_relative(y=lines, animate=False)
