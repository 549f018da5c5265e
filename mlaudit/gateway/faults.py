"""What MLflow's exceptions mean: each becomes one type of :mod:`mlaudit.domain.errors` with one redacted line.

They are told apart by their attributes and their chain of causes: a server that does not answer is, for MLflow, an
``INTERNAL_ERROR`` like any other.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlaudit.domain.errors import (
    FilterError,
    MlauditError,
    NotAStore,
    OrderError,
    PermissionDenied,
    StoreError,
    StoreUnavailable,
)
from mlaudit.domain.filters import locate_error
from mlaudit.domain.text import clean
from mlaudit.gateway import inspection
from mlaudit.gateway.redaction import redact

log = logging.getLogger(__name__)

_MISSING = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}
_REFUSED = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
_BUSY = {"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED"}
_INVALID = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST"}
_HTTP_STATUS = re.compile(r"(?:error code|status(?: code)?|too many) (\d{3})\b")
_API_CALL = re.compile(r"/api/\d\.\d/mlflow/([a-z0-9/-]+)")


@contextmanager
def translated(shown: str, missing: Callable[[], MlauditError] | None = None) -> Iterator[None]:
    """Turns what MLflow raises into mlaudit's errors; ``missing`` makes the one for a thing that is not there."""
    try:
        yield
    except MlauditError:
        raise
    except Exception as error:
        # Whatever a store's content or a foreign server makes MLflow raise must end as one line, not as a traceback.
        log.debug("MLflow raised %s", redact(repr(error)), exc_info=True)
        if missing is not None and is_missing(error):
            raise missing() from error
        raise classify(error, shown) from error


def code(error: BaseException) -> str:
    """MLflow's error code, or nothing."""
    return str(getattr(error, "error_code", "") or "")


def is_missing(error: BaseException) -> bool:
    """Whether MLflow says that the thing is not there."""
    return code(error) in _MISSING


def is_invalid(error: BaseException) -> bool:
    """Whether MLflow refuses the request itself."""
    return code(error) in _INVALID


def line(error: BaseException, limit: int = 300) -> str:
    """The error's text as one printable, redacted line."""
    return clean(redact(" ".join(str(error).split())), max_length=limit) or type(error).__name__


def chain(error: BaseException) -> list[BaseException]:
    """The error, what caused it, and so on."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        # SQLAlchemy keeps the database driver's own error in .orig.
        origin = getattr(current, "orig", None)
        current = origin if isinstance(origin, BaseException) else current.__cause__ or current.__context__
    return found


def classify(error: BaseException, shown: str) -> StoreError:
    """The StoreError that ``error`` amounts to."""
    links = chain(error)
    for link in links:
        family = type(link).__module__.partition(".")[0]
        if family == "sqlite3":
            return inspection.sqlite_problem(link, shown)
        if family == "psycopg":
            return _postgresql(link, shown)
        if family in {"requests", "urllib3"}:
            return _transport(link, shown)
    match = _HTTP_STATUS.search(str(error))
    status = int(match.group(1)) if match else 0
    if status == 403 or code(error) == "PERMISSION_DENIED":
        return PermissionDenied(
            shown, f"the server does not let this user {_what_was_asked(error)} (permission denied)"
        )
    if code(error) in _REFUSED or status in {401, 403}:
        return PermissionDenied(shown, f"the store refuses access: {line(error)}")
    if code(error) in _BUSY or status in {429, 502, 503, 504} or "valid JSON" in str(error):
        return StoreUnavailable(shown, f"the server does not answer properly: {line(error)}")
    if isinstance(links[-1], PermissionError):
        return PermissionDenied(shown, f"a file of the store may not be read: {line(links[-1])}")
    if isinstance(links[-1], FileNotFoundError | NotADirectoryError):
        return NotAStore(shown, f"a file of the store is gone: {line(links[-1])}")
    if isinstance(links[-1], ConnectionError | TimeoutError):
        return StoreUnavailable(shown, line(links[-1]))
    return StoreError(shown, line(error))


def _what_was_asked(error: BaseException) -> str:
    """The API's own words for what was refused, where the error tells them: ``registered-models set-tag``."""
    asked = _API_CALL.search(str(error))
    return f"do that: {clean(asked.group(1).replace('/', ' '), max_length=60)}" if asked else "do that"


def _postgresql(error: BaseException, shown: str) -> StoreError:
    if "read-only transaction" in str(error):
        return PermissionDenied(shown, "the database may not be written while mlaudit only looks")
    if type(error).__name__ in {"UndefinedTable", "UndefinedColumn"}:
        return NotAStore(shown, f"the database's tables are not MLflow's: {line(error)}")
    return inspection.postgresql_problem(error, shown)


def _transport(error: BaseException, shown: str) -> StoreError:
    text = str(error)
    if "timed out" in text.lower() or "timeout" in type(error).__name__.lower():
        return StoreUnavailable(shown, "the server did not answer in time")
    if "refused" in text:
        return StoreUnavailable(shown, "no server listens there (connection refused)")
    match = _HTTP_STATUS.search(text)
    if match:
        return StoreUnavailable(shown, f"the server answers HTTP {match.group(1)}")
    return StoreUnavailable(shown, f"the connection to the server failed: {line(error, 160)}")


def filter_error(error: BaseException, filter_string: str, order_by: tuple[str, ...]) -> FilterError:
    """A rejected search, with the position if the filter can be seen to be wrong."""
    problem = line(error)
    found = locate_error(filter_string) if filter_string else None
    if found is not None:
        return found
    if order_by and ("order" in problem.lower() or not filter_string):
        return OrderError(", ".join(order_by), f"the order was rejected: {problem}")
    return FilterError(filter_string, problem)
