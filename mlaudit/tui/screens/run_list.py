"""What the parts of the runs screen share: the table, the experiments, and the line below that tells how things are."""

from __future__ import annotations

from collections.abc import Sequence

from mlaudit.domain.columns import is_curve
from mlaudit.domain.groups import COUNT
from mlaudit.domain.models import Experiment, Run, ViewType
from mlaudit.domain.sorting import Sorting
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.run_table import RunTable


class RunList(BaseScreen):
    """Runs of some experiments in a table. The parts of :class:`~mlaudit.tui.screens.runs.RunsScreen` build on it."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__()
        self._experiments = tuple(experiments)
        self._table: RunTable | None = None
        self._loaded = False
        self._loading = False
        self._first_due = False
        """The first page of what the filter and the order ask for is not there: the rows are another answer's."""
        self.filter_string = ""
        self.view_type = ViewType.ACTIVE_ONLY
        """Whether deleted runs are asked for."""
        self.sort: Sorting = ()
        """Empty: newest first."""
        self._good: tuple[str, Sorting] = ("", ())
        """Filter and order of what the table shows."""
        self._next: str | None = None
        """The token of the page after what is loaded."""
        self._known: dict[str, int] = {}
        """Run id -> its place in the store's order, of the runs that are loaded."""
        self._problem = ""

    @property
    def table(self) -> RunTable:
        """The table of runs; an answer that comes while the screen is taken down finds it still."""
        if self._table is None:
            self._table = self.query_one(RunTable)
        return self._table

    @property
    def _run_columns(self) -> tuple[str, ...]:
        """The columns shown that are a run's own values: groups have one more, and curves are none."""
        return tuple(column for column in self.table.columns if column != COUNT and not is_curve(column))

    def _about_written(self) -> list[str]:
        """How a file of the runs differs from what is shown, in sentences."""
        return []

    def load(self, *, to_top: bool = False) -> object:
        """Ask for the first page; the screen has its own."""
        raise NotImplementedError

    def load_more(self, everything: bool, *, most: int | None = None) -> object:
        """Ask for the next page, or for all that are left; the screen has its own."""
        raise NotImplementedError

    def _stop_loading(self) -> None:
        """Leave it at what is loaded; the screen has its own."""
        raise NotImplementedError

    def _arranged_columns(self, columns: Sequence[str]) -> tuple[str, ...]:
        """These columns, with what groups need."""
        return tuple(columns)

    def _columns(self, runs: Sequence[Run], *, afresh: bool = False) -> tuple[str, ...]:
        """The columns for these runs."""
        raise NotImplementedError

    def _say(self, *, soon: bool = False) -> None:
        """Tell how things are; with ``soon`` within a moment, for what is told many times a second."""
        raise NotImplementedError
