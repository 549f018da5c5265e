"""The content of an artifact: lines, a table, a picture or Markdown. Only what is on screen is drawn."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlaudit.services.preview import Kind, Preview
from mlaudit.services.preview_lines import Line
from mlaudit.services.preview_picture import Picture
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.markdown_text import MarkdownText

GAP = 2
"""Cells between the columns of a table."""


class PreviewView(ScrollView, can_focus=True):
    """Shows a :class:`Preview`; a table's header stays while its rows scroll."""

    HELP_NAME = "preview"
    DEFAULT_CSS = """
    PreviewView { height: 1fr; background: $surface; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; }
    PreviewView:focus { background-tint: $foreground 4%; }
    PreviewView > .preview--key { color: $text-primary; }
    PreviewView > .preview--string { color: $text-success; }
    PreviewView > .preview--number { color: $text-accent; }
    PreviewView > .preview--word { color: $text-secondary; text-style: bold; }
    PreviewView > .preview--comment { color: $text-muted; text-style: italic; }
    PreviewView > .preview--title { text-style: bold; }
    PreviewView > .preview--dim { color: $text-muted; }
    PreviewView > .preview--bad { color: $text-error; }
    """
    COMPONENT_CLASSES = {
        f"preview--{role}" for role in ("key", "string", "number", "word", "comment", "title", "dim", "bad")
    }
    BINDINGS = [
        Binding("up,k", "scroll_up", show=False, id="preview.up", tooltip="Scroll up"),
        Binding("down,j", "scroll_down", show=False, id="preview.down", tooltip="Scroll down"),
        Binding("pageup", "page_up", show=False, id="preview.page_up", tooltip="Scroll up a page"),
        Binding("pagedown", "page_down", show=False, id="preview.page_down", tooltip="Scroll down a page"),
        Binding("left,h", "sideways(-8)", show=False, id="preview.left", tooltip="Scroll to the left"),
        Binding("right,l", "sideways(8)", show=False, id="preview.right", tooltip="Scroll to the right"),
        Binding("home,g", "scroll_home", show=False, id="preview.first", tooltip="The first line"),
        Binding("end,G", "scroll_end", show=False, id="preview.last", tooltip="The last line that was read"),
        Binding("enter", "fetch", "Fetch", id="preview.fetch", tooltip="Fetch the file, large as it is, or try again"),
        Binding("escape", "leave", "Back", id="preview.leave", tooltip="Back to the tree of artifacts"),
    ]

    class Left(Message):
        """The user wants to go back to the tree."""

    class FetchAsked(Message):
        """The user wants the file in spite of its size, or once more."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.preview: Preview | None = None
        self.can_fetch = False
        """Whether enter means anything."""
        self._lines: Sequence[Line] = ()
        self._strips: list[Strip] = []
        """Of Markdown, in place of the lines."""
        self._widths: tuple[int, ...] = ()
        self._right: tuple[bool, ...] = ()
        self._widest = 0

    def show(self, preview: Preview | None) -> None:
        """Show it from its start; None: nothing."""
        self.preview = preview
        self._lines, self._strips, self._widest = (), [], 0
        if preview is not None:
            self._lines = preview.lines
            self._widest = max((sum(cell_len(text) for text, _ in line) for line in preview.lines), default=0)
            if preview.kind is Kind.TABLE:
                self._measure(preview.rows)
            elif preview.picture is not None:
                self._widest = preview.picture.width
            elif preview.kind is Kind.MARKDOWN:
                self._lay_out(preview.text)
        self._resize()
        self.scroll_home(animate=False, force=True)
        self.refresh()

    def _measure(self, rows: Sequence[tuple[str, ...]]) -> None:
        count = max(map(len, rows), default=0)
        columns = [[row[at] for row in rows if at < len(row)] for at in range(count)]
        self._widths = tuple(max(map(cell_len, column)) for column in columns)
        self._right = tuple(all(map(_is_number, column[1:])) for column in columns)
        self._widest = sum(self._widths) + GAP * count

    def _lay_out(self, text: str) -> None:
        width = max(20, self.size.width - 2)
        options = self.app.console.options.update(width=width)
        lines = self.app.console.render_lines(MarkdownText(text), options, style=self.rich_style, pad=False)
        self._strips = [Strip(line) for line in lines]
        self._widest = width

    def _resize(self) -> None:
        self.virtual_size = Size(self._widest, self._height + self._pinned)

    @property
    def _pinned(self) -> int:
        return 1 if self.preview is not None and self.preview.kind is Kind.TABLE and self.preview.rows else 0

    @property
    def _height(self) -> int:
        """Rows that scroll."""
        preview = self.preview
        if preview is None:
            return 0
        if preview.picture is not None:
            return (preview.picture.height + 1) // 2
        return len(self._strips or preview.rows[1:] or self._lines)

    def on_resize(self) -> None:
        """Markdown is laid out anew."""
        if self.preview is not None and self.preview.kind is Kind.MARKDOWN:
            self._lay_out(self.preview.text)
            self._resize()
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        scroll_x, scroll_y = self.scroll_offset
        width, style = self.size.width, self.rich_style
        if self.preview is None:
            return Strip.blank(width, style)
        index = -1 if y < self._pinned else y - self._pinned + scroll_y
        if index >= self._height:
            return Strip.blank(width, style)
        return self._strip(self.preview, index).crop_extend(scroll_x, scroll_x + width, style)

    def _strip(self, preview: Preview, index: int) -> Strip:
        base = self.rich_style
        if preview.picture is not None:
            return Strip(_half_blocks(preview.picture, index, base))
        if preview.kind is Kind.TABLE:
            style = base + self._style("title") if index < 0 else base
            return Strip([Segment(self._row(preview.rows[index + 1], header=index < 0), style)])
        if self._strips:
            return self._strips[index].apply_style(base)
        return Strip([Segment(text, base + self._style(role) if role else base) for text, role in self._lines[index]])

    def _style(self, role: str) -> Style:
        return self.get_component_rich_style(f"preview--{role}", partial=True)

    def _row(self, row: Sequence[str], *, header: bool) -> str:
        cells = []
        for at, cell in enumerate(row):
            padding = " " * (self._widths[at] - cell_len(cell))
            cells.append(padding + cell if self._right[at] and not header else cell + padding)
        return (" " * GAP).join(cells)

    def action_sideways(self, cells: int) -> None:
        """Scroll sideways by more than one cell at a time."""
        self.scroll_relative(x=cells, animate=False)

    def action_leave(self) -> None:
        """Back to the tree."""
        self.post_message(self.Left())

    def action_fetch(self) -> None:
        """Fetch the file."""
        self.post_message(self.FetchAsked())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter is bound only where there is something to fetch."""
        if action == "fetch" and not self.can_fetch:
            return False
        return super().check_action(action, parameters)


