"""Pinned columns: they stay in place beside the name while the others scroll."""

from __future__ import annotations

from textual.binding import Binding

from mlaudit.tui.screens.run_list_columns import ColumnsMixin
from mlaudit.tui.widgets.run_cells import PIN
from mlaudit.tui.widgets.run_table_layout import title_of

PIN_KEY = Binding(
    "f", "pin", "Pin", show=False, id="runs.pin", tooltip="Keep the column under the cursor beside the name, or not"
)


class PinsMixin(ColumnsMixin):
    """Pins and unpins columns."""

    def on_mount(self) -> None:
        self.table.pinned = frozenset(self._pinned)

    def action_pin(self) -> None:
        """Keep the column under the cursor in place, or let it go back to where it stood."""
        table, column = self.table, self.table.column
        if column == table.columns[0]:
            self._refuse_pin("The first column always stays in place.")
            return
        if column in self._pinned:
            pinned = tuple(c for c in self._pinned if c != column)
        else:
            pinned = (*self._pinned, column)
            if not table.room_for([c for c in pinned if c in table.columns]):
                said = f"There is no room to keep {title_of(column)} in place: too little would be left for the others."
                self._refuse_pin(said)
                return
        self._show_pinned(pinned)

    def _show_pinned(self, pinned: tuple[str, ...]) -> None:
        self._pinned = pinned
        self.table.pin(pinned, self._columns(self.table.runs, afresh=True))
        self._say()

    def _refuse_pin(self, said: str) -> None:
        self.app.notify(said, severity="warning", timeout=5, markup=False)

    def on_resize(self) -> None:
        """Another width may have room for more of them, or for fewer."""
        # The table takes note of its size only after this.
        self.call_after_refresh(self._say)

    def _about_pins(self) -> list[str]:
        """How many scroll all the same."""
        count = self.table.pins_without_room
        return [f"{PIN} no room to keep {count} pinned column{'' if count == 1 else 's'} in place"] if count else []
