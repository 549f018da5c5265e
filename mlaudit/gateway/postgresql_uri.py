"""What mlaudit adds to a PostgreSQL URI: to what the user asks of the server there, never instead of it.

``options`` may name the schema in which the store lies (``-csearch_path=...``). The query is read as SQLAlchemy, and so
MLflow, reads it, and written so that libpq reads the same.
"""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, quote, urlencode

CONNECT_SECONDS = 5
_READ_ONLY = "-c default_transaction_read_only=on"
_QUERY = re.compile(r"([\w+]+://(?:[^@/]*@)?[^?]*)\??(.*)", re.DOTALL)


def looking(uri: str) -> str:
    """The URI of connections whose transactions PostgreSQL itself keeps from writing."""
    base, query = _split(uri)
    given = [value for key, value in query if key == "options"] or [os.environ.get("PGOPTIONS", "")]
    others = [(key, value) for key, value in query if key != "options"]
    return patient(_joined(base, [*others, ("options", " ".join([*filter(None, given), _READ_ONLY]))]))


def patient(uri: str) -> str:
    """The URI with a limit to the wait for a server that does not answer, where the user set none."""
    base, query = _split(uri)
    if "PGCONNECT_TIMEOUT" in os.environ or any(key == "connect_timeout" for key, _ in query):
        return uri
    return _joined(base, [*query, ("connect_timeout", str(CONNECT_SECONDS))])


def _split(uri: str) -> tuple[str, list[tuple[str, str]]]:
    found = _QUERY.fullmatch(uri)
    return (found.group(1), parse_qsl(found.group(2))) if found else (uri, [])


def _joined(base: str, query: list[tuple[str, str]]) -> str:
    return f"{base}?{urlencode(query, quote_via=quote)}"
