"""What a user sets for one invocation or for good.

The global options, and what the user's own file says (:mod:`mlaudit.config.personal`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Reader(StrEnum):
    """What reads a store that is a database; other stores are always read through MLflow."""

    SQL = "sql"
    """mlaudit's own reader: fast, and on schemas of every MLflow since 1.0."""
    MLFLOW = "mlflow"
    """MLflow's client, on the installed MLflow's schema only."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One invocation's settings; a plain value that also travels to the worker process."""

    tracking_uri: str | None = None
    """``--tracking-uri``; None: MLFLOW_TRACKING_URI, else what lies in the working directory."""
    registry_uri: str | None = None
    """``--registry-uri``; None: MLFLOW_REGISTRY_URI, else the tracking URI."""
    policy_path: str | None = None
    """``--policy``; None: mlaudit.toml or [tool.mlaudit] in pyproject.toml, searched upwards from here."""
    reader: Reader = Reader.SQL
    """``--reader``."""
    read_only: bool = False
    traceback: bool = False
    slow: bool = False
    """``--slow``, or the personal file's: fewer frames and no animations."""
    restore: bool = False
    """Whether the app begins where its user was in this store: not with ``--no-restore``."""
    theme: str | None = None
    """The app's colours; None: the default."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Other keys: id of a binding -> keys separated by commas."""
    trainings_at_once: int = 1
    """How many trainings of the app run at a time; more of them wait."""
    problems: tuple[str, ...] = ()
    """What is wrong in the personal file, printable."""
