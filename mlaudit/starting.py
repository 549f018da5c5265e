"""The garbage collector while a process starts.

What is imported stays, so the collector goes through more and more objects and finds nothing: 0.06 of the 0.40 s that
``mlaudit runs`` needs for its imports on PostgreSQL.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 200_000, 50, 1_000
_USUAL = gc.get_threshold()


def collect_rarely() -> None:
    """To be called before anything else is imported. A command is over before there would be much to collect."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def collect_as_usual() -> None:
    """For a process that is there to stay, when it has started."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
