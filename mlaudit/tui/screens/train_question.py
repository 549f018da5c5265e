"""The question before a training is started: the store, what is changed, the exact command, and who wants it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.text import Text

from mlaudit.domain.models import StoreInfo
from mlaudit.domain.text import clean
from mlaudit.domain.training import BUNDLED, TrainingScript
from mlaudit.tui.planned_training import Planned

if TYPE_CHECKING:
    from mlaudit.tui.trainings import Trainings


def question_lines(
    script: TrainingScript, planned: Planned, trainings: Trainings, store: StoreInfo | None
) -> list[str | Text]:
    """What the dialog says: the store, what differs from the defaults, the exact command, and who wants it."""
    lines: list[str | Text] = [Text(script.name, style="bold")]
    lines.append(Text.assemble("It records in ", (store_words(store), "bold"), ", through MLFLOW_TRACKING_URI."))
    lines.append(f"Changed: {planned.changed}" if planned.changed else "All options have their defaults.")
    if trainings.live or not trainings.queue.has_room:
        lines.append(Text(f"{trainings.summary}; {trainings.queue.at_once} may run at a time.", style="bold"))
    lines += ["", "The command:", Text(clean(shlex.join(planned.request.command or ())))]
    if script.key != BUNDLED:
        given = "all of yours"
        if script.environment is not None:
            given = ", ".join((*script.environment, "and what every program needs"))
        lines += ["", f"Declared in: {script.source}", f"It runs in: {clean(script.directory)}"]
        lines.append(f"Variables it gets: {given}")
    return lines


def store_words(store: StoreInfo | None) -> str:
    """Which store it is."""
    return "the store, which has not answered yet" if store is None else f"{store.kind} {store.uri}"
