"""``mlaudit demo``: a store of really trained models to look at, and the app on it.

The work is done by seed.py of the bundled demo in a process of its own, which reports by JSON lines; this command shows
how far it is, passes on an interruption, and opens the app.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import IO, Annotated, Any

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import invocation
from mlaudit.config.bundled import demo_dir
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import MissingExtra, MlauditError, UsageError
from mlaudit.domain.text import clean

POLICY = "mlaudit.toml"
PATIENCE = 15.0
"""Seconds that an interrupted build gets to clear away what it began."""

Show = Callable[[int, int, str], None]
"""Shows progress: how many trainings are done, how many there are, what goes on."""


class DemoFailed(MlauditError):
    """The demo store could not be built; exit code 5."""


def demo(
    ctx: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the store is, or is built. Everything stays in it.")
    ] = Path("mlaudit-demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Rebuild a demo store that is there.")] = False,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the app on the store.")] = True,
) -> int:
    """Build a store by training 15 small models on synthetic data (about a minute), and open the app on it.

    A store that is there is reused. The last line on stdout is its URI, for --tracking-uri.
    """
    settings = invocation(ctx).settings
    if settings.tracking_uri or settings.registry_uri:
        raise UsageError("mlaudit demo has a store of its own; leave out --tracking-uri and --registry-uri")
    if fresh and settings.read_only:
        raise UsageError("--fresh rebuilds the store, and --read-only forbids it")
    uri = ensure_store(directory, fresh)
    policy = settings.policy_path or str(directory.resolve() / POLICY)
    code = 0
    if open_ and output.has_terminal():
        code = _open(replace(settings, tracking_uri=uri, registry_uri=uri, policy_path=policy))
    again = ["mlaudit", "--tracking-uri", uri, "--policy", policy]
    output.say(f"open it {'again ' if open_ else ''}with: {clean(shlex.join(again))}")
    output.data(uri)
    return code


def _open(settings: Settings) -> int:
    from mlaudit.cli.main import open_app

    return open_app(settings)


def ensure_store(directory: Path, fresh: bool = False) -> str:
    """The URI of a complete demo store in the directory, built now unless it is there.

    Raises MissingExtra, UsageError (the directory holds something else), DemoFailed; KeyboardInterrupt and SystemExit
    after the unfinished build was cleared away.
    """
    script = demo_dir() / "seed.py"
    command = [sys.executable, "-B", str(script), str(directory), *(["--fresh"] if fresh else [])]
    # In a session of its own, so that Ctrl-C reaches it once, from here, and not a second time from the terminal.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors, _ending_on_signals():
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            with _progress() as show:
                uri, remark = _follow(process, errors, directory, show)
        except BaseException:
            _stop(process)
            raise
    # Not above: the bar takes what is written beside it away with itself.
    output.say(remark)
    return uri


def _follow(process: subprocess.Popen[str], errors: IO[str], directory: Path, show: Show) -> tuple[str, str]:
    """Read the build's events to the end; returns the store's URI and how it came about, in words.

    Raises MissingExtra, UsageError, DemoFailed.
    """
    assert process.stdout is not None
    uri = remark = problem = ""
    for line in process.stdout:
        event = _event(line)
        match event.get("event"):
            case "start":
                show(0, int(event["runs"]), "loading PyTorch and MLflow")
            case "run":
                number, of = int(event["number"]), int(event["of"])
                show(number - 1, of, f"training {number} of {of}: {clean(str(event['name']))}")
            case "reuse":
                uri = str(event["uri"])
                remark = f"reusing the demo store in {clean(str(directory))} (rebuild it with --fresh)"
            case "done":
                uri = str(event["uri"])
                remark = f"built the demo store in {clean(str(directory))} in {event['seconds']} s"
            case "missing":
                raise MissingExtra(str(event["package"]), "train", "building the demo store")
            case "error":
                problem = str(event["message"])
            case _:
                pass
    code = process.wait()
    if code == 0 and uri:
        return uri, remark
    if code == UsageError.exit_code and problem:
        raise UsageError(problem)
    raise DemoFailed(f"the demo store could not be built: {problem or _last_words(errors, code)}")


def _event(line: str) -> dict[str, Any]:
    """One line of the build's output; empty when it is no event."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _last_words(errors: IO[str], code: int) -> str:
    """The last line that a failed build wrote to stderr, or its exit code."""
    errors.seek(0)
    lines = errors.read().strip().splitlines()
    return clean(lines[-1]) if lines else f"seed.py ended with exit code {code}"


def _stop(process: subprocess.Popen[str]) -> None:
    """End the build, letting it clear away what it began; returns when it is gone."""
    if process.poll() is not None:
        return
    for number, seconds in ((signal.SIGINT, PATIENCE), (signal.SIGTERM, 5.0), (signal.SIGKILL, None)):
        process.send_signal(number)
        try:
            # Its output is read to the end: a full pipe would hold it up.
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            continue
        return


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit inside the block, so that the build is ended along with this process."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    try:
        previous = {number: signal.signal(number, end) for number in numbers}
    except ValueError:
        # Not in the main thread: somebody else's signals.
        yield
        return
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _progress() -> Iterator[Show]:
    """A way to show progress on stderr: a bar on a terminal, a line a run anywhere else."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _done, _of, what: output.say(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task: Any = None

        def show(done: int, of: int, what: str) -> None:
            nonlocal task
            if task is None:
                # Only now: a store that is reused needs no bar.
                task = bar.add_task("", total=of)
            bar.update(task, completed=done, description=what)

        yield show
