"""Runs over params and metrics into a file: the name is asked for, and replacing too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import work

from mlaudit.domain.text import clean, format_size
from mlaudit.tui.chart_files import Picture, write_as
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.export import where_to

if TYPE_CHECKING:
    Host = BaseScreen
else:
    Host = object


@dataclass(frozen=True, slots=True)
class Drawn:
    """What can be written."""

    name: str
    """The file's name to begin with."""
    values: int
    """How many a CSV has."""
    table: Callable[[], str]
    picture: Callable[[], Picture]


class PlotExportMixin(Host):
    """For a screen that says what it has drawn."""

    def drawn(self) -> Drawn | None:
        """What is on show now; None where there is nothing."""
        raise NotImplementedError

    @work(group="plot.export", exclusive=True)
    async def action_export(self) -> None:
        """Ask for a name and write what is drawn there."""
        drawn = self.drawn()
        if drawn is None:
            self.app.notify("There is nothing to write: nothing is drawn.", severity="warning", markup=False)
            return
        chosen = await where_to(self.app, drawn.name, drawn.values)
        if chosen is None:
            return
        path, replace = chosen
        try:
            size = await asyncio.to_thread(write_as, path, drawn.table, drawn.picture, replace=replace)
        except (OSError, ImportError) as error:
            self.app.notify(f"Not written: {clean(error)}", severity="error", timeout=10, markup=False)
            return
        self.app.notify(f"Written: {clean(str(path))}, {format_size(size)}", timeout=5, markup=False)
