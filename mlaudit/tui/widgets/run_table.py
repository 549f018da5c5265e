"""The table of runs: formats the rows that can be seen and no others, so that 100,000 runs cost what 40 do.

Written by hand over ``render_line``, since Textual's DataTable formats and measures every cell when it is filled: 30
columns took it 1 s at 1,000 rows, 8 s at 10,000 and 155 s at 100,000; this one takes none at any size, and 13-20 ms for
a page down. The name and the pinned columns stay in place while the others scroll, two header lines while the rows do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from mlaudit.domain.columns import is_curve, is_numeric
from mlaudit.domain.groups import RunGroup
from mlaudit.domain.models import Run, RunStatus
from mlaudit.domain.sorting import Sorting
from mlaudit.domain.triage import JudgedRun
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.run_cells import BASELINE, CURVE, PIN, cell_color, cell_text
from mlaudit.tui.widgets.run_rows import Arrangement, Row, key_of, runs_of
from mlaudit.tui.widgets.run_table_layout import (
    GAP,
    HEADER,
    MARK,
    ROOM,
    WIDEST,
    Layout,
    aligned,
    name_cells,
    title_of,
)
from mlaudit.tui.widgets.verdict_tally import VerdictTally

MEASURED = 60
"""Runs of each page that are looked at to find a column's width; it grows later where what is shown needs more."""
MEASURED_PAGES_TO = 1_000
"""So many runs are in the pages that are measured; what comes later is measured when it is seen."""
RESIZE_SECONDS = 0.25
"""How long the scrollbar may lag behind pages that come many times a second."""
NEAR = 60
"""So many rows before the end of what is loaded, more is asked for."""


