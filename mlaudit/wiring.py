"""Composition root: settings -> gateway, policy and services.

The command line calls :class:`Services` directly; the screen reaches the same class in the worker process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mlaudit.config.settings import Reader, Settings
from mlaudit.domain.errors import MlauditError, ReadOnly
from mlaudit.domain.models import StoreKind
from mlaudit.domain.text import clean
from mlaudit.gateway.redaction import redact, redact_address
from mlaudit.services.requests import Progress, Request
from mlaudit.services.surroundings import Surroundings

if TYPE_CHECKING:
    from mlaudit.config.policy import Policies
    from mlaudit.gateway.base import Gateway

__all__ = [
    "Services",
    "import_ahead",
    "mend_store",
    "open_quickly",
    "open_store",
    "redact",
    "shown_store",
    "training_environment",
]

T = TypeVar("T")


def _silent(_message: str) -> None:
    """Progress that nobody watches."""


def open_store(settings: Settings) -> Gateway:
    """The store that the settings name. Raises NoStore, NotAStore, SchemaMismatch, StoreUnavailable, PermissionDenied.

    Looks first and imports MLflow only for a store that it may be handed; for looking at a database, not at all.
    """
    from mlaudit.gateway.uri import resolve

    store = resolve(settings.tracking_uri, settings.registry_uri)
    from mlaudit.gateway.sql_gateway import SQL_KINDS, SqlGateway

    if settings.reader is Reader.SQL and SQL_KINDS & {store.tracking.kind, store.registry.kind}:
        return SqlGateway(store, writable=not settings.read_only)
    from mlaudit.gateway.mlflow_gateway import MlflowGateway

    return MlflowGateway(store, writable=not settings.read_only)


def import_ahead() -> None:
    """Import what opens a database, before it is known that one is to be opened; a tenth of a second."""
    import mlaudit.gateway.sql_gateway  # noqa: F401


def open_quickly(settings: Settings) -> Gateway | None:
    """The store for a look in passing: a database, without MLflow; None for any other. Raises as :func:`open_store`."""
    from mlaudit.gateway.uri import resolve

    store = resolve(settings.tracking_uri, settings.registry_uri)
    from mlaudit.gateway.sql_gateway import SQL_KINDS, SqlGateway

    return SqlGateway(store, writable=False) if {store.tracking.kind, store.registry.kind} <= SQL_KINDS else None


def mend_store(settings: Settings) -> tuple[str, ...]:
    """Undo what a killed writer left half written in a SQLite file; returns the stores in which that was done.

    For recovery only, since looking never changes a file. Raises ReadOnly, NoStore, NotAStore, StoreLocked.
    """
    from mlaudit.gateway.sqlite_mend import mend
    from mlaudit.gateway.uri import places

    if settings.read_only:
        raise ReadOnly("recovery", "mlaudit was started with --read-only")
    found = places(settings.tracking_uri, settings.registry_uri)
    return tuple(p.shown for p in found if p.kind is StoreKind.SQLITE and p.path is not None and mend(p.path, p.shown))


def shown_store(settings: Settings) -> str:
    """The store's URI without credentials, for errors; does not touch the store, and never raises."""
    from mlaudit.gateway.uri import locate

    uri = settings.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    try:
        return locate(uri).shown if uri else "the store in this directory"
    except MlauditError:
        return clean(redact_address(uri))


def training_environment(settings: Settings) -> dict[str, str]:
    """The environment of a training: the user's, with the absolute place of this store. Raises NoStore, NotAStore.

    Does not look at the store, which is open already: that could cost a promotion under way its locks on it.
    Not among the training's arguments, which everybody on the machine may read: the URI may hold a password.
    """
    from mlaudit.gateway.environment import child_environment
    from mlaudit.gateway.uri import places

    found = places(settings.tracking_uri, settings.registry_uri)
    environment = child_environment()
    if any(place.kind is StoreKind.FILES for place in found):
        # MLflow opens directories only where it is told to; a script need not know that it will be handed one.
        environment.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    return environment | {"MLFLOW_TRACKING_URI": found[0].uri, "MLFLOW_REGISTRY_URI": found[-1].uri}


