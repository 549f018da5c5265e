"""What can be a run's id: MLflow's stores answer what cannot with errors of every kind."""

from __future__ import annotations

import re

from mlaudit.domain.errors import RunNotFound
from mlaudit.domain.text import clean

_RUN_ID = re.compile(r"[A-Za-z0-9][\w-]{0,255}", re.ASCII)


def is_run_id(text: str) -> bool:
    """Whether it can be one, or the start of one."""
    return _RUN_ID.fullmatch(text) is not None


def check_run_id(text: str) -> None:
    """Raises RunNotFound for what cannot be one."""
    if not is_run_id(text):
        raise RunNotFound(clean(text))
