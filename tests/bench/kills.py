"""SIGKILL during promotions: at every write, and at random moments; then recovery.

``python -m tests.bench.kills [--kills N] [--stores sqlite,postgresql,server]`` prints a table. Beside it stands what
MLflow's own transition leaves when it is killed in the same run: it is one transaction, so the stages are the old or
the new ones; whether anything in the registry tells that somebody was at it is looked up.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass, field, replace

from mlaudit.domain.errors import NotConfirmed
from mlaudit.services.recovery import InspectIntents, RecoverIntents, inspect_intents, recover_intents
from mlaudit.services.surroundings import Pace, Surroundings
from tests.bench.stage import KINDS, Contender, Playground, contenders, playgrounds


@dataclass
class Tally:
    """What came of the kills."""

    kills: int = 0
    lived: int = 0
    """Promotions that were over before they could be killed."""
    nothing_left: int = 0
    rolled_forward: int = 0
    cleared: int = 0
    asked: int = 0
    silent: list[str] = field(default_factory=list)
    """States that were neither whole nor reported."""


def kill_at_write(
    ground: Playground, zygote: Contender, name: str, number: int, after: bool, tally: Tally, pace: Pace
) -> None:
    """Kill at the n-th write, recover, look."""
    _kill(ground, zygote, name, {"write": number, "after": after}, tally, pace)


def kill_at_random(ground: Playground, zygote: Contender, name: str, seconds: float, tally: Tally, pace: Pace) -> None:
    """Kill after so many seconds of the execution, recover, look."""
    _kill(ground, zygote, name, {"seconds": seconds}, tally, pace)


def _kill(ground: Playground, zygote: Contender, name: str, when: dict[str, object], tally: Tally, pace: Pace) -> None:
    ground.new_model(name, 1)
    order = {"do": "die", "subject": ground.runs[1], "model": name, "alias": True, **when}
    zygote.tell(**order)
    if zygote.hear()["result"] == "lived":
        tally.lived += 1
        return
    tally.kills += 1
    ground.mend()
    if not ground.intents(name):
        tally.nothing_left += 1
    around = Surroundings.real()
    inspection = inspect_intents(ground.gateway, replace(around, pace=pace), InspectIntents(name))
    forward = any(d.decision == "roll forward" for d in inspection.dead)
    try:
        recover_intents(ground.gateway, around, RecoverIntents(inspection))
    except NotConfirmed:
        tally.asked += 1
        return
    if inspection.dead:
        tally.rolled_forward += forward
        tally.cleared += not forward
    _look(ground, name, when, tally)


def _look(ground: Playground, name: str, when: dict[str, object], tally: Tally) -> None:
    """Whether all of the promotion was done, or nothing of it, and the history says so."""
    versions, history = ground.gateway.list_model_versions(name), ground.history(name)
    production = [v for v in versions if v.stage == "Production"]
    promoted = [v.version for v in production] == ["2"]
    whole = (
        len(production) == 1
        and len(history.records) == int(promoted)
        and (not promoted or "champion" in production[0].aliases)
        and not (history.problems or history.moved_since or history.unfinished)
    )
    if not whole:
        stages = {v.version: str(v.stage) for v in versions}
        tally.silent.append(f"{when}: {stages}, {history.records}, {history.problems}, {history.moved_since}")


@dataclass
class Plain:
    """What kills in MLflow's own transition left."""

    kills: int = 0
    lived: int = 0
    old: int = 0
    new: int = 0
    other: int = 0
    traces: int = 0
    """Tags, on the model or the version, that tell of it."""


def kill_mlflow(ground: Playground, zygote: Contender, name: str, seconds: float, plain: Plain) -> None:
    """Kill MLflow's own transition after so many seconds, and look."""
    ground.new_model(name, 2)
    zygote.tell(do="die_plain", model=name, version=ground.number("2"), seconds=seconds)
    if zygote.hear()["result"] == "lived":
        plain.lived += 1
        return
    plain.kills += 1
    ground.mend()
    production = ground.production(name)
    plain.old += production == ["1"]
    plain.new += production == ["2"]
    plain.other += production not in (["1"], ["2"])
    versions = ground.gateway.list_model_versions(name)
    plain.traces += bool(ground.gateway.model_tags(name) or any(v.tags for v in versions))


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description="SIGKILL during promotions")
    parser.add_argument("--kills", type=int, default=100, help="so many a store: every write first, the rest at random")
    parser.add_argument("--stores", default=",".join(KINDS))
    given = parser.parse_args()
    pace, chance = Pace(lease=0.3), random.Random(7)
    print(
        "| store | SIGKILLs | over before | nothing was left | rolled forward | cleared away | shown to a person |"
        " silent | MLflow's own: SIGKILLs: old, new, other Production; left a trace |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with playgrounds(given.stores.split(","), 3) as grounds:
        for ground in grounds:
            tally, plain = Tally(), Plain()
            with contenders(ground.uri, 1) as (zygote,):
                count, longest = 0, 0.0
                for number in range(1, 10):
                    for after in (False, True):
                        begun = time.monotonic()
                        kill_at_write(ground, zygote, f"step-{number}-{after}", number, after, tally, pace)
                        longest = max(longest, time.monotonic() - begun)
                        count += 1
                while tally.kills < given.kills and count < 3 * given.kills:
                    moment = chance.random() * min(longest, 2.0)
                    kill_at_random(ground, zygote, f"random-{count}", moment, tally, pace)
                    count += 1
                for trial in range(given.kills):
                    kill_mlflow(ground, zygote, f"plain-{trial}", chance.random() * 0.1, plain)
            print(
                f"| {ground.kind} | {tally.kills} | {tally.lived} | {tally.nothing_left} | {tally.rolled_forward} |"
                f" {tally.cleared} | {tally.asked} | {len(tally.silent)} |"
                f" {plain.kills}: {plain.old}, {plain.new}, {plain.other}; {plain.traces} |",
                flush=True,
            )
            for silent in tally.silent[:5]:
                print(f"  {silent}", flush=True)


if __name__ == "__main__":
    main()
