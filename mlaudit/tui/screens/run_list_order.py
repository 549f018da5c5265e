"""In which order the runs stand: by one column or several, the store's over all its runs."""

from __future__ import annotations

from textual import on

from mlaudit.domain.columns import order_key
from mlaudit.domain.sorting import Sorting, further, of_the_store, sole
from mlaudit.domain.triage import VERDICT_FIELDS
from mlaudit.tui.screens.run_list_verdicts import VerdictsMixin
from mlaudit.tui.widgets.run_table import RunTable
from mlaudit.tui.widgets.run_table_layout import title_of


class OrderMixin(VerdictsMixin):
    """Sorts."""

    def action_sort(self) -> None:
        """By the column under the cursor: ascending, descending, then newest first again."""
        self._sort_by(self.table.column, among_others=False)

    def action_sort_further(self) -> None:
        """By the column under the cursor after those that are sorted by: ascending, descending, not."""
        self._sort_by(self.table.column, among_others=True)

    @on(RunTable.SortAsked)
    def _title_clicked(self, event: RunTable.SortAsked) -> None:
        self._sort_by(event.column, among_others=event.further)

    def _sort_by(self, column: str, *, among_others: bool) -> None:
        if column not in VERDICT_FIELDS and order_key(column, self._raw_key(column)) is None:
            self._problem = f"No store sorts by {title_of(column)}."
            self._say()
            return
        of_store_before = of_the_store(self.sort)
        self.sort = further(self.sort, column) if among_others else sole(self.sort, column)
        if column not in VERDICT_FIELDS or of_the_store(self.sort) != of_store_before:
            self.load(to_top=True)
            return
        # Only the runs that are here can be sorted by what only we know of them.
        self._good = self.filter_string, self.sort
        table = self.table
        table.show_sorting(self.sort)
        if self._sorted_here:
            self._order_by_verdict()
        else:
            table.reorder(sorted(table.runs, key=lambda run: self._known[run.run_id]))
        table.cursor_row = 0
        self._say()

    def _order(self) -> tuple[str, ...]:
        """What the store is asked to sort by."""
        asked = []
        for column, ascending in of_the_store(self.sort):
            if (key := order_key(column, self._raw_key(column))) is not None:
                asked.append(f"{key} {'ASC' if ascending else 'DESC'}")
        return tuple(asked)

    def _raw_key(self, column: str) -> str:
        """What the store calls the column's key."""
        _, _, key = column.partition(".")
        return next((run.raw_keys[key] for run in self.table.runs if key in run.raw_keys), key)

    def _about_order(self) -> list[str]:
        """By which columns; a verdict orders only what is loaded."""
        if not self.sort:
            return ["newest first"] if self.table.runs else []
        return [f"by {in_words(self.sort, partly=self._next is not None)}"]


def in_words(sorting: Sorting, *, partly: bool) -> str:
    """``val_loss, ascending, then verdict of the runs loaded, descending``; ``partly``: not all runs are loaded."""
    return ", then ".join(
        f"{title_of(column)}{' of the runs loaded' if partly and column in VERDICT_FIELDS else ''},"
        f" {'ascending' if ascending else 'descending'}"
        for column, ascending in sorting
    )
