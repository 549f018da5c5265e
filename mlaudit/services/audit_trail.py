"""A model's history: its records in order, whether their chain holds, and what moved without one.

MLflow keeps only what is now. What moved behind mlaudit's back shows in two ways: a record tells the state that it
found, which must be the one that the record before it left; and the registry now must be as the last record left it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from mlaudit.domain.errors import EvidenceError
from mlaudit.domain.evidence import HEAD_KEY, POINTER_PREFIX, Pointer, artifact_path
from mlaudit.domain.intent import RECOVERY, Intent, intents_among, words_of
from mlaudit.domain.models import ModelVersion, Stage, StoreInfo
from mlaudit.domain.promotion import UNALIAS, Event
from mlaudit.domain.text import clean, format_iso
from mlaudit.gateway.base import Gateway
from mlaudit.services.evidence import read_record
from mlaudit.services.model_names import registered_name
from mlaudit.services.requests import Request


@dataclass(frozen=True, slots=True)
class Entry:
    """A record, or a move that has none. All text is clean."""

    event: str
    """``promotion``, ``move``, ``rollback``; ``out of band`` for what has no record."""
    what: str
    """In words: what went where."""
    seq: int | None = None
    record_id: str = ""
    time: str = ""
    """UTC, ISO 8601; of a move without a record, at most when the version was last updated, or empty."""
    target: str = ""
    version: str = ""
    previous: str | None = None
    aliases: tuple[str, ...] = ()
    verdict: str = ""
    actor: str = ""
    known_by: str = ""
    """``claimed`` or ``authenticated``."""
    host: str = ""
    ci_url: str | None = None
    why: str = ""
    overridden: bool = False
    recovered_by: str | None = None
    policy_sha256: str | None = None
    sha256: str = ""
    run_id: str = ""
    artifact: str = ""
    problem: str = ""
    """What is wrong with the record; empty when it is whole."""


OUT_OF_BAND = "out of band"


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a model."""

    store: StoreInfo
    model: str
    entries: tuple[Entry, ...]
    """Oldest first."""
    problems: tuple[str, ...]
    """Where the chain of records breaks."""
    moved_since: tuple[str, ...]
    """In what the registry now differs from what the last record left, the doings of :attr:`unfinished` left out;
    empty without a record."""
    unfinished: tuple[str, ...]
    """Intents that stand there: promotions under way, or dead."""
    head: Pointer | None

    @property
    def holds(self) -> bool:
        """Whether the chain of records is whole and the registry is as the last record left it."""
        return not self.problems and not self.moved_since

    @property
    def standing(self) -> str:
        """In words: how many records, and what :attr:`holds` says."""
        count = len(self.records)
        if not count and not self.problems:
            return "0 records; there is nothing to verify"
        word = "whole" if self.holds else "whole, but the registry is not as the last record left it"
        return f"{count} {'record' if count == 1 else 'records'}; the chain is {'broken' if self.problems else word}"

    @property
    def records(self) -> tuple[Entry, ...]:
        """The entries that are records."""
        return tuple(e for e in self.entries if e.event != OUT_OF_BAND)

    def promotion_of(self, version: str) -> Entry | None:
        """The newest record that promoted this version into Production, whole or not, rollbacks left out: what it
        replaced is what one goes back to. Two rollbacks in a row therefore go back two versions, and not to the bad one
        again."""
        found = (
            e
            for e in reversed(self.records)
            if e.event == Event.PROMOTION and e.target == Stage.PRODUCTION and e.version == version
        )
        return next(found, None)


@dataclass(frozen=True, slots=True)
class ReadHistory(Request[History]):
    """A registered model's history."""

    model: str

    deadline: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        return f"the history of {clean(self.model, max_length=40)}"


