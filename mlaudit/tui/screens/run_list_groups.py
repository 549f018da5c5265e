"""Runs in groups: one row for those with the same params or tags, with what their metrics come to."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on, work
from textual.widgets import Static

from mlaudit.domain.columns import is_curve
from mlaudit.domain.errors import MlauditError
from mlaudit.domain.groups import COUNT, RECIPE, RunGroup, Statistic, group_choices, verdicts_of
from mlaudit.domain.models import Experiment
from mlaudit.domain.sorting import Sorting, further, sole
from mlaudit.domain.triage import VERDICT_FIELDS
from mlaudit.domain.verdict import GatePolicy
from mlaudit.services.reference import FindReference
from mlaudit.tui.screens.group_by import GroupByScreen
from mlaudit.tui.screens.run_list_copy import NEED_A_RUN
from mlaudit.tui.screens.run_list_order import in_words
from mlaudit.tui.screens.run_list_rows import RowsMixin
from mlaudit.tui.widgets.run_preview import RunPreview, group_text
from mlaudit.tui.widgets.run_rows import GroupRows
from mlaudit.tui.widgets.run_table import RunTable
from mlaudit.tui.widgets.run_table_layout import title_of

NEED_ONE_RUN = NEED_A_RUN | {"diff", "promote"}
LOOKED_AT = 2_000
"""Runs whose params and tags are offered to be grouped by."""


class GroupsMixin(RowsMixin):
    """Groups runs."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__(experiments)
        self._on_group: RunGroup | None = None
        """The group under the cursor."""

    @property
    def _groups(self) -> GroupRows | None:
        found = self._arrangement
        return found if isinstance(found, GroupRows) else None

    @work(group="runs.groups", exclusive=True)
    async def action_group_by(self) -> None:
        """Choose what the runs are grouped by; nothing ungroups them."""
        runs = self.table.runs[:LOOKED_AT]
        choices = group_choices(runs, several_experiments=len(self._experiments) > 1)
        before = self._groups.by if self._groups else ()
        by = await self.app.push_screen_wait(GroupByScreen(choices, before, len(runs)))
        if by is None or by == before:
            return
        if not by:
            self._arrange(None)
            return
        policy = await self._policy() if RECIPE in by else None
        rows = GroupRows(by, self.table.experiments, self.table.judged, policy)
        if self._groups is not None:
            rows.statistic = self._groups.statistic
        self._arrange(rows)
        self.table.cursor_row = 0

    async def _policy(self) -> GatePolicy | None:
        """Whose nuisance params count: those of the policy for the first run's model; None: the built-in ones."""
        try:
            return (await self.ask(FindReference(self.table.runs[0].run_id))).policy if self.table.runs else None
        except MlauditError:
            # The run belongs to no model, or its policy cannot be read.
            return None

    def action_statistic(self) -> None:
        """The next figure: mean ±sd, mean, sd, min, max, n."""
        if (groups := self._groups) is not None:
            every = list(Statistic)
            groups.statistic = every[(every.index(groups.statistic) + 1) % len(every)]
            self.table.rearrange(groups)
            self._say()

    def _arranged_columns(self, columns: Sequence[str]) -> tuple[str, ...]:
        """How many runs, and what they are grouped by, right after the name."""
        if (groups := self._groups) is None:
            return tuple(columns)
        by = [column for column in groups.by if column != RECIPE]
        return tuple(dict.fromkeys((columns[0], COUNT, *by, *columns[1:])))

    def _sort_by(self, column: str, *, among_others: bool) -> None:
        if (groups := self._groups) is None:
            super()._sort_by(column, among_others=among_others)
            return
        if column in VERDICT_FIELDS:
            self._problem = (
                f"Groups have no {title_of(column)}; b and x make a plain list again, which is sorted by it."
            )
        elif is_curve(column):
            self._problem = f"Groups are not sorted by {title_of(column)}."
        else:
            self._problem = ""
            groups.sorting = (further if among_others else sole)(groups.sorting, column)
            self.table.show_sorting(groups.sorting)
            self.table.rearrange(groups)
            self.table.cursor_row = 0
        self._say()

    @property
    def _shown_sorting(self) -> Sorting:
        return super()._shown_sorting if self._groups is None else self._groups.sorting

    def _about_order(self) -> list[str]:
        if (groups := self._groups) is None:
            return super()._about_order()
        order = f"by {in_words(groups.sorting, partly=False)}" if groups.sorting else "newest run first"
        return [f"shown: {groups.statistic}", order]

    def _about_rows(self) -> list[str]:
        if (groups := self._groups) is None:
            return super()._about_rows()
        count = len(groups.groups)
        by = ", ".join(title_of(column) for column in groups.by)
        return [f"{count:,} group{'' if count == 1 else 's'} by {by}", *super()._about_rows()]

    def _about_written(self) -> list[str]:
        return [] if self._groups is None else ["The file has the runs themselves, one a line, not their groups."]

    @on(RunTable.Highlighted)
    def _group_highlighted(self, event: RunTable.Highlighted) -> None:
        detail = self.query_one("#detail", Static)
        detail.display = self._groups is not None
        before, self._on_group = self._on_group, event.row if isinstance(event.row, RunGroup) else None
        if self._on_group is None:
            # On every key otherwise: what is updated is laid out anew, and so is all around it.
            if before is not None:
                detail.update("")
        else:
            table = self.table
            if table.column in VERDICT_FIELDS:
                about = f"verdicts: {verdicts_of(self._on_group, table.judged)}"
            elif is_curve(table.column):
                about = "Each run has its own curve: enter opens the group."
            else:
                about = self._on_group.detail(table.column, title_of(table.column), table.experiments)
            detail.update(Text(about))
            if self._on_group is not before:
                self.query_one(RunPreview).show_text(group_text(self._on_group))
        if (before is None) != (self._on_group is None):
            # What can be done with a run cannot be done with a group.
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A group's figures can be chosen while there are groups; what is done with one run needs one."""
        if action == "statistic" and (not self.is_mounted or self._groups is None):
            return False
        if action == "group_by" and self._loaded and not self.table.runs:
            return None
        possible = super().check_action(action, parameters)
        if action in NEED_ONE_RUN and possible and isinstance(self.table.current_row, RunGroup):
            return None
        return possible
