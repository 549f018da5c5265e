"""The exception tree. Each class formats its own message: one printable line, saying what to do where that is known.

* MlauditError
    * UsageError                  the request is wrong: exit code 2
        * PolicyError
        * FilterError
        * RunNotFound
        * RunDeleted
        * AmbiguousRunId
        * ExperimentNotFound
        * ModelNotFound
        * VersionNotFound
        * AmbiguousModel
        * MetricNotFound
        * BaselineSelectorError
        * MissingExtra
        * NoStore
        * ReadOnly
        * DownloadRefused
    * StoreError                  the store or server failed: exit code 5
        * NotAStore
            * ArtifactTooLarge
        * SchemaMismatch
        * StoreUnavailable
        * StoreLocked
        * PermissionDenied
        * BackendCrashed
        * DeadlineExceeded
    * PromotionError
        * NothingToRegister       the run logged no model: exit code 2
        * StalePlan               the registry moved since the plan: exit code 5
        * PromotionConflict       the read-back differs from what was asked: exit code 5
        * PromotionBusy           somebody else's promotion is under way; nothing was changed: exit code 5
        * PromotionAborted        it took too long to be safe; nothing was changed: exit code 5
        * PromotionUnfinished     part of it was done; ``mlaudit recover`` ends it: exit code 5
        * EvidenceError           a record cannot be kept or read: exit code 5
        * NotConfirmed            exit code 2
    * MultipleBaselines           two versions in Production: verdict ERROR, exit code 2

Errors travel from the worker to the screen by pickling, so every ``__init__`` hands all its arguments to ``super``
through ``args``.
"""

from __future__ import annotations

import shlex


class MlauditError(Exception):
    """Root of everything mlaudit raises on purpose."""

    exit_code = 5
    advice = ""
    """What somebody in a shell can do about it; the app has its own ways."""

    def __str__(self) -> str:
        return self.message()

    def message(self) -> str:
        """One printable line."""
        return " ".join(str(a) for a in self.args)


class UsageError(MlauditError):
    """The request is wrong; the same request will fail again."""

    exit_code = 2


class OutputFailed(MlauditError):
    """Data could not be written to stdout. ``args``: why, in the system's words."""

    def message(self) -> str:
        return f"cannot write to stdout: {self.args[0]}"


