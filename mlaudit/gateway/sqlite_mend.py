"""Lets SQLite undo what a killed writer left half written. Only recovery asks for it: it changes the file."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from mlaudit.gateway.inspection import sqlite_problem
from mlaudit.gateway.sqlite_file import sqlite_uri


def mend(path: Path, shown: str) -> bool:
    """Whether a writer's journal lay beside the database and is gone now. Never creates a database.

    A journal that its writer is still using is left to it; where that writer ends it meanwhile, it is gone as well.
    Raises StoreError.
    """
    journal = f"{path}-journal"
    if not os.path.exists(journal):
        return False
    try:
        connection = sqlite3.connect(sqlite_uri(path, "mode=rw"), uri=True, timeout=5, isolation_level=None)
        try:
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise sqlite_problem(error, shown) from None
    return not os.path.exists(journal)
