"""A run's first page: identity, life, origin, data, registered versions, environment, and its note."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from mlaudit.domain.columns import duration_of
from mlaudit.domain.errors import MlauditError
from mlaudit.domain.models import Run
from mlaudit.domain.text import format_duration, format_size, format_time
from mlaudit.services.run_environment import EnvironmentFiles, FindEnvironment
from mlaudit.services.runs import RunDetails
from mlaudit.tui.histories import Ask
from mlaudit.tui.widgets.comparison_text import version_words
from mlaudit.tui.widgets.markdown_text import NEWLINES, MarkdownText
from mlaudit.tui.widgets.run_cells import STATUS_COLORS

NOTE_TAG = "mlflow.note.content"
_SOURCE_TAGS = (
    ("branch", ("mlflow.source.git.branch",)),
    ("repository", ("mlflow.source.git.repoURL", "mlflow.databricks.gitRepoUrl")),
    ("source", ("mlflow.source.name",)),
    ("source type", ("mlflow.source.type",)),
    # MLflow itself records none; these are what people call it.
    ("host", ("mlflow.host", "host", "hostname", "host_name", "node", "machine")),
    ("image", ("mlflow.docker.image.uri", "mlflow.docker.image.id")),
    ("parent run", ("mlflow.parentRunId",)),
)
_DIRTY_TAGS = ("mlflow.source.git.dirty", "mlaudit.git.dirty")
_DIFF_TAG = "mlflow.source.git.diff"


class RunOverview(VerticalScroll):
    """Everything but metrics, params, tags and artifacts; the environment is asked for when it is seen."""

    DEFAULT_CSS = """
    RunOverview { height: 1fr; padding: 0 1; }
    RunOverview Static { height: auto; }
    RunOverview .later { margin-top: 1; }
    """

    HELP_NAME = "overview"
    BINDINGS = [
        Binding("j", "scroll_down", show=False, id="overview.down", tooltip="Scroll down"),
        Binding("k", "scroll_up", show=False, id="overview.up", tooltip="Scroll up"),
        Binding("g", "scroll_home", show=False, id="overview.first", tooltip="The top"),
        Binding("G", "scroll_end", show=False, id="overview.last", tooltip="The end, where the note is"),
    ]

    def __init__(self, ask: Ask) -> None:
        super().__init__(id="overview-scroll")
        self._ask = ask
        self._run_id: str | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="overview-text", markup=False)
        yield Static("", id="overview-environment", classes="later", markup=False)
        yield Static("", id="overview-note-title", classes="later", markup=False)
        yield Static("", id="overview-note", markup=False)

    def show(self, details: RunDetails) -> None:
        """Show this run."""
        run = details.run
        self._run_id = run.run_id
        self.query_one("#overview-text", Static).update(overview_text(details))
        note = run.tags.get(NOTE_TAG, "")
        self.query_one("#overview-note-title", Static).update(Text("Note" if note else "", style="bold"))
        place = self.query_one("#overview-note", Static)
        place.update(MarkdownText(note.translate(NEWLINES)) if note else Text(""))
        self._say_environment([("", Text("asking the store…", style="dim"))])
        self._find_environment(run.run_id)

    @work(exclusive=True, group="overview.environment")
    async def _find_environment(self, run_id: str) -> None:
        try:
            found = await self._ask(FindEnvironment(run_id))
        except MlauditError as error:
            self._say_environment([("", Text(f"not known: {error}", style="dim"))])
            return
        self._say_environment(environment_rows(found))

    def _say_environment(self, rows: Iterable[tuple[str, str | Text]]) -> None:
        self.query_one("#overview-environment", Static).update(_section("Environment files", rows))


def environment_rows(found: EnvironmentFiles) -> list[tuple[str, str | Text]]:
    """Each file with its size; that there is none is a fact as well."""
    rows: list[tuple[str, str | Text]] = [(f.path, format_size(f.size)) for f in found.files]
    if found.skipped:
        rows.append(("", Text(f"{found.skipped} more folders were not looked into", style="dim")))
    if not rows:
        rows.append(("", Text("none: which packages it was trained with is not recorded", style="dim")))
    return rows


def overview_text(details: RunDetails) -> Text:
    """What the run itself says."""
    run = details.run
    blocks = [_section("", identity_rows(run, details.experiment_name))]
    versions = [(v.model, version_words(v)) for v in details.versions]
    blocks.append(_section("Registered versions", versions, "none"))
    datasets = [
        (d.context or "—", f"{d.name}  digest {d.digest or '—'}" + (f"  {d.source_type}" if d.source_type else ""))
        for d in run.datasets
    ]
    blocks.append(_section("Datasets", datasets, "none logged: what it was trained and judged on is not known"))
    blocks.append(_section("Source", source_rows(run)))
    return Text("\n\n").join(blocks)


def _moment(milliseconds: int | None) -> str:
    return "—" if milliseconds is None else f"{format_time(milliseconds)} UTC"


def identity_rows(run: Run, experiment: str) -> list[tuple[str, str | Text]]:
    """Which run it is, when it ran and whose it is."""
    status = Text(run.status, style=STATUS_COLORS.get(run.status, ""))  # type: ignore[call-overload]
    if run.lifecycle_stage != "active":
        status.append(f" · {run.lifecycle_stage.upper()}", style="bold")
    ended = "still running" if run.end_time is None and run.status == "RUNNING" else _moment(run.end_time)
    took = duration_of(run)
    return [
        ("run", run.run_id),
        ("name", run.name or "—"),
        ("experiment", f"{experiment} (#{run.experiment_id})"),
        ("status", status),
        ("started", _moment(run.start_time)),
        ("ended", ended if took is None else f"{ended}, after {format_duration(took)}"),
        # The store has only the client's word for it.
        ("user", f"{run.user} (claimed)" if run.user else "—"),
        ("artifacts", run.artifact_uri or "—"),
        ("logged", f"{len(run.metrics)} metrics, {len(run.params)} params, {len(run.tags)} tags"),
    ]


def source_rows(run: Run) -> list[tuple[str, str | Text]]:
    """Where the code came from; what would be needed to find it again and is missing is said."""
    commit = run.tags.get("mlflow.source.git.commit") or run.tags.get("mlflow.databricks.gitRepoCommit")
    found: list[tuple[str, str | Text]] = []
    if commit:
        found += [("commit", commit), ("work tree", _tree(run))]
    else:
        found.append(("commit", Text("not recorded: the run was not started from a git checkout", style="dim")))
    for name, tags in _SOURCE_TAGS:
        value = next((run.tags[tag] for tag in tags if run.tags.get(tag)), "")
        if value:
            found.append((name, value))
        elif name == "host":
            found.append((name, Text("not recorded (MLflow does not; a tag named host would)", style="dim")))
    return found


def _tree(run: Run) -> Text:
    """Whether the commit is all of the code."""
    said = next((run.tags[tag] for tag in _DIRTY_TAGS if run.tags.get(tag)), "").lower()
    diff = len(run.tags.get(_DIFF_TAG, ""))
    if said == "true":
        kept = f"; the tag {_DIFF_TAG} has them" if diff else "; what they were is not recorded"
        return Text(f"DIRTY: it had changes that are not in the commit{kept}", style="bold")
    if said == "false":
        return Text("clean")
    return Text("not recorded: it may have had changes that are not in the commit", style="dim")


def _section(title: str, rows: Iterable[tuple[str, str | Text]], empty: str = "") -> Text:
    lines = [Text(title, style="bold")] if title else []
    indent = "  " if title else ""
    shown = list(rows)
    width = max((len(name) for name, _ in shown), default=0)
    gap = "  " if width else ""
    lines += [Text.assemble((f"{indent}{name:<{width}}{gap}", "dim"), value) for name, value in shown]
    if not shown and empty:
        lines.append(Text(f"{indent}{empty}", style="dim"))
    return Text("\n").join(lines)
