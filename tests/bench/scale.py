"""How long looking takes at size, with MLflow's own figures beside ours: ``python -m tests.bench.scale``.

Each figure is taken in a process of its own, on stores made here; ``--stores FOLDER`` keeps them for the next time.
What would take MLflow minutes is stopped after ``--patience`` seconds, and what is then known of the ratio is shown.
``--only chart,diff`` takes some lines alone, ``--runs`` other sizes. PostgreSQL is measured too where it is installed.

Everything that a user waits for is measured as the user sees it: in the real program on a pseudo-terminal, from the
key to the frame. A bar is judged by the wall clock, so the machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import felt
from tests.bench.bars import HEADER, Figures, Line, at_least, ratio
from tests.bench.bulk_store import run_id
from tests.bench.stores import POINTS, Stores, postgresql

ROOT = Path(__file__).parents[2]
POSTGRESQL_RUNS = 10_000
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Bench:
    """A store of some size, and how it is measured."""

    uri: str
    long_uri: str
    """The one with the long metric."""
    runs: int
    patience: float
    with_mlflow: bool
    folder: Path

    def one(self, reader: str, work: str, rounds: int = 1) -> Figures | None:
        """The best of some processes; None when the first met the end of our patience."""
        found: list[Figures] = []
        for _ in range(rounds):
            command = [sys.executable, "-m", "tests.bench.one", reader, work, self.uri]
            if (text := self.output(command)) is None:
                break
            found.append(Figures(**json.loads(text.splitlines()[-1])))
        return min(found, key=lambda f: f.wall, default=None)

    def mlflow(self, work: str, rounds: int = 1) -> Figures | None:
        """The same of MLflow; None as well where it is left out."""
        return self.one("mlflow", work, rounds) if self.with_mlflow else None

    def output(self, command: list[str]) -> str | None:
        """What a command wrote to stdout; None when it takes too long."""
        environ = os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true"}
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=self.patience
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def shown(self, found: Figures | None) -> str:
        """In words."""
        if found is not None:
            return found.words
        return f"> {self.patience:.0f} s" if self.with_mlflow else "-"


def opening(bench: Bench) -> Iterator[Line]:
    """From a cold process to rows on screen."""
    ours = min(felt.opening(bench.uri, bench.runs, bench.folder) for _ in range(ROUNDS))
    theirs = bench.mlflow("first page")
    share = f"{ours / theirs.wall:.2f} of it" if theirs else "-"
    met = False if ours > 1.0 else None
    if met is None and bench.with_mlflow:
        met = at_least(1 / 0.3, ours, theirs.wall if theirs else None, bench.patience)
    bar = "<= 1.0 s and <= 0.3 of MlflowClient's process"
    yield Line(
        "first page of runs, cold process to rows on screen", f"{ours:.2f} s", bench.shown(theirs), share, bar, met
    )


def _inside(work: str, name: str, bar: str, holds: Callable[[Bench, Figures, Figures | None], bool | None]) -> Work:
    """A line of what the reader does within the process."""

    def lines(bench: Bench) -> Iterator[Line]:
        ours = bench.one("mlaudit", work, ROUNDS)
        theirs = bench.mlflow(work)
        if ours is None:
            yield Line(name, f"> {bench.patience:.0f} s", bench.shown(theirs), "-", bar, False)
            return
        times = ratio(ours.seconds, theirs.seconds if theirs else None, bench.patience)[1] if bench.with_mlflow else "-"
        yield Line(name, ours.words, bench.shown(theirs), times, bar, holds(bench, ours, theirs))

    return lines


def _order_met(bench: Bench, ours: Figures, theirs: Figures | None) -> bool | None:
    if bench.runs > 10_000:
        return ours.seconds <= 1.0
    if bench.runs < 10_000:
        return None
    return at_least(50, ours.seconds, theirs.seconds if theirs else None, bench.patience) if bench.with_mlflow else None


def _exported(form: str) -> Work:
    """Whole processes, and their memory."""

    def lines(bench: Bench) -> Iterator[Line]:
        ours, theirs = bench.one("mlaudit", form, ROUNDS), bench.mlflow(form)
        # The bar was set for these; of few runs, the start of a process is most of it.
        judged_from = 10_000 if bench.uri.startswith("postgresql") else 100_000
        bar = f"from {judged_from:,} runs >= 10 times faster than search_runs, <= 500 MB"
        name = f"all {bench.runs:,} runs as {form}"
        if ours is None:
            yield Line(name, f"> {bench.patience:.0f} s", bench.shown(theirs), "-", bar, False)
            return
        met: bool | None = None
        times = "-"
        if bench.with_mlflow:
            wall = theirs.wall if theirs else None
            times = ratio(ours.wall, wall, bench.patience)[1]
            met = None if bench.runs < judged_from else at_least(10, ours.wall, wall, bench.patience)
        yield Line(name, ours.words, bench.shown(theirs), times, bar, met if ours.megabytes <= 500 else False)

    return lines


def chart(bench: Bench) -> Iterator[Line]:
    """From the key to the picture; that the spike is in it, tests/tui/test_long_history.py holds."""
    taken = [felt.chart(bench.long_uri, POINTS, bench.folder) for _ in range(ROUNDS)]
    best = min(key.seconds for key in taken)
    ours = f"{best:.2f} s; {min(key.at_work for key in taken):.2f} s without waiting for a core"
    yield Line(f"chart of a metric of {POINTS:,} points, key to picture", ours, bar="<= 1.5 s", met=best <= 1.5)


def browsing(bench: Bench) -> Iterator[Line]:
    """Keys while all pages are fetched, and the memory of it."""
    found = felt.browse(bench.uri, bench.runs, bench.folder)
    empty = felt.percentile([k.seconds for k in felt.bare(bench.folder)], 99)
    for name, keys in (("pages load", found.loading), ("verdicts come, all loaded", found.judging)):
        if not keys:
            continue
        p99 = felt.percentile([k.seconds for k in keys], 99)
        busy = felt.percentile([k.at_work for k in keys], 99)
        ours = (
            f"p99 {1000 * p99:.0f} ms, median {1000 * statistics.median(k.seconds for k in keys):.0f} ms of {len(keys)}"
            f" keys; p99 without waiting for a core {1000 * busy:.0f} ms; an empty Textual app: {1000 * empty:.0f} ms"
        )
        yield Line(f"key to frame while {name}", ours, bar="p99 <= 50 ms", met=p99 <= 0.05)
    parts = " + ".join(f"{m:.0f}" for m in found.megabytes)
    ours = f"{found.peak:.0f} MB at most; at the end {parts} MB (screen + worker; PSS)"
    name = f"memory with {bench.runs:,} runs browsed"
    yield Line(name, ours, bar="<= 300 MB", met=found.peak <= 300)
    yield Line(f"all {bench.runs:,} runs loaded by one key", f"{found.loaded:.1f} s")


def diff(bench: Bench) -> Iterator[Line]:
    """Whole processes, one after the other in turn."""
    candidate = run_id(1)
    commands = {
        "ours": [sys.executable, "-m", "mlaudit", "--tracking-uri", bench.uri, "diff", candidate],
        "theirs": [sys.executable, "-m", "tests.bench.ten_lines", bench.uri, candidate],
    }
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(ROUNDS):
        for who, command in commands.items():
            start = time.perf_counter()
            # Whether the candidate passes is another matter: 0, 1 and 3 are verdicts, 2 is an error.
            code = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, env=_environ()).returncode
            if code not in ({0, 1, 3} if who == "ours" else {0}):
                raise SystemExit(f"{' '.join(command)} ended with {code}")
            taken[who].append(time.perf_counter() - start)
    ours, theirs = min(taken["ours"]), min(taken["theirs"])
    share = ours / theirs
    bar = "<= 0.5 of the wall time"
    yield Line(
        "mlaudit diff / ten lines with MlflowClient",
        f"{ours:.2f} s",
        f"{theirs:.2f} s",
        f"{share:.2f} of it",
        bar,
        share <= 0.5,
    )


def _environ() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true"}


Work = Callable[[Bench], Iterable[Line]]
WORK: dict[str, Work] = {
    "open": opening,
    "order": _inside("order", "order_by a metric", "10k: >= 50 times faster; 100k: <= 1 s", _order_met),
    "filter": _inside(
        "filter",
        "filter on a metric and a param, first page",
        "<= 0.5 s",
        lambda _, ours, __: ours.seconds <= 0.5,
    ),
    "deep": _inside("deep", "page 20 of 200", "-", lambda *_: None),
    "history": _inside("history", "a history of as many points", "-", lambda *_: None),
    "csv": _exported("csv"),
    "parquet": _exported("parquet"),
    "diff": diff,
    "chart": chart,
    "browse": browsing,
}
GROWING = ("first page", "order", "filter", "history", "csv")
"""What the table of growth shows, by the names of ``tests.bench.one``."""


def growth(benches: list[Bench]) -> None:
    """How often as long it takes with ten times and a hundred times as many runs."""
    sizes = [f"{bench.runs:,}" for bench in benches]
    print(f"\n### How our cost grows: seconds, and times those of {sizes[0]} runs\n")
    print(f"| work | {' | '.join(sizes)} |\n|---|{'---|' * len(sizes)}")
    for work in GROWING:
        found = [bench.one("mlaudit", work, ROUNDS) for bench in benches]
        first = found[0]
        cells = [
            f"> {bench.patience:.0f} s"
            if f is None or first is None
            else f"{f.seconds:.3f} (x {f.seconds / first.seconds:.1f})"
            for bench, f in zip(benches, found, strict=True)
        ]
        print(f"| {work} | {' | '.join(cells)} |", flush=True)


def table(title: str, bench: Bench, only: tuple[str, ...]) -> None:
    """Print one store's table."""
    print(f"\n### {title}\n\n{HEADER}")
    for name in only:
        if name in WORK:
            for line in WORK[name](bench):
                print(line, flush=True)


