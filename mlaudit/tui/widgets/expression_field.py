"""The line in which an expression is typed, coloured by what its parts mean."""

from __future__ import annotations

from typing import Protocol

from rich.text import Text

from mlaudit.domain.filters import highlight
from mlaudit.tui.widgets.field import Field, PrintableHighlighter

COLORS = {
    "entity": "cyan",
    "key": "bold",
    "operator": "magenta",
    "string": "green",
    "number": "yellow",
    "keyword": "bold magenta",
    "paren": "",
    "error": "red underline",
}


class ListOwner(Protocol):
    """What stands around the field and has a list below it."""

    def take(self) -> bool:
        """Put in what is chosen in the list; False when nothing is."""
        ...

    def forget(self) -> bool:
        """Take away the name that is chosen in the list; False when none is."""
        ...


class ExpressionField(Field):
    """The line itself: enter and delete belong to the list while somebody is in it."""

    def __init__(self, owner: ListOwner, *, placeholder: str, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(
            placeholder=placeholder, id=id, compact=True, select_on_focus=False, highlighter=ExpressionHighlighter()
        )
        self._owner = owner

    async def action_submit(self) -> None:
        """Enter."""
        if not self._owner.take():
            await super().action_submit()

    def action_delete_right(self) -> None:
        """Delete."""
        if not self._owner.forget():
            super().action_delete_right()


class ExpressionHighlighter(PrintableHighlighter):
    """Colours an expression in place, by what its parts mean."""

    def highlight(self, text: Text) -> None:
        """See :func:`mlaudit.domain.filters.highlight`."""
        for start, end, kind in highlight(text.plain):
            if COLORS[kind]:
                text.stylize(COLORS[kind], start, end)