class Services:
    """Answers requests on one store. Safe to call from several threads; the gateway is opened by the first request."""

    def __init__(self, settings: Settings, open_gateway: Callable[[], Gateway] | None = None) -> None:
        """``open_gateway`` replaces the store that the settings name (tests hand in the in-memory one)."""
        self.settings = settings
        self._open_gateway = open_gateway or (lambda: open_store(settings))
        self._opening = threading.Lock()
        self._gateway: Gateway | None = None
        self._failure: MlauditError | None = None
        """Why the store could not be opened the last time that it was tried."""
        self.surroundings = Surroundings.real()
        self.mends = open_gateway is None
        """Whether the store is the one that the settings name, whose file recovery may mend."""
        self._importing = threading.Lock()
        self._answers: dict[type[Request[Any]], _Answer] = {}
        """How requests are answered, as far as one of their kind has been asked."""

    @property
    def gateway(self) -> Gateway:
        """The store. Raises NoStore, NotAStore, SchemaMismatch, StoreUnavailable."""
        # Opened once, by whichever thread asks first; others wait and share its failure, since trying after it would
        # double the wait for a server that hangs. Whoever asks later tries anew.
        before = self._failure
        with self._opening:
            if self._gateway is None:
                if self._failure is not None and self._failure is not before:
                    raise self._failure
                try:
                    self._gateway = self._open_gateway()
                except MlauditError as error:
                    self._failure = error
                    raise
            return self._gateway

    @property
    def policies(self) -> Policies:
        """The team's policies, read anew for each judgement: the file may change while the app is open.

        Raises PolicyError.
        """
        from mlaudit.config.policy import load_policies

        return load_policies(self.settings.policy_path)

    def warm_up(self) -> None:
        """Open the store before it is asked for anything. Raises MlauditError."""
        _ = self.gateway

    def handle(self, request: Request[T], progress: Progress = _silent) -> T:
        """The answer to a request. Raises MlauditError; anything else is a defect."""
        if request.writes and self.settings.read_only:
            raise ReadOnly(request.what, "mlaudit was started with --read-only")
        progress(request.what)
        kind: type[Request[Any]] = type(request)
        answer = self._answers.get(kind)
        if answer is None:
            # Only who asks for something new waits for an import.
            with self._importing:
                if kind not in self._answers:
                    self._answers = _answers_for(kind, self) | self._answers
                answer = self._answers[kind]
        return cast(T, answer(request))


_Answer = Callable[[Any], Any]
_Answers = dict[type[Request[Any]], _Answer]


def _answers_for(kind: type[Request[Any]], its: Services) -> _Answers:
    """How the services of one group answer, that kind among them; what they need is imported now.

    Importing all of them takes longer than opening a database of 100,000 runs, and the first answer would wait for it.
    Raises LookupError.
    """
    home = kind.__module__.rpartition(".")[2]
    found = next((answers for homes, answers in _GROUPS if home in homes), None)
    if found is None:
        raise LookupError(f"no group answers the requests of {kind.__module__}")
    return found(its)


def _looking(its: Services) -> _Answers:
    from mlaudit.services import experiments, runs

    return {
        experiments.ListExperiments: lambda r: experiments.list_experiments(its.gateway, r),
        experiments.ResolveExperiments: lambda r: experiments.resolve_experiments(its.gateway, r),
        runs.SearchRuns: lambda r: runs.search_runs(its.gateway, r),
        runs.GetRunDetails: lambda r: runs.get_run_details(its.gateway, r),
        runs.ListArtifacts: lambda r: runs.list_artifacts(its.gateway, r),
    }


