"""Ends what a killed promotion left: forward where the registry shows that it was done, back where it was not.

An intent counts as dead only after it was *observed* unchanged for the lease time by this process's own clock; clocks
of several machines are never compared. Whoever settles one holds the lease himself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mlaudit.domain.errors import (
    EvidenceError,
    MlauditError,
    NotConfirmed,
    PromotionAborted,
    PromotionUnfinished,
    ReadOnly,
    StoreError,
)
from mlaudit.domain.evidence import artifact_path, pointers_among
from mlaudit.domain.intent import RECOVERY, Intent, Recovery, intents_among, recovery_of, words_of
from mlaudit.domain.models import ModelVersion, Stage
from mlaudit.domain.promotion import Target
from mlaudit.domain.text import clean
from mlaudit.gateway.base import Gateway
from mlaudit.services.evidence import head_of, point_at, read_record
from mlaudit.services.identity import Actor, identify
from mlaudit.services.lease import Lease, Watch
from mlaudit.services.model_names import registered_name
from mlaudit.services.requests import Request
from mlaudit.services.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class DeadIntent:
    """An intent that was seen unchanged for the lease time, and what is to be done about it."""

    key: str
    value: str
    """Both raw: what it is recognised by when it is settled. Not for showing."""
    words: str
    decision: str
    """``roll forward``, ``delete the intent`` or ``ask``."""
    found: str
    """What the registry shows, in words."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What stands unfinished at a model."""

    model: str
    raw_model: str
    dead: tuple[DeadIntent, ...]
    alive: tuple[str, ...]
    """Those that changed or went away while they were watched, in words."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What was done about one dead intent; or, not done, about the recovery's own."""

    done: bool
    words: str


@dataclass(frozen=True, slots=True)
class InspectIntents(Request[Inspection]):
    """Watch a model's intents until those that are dead are known; takes the lease time when there are any."""

    model: str

    deadline: ClassVar[float] = 120.0

    @property
    def what(self) -> str:
        return f"what is unfinished at {clean(self.model, max_length=40)}"


@dataclass(frozen=True, slots=True)
class RecoverIntents(Request[tuple[Settled, ...]]):
    """Settle the dead intents of an inspection, as far as they have not changed since."""

    inspection: Inspection
    delete_unclear: bool = False
    """Delete also those of which the registry does not tell how far they came; the registry stays as it is."""

    deadline: ClassVar[float] = 200.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return f"the recovery of {self.inspection.model}"


@dataclass(frozen=True, slots=True)
class MendStore(Request[tuple[str, ...]]):
    """Undo what a killed program had half written to a SQLite file, which nobody can read before; where it was done."""

    deadline: ClassVar[float] = 20.0
    writes: ClassVar[bool] = True

    @property
    def what(self) -> str:
        return "undoing what a killed program had half written"


def inspect_intents(gateway: Gateway, surroundings: Surroundings, request: InspectIntents) -> Inspection:
    """What stands unfinished, once it is known to be dead. Changes nothing. Raises ModelNotFound, StoreError."""
    raw_model = registered_name(gateway, request.model)
    watch = Watch(surroundings)
    first = intents_among(gateway.model_tags(raw_model))
    watch.note(first)
    intents, end = first, surroundings.monotonic() + surroundings.pace.lease
    while intents and surroundings.monotonic() < end:
        surroundings.sleep(min(2.0, surroundings.pace.lease / 10))
        intents = intents_among(gateway.model_tags(raw_model))
        watch.note(intents)
    versions = gateway.list_model_versions(raw_model)
    dead = []
    for key, value in watch.dead().items():
        decision, found = recovery_of(Intent.parse(key, value), versions)
        dead.append(DeadIntent(key, value, words_of(key, value), str(decision), found))
    known = {d.key for d in dead}
    alive = tuple(words_of(k, v) for k, v in (first | intents).items() if k not in known)
    return Inspection(clean(raw_model), raw_model, tuple(dead), alive)


def recover_intents(gateway: Gateway, surroundings: Surroundings, request: RecoverIntents) -> tuple[Settled, ...]:
    """Settle what an inspection found dead.

    Raises ReadOnly, NotConfirmed when only a person can decide and did not, PromotionBusy, PromotionAborted,
    StoreError; PromotionUnfinished where it fails when some are settled already, or leaves its own intent.
    """
    inspection = request.inspection
    store = gateway.describe()
    if not store.writable:
        raise ReadOnly("recovery", store.read_only_reason or "this store must not be written to")
    if not inspection.dead:
        return ()
    actor = identify(gateway, surroundings)
    with gateway.exclusive():
        lease = _lease(gateway, inspection, actor, surroundings)
        lease.take()
        settled: list[Settled] = []
        try:
            for dead in inspection.dead:
                if gateway.model_tags(inspection.raw_model).get(dead.key) != dead.value:
                    settled.append(Settled(True, f"gone or changed meanwhile: {dead.words}"))
                    continue
                settled.append(
                    settle(
                        gateway,
                        inspection.raw_model,
                        dead.key,
                        dead.value,
                        actor,
                        surroundings,
                        lease,
                        delete_unclear=request.delete_unclear,
                    )
                )
        except MlauditError as error:
            said = [s.words for s in settled]
            left = lease.release()
            if not (said or left):
                raise
            why = error.why if isinstance(error, PromotionAborted) else str(error)
            raise PromotionUnfinished(inspection.model, "; ".join([*said, why, *([left] if left else [])])) from error
        except BaseException:
            lease.release()
            raise
        left = lease.release()
    if left:
        settled.append(Settled(False, left))
    unclear = [s.words for s in settled[: len(inspection.dead)] if not s.done]
    if unclear:
        others = [s.words for s in settled if s.words not in unclear]
        done = f"; the others: {'; '.join(others)}" if others else ""
        raise NotConfirmed(f"not recovered: {'; '.join(unclear)}; look at the registry, then say what to do{done}")
    return tuple(settled)


