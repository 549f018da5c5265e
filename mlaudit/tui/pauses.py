"""The garbage collector's pauses, kept out of the way of keys.

Python looks through all objects whenever there are a quarter more of them; with 100,000 runs loaded that takes 0.15 s
at a time, in the midst of scrolling. Here only young objects are looked through while somebody is at the keys, some
milliseconds at a time, and all of them when nobody has been for a while.
"""

from __future__ import annotations

import gc
import time

IDLE_SECONDS = 10.0
"""So long after the last key nobody will mind."""
LOOK_SECONDS = 5.0
"""How often it is looked whether it is time."""
_YOUNG, _MIDDLE, _NEVER = 5_000, 5, 1_000_000
WORTH = 20
"""Collections of middle-aged objects since the last of all, from which on there may be something to find."""


class Pauses:
    """Collects when nobody minds. Made after the first paint."""

    def __init__(self) -> None:
        self._last_input = time.monotonic()
        # What was imported stays anyway.
        gc.freeze()
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)

    def input(self) -> None:
        """Somebody is at the keys."""
        self._last_input = time.monotonic()

    def look(self) -> bool:
        """Collect if it is time; whether it was."""
        due = gc.get_count()[2] >= WORTH and time.monotonic() - self._last_input >= IDLE_SECONDS
        if due:
            gc.collect()
        return due
