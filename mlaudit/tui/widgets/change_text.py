"""A change of the registry in words: what the dialog says before it, what is there after it, what a failure means."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from rich.text import Text

from mlaudit.domain.errors import (
    BackendCrashed,
    DeadlineExceeded,
    MlauditError,
    PromotionAborted,
    PromotionBusy,
    PromotionConflict,
    PromotionUnfinished,
    StalePlan,
)
from mlaudit.domain.gate import Outcome
from mlaudit.domain.intent import Recovery
from mlaudit.domain.models import ModelVersion, Stage, StoreInfo
from mlaudit.domain.promotion import UNALIAS, Event, PromotionOutcome, PromotionPlan, Target
from mlaudit.domain.reasons import explain
from mlaudit.services.recovery import Inspection
from mlaudit.tui.widgets.comparison_text import version_words
from mlaudit.tui.widgets.diff_tables import COLORS, OTHER_COLOR, SIGNS


@dataclass(frozen=True, slots=True)
class Wording:
    """What a kind of change is called."""

    title: str
    label: str
    """On the dialog's button."""
    doing: str
    """While it is being done."""
    not_done: str


def wording(model: str, event: Event, target: Target) -> Wording:
    """The words for this kind of change."""
    if event is Event.ROLLBACK:
        return Wording(f"Roll back: {model}", "Roll back", f"Rolling back {model}", "Not rolled back")
    if target.removes:
        taking = f"Taking alias {target.alias} of {model} away"
        return Wording(f"Take alias {target.alias} away: {model}", "Take away", taking, "Not taken away")
    if target.stage is None:
        setting = f"Setting alias {target.alias} of {model}"
        return Wording(f"Set alias {target.alias}: {model}", "Set alias", setting, "Not set")
    if target.stage is Stage.PRODUCTION:
        return Wording(f"Promote to Production: {model}", "Promote", f"Promoting {model}", "Not promoted")
    label = "Archive" if target.stage is Stage.ARCHIVED else f"Move to {target.stage}"
    return Wording(f"Move to {target.stage}: {model}", label, f"Moving {model} to {target.stage}", "Not moved")


def reason_question(plan: PromotionPlan) -> str:
    """What to ask where the protocol wants a reason; empty where it does not."""
    if plan.event is Event.ROLLBACK:
        return "Why is it rolled back? This is recorded:"
    if plan.passes:
        return ""
    done = "promoted" if plan.target.stage is Stage.PRODUCTION else "done"
    return f"Why is it {done} all the same? This is recorded:"


def promotion_lines(plan: PromotionPlan, shown: Outcome | None, user: str = "") -> list[Text]:
    """What the dialog says before a change.

    ``shown`` is the verdict that the screen behind it shows, if any; ``user``: who will be recorded, as far as known.
    """
    verdict = Text("nothing is judged")
    if plan.outcome is not None:
        color = COLORS.get(plan.outcome, OTHER_COLOR)
        word = f"{SIGNS[plan.outcome]} {plan.outcome.value}"
        verdict = Text.assemble((word, f"bold {color}"), f": {explain(plan.reason)}")
    lines = [
        _field("server", Text(plan.store.registry_uri)),
        _field("model", Text(plan.model, style="bold")),
        _field("from", Text(_from(plan))),
        _field("to", Text(_to(plan))),
        _field("verdict", verdict),
        _field("command", Text(plan.command)),
        # Last, as the verdict must be in sight on the smallest terminal.
        *([_field("user", Text(user))] if user else []),
    ]
    lines += [Text.assemble(("! ", OTHER_COLOR), warning) for warning in plan.warnings]
    if shown is not None and plan.outcome is not None and shown is not plan.outcome:
        lines.append(Text(f"The screen behind shows {shown.value}: that is another comparison, or things have moved."))
    if plan.needs_typed_name:
        what = f"Promote {plan.model}" if plan.target.stage is Stage.PRODUCTION else "Go on"
        lines.append(Text(f"The gate does not let it through. {what} only if you know why.", style="bold"))
    return lines


def _from(plan: PromotionPlan) -> str:
    target, before = plan.target, plan.previous
    if target.removes:
        return _subject(plan)
    if target.stage is None:
        return "nothing: no version has this alias" if before is None else f"{version_words(before)}{_made_by(before)}"
    if target.stage is not Stage.PRODUCTION:
        return str(plan.stage_before) if plan.version is not None else "nothing: it is not registered yet"
    if before is None:
        return "nothing: no version is in Production"
    return f"{version_words(before)}{_made_by(before)}; it will be Archived"