@dataclass(slots=True)
class _State:
    """Stages other than None, and aliases, as records tell them."""

    stages: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, versions: Iterable[ModelVersion]) -> _State:
        listed = tuple(versions)
        stages = {v.version: str(v.stage) for v in listed if v.stage is not Stage.NONE}
        return cls(stages, {a: v.version for v in listed for a in v.aliases})

    @classmethod
    def before(cls, record: Mapping[str, Any]) -> _State:
        """Raises EvidenceError when the record does not tell it."""
        try:
            told = record["before"]
            stages = {clean(v): clean(s) for v, s in told["stages"].items()}
            return cls(stages, {clean(a): clean(v) for a, v in told["aliases"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise EvidenceError("it does not tell the state that it found") from error

    def after(self, entry: Entry) -> _State:
        """The state that a record leaves."""
        stages = dict(self.stages)
        if entry.target.startswith(UNALIAS):
            return _State(stages, {a: v for a, v in self.aliases.items() if a != entry.target.removeprefix(UNALIAS)})
        if not entry.target.startswith("alias:"):
            if entry.target == Stage.PRODUCTION:
                stages = {v: "Archived" if s == Stage.PRODUCTION else s for v, s in stages.items()}
            stages[entry.version] = entry.target
        return _State(stages, self.aliases | dict.fromkeys(entry.aliases, entry.version))

    def differences(self, now: _State) -> list[tuple[str, str]]:
        """(version, what happened in words), from this state to another."""
        return [*self.stage_moves(now), *self.alias_moves(now)]

    def stage_moves(self, now: _State) -> list[tuple[str, str]]:
        """The same of stages alone."""
        found = []
        for version in sorted(self.stages.keys() | now.stages.keys(), key=lambda v: (len(v), v)):
            old, new = self.stages.get(version, "None"), now.stages.get(version, "None")
            if old != new:
                found.append((version, f"version {version} went from {old} to {new}"))
        return found

    def alias_moves(self, now: _State) -> list[tuple[str, str]]:
        """The same of aliases alone."""
        found = []
        for alias in sorted(self.aliases.keys() | now.aliases.keys()):
            was, points = self.aliases.get(alias), now.aliases.get(alias)
            if was != points:
                old, new = (f"version {v}" if v else "nothing" for v in (was, points))
                found.append((points or was or "", f"alias {alias} went from {old} to {new}"))
        return found


def history_of(gateway: Gateway, request: ReadHistory) -> History:
    """The history of a model by its name, raw or printable. Raises ModelNotFound, StoreError."""
    return read_history(gateway, registered_name(gateway, request.model))


def read_history(gateway: Gateway, raw_model: str) -> History:
    """All that is recorded about a model, and all that moved without a record. Raises ModelNotFound, StoreError."""
    versions = gateway.list_model_versions(raw_model)
    tags = gateway.model_tags(raw_model)
    problems: list[str] = []
    pointers = _pointers(versions, problems)
    head = Pointer.parse(tags[HEAD_KEY]) if HEAD_KEY in tags else None
    if HEAD_KEY in tags and head is None:
        problems.append(f"the model's tag {HEAD_KEY} cannot be read")
    records = _records(gateway, raw_model, [*pointers, *([head] if head else [])])
    unfinished = intents_among(tags)
    problems += _broken(records, pointers, head, versions, bool(unfinished))
    entries, moved = _with_moves(records, versions, unfinished)
    return History(
        store=gateway.describe(),
        model=clean(raw_model),
        entries=tuple(entries),
        problems=tuple(dict.fromkeys(problems)),
        moved_since=tuple(moved),
        unfinished=tuple(words_of(k, v) for k, v in unfinished.items()),
        head=head,
    )


@dataclass(slots=True)
class _Found:
    """A record as it was found, or what its pointer says where it is not whole."""

    entry: Entry
    prev_sha256: str | None
    before: _State | None
    own: Pointer | None = None
    """What a tag that points at it has to say; None where the record is not whole."""


def _pointers(versions: Sequence[ModelVersion], problems: list[str]) -> list[Pointer]:
    found: list[Pointer] = []
    for version in versions:
        for key, value in version.tags.items():
            if not key.startswith(POINTER_PREFIX):
                continue
            pointer = Pointer.parse(value)
            if pointer is None or pointer.key != key:
                problems.append(f"the tag {clean(key, max_length=80)} of version {version.version} cannot be read")
            elif pointer.version != version.version:
                problems.append(f"record {pointer.id} is about version {pointer.version}, its tag on {version.version}")
            else:
                found.append(pointer)
    return found


def _records(gateway: Gateway, raw_model: str, pointers: Sequence[Pointer]) -> list[_Found]:
    """The records that the pointers name, and those before them whose version is gone; oldest first."""
    found: dict[str, _Found] = {}
    wanted: list[tuple[str, Pointer | None, str, str]] = [(p.id, p, p.run_id, p.artifact) for p in pointers]
    while wanted:
        record_id, pointer, run_id, path = wanted.pop(0)
        if record_id in found:
            continue
        try:
            if path != artifact_path(record_id):
                raise EvidenceError(f"its pointer names another place: {path}")
            record = read_record(gateway, run_id, path)
            entry = _entry(record, pointer, path)
            if entry.record_id != record_id:
                raise EvidenceError(f"it says that it is another record: {entry.record_id}")
            if record.get("model") != raw_model:
                named = clean(record.get("model"))
                raise EvidenceError(f"it is about another model, or this one had another name then: {named}")
            if pointer is not None and (pointer.sha256, pointer.seq) != (entry.sha256, entry.seq):
                raise EvidenceError("it is not the record that its pointer names: their hashes differ")
            if "prev" not in record:
                raise EvidenceError("it does not name the record before it")
            prev = record["prev"]
            own = Pointer.parse(Pointer.of(record).text())
            found[record_id] = _Found(entry, record["prev_sha256"], _State.before(record), own)
        except EvidenceError as error:
            found[record_id] = _Found(_poor_entry(record_id, pointer, run_id, path, str(error)), None, None)
            if pointer is not None:
                found[record_id].prev_sha256 = pointer.prev_sha256
            continue
        if isinstance(prev, dict) and str(prev.get("id")) not in {p.id for p in pointers}:
            wanted.append((clean(prev.get("id")), None, clean(prev.get("run_id")), clean(prev.get("artifact"))))
    return sorted(found.values(), key=lambda f: (f.entry.seq or 0, f.entry.time, f.entry.record_id))


def _entry(record: Mapping[str, Any], pointer: Pointer | None, path: str) -> Entry:
    """Raises EvidenceError when the record lacks something."""
    try:
        own = Pointer.of(record)
        policy, override = record["policy"], record["override"]
        return Entry(
            event=clean(own.event),
            what=_words(clean(own.version), clean(own.target), clean(own.previous), clean(own.event)),
            seq=own.seq,
            record_id=clean(own.id),
            time=clean(own.time),
            target=clean(own.target),
            version=clean(own.version),
            previous=None if own.previous is None else clean(own.previous),
            aliases=tuple(clean(a) for a in record["aliases"]),
            verdict=clean(own.verdict),
            actor=clean(own.actor),
            known_by=clean(record["actor"]["known_by"]),
            host=clean(record["host"]),
            ci_url=None if record["ci_url"] is None else clean(record["ci_url"]),
            why=clean(record["why"]),
            overridden=override is not None,
            recovered_by=pointer.recovered_by if pointer else None,
            policy_sha256=clean(policy["sha256"]) or None if policy else None,
            sha256=clean(own.sha256),
            run_id=clean(own.run_id),
            artifact=clean(path),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise EvidenceError("the record lacks what a record has") from error


def _poor_entry(record_id: str, pointer: Pointer | None, run_id: str, path: str, problem: str) -> Entry:
    """What is left of a record that is not whole: what its pointer says."""
    if pointer is None:
        return Entry("unknown", "a record that is not whole", None, record_id, run_id=run_id, problem=problem)
    return Entry(
        event=pointer.event,
        what=_words(pointer.version, pointer.target, pointer.previous or "", pointer.event),
        seq=pointer.seq,
        record_id=pointer.id,
        time=pointer.time,
        target=pointer.target,
        version=pointer.version,
        previous=pointer.previous,
        verdict=pointer.verdict,
        actor=pointer.actor,
        why=pointer.why,
        recovered_by=pointer.recovered_by,
        sha256=pointer.sha256,
        run_id=run_id,
        artifact=path,
        problem=problem,
    )


def _words(version: str, target: str, previous: str, event: str) -> str:
    if target.startswith(UNALIAS):
        return f"alias {target.removeprefix(UNALIAS)} taken off version {version}"
    replaced = f", was {previous}" if previous else ""
    back = "back " if event == Event.ROLLBACK else ""
    return f"version {version} {back}to {target}{replaced}"


def _broken(
    records: Sequence[_Found],
    pointers: Sequence[Pointer],
    head: Pointer | None,
    versions: Sequence[ModelVersion],
    busy: bool,
) -> list[str]:
    """Where the chain breaks. ``busy``: a promotion is unfinished, so that the head may be one record behind."""
    problems = [f"record {_name(f.entry)}: {f.entry.problem}" for f in records if f.entry.problem]
    for index, found in enumerate(records):
        before = records[index - 1].entry if index else None
        if found.entry.seq != index + 1:
            problems.append(
                f"record {_name(found.entry)} is the {index + 1}. that there is: one is missing or twice there"
            )
        if found.prev_sha256 != (before.sha256 if before else None):
            problems.append(f"record {_name(found.entry)} does not follow the one before it: the chain breaks here")
    pointed, present = {p.id for p in pointers}, {v.version for v in versions}
    late = records[-1].entry.record_id if records and busy else None
    for found in records:
        if found.entry.record_id not in pointed | {late} and found.entry.version in present:
            problems.append(f"the tag of record {_name(found.entry)} was taken off version {found.entry.version}")
    by_id = {f.entry.record_id: f for f in records}
    for pointer in pointers:
        if said := _contradicted(pointer, by_id[pointer.id]):
            problems.append(f"the tag of record {_name(by_id[pointer.id].entry)} says another {said} than the record")
    newest = [f.entry.record_id for f in records[-2 if busy else -1 :]]
    if head is None and len(records) > (1 if busy else 0):
        problems.append(f"no tag {HEAD_KEY} of the model names its newest record: it was taken off, or spoilt")
    elif head is not None and head.id not in newest:
        problems.append("the model's newest record is not the one that its head names")
    elif head is not None and (said := _contradicted(head, by_id[head.id])):
        problems.append(f"the model's head says another {said} than record {_name(by_id[head.id].entry)}")
    return problems


def _contradicted(pointer: Pointer, found: _Found) -> str:
    """In what a pointer says something else than its record; empty where it does not, or the record is not whole.

    The list of versions shows what the tags say, without reading a record.
    """
    if found.own is None:
        return ""
    own = replace(found.own, recovered_by=pointer.recovered_by)  # of who ended it only the tag tells
    return ", ".join(f.name for f in fields(Pointer) if getattr(pointer, f.name) != getattr(own, f.name))


def _name(entry: Entry) -> str:
    return f"{entry.seq or '?'} ({entry.record_id})"


def _with_moves(
    records: Sequence[_Found], versions: Sequence[ModelVersion], unfinished: Mapping[str, str]
) -> tuple[list[Entry], list[str]]:
    """The records with what moved between them, and in what the registry now differs from the last one.

    ``unfinished``: the intents that stand. What one of them is to do, or did before it was cut off, is no move behind
    mlaudit's back: its record is on its way, or comes by its recovery.
    """
    entries: list[Entry] = []
    state: _State | None = _State()
    for index, found in enumerate(records):
        if state is not None and found.before is not None:
            when = "before the first record" if index == 0 else f"before record {found.entry.seq}"
            moves = state.differences(found.before)
            entries += [Entry(OUT_OF_BAND, f"{what} ({when})", version=version) for version, what in moves]
        entries.append(found.entry)
        state = found.before.after(found.entry) if found.before is not None else None
    if state is None:
        return entries, []
    now = _State.of(versions)
    present = {v.version: v for v in versions}
    moved: list[str] = []
    own = {d for key, value in unfinished.items() for d in _doings(Intent.parse(key, value), state, versions)}
    timed = state.stage_moves(now)
    for version, what in [*timed, *state.alias_moves(now), *_other_runs(records, present)]:
        if (version, what) in own:
            continue
        there = present.get(version)
        said = what if there else f"{what}: it was deleted"
        # MLflow keeps no time for an alias: a version's last update says nothing of when one was pointed at it.
        at = (format_iso(there.last_updated) or "") if there and (version, what) in timed else ""
        entries.append(Entry(OUT_OF_BAND, said, time=at, version=version))
        if records:
            moved.append(said)
    return entries, moved


def _other_runs(records: Sequence[_Found], present: Mapping[str, ModelVersion]) -> list[tuple[str, str]]:
    """(version, what happened in words) where a version is not of the run any more that its newest record is about.

    MLflow never changes a version's run; whoever writes to its database can.
    """
    newest = {f.entry.version: f.entry for f in records if f.own is not None}
    found = []
    for entry in newest.values():
        there = present.get(entry.version)
        run_id = clean(there.run_id) if there else entry.run_id
        if run_id != entry.run_id:
            now = f"run {run_id[:12]}" if run_id else "no run"
            found.append((entry.version, f"version {entry.version} went from run {entry.run_id[:12]} to {now}"))
    return found


def _doings(intent: Intent | None, state: _State, versions: Sequence[ModelVersion]) -> list[tuple[str, str]]:
    """The differences from a state that an intent makes when all of it is done; none of one that cannot be read."""
    if intent is None or intent.event == RECOVERY:
        return []
    own = (v.version for v in versions if v.run_id == intent.run_id)
    version = intent.version or next(own, None)
    if version is None:
        return []
    done = Entry(intent.event, "", target=intent.target, version=version, aliases=intent.aliases)
    return state.differences(state.after(done))
