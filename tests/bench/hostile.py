"""Ten thousand hostile texts in a SQLite store, looked at in a terminal: ``python -m tests.bench.hostile``.

The texts stand in names, params, tags and metric keys, put into the database past MLflow's own checks, as another
client may. The app goes through every run's panes; every byte that it writes is looked at, and so is what the command
line prints. The table says how many texts were on screen, and what came through, which must be nothing.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from rich.cells import cell_len

from mlaudit.domain.text import clean
from tests.plugins.hostile import PAYLOAD, more, unprintable
from tests.plugins.terminal import ROOT, Terminal

SIZE = (160, 45)
PER_RUN = 100
"""Texts of a run: 33 params, 33 tags, 33 metric keys and the name."""
ENDING = re.compile(rb"\x1b(?:\[[<>=?]?[0-9;:]*\$?[A-Za-z]|[=>78M]|\]22;[a-z-]*\x07)")
"""The escape sequences that the app needs, the mouse pointer's shape (OSC 22) among them; no other OSC, DCS or APC."""


@dataclass
class Found:
    """What was seen of one way to look."""

    way: str
    texts: int = 0
    bytes: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def make_store(folder: Path, texts: list[str]) -> list[str]:
    """A database of MLflow's schema with these texts; returns the runs' ids."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    code = f"from mlflow import MlflowClient; MlflowClient({uri!r}, {uri!r}).create_experiment('hostile')"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=folder, timeout=300)
    connection = sqlite3.connect(folder / "mlflow.db")
    ((experiment,),) = connection.execute("select experiment_id from experiments where name = 'hostile'").fetchall()
    ids: list[str] = []
    for start in range(0, len(texts), PER_RUN):
        part = texts[start : start + PER_RUN]
        run_id, third = uuid.UUID(int=start + 1).hex, len(part) // 3
        ids.append(run_id)
        connection.execute(
            "insert into runs (run_uuid, name, source_type, user_id, status, start_time, end_time, lifecycle_stage,"
            " artifact_uri, experiment_id) values (?, ?, 'LOCAL', 'x', 'FINISHED', ?, ?, 'active', ?, ?)",
            (run_id, part[0], 1_700_000_000_000 + start, 1_700_000_100_000 + start, str(folder), experiment),
        )
        connection.execute("insert into tags (key, value, run_uuid) values ('mlflow.runName', ?, ?)", (part[0], run_id))
        for text in part[1 : third + 1]:
            connection.execute("insert into params (key, value, run_uuid) values (?, ?, ?)", (text, text, run_id))
        for text in part[third + 1 : 2 * third + 1]:
            connection.execute("insert into tags (key, value, run_uuid) values (?, ?, ?)", (text, text, run_id))
        for text in part[2 * third + 1 :]:
            connection.execute(
                "insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid) values (?, 1, 1, 1, 0, ?)",
                (text, run_id),
            )
    connection.commit()
    connection.close()
    return ids


def check_bytes(raw: bytes, found: Found) -> None:
    """That a terminal got text and the app's own codes, and nothing else."""
    found.bytes += len(raw)
    rest = ENDING.sub(b"", raw)
    if b"\x1b" in rest:
        at = rest.index(b"\x1b")
        found.problems.append(f"escape sequence {rest[at : at + 20]!r}")
    if PAYLOAD.encode() in b"".join(re.findall(rb"\x1b\[[0-9;]*[A-Za-z]", raw)):
        found.problems.append("an escape code of the store's reached the terminal")
    bad = unprintable(rest.decode("utf-8", "replace").replace("\ufffd", ""), "\n\r")
    if bad:
        found.problems.append(f"characters {sorted(map(hex, map(ord, bad)))[:8]}")


def beginning(text: str) -> str:
    """The part of a text by which it is known on screen."""
    return clean(text)[:14].strip()


def through_the_app(folder: Path, ids: list[str], texts: list[str]) -> Found:
    """Every run's metrics, params and tags, page by page."""
    found, started = Found("app"), time.monotonic()
    wanted = {text for text in map(beginning, texts) if text and cell_len(text) == len(text)}
    seen: set[str] = set()

    with Terminal("--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}", cwd=folder, size=SIZE) as t:

        def note() -> None:
            screen = t.text
            seen.update({text for text in wanted - seen if text in screen})

        t.see("hostile", "2 experiments", seconds=60)
        t.press("a")
        t.see(f"{min(len(ids), 200):,} run", seconds=60)
        for _ in range(len(ids)):
            t.press("enter")
            t.see("Overview", "logged", seconds=60)
            note()
            for pane, heading in (("2", "last value"), ("3", "value"), ("4", "value")):
                t.press(pane)
                t.see(heading, seconds=60)
                note()
                t.press("G")
                t.until(lambda: not t._read(0.05), "the end of the pane", 60)
                note()
            t.press("escape")
            t.see("newest first", seconds=60)
            t.press("j")
        t.press("q")
        code = t.exit_code(20)
        check_bytes(bytes(t.raw), found)
        found.problems += t.left_behind()
        if code:
            found.problems.append(f"exit code {code}")
    found.texts, found.seconds = len(seen), time.monotonic() - started
    return found


def through_commands(folder: Path, ids: list[str], texts: list[str]) -> Found:
    """What the commands print, which is text alone."""
    found, started = Found("commands"), time.monotonic()
    printed = ""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    calls = [
        ["experiments"],
        ["runs", "--max", "10000", "--columns", "name,run_id"],
        ["runs", "--max", "10000", "--format", "csv"],
        ["runs", "--max", "10000", "--format", "json"],
        *(["show", run_id] for run_id in ids[:5]),
    ]
    for arguments in calls:
        done = subprocess.run(
            [sys.executable, "-m", "mlaudit", *arguments, "--tracking-uri", uri],
            cwd=ROOT,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        found.bytes += len(done.stdout) + len(done.stderr)
        text = (done.stdout + done.stderr).decode("utf-8", "strict")
        printed += text
        if done.returncode or b"Traceback" in done.stderr:
            found.problems.append(f"{arguments[0]}: exit code {done.returncode}")
        if bad := unprintable(text):
            found.problems.append(f"{' '.join(arguments[:4])}: {sorted(map(hex, map(ord, bad)))[:8]}")
    found.texts = sum(beginning(text) in printed for text in texts)
    found.seconds = time.monotonic() - started
    return found


def main() -> int:
    """Print the table; 1 when anything came through."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--texts", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    texts = more(chosen.texts, chosen.seed, surrogates=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = make_store(folder, texts)
        rows = [through_the_app(folder, ids, texts), through_commands(folder, ids, texts)]
    print(f"{len(texts):,} hostile texts in {len(ids)} runs of a SQLite store, terminal {SIZE[0]}x{SIZE[1]}")
    print(f"{'way':<10}{'texts seen':>12}{'bytes':>14}{'seconds':>10}  came through")
    for row in rows:
        print(
            f"{row.way:<10}{row.texts:>12,}{row.bytes:>14,}{row.seconds:>10.1f}  {'; '.join(row.problems) or 'nothing'}"
        )
    return 1 if any(row.problems for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