def settle(
    gateway: Gateway,
    raw_model: str,
    key: str,
    value: str,
    actor: Actor,
    surroundings: Surroundings,
    lease: Lease,
    *,
    delete_unclear: bool = False,
) -> Settled:
    """End one dead intent under a lease that is held. Raises StoreError, PromotionAborted when that is too old."""
    lease.require_fresh()
    intent = Intent.parse(key, value)
    decision, found = recovery_of(intent, gateway.list_model_versions(raw_model))
    words = f"{words_of(key, value)} ({found})"
    said = "deleted the intent of"
    if decision is Recovery.ROLL_FORWARD and intent is not None:
        try:
            said = f"put {_roll_forward(gateway, raw_model, intent, actor, surroundings, lease)} in place for"
        except EvidenceError as error:
            words = f"{words}, but {error}"
            decision = Recovery.ASK
    if decision is Recovery.ASK and not delete_unclear:
        return Settled(False, words)
    try:
        gateway.delete_model_tag(raw_model, key)
    except StoreError:
        if key in gateway.model_tags(raw_model):
            raise
    return Settled(True, f"{said} {words}")


def _roll_forward(
    gateway: Gateway, raw_model: str, intent: Intent, actor: Actor, surroundings: Surroundings, lease: Lease
) -> str:
    """Do what was still to be done; returns what, in words. Raises EvidenceError where its record does not fit."""
    record = read_record(gateway, intent.run_id, artifact_path(intent.op))
    versions = gateway.list_model_versions(raw_model)
    version = _version_of(intent, raw_model, record, versions)
    head = head_of(gateway, raw_model, versions)
    there = next((p for v in versions for p in pointers_among(v.tags) if p.id == intent.op), None)
    # Reading may have taken long.
    lease.require_fresh()
    if there is not None or (head is not None and head.id == intent.op):
        # The aliases were done before it; who moved one since meant it.
        if there is not None and head == there:
            point_at(gateway, raw_model, record, there.recovered_by)
        return "what was left of its record"
    if head is not None and head.sha256 != record.get("prev_sha256"):
        raise EvidenceError(f"its record does not follow the newest one, which is {head.seq} ({head.id})")
    for alias in intent.aliases:
        try:
            gateway.set_alias(raw_model, alias, version)
        except StoreError:
            now = gateway.list_model_versions(raw_model)
            if not any(v.version == version and alias in v.aliases for v in now):
                raise
    point_at(gateway, raw_model, record, f"{actor.name} on {surroundings.host}")
    return "its aliases and its record" if intent.aliases else "its record"


def _version_of(intent: Intent, raw_model: str, record: dict[str, Any], versions: Sequence[ModelVersion]) -> str:
    """The version that a record is about. Raises EvidenceError for one that is not the intent's own."""
    told = tuple(record.get(name) for name in ("model", "id", "plan_id", "event", "target"))
    if told != (raw_model, intent.op, intent.plan_id, intent.event, intent.target):
        raise EvidenceError("its record is about something else")
    number = str(record.get("version"))
    if intent.version is None:
        # Of several versions of the run it is the one that went there.
        target = Target.parse(intent.target)
        there = (v for v in versions if (v.stage is target.stage if target.stage else target.alias in v.aliases))
        own = {v.version for v in there if v.run_id == intent.run_id}
    else:
        own = {intent.version}
    if number not in own:
        raise EvidenceError(f"its record is about version {clean(number, max_length=40)}")
    return number


def _lease(gateway: Gateway, inspection: Inspection, actor: Actor, surroundings: Surroundings) -> Lease:
    """A lease that does not wait for the intents that are dead."""
    op = surroundings.new_id()
    intent = Intent(
        op=op,
        event=RECOVERY,
        target=str(Stage.PRODUCTION),
        aliases=(),
        version=None,
        run_id="",
        previous=None,
        previous_stage=str(Stage.NONE),
        plan_id="",
        actor=actor.name,
        host=surroundings.host,
        time=surroundings.time(),
    )
    return Lease(
        gateway,
        inspection.model,
        inspection.raw_model,
        intent,
        surroundings,
        Watch(surroundings, known_dead={d.key: d.value for d in inspection.dead}),
    )
