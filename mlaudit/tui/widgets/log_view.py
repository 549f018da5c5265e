"""The output of a program while it is written: follows the end until the user scrolls up.

Only the lines on screen are made printable and drawn, so that a flood of output costs no more than a trickle: with one
write a line to a log widget, 10,000 lines a second held up the app for 934 ms at a time.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlaudit.tui.log_tail import LogTail
from mlaudit.tui.widgets.log_search import lines_with, pattern_of


class LogView(ScrollView, can_focus=True):
    """Shows a :class:`LogTail`. Text is literal: no markup, no escape sequences."""

    DEFAULT_CSS = """
    LogView { height: 1fr; background: $surface; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; }
    LogView:focus { background-tint: $foreground 4%; }
    """
    BINDINGS = [
        Binding("up,k", "scroll_up", show=False, id="log.up", tooltip="Scroll up"),
        Binding("down,j", "scroll_down", show=False, id="log.down", tooltip="Scroll down"),
        Binding("pageup", "page_up", show=False, id="log.page_up", tooltip="Scroll up a page"),
        Binding("pagedown", "page_down", show=False, id="log.page_down", tooltip="Scroll down a page"),
        Binding("left", "scroll_left", show=False, id="log.left", tooltip="Scroll to the left"),
        Binding("right", "scroll_right", show=False, id="log.right", tooltip="Scroll to the right"),
        Binding("home,g", "scroll_home", show=False, id="log.first", tooltip="The first line that is kept"),
        Binding("end,G", "follow", "Follow", key_display="end", id="log.follow", tooltip="Follow the end again"),
    ]

    following: reactive[bool] = reactive(True)
    """Whether new lines scroll the view."""

    class Changed(Message):
        """There are other lines than before, or they are followed or not followed now."""

    def __init__(self, tail: LogTail, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.tail = tail
        self._widest = 0
        self.needle = ""
        """What is searched for, and marked; empty: nothing."""
        self._at: int | None = None
        """The line of the match that was gone to, counted over all lines that ever came."""

    def pull(self, *, everything: bool = False) -> None:
        """Look at the file and show what has come."""
        error = self.tail.error
        change = self.tail.read_all() if everything else self.tail.read()
        if change:
            self._show(change.dropped)
        if change or error != self.tail.error:
            self.post_message(self.Changed())

    def _show(self, dropped: int) -> None:
        self.virtual_size = Size(self._widest, len(self.tail))
        if self.following:
            self._to_end()
            # Scrollbars that appear only now leave less room than there was.
            self.call_after_refresh(self._keep_end)
        elif dropped:
            # The same lines stay where they are.
            self.scroll_to(y=max(0, self.scroll_y - dropped), animate=False)
        self.refresh()

    def _to_end(self) -> None:
        # By force: where everything fitted so far, Textual refuses to scroll until it has drawn a scrollbar.
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def _keep_end(self) -> None:
        if self.following:
            self._to_end()

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self.following = True
        self._to_end()

    # Searching

    def search(self, needle: str) -> None:
        """Mark a text, and go to its first line from the top of the screen on, else to the first of all."""
        self.needle = needle
        found = lines_with(self.tail, needle)
        top = self.tail.dropped_lines + self.scroll_offset.y
        self._go(next((line for line in found if line >= top), found[0] if found else None))

    def search_again(self, by: int) -> None:
        """The next line that has it, or with -1 the one before; behind the last comes the first."""
        found = lines_with(self.tail, self.needle)
        if not found:
            self._go(None)
            return
        here = self.tail.dropped_lines + self.scroll_offset.y if self._at is None else self._at
        if by > 0:
            self._go(next((line for line in found if line > here), found[0]))
        else:
            self._go(next((line for line in reversed(found) if line < here), found[-1]))

    def _go(self, line: int | None) -> None:
        self._at = line
        if line is not None:
            self.following = False
            y = line - self.tail.dropped_lines
            height = self.scrollable_content_region.height
            if not self.scroll_offset.y <= y < self.scroll_offset.y + height:
                self.scroll_to(y=max(0, y - height // 2), animate=False, force=True)
        self.refresh()

    @property
    def found_words(self) -> str:
        """Which of how many lines with the text this is; empty when nothing is searched for."""
        found = lines_with(self.tail, self.needle)
        if not self.needle:
            return ""
        which = f"{found.index(self._at) + 1} of {len(found):,}" if self._at in found else f"{len(found):,}"
        words = f"{which} line{'' if len(found) == 1 else 's'}" if found else "not found"
        return f"{words}, {self.tail.dropped_lines:,} are only in the file" if self.tail.dropped_lines else words

    def _segments(self, index: int) -> list[Segment]:
        """A line, with what is searched for marked; on the line that was gone to more than elsewhere."""
        text, style = self.tail.line(index), self.rich_style
        if not self.needle:
            return [Segment(text, style)]
        here = self._at == index + self.tail.dropped_lines
        mark = style + Style(reverse=True, bold=here, underline=here)
        segments, end = [], 0
        for match in pattern_of(self.needle).finditer(text):
            segments += [Segment(text[end : match.start()], style), Segment(match[0], mark)]
            end = match.end()
        return [*segments, Segment(text[end:], style)]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls up wants to read; whoever comes to the end wants to follow."""
        super().watch_scroll_y(old_value, new_value)
        if new_value >= self.max_scroll_y:
            self.following = True
        elif new_value < old_value:
            self.following = False

    def watch_following(self) -> None:
        """Whoever shows it is told."""
        self.post_message(self.Changed())

    def on_resize(self, _event: events.Resize) -> None:
        """The end stays in sight."""
        self.call_after_refresh(self._keep_end)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        scroll_x, scroll_y = self.scroll_offset
        width, index = self.size.width, scroll_y + y
        style = self.rich_style
        if index >= len(self.tail):
            return Strip.blank(width, style)
        strip = Strip(self._segments(index))
        if strip.cell_length > self._widest:
            self._widest = strip.cell_length
            self.call_later(self._widen)
        return strip.crop_extend(scroll_x, scroll_x + width, style)

    def _widen(self) -> None:
        self.virtual_size = Size(self._widest, len(self.tail))
