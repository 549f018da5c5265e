"""What the shell offers behind ``tab``: runs, models and experiments of the store that the line names.

Only where mlaudit's own reader opens the store, which takes a few tenths of a second and imports no MLflow; for a
server or a directory, and where the store does not answer in time, nothing is offered. Nothing is ever written, and
nothing said: the shell would print it into the line that is being typed.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

from mlaudit.config.settings import Settings

if TYPE_CHECKING:
    from mlaudit.gateway.base import Gateway

NOT_PLAIN = re.compile(r"[^\w .,:@%+=/·-]")
"""A store's names are anybody's, and the shell's scripts evaluate what they are handed: nothing else gets there."""
PATIENCE = 2.0
"""Seconds of wall clock after which nothing is offered."""
MOST = 50
"""Runs that are offered, the newest first."""
Offer = tuple[str, str]
"""What is put into the line, and what the shell says beside it where it can."""


def runs(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Ids of runs that begin like this, with their names."""
    if not all(c.isalnum() or c in "-_" for c in incomplete):
        return []

    def look(gateway: Gateway) -> list[Offer]:
        experiments = {e.experiment_id: e.name for e in gateway.list_experiments()}
        # In SQL's LIKE an underscore is any character: what comes back is looked at again.
        begins = f"attributes.run_id LIKE '{incomplete}%'" if incomplete else ""
        page = gateway.search_runs(tuple(experiments), filter_string=begins, max_results=MOST)
        return [(run.run_id, f"{run.name} · {experiments.get(run.experiment_id, '')}") for run in page.runs]

    return _offered(ctx, look, incomplete)


def models(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Registered models."""
    return _offered(ctx, lambda g: [(m.raw_name, "") for m in g.list_registered_models()], incomplete)


def experiments(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Experiments by name."""
    return _offered(ctx, lambda g: [(e.name, f"id {e.experiment_id}") for e in g.list_experiments()], incomplete)


COMPLETED: dict[str, Callable[[typer.Context, str], list[Offer]]] = {
    "run_id": runs,
    "subject": runs,
    "baseline": runs,
    "model": models,
    "experiment": experiments,
}
"""Name of a parameter -> what it is completed with, in every command that has one."""


def complete(parameters: Iterable[inspect.Parameter]) -> None:
    """Let the shell complete those parameters of a command that are known here."""
    for parameter in parameters:
        for about in getattr(parameter.annotation, "__metadata__", ()):
            if parameter.name in COMPLETED and hasattr(about, "autocompletion"):
                about.autocompletion = COMPLETED[parameter.name]


def _offered(ctx: typer.Context, look: Callable[[Gateway], list[Offer]], incomplete: str) -> list[Offer]:
    settings = Settings(_given(ctx, "tracking_uri"), _given(ctx, "registry_uri"), read_only=True)
    found: list[Offer] = []

    def work() -> None:
        from mlaudit.wiring import open_quickly

        try:
            if (gateway := open_quickly(settings)) is not None:
                found.extend(look(gateway))
        except Exception:  # noqa: BLE001  whatever is wrong is told when the line is run
            return

    # A daemon thread: a database behind a network may not answer at all.
    asking = threading.Thread(target=work, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return [
        (value, NOT_PLAIN.sub("?", about))
        for value, about in found
        if value.startswith(incomplete) and not NOT_PLAIN.search(value)
    ]


def _given(ctx: Any, name: str) -> str | None:
    """A global option as it stands in the line so far, behind the command or before it."""
    while ctx is not None:
        if value := ctx.params.get(name):
            return str(value)
        ctx = ctx.parent
    return None
