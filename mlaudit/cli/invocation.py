"""One call of the program: its settings, its services, and the global options every command takes.

The global options stand on the program and on every command. What is given after the command wins; switches add up.
:func:`register` gives a function those options, so that no command declares them itself.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, cast
from weakref import WeakSet

import typer

from mlaudit.cli import output
from mlaudit.cli.completion import complete
from mlaudit.config.settings import Reader, Settings
from mlaudit.domain.errors import DeadlineExceeded, MlauditError
from mlaudit.services.experiments import ListExperiments
from mlaudit.services.requests import Request

if TYPE_CHECKING:
    from mlaudit.domain.models import StoreInfo
    from mlaudit.services.experiments import ExperimentList
    from mlaudit.wiring import Services
    from mlaudit.worker.spawn import Begun

T = TypeVar("T")

FIRST_ANSWER = 20.0
"""Seconds until the first answer of a store, the import of MLflow included."""

TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        metavar="URI",
        help="The store: a server's http(s) URL, sqlite:///FILE, postgresql://... or a directory."
        " Default: MLFLOW_TRACKING_URI, else what lies in this directory.",
        show_default=False,
    ),
]
RegistryUri = Annotated[
    str | None,
    typer.Option(
        "--registry-uri",
        metavar="URI",
        help="The model registry, where it is not the tracking store. Default: MLFLOW_REGISTRY_URI.",
        show_default=False,
    ),
]
PolicyPath = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="The policy that judges. Default: mlaudit.toml, or [tool.mlaudit] of pyproject.toml, searched upwards"
        " from this directory.",
        show_default=False,
    ),
]
ReaderChoice = Annotated[
    Reader | None,
    typer.Option(
        "--reader",
        help="What reads a database store: mlaudit's own reader, or MLflow's client. Default: sql.",
        show_default=False,
    ),
]
ReadOnlySwitch = Annotated[bool, typer.Option("--read-only", help="Refuse everything that would change the store.")]
TracebackSwitch = Annotated[bool, typer.Option("--traceback", help="Show where in the program an error comes from.")]

_GLOBALS: dict[str, tuple[Any, Any]] = {
    "tracking_uri": (TrackingUri, None),
    "registry_uri": (RegistryUri, None),
    "policy": (PolicyPath, None),
    "reader": (ReaderChoice, None),
    "read_only": (ReadOnlySwitch, False),
    "traceback": (TracebackSwitch, False),
}


class Invocation:
    """``typer.Context.obj`` of every command."""

    def __init__(
        self, services_factory: Callable[[Settings], Services] | None = None, begun: Begun | None = None
    ) -> None:
        """``services_factory`` replaces :class:`mlaudit.wiring.Services` (tests hand in one on the in-memory store).

        ``begun``: a worker for the app, should it be opened.
        """
        self.settings = Settings()
        self._asked: WeakSet[Asked[Any]] = WeakSet()
        """What was asked, as long as anybody knows of it; its own thread does while it is under way."""
        self.begun = begun
        self._factory = services_factory
        self._services: Services | None = None
        self._store = "the store"

    def merge(
        self,
        *,
        tracking_uri: str | None = None,
        registry_uri: str | None = None,
        policy: str | None = None,
        reader: Reader | None = None,
        read_only: bool = False,
        traceback: bool = False,
    ) -> None:
        """Take global options; what is given replaces what was given before."""
        old = self.settings
        self.settings = replace(
            old,
            tracking_uri=tracking_uri if tracking_uri is not None else old.tracking_uri,
            registry_uri=registry_uri if registry_uri is not None else old.registry_uri,
            policy_path=policy if policy is not None else old.policy_path,
            reader=reader if reader is not None else old.reader,
            read_only=old.read_only or read_only,
            traceback=old.traceback or traceback,
        )

    def connect(self) -> ExperimentList:
        """The store's first answer, within :data:`FIRST_ANSWER` seconds. Raises MlauditError.

        Asked before long requests, so that a server that hangs is found out by a short wait. What the store's
        user should know goes to stderr.
        """
        answer = self.ask(ListExperiments(), deadline=FIRST_ANSWER)
        self.announce(answer.store)
        return answer

    def announce(self, store: StoreInfo) -> None:
        """Remember which store this is, for errors, and say on stderr what its user should know."""
        self._store = store.uri
        for note in store.notes:
            output.say(f"mlaudit: {note}")

    def ask(self, request: Request[T], *, deadline: float | None = None) -> T:
        """The answer to a request, within ``deadline`` seconds of wall clock (the request's own when None).

        Raises MlauditError, DeadlineExceeded among them.
        """
        return self.begin(request, deadline=deadline).answer()

    def begin(self, request: Request[T], *, deadline: float | None = None) -> Asked[T]:
        """Ask, and go on; the deadline counts from now."""
        if self._services is None:
            # Here and not above: wiring reaches for the gateway, and --help needs none of it.
            from mlaudit.wiring import Services

            self._services = (self._factory or Services)(self.settings)
        seconds = request.deadline if deadline is None else deadline
        asked = Asked(self._services, self._store, request, seconds)
        self._asked.add(asked)
        return asked

    @property
    def abandoned(self) -> bool:
        """Whether a request is still under way: its thread may hang, and a normal exit might wait for it."""
        return not all(asked.done for asked in self._asked)


class Asked(Generic[T]):
    """A request under way."""

    def __init__(self, services: Services, store: str, request: Request[T], deadline: float) -> None:
        """Asks. ``deadline`` in seconds from now."""
        self._services, self._store, self._request = services, store, request
        self._deadline, self._until = deadline, time.monotonic() + deadline
        self._answers: list[T] = []
        self._failures: list[BaseException] = []
        self._done = threading.Event()
        # A daemon thread: MLflow's client cannot be interrupted, and a store that drips never times out by itself.
        threading.Thread(target=self._work, daemon=True, name=f"ask {type(request).__name__}").start()

    def _work(self) -> None:
        try:
            self._answers.append(self._services.handle(self._request))
        except BaseException as problem:  # noqa: BLE001  it is raised again in the waiting thread
            self._failures.append(problem)
        finally:
            self._done.set()

    def answer(self) -> T:
        """Wait for it. Raises MlauditError, DeadlineExceeded among them."""
        if not self._done.wait(max(0.0, self._until - time.monotonic())):
            raise DeadlineExceeded(self._store, self._request.what, self._deadline, self._request.writes)
        if self._failures:
            raise self._failures[0]
        return self._answers[0]

    @property
    def done(self) -> bool:
        """Whether it has been answered, or has failed."""
        return self._done.is_set()


def invocation(ctx: typer.Context) -> Invocation:
    """This call's settings and services."""
    return cast(Invocation, ctx.obj)


def with_globals(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with the global options added to its own; they are merged into ``ctx.obj`` before it is called.

    It needs no ``ctx`` parameter, and one of its own parameters may bear a global option's name.
    """
    signature = inspect.signature(function, eval_str=True)
    own = dict(signature.parameters)
    wants_context = "ctx" in own
    added = {name: declared for name, declared in _GLOBALS.items() if name not in own}

    def command(ctx: typer.Context, **given: Any) -> Any:
        shared = {name: given.pop(name) for name in added}
        invocation(ctx).merge(**shared)
        return function(ctx=ctx, **given) if wants_context else function(**given)

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("ctx", kind, annotation=typer.Context)]
    parameters += [p.replace(kind=kind) for name, p in own.items() if name != "ctx"]
    parameters += [inspect.Parameter(n, kind, annotation=a, default=d) for n, (a, d) in added.items()]
    complete(parameters)
    # Typer looks at the signature and, in some versions, at the annotations.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__name__, command.__doc__, command.__module__ = function.__name__, function.__doc__, function.__module__
    return command


def register(app: typer.Typer, function: Callable[..., Any], **settings: Any) -> None:
    """Add a command with the global options. It returns its exit code, or None for 0."""
    app.command(**settings)(with_globals(function))


def group(purpose: str) -> typer.Typer:
    """A command that has commands of its own; it takes the global options as well, before them."""
    made = typer.Typer(rich_markup_mode=None, add_completion=False, help=purpose)

    def options() -> None:
        pass

    made.callback()(with_globals(options))
    return made


def describe_failure(problem: Exception) -> tuple[str, int]:
    """One line for stderr, and the exit code, for any exception that ends a command."""
    if isinstance(problem, MlauditError):
        advice = f"; {problem.advice}" if problem.advice else ""
        return f"{problem.message()}{advice}", problem.exit_code
    # Only the type: an unforeseen exception's text may hold a URI with a password.
    return f"internal error (this is a bug): {type(problem).__name__}; see --traceback", 5
