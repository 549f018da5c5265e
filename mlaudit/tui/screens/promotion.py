"""How a change of the registry goes on any screen: plan, dialog, execution, and what came of it.

A screen that is left is kept as long as there is a way forward to it, and so are its workers; whoever has left before
the question is not asked it somewhere else. The execution runs as a worker of the app and not of the screen: when the
screen is taken apart its workers are cancelled, and the outcome of something that is being done all the same would be
lost. While it runs esc stays here; ``q`` must be pressed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from rich.text import Text
from textual import work
from textual.widgets import Static

from mlaudit.domain.errors import MlauditError, NotConfirmed, PromotionBusy, StoreError
from mlaudit.domain.gate import Outcome
from mlaudit.domain.models import Stage, StoreInfo
from mlaudit.domain.promotion import Event, Target
from mlaudit.domain.text import clean
from mlaudit.services.promote import ExecutePromotion, PlanPromotion, PlanRollback
from mlaudit.services.recovery import InspectIntents, RecoverIntents, Settled
from mlaudit.services.requests import Request
from mlaudit.tui.screens.base import BaseScreen, in_view
from mlaudit.tui.screens.confirm import ConfirmDialog
from mlaudit.tui.widgets.change_text import (
    Wording,
    failure_words,
    needs_person,
    outcome_text,
    promotion_lines,
    reason_question,
    recovery_lines,
    wording,
)

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

NOTICE_SECONDS = 30
T = TypeVar("T")


class PromotionMixin(BaseScreen):
    """The part of a screen from which the registry is changed; the screen has a Static with the id ``message``."""

    _planning = False
    """From the key press until the dialog is answered."""
    _executing = ""
    """What is being done while the registry is being changed, as a noun."""
    _quit_warned = False
    said = ""
    """The message on show."""
    _said_bad = False
    _before_failure: tuple[str, bool] | None = None
    """The message that was there before one that tells of a failed reading; None while there is no such one."""

    def look_again(self) -> object:
        """Ask anew for what is shown; the screen has its own."""
        raise NotImplementedError

    @property
    def shown_outcome(self) -> Outcome | None:
        """The verdict on screen, if any: the dialog says where it is another one by now."""
        return None

    @property
    def shown_store(self) -> StoreInfo | None:
        """The store that what is on screen came from."""
        return self.mlaudit.store

    def promotion_off(self) -> str:
        """Why nothing can be changed here; empty when it can."""
        if self.mlaudit.settings.read_only:
            return "mlaudit was started with --read-only"
        store = self.shown_store
        if store is not None and not store.writable:
            return store.read_only_reason or "; ".join(("this store must not be written to", *store.notes))
        return ""

    @property
    def is_changing(self) -> bool:
        """Whether a change is being planned, asked about or done."""
        return self._planning or bool(self._executing)

    def say(self, message: str | Text, *, bad: bool = False) -> None:
        """One message; the empty text takes it away."""
        self.said, self._said_bad, self._before_failure = str(message), bad, None
        place = self.query_one("#message", Static)
        place.update(message if isinstance(message, Text) else Text(message))
        place.display = bool(message)
        place.set_class(bad, "-bad")

    def say_unread(self, error: MlauditError, *, kept: bool) -> None:
        """What is shown could not be read anew. What was just done stays to be read above it.

        ``kept``: something from before is on show.
        """
        before = self._before_failure or (self.said, self._said_bad)
        from_before = " What is shown is from before." if kept else ""
        above = f"{before[0]}\n" if kept and before[0] else ""
        self.say(f"{above}{error}.{from_before} Press r to try again.", bad=True)
        self._before_failure = before

    def say_read(self) -> None:
        """What is shown was read: an earlier failure to do so is not told any more."""
        if self._before_failure is not None:
            before, bad = self._before_failure
            self.say(before, bad=bad)

    # Changing

    def begin(self, request: PlanPromotion | PlanRollback) -> None:
        """Plan, ask, do, look again."""
        why_not = self.promotion_off()
        if why_not:
            self.say(f"Promotion is off: {why_not}.", bad=True)
        elif not self.is_changing:
            self._planning = True
            self.refresh_bindings()
            self._plan(request)

    @work(group="promotion.plan")
    async def _plan(self, request: PlanPromotion | PlanRollback) -> None:
        self.say("Planning…")
        words = _words_for(request)
        try:
            plan = await self.ask(request)
            if not in_view(self):
                self._tell(Text(f"{words.not_done}: the screen was left before the question."), note=False)
                return
            self.say("")
            words = wording(plan.model, plan.event, plan.target)
            dialog = ConfirmDialog(
                words.title,
                promotion_lines(plan, self.shown_outcome, self.mlaudit.user),
                confirm_label=words.label,
                typed=plan.model if plan.needs_typed_name else None,
                reason=reason_question(plan),
            )
            answer = await self.app.push_screen_wait(dialog)
        except MlauditError as error:
            self.say(f"{words.not_done}: {error}.", bad=True)
            return
        finally:
            self._planning = False
            self.refresh_bindings()
        if answer is None:
            self.say(f"{words.not_done}: cancelled. Nothing was changed.")
            return
        self._execute(
            ExecutePromotion(plan, answer, override=not plan.passes),
            str(plan.event),
            words.doing,
            told=outcome_text,
            failed=lambda error: failure_words(plan, error),
        )

    # Recovering

    def begin_recovery(self, raw_model: str) -> None:
        """Watch what is unfinished at a model, ask, end what is dead, look again."""
        if not self.promotion_off() and not self.is_changing:
            self._planning = True
            self.refresh_bindings()
            self._inspect(raw_model)

    @work(group="promotion.plan")
    async def _inspect(self, raw_model: str) -> None:
        self.say("Watching what is unfinished for a minute, to know that nobody is at it any more…")
        try:
            inspection = await self.ask(InspectIntents(raw_model))
            if not inspection.dead:
                alive = "; ".join(inspection.alive)
                self.say(f"Nothing to recover. Under way, or just ended: {alive}." if alive else "Nothing to recover.")
                self.look_again()
                return
            if not in_view(self):
                self._tell(Text("Not recovered: the screen was left before the question."), note=False)
                return
            self.say("")
            person = needs_person(inspection)
            dialog = ConfirmDialog(
                f"Recover: {inspection.model}",
                recovery_lines(inspection, self.shown_store),
                confirm_label="Delete the intent" if person else "Recover",
                typed=inspection.model if person else None,
            )
            answer = await self.app.push_screen_wait(dialog)
        except MlauditError as error:
            self.say(f"Not recovered: {error}.", bad=True)
            return
        finally:
            self._planning = False
            self.refresh_bindings()
        if answer is None:
            self.say("Not recovered: cancelled. Nothing was changed.")
            return
        self._execute(
            RecoverIntents(inspection, delete_unclear=person),
            "recovery",
            f"Recovering {inspection.model}",
            told=_recovery_told,
            failed=_recovery_failure,
        )

    # Doing

    def _execute(
        self,
        request: Request[T],
        noun: str,
        doing: str,
        *,
        told: Callable[[T], Text],
        failed: Callable[[MlauditError], str],
    ) -> None:
        """Do it and say what came of it, on this screen or, when it is gone, as a notice over any other."""
        self._executing, self._quit_warned = noun, False
        self.refresh_bindings()
        self.mlaudit.quit_guards.append(self._may_quit)
        self.say(f"{doing}…")

        async def do() -> None:
            try:
                # Not through the screen's own ask: the screen may be gone when the answer comes.
                answer = await self.mlaudit.backend.ask(request)
            except MlauditError as error:
                self._tell(Text(failed(error)), bad=True)
            else:
                self._tell(told(answer))
            finally:
                self._executing = ""
                self.mlaudit.quit_guards.remove(self._may_quit)
            if self.is_attached:
                self.refresh_bindings()
                self.look_again()

        self.app.run_worker(do(), group="promotion.execute", exclusive=False)

    def _tell(self, message: Text, *, bad: bool = False, note: bool = True) -> None:
        """Say it here, and in a corner where this screen is not on; with ``note`` it can be read again later."""
        severity: SeverityLevel = "error" if bad else "information"
        if self.is_attached:
            self.say(message, bad=bad)
        if not self.is_current:
            self.app.notify(message.plain, severity=severity, timeout=NOTICE_SECONDS, markup=False)
        elif note:
            self.mlaudit.note(message.plain, severity)

    async def _may_quit(self) -> bool:
        if self._quit_warned:
            return True
        self._quit_warned = True
        under_way = f"A {self._executing} is under way. Press q again to quit without seeing what came of it."
        self._tell(Text(under_way), bad=True, note=False)
        return False

    def may_leave(self) -> bool:
        """Not while the registry is being changed: its outcome is told here."""
        if self._executing:
            self.say(f"The {self._executing} is under way; what came of it is told here in a moment.")
        return not self._executing


def _words_for(request: PlanPromotion | PlanRollback) -> Wording:
    """The words for what is still to be planned. Raises UsageError for a target that is none."""
    if isinstance(request, PlanRollback):
        return wording(clean(request.model), Event.ROLLBACK, Target(Stage.PRODUCTION))
    target = Target.parse(request.to)
    return wording(clean(request.model), target.event, target)


def _recovery_told(settled: tuple[Settled, ...]) -> Text:
    """What a recovery did."""
    return Text("\n".join(f"{'✓' if s.done else '!'} {s.words}" for s in settled) or "Nothing to recover.")


def _recovery_failure(error: MlauditError) -> str:
    """What a failed recovery means for the registry."""
    if isinstance(error, PromotionBusy | NotConfirmed):
        return f"{error}."
    if isinstance(error, StoreError):
        return f"{error}. How far the recovery came is not known: it can be done again."
    return f"Not recovered: {error}."
