"""Which store this is: found the way MLflow finds it, looked at before MLflow may touch it.

MLflow takes ``--tracking-uri``'s equivalent, then ``MLFLOW_TRACKING_URI``, then ``./mlruns`` when a run was ever
logged there, even beside an ``mlflow.db``, else ``./mlflow.db``, which it creates. mlaudit does the same, but creates
nothing, and says which store it took, why, and which other one lies there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from mlaudit.domain.errors import NoStore, NotAStore
from mlaudit.domain.models import StoreKind
from mlaudit.domain.text import clean
from mlaudit.gateway import inspection
from mlaudit.gateway.redaction import redact, redact_address
from mlaudit.gateway.schema import Mismatch, compare_revision

__all__ = ["Located", "ResolvedStore", "check_here", "locate", "places", "redact", "resolve"]

_UNSUPPORTED = {
    "databricks": "Databricks workspaces are not supported",
    "databricks-uc": "Databricks Unity Catalog is not supported",
    "uc": "Unity Catalog is not supported",
    "mysql": "MySQL stores are not supported directly; open them through a tracking server",
    "mssql": "SQL Server stores are not supported directly; open them through a tracking server",
}
_SUPPORTED = "use http(s)://HOST, sqlite:///FILE, postgresql://..., a directory or a database file"


@dataclass(frozen=True, slots=True)
class Located:
    """One store's place."""

    kind: StoreKind
    uri: str
    """What MLflow opens it with, absolute, credentials included: for a training's environment, never for showing."""
    shown: str
    """Redacted and printable."""
    path: Path | None = None
    """Absolute path of the database file or of the directory; None for servers."""


@dataclass(frozen=True, slots=True)
class ResolvedStore:
    """The tracking store and the registry that belongs to it, both looked at and found good as far as can be seen."""

    tracking: Located
    registry: Located
    reason: str
    """Why this one, in words."""
    notes: tuple[str, ...] = ()
    mismatches: tuple[Mismatch, ...] = ()
    """Databases whose schema is not the installed MLflow's: MLflow must not be handed them."""

    def only(self, place: Located) -> ResolvedStore:
        """The same, of which only ``place`` is used, as both sides."""
        return replace(
            self,
            tracking=place,
            registry=place,
            mismatches=tuple(m for m in self.mismatches if m.shown == place.shown),
        )


def resolve(
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> ResolvedStore:
    """The store to open. Changes nothing, and does not contact a server; that is done when it is opened.

    A database of another schema than the installed MLflow's is found too, and named in ``mismatches``.

    Raises NoStore, NotAStore, StoreLocked, StoreUnavailable, PermissionDenied, MissingExtra.
    """
    environ = os.environ if environ is None else environ
    cwd = _here() if cwd is None else cwd
    notes: list[str] = []
    tracking, reason = _tracking(tracking_uri, environ, cwd, notes)
    mismatches = [_check(tracking)]
    registry = _registry(registry_uri, environ, cwd, tracking)
    for place in dict.fromkeys((tracking, registry)):
        if place.kind is StoreKind.FILES and place.path is not None:
            notes += inspection.closed_folders(place.path)
    if registry != tracking:
        mismatches.append(_check(registry))
        notes.append(f"the model registry is another store: {registry.shown}")
    if environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"1", "true"} and StoreKind.SERVER in {
        tracking.kind,
        registry.kind,
    }:
        notes.append("TLS certificates are not verified (MLFLOW_TRACKING_INSECURE_TLS)")
    return ResolvedStore(tracking, registry, reason, tuple(notes), tuple(m for m in mismatches if m is not None))


def places(tracking_uri: str | None = None, registry_uri: str | None = None) -> tuple[Located, ...]:
    """Where :func:`resolve` would look, without looking: one place, or two. Raises NoStore, NotAStore."""
    cwd = _here()
    tracking, _ = _tracking(tracking_uri, os.environ, cwd, [])
    registry = _registry(registry_uri, os.environ, cwd, tracking)
    return (tracking,) if registry == tracking else (tracking, registry)


def _tracking(uri: str | None, environ: Mapping[str, str], cwd: Path, notes: list[str]) -> tuple[Located, str]:
    """The tracking store, and by what it was chosen. Raises NoStore, NotAStore."""
    if uri:
        return locate(uri, cwd), "--tracking-uri"
    if named := environ.get("MLFLOW_TRACKING_URI", "").strip():
        return locate(named, cwd), "MLFLOW_TRACKING_URI"
    return _find(cwd, notes)


def _registry(uri: str | None, environ: Mapping[str, str], cwd: Path, tracking: Located) -> Located:
    """The model registry: the tracking store where no other is named. Raises NotAStore."""
    asked = uri or environ.get("MLFLOW_REGISTRY_URI", "").strip()
    return locate(asked, cwd) if asked else tracking