def main() -> None:
    """Make the stores, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--patience", type=float, default=60.0, help="seconds after which a figure is given up")
    parser.add_argument("--skip-mlflow", action="store_true")
    parser.add_argument("--skip-postgresql", action="store_true")
    parser.add_argument("--stores", type=Path, help="where stores are, or are kept; default: a folder that goes again")
    parser.add_argument(
        "--only", default=",".join((*WORK, "growth")), help=f"some of {', '.join((*WORK, 'growth'))}, with commas"
    )
    options = parser.parse_args()
    only = tuple(options.only.split(","))
    if unknown := set(only) - {*WORK, "growth"}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # MLflow's byte code was written when it was installed, and so is that of an installed mlaudit; a checkout in which
    # none may be written is compiled anew by every process.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="mlaudit-bench-") as name:
        folder = Path(name)
        stores = Stores(options.stores or folder)
        print(
            f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}."
            " Seconds within the process after its imports, then the whole process and its memory;"
            " whole processes decide where one starts cold or exports."
        )

        def bench(uri: str, long_uri: str, runs: int) -> Bench:
            return Bench(uri, long_uri, runs, options.patience, not options.skip_mlflow, folder)

        benches = [bench(stores.of(runs), stores.long() if "chart" in only else "", runs) for runs in options.runs]
        for one in benches:
            table(f"SQLite, {one.runs:,} runs", one, only)
        if "growth" in only and len(benches) > 1:
            growth(benches)
        if not options.skip_postgresql:
            with postgresql(POSTGRESQL_RUNS) as uris:
                if uris is not None:
                    table(f"PostgreSQL, {POSTGRESQL_RUNS:,} runs", bench(*uris, POSTGRESQL_RUNS), only)
        print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
