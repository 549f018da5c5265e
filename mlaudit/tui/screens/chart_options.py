"""What the chart screen can show besides the runs' own curves: recipes as means, Production's curve, differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding

from mlaudit.domain.errors import AmbiguousModel, MlauditError
from mlaudit.domain.text import clean
from mlaudit.services.reference import FindReference
from mlaudit.tui.chart_curves import ChartCurves
from mlaudit.tui.screens.base import BaseScreen

if TYPE_CHECKING:
    Host = BaseScreen
else:
    Host = object

OPTION_KEYS = [
    Binding("M", "means", show=False, id="chart.means", tooltip="Runs that differ only in their seed as mean and band"),
    Binding("P", "production", show=False, id="chart.production", tooltip="The curve of the model in production"),
    Binding("D", "difference", show=False, id="chart.difference", tooltip="Each run minus Production's, or the first"),
]


class ChartOptionsMixin(Host):
    """For a screen with :attr:`curves` and a ``_show`` that loads and draws."""

    curves: ChartCurves
    _models: tuple[str, ...] = ()
    """Where the runs could be of several models: which ones P goes through."""
    _finding = False
    _problem = ""
    """Why the last key did nothing."""

    def _show(self) -> None:
        """Load what is missing, and draw."""
        raise NotImplementedError

    def _say(self) -> None:
        """Tell in the status line."""
        raise NotImplementedError

    def action_means(self) -> None:
        """Recipes as means with bands, or the runs one by one."""
        curves = self.curves
        curves.grouped = not curves.grouped
        alone = curves.grouped and all(len(group) < 2 for group in curves.groups)
        self._problem = (
            "no two of these runs differ in their seed alone, so there is nothing to average" if alone else ""
        )
        self._show()

    def action_difference(self) -> None:
        """Each run minus Production's or the first, or the runs themselves."""
        curves = self.curves
        curves.subtracting = not curves.subtracting
        self._show()

    def action_production(self) -> None:
        """Show Production's curve; of several models that come into question one after the other; then none."""
        curves = self.curves
        if not curves.runs or self._finding:
            return
        if not curves.with_reference:
            known = curves.reference is not None and curves.reference.run is not None
            if known and not self._models:
                curves.with_reference = True
                self._show()
            else:
                self._find(self._models[0] if self._models else None, asked=True)
            return
        shown = curves.reference.model if curves.reference else ""
        later = self._models[self._models.index(shown) + 1 :] if shown in self._models else ()
        if later:
            self._find(later[0], asked=True)
        else:
            curves.with_reference = False
            self._show()

    def find_policy(self) -> None:
        """Look quietly which model and policy these runs belong to: the policy says which way a metric gets better."""
        if self.curves.runs:
            self._find(None, asked=False)

    @work(exclusive=True, group="chart.reference")
    async def _find(self, model: str | None, *, asked: bool) -> None:
        self._finding = asked
        curves, self._problem = self.curves, ""
        try:
            curves.reference = await self.ask(FindReference(curves.runs[0].run_id, model))
            if asked:
                self._problem = clean(curves.reference.problem)
                curves.with_reference = curves.reference.run is not None
        except AmbiguousModel as error:
            self._models = error.choices
            self._problem = str(error) if asked else ""
            if asked and error.choices and model is None:
                self._finding = False
                self._find(error.choices[0], asked=True)
                return
        except MlauditError as error:
            self._problem = str(error) if asked else ""
        finally:
            self._finding = False
        if self.is_mounted:
            self._show()

    def option_words(self) -> list[str]:
        """What the status line says of all this."""
        curves, said = self.curves, []
        if self._problem:
            said.append(self._problem)
        found = curves.reference
        if curves.with_reference and found is not None and found.version is not None:
            more = f" ({len(self._models)} models, P goes on)" if len(self._models) > 1 else ""
            said.append(f"{found.selector} of {found.model} is version {found.version.version}{more}")
        if curves.subtracting:
            steps = f": {curves.left_out:,} steps are left out, which only one has" if curves.left_out else ""
            said.append(f"differences at the same steps{steps}")
        return said
