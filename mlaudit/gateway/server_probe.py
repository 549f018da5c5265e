"""First contact with a tracking server: an answer or a clear refusal within a few seconds of wall clock.

MLflow's own timeout starts anew with every byte, so a server that drips never trips it. Here the whole conversation has
one deadline, kept by waiting for a thread that may be left behind.
"""

from __future__ import annotations

import base64
import configparser
import http.client
import json
import netrc
import os
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from urllib.parse import SplitResult, unquote, urlsplit

from mlaudit.domain.errors import NotAStore, PermissionDenied, StoreError, StoreUnavailable
from mlaudit.domain.text import clean
from mlaudit.gateway.redaction import redact

DEADLINE = 6.0
"""Seconds for all of first contact."""
_YES = {"1", "true"}
_CERTIFICATES = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Who names the authorities to trust, the first that does counting."""
_OWN_CERTIFICATE = "MLFLOW_TRACKING_CLIENT_CERT_PATH"
_SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


def probe(uri: str, shown: str, deadline: float = DEADLINE) -> None:
    """That an MLflow tracking server answers at ``uri``. Raises StoreUnavailable, NotAStore, PermissionDenied."""
    outcome: list[BaseException | None] = []

    def contact() -> None:
        try:
            _contact(uri, shown, deadline)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=contact, name="first-contact", daemon=True)
    thread.start()
    thread.join(deadline)
    if not outcome:
        raise StoreUnavailable(shown, f"the server gives no complete answer within {deadline:g} s")
    error = outcome[0]
    if isinstance(error, StoreError):
        raise error
    if error is not None:
        raise _problem(error, shown, deadline)


def _contact(uri: str, shown: str, deadline: float) -> None:
    opener = _opener(shown, secure=uri.lower().startswith("https:"))
    # An experiment search, and not GET /health: it alone tells MLflow from other servers, and asks for the credentials.
    status, kind, body = _get(opener, uri, _SEARCH, deadline)
    if status in {401, 403}:
        if _may_know_another_way():
            return
        raise PermissionDenied(
            shown,
            f"the server refuses access (HTTP {status}); set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD,"
            " or MLFLOW_TRACKING_TOKEN",
        )
    if 300 <= status < 400:
        raise NotAStore(shown, f"the server redirects to {clean(redact(kind)) or 'another address'}; name that one")
    if status >= 500:
        raise StoreUnavailable(shown, f"the server answers HTTP {status}")
    if status != 200 or not _is_experiments(body):
        raise NotAStore(shown, f"something answers there (HTTP {status}), but it is no MLflow tracking server")


def _is_experiments(body: bytes) -> bool:
    try:
        answer = json.loads(body or b"null")
    except ValueError:
        return False
    # A store without any experiment answers with an empty object.
    return isinstance(answer, dict) and set(answer) <= {"experiments", "next_page_token"}


def _get(opener: urllib.request.OpenerDirector, uri: str, path: str, timeout: float) -> tuple[int, str, bytes]:
    """``(status, where it redirects to, start of the body)``."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(f"{parts.scheme}://{host}{parts.path.rstrip('/')}{path}")
    if authorization := _authorization(parts):
        request.add_header("Authorization", authorization)
    try:
        with opener.open(request, timeout=timeout) as response:
            return response.status, "", response.read(1_000_000)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Location", "") or "", b""


def _authorization(parts: SplitResult) -> str | None:
    """As MLflow's client would send it: what ``.netrc`` or else the URI says goes before its own user and token."""
    username, password = _of_netrc(parts.hostname or "") or (
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )
    if username or password:
        return _basic(f"{username}:{password}".encode("latin1", "replace"))
    file = _credentials_file()
    name = os.environ.get("MLFLOW_TRACKING_USERNAME") or file.get("mlflow_tracking_username")
    secret = os.environ.get("MLFLOW_TRACKING_PASSWORD") or file.get("mlflow_tracking_password")
    if name and secret:
        return _basic(f"{name}:{secret}".encode())
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return f"Bearer {token}" if token else None


def _basic(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


def _of_netrc(host: str) -> tuple[str, str] | None:
    """User and password for a host. A file that cannot be read counts as none, as it does for requests."""
    given = os.environ.get("NETRC")
    for name in [given] if given else ["~/.netrc", "~/_netrc"]:
        path = os.path.expanduser(name)
        if os.path.exists(path):
            try:
                found = netrc.netrc(path).authenticators(host)
            except (OSError, ValueError, netrc.NetrcParseError):
                return None
            return (found[0] or found[1] or "", found[2] or "") if found else None
    return None


def _credentials_file() -> Mapping[str, str]:
    """What ``mlflow login`` wrote down."""
    parser = configparser.ConfigParser()
    try:
        parser.read(os.path.expanduser("~/.mlflow/credentials"))
        return dict(parser["mlflow"]) if "mlflow" in parser else {}
    except (OSError, ValueError, configparser.Error):
        return {}


def _may_know_another_way() -> bool:
    """Whether MLflow may show who we are by what is not spoken here: signed requests, or a plugin."""
    if os.environ.get("MLFLOW_TRACKING_AUTH") or os.environ.get("MLFLOW_TRACKING_AWS_SIGV4", "").lower() in _YES:
        return True
    return bool(entry_points(group="mlflow.request_header_provider"))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer to report, not to follow with credentials."""

    def redirect_request(self, *_request: object, **_more: object) -> None:
        return None


def _opener(shown: str, *, secure: bool) -> urllib.request.OpenerDirector:
    """As MLflow and requests trust servers, and show them a certificate of ours. Raises StoreUnavailable."""
    context = ssl.create_default_context()
    if secure:
        trusted = next(((n, os.environ[n]) for n in _CERTIFICATES if os.environ.get(n)), None)
        if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in _YES:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif trusted is not None:
            with _usable(shown, *trusted):
                path = trusted[1]
                is_folder = os.path.isdir(path)
                context = ssl.create_default_context(
                    cafile=None if is_folder else path, capath=path if is_folder else None
                )
        if own := os.environ.get(_OWN_CERTIFICATE):
            with _usable(shown, _OWN_CERTIFICATE, own):
                context.load_cert_chain(own)
    return urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=context))


@contextmanager
def _usable(shown: str, name: str, path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        what = f"{clean(path, max_length=200)} cannot be used ({clean(error.strerror or error, max_length=100)})"
        raise StoreUnavailable(shown, f"the certificate that {name} names, {what}") from None


def _problem(error: BaseException, shown: str, deadline: float) -> StoreError:
    """What a failed connection means."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return StoreUnavailable(shown, f"the server gives no answer within {deadline:g} s")
    if isinstance(reason, ConnectionRefusedError):
        return StoreUnavailable(shown, "no server listens there (connection refused)")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return StoreUnavailable(shown, f"the server's TLS certificate is not trusted: {clean(reason.verify_message)}")
    if isinstance(reason, ssl.SSLError):
        return StoreUnavailable(shown, "the server does not speak TLS as expected; is it http:// rather than https://?")
    if isinstance(reason, http.client.HTTPException | ConnectionError):
        return StoreUnavailable(shown, "the connection broke off, or it is no HTTP server")
    return StoreUnavailable(shown, f"the server cannot be reached: {clean(redact(str(reason)), max_length=200)}")
