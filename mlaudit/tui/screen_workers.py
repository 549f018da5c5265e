"""The end of what a screen has under way."""

from typing import Any

from textual.screen import Screen


def end_workers(screen: Screen[Any]) -> None:
    """End the workers of a screen that is about to go, and those of its widgets.

    Textual ends a widget's after the widgets within it are gone: an answer that comes between the two would find
    nothing left to show it, and the app would end with an error.
    """
    for worker in list(screen.workers):
        if screen in worker.node.ancestors_with_self:
            worker.cancel()
