"""Begins the app's worker before anything else is done, where the arguments look like those of the app.

A wrong guess costs a process that ends at once, or the time that a right one would have saved; nothing depends on it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlaudit.worker.spawn import Begun

VALUED = frozenset({"--tracking-uri", "--registry-uri", "--policy", "--reader"})
"""The options of the program that take a value."""
_ENDING = frozenset({"-h", "--help", "--version", "--install-completion", "--show-completion"})
"""Those that print something and end."""


def is_for_app(arguments: Sequence[str]) -> bool:
    """Whether there is no command among the arguments of the program, as far as can be told without reading them."""
    if _ENDING.intersection(arguments) or "_MLAUDIT_COMPLETE" in os.environ:
        return False
    before = ("", *arguments)
    return all(text.startswith("-") or option in VALUED for option, text in zip(before, arguments, strict=False))


def begin_ahead() -> Begun | None:
    """A worker for the app that is about to open; None where none seems to be, or it cannot be begun."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not (is_for_app(sys.argv[1:]) and all(stream is not None and stream.isatty() for stream in streams)):
        return None
    # Here, since no command needs them.
    from mlaudit.worker.log_file import new_log_path
    from mlaudit.worker.spawn import begin

    try:
        return begin(new_log_path())
    except OSError:
        # The app meets it again, and tells.
        return None
