"""How a promotion goes on the diff screen: plan, dialog, execution, and what came of it.

The execution runs as a worker of the app and not of the screen: leaving the screen would cancel the screen's workers,
and the outcome of something that is being done all the same would be lost. While it runs esc stays here; ``q`` must be
pressed twice.
"""

from __future__ import annotations

from rich.text import Text
from textual import work
from textual.widgets import Static

from mlaudit.domain.errors import (
    MlauditError,
    PromotionAborted,
    PromotionBusy,
    PromotionConflict,
    PromotionUnfinished,
    StalePlan,
    StoreError,
)
from mlaudit.domain.gate import Outcome
from mlaudit.domain.promotion import PromotionPlan
from mlaudit.services.compare import Comparison
from mlaudit.services.promote import ExecutePromotion, PlanPromotion
from mlaudit.tui.screens.base import BaseScreen
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.widgets.comparison_text import promoted_text, promotion_lines

NOTICE_SECONDS = 30


class PromotionMixin(BaseScreen):
    """The part of a screen that promotes the run of its comparison; the screen has a Static with the id ``message``."""

    comparison: Comparison | None = None
    """What is on show."""
    _planning = False
    """From the key press until the dialog is answered."""
    _executing = False
    """While the registry is being changed."""
    _quit_warned = False

    def compare(self) -> object:
        """Look again; the screen has its own."""
        raise NotImplementedError

    @property
    def shown_outcome(self) -> Outcome | None:
        """The verdict on screen."""
        raise NotImplementedError

    def promotion_off(self) -> str:
        """Why nothing can be promoted here; empty when it can."""
        if self.mlaudit.settings.read_only:
            return "mlaudit was started with --read-only"
        store = self.comparison.store if self.comparison else self.mlaudit.store
        if store is not None and not store.writable:
            return store.read_only_reason or "; ".join(("this store must not be written to", *store.notes))
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Promotion is not bound where nothing may be written, and greyed out while there is nothing to promote."""
        if action == "promote":
            if self.promotion_off():
                return False
            return True if self.comparison and not self._planning and not self._executing else None
        return super().check_action(action, parameters)

    def say(self, message: str | Text, *, bad: bool = False) -> None:
        """One message below the verdict; the empty text takes it away."""
        place = self.query_one("#message", Static)
        place.update(message if isinstance(message, Text) else Text(message))
        place.display = bool(message)
        place.set_class(bad, "-bad")

    def action_promote(self) -> None:
        """Plan, ask, promote, look again."""
        why_not = self.promotion_off()
        if why_not:
            self.say(f"Promotion is off: {why_not}.", bad=True)
        elif self.comparison and not self._planning and not self._executing:
            self._planning = True
            self.refresh_bindings()
            self._plan(self.comparison)

    @work(group="promotion.plan")
    async def _plan(self, comparison: Comparison) -> None:
        self.say("Planning the promotion…")
        try:
            plan = await self.ask(PlanPromotion(comparison.candidate.run.run_id, comparison.raw_model))
            self.say("")
            dialog = ConfirmDialog(
                f"Promote to Production: {plan.model}",
                promotion_lines(plan, self.shown_outcome),
                confirm_label="Promote",
                typed=plan.model if plan.needs_typed_name else None,
                reason="" if plan.passes else "Why is it promoted all the same? This is recorded:",
            )
            answer = await self.app.push_screen_wait(dialog)
        except MlauditError as error:
            self.say(f"Not promoted: {error}.", bad=True)
            return
        finally:
            self._planning = False
            self.refresh_bindings()
        if answer is None:
            self.say("Not promoted: cancelled. Nothing was changed.")
            return
        self._executing = True
        self.refresh_bindings()
        self.app.run_worker(self._execute(plan, answer), group="promotion.execute", exclusive=False)

    async def _execute(self, plan: PromotionPlan, reason: str) -> None:
        """Do it and say what came of it, on this screen or, when it is gone, as a notice over any other.

        ``reason``: why, where the gate does not let it through; empty where it does.
        """
        self._quit_warned = False
        self.mlaudit.quit_guards.append(self._may_quit)
        self.say(f"Promoting {plan.model}…")
        try:
            # Not through the screen's own ask: the screen may be gone when the answer comes.
            outcome = await self.mlaudit.backend.ask(ExecutePromotion(plan, reason, override=not plan.passes))
        except MlauditError as error:
            self._tell(Text(failure_words(plan, error)), bad=True)
        else:
            self._tell(promoted_text(outcome))
        finally:
            self._executing = False
            self.mlaudit.quit_guards.remove(self._may_quit)
        if self.is_attached:
            self.refresh_bindings()
            self.compare()

    def _tell(self, message: Text, *, bad: bool = False) -> None:
        if self.is_attached:
            self.say(message, bad=bad)
        if not self.is_current:
            self.app.notify(
                message.plain, severity="error" if bad else "information", timeout=NOTICE_SECONDS, markup=False
            )

    async def _may_quit(self) -> bool:
        if self._quit_warned:
            return True
        self._quit_warned = True
        self.say("A promotion is under way. Press q again to quit without seeing what came of it.", bad=True)
        return False

    async def action_back(self) -> None:
        """Leave, but not while the registry is being changed: its outcome is told here."""
        if self._executing:
            self.say("The promotion is under way; what came of it is told here in a moment.")
            return
        await super().action_back()


def failure_words(plan: PromotionPlan, error: MlauditError) -> str:
    """What a failed execution means for the registry."""
    if isinstance(error, StalePlan | PromotionBusy | PromotionAborted):
        return f"Not promoted: {error}."
    if isinstance(error, PromotionConflict):
        return f"{error}. Look at the registry before doing anything else."
    if isinstance(error, PromotionUnfinished):
        return f"{error}."
    if isinstance(error, StoreError):
        return f"{error}. Whether {plan.model} was promoted is not known: the comparison above is being made anew."
    return f"Not promoted: {error}."
