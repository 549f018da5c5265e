"""What is said in a terminal that is too small to show anything else."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

SMALLEST = Size(80, 24)


def is_too_small(size: Size) -> bool:
    """Whether the screens do not fit."""
    return size.width < SMALLEST.width or size.height < SMALLEST.height


class TooSmallScreen(ModalScreen[None]):
    """Lies over everything until the terminal is large enough; the screens below go on."""

    CSS = """
    TooSmallScreen { align: center middle; background: $background; }
    TooSmallScreen Static { width: auto; max-width: 100%; height: auto; text-align: center; }
    """

    BINDINGS = [Binding("q", "app.quit", "Quit", id="small.quit", tooltip="Leave mlaudit")]

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def on_mount(self) -> None:
        """Say how large the terminal is, and must be."""
        self._tell()

    def on_resize(self) -> None:
        """It may have grown while another screen lay above this one."""
        self._tell()

    def on_screen_resume(self) -> None:
        """The same."""
        self._tell()

    def _tell(self) -> None:
        size = self.app.size
        if not is_too_small(size):
            if self.is_active:
                self.dismiss()
            return
        self.query_one(Static).update(
            Text(
                f"The terminal is too small: {size.width}x{size.height}.\n"
                f"mlaudit needs {SMALLEST.width}x{SMALLEST.height}.\nEnlarge it, or press q to quit."
            )
        )
