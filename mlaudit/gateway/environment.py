"""What mlaudit sets in its own environment before MLflow is imported, and how a training process is spared it.

MLflow reads its switches from the environment, so they are set for this process; what the user has set stays. Names
that were set here are listed in one more variable, so that a child process of mlaudit's own (the worker) knows them
from the user's. A training is the user's own program: :func:`child_environment` gives it the user's settings only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

from mlaudit.domain.models import StoreKind

MARKER = "MLAUDIT_OWN_ENVIRONMENT"

_ALWAYS = {
    # Telemetry writes files and calls out; looking must do neither.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
    # By default a server that does not answer blocks a call for 246 s.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Importing MLflow looks for git and warns at length where there is none.
    "GIT_PYTHON_REFRESH": "quiet",
}
_FILES = {"MLFLOW_ALLOW_FILE_STORE": "true"}

MLAUDIT_OWN_ENV = (*_ALWAYS, *_FILES, MARKER)
"""Every name that mlaudit may set. Only those in :func:`own_names` were; the others are the user's."""


def prepare(kinds: set[StoreKind], environ: MutableMapping[str, str] | None = None) -> None:
    """Set what MLflow needs for stores of these kinds, where the user set nothing. To be called before the import."""
    environ = os.environ if environ is None else environ
    wanted = _ALWAYS | (_FILES if StoreKind.FILES in kinds else {})
    mine = own_names(environ)
    for name, value in wanted.items():
        if name not in environ:
            environ[name] = value
            mine.add(name)
    environ[MARKER] = ",".join(sorted(mine))


def own_names(environ: Mapping[str, str] | None = None) -> set[str]:
    """The names that mlaudit, not the user, has set in ``environ``."""
    environ = os.environ if environ is None else environ
    return {n for n in environ.get(MARKER, "").split(",") if n in MLAUDIT_OWN_ENV}


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of ``environ`` without what mlaudit set for itself: for processes that are the user's."""
    environ = os.environ if environ is None else environ
    drop = own_names(environ) | {MARKER}
    return {k: v for k, v in environ.items() if k not in drop}