class PolicyError(UsageError):
    """A policy file that cannot be used. ``args``: path, line (0 if unknown), what is wrong."""

    def __init__(self, path: str, line: int, problem: str) -> None:
        super().__init__(path, line, problem)
        self.path, self.line, self.problem = path, line, problem

    def message(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"policy {where}: {self.problem}"


class FilterError(UsageError):
    """A filter or order_by expression that the store rejects.

    ``position`` is the 0-based character where it goes wrong, or -1 where nobody knows.
    """

    what = "filter"

    def __init__(self, expression: str, problem: str, position: int = -1) -> None:
        super().__init__(expression, problem, position)
        self.expression, self.problem, self.position = expression, problem, position

    def message(self) -> str:
        where = f" at character {self.position + 1}" if self.position >= 0 else ""
        return f"bad {self.what}{where}: {self.problem}"


class OrderError(FilterError):
    """An order_by expression that no store takes."""

    what = "order"


class RunNotFound(UsageError):
    """No run has this id or prefix."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id

    def message(self) -> str:
        return f"no run with the id or prefix {self.run_id!r} in this store"


class RunDeleted(UsageError):
    """The run was deleted: it can be looked at, and nothing else."""

    def __init__(self, run_id: str, what: str) -> None:
        """``what`` is refused: ``promoted``."""
        super().__init__(run_id, what)
        self.run_id, self.what = run_id, what

    def message(self) -> str:
        restore = f"mlflow runs restore --run-id {self.run_id}"
        return f"run {self.run_id[:12]} is deleted and cannot be {self.what}; {restore} brings it back"


class AmbiguousRunId(UsageError):
    """Several runs start with this prefix."""

    def __init__(self, prefix: str, run_ids: tuple[str, ...]) -> None:
        super().__init__(prefix, run_ids)
        self.prefix, self.run_ids = prefix, run_ids

    def message(self) -> str:
        shown = ", ".join(self.run_ids[:5]) + (", ..." if len(self.run_ids) > 5 else "")
        return f"{self.prefix!r} is the start of several run ids: {shown}"


class ExperimentNotFound(UsageError):
    """No experiment has this name or id."""

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def message(self) -> str:
        shown = (
            f"; there are: {', '.join(self.known[:8])}{', ...' if len(self.known) > 8 else ''}" if self.known else ""
        )
        return f"no experiment named {self.name!r}{shown}"


class ModelNotFound(UsageError):
    """No registered model has this name."""

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def message(self) -> str:
        shown = (
            f"; there are: {', '.join(self.known[:8])}{', ...' if len(self.known) > 8 else ''}" if self.known else ""
        )
        return f"no registered model named {self.name!r}{shown}"


class VersionNotFound(UsageError):
    """The model has no such version or alias."""

    def __init__(self, model: str, selector: str) -> None:
        super().__init__(model, selector)
        self.model, self.selector = model, selector

    def message(self) -> str:
        return f"model {self.model!r} has no {self.selector}"


class AmbiguousModel(UsageError):
    """It cannot be told which registered model is meant."""

    advice = "name one with --model"

    def __init__(self, run_id: str, choices: tuple[str, ...]) -> None:
        super().__init__(run_id, choices)
        self.run_id, self.choices = run_id, choices

    def message(self) -> str:
        if not self.choices:
            return f"run {self.run_id[:12]} belongs to no registered model and the store has none"
        if len(self.choices) == 1:
            return f"run {self.run_id[:12]} may be a candidate for {self.choices[0]}, but nothing says so"
        return f"run {self.run_id[:12]} may be a candidate for any of {', '.join(self.choices)}"


class MetricNotFound(UsageError):
    """The run never logged this metric."""

    def __init__(self, run_id: str, key: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(run_id, key, known)
        self.run_id, self.key, self.known = run_id, key, known

    def message(self) -> str:
        shown = f"; it has: {', '.join(self.known[:12])}{', ...' if len(self.known) > 12 else ''}" if self.known else ""
        return f"run {self.run_id[:12]} has no metric {self.key!r}{shown}"


class BaselineSelectorError(UsageError):
    """``--against`` or the policy's ``baseline`` has a form that is not known. ``hint`` says what is."""

    def __init__(self, selector: str, hint: str) -> None:
        super().__init__(selector, hint)
        self.selector, self.hint = selector, hint

    def message(self) -> str:
        return f"{self.selector!r} is no baseline: {self.hint}"


class MissingExtra(UsageError):
    """A package that an extra installs is missing."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(package, extra, purpose)
        self.package, self.extra, self.purpose = package, extra, purpose

    def message(self) -> str:
        return f"{self.purpose} needs the package {self.package}: pip install 'mlaudit[{self.extra}]'"


class NoStore(UsageError):
    """No store was named and none lies in the working directory."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.directory = directory

    def message(self) -> str:
        return (
            f"no MLflow store in {self.directory} (neither mlflow.db nor mlruns/); name one with --tracking-uri"
            " or MLFLOW_TRACKING_URI, or build a demo store with: mlaudit demo"
        )


class ReadOnly(UsageError):
    """Something that writes was asked for under ``--read-only`` or on a store that must not be written."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what, self.why = what, why

    def message(self) -> str:
        return f"{self.what} is off: {self.why}"


class DownloadRefused(UsageError):
    """Artifacts cannot be put where they were asked for. ``args``: why, in words."""


class StoreError(MlauditError):
    """The store or the tracking server failed. ``args``: redacted URI, what happened."""

    exit_code = 5

    def __init__(self, uri: str, problem: str) -> None:
        super().__init__(uri, problem)
        self.uri, self.problem = uri, problem

    def message(self) -> str:
        return f"{self.uri}: {self.problem}"


class NotAStore(StoreError):
    """The path or URI is no MLflow store: missing, empty, not SQLite, another program's database, a Git LFS pointer."""


class ArtifactTooLarge(NotAStore):
    """A file that its store can only give as a whole is larger than was wanted. ``args``: URI, path, bytes."""

    def __init__(self, uri: str, path: str, size: int) -> None:
        super().__init__(uri, f"artifact {path!r} is too large to fetch: {size:,} bytes")
        self.args = (uri, path, size)
        self.path, self.size = path, size


class SchemaMismatch(StoreError):
    """The database's schema is older or newer than the installed MLflow's, which would change or refuse it."""


class StoreUnavailable(StoreError):
    """The server or database does not answer."""


class StoreLocked(StoreError):
    """Another process holds the SQLite file's lock."""


class PermissionDenied(StoreError):
    """The server wants other credentials, or the file may not be read."""


class BackendCrashed(StoreError):
    """The worker process ended while a request was under way."""


class DeadlineExceeded(StoreError):
    """No answer within the deadline. ``args``: redacted URI, what was asked, seconds, whether it may have been done."""

    def __init__(self, uri: str, what: str, seconds: float, unknown: bool = False) -> None:
        """``unknown``: it was something that writes, so the store may have been changed all the same."""
        look = "; it may have been done all the same: look again before you repeat it" if unknown else ""
        super().__init__(uri, f"no answer to {what} within {seconds:g} s{look}")
        self.args = (uri, what, seconds, unknown)
        self.what, self.seconds, self.unknown = what, seconds, unknown


class PromotionError(MlauditError):
    """A promotion that was not done, or not as asked."""


class NothingToRegister(PromotionError):
    """The run logged no model and has no version."""

    exit_code = 2

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id

    def message(self) -> str:
        return f"run {self.run_id[:12]} logged no model, so there is nothing to register or promote"


class StalePlan(PromotionError):
    """The registry has moved since the plan was made; nothing was changed."""

    def __init__(self, model: str, what: str) -> None:
        super().__init__(model, what)
        self.model, self.what = model, what

    def message(self) -> str:
        return f"{self.model!r} moved since this was planned ({self.what}); nothing was changed, look again"


class PromotionConflict(PromotionError):
    """The read-back after a transition is not what was asked for."""

    def __init__(self, model: str, found: str) -> None:
        super().__init__(model, found)
        self.model, self.found = model, found

    def message(self) -> str:
        return f"promotion of {self.model!r} did not end as asked: {self.found}"


class PromotionBusy(PromotionError):
    """Somebody else's promotion of the model is under way, and did not end while this one waited."""

    def __init__(self, model: str, who: str) -> None:
        super().__init__(model, who)
        self.model, self.who = model, who

    def message(self) -> str:
        return f"another promotion of {self.model!r} is under way ({self.who}); nothing was changed, try again"


class PromotionAborted(PromotionError):
    """Too much time went by since the intent was written for the next step to be safe."""

    def __init__(self, model: str, seconds: float, done: str = "") -> None:
        """``done``: what was done before, in words."""
        super().__init__(model, seconds, done)
        self.model, self.seconds, self.done = model, seconds, done

    @property
    def why(self) -> str:
        """Why it was given up."""
        return f"after {self.seconds:.0f} s somebody else may take it for dead"

    def message(self) -> str:
        done = self.done or "nothing was changed"
        return f"the change of {self.model!r} was given up: {self.why}; {done}; try again"


class PromotionUnfinished(PromotionError):
    """Part of a promotion was done, and its intent stays, so that ``mlaudit recover`` can end it."""

    def __init__(self, model: str, what: str) -> None:
        super().__init__(model, what)
        self.model, self.what = model, what

    def message(self) -> str:
        return (
            f"promotion of {self.model!r} is unfinished: {self.what};"
            f" end it with: mlaudit recover {shlex.quote(self.model)}"
        )


class EvidenceError(PromotionError):
    """A record of the audit trail cannot be written, read or believed."""


class NotConfirmed(PromotionError):
    """The confirmation was refused or could not be asked for."""

    exit_code = 2


class MultipleBaselines(MlauditError):
    """More than one version is in the baseline's stage; which one is judged against must not be guessed."""

    exit_code = 2

    def __init__(self, model: str, stage: str, versions: tuple[str, ...]) -> None:
        super().__init__(model, stage, versions)
        self.model, self.stage, self.versions = model, stage, versions

    def message(self) -> str:
        return (
            f"model {self.model!r} has {len(self.versions)} versions in {self.stage}: {', '.join(self.versions)};"
            " archive all but one (in a shell, --against version:N names one)"
        )
