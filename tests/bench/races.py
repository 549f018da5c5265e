"""Promotion races: several processes promote different versions of one model at the same moment.

``python -m tests.bench.races [--trials N] [--processes 2,8] [--stores sqlite,postgresql,server]`` prints a table of
mlaudit's protocol beside MLflow's own ``archive_existing_versions=True``, played in the same run on the same store.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.stage import KINDS, Contender, Playground, all_at_once, contenders, playgrounds


@dataclass
class Score:
    """What came of the trials with one store, one number of processes."""

    trials: int = 0
    one_production: int = 0
    one_winner: int = 0
    clean: int = 0
    """The winner is in Production, one record, a whole chain, no intent left."""
    losers: Counter[str] = field(default_factory=Counter)
    oddities: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def race(ground: Playground, them: Sequence[Contender], name: str, score: Score) -> None:
    """One trial of mlaudit's protocol."""
    ground.new_model(name, len(them) + 1)
    versions = [str(2 + index) for index in range(len(them))]
    all_at_once(them, [{"do": "plan", "subject": f"models:/{name}/{v}", "model": name} for v in versions])
    begun = time.monotonic()
    answers = all_at_once(them, [{"do": "promote"} for _ in them])
    score.seconds.append(time.monotonic() - begun)
    winners = [a["version"] for a in answers if a["result"] == "won"]
    production, history = ground.production(name), ground.history(name)
    score.trials += 1
    score.one_production += len(production) == 1
    score.one_winner += len(winners) == 1
    whole = not (history.problems or history.moved_since or ground.intents(name))
    clean = production == winners and len(history.records) == 1 and whole
    score.clean += clean
    score.losers.update(a["result"] for a in answers if a["result"] != "won")
    if not clean:
        score.oddities.append(f"{name}: production {production}, {answers}, {history.problems} {history.moved_since}")


def race_of_mlflow(ground: Playground, them: Sequence[Contender], name: str, score: Score) -> None:
    """One trial of MLflow's own transition."""
    ground.new_model(name, len(them) + 1)
    all_at_once(them, [{"do": "look", "model": name} for _ in them])
    all_at_once(them, [{"do": "mlflow", "model": name, "version": ground.number(str(2 + i))} for i in range(len(them))])
    score.trials += 1
    score.one_production += len(ground.production(name)) == 1


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description="promotion races")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--processes", default="2,8")
    parser.add_argument("--stores", default=",".join(KINDS))
    given = parser.parse_args()
    counts = [int(n) for n in given.processes.split(",")]
    print(
        "| store | processes | trials | MLflow: one Production | mlaudit: one Production | one winner |"
        " winner in Production, one record, chain whole, no intent left | losers were told | s a trial (median, max) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with playgrounds(given.stores.split(","), max(counts) + 1) as grounds:
        for ground in grounds:
            for count in counts:
                with contenders(ground.uri, count) as them:
                    plain, ours = Score(), Score()
                    for trial in range(given.trials):
                        race_of_mlflow(ground, them, f"plain-{count}-{trial}", plain)
                        race(ground, them, f"ours-{count}-{trial}", ours)
                seconds = sorted(ours.seconds)
                told = ", ".join(f"{n} {what}" for what, n in sorted(ours.losers.items()))
                print(
                    f"| {ground.kind} | {count} | {given.trials} | {plain.one_production} | {ours.one_production} |"
                    f" {ours.one_winner} | {ours.clean} | {told} |"
                    f" {seconds[len(seconds) // 2]:.1f}, {seconds[-1]:.1f} |",
                    flush=True,
                )
                for oddity in ours.oddities[:5]:
                    print(f"  {oddity}", flush=True)


if __name__ == "__main__":
    main()
