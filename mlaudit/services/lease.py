"""The lease: no two mlaudits change one registered model at once, on a registry that has no compare-and-swap.

Each writes an intent, then looks for others. Of two that do so at once at least one sees the other, since a write is
visible to every read that begins after it. Who sees another's live intent takes his own back, waits for a random time
and tries again. A dead intent, one that was seen unchanged for the lease time, does not count; who takes the lease past
it must settle it first (:mod:`mlaudit.services.recovery`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlaudit.domain.errors import ModelNotFound, PromotionAborted, PromotionBusy, StoreError
from mlaudit.domain.intent import Intent, intents_among, words_of
from mlaudit.gateway.base import Gateway
from mlaudit.services.surroundings import Surroundings


class Watch:
    """What intents were seen, and since when they have not changed, by this process's own clock."""

    def __init__(self, surroundings: Surroundings, known_dead: Mapping[str, str] | None = None) -> None:
        """``known_dead``: what an earlier watch found dead, as long as it stays as it is."""
        self._around = surroundings
        self._known = known_dead or {}
        self._seen: dict[str, tuple[str, float]] = {}

    def note(self, intents: dict[str, str]) -> None:
        """What was just read: key -> value."""
        now = self._around.monotonic()
        self._seen = {
            key: (value, self._seen[key][1] if self._seen.get(key, ("", 0.0))[0] == value else now)
            for key, value in intents.items()
        }

    def dead(self) -> dict[str, str]:
        """Those that were seen unchanged for the lease time."""
        now, lease = self._around.monotonic(), self._around.pace.lease
        return {
            key: value
            for key, (value, since) in self._seen.items()
            if now - since >= lease or self._known.get(key) == value
        }


class Lease:
    """One operation's right to change one registered model, from :meth:`take` to :meth:`release`."""

    def __init__(
        self, gateway: Gateway, model: str, raw_model: str, intent: Intent, surroundings: Surroundings, watch: Watch
    ) -> None:
        self._gateway = gateway
        self._model = model
        self._raw_model = raw_model
        self._intent = intent
        self._around = surroundings
        self._watch = watch
        self._since = 0.0
        self.waited = False
        """Whether somebody else was there first."""

    def take(self, still_wanted: Callable[[], None] = lambda: None) -> dict[str, str]:
        """Write the intent when nobody else's is there; returns the dead ones that are, for the caller to settle.

        ``still_wanted`` is called after each wait, and raises when there is no more point in it. Raises what that
        raises, PromotionBusy, and StoreError when the intent could not be written. Nothing is left behind then, except
        where the store fails in the middle of it.
        """
        pace, begun, tries = self._around.pace, self._around.monotonic(), 0
        while True:
            others = self._others()
            if not self._live(others):
                tries += 1
                self._since = self._around.monotonic()
                self._write()
                others = self._others()
                if not self._live(others):
                    return others
                self._delete()
            if tries >= pace.tries or self._around.monotonic() - begun >= pace.patience:
                raise PromotionBusy(self._model, "; ".join(words_of(k, v) for k, v in self._live(others).items()))
            wait = min(pace.longest_wait, pace.first_wait * 2.0 ** min(tries, 10)) if tries else pace.first_wait * 4
            self.waited = True
            self._around.sleep(wait * (0.5 + self._around.chance()))
            still_wanted()

    def require_fresh(self) -> None:
        """That the others cannot take this process for dead before its next step is done. Raises PromotionAborted."""
        seconds = self._around.monotonic() - self._since
        if seconds > self._around.pace.lease / 2:
            raise PromotionAborted(self._model, seconds)

    def is_held(self) -> bool:
        """Whether the intent still stands as it was written."""
        return self._gateway.model_tags(self._raw_model).get(self._intent.key) == self._intent.text()

    def release(self) -> str | None:
        """Delete the intent; returns why not, in words, where that failed."""
        try:
            self._delete()
        except ModelNotFound:
            return None  # gone with the model
        except StoreError as error:
            return f"the intent {self._intent.key} could not be deleted ({error.problem}); mlaudit recover deletes it"
        return None

    # Inside

    def _others(self) -> dict[str, str]:
        intents = intents_among(self._gateway.model_tags(self._raw_model))
        intents.pop(self._intent.key, None)
        self._watch.note(intents)
        return intents

    def _live(self, intents: dict[str, str]) -> dict[str, str]:
        dead = self._watch.dead()
        return {key: value for key, value in intents.items() if key not in dead}

    def _write(self) -> None:
        try:
            self._gateway.set_model_tag(self._raw_model, self._intent.key, self._intent.text())
        except StoreError:
            if not self.is_held():
                raise

    def _delete(self) -> None:
        try:
            self._gateway.delete_model_tag(self._raw_model, self._intent.key)
        except StoreError:
            if self._intent.key in self._gateway.model_tags(self._raw_model):
                raise
