"""The last place: kept as one goes about, and returned to at the next start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlaudit.tui.screens.base import in_view
from mlaudit.tui.screens.experiments import ExperimentsScreen

if TYPE_CHECKING:
    from mlaudit.config.last_place import LastPlace, Place
    from mlaudit.domain.models import Experiment
    from mlaudit.services.experiments import ExperimentList
    from mlaudit.tui.app import MlauditApp

NOTICE_SECONDS = 15.0


class Places:
    """Knows the place in the store that is open; nothing before it has answered."""

    def __init__(self, app: MlauditApp) -> None:
        self._app = app
        self._last: LastPlace | None = None
        self._due: tuple[Place, tuple[Experiment, ...]] | None = None
        """Where to return to, and what there is, while a dialog lies over the experiments."""

    def begin(self, answer: ExperimentList) -> None:
        """The store has answered: return to where one was in it, if that is wanted. Once."""
        if self._last is not None:
            return
        # Only now: the first paint does not wait for it.
        from mlaudit.config.last_place import LastPlace

        self._last = LastPlace(answer.store.uri)
        if not self._app.settings.restore:
            return
        place = self._last.read()
        if self._last.problem:
            self._tell(self._last.problem)
        # Whoever was quicker has gone somewhere already.
        if place is None or not any(isinstance(s, ExperimentsScreen) and in_view(s) for s in self._app.screen_stack):
            return
        self._due = place, answer.experiments
        if isinstance(self._app.screen, ExperimentsScreen):
            self.come_back()

    def come_back(self) -> None:
        """The experiments are on: go on from there to where one was, if that is still to be done.

        Else whoever comes back to them has left the runs for good, and that is kept.
        """
        if self._due is None:
            self.keep()
            return
        (place, experiments), self._due = self._due, None
        there = _still_there(place, experiments)
        gone = [name for i, name in zip(place.experiment_ids, place.names, strict=True) if i not in there]
        if gone:
            what = gone[0] if len(gone) == 1 else f"{len(gone)} experiments, {gone[0]} among them,"
            are = "is" if len(gone) == 1 else "are"
            left = "Here are all experiments." if not there else "The others are shown."
            self._tell(f"Where you were, {what} {are} not here any more under that name. {left}")
        if place.everything and not gone:
            there = {e.experiment_id: e for e in experiments}
        if there:
            from mlaudit.tui.screens.runs import RunsScreen

            screen = RunsScreen(list(there.values()))
            screen.begin_at(place)
            self._app.push_screen(screen)

    def keep(self) -> None:
        """Write down where one is: the runs that are looked at, or that there are none."""
        if self._last is None or self._due is not None:
            return
        from mlaudit.tui.screens.runs import RunsScreen

        stack = self._app.screen_stack
        screens = [screen for screen in stack if isinstance(screen, RunsScreen)]
        if not screens:
            self._last.keep(None)
            return
        place = screens[-1].place
        every = next((len(s.experiments) for s in stack if isinstance(s, ExperimentsScreen)), 0)
        self._last.keep(replace(place, everything=1 < len(place.experiment_ids) == every))

    def _tell(self, said: str) -> None:
        self._app.notify(said, severity="warning", timeout=NOTICE_SECONDS, markup=False)


def _still_there(place: Place, experiments: tuple[Experiment, ...]) -> dict[str, Experiment]:
    """The experiments of a place that there are, by id. A store that was built anew has other names for the ids."""
    names = dict(zip(place.experiment_ids, place.names, strict=True))
    return {e.experiment_id: e for e in experiments if names.get(e.experiment_id) == e.name}