class RunTable(ScrollView, can_focus=True):
    """Shows runs; a row cursor and a column cursor move through them."""

    DEFAULT_CSS = """
    RunTable { height: 1fr; width: 1fr; background: $background; scrollbar-size-horizontal: 1; }
    RunTable > .runtable--header { background: $panel; color: $foreground; text-style: bold; }
    RunTable > .runtable--group { background: $panel; color: $text-muted; }
    RunTable > .runtable--cursor { background: $primary-muted; color: $foreground; }
    RunTable:focus > .runtable--cursor { background: $primary; color: $text; text-style: bold; }
    RunTable > .runtable--column { text-style: reverse; }
    RunTable > .runtable--odd { background: $surface; }
    RunTable > .runtable--changed { text-style: bold underline; }
    RunTable > .runtable--mark { color: $warning; text-style: bold; }
    """
    HELP_NAME = "table of runs"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "runtable--header",
        "runtable--group",
        "runtable--cursor",
        "runtable--column",
        "runtable--odd",
        "runtable--mark",
        "runtable--changed",
    }
    BINDINGS = [
        Binding("enter", "open", "Open", id="runs.open", tooltip="All of the run under the cursor"),
        Binding("space", "mark", "Mark", id="runs.mark", tooltip="Mark or unmark the run, to chart several together"),
        Binding("up,k", "row(-1)", show=False, id="runs.up", tooltip="The run above"),
        Binding("down,j", "row(1)", show=False, id="runs.down", tooltip="The run below"),
        Binding("left,h", "column(-1)", show=False, id="runs.left", tooltip="The column to the left"),
        Binding("right,l", "column(1)", show=False, id="runs.right", tooltip="The column to the right"),
        Binding("pageup", "page(-1)", show=False, id="runs.page_up", tooltip="A page up"),
        Binding("pagedown", "page(1)", show=False, id="runs.page_down", tooltip="A page down"),
        Binding("g,home", "edge(0)", show=False, id="runs.first", tooltip="The first run"),
        Binding("G,end", "edge(-1)", show=False, id="runs.last", tooltip="The last run"),
    ]

    @dataclass
    class Highlighted(Message):
        """Another row is under the cursor, or another cell of a group; None when there are no runs."""

        run: Run | None
        """None for a group as well."""
        row: Row | None

    @dataclass
    class Opened(Message):
        """Enter, or a second click at once on the run under the cursor."""

        run: Run

    class FoldAsked(Message):
        """Enter on a group."""

    class Marked(Message):
        """A mark was set or taken away."""

    @dataclass
    class SortAsked(Message):
        """The title of a column was clicked; with ctrl or shift held it is meant after the columns sorted by."""

        column: str
        further: bool = False

    @dataclass
    class NearEnd(Message):
        """The cursor comes near the end of what is loaded; with ``all_of_them`` the very last run is wanted."""

        all_of_them: bool

    # Their watchers paint what changes; all of the table would take ten times as long.
    cursor_row: reactive[int] = reactive(0, repaint=False)
    cursor_column: reactive[int] = reactive(0, repaint=False)
    """Index into :attr:`columns`."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.runs: list[Run] = []
        """What is loaded, in order."""
        self.rows: Sequence[Row] = self.runs
        """What is shown: the same, or what :attr:`arrangement` makes of it."""
        self.arrangement: Arrangement | None = None
        self._arranged_again = 0.0
        self.columns: tuple[str, ...] = ("run_name",)
        self.pinned: frozenset[str] = frozenset()
        """Columns right of the first that stay in place as well, as far as there is room; see :meth:`pin`."""
        self.curve: Callable[[Run, str], str] | None = None
        """What to show of the history of a run's metric, in :data:`CURVE` cells at most; asked for what is seen."""
        self.experiments: Mapping[str, str] = {}
        """Experiment id -> name."""
        self.sorting: Sorting = ()
        """The columns that the runs are sorted by; shown as arrows, with their ranks where there are several."""
        self.live: set[str] = set()
        """The ids of the runs that go on."""
        self.judged = VerdictTally()
        """Run id -> its verdict, as far as they are known."""
        self._baselines: set[str] = set()
        self._changed: dict[str, set[str]] = {}
        """Run id -> columns whose value is newer than a moment ago."""
        self._marked: dict[str, Run] = {}
        self._widths: dict[str, int] = {}
        self._layout: Layout | None = None
        self._own_style: Style | None = None
        self._resizing: Timer | None = None
        """Where the scrollbar is yet to be told of more rows."""

    # What is shown

    def show(self, runs: Sequence[Run], columns: tuple[str, ...], *, to_top: bool = False) -> None:
        """Replace everything; the cursor stays on its run where that is still there. ``columns[0]`` is frozen."""
        current = None if to_top or self.current_row is None else key_of(self.current_row)
        self._changed.clear()
        self.runs = list(runs)
        self.live = set()
        self._note_live(self.runs)
        self._widths = {}
        self._arrange()
        self._measure(self.rows[:MEASURED], columns)
        self.set_columns(columns)
        self._go_to_row(current)

    def rearrange(self, arrangement: Arrangement | None, *, to: Hashable | None = None) -> None:
        """Make the rows anew; the cursor stays on its row, or goes to the one with the key ``to``."""
        current = to if to is not None or self.current_row is None else key_of(self.current_row)
        self.arrangement = arrangement
        self._arrange()
        self._measure(self.rows[:MEASURED], [self.columns[0]])
        self._go_to_row(current)

    def _arrange(self) -> None:
        start = time.monotonic()
        self.rows = self.runs if self.arrangement is None else self.arrangement.rows(self.runs)
        end = time.monotonic()
        self._arranged_again = end + 9 * (end - start)

    def _go_to_row(self, key: Hashable | None) -> None:
        row = next((row for row, shown in enumerate(self.rows) if key_of(shown) == key), 0) if key is not None else 0
        self._resize()
        self.cursor_row = row
        self._to_cursor()
        self.refresh()
        self._tell()

    def append(self, runs: Sequence[Run], columns: tuple[str, ...]) -> None:
        """Add a page at the end; ``columns`` may have grown."""
        before = len(self.rows)
        was_empty = not self.runs
        self.runs.extend(runs)
        self._note_live(runs)
        if self.arrangement is None and (before < MEASURED_PAGES_TO or columns != self.columns):
            self._measure(runs[:MEASURED], columns)
        if columns != self.columns or before < self.scroll_offset.y + self._visible_rows:
            self.set_columns(columns)
        else:
            # Nothing that is seen has changed, and laying out and painting would cost the most of all.
            self._resize_soon()
        # Rows that are made of all runs are made anew now and then, and by rearrange() at the end.
        if self.arrangement is not None and time.monotonic() >= self._arranged_again:
            self.rearrange(self.arrangement)
        if was_empty:
            self._tell()

    def set_columns(self, columns: tuple[str, ...]) -> None:
        """Show these; the column cursor stays on its column where that is still there."""
        before = self.column
        if new := [c for c in columns if c not in self._widths]:
            self._measure(self.rows[:MEASURED], new)
        others, self.columns = columns != self.columns, columns
        self._layout = None
        # First, since no table scrolls farther than it is wide.
        self._resize()
        self.cursor_column = columns.index(before) if before in columns else 0
        if others:
            # Its place may be another with the same number.
            self._to_column()
        self.refresh()

    @property
    def in_view(self) -> list[Run]:
        """The runs whose rows can be seen now."""
        top = self.scroll_offset.y
        return [row for row in self.rows[top : top + self._visible_rows] if isinstance(row, Run)]

    def refresh_run(self, run_id: str) -> None:
        """Draw the row of a run anew if it can be seen."""
        top = self.scroll_offset.y
        for number, row in enumerate(self.rows[top : top + self._visible_rows], top):
            if isinstance(row, Run) and row.run_id == run_id:
                self._refresh_row(number)

    def pin(self, pinned: Iterable[str], columns: tuple[str, ...]) -> None:
        """Show these columns; the pinned ones, which stand right of the first, stay in place."""
        self.pinned = frozenset(pinned)
        self.set_columns(columns)

    def room_for(self, columns: Iterable[str]) -> bool:
        """Whether all these can stay in place beside the first column and leave enough room to the others."""
        cells = sum(self._widths.get(c, WIDEST) + GAP for c in columns)
        return name_cells(self.columns[0], self._widths, self.size.width) + cells <= self.size.width - ROOM

    @property
    def pins_without_room(self) -> int:
        """How many of the pinned columns scroll with the others, since the table is too narrow."""
        return sum(c in self.pinned for c in self.columns[1:]) - (len(self._laid_out.stay) - 1)

    @property
    def current(self) -> Run | None:
        """The run under the cursor; None on a group as well."""
        row = self.current_row
        return row if isinstance(row, Run) else None

    @property
    def current_row(self) -> Row | None:
        """What is under the cursor."""
        return self.rows[self.cursor_row] if 0 <= self.cursor_row < len(self.rows) else None

    @property
    def column(self) -> str:
        """The column under the cursor."""
        return self.columns[min(self.cursor_column, len(self.columns) - 1)]

    @property
    def marked(self) -> tuple[Run, ...]:
        """The marked runs, in the order they were marked; a filter that hides one keeps its mark."""
        return tuple(self._marked.values())

    def refresh_runs(self, runs: Iterable[Run]) -> None:
        """Put newer states of runs in the place of those shown; what changed stands out until the next time."""
        newer = {run.run_id: run for run in runs}
        self._changed.clear()
        for row, run in enumerate(self.runs):
            if (now := newer.get(run.run_id)) is not None:
                self.runs[row] = now
                self.live.discard(now.run_id)
                self._note_live([now])
                changed = {f"metrics.{k}" for k, v in now.metrics.items() if repr(v) != repr(run.metrics.get(k))}
                changed |= {"status"} if now.status != run.status else set()
                self._changed[now.run_id] = changed
                if now.run_id in self._marked:
                    self._marked[now.run_id] = now
        if self.arrangement is not None:
            self.rearrange(self.arrangement)
        self.refresh()
        self._tell()

    def _note_live(self, runs: Iterable[Run]) -> None:
        self.live.update(run.run_id for run in runs if run.status == RunStatus.RUNNING)

    def mark_all(self) -> None:
        """Mark every run that is loaded."""
        self._marked |= {run.run_id: run for run in self.runs}
        self.refresh()
        self.post_message(self.Marked())

    def clear_marks(self) -> None:
        """Unmark every run."""
        self._marked.clear()
        self.refresh()
        self.post_message(self.Marked())

    def judge(self, judged: Iterable[JudgedRun]) -> None:
        """Take note of verdicts."""
        baselines, told = len(self._baselines), set()
        for one in judged:
            self.judged.add(one)
            self._baselines.add(one.baseline_run_id)
            told.add(one.run_id)
        seen = self.rows[self.scroll_offset.y : self.scroll_offset.y + self._visible_rows]
        if (
            self.arrangement is not None
            or len(self._baselines) != baselines
            or any(isinstance(row, Run) and row.run_id in told for row in seen)
        ):
            self.refresh()

    def forget_verdicts(self) -> None:
        """They are being worked out anew."""
        self.judged.clear()
        self._baselines.clear()

    def show_sorting(self, sorting: Sorting) -> None:
        """Say in the titles what the runs are sorted by."""
        self.sorting = sorting
        self._measure((), [key.column for key in sorting if key.column in self.columns])
        self._resize()
        self.refresh()

    def reorder(self, runs: Sequence[Run]) -> None:
        """The same runs in another order; the cursor stays on its row."""
        self.runs = list(runs)
        self._arrange()
        self.refresh()
        self._tell()

    # Keys and mouse

    def action_open(self) -> None:
        """Open the run under the cursor; show what is in a group."""
        if self.current is not None:
            self.post_message(self.Opened(self.current))
        elif self.current_row is not None:
            self.post_message(self.FoldAsked())

    def action_mark(self) -> None:
        """Mark or unmark the run under the cursor, or all runs of a group, and go on to the next row."""
        runs = {run.run_id: run for run in runs_of(self.current_row)}
        if not runs:
            return
        if runs.keys() <= self._marked.keys():
            for run_id in runs:
                del self._marked[run_id]
        else:
            self._marked |= runs
        self.post_message(self.Marked())
        if self.arrangement is None:
            self._refresh_row(self.cursor_row)
        else:
            # A group and its runs stand in several rows.
            self.refresh()
        self.action_row(1)

    def action_row(self, by: int) -> None:
        """Move the cursor by rows."""
        self._go(self.cursor_row + by)

    def action_page(self, direction: int) -> None:
        """Move the cursor by what fits on screen, less one row to keep one's place."""
        self._go(self.cursor_row + direction * max(1, self._visible_rows - 1))

    def action_edge(self, index: int) -> None:
        """The first or the last run."""
        self._go(index % max(1, len(self.rows)))
        if index < 0:
            self.post_message(self.NearEnd(all_of_them=True))

    def action_column(self, by: int) -> None:
        """Move the column cursor."""
        self.cursor_column = min(max(0, self.cursor_column + by), len(self.columns) - 1)

    def on_click(self, event: events.Click) -> None:
        """A row takes the cursor, a double click opens it, one on the sign marks it, a title asks to be sorted by."""
        if event.y < HEADER:
            column = self._laid_out.column_at(event.x, self.scroll_offset.x)
            if column is not None:
                self.cursor_column = column
                self.post_message(self.SortAsked(self.column, event.ctrl or event.shift))
            return
        row = event.y - HEADER + self.scroll_offset.y
        if row >= len(self.rows):
            return
        if event.x < MARK:
            self._go(row)
            self.action_mark()
        elif row == self.cursor_row and event.chain > 1:
            self.action_open()
        else:
            self._go(row)

    def _go(self, row: int) -> None:
        self.cursor_row = min(max(0, row), max(0, len(self.rows) - 1))
        if self.cursor_row >= len(self.rows) - NEAR:
            self.post_message(self.NearEnd(all_of_them=False))

    # Following the cursor

    def watch_cursor_row(self, old: int, new: int) -> None:
        """Draw the two rows anew, and tell."""
        self._refresh_row(old)
        self._refresh_row(new)
        self._to_cursor()
        self._tell()

    def watch_cursor_column(self) -> None:
        """Scroll so that the column can be read."""
        self._to_column()
        self.refresh()
        if self.arrangement is not None:
            self._tell()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The mouse wheel, too, comes to the end of what is loaded."""
        super().watch_scroll_y(old_value, new_value)
        if self.rows and new_value + self._visible_rows >= len(self.rows) - NEAR // 2:
            self.post_message(self.NearEnd(all_of_them=False))

    def on_resize(self) -> None:
        """Keep the cursor on screen."""
        self._layout = None
        self._resize()
        self._to_cursor()
        self._to_column()

    @property
    def _visible_rows(self) -> int:
        return max(1, self.scrollable_content_region.height - HEADER)

    def _tell(self) -> None:
        self.post_message(self.Highlighted(self.current, self.current_row))

    def _to_cursor(self) -> None:
        if self._resizing is not None:
            self._resize()
        top, row = self.scroll_offset.y, self.cursor_row
        if row < top:
            self.scroll_to(y=row, animate=False, force=True)
        elif row >= top + self._visible_rows:
            self.scroll_to(y=row - self._visible_rows + 1, animate=False, force=True)

    def _to_column(self) -> None:
        layout = self._laid_out
        index = self.cursor_column - len(layout.stay)
        if self.cursor_column == 0:
            self.scroll_to(x=0, animate=False, force=True)
        if index < 0:
            return
        room = self.scrollable_content_region.width - layout.frozen
        start, end = layout.starts[index], layout.starts[index] + layout.widths[index]
        left = self.scroll_offset.x
        if start < left or room <= layout.widths[index]:
            self.scroll_to(x=start, animate=False, force=True)
        elif end > left + room:
            self.scroll_to(x=end - room, animate=False, force=True)

    # Widths

    def _measure(self, rows: Iterable[Row], columns: Iterable[str]) -> None:
        names = list(columns)
        found = list(rows)
        for column in names:
            if is_curve(column):
                self._widths[column] = CURVE
                continue
            cells = max((cell_len(self._content(row, column)) for row in found), default=0)
            # Room for the arrow that says how the table is sorted.
            sign = max(1, cell_len(self._sort_sign(column)))
            known = max(self._widths.get(column, 0), cell_len(title_of(column)) + 1 + sign)
            self._widths[column] = min(WIDEST, max(known, cells))
        self._layout = None

    @property
    def _laid_out(self) -> Layout:
        if self._layout is None:
            self._layout = Layout.of(self.columns, self.pinned, self._widths, self.size.width)
        return self._layout

    def _resize_soon(self) -> None:
        if self._resizing is None:
            self._resizing = self.set_timer(RESIZE_SECONDS, self._resize)

    def _resize(self) -> None:
        if self._resizing is not None:
            self._resizing.stop()
            self._resizing = None
        layout = self._laid_out
        before, now = self.virtual_size, Size(layout.frozen + layout.starts[-1], len(self.rows) + HEADER)
        if before.width == now.width and before.height <= now.height and self.show_vertical_scrollbar:
            # Only the scrollbar changes: a new layout would paint everything.
            self.set_reactive(RunTable.virtual_size, now)
            self.vertical_scrollbar.window_virtual_size = now.height
        else:
            self.virtual_size = now

    # Drawing

    def _refresh_row(self, row: int) -> None:
        y = row - self.scroll_offset.y + HEADER
        if HEADER <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    @property
    def _base(self) -> Style:
        """The table's own style, looked up once a painting: for every row it would cost a third of it."""
        if self._own_style is None:
            self._own_style = self.rich_style
        return self._own_style

    def render_lines(self, crop: Region) -> list[Strip]:
        """See :meth:`textual.widget.Widget.render_lines`."""
        self._own_style = None
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Groups, titles, then the rows from the scroll position on."""
        if y == 0:
            return self._groups()
        if y == 1:
            return self._titles()
        row = y - HEADER + self.scroll_offset.y
        if row >= len(self.rows):
            return Strip.blank(self.size.width, self._base)
        return self._row(row)

    def _visible(self) -> tuple[int, int]:
        return self._laid_out.visible(self.scroll_offset.x, self.size.width)

    def _joined(self, frozen: list[Segment], cells: list[Segment], first: int, base: Style) -> Strip:
        """The frozen part, and what can be seen of the rest; ``first`` is the column that ``cells`` begins with."""
        layout = self._laid_out
        left = self.scroll_offset.x - layout.starts[first] if layout.columns else 0
        room = max(0, self.size.width - layout.frozen)
        head = Strip(frozen).adjust_cell_length(layout.frozen, base)
        rest = Strip(cells).adjust_cell_length(left + room, base).crop(left, left + room)
        # Few pieces: Textual and the terminal go through each of them by itself.
        return Strip.join([head, rest]).simplify()

    def _groups(self) -> Strip:
        base = self._base + self.get_component_rich_style("runtable--group", partial=True)
        layout, (first, last) = self._laid_out, self._visible()
        groups = [column.partition(".")[0] if "." in column else "" for column in layout.columns]
        cells: list[Segment] = []
        start = first
        for index in range(first, last):
            if index + 1 == last or groups[index + 1] != groups[start]:
                # The label stands where the group's first visible column can be read.
                hidden = max(0, self.scroll_offset.x - layout.starts[start])
                width = layout.starts[index + 1] - layout.starts[start]
                cells.append(Segment(fit(" " * hidden + groups[start], width, pad=True), base))
                start = index + 1
        frozen = [Segment(" " * (MARK + layout.stay[0] + GAP), base)]
        for column, width in zip(self.columns[1:], layout.stay[1:], strict=False):
            label = f"{PIN} {column.partition('.')[0] if '.' in column else ''}"
            frozen.append(Segment(fit(label, width, pad=True) + " " * GAP, base))
        return self._joined(frozen, cells, first, base)

    def _titles(self) -> Strip:
        base = self._base + self.get_component_rich_style("runtable--header", partial=True)
        chosen = base + self.get_component_rich_style("runtable--column", partial=True)
        layout, (first, last) = self._laid_out, self._visible()

        def cell(index: int, column: str, width: int) -> list[Segment]:
            title = column.partition(".")[2] if is_curve(column) else title_of(column)
            if sign := self._sort_sign(column):
                title = f"{fit(title, width - 1 - cell_len(sign))} {sign}"
            padded = aligned(title, width, is_numeric(column))
            return [Segment(padded, chosen if index == self.cursor_column else base), Segment(" " * GAP, base)]

        stay = len(layout.stay)
        frozen = [Segment(" " * MARK, base)]
        frozen += [s for i in range(stay) for s in cell(i, self.columns[i], layout.stay[i])]
        cells = [s for i in range(first, last) for s in cell(i + stay, layout.columns[i], layout.widths[i])]
        return self._joined(frozen, cells, first, base)

    def _sort_sign(self, column: str) -> str:
        """``▲``, or ``▼2`` where the column is the second of several keys."""
        for rank, key in enumerate(self.sorting, 1):
            if key.column == column:
                return f"{'▲' if key.ascending else '▼'}{rank if len(self.sorting) > 1 else ''}"
        return ""

    def _row(self, row: int) -> Strip:
        shown = self.rows[row]
        base = self._base
        if row % 2:
            base += self.get_component_rich_style("runtable--odd", partial=True)
        on_cursor = row == self.cursor_row
        if on_cursor:
            base += self.get_component_rich_style("runtable--cursor", partial=True)
        layout, (first, last) = self._laid_out, self._visible()
        if isinstance(shown, RunGroup):
            base += Style(bold=True)
        elif shown.lifecycle_stage != "active" and not on_cursor:
            base += Style(dim=True)
        mark = self.get_component_rich_style("runtable--mark", partial=True)
        frozen = [
            Segment(self._sign(shown), base if on_cursor else base + mark),
            Segment(aligned(self._text(shown, self.columns[0]), layout.stay[0], False), base),
            Segment(" " * GAP, base),
        ]
        for column, width in zip(self.columns[1:], layout.stay[1:], strict=False):
            frozen.append(self._cell(shown, column, width, base, on_cursor))
        cells = [self._cell(shown, layout.columns[i], layout.widths[i], base, on_cursor) for i in range(first, last)]
        return self._joined(frozen, cells, first, base)

    def _sign(self, row: Row) -> str:
        """Marked, some of its runs marked, or whether the others are judged against this run."""
        if isinstance(row, RunGroup):
            marked = sum(run.run_id in self._marked for run in row.runs) if self._marked else 0
            return "● " if marked == len(row.runs) else "◐ " if marked else "  "
        if row.run_id in self._marked:
            return "● "
        return f"{BASELINE} " if row.run_id in self._baselines else "  "

    def _cell(self, row: Row, column: str, width: int, base: Style, on_cursor: bool) -> Segment:
        text = self._text(row, column)
        if isinstance(row, RunGroup):
            return Segment(aligned(text, width, is_numeric(column)) + " " * GAP, base)
        style = base
        if column in self._changed.get(row.run_id, ()):
            style += self.get_component_rich_style("runtable--changed", partial=True)
        if not on_cursor and (color := cell_color(row, column, text, self.judged)) is not None:
            style += color
        return Segment(aligned(text, width, is_numeric(column)) + " " * GAP, style)

    def _text(self, row: Row, column: str) -> str:
        """A cell's text; a column that is too narrow for one that nobody had measured grows after this frame."""
        text = self._content(row, column)
        if is_curve(column):
            return text
        need = min(WIDEST, cell_len(text))
        if need > self._widths.get(column, WIDEST):
            self._widths[column] = need
            self.call_after_refresh(self._grown)
        return text

    def _content(self, row: Row, column: str) -> str:
        return cell_text(row, column, self.experiments, self.judged, self.arrangement, self.curve)

    def _grown(self) -> None:
        self._layout = None
        self._resize()
        self.refresh()