def title_of(preview: Preview, size: str, width: int) -> str:
    """Path, size and note in one line; the path gives way."""
    said = "".join(f" · {part}" for part in (size, preview.note) if part)
    return fit(preview.path, max(12, width - cell_len(said))) + said


def _is_number(cell: str) -> bool:
    if not cell or cell in {"NaN", "nan", "None", "null"}:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _half_blocks(picture: Picture, row: int, base: Style) -> list[Segment]:
    """A row of cells, each two pixels one above the other; neighbours that look the same are one segment."""
    width = picture.width
    start = row * 2 * width * 3
    upper = picture.rgb[start : start + width * 3]
    lower = picture.rgb[start + width * 3 : start + width * 6]
    segments: list[Segment] = []
    at = 0
    while at < width:
        top, bottom = upper[at * 3 : at * 3 + 3], lower[at * 3 : at * 3 + 3]
        end = at + 1
        while end < width and upper[end * 3 : end * 3 + 3] == top and lower[end * 3 : end * 3 + 3] == bottom:
            end += 1
        segments.append(Segment("▀" * (end - at), base + _cell_style(top, bottom)))
        at = end
    return segments


@functools.lru_cache(maxsize=8192)
def _cell_style(top: bytes, bottom: bytes) -> Style:
    return Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom) if bottom else None)
