"""Removes passwords and tokens from URIs and from any text that may quote one: the one redaction every sink uses."""

from __future__ import annotations

import os
import re

_HIDDEN = "***"
# From :// to the last @ before a blank or quote: a password may itself hold @, / and :.
_USERINFO = re.compile(r"(?<=://)[^\s'\"<>]*@")
_NAME = r"[\w.-]*(?:token|password|passwd|pwd|secret|api[_-]?key|access[_-]?key|credential|signature)[\w.-]*"
# In a URI's query all but & may be the password's own; a ' at the end is of who quotes the URI.
_QUERY = re.compile(rf"(?i)([?&]{_NAME}=)[^\s&\"<>]+?(?='?(?:[\s&\"<>]|$))")
_PARAMETER = re.compile(rf"(?i)((?:^|[?&;\s,{{(])['\"]?{_NAME}(?:=|['\"]?:\s*))('[^']*'|\"[^\"]*\"|[^\s&;,'\"}})]+)")
_SIGNATURE = re.compile(r"(?i)([?&]sig=)[^\s&'\"]+")
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}")
_SECRET_VARIABLES = (
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


def redact(text: str) -> str:
    """``text`` without credentials: user and password before an @, tokens and passwords in parameters, secrets of the
    environment wherever they stand. Text without any is returned as it is."""
    for name in _SECRET_VARIABLES:
        secret = os.environ.get(name, "")
        # A very short secret would blank out half of every text, and is none.
        if len(secret) >= 4:
            text = text.replace(secret, _HIDDEN)
    if "://" in text:
        text = _USERINFO.sub(f"{_HIDDEN}@", text)
    text = _PARAMETER.sub(rf"\1{_HIDDEN}", text)
    text = _QUERY.sub(rf"\1{_HIDDEN}", text)
    text = _SIGNATURE.sub(rf"\1{_HIDDEN}", text)
    return _AUTHORIZATION.sub(rf"\1 {_HIDDEN}", text)


def redact_address(text: str) -> str:
    """The same of what was meant as an address and lacks its ``//``: all before the last @ goes, the scheme too."""
    before, at, host = text.rpartition("@")
    return redact(text) if "://" in text or ":" not in before else redact(f"{_HIDDEN}{at}{host}")
