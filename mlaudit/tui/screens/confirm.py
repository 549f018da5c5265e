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
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static


class ConfirmDialog(ModalScreen[str | None]):
    """Returns None when cancelled, else what was typed (the empty text when no typing was needed).

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
        also: tuple[str, str] | None = None,
    ) -> None:
        """``typed`` is what must be typed before ``confirm_label`` can be pressed; None: nothing.

        ``also`` is (answer, label) of another thing that can be done without typing.
        """
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._confirm_label = confirm_label
        self._typed = typed
        self._also = also
        self._answered = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(self._title), id="title")
            with VerticalScroll(id="text", can_focus=False):
                for line in self._lines:
                    yield Static(line if isinstance(line, Text) else Text(line))
            if self._typed is not None:
                yield Static(Text.assemble("To confirm, type: ", (self._typed, "bold")), id="prompt")
                yield Input(id="typed", compact=True)
            with Horizontal(id="buttons"):
                yield Button(Content("Cancel"), id="cancel", compact=True)
                yield Button(
                    Content(self._confirm_label),
                    id="confirm",
                    variant="warning",
                    compact=True,
                    disabled=self._typed is not None,
                )
                if self._also is not None:
                    yield Button(Content(self._also[1]), id="also", variant="warning", compact=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        """The button can be pressed exactly while the text is right."""
        self.query_one("#confirm", Button).disabled = event.value != self._typed

    def on_input_submitted(self) -> None:
        """Enter in the field goes to the button and does not press it."""
        button = self.query_one("#confirm", Button)
        if not button.disabled:
            button.focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer with the button that was pressed."""
        if event.button.id == "also" and self._also is not None:
            self._answer(self._also[0])
            return
        if event.button.id != "confirm":
            self._answer(None)
            return
        value = "" if self._typed is None else self.query_one("#typed", Input).value
        if self._typed is None or value == self._typed:
            self._answer(value)

    def action_cancel(self) -> None:
        """Close without doing anything."""
        self._answer(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll the text, which may be longer than a small terminal."""
        self.query_one("#text").scroll_relative(y=lines, animate=False)

    def _answer(self, result: str | None) -> None:
        # Two key presses may be queued before the dialog is gone; only the first one counts.
        if not self._answered:
            self._answered = True
            self.dismiss(result)
