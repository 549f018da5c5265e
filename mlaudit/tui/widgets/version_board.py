"""The versions of a model on a board: a column for each stage, or one list grouped by stage where there is no room.

Drawn by hand over ``render_line``: each column scrolls by itself to keep the card under the cursor in view, and says
how many cards it hides below.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mlaudit.domain.models import Stage
from mlaudit.domain.verdict import MetricRule
from mlaudit.services.registry import ModelState, VersionState
from mlaudit.tui.widgets.version_lines import card_lines, row_lines

STAGES = (Stage.NONE, Stage.STAGING, Stage.PRODUCTION, Stage.ARCHIVED)
"""The columns, in the order that a version goes through them."""
LIST_STAGES = (Stage.PRODUCTION, Stage.STAGING, Stage.NONE, Stage.ARCHIVED)
"""The groups of the list: what serves comes first, as it may be all that fits."""
WIDE = 110
"""Cells from which on there are four columns."""
BAR = 2
"""Cells at a card's left for the cursor's bar and a blank."""
TITLES = {Stage.NONE: "None (in no stage)"}


@dataclass(slots=True)
class _Line:
    """One line of a column."""

    text: Text
    card: int | None
    """Index into the column's cards; None for titles and the gaps between cards."""


@dataclass(slots=True)
class _Column:
    """The lines of a column and how far it is scrolled."""

    title: Text | None
    cards: list[VersionState] = field(default_factory=list)
    lines: list[_Line] = field(default_factory=list)
    offset: int = 0

    def span(self, card: int) -> tuple[int, int]:
        """First and one after the last line of a card."""
        own = [y for y, line in enumerate(self.lines) if line.card == card]
        return (own[0], own[-1] + 1) if own else (0, 0)


