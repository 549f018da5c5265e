"""What a user sets for one invocation or for good.

So far these are the global options and their environment variables; a personal file comes with its own screen.
"""

from __future__ import annotations

from dataclasses import dataclass
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
