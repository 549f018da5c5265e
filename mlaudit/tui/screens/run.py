"""All of one run: where it came from, its metrics, params, tags, datasets, registered versions and artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable, Static, TabbedContent, TabPane

from mlaudit.domain.errors import MlauditError, RunDeleted
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_number
from mlaudit.services.runs import GetRunDetails, RunDetails
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from mlaudit.tui.widgets.jump_table import JumpTable, OpenTable
from mlaudit.tui.widgets.run_overview import overview_text

VALUE_WIDTH = 200
"""Characters of a value that a table's cell holds; the line below the table shows all of the one under the cursor."""
PANES = ("overview", "metrics", "params", "tags", "artifacts")


class RunScreen(BaseScreen):
    """One run; its panes are gone through with tab, or by number."""

    TITLE = "run"
    CSS_PATH = "run.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("tab", "pane(1)", "Pane", priority=True, id="run.next_pane", tooltip="The next pane"),
        Binding("shift+tab", "pane(-1)", show=False, priority=True, id="run.previous_pane", tooltip="The pane before"),
        *(
            Binding(str(n), f"show_pane('{name}')", show=False, id=f"run.{name}", tooltip=f"The pane {name}")
            for n, name in enumerate(PANES, 1)
        ),
        Binding("d", "diff", "Diff", id="run.diff", tooltip="Compare the run with the model in Production"),
        Binding("c", "chart", "Chart", id="run.chart", tooltip="The curve of the metric under the cursor"),
        Binding(
            "m", "models", "Models", id="run.models", tooltip="The model that this run is a version of, or all models"
        ),
        Binding("p", "promote", "Promote", id="run.promote", tooltip="Compare the run and promote its model"),
        Binding("y", "copy", "Copy", id="run.copy", tooltip="Copy the value under the cursor, or the run's id"),
        Binding("r", "reload", "Refresh", id="run.refresh", tooltip="Ask the store again"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id
        self.details: RunDetails | None = None
        self._values: dict[str, list[tuple[str, str]]] = {}
        """Pane -> its rows: key and whole value."""

    def compose_body(self) -> Iterable[Widget]:
        yield Static("", id="message", markup=False)
        with TabbedContent(id="panes"):
            with TabPane("Overview", id="overview"), VerticalScroll(id="overview-scroll"):
                yield Static("", id="overview-text", markup=False)
            for pane in ("metrics", "params", "tags"):
                with TabPane(pane.capitalize(), id=pane):
                    table = OpenTable if pane == "metrics" else JumpTable
                    yield table(id=f"{pane}-table", cursor_type="row", zebra_stripes=True, cell_padding=1)
                    yield Static("", id=f"{pane}-value", classes="value", markup=False)
            with TabPane("Artifacts", id="artifacts"):
                yield ArtifactTree(self._run_id, self.ask)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(TabbedContent).display = False
        self._say(f"reading run {self._run_id[:12]}…")
        self.load()

    def action_reload(self) -> None:
        """Ask for the run again; what is on show stays until the answer is there."""
        self.load()

    @work(exclusive=True, group="run.load")
    async def load(self) -> None:
        """Ask for the run and show it, or say in place why not."""
        try:
            details = await self.ask(GetRunDetails(self._run_id))
        except MlauditError as error:
            kept = " What is shown is from before." if self.details else ""
            self._say(f"{error}.{kept} Press r to try again.", bad=True)
            return
        first = self.details is None
        self.details = details
        self._say("\n".join(details.problems), bad=bool(details.problems))
        self.show_title(details.run.name or details.run.run_id[:12])
        run = details.run
        self.query_one("#overview-text", Static).update(overview_text(details))
        self._fill("metrics", {k: format_number(v, 10) for k, v in run.metrics.items()}, right=True)
        self._fill("params", run.params)
        self._fill("tags", run.tags)
        self.query_one(ArtifactTree).show(details.artifacts)
        panes = self.query_one(TabbedContent)
        panes.display = True
        for pane, count in (("metrics", len(run.metrics)), ("params", len(run.params)), ("tags", len(run.tags))):
            panes.get_tab(pane).label = f"{pane.capitalize()} {count}"
        if first:
            self._focus_pane()
        self.refresh_bindings()

    def _fill(self, pane: str, pairs: Mapping[str, str], *, right: bool = False) -> None:
        rows = sorted(pairs.items(), key=lambda kv: (kv[0].startswith(("mlflow.", "system/")), kv[0]))
        self._values[pane] = rows
        justify: Literal["left", "right"] = "right" if right else "left"
        self.query_one(f"#{pane}-table", JumpTable).fill(
            (pane[:-1], "last value" if right else "value"),
            ((Text(key), Text(_shortened(value), justify=justify)) for key, value in rows),
        )
        if not rows:
            self.query_one(f"#{pane}-value", Static).update(Text(f"The run has no {pane}."))

    # Panes

    @property
    def pane(self) -> str:
        """The pane on show."""
        return str(self.query_one(TabbedContent).active)

    def action_pane(self, by: int) -> None:
        """The next pane, or the one before."""
        if self.details is not None:
            self.action_show_pane(PANES[(PANES.index(self.pane) + by) % len(PANES)])

    def action_show_pane(self, name: str) -> None:
        """Show a pane."""
        if self.details is not None:
            self.query_one(TabbedContent).active = name

    @on(TabbedContent.TabActivated)
    def _activated(self) -> None:
        self._focus_pane()
        self.refresh_bindings()

    def _focus_pane(self) -> None:
        targets = {"overview": "#overview-scroll", "artifacts": "ArtifactTree"}
        self.query_one(targets.get(self.pane, f"#{self.pane}-table")).focus()

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        pane = str(event.data_table.id).removesuffix("-table")
        rows = self._values.get(pane, [])
        if event.cursor_row < len(rows):
            key, value = rows[event.cursor_row]
            self.query_one(f"#{pane}-value", Static).update(Text.assemble((key, "bold"), f"  {value}"))

    @property
    def _row(self) -> tuple[str, str] | None:
        """Key and value under the cursor of the pane on show."""
        rows = self._values.get(self.pane, [])
        if not rows:
            return None
        at = self.query_one(f"#{self.pane}-table", JumpTable).cursor_row
        return rows[at] if 0 <= at < len(rows) else None

    # What can be done with the run

    @property
    def run(self) -> Run | None:
        """The run; None until the store has answered."""
        return self.details.run if self.details else None

    def action_diff(self) -> None:
        """Compare with the model in production."""
        self._compare(promote=False)

    def action_models(self) -> None:
        """The model that has this run as a version, on that version; the list where it is none or several models."""
        versions = self.details.versions if self.details else ()
        if len({v.raw_model for v in versions}) == 1:
            self.mlaudit.show_model(versions[0].raw_model, versions[0].version)
        else:
            self.mlaudit.action_models()

    def action_promote(self) -> None:
        """The same, going on to the promotion."""
        self._compare(promote=True)

    def _compare(self, *, promote: bool) -> None:
        from mlaudit.tui.screens.diff import DiffScreen

        if self.run is None:
            return
        if promote and self.run.lifecycle_stage != "active":
            self._say(f"{RunDeleted(self.run.run_id, 'promoted')}.", bad=True)
            return
        self.app.push_screen(DiffScreen(self.run.run_id, promote=promote))

    def action_chart(self) -> None:
        """The curves of this run."""
        from mlaudit.tui.screens.chart import ChartScreen

        if self.run is not None:
            metric = self._row[0] if self.pane == "metrics" and self._row else None
            self.app.push_screen(ChartScreen((self.run,), metric))

    @on(DataTable.RowSelected, "#metrics-table")
    def _metric_selected(self) -> None:
        self.action_chart()

    def action_copy(self) -> None:
        """Copy the value under the cursor; on the overview the run's id."""
        if self.pane == "artifacts":
            text = self.query_one(ArtifactTree).path
        else:
            text = self._row[1] if self._row else (self.run.run_id if self.run else "")
        if text:
            self.mlaudit.copy(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greyed out until the run is there; promotion is not bound where nothing may be written."""
        if action == "promote" and not self.mlaudit.may_write:
            return False
        if action in {"diff", "chart", "promote", "copy", "pane", "show_pane"} and self.details is None:
            return None
        return super().check_action(action, parameters)

    def _say(self, message: str, *, bad: bool = False) -> None:
        place = self.query_one("#message", Static)
        place.update(Text(message))
        place.display = bool(message)
        place.set_class(bad, "-bad")


def _shortened(value: str) -> str:
    return value if len(value) <= VALUE_WIDTH else f"{value[:VALUE_WIDTH]}… (+{len(value) - VALUE_WIDTH})"
