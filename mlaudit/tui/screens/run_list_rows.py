"""Rows that are made of all runs of the filter, as groups and trees are: so those are fetched, up to a bound."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.binding import Binding

from mlaudit.domain.models import Experiment, ViewType
from mlaudit.domain.sorting import Sorting
from mlaudit.tui.screens.run_list_order import OrderMixin
from mlaudit.tui.widgets.run_rows import Arrangement
from mlaudit.tui.widgets.run_table import RunTable

ARRANGED_MOST = 20_000
"""Runs that are fetched unasked for groups or a tree: some 5 s from a database, a minute from a server."""

ROW_KEYS = (
    Binding("b", "group_by", "Group", id="runs.group_by", tooltip="Group the runs by params or tags, or no more"),
    Binding("B", "statistic", "Figures", id="runs.statistic", tooltip="Of groups: mean ±sd, mean, sd, min, max, n"),
    Binding("T", "tree", "Tree", show=False, id="runs.tree", tooltip="Runs below those that started them, or not"),
    Binding("z", "fold", "Fold", id="runs.fold", tooltip="Open or close the group or the branch"),
    Binding("Z", "fold_all", show=False, id="runs.fold_all", tooltip="Close all groups or branches, or open them"),
)


class RowsMixin(OrderMixin):
    """Arranges runs; what kind of rows there are, its subclasses know."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        self._fetching_rest = False

    @property
    def _arrangement(self) -> Arrangement | None:
        return self.table.arrangement

    def _arrange(self, arrangement: Arrangement | None) -> None:
        """Show the runs this way; None: as a plain list."""
        table = self.table
        was_fetching, self._fetching_rest = self._fetching_rest, False
        table.arrangement = arrangement
        table.set_columns(self._columns(table.runs, afresh=True))
        table.show_sorting(self._shown_sorting)
        table.rearrange(arrangement)
        if arrangement is not None:
            self._load_rest()
        elif was_fetching:
            # A plain list needs no more than it has.
            self._stop_loading()
        self.refresh_bindings()
        self._say()

    def _load_rest(self) -> None:
        """Fetch what is missing to arrange all runs."""
        if self._first_due or self._arrangement is None or self._next is None:
            return
        if len(self.table.runs) < ARRANGED_MOST:
            self._fetching_rest = True
            self.load_more(True, most=ARRANGED_MOST)

    def action_fold(self) -> None:
        """Open or close the row under the cursor, or what it stands below."""
        table, arrangement = self.table, self._arrangement
        if arrangement is not None and table.rows:
            table.rearrange(arrangement, to=arrangement.fold(table.rows, table.cursor_row))
            self._say()

    def action_fold_all(self) -> None:
        """Close all rows, or open them again."""
        if self._arrangement is not None:
            self._arrangement.fold_all()
            self.table.rearrange(self._arrangement)
            self._say()

    @on(RunTable.FoldAsked)
    def _fold_asked(self) -> None:
        self.action_fold()

    @property
    def _shown_sorting(self) -> Sorting:
        """What the titles show: by what the rows are sorted."""
        return self.sort

    def _about_rows(self) -> list[str]:
        """How many runs are arranged, where that is not all of them."""
        if self._arrangement is None or self._next is None or self._loading:
            return []
        known = [e.run_count for e in self._experiments]
        # What is counted there are the active runs.
        every = not self.filter_string and self.view_type is ViewType.ACTIVE_ONLY
        total = sum(n for n in known if n is not None) if every and None not in known else 0
        of = f" of {total:,}" if total > len(self.table.runs) else ""
        return [f"over the first {len(self.table.runs):,}{of} runs: G fetches all"]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to open or close in a plain list."""
        if action in {"fold", "fold_all"} and (not self.is_mounted or self._arrangement is None):
            return False
        return super().check_action(action, parameters)
