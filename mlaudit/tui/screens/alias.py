"""Which alias: one that the model has, or a new one. Nothing is done here; the answer is planned and asked about."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlaudit.domain.errors import UsageError
from mlaudit.domain.models import ModelVersion
from mlaudit.domain.promotion import UNALIAS, Target
from mlaudit.tui.screens.dialog import Dialog
from mlaudit.tui.widgets.field import Field
from mlaudit.tui.widgets.pick_list import PickList


class AliasDialog(Dialog[str | None]):
    """Returns a promotion's target, ``alias:NAME`` or ``unalias:NAME``; None when cancelled."""

    CSS = """
    AliasDialog { align: center middle; }
    AliasDialog #box { width: 70; max-width: 95%; height: auto; max-height: 90%; padding: 0 2; }
    AliasDialog #box { border: heavy $primary; background: $surface; }
    AliasDialog Input { background: $boost; margin-top: 1; }
    AliasDialog OptionList { height: auto; max-height: 8; border: none; margin-top: 1; }
    AliasDialog Static { height: auto; }
    AliasDialog #what { margin-top: 1; }
    AliasDialog #keys { color: $text-muted; }
    """
    AUTO_FOCUS = "#name"
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="alias.cancel", tooltip="Close without doing anything"),
        Binding("down", "to_list", show=False, id="alias.list", tooltip="To the aliases that there are"),
    ]

    def __init__(self, version: ModelVersion, aliases: Mapping[str, str]) -> None:
        """``aliases``: all of the model's, alias -> version."""
        super().__init__()
        self._version = version
        self._aliases = dict(sorted(aliases.items()))

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            title = f"Alias for version {self._version.version} of {self._version.model}"
            yield Static(Text(title, style="bold"))
            yield Field(placeholder="name of the alias", id="name", compact=True)
            yield Static("", id="what", markup=False)
            rows = [Option(Text(f"@{alias}  {self._would(alias)}")) for alias in self._aliases]
            yield PickList(*rows, id="aliases", markup=False)
            yield Static("enter goes on to the plan · ↓ to the aliases that there are · esc cancels", id="keys")

    def on_mount(self) -> None:
        """There may be no alias yet."""
        self.query_one(OptionList).display = bool(self._aliases)
        self._describe("")

    def _would(self, alias: str) -> str:
        """What choosing this alias would do, in words."""
        holder = self._aliases.get(alias)
        if holder == self._version.version:
            return f"is taken off version {holder}, and names nothing then"
        if holder is not None:
            return f"moves from version {holder} to version {self._version.version}"
        return f"is new, and names version {self._version.version}"

    def _target(self, alias: str) -> str:
        """Raises UsageError for a name that MLflow does not take."""
        taken = self._aliases.get(alias) == self._version.version
        return str(Target.parse(f"{UNALIAS if taken else 'alias:'}{alias}"))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._describe(event.value.strip().lstrip("@"))

    def _describe(self, alias: str) -> None:
        place = self.query_one("#what", Static)
        if not alias:
            place.update(Text("Type a name, or choose one below." if self._aliases else "Type a name.", style="dim"))
            return
        try:
            self._target(alias)
        except UsageError as error:
            place.update(Text(f"! {error}", style="bold"))
        else:
            place.update(Text(f"@{alias} {self._would(alias)}"))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self._choose(event.value.strip().lstrip("@"))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(list(self._aliases)[event.option_index])

    def _choose(self, alias: str) -> None:
        try:
            target = self._target(alias)
        except UsageError:
            self._describe(alias)
            return
        self.dismiss(target)

    def action_to_list(self) -> None:
        """From the field to the list."""
        if self._aliases and isinstance(self.focused, Input):
            rows = self.query_one(OptionList)
            rows.highlighted = 0
            rows.focus()

    def action_cancel(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)