def check_here(tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
    """That what :func:`resolve` would find on this machine is there; nobody is contacted, so it takes no time.

    Raises NoStore, NotAStore, StoreLocked, PermissionDenied.
    """
    for place in places(tracking_uri, registry_uri):
        if place.path is not None:
            _check(place)


def locate(uri: str, cwd: Path | None = None) -> Located:
    """What kind of store ``uri`` names, and where. Only looks whether files exist. Raises NotAStore.

    What may not be looked at is told by who reads it: :mod:`os.path` calls it missing, where :class:`Path` raises.
    """
    cwd = _here() if cwd is None else cwd
    uri = uri.strip()
    shown = clean(redact(uri))
    scheme = uri.split(":", 1)[0].lower() if ":" in uri or uri in _UNSUPPORTED else ""
    base = scheme.split("+", 1)[0]
    if scheme in {"http", "https"}:
        return _server(uri, clean(redact_address(uri)))
    if base in {"postgresql", "postgres"} and "://" in uri:
        # The driver is named so that SQLAlchemy does not look for another; MLflow knows the form.
        return Located(StoreKind.POSTGRESQL, f"postgresql+psycopg://{uri.split('://', 1)[1]}", shown)
    if base == "sqlite":
        return _sqlite(uri, shown, cwd)
    if scheme == "file":
        try:
            host = urlsplit(uri).netloc
        except ValueError:
            raise NotAStore(shown, "this is no file: URI; write file:///PATH") from None
        if host not in {"", "localhost"}:
            raise NotAStore(shown, f"a file: URI of another host ({clean(host)}) cannot be opened")
        return _path(Path(unquote(uri.split(":", 1)[1].removeprefix(f"//{host}"))), cwd)
    if base in _UNSUPPORTED:
        raise NotAStore(clean(redact_address(uri)), _UNSUPPORTED[base])
    if os.path.exists(cwd / uri):
        return _path(Path(uri), cwd)
    hidden = clean(redact_address(uri))
    if hidden != shown:
        raise NotAStore(hidden, f"no such path, and no address without a scheme and two slashes; {_SUPPORTED}")
    if not scheme or "/" in scheme:
        return _path(Path(uri), cwd)
    rest = uri.split(":", 1)[1]
    if rest.split("/", 1)[0].isdigit():
        raise NotAStore(shown, f"no scheme; did you mean http://{shown}?")
    raise NotAStore(shown, f"no store is known by {clean(scheme)!r}; {_SUPPORTED}")


def _here() -> Path:
    """The working directory. Raises NotAStore."""
    try:
        return Path.cwd()
    except OSError:
        raise NotAStore("the working directory", "is gone or may not be read; change to another one") from None


def _server(uri: str, shown: str) -> Located:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError:
        host = None
    if not host:
        raise NotAStore(shown, "this is no address of a server; write http://HOST:PORT")
    return Located(StoreKind.SERVER, uri.rstrip("/"), shown.rstrip("/"))


def _sqlite(uri: str, shown: str, cwd: Path) -> Located:
    body = uri.split(":", 1)[1]
    if not body.startswith("///"):
        raise NotAStore(shown, "an SQLite URI has three slashes before the path, four before an absolute one")
    text = body[3:]
    # A file may really be called what the URI says; only otherwise is ? the start of options, and %20 a blank.
    candidates = [text, unquote(text), text.partition("?")[0], unquote(text.partition("?")[0])]
    if not candidates[2] or candidates[2] == ":memory:" or text.startswith("file:"):
        raise NotAStore(shown, "an in-memory or file: form of SQLite cannot be opened; name a file: sqlite:///FILE")
    found = next((c for c in candidates if os.path.exists(cwd / c)), candidates[3])
    return _database(cwd / found)


def _path(path: Path, cwd: Path) -> Located:
    """A plain path: a directory is a file store, a file a database."""
    full = cwd / os.path.expanduser(path)
    if os.path.isfile(full) or (not os.path.exists(full) and full.suffix in {".db", ".sqlite", ".sqlite3"}):
        return _database(full)
    absolute = Path(os.path.abspath(full))
    return Located(StoreKind.FILES, absolute.as_uri(), clean(str(absolute)), absolute)


def _database(path: Path) -> Located:
    absolute = Path(os.path.abspath(path))
    # MLflow makes the directories of the path as it stands in the URI, so as little as possible is quoted.
    quoted = "".join(quote(c) if c in "%?#" else c for c in str(absolute))
    return Located(StoreKind.SQLITE, f"sqlite:///{quoted}", clean(f"sqlite:///{absolute}"), absolute)


def _find(cwd: Path, notes: list[str]) -> tuple[Located, str]:
    """The store in the working directory, as MLflow would choose. Raises NoStore."""
    database, files = cwd / "mlflow.db", cwd / "mlruns"
    has_files = any(p.parent.name.isdigit() for p in files.glob("*/meta.yaml"))
    if has_files:
        if os.path.exists(database):
            notes.append(
                "there is also an mlflow.db here; MLflow, too, prefers mlruns: --tracking-uri sqlite:///mlflow.db"
            )
        return _path(files, cwd), "mlruns in this directory"
    if os.path.exists(database):
        if os.path.isdir(files):
            notes.append("there is also an mlruns directory here, without experiments")
        return _database(database), "mlflow.db in this directory"
    raise NoStore(clean(str(cwd)))


def _check(store: Located) -> Mismatch | None:
    """That a store is there, as far as can be seen; the mismatch if its schema is another than MLflow's."""
    if store.kind is StoreKind.SQLITE and store.path is not None:
        found = inspection.check_sqlite(store.path, store.shown)
        return compare_revision(store.shown, found, clean(redact(store.uri)))
    if store.kind is StoreKind.FILES and store.path is not None:
        inspection.check_files(store.path, store.shown)
    elif store.kind is StoreKind.POSTGRESQL:
        found = inspection.check_postgresql(f"postgresql://{store.uri.split('://', 1)[1]}", store.shown)
        return compare_revision(store.shown, found, store.shown)
    return None