def _to(plan: PromotionPlan) -> str:
    target = plan.target
    if target.removes:
        return f"no version: nothing is called @{target.alias} any more"
    if target.stage in {Stage.STAGING, Stage.ARCHIVED}:
        return f"{target.stage}: {_subject(plan)}"
    return f"{_subject(plan)}{''.join(f', @{a}' for a in plan.aliases)}"


def _subject(plan: PromotionPlan) -> str:
    run = f"run {plan.run_name} {plan.run_id[:8]}" if plan.run_name else f"run {plan.run_id[:12]}"
    if plan.version is not None:
        return f"version {plan.version} ({run})"
    label = plan.source.label if plan.source else "its model"
    return f"a new version, registered from {label} ({run})"


def _made_by(version: ModelVersion) -> str:
    return f", run {version.run_id[:8]}" if version.run_id else ""


def _field(name: str, value: Text) -> Text:
    return Text.assemble((f"{name:<8} ", "dim"), value)


def outcome_text(outcome: PromotionOutcome) -> Text:
    """What is where now, as read back."""
    version, target = outcome.version, outcome.target
    which = f"{outcome.model} version {version.version}{_made_by(version)}"
    new = ", registered just now" if outcome.registered else ""
    if target.startswith(UNALIAS):
        said = f"Alias {target.removeprefix(UNALIAS)} of {outcome.model} names no version now."
    elif target.startswith("alias:"):
        said = f"Alias {', '.join(outcome.aliases)} names {which}{new} now."
    else:
        said = f"In {version.stage} now: {which}{new}."
        if target == Stage.PRODUCTION:
            gone = ", ".join(f"version {v.version}" for v in outcome.archived)
            said += f" Archived: {gone}." if gone else " Nothing was archived."
        said += f" Alias {', '.join(outcome.aliases)} points at it." if outcome.aliases else ""
    said += f" Record {outcome.record_id}." if outcome.record_id else ""
    text = Text.assemble(("✓ ", "bold"), said)
    for warning in outcome.warnings:
        text.append(f"\n! {warning}")
    return text


def failure_words(plan: PromotionPlan, error: MlauditError) -> str:
    """What a failed execution means for the registry."""
    not_done = wording(plan.model, plan.event, plan.target).not_done
    if isinstance(error, StalePlan | PromotionBusy | PromotionAborted):
        return f"{not_done}: {error}."
    if isinstance(error, PromotionConflict):
        return f"{error}. Look at the registry before doing anything else."
    if isinstance(error, PromotionUnfinished):
        return f"{error}."
    if isinstance(error, DeadlineExceeded | BackendCrashed):
        return f"{error}. Whether it was done is not known: what is shown here is being read anew."
    # Any other failure of the store comes out of the protocol only before anything was moved.
    return f"{not_done}: {error}."


def recovery_lines(inspection: Inspection, store: StoreInfo | None) -> list[Text]:
    """What the dialog says before a recovery."""
    command = ["mlaudit"]
    lines = []
    if store is not None:
        lines.append(_field("server", Text(store.registry_uri)))
        command += ["--tracking-uri", store.uri]
        command += ["--registry-uri", store.registry_uri] if store.registry_uri != store.uri else []
    lines.append(_field("model", Text(inspection.model, style="bold")))
    for dead in inspection.dead:
        lines.append(_field("cut off", Text(dead.words)))
        lines.append(_field("registry", Text(dead.found)))
        lines.append(_field("to do", Text(dead.decision, style="bold")))
    lines += [_field("not dead", Text(words)) for words in inspection.alive]
    lines.append(_field("command", Text(shlex.join([*command, "recover", inspection.model]))))
    if needs_person(inspection):
        lines.append(
            Text(
                "The registry does not tell how far it came. Its stages and aliases stay as they are; only the intent"
                " that stands in the way is deleted. Look at them first.",
                style="bold",
            )
        )
    return lines


def needs_person(inspection: Inspection) -> bool:
    """Whether the registry does not tell by itself what is to be done about one of the dead intents."""
    return any(dead.decision == Recovery.ASK for dead in inspection.dead)