class VersionBoard(Widget, can_focus=True):
    """Shows the versions of one model; a cursor moves from card to card."""

    DEFAULT_CSS = """
    VersionBoard { height: 1fr; width: 1fr; background: $background; }
    VersionBoard > .board--title { background: $panel; color: $foreground; text-style: bold; }
    VersionBoard > .board--bar { color: $primary; text-style: bold; }
    VersionBoard > .board--cursor { background: $surface; }
    VersionBoard:focus > .board--cursor { background: $primary-muted; }
    VersionBoard > .board--more { color: $text-muted; text-style: italic; }
    """
    HELP_NAME = "board of versions"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "board--title",
        "board--bar",
        "board--cursor",
        "board--more",
    }
    BINDINGS = [
        Binding("enter", "open", "Run", id="board.open", tooltip="All of the run that made this version"),
        Binding("up,k", "card(-1)", show=False, id="board.up", tooltip="The version above"),
        Binding("down,j", "card(1)", show=False, id="board.down", tooltip="The version below"),
        Binding("left,h", "column(-1)", show=False, id="board.left", tooltip="The stage to the left"),
        Binding("right,l", "column(1)", show=False, id="board.right", tooltip="The stage to the right"),
        Binding("g,home", "edge(0)", show=False, id="board.first", tooltip="The first version of the column"),
        Binding("G,end", "edge(-1)", show=False, id="board.last", tooltip="The last version of the column"),
    ]

    @dataclass
    class Highlighted(Message):
        """Another version is under the cursor; None when there are none."""

        version: VersionState | None

    @dataclass
    class Opened(Message):
        """Enter, or a second click, on the version under the cursor."""

        version: VersionState

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._state: ModelState | None = None
        self._columns: list[_Column] = []
        self._at: tuple[int, int] = (0, 0)
        """Column and card of the cursor."""
        self._told: VersionState | None = None
        """What :class:`Highlighted` told last."""
        self._wanted: str | None = None
        """The version number that the cursor is to be on."""

    # What is shown

    def show(self, state: ModelState, version: str | None = None) -> None:
        """Show a model; the cursor goes to ``version``, else stays on its version, else to what is in Production."""
        if version is not None:
            self._wanted = version
        self._state = state
        self._arrange()

    @property
    def current(self) -> VersionState | None:
        """The version under the cursor."""
        column, card = self._at
        if column < len(self._columns) and card < len(self._columns[column].cards):
            return self._columns[column].cards[card]
        return None

    @property
    def is_wide(self) -> bool:
        """Whether there are four columns."""
        return self.size.width >= WIDE

    def _arrange(self) -> None:
        """Make the columns for this size, and put the cursor where it belongs."""
        if self._state is None or not self.size.width:
            return
        state, now = self._state, int(time.time() * 1000)
        make = _board if self.is_wide else _list
        self._columns = make(state.versions, state.rules, now, self._widths())
        places = {
            found.version.version: (c, r)
            for c, column in enumerate(self._columns)
            for r, found in enumerate(column.cards)
        }
        production = (v.version.version for v in state.versions if v.version.stage is Stage.PRODUCTION)
        first = next(production, state.versions[0].version.version if state.versions else "")
        self._go(places.get(self._wanted or first, places.get(first, (0, 0))))

    def _widths(self) -> list[int]:
        if not self.is_wide:
            return [self.size.width]
        each, rest = divmod(self.size.width, len(STAGES))
        return [each + (i < rest) for i in range(len(STAGES))]

    # Moving

    def action_open(self) -> None:
        """Open the run of the version under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self.current))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to open where the run is gone."""
        if action == "open":
            run = self.current.run if self.current else None
            return True if run is not None and run.lifecycle_stage == "active" else None
        return super().check_action(action, parameters)

    def action_card(self, by: int) -> None:
        """Move the cursor within its column."""
        column, card = self._at
        if column < len(self._columns):
            self._go((column, min(max(0, card + by), max(0, len(self._columns[column].cards) - 1))))

    def action_edge(self, index: int) -> None:
        """The first or the last version of the column."""
        self.action_card(-(10**6) if index == 0 else 10**6)

    def action_column(self, by: int) -> None:
        """Move the cursor to the next column that has a version; in the list to the next stage."""
        column, card = self._at
        if not self.is_wide:
            self._to_next_stage(by)
            return
        column += by
        while 0 <= column < len(self._columns) and not self._columns[column].cards:
            column += by
        if 0 <= column < len(self._columns):
            self._go((column, min(card, len(self._columns[column].cards) - 1)))

    def _to_next_stage(self, by: int) -> None:
        if not self._columns or self.current is None:
            return
        cards, at = self._columns[0].cards, self._at[1]
        stages = list(dict.fromkeys(c.version.stage for c in cards))
        index = stages.index(cards[at].version.stage) + by
        if 0 <= index < len(stages):
            self._go((0, next(i for i, c in enumerate(cards) if c.version.stage is stages[index])))

    def _go(self, place: tuple[int, int]) -> None:
        self._at = place
        current = self.current
        self._wanted = current.version.version if current else None
        self._to_cursor()
        self.refresh()
        if current is not self._told or current is None:
            self._told = current
            self.post_message(self.Highlighted(current))

    def _to_cursor(self) -> None:
        """Scroll the cursor's column so that the whole card can be seen, its title too if it is the first."""
        column, card = self._at
        if column >= len(self._columns):
            return
        found, room = self._columns[column], self._room(self._columns[column])
        start, end = found.span(card)
        if card == 0:
            start = 0
        if end > found.offset + room:
            found.offset = end - room
        found.offset = min(found.offset, start)

    def _room(self, column: _Column) -> int:
        """Lines of a column that can be seen; the last is for what is hidden below."""
        height = self.size.height - (1 if column.title is not None else 0)
        return max(1, height - (1 if len(column.lines) > height else 0))

    # Mouse and size

    def on_click(self, event: events.Click) -> None:
        """A card takes the cursor; a double click opens it."""
        place = self._place(event.x, event.y)
        if place is not None:
            again = place == self._at and event.chain > 1
            self._go(place)
            if again and self.check_action("open", ()):
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll the column under the pointer."""
        self._scroll(event, 2)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll the column under the pointer."""
        self._scroll(event, -2)

    def _scroll(self, event: events.MouseEvent, by: int) -> None:
        index = self._column_at(event.x)
        if index < len(self._columns):
            column = self._columns[index]
            column.offset = min(max(0, column.offset + by), max(0, len(column.lines) - self._room(column)))
            self.refresh()
            event.stop()

    def on_resize(self) -> None:
        """Columns and lines depend on the width."""
        self._arrange()

    def _column_at(self, x: int) -> int:
        for index, width in enumerate(self._widths()):
            if x < width:
                return index
            x -= width
        return 0

    def _place(self, x: int, y: int) -> tuple[int, int] | None:
        index = self._column_at(x)
        if index >= len(self._columns):
            return None
        column = self._columns[index]
        row = y - (1 if column.title is not None else 0) + column.offset
        card = column.lines[row].card if 0 <= row < len(column.lines) else None
        return None if card is None else (index, card)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line across all columns."""
        parts = [
            self._cell(index, column, width, y)
            for index, (column, width) in enumerate(zip(self._columns, self._widths(), strict=False))
        ]
        return Strip.join(parts).adjust_cell_length(self.size.width, self.rich_style)

    def _cell(self, index: int, column: _Column, width: int, y: int) -> Strip:
        if column.title is not None:
            if y == 0:
                return self._strip(column.title, width, self.get_component_rich_style("board--title"))
            y -= 1
        room = self._room(column)
        hidden = len({line.card for line in column.lines[column.offset + room :] if line.card is not None})
        if y >= room:
            more = f"  ↓ {hidden} more" if hidden else ""
            return self._strip(Text(more), width, self.get_component_rich_style("board--more"))
        row = y + column.offset
        if row >= len(column.lines):
            return Strip.blank(width, self.rich_style)
        line = column.lines[row]
        is_title = line.card is None and bool(line.text.plain)
        if line.card is None:
            style = self.get_component_rich_style("board--title") if is_title else self.rich_style
            return self._strip(line.text, width, style)
        if (index, line.card) != self._at:
            return self._strip(Text.assemble(" " * BAR, line.text), width, self.rich_style)
        bar = Segment("▌", self.get_component_rich_style("board--bar"))
        rest = self._strip(Text.assemble(" ", line.text), width - 1, self.get_component_rich_style("board--cursor"))
        return Strip.join([Strip([bar], 1), rest])

    def _strip(self, text: Text, width: int, style: Style) -> Strip:
        segments = [
            Segment(s.text, (style + s.style) if s.style else style) for s in text.render(self.app.console, end="")
        ]
        return Strip(segments).adjust_cell_length(width, style)


def _board(
    versions: Sequence[VersionState], rules: Sequence[MetricRule], now: int, widths: Sequence[int]
) -> list[_Column]:
    columns = []
    for stage, width in zip(STAGES, widths, strict=True):
        cards = [v for v in versions if v.version.stage is stage]
        lines: list[_Line] = []
        for index, found in enumerate(cards):
            lines += [_Line(line, index) for line in card_lines(found, rules, now, width - BAR - 1)]
            lines.append(_Line(Text(), None))
        title = Text(f" {TITLES.get(stage, str(stage))} · {len(cards)}", no_wrap=True)
        columns.append(_Column(title, cards, lines))
    return columns


def _list(
    versions: Sequence[VersionState], rules: Sequence[MetricRule], now: int, widths: Sequence[int]
) -> list[_Column]:
    column = _Column(None)
    for stage in LIST_STAGES:
        cards = [v for v in versions if v.version.stage is stage]
        if not cards:
            continue
        column.lines.append(_Line(Text(f" {TITLES.get(stage, str(stage))} · {len(cards)}", no_wrap=True), None))
        for found in cards:
            index = len(column.cards)
            column.cards.append(found)
            column.lines += [_Line(line, index) for line in row_lines(found, rules, now, widths[0] - BAR - 1)]
    return [column]
