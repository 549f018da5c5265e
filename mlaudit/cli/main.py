"""The command ``mlaudit``: without a command it opens the app, with one it asks the same services.

Nothing heavy is imported here: ``mlaudit --help`` loads neither mlflow nor textual, pandas or torch, and the app loads
no command.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlaudit import __version__
from mlaudit.cli import output
from mlaudit.cli.commands import Commands
from mlaudit.cli.invocation import Invocation, describe_failure, invocation, with_globals
from mlaudit.cli.output import ExitCode
from mlaudit.config.settings import Settings
from mlaudit.domain.errors import FilterError, UsageError
from mlaudit.domain.text import clean

if TYPE_CHECKING:
    from mlaudit.wiring import Services
    from mlaudit.worker.spawn import Begun

# The base of all errors in the arguments. Typer brings its own copy of click, which has no public name.
_ArgumentError: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

NoRestoreSwitch = Annotated[
    bool, typer.Option("--no-restore", help="Begin with the experiments, not where you were in this store last.")
]
SlowSwitch = Annotated[bool, typer.Option("--slow", help="For thin links: fewer frames, no animations.")]

app = typer.Typer(
    name="mlaudit",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        output.data(f"mlaudit {__version__}")
        raise typer.Exit


def root(
    ctx: typer.Context,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    slow: SlowSwitch = False,
    no_restore: NoRestoreSwitch = False,
) -> int | None:
    """May this model replace the one in production? Without a command: opens the app in this terminal.

    The options of the program may also stand after the command.
    """
    if ctx.invoked_subcommand is not None:
        for name, given in (("--slow", slow), ("--no-restore", no_restore)):
            if given:
                raise UsageError(f"{name} is for the app; this command has no screen")
        return None
    if not output.has_terminal():
        raise UsageError(
            "the app needs a terminal on stdin, stdout and stderr; without one use"
            " mlaudit experiments, runs, show, diff or promote"
        )
    call = invocation(ctx)
    return open_app(call.settings, slow=slow, restore=not no_restore, begun=call.begun)


def open_app(settings: Settings, *, slow: bool = False, restore: bool = True, begun: Begun | None = None) -> int:
    """Open the app on the store that the settings name; returns the exit code it ended with. Needs a terminal.

    ``begun``: the worker, where there is one already.
    """
    settings = with_personal(settings, slow=slow, restore=restore)
    # Read by Textual when it is imported. After a frame it waits for up to two periods before the next one, also where
    # a key was pressed meanwhile: at its 60 a second one key of 100 took 55 ms while pages came in, now 34 ms. Nothing
    # is painted more often for it, since what changes by itself has periods of its own.
    os.environ.setdefault("TEXTUAL_FPS", "10" if settings.slow else "240")
    if settings.slow:
        os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    # A store on this machine that is not there is told at once, on one line, and not in an empty screen.
    from mlaudit.gateway.uri import check_here

    check_here(settings.tracking_uri, settings.registry_uri)
    from mlaudit.worker.log_file import new_log_path
    from mlaudit.worker.messages import Hello
    from mlaudit.worker.spawn import begin

    log_path = begun.log_path if begun else new_log_path()
    # Before the screen is imported: both processes import at the same time.
    begun = begun or begin(log_path)
    if begun is not None:
        begun.greet(Hello(settings, log_path))
    from mlaudit.tui.app import MlauditApp
    from mlaudit.worker.process import WorkerProcess

    backend = WorkerProcess(settings, log_path, begun=begun)
    screens = MlauditApp(backend, settings, log_path=backend.log_path)
    screens.run()
    return screens.return_code or 0


def with_personal(settings: Settings, *, slow: bool = False, restore: bool = True) -> Settings:
    """The settings with what the user's own file adds; what was given on the command line goes first."""
    from mlaudit.config.personal import read_personal

    personal = read_personal()
    return replace(
        settings,
        slow=slow or personal.slow,
        restore=personal.restore and restore,
        theme=personal.theme,
        keys=dict(personal.keys),
        trainings_at_once=personal.trainings_at_once,
        problems=personal.problems,
    )


app.callback(invoke_without_command=True)(with_globals(root))


def program() -> Any:
    """The whole command line as Typer makes it; its commands are imported as they are asked for."""
    group: Any = typer.main.get_command(app)
    group.commands = Commands()
    return group


def main(arguments: Sequence[str] | None = None, services_factory: Callable[[Settings], Services] | None = None) -> int:
    """Do what the arguments (default: the program's own) say; returns the exit code. Writes to stdout and stderr."""
    return _run(Invocation(services_factory), arguments)


def _run(call: Invocation, arguments: Sequence[str] | None) -> int:
    output.survive_encodings()
    try:
        code: Any = program().main(
            args=list(sys.argv[1:] if arguments is None else arguments),
            prog_name="mlaudit",
            standalone_mode=False,
            obj=call,
        )
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except _ArgumentError as problem:
        # Its hints come on lines of their own; output.error makes it one line.
        output.error(f"{getattr(problem, 'format_message', problem.__str__)()} (see mlaudit --help)")
        code = ExitCode.USAGE
    except Exception as problem:  # noqa: BLE001  the one place where errors become a line and an exit code
        if call.settings.traceback:
            # It quotes what a store or a server has said, and URIs with their passwords.
            from mlaudit.gateway.redaction import redact

            trace = redact("".join(traceback.format_exception(problem)))
            output.say(clean(trace, max_length=len(trace), keep_newlines=True).rstrip())
        line, code = describe_failure(output.without_room(problem) or problem)
        output.error(line)
        if isinstance(problem, FilterError):
            from mlaudit.cli.filters import caret_lines

            if place := caret_lines(problem):
                output.say(place)
    if code == ExitCode.INTERRUPTED:
        output.say("mlaudit: interrupted")
    return int(code or 0)


def run(begun: Begun | None = None) -> None:
    """The console script: ends the process with the exit code. ``begun``: a worker for the app, should it be that."""
    call = Invocation(begun=begun)
    code = _run(call, None)
    if call.abandoned:
        # A thread still waits for the store, and the interpreter's exit would wait for MLflow's thread pools.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    # The interpreter's last collection would look through all that was imported, a tenth of a short command's time.
    gc.freeze()
    sys.exit(code)
