"""``mlaudit train``: the training script in the foreground, with its options checked before anything starts.

Signals are noted and looked at between two steps, never raised in the middle of one: a training that has just been
started must not be lost sight of.
"""

from __future__ import annotations

import codecs
import shlex
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Self

import typer

from mlaudit.cli import output
from mlaudit.cli.invocation import Invocation, invocation, register
from mlaudit.domain.errors import ReadOnly, StoreError, UsageError
from mlaudit.domain.text import clean
from mlaudit.domain.training import BUNDLED, NO_RUN

if TYPE_CHECKING:
    from mlaudit.domain.training import TrainingScript
    from mlaudit.services.launcher import Training, TrainingStatus

_CONTEXT_SETTINGS = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    # --help lists the script's own options too, so it is answered here.
    "help_option_names": [],
}
PAUSE = 0.1
"""Seconds between two looks at the training."""
_CHUNK = 65_536


class _Interrupts:
    """Takes note of SIGINT, SIGTERM and SIGHUP inside a ``with`` block."""

    def __init__(self) -> None:
        self.number = 0
        """The first that came; 0 for none."""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.number = self.number or number


def train(
    ctx: typer.Context,
    script_name: Annotated[
        str | None,
        typer.Option(
            "--script",
            metavar="NAME",
            help="Which [train.NAME] of mlaudit.toml. Default: the only one; the bundled script where there is none.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Train with a script that mlaudit.toml declares, else the bundled one; its own options follow, see --help.

    The script's output goes to stderr, the id of the run to stdout. ctrl+c stops the training; its run is KILLED.
    """
    from mlaudit.config.launch_memory import Launch, LaunchMemory
    from mlaudit.services.launcher import DescribeTraining, StartTraining
    from mlaudit.services.training_script import cannot_run, choose_script

    call = invocation(ctx)
    scripts = call.ask(DescribeTraining())
    if {"-h", "--help"} & set(ctx.args):
        shown = scripts if script_name is None else (choose_script(scripts, script_name),)
        output.data("\n\n".join((ctx.get_help(), *(_options_help(s, len(scripts) > 1) for s in shown))))
        return 0
    script = choose_script(scripts, script_name)
    values = tuple(_values(script, ctx.args))
    command = script.argv(values)
    if call.settings.read_only:
        raise ReadOnly("training", "mlaudit was started with --read-only")
    if script.missing:
        raise cannot_run(script)
    memory = LaunchMemory(call.connect().store.uri)
    if script.key != BUNDLED:
        output.say(f"mlaudit: {script.source} has it run, in {clean(script.directory)}: {clean(shlex.join(command))}")
    with _Interrupts() as interrupts:
        training = call.ask(StartTraining(values, script.key, command, script.directory))
        memory.remember(Launch(training.launch_id, training.started, script.key, tuple(script.check(values).items())))
        output.say(f"mlaudit: training, process {training.pid}; its output is kept in {training.log_path}")
        status = _watch(call, training, interrupts)
    memory.settle(training.launch_id, status.run_id, status.run_status or f"exit code {status.exit_code}")
    for problem in filter(None, (status.problem, memory.problem)):
        output.say(f"mlaudit: {problem}")
    if status.run_id:
        output.data(status.run_id)
        if status.more_runs:
            more = status.more_runs if status.more_runs > 0 else "many"
            output.say(f"mlaudit: the script has recorded {more} more; this is the first that it began")
    elif not status.problem:
        output.say(f"mlaudit: {NO_RUN}")
    if interrupts.number:
        return 128 + interrupts.number
    code = status.exit_code or 0
    return 128 - code if code < 0 else code


def _watch(call: Invocation, training: Training, interrupts: _Interrupts) -> TrainingStatus:
    """Pass the output through until the training has ended, by itself or because it was interrupted."""
    from mlaudit.services.launcher import PollTraining, StopTraining

    with open(training.log_path, "rb") as log:
        relay = _relay(log)
        while not interrupts.number and call.ask(PollTraining(training, with_run=False)).running:
            relay()
            time.sleep(PAUSE)
        try:
            if interrupts.number:
                relay()
                output.say("mlaudit: stopping the training; this takes 15 seconds at most")
                return call.ask(StopTraining(training))
            status = call.ask(PollTraining(training))
            if status.run_status in {"RUNNING", "SCHEDULED"}:
                # Its process died without a word to the store.
                status = call.ask(StopTraining(training))
        except StoreError as problem:
            # The store hangs. How the process ended is known all the same, and its run by what it has written.
            return replace(call.ask(PollTraining(training, with_run=False)), problem=problem.message())
        finally:
            relay(final=True)
    return status


def _relay(log: BinaryIO) -> Callable[..., None]:
    """A function that writes to stderr what has been added to the file since."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def relay(final: bool = False) -> None:
        while chunk := log.read(_CHUNK):
            output.relay(decoder.decode(chunk))
        if final:
            output.relay(decoder.decode(b"", final=True))

    return relay


def _values(script: TrainingScript, arguments: Sequence[str]) -> list[tuple[str, str]]:
    """``--name value``, ``--name=value`` and ``--switch`` as pairs. Raises UsageError; values are not checked yet."""
    kinds = {p.name: p.type for p in script.parameters}
    values: list[tuple[str, str]] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name:
            raise UsageError(f"unexpected argument {word!r}; options are given as --name value (see mlaudit train -h)")
        if name not in kinds:
            raise UsageError(f"no such option: --{name} (see mlaudit train --help)")
        if name in dict(values):
            raise UsageError(f"--{name} is given twice")
        if not equals:
            if kinds[name] == "bool":
                value = "true"
            elif not rest or (rest[0].startswith("--") and rest[0][2:].partition("=")[0] in kinds):
                raise UsageError(f"--{name} needs a value")
            else:
                value = rest.pop(0)
        values.append((name, value))
    return values


def _options_help(script: TrainingScript, named: bool) -> str:
    """The script's options, one or two lines each; ``named``: with how it is chosen."""
    lines = [f"Options of {script.name}{f' (--script {script.key})' if named else ''}:"]
    if not script.parameters:
        lines.append("  it has none")
    for p in script.parameters:
        heading = f"  --{p.name}" + ("" if p.type == "bool" else f" {p.type.upper()}")
        facts = [] if p.type in {"bool", "str"} else [p.allowed]
        if p.default and p.type != "bool":
            facts.append(f"default {p.default}")
        lines += [heading, f"      {p.help}{' [' + '; '.join(facts) + ']' if facts else ''}"]
    if script.missing:
        lines += ["", f"It cannot run here: {script.missing}"]
    return "\n".join(lines)


app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
register(app, train, context_settings=_CONTEXT_SETTINGS)
