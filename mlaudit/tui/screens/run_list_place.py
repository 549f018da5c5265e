"""Where one is among runs, to be kept, and to be returned to at the next start."""

from __future__ import annotations

from collections.abc import Sequence

from mlaudit.config.last_place import Place
from mlaudit.domain.errors import FilterError
from mlaudit.domain.models import Experiment
from mlaudit.domain.saved_view import is_column
from mlaudit.domain.sorting import SortKey
from mlaudit.tui.screens.run_list_columns import ColumnsMixin
from mlaudit.tui.widgets.filter_input import FilterInput

WELCOME = "where you were; esc for the experiments"


class PlaceMixin(ColumnsMixin):
    """Tells its place, and begins at one."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        self._restored: Place | None = None
        """The place that was begun at, until something else is asked for."""
        self._was_here = False

    def begin_at(self, place: Place) -> None:
        """Begin with this filter, order and columns; to be called before the screen is put on."""
        self._restored = place
        self.filter_string = place.filter_string
        # The file may be of another mlaudit, which has other columns.
        self._chosen = tuple(filter(is_column, place.columns or ())) or None
        self._pinned, self._curves = tuple(filter(is_column, place.pinned)), place.curves
        self.sort = tuple(SortKey(column, ascending) for column, ascending in place.sort)

    def on_mount(self) -> None:
        if self.filter_string:
            self.query_one(FilterInput).value = self.filter_string

    @property
    def place(self) -> Place:
        """Where one is."""
        ids, names = zip(*((e.experiment_id, e.name) for e in self._experiments), strict=True)
        run = self.table.current if self._loaded else None
        if self._restored is not None and not self._loaded:
            return self._restored
        return Place(
            ids,
            names,
            filter_string=self.filter_string,
            sort=tuple((key.column, key.ascending) for key in self.sort),
            columns=self._chosen,
            pinned=self._pinned,
            curves=self._curves,
            run_id=run.run_id if run else "",
        )

    def _arrived(self) -> None:
        """The first page is there: the cursor goes to its run, if that is on it."""
        table, place = self.table, self._restored
        if self._was_here:
            self._restored = None
        elif place is not None and place.run_id:
            table.cursor_row = next((n for n, run in enumerate(table.runs) if run.run_id == place.run_id), 0)
        self._was_here = True
        self.mlaudit.places.keep()

    def _refused_place(self, error: FilterError) -> bool:
        """Whether it was the place begun at that the store refuses: then all runs are asked for instead."""
        if self._restored is None or self._loaded:
            return False
        said = f"The filter and the order you had are refused now, and are left out: {error}"
        self.app.notify(said, severity="warning", timeout=15, markup=False)
        self._restored, self.filter_string, self.sort = None, "", ()
        self.query_one(FilterInput).value = ""
        self.load()
        return True

    def on_screen_suspend(self) -> None:
        """Keep the place while something else is looked at."""
        if self._loaded:
            self.mlaudit.places.keep()

    def _about_place(self) -> list[str]:
        return [WELCOME] if self._restored is not None else []