def _looking_closer(its: Services) -> _Answers:
    from mlaudit.services import code, download, history, metrics, preview, run_environment

    downloads = download.Downloads(lambda: its.gateway)
    return {
        preview.PreviewArtifact: lambda r: preview.preview_artifact(its.gateway, r),
        download.StartDownload: downloads.start,
        download.PollDownload: downloads.poll,
        download.CancelDownload: downloads.cancel,
        metrics.SummarizeMetrics: lambda r: metrics.summarize_metrics(its.gateway, r),
        metrics.FindDirections: lambda r: metrics.find_directions(its.gateway, its.policies, r),
        run_environment.FindEnvironment: lambda r: run_environment.find_environment(its.gateway, r),
        history.GetHistory: lambda r: history.get_history(its.gateway, r),
        code.DescribeCode: code.describe_code,
    }


def _judging(its: Services) -> _Answers:
    from mlaudit.services import calibrate, compare, policy_facts, reference, triage

    return {
        compare.CompareRun: lambda r: compare.compare_run(its.gateway, its.policies, r),
        policy_facts.DescribeModel: lambda r: policy_facts.describe_model(its.gateway, r),
        calibrate.CalibrateModel: lambda r: calibrate.calibrate_model(its.gateway, its.policies, r),
        reference.FindReference: lambda r: reference.find_reference(its.gateway, its.policies, r),
        triage.JudgeRuns: lambda r: triage.judge_runs(its.gateway, its.policies, r),
    }


def _who(its: Services) -> _Answers:
    from mlaudit.services import identity

    return {identity.IdentifyUser: lambda _: identity.identify(its.gateway, its.surroundings)}


def _registry(its: Services) -> _Answers:
    from mlaudit.services import audit_trail, promote, record_text, recovery, registry

    return {
        registry.ListModels: lambda r: registry.list_models(its.gateway, lambda: its.policies, r),
        registry.SummarizeModels: lambda r: registry.summarize_models(its.gateway, r),
        promote.PlanPromotion: lambda r: promote.plan_promotion(its.gateway, its.policies, r),
        promote.PlanRollback: lambda r: promote.plan_rollback(its.gateway, r),
        promote.ExecutePromotion: lambda r: promote.execute_promotion(its.gateway, its.policies, its.surroundings, r),
        audit_trail.ReadHistory: lambda r: audit_trail.history_of(its.gateway, r),
        record_text.ReadRecord: lambda r: record_text.read_record_text(its.gateway, r),
        recovery.MendStore: lambda _: mend_store(its.settings) if its.mends else (),
        recovery.InspectIntents: lambda r: recovery.inspect_intents(its.gateway, its.surroundings, r),
        recovery.RecoverIntents: lambda r: recovery.recover_intents(its.gateway, its.surroundings, r),
    }


def _training(its: Services) -> _Answers:
    from mlaudit.config.bundled import demo_dir
    from mlaudit.config.places import log_dir
    from mlaudit.config.policy import load_scripts
    from mlaudit.services import launcher, training_script

    trainings = launcher.Launcher(
        lambda: its.gateway,
        lambda: training_environment(its.settings),
        lambda: training_script.scripts_here(load_scripts(its.settings.policy_path), demo_dir),
        log_dir,
    )
    return {
        launcher.DescribeTraining: trainings.describe,
        launcher.StartTraining: trainings.start,
        launcher.PollTraining: trainings.poll,
        launcher.StopTraining: trainings.stop,
    }


_GROUPS: tuple[tuple[tuple[str, ...], Callable[[Services], _Answers]], ...] = (
    (("experiments", "runs"), _looking),
    (("preview", "download", "metrics", "run_environment", "history", "code"), _looking_closer),
    (("compare", "policy_facts", "calibrate", "reference", "triage"), _judging),
    (("identity",), _who),
    (("registry", "promotion_plan", "promote", "audit_trail", "record_text", "recovery"), _registry),
    (("training",), _training),
)
"""The modules whose requests a group answers, and what does it."""
