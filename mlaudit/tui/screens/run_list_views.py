"""Ways to look at the runs that were given a name: kept for each experiment of each store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from textual import work
from textual.binding import Binding

from mlaudit.config.saved_views import SavedViews
from mlaudit.domain.groups import RECIPE
from mlaudit.domain.saved_view import SavedView
from mlaudit.tui.screens.run_list_curves import CurvesMixin
from mlaudit.tui.screens.run_list_pins import PinsMixin
from mlaudit.tui.screens.run_list_tree import TreeMixin
from mlaudit.tui.screens.views import ViewsScreen
from mlaudit.tui.widgets.filter_input import FilterInput
from mlaudit.tui.widgets.run_rows import Arrangement, GroupRows, TreeRows

VIEWS_KEY = Binding(
    "w", "views", "Views", show=False, id="runs.views", tooltip="Saved views: filter, order, columns and groups by name"
)


class ViewsMixin(PinsMixin, CurvesMixin, TreeMixin):
    """Saves and applies views."""

    _named_view: tuple[str, SavedView] | None = None
    """The view that was applied or saved last, with its name."""

    @property
    def _saved_views(self) -> SavedViews | None:
        if (store := self.mlaudit.store) is None:
            return None
        return SavedViews(store.uri, [experiment.experiment_id for experiment in self._experiments])

    @work(group="runs.views", exclusive=True)
    async def action_views(self) -> None:
        """Choose a saved view, or save the present one."""
        if (views := self._saved_views) is None:
            return
        present = replace(self._present_view(), order_by=self._order())
        dialog = ViewsScreen(views, present, self._named_view[0] if self._named_view else "")
        chosen = await self.app.push_screen_wait(dialog)
        if chosen is not None:
            self._apply_view(*chosen)
            return
        # It may have been saved, renamed or deleted there.
        view = present if dialog.saved else self._named_view[1] if self._named_view is not None else None
        self._named_view = (dialog.applied, view) if dialog.applied and view is not None else None
        self._say()

    def more_commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """The saved views, for the palette: title, help, what to do."""
        views = self._saved_views
        for name, view in (views.read() if views is not None else {}).items():
            yield f"View: {name}", view.summary, partial(self._apply_view, name, view)

    def _present_view(self) -> SavedView:
        """How the runs are shown now, without what the store calls the keys: looking for that takes long."""
        groups = self._groups
        view = SavedView(
            filter_string=self.filter_string,
            sorting=self.sort,
            columns=self._chosen,
            only_differing=self._only_differing,
            pinned=self._pinned,
            curves=self._curves,
            verdicts=self._judging,
            tree=self._tree is not None,
            view_type=self.view_type,
        )
        if groups is None:
            return view
        return replace(view, group_by=groups.by, statistic=groups.statistic, group_sorting=groups.sorting)

    @work(group="runs.views", exclusive=True)
    async def _apply_view(self, name: str, view: SavedView) -> None:
        arrangement = await self._arrangement_of(view)
        first = self.table.columns[0]
        self._chosen = None if view.columns is None else (first, *(c for c in view.columns if c != first))
        self._only_differing, self._curves, self._pinned = view.only_differing, view.curves, view.pinned
        self._judging = view.verdicts
        self.table.pinned = frozenset(view.pinned)
        self._arrange(arrangement)
        self.filter_string, self.sort, self.view_type = view.filter_string, view.sorting, view.view_type
        self.query_one(FilterInput).value = view.filter_string
        self._named_view = name, view
        self.load(to_top=True)

    async def _arrangement_of(self, view: SavedView) -> Arrangement | None:
        if not view.group_by:
            return TreeRows() if view.tree else None
        policy = await self._policy() if RECIPE in view.group_by else None
        rows = GroupRows(view.group_by, self.table.experiments, self.table.judged, policy)
        rows.statistic, rows.sorting = view.statistic, view.group_sorting
        return rows

    def _about_saved_view(self) -> list[str]:
        """Which one is shown, and whether something was changed since."""
        if self._named_view is None:
            return []
        name, view = self._named_view
        same = self._present_view() == replace(view, order_by=())
        return [f"view {name}" + ("" if same else ", changed")]
