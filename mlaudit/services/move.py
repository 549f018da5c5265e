"""Moves a version's stage and aliases under a lease, each write once, and reads back what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from mlaudit.domain.errors import (
    MlauditError,
    ModelNotFound,
    NotAStore,
    PermissionDenied,
    PromotionConflict,
    PromotionUnfinished,
    StoreError,
    StoreLocked,
    VersionNotFound,
)
from mlaudit.domain.models import ModelVersion, Stage
from mlaudit.domain.promotion import PromotionPlan
from mlaudit.gateway.base import Gateway
from mlaudit.services.lease import Lease
from mlaudit.services.surroundings import Surroundings

_DEFINITE = (StoreLocked, PermissionDenied, NotAStore)
"""After these nothing was done; after any other failure of a write it is not known."""
_LOOKS = 4
"""So often the registry is read after a transition whose answer was lost, before it is believed not to be done."""


class Mover:
    """The steps W2 and W3 of one operation, with what is read between them.

    The lease is released where it is certain that nothing more can happen, and kept where it is not. What the user
    should know is added to ``warnings``.
    """

    def __init__(
        self, gateway: Gateway, plan: PromotionPlan, lease: Lease, surroundings: Surroundings, warnings: list[str]
    ) -> None:
        self._gateway = gateway
        self._plan = plan
        self._lease = lease
        self._around = surroundings
        self._warnings = warnings

    def move_stage(self, version: str, before: tuple[ModelVersion, ...]) -> tuple[ModelVersion, ...]:
        """Move the stage, where the target is one; returns the registry afterwards, which is as it was asked for.

        ``before``: the registry as it is. Raises PromotionConflict, PromotionUnfinished; StoreError and VersionNotFound
        when nothing was done.
        """
        stage = self._plan.target.stage
        if stage is None:
            return before
        lost: StoreError | None = None
        try:
            self._gateway.transition(self._plan.raw_model, version, stage, archive_existing=stage is Stage.PRODUCTION)
        except StoreError as error:
            lost = error
        except MlauditError as error:  # the version is gone
            self._refuse(error)
        after = self._read_back(lost, version)
        if not self._is_done(version, after):
            self._fail(version, after, lost)
        if not self._still_holds():
            raise PromotionConflict(
                self._plan.model,
                f"version {version} is in {stage}, and somebody took this promotion for dead meanwhile: look at mlaudit"
                " history",
            )
        if lost is not None:
            self._warnings.append(f"the store's answer was lost ({lost.problem}); the registry shows that it was done")
        return after

    def _read_back(self, lost: StoreError | None, version: str) -> tuple[ModelVersion, ...]:
        """The registry after the transition, looked at several times where that may yet come to be done."""
        problem = ""
        for look in range(_LOOKS):
            if look:
                self._around.sleep(0.25 * 2.0**look)
            try:
                after = self._gateway.list_model_versions(self._plan.raw_model)
            except MlauditError as error:
                problem = str(error)
                continue
            problem = ""
            if lost is None or isinstance(lost, _DEFINITE) or self._is_done(version, after):
                return after
        if problem:
            first = f"{lost.problem}; " if lost else ""
            raise PromotionUnfinished(self._plan.model, f"{first}what was done could not be read back: {problem}")
        return after

    def _still_holds(self) -> bool:
        try:
            return self._lease.is_held()
        except MlauditError as error:
            raise PromotionUnfinished(self._plan.model, f"it could not be read back: {error}") from error

    def _is_done(self, version: str, after: Sequence[ModelVersion]) -> bool:
        stage = self._plan.target.stage
        if stage is Stage.PRODUCTION:
            return [v.version for v in after if v.stage is stage] == [version]
        return any(v.version == version and v.stage is stage for v in after)

    def _fail(self, version: str, after: Sequence[ModelVersion], lost: StoreError | None) -> NoReturn:
        """Raise what describes a registry that is not as it was asked for; puts our version's stage back, no other."""
        plan, stage = self._plan, self._plan.target.stage
        there = ", ".join(v.version for v in after if v.stage is stage) or "no version"
        ours = next((v.stage for v in after if v.version == version), None)
        unmoved = ours is plan.stage_before
        if unmoved and lost is not None and not isinstance(lost, _DEFINITE):
            raise PromotionUnfinished(
                plan.model,
                f"{lost.problem}; version {version} is not in {stage}, and it is not certain that it stays so",
            ) from lost
        if unmoved and lost is not None:
            registered = f"version {version} was registered but not promoted: {lost.problem}; in {stage}: {there}"
            self._refuse(lost, registered if plan.version is None else "")
        said = f"asked for version {version}, in {stage} now: {there}"
        # What was sent may still come to be done where its answer was lost and it is not seen.
        certain = lost is None or isinstance(lost, _DEFINITE) or ours in {None, stage}
        if ours is not None and not unmoved:
            back, words = self._put_back(version)
            certain, said = certain and back, f"{said}; {words}"
        if not certain:
            raise PromotionUnfinished(plan.model, said) from lost
        left = self._lease.release()
        raise PromotionConflict(plan.model, f"{said}; {left}" if left else said) from lost

    def _refuse(self, error: MlauditError, conflict: str = "") -> NoReturn:
        """Take the intent back, since nothing more can happen, and raise the store's error or a conflict in words."""
        left = self._lease.release()
        if conflict:
            raise PromotionConflict(self._plan.model, f"{conflict}; {left}" if left else conflict) from error
        if left:
            raise PromotionUnfinished(self._plan.model, f"nothing was moved: {error}; {left}") from error
        raise error

    def _put_back(self, version: str) -> tuple[bool, str]:
        """Restore our version's stage; returns whether it is certain that nothing more comes of it, and the words."""
        before = self._plan.stage_before
        lost: MlauditError | None = None
        try:
            self._gateway.transition(self._plan.raw_model, version, before, archive_existing=False)
        except MlauditError as error:
            lost = error
        refused = isinstance(lost, (*_DEFINITE, ModelNotFound, VersionNotFound))
        try:
            versions = self._gateway.list_model_versions(self._plan.raw_model)
        except MlauditError as error:
            return refused, f"whether version {version} is back in {before} could not be read: {error}"
        stage = next((v.stage for v in versions if v.version == version), None)
        if stage is before:
            return True, f"version {version} is back in {before}"
        return lost is None or refused, f"version {version} is in {stage}{f' ({lost})' if lost else ''}"

    def move_aliases(self, version: str, after: tuple[ModelVersion, ...]) -> tuple[ModelVersion, ...]:
        """Point the aliases at the version, or take the target's off it; read back. Returns the registry afterwards.

        Raises PromotionUnfinished; PromotionConflict when a version was registered and no more; StoreError when nothing
        was done.
        """
        if self._plan.target.removes:
            return self._take_alias(self._plan.target.alias)
        for alias in self._plan.aliases:
            lost: MlauditError | None = None
            try:
                self._gateway.set_alias(self._plan.raw_model, alias, version)
            except MlauditError as error:
                lost = error
            try:
                after = self._gateway.list_model_versions(self._plan.raw_model)
            except MlauditError as error:
                raise PromotionUnfinished(
                    self._plan.model, f"the alias {alias} could not be read back: {error}"
                ) from error
            if any(v.version == version and alias in v.aliases for v in after):
                continue
            why = f": {lost}" if lost else ""
            if self._plan.target.stage is None and isinstance(lost, _DEFINITE):
                registered = f"version {version} was registered, and alias {alias} not moved{why}"
                self._refuse(lost, registered if self._plan.version is None else "")
            raise PromotionUnfinished(self._plan.model, f"the alias {alias} is not at version {version}{why}") from lost
        return after

    def _take_alias(self, alias: str) -> tuple[ModelVersion, ...]:
        lost: MlauditError | None = None
        try:
            self._gateway.delete_alias(self._plan.raw_model, alias)
        except MlauditError as error:
            lost = error
        try:
            after = self._gateway.list_model_versions(self._plan.raw_model)
        except MlauditError as error:
            raise PromotionUnfinished(self._plan.model, f"the alias {alias} could not be read back: {error}") from error
        holder = next((v.version for v in after if alias in v.aliases), None)
        if holder is None:
            if lost is not None:
                self._warnings.append(f"the store's answer was lost ({lost}); the registry shows that it was done")
            return after
        if isinstance(lost, _DEFINITE):
            self._refuse(lost)
        why = f": {lost}" if lost else ""
        raise PromotionUnfinished(self._plan.model, f"the alias {alias} names version {holder} still{why}") from lost
