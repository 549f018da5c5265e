"""What was launched on this store: choose one, and the form has its values again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable, Static

from mlaudit.config.launch_memory import Launch, LaunchMemory
from mlaudit.domain.text import clean
from mlaudit.domain.training import TrainingScript
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.widgets.fitting import fit
from mlaudit.tui.widgets.jump_table import OpenTable

COLUMNS = ("launched", "script", "outcome", "run", "changed")
CHANGED_WIDTH = 120


class LaunchesScreen(BaseScreen):
    """The launches remembered here, the newest first."""

    TITLE = "launches"
    CSS_PATH = "launches.tcss"
    AUTO_FOCUS = "OpenTable"
    BINDINGS = [
        Binding("x", "forget", "Forget", id="launches.forget", tooltip="Take this launch out of the list"),
        Binding("y", "copy", "Copy run id", show=False, id="launches.copy", tooltip="Copy the id of the launch's run"),
    ]

    def __init__(
        self, memory: LaunchMemory, scripts: Sequence[TrainingScript], choose: Callable[[Launch], None]
    ) -> None:
        """``choose`` is called with the one that was chosen, when this screen has gone."""
        super().__init__()
        self._memory, self._scripts, self._choose = memory, {s.key: s for s in scripts}, choose

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="message", markup=False)
        yield OpenTable(id="launches", cursor_type="row", zebra_stripes=True, cell_padding=1)
        with VerticalScroll(id="about-scroll", can_focus=False):
            yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        launches, message = self._memory.launches, self.query_one("#message", Static)
        none = "" if launches else "Nothing was launched from here on this store so far."
        said = " ".join(part for part in (self._memory.problem, none) if part)
        message.update(Text(said))
        message.display = bool(said)
        message.set_class(bool(self._memory.problem), "-bad")
        table = self.query_one(OpenTable)
        table.fill(COLUMNS, (self._row(launch) for launch in launches))
        table.display = bool(launches)
        self._describe()

    def _row(self, launch: Launch) -> tuple[Text, ...]:
        return (
            Text(when(launch)),
            Text(fit(clean(launch.script), 20)),
            Text(clean(launch.outcome) or "end not seen"),
            Text((launch.run_id or "")[:8]),
            Text(fit(", ".join(f"{n}={v}" for n, v in self._changed(launch)) or "nothing", CHANGED_WIDTH)),
        )

    def _changed(self, launch: Launch) -> list[tuple[str, str]]:
        """The values that differ from the script's defaults of today; all, for a script that is not there."""
        script = self._scripts.get(launch.script)
        defaults = {p.name: p.default for p in script.parameters} if script else {}
        return [(clean(n), clean(v)) for n, v in launch.values if v != defaults.get(n, "")]

    @property
    def current(self) -> Launch | None:
        """The launch under the cursor."""
        row = self.query_one(OpenTable).cursor_row
        return self._memory.launches[row] if 0 <= row < len(self._memory.launches) else None

    @on(DataTable.RowHighlighted)
    def _describe(self) -> None:
        launch = self.current
        text = Text()
        if launch is not None:
            text.append("enter puts these into the form\n", style="dim")
            text.append("\n".join(f"{clean(n)} = {clean(v) or '(not passed)'}" for n, v in launch.values))
            if launch.script not in self._scripts:
                text.append(f"\nThere is no script {clean(launch.script)!r} any more.", style="bold")
        self.query_one("#about", Static).update(text)
        self.query_one("#about-scroll").display = launch is not None
        self.refresh_bindings()

    @on(DataTable.RowSelected)
    async def _selected(self) -> None:
        launch = self.current
        if launch is not None:
            # The form is there again before it is filled.
            self.app.call_later(self._choose, launch)
            self.app.pop_screen()

    def action_forget(self) -> None:
        """Take the launch under the cursor out of the list."""
        if self.current is not None:
            self._memory.forget(self.current.launch_id)
            self._show()

    def action_copy(self) -> None:
        """Copy the id of its run."""
        if self.current is not None and self.current.run_id:
            self.mlaudit.copy(self.current.run_id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greyed out where there is nothing to do it to."""
        if action in {"forget", "copy"}:
            launch = self.current if self.is_mounted else None
            return True if launch is not None and (action == "forget" or launch.run_id) else None
        return super().check_action(action, parameters)


def when(launch: Launch) -> str:
    """The local time at which it was launched."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(launch.started))
