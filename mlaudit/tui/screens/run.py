"""All of one run: where it came from, its metrics, params, tags, datasets, registered versions and artifacts."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import DataTable, Static, TabbedContent, TabPane

from mlaudit.domain.errors import MlauditError, RunDeleted
from mlaudit.domain.models import Artifact, Run
from mlaudit.services.runs import GetRunDetails, RunDetails
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.run_outside import OUTSIDE_KEY, OutsideMixin
from mlaudit.tui.widgets.artifact_pane import ArtifactPane
from mlaudit.tui.widgets.artifact_tree import ArtifactTree
from mlaudit.tui.widgets.run_metrics import SYSTEM, MetricsPane
from mlaudit.tui.widgets.run_overview import RunOverview
from mlaudit.tui.widgets.run_pane import RunPane, pair_rows

PANES = ("overview", "metrics", "params", "tags", "artifacts", "system")


class RunScreen(OutsideMixin, BaseScreen):
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
        Binding("slash", "search", "Search", key_display="/", id="run.search", tooltip="Search the rows of this pane"),
        Binding("o", "download", "Download", id="run.download", tooltip="Download the artifact, or all of them"),
        OUTSIDE_KEY,
        Binding("y", "copy", "Copy", id="run.copy", tooltip="Copy the value under the cursor, or the run's id"),
        Binding("r", "reload", "Refresh", id="run.refresh", tooltip="Ask the store again"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id
        self.details: RunDetails | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield Static("", id="message", markup=False)
        with TabbedContent(id="panes"):
            with TabPane("Overview", id="overview"):
                yield RunOverview(self.ask)
            with TabPane("Metrics", id="metrics"):
                yield MetricsPane(self.ask)
            for pane in ("params", "tags"):
                with TabPane(pane.capitalize(), id=pane):
                    yield RunPane(pane)
            with TabPane("Artifacts", id="artifacts"):
                yield ArtifactPane(self._run_id, self.ask)
            with TabPane("System", id="system"):
                yield MetricsPane(self.ask, system=True)

    def on_mount(self) -> None:
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
        self.query_one(RunOverview).show(details)
        for pane in self.query(MetricsPane):
            pane.show_run(run)
        self.query_one("#params RunPane", RunPane).show(pair_rows(sorted(run.params.items())))
        # MLflow's own come last.
        tags = sorted(run.tags.items(), key=lambda kv: (kv[0].startswith("mlflow."), kv[0]))
        self.query_one("#tags RunPane", RunPane).show(pair_rows(tags))
        self.query_one(ArtifactPane).show(details.artifacts)
        panes = self.query_one(TabbedContent)
        panes.display = True
        system = sum(key.startswith(SYSTEM) for key in run.metrics)
        counts = {"metrics": len(run.metrics) - system, "params": len(run.params), "tags": len(run.tags)}
        for name, count in (counts | {"system": system}).items():
            panes.get_tab(name).label = f"{name.capitalize()} {count}"
        if not system and self.pane == "system":
            panes.active = "metrics"
        panes.get_tab("system").display = bool(system)
        if first:
            self._focus_pane()
        self._complete()
        self.refresh_bindings()

    def _complete(self) -> None:
        """Ask for what the pane on show has not been told yet."""
        for pane in self.query(f"#{self.pane} MetricsPane").results(MetricsPane):
            pane.complete()

    @property
    def crumb(self) -> str:
        """``run bold-fox``."""
        return f"run {self.title}" if self.details else "run"

    # Panes

    @property
    def pane(self) -> str:
        """The pane on show."""
        return str(self.query_one(TabbedContent).active)

    def action_pane(self, by: int) -> None:
        """The next pane, or the one before."""
        if self.details is not None:
            panes = [name for name in PANES if self._has(name)]
            self.action_show_pane(panes[(panes.index(self.pane) + by) % len(panes)])

    def action_show_pane(self, name: str) -> None:
        """Show a pane."""
        if self.details is not None and self._has(name):
            self.query_one(TabbedContent).active = name

    def _has(self, name: str) -> bool:
        """Whether there is this pane: that of the machine's metrics only where there are any."""
        return name != "system" or any(key.startswith(SYSTEM) for key in (self.run.metrics if self.run else ()))

    @on(TabbedContent.TabActivated)
    def _activated(self) -> None:
        self._focus_pane()
        self._complete()
        self.refresh_bindings()

    def _focus_pane(self) -> None:
        if self.pane == "artifacts":
            self.query_one(ArtifactPane).focus_inside()
        elif self._table is not None:
            self._table.focus_inside()
        else:
            self.query_one(RunOverview).focus()

    @property
    def _table(self) -> RunPane | None:
        """The pane on show, where it has rows."""
        return next(iter(self.query(f"#{self.pane} RunPane").results(RunPane)), None)

    @property
    def _row(self) -> tuple[str, str] | None:
        """Key and value under the cursor of the pane on show."""
        row = self._table.row if self._table is not None else None
        return (row.key, row.copied) if row is not None else None

    def action_search(self) -> None:
        """Search the rows of the pane on show."""
        if self._table is not None:
            self._table.open_search()

    async def action_back(self) -> None:
        """Out of the search first, then off the screen."""
        if self._table is None or not self._table.close_search():
            await super().action_back()

    # What can be done with the run

    @property
    def run(self) -> Run | None:
        """The run; None until the store has answered."""
        return self.details.run if self.details else None

    @property
    def run_at_hand(self) -> Run | None:
        """The same, for what every screen can do with a run."""
        return self.run

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
            metric = self._row[0] if self.pane in {"metrics", "system"} and self._row else None
            self.app.push_screen(ChartScreen((self.run,), metric))

    @on(DataTable.RowSelected, "OpenTable")
    def _metric_selected(self) -> None:
        self.action_chart()

    def action_download(self) -> None:
        """Ask into which folder the file or folder under the cursor goes; on other panes, all artifacts of the run."""
        from mlaudit.tui.screens.download import DownloadDialog

        everything = Artifact("", "", True)
        artifact = self.query_one(ArtifactTree).artifact if self.pane == "artifacts" else everything
        if artifact is not None or self.mlaudit.downloads.current is not None:
            self.app.push_screen(DownloadDialog(self._run_id, artifact))

    def action_outside(self) -> None:
        """The artifact under the cursor with another program; on the other panes the run's web page."""
        artifact = self.query_one(ArtifactTree).artifact
        if self.pane == "artifacts" and artifact is not None:
            self.open_artifact(self._run_id, artifact)
        elif self.run is not None:
            self.open_page(self.run)

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
        if action == "search" and self.is_mounted and self._table is None:
            return False
        if (
            action in {"download", "outside", "diff", "chart", "promote", "copy", "pane", "show_pane", "search"}
            and self.details is None
        ):
            return None
        return super().check_action(action, parameters)

    def _say(self, message: str, *, bad: bool = False) -> None:
        place = self.query_one("#message", Static)
        place.update(Text(message))
        place.display = bool(message)
        place.set_class(bad, "-bad")
