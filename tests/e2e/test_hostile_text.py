"""No text of a store reaches the terminal as anything but text: every screen at two sizes, and every command.

What is looked at is what would be painted, character by character, with the links that the cells carry.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import TabbedContent

from mlaudit.cli.main import main, program
from mlaudit.domain.models import Dataset, Stage
from mlaudit.gateway.memory import MemoryGateway
from mlaudit.tui.screens.chart import ChartScreen
from mlaudit.tui.screens.diff import DiffScreen
from mlaudit.tui.screens.experiments import ExperimentsScreen
from mlaudit.tui.screens.run import PANES, RunScreen
from mlaudit.tui.screens.runs import RunsScreen
from mlaudit.wiring import Services
from tests.plugins.hostile import HOSTILE, in_parts, unprintable
from tests.plugins.screen_tools import app_on, until

SIZES = [(80, 24), (160, 45)]
SIZE_IDS = ["80x24", "160x45"]
PARTS = in_parts(HOSTILE, 45)


@pytest.fixture(autouse=True)
def no_policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hostile() -> MemoryGateway:
    """A store in which every text is hostile; run ``f"{n:032x}"`` holds the nth part of them all over."""
    store = MemoryGateway()
    first = store.add_experiment(HOSTILE[0])
    for name in HOSTILE[1:]:
        store.add_experiment(name, tags={name: name})
    for n, part in enumerate(PARTS):
        data = tuple(Dataset(t, t, t, t, t, t, t) for t in part[:8])
        store.add_run(
            first,
            run_id=f"{n:032x}",
            name=part[-1],
            params={t: t for t in part},
            metrics={t: [0.5, 0.4] for t in part} | {"val_loss": [0.5, 0.4]},
            tags={t: t for t in part},
            datasets=data,
            artifacts={t.replace("/", "|"): t.encode("utf-8", "surrogatepass") for t in part if t},
            user=part[0],
        )
        model = part[1]
        store.add_version(model, f"{n:032x}", stage=Stage.PRODUCTION, aliases=(part[2],), description=part[3])
        store.add_version(model, f"{n:032x}", tags={part[4]: part[5]})
    for n, name in enumerate(HOSTILE):
        store.add_run(first, run_id=f"{n:016x}{'f' * 16}", name=name, metrics={"val_loss": 0.3}, user=name)
    return store


def look(pilot: Pilot[Any], where: str) -> str:
    """What would be painted now, which must hold nothing but text and no action of a store's; returns it."""
    seen: list[str] = []
    for strip in pilot.app.screen._compositor.render_strips():
        for segment in strip:
            seen.append(segment.text)
            meta = segment.style.meta if segment.style is not None else {}
            for action in meta.values():
                assert "app.quit" not in str(action), where
                assert "app.exit" not in str(action), where
                assert "app.bell" not in str(action), where
            assert segment.style is None or segment.style.link is None, where
    text = "".join(seen)
    assert unprintable(text) == set(), where
    return text


async def turn_pages(pilot: Pilot[Any], where: str, key: str = "pagedown", most: int = 40) -> None:
    """Look at everything that the focused part holds, page by page, until nothing new comes."""
    before = ""
    for _ in range(most):
        await pilot.pause()
        now = look(pilot, where)
        if now == before:
            return
        before = now
        await pilot.press(key)


async def settled(pilot: Pilot[Any], kind: type[Any], *, without: str = "loading") -> None:
    """Wait for a screen and its answers."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    await until(pilot, lambda: without not in look(pilot, kind.__name__))


@pytest.mark.parametrize("size", SIZES, ids=SIZE_IDS)
async def test_lists(hostile: MemoryGateway, size: tuple[int, int]) -> None:
    """Experiments, runs with all their columns, the choice of columns, the palette, help, and the filter's errors."""
    app = app_on(hostile)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, ExperimentsScreen, without="Opening")
        await turn_pages(pilot, "experiments")
        for key in ("ctrl+p", "escape", "question_mark", "escape"):
            await pilot.press(key)
            await pilot.pause()
            look(pilot, f"experiments, {key}")
        await pilot.press("a")
        await settled(pilot, RunsScreen)
        await turn_pages(pilot, "runs")
        await pilot.press("g", "space", "j", "space", "s")
        await turn_pages(pilot, "runs, columns", "right", 60)
        await pilot.press("C")
        await pilot.pause()
        await turn_pages(pilot, "columns")
        await pilot.press("escape")
        await pilot.press("slash")
        for text in HOSTILE[::7]:
            app.screen.query_one("#expression").value = f"params.`{text}` = '{text}"  # type: ignore[attr-defined]
            await pilot.press("enter")
            await pilot.pause()
            look(pilot, f"filter {text!r}")


