"""Takes the pictures of the README and the pages: the real app on a demo store, pressed by keys, as SVG.

    python docs/pictures/make.py DIR

DIR holds a demo store (``mlaudit demo DIR --no-open`` builds one); it is only looked at.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from mlaudit.config.settings import Settings
from mlaudit.tui.app import MlauditApp
from mlaudit.worker.process import WorkerProcess

HERE = Path(__file__).parent
SIZE = (120, 28)
PATIENCE = 60.0
"""Seconds that the store may take for an answer."""


def text_of(pilot: Pilot[Any]) -> str:
    """What is on screen."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def until(pilot: Pilot[Any], holds: Callable[[str], bool]) -> None:
    """Wait until the screen is as wanted; ends the script where it never is."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not holds(text_of(pilot)):
                await pilot.pause(0.05)
    except TimeoutError:
        sys.exit(f"this is not what was to be pictured:\n{text_of(pilot)}")


def keep(pilot: Pilot[Any], name: str) -> None:
    """Write the screen as ``name``.svg, without what makes two equal pictures differ."""
    svg = pilot.app.export_screenshot(title="mlaudit")
    # Textual numbers its classes by the picture's content; the fonts' addresses are of no use where scripts are off.
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "Fira Code, DejaVu Sans Mono, Menlo, Consolas")
    svg = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")


async def compared(pilot: Pilot[Any]) -> None:
    """The three marked runs as lines over what differs; all that are listed as points."""
    await pilot.press("equals_sign")
    await until(pilot, lambda text: "3 runs:" in text)
    await pilot.press("v")
    await until(pilot, lambda text: "3 runs over" in text)
    await pilot.press(*["right"] * 3, "down")
    await pilot.pause(0.5)
    keep(pilot, "parallel")
    await pilot.press("escape", "escape")
    await until(pilot, lambda text: "3 marked" in text)
    await pilot.press("A", "equals_sign")
    await until(pilot, lambda text: "10 runs:" in text)
    await pilot.press("S")
    await until(pilot, lambda text: "metrics.val_loss over" in text)
    while "over params.hidden_size" not in text_of(pilot):
        await pilot.press("tab")
    await pilot.press("g")
    await pilot.pause(0.5)
    keep(pilot, "scatter")
    await pilot.press("escape", "escape", "u")
    await until(pilot, lambda text: "marked" not in text)


async def run_and_model(pilot: Pilot[Any], table: Any) -> None:
    """The best run, where it came from; the model that it is a version of."""
    at = next(i for i, run in enumerate(table.runs) if run.tags.get("demo.role") == "candidate-better")
    await pilot.press("g", *["j"] * at, "enter")
    await until(pilot, lambda text: "Overview" in text and "reading" not in text)
    await pilot.pause(0.5)
    keep(pilot, "run")
    await pilot.press("m")
    await until(pilot, lambda text: "Production" in text and "v5" in text)
    await pilot.pause(0.5)
    keep(pilot, "model")
    await pilot.press("escape", "escape")
    await until(pilot, lambda text: "by val_loss" in text)


async def refused(pilot: Pilot[Any], table: Any) -> None:
    """The question before a promotion of a run that is worse; it is not answered."""
    await pilot.press("slash", *["backspace"] * 40, "enter")
    await until(pilot, lambda text: "15 runs" in text and "loading" not in text)
    at = next(i for i, run in enumerate(table.runs) if run.tags.get("demo.role") == "candidate-worse")
    await pilot.press("g", *["j"] * at, "p")
    await until(pilot, lambda text: "To confirm, type" in text)
    await pilot.pause(0.5)
    keep(pilot, "promotion")
    await pilot.press("escape")


async def take(store: Path) -> None:
    """The runs, three of them as curves and as lines, one of them, its model, and candidates against Production."""
    uri = f"sqlite:///{store.resolve()}/mlflow.db"
    settings = Settings(tracking_uri=uri, policy_path=str(store.resolve() / "mlaudit.toml"), read_only=False)
    backend = WorkerProcess(settings)
    app = MlauditApp(backend, settings, log_path=backend.log_path)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda text: "fraud-detector" in text and "sqlite" in text)
        await pilot.press("enter")
        await until(pilot, lambda text: "15 runs" in text and "loading" not in text)
        await pilot.press("slash", *"metrics.val_loss < 0.11", "enter")
        await until(pilot, lambda text: "15 runs" not in text and "loading" not in text)
        # Sorted by validation loss, the best of each of the first recipes marked.
        await pilot.press(*["right"] * 20)
        table: Any = app.screen.query_one("RunTable")
        while table.column != "metrics.val_loss":
            await pilot.press("left")
        await pilot.press("s")
        await until(pilot, lambda text: "by val_loss, ascending" in text and "loading" not in text)
        await pilot.press("g", "space")
        for start in ("standard seed", "narrow seed"):
            at = next(i for i, run in enumerate(table.runs) if run.name.startswith(start))
            await pilot.press("g", *["j"] * at, "space")
        await pilot.press("g", *["left"] * 12)
        await until(pilot, lambda text: "3 marked" in text and "REGRESSION" in text)
        await pilot.pause(0.5)
        keep(pilot, "runs")
        await pilot.press("c")
        await until(pilot, lambda text: "narrow seed" in text and "step" in text and "loading" not in text)
        await pilot.press(*["right"] * 4)
        await pilot.pause(0.5)
        keep(pilot, "chart")
        await pilot.press("escape")
        await until(pilot, lambda text: "3 marked" in text)
        await compared(pilot)
        await run_and_model(pilot, table)
        at = next(i for i, run in enumerate(table.runs) if run.tags.get("demo.role") == "candidate-better")
        await pilot.press("g", *["j"] * at, "d")
        await until(pilot, lambda text: "baseline" in text and "PASS" in text and "loading" not in text)
        await pilot.pause(0.5)
        keep(pilot, "diff")
        await pilot.press("escape")
        await refused(pilot, table)
        await pilot.press("q")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "mlflow.db").is_file():
        sys.exit(f"usage: {sys.argv[0]} DIR    (a demo store: mlaudit demo DIR --no-open)")
    asyncio.run(take(Path(sys.argv[1])))