@pytest.mark.parametrize(("part", "size"), [(0, SIZES[1]), *((n, SIZES[n % 2]) for n in range(len(PARTS)))])
async def test_a_run_its_curves_and_its_comparison(hostile: MemoryGateway, size: tuple[int, int], part: int) -> None:
    """All panes of a run, every metric's curve by name, the comparison, and the dialog before its promotion."""
    run_id = f"{part:032x}"
    app = app_on(hostile)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, ExperimentsScreen, without="Opening")
        app.show_run(run_id)
        await settled(pilot, RunScreen, without="reading run")
        for pane in PANES:
            app.screen.query_one(TabbedContent).active = pane
            await pilot.pause()
            await turn_pages(pilot, pane)
        await pilot.press("escape")

        await app.push_screen(ChartScreen((hostile.get_run(run_id), hostile.get_run(f"{0:016x}{'f' * 16}"))))
        await settled(pilot, ChartScreen)
        await turn_pages(pilot, "chart")
        await pilot.press("escape")

        await app.push_screen(DiffScreen(run_id))
        await settled(pilot, DiffScreen, without="comparing run")
        await pilot.press("a")
        await turn_pages(pilot, "diff")
        await pilot.press("p")
        await until(pilot, lambda: "Cancel" in look(pilot, "dialog"))
        await turn_pages(pilot, "dialog")
        await pilot.press("escape")


async def test_the_choice_of_a_model(hostile: MemoryGateway) -> None:
    """A run of no model: the names to choose from are painted literally."""
    app = app_on(hostile)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, ExperimentsScreen, without="Opening")
        await app.push_screen(DiffScreen(f"{1:016x}{'f' * 16}"))
        await settled(pilot, DiffScreen, without="comparing run")
        assert app.screen.query_one("#choices").display
        await turn_pages(pilot, "choices")


async def test_the_log(hostile: MemoryGateway, tmp_path: Path) -> None:
    """What libraries wrote into the log is text as well."""
    log = tmp_path / "mlaudit.log"
    log.write_text("\n".join(HOSTILE), encoding="utf-8", errors="surrogatepass")
    app = app_on(hostile)
    app.log_path = str(log)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, ExperimentsScreen, without="Opening")
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "mlaudit.log" in look(pilot, "log"))
        await pilot.press("tab")
        await turn_pages(pilot, "log", "pageup", 60)


# The command line

RUN = f"{0:032x}"
MODEL = PARTS[0][1]
KNOWN: dict[str, list[list[str]]] = {
    "experiments": [[], ["--format", "json"], ["--format", "csv"]],
    "runs": [["--max", "5"], ["--max", "500", "--format", "json"], ["--max", "500", "--format", "csv"]],
    "show": [[f"{n:032x}", *more] for n in range(len(PARTS)) for more in ([], ["--format", "json"])],
    "diff": [[f"{n:032x}", *more] for n in range(len(PARTS)) for more in ([], ["--format", "json"])],
    "promote": [[f"{n:032x}"] for n in range(len(PARTS))],
    "demo": [],
    "train": [["--help"]],
}
"""Command -> the arguments that make it print most. One that is not here is called in all ways that may fit."""
OTHERS = [[], [RUN], [MODEL], ["--model", MODEL], ["--help"]]


def ways() -> list[list[str]]:
    """Every command of the program, with its arguments."""
    commands: Any = program()
    return [[name, *more] for name in commands.commands for more in KNOWN.get(name, OTHERS)]


@pytest.mark.parametrize("arguments", ways(), ids=lambda a: " ".join(a)[:40].encode("ascii", "replace").decode())
def test_every_command(hostile: MemoryGateway, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """stdout and stderr hold text only, there is no traceback, and JSON is JSON."""
    code = main(arguments, services_on(hostile))
    out, err = capsys.readouterr()
    assert unprintable(out, "\n\r" if "csv" in arguments else "\n") == set()
    assert unprintable(err) == set()
    assert "internal error" not in err
    assert "Traceback" not in err
    assert code in {0, 1, 2, 3, 4}
    if "json" in arguments:
        json.loads(out)


@pytest.mark.parametrize(
    "options",
    [
        ["show", "TEXT"],
        ["diff", "TEXT"],
        ["diff", RUN, "--model", "TEXT"],
        ["diff", RUN, "--against", "TEXT"],
        ["promote", "TEXT"],
        ["runs", "--experiment", "TEXT"],
        ["runs", "--filter", "TEXT"],
        ["runs", "--filter", "params.`TEXT` = 'TEXT'"],
        ["runs", "--order-by", "TEXT"],
        ["runs", "--columns", "TEXT"],
        ["runs", "--format", "TEXT"],
        ["runs", "--max", "TEXT"],
        ["TEXT"],
        ["train", "--epochs", "TEXT"],
    ],
    ids=" ".join,
)
def test_hostile_arguments(hostile: MemoryGateway, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An argument that comes back in an error comes back as text."""
    for text in HOSTILE[::2]:
        if text.startswith("-") and len(text) > 1:
            continue  # options of their own
        code = main([part.replace("TEXT", text) for part in options], services_on(hostile))
        out, err = capsys.readouterr()
        assert unprintable(out) == set(), repr(text)
        assert unprintable(err) == set(), repr(text)
        assert "internal error" not in err, repr(text)
        assert code in {0, 1, 2, 3, 4}, repr(text)
        if code == 2:
            assert sum(line.startswith("mlaudit: error: ") for line in err.split("\n")) == 1, repr(text)


def services_on(gateway: MemoryGateway) -> Any:
    """The program's services on this store."""
    return lambda settings: Services(settings, open_gateway=lambda: gateway)
