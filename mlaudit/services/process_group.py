"""A process that leads its own group, told apart from another one that got its number later, and ended politely."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_POLL = 0.05


def identity(pid: int) -> str:
    """When the process was started, as the system says it; the empty text when there is none or it has ended.

    Together with the pid it names one process for ever: pids are used again, start times are not.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "" if Path("/proc/self/stat").exists() else _identity_by_ps(pid)
    except OSError:
        return ""
    # State and start time are fields 3 and 22; the name in brackets before them may hold anything.
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _identity_by_ps(pid: int) -> str:
    """The same where there is no /proc."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    state, _, started = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def signal_group(pid: int, number: int) -> bool:
    """Send a signal to the group that ``pid`` leads or led; False when nobody is left in it."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS answers so for a group of zombies.
        return False
    return True


def end_group(
    pid: int,
    started: str,
    steps: tuple[tuple[signal.Signals, float], ...],
    reap: Callable[[], object] = lambda: None,
) -> bool:
    """Signal the group, step by step, with so many seconds after each, until nobody is left; True when that is so.

    ``started`` is the leader's :func:`identity`: a process of that number with another one is none of ours. ``reap`` is
    called between, as a zombie counts as somebody.
    """
    for number, grace in steps:
        reap()
        if pid <= 1 or identity(pid) not in {"", started} or not signal_group(pid, number):
            return True
        end = time.monotonic() + grace
        while time.monotonic() < end:
            reap()
            if not signal_group(pid, 0) or not _alive(pid):
                return True
            time.sleep(_POLL)
    return not _alive(pid)


def _alive(group: int) -> bool:
    """Whether anybody in the group is more than a zombie that its parent leaves lying about."""
    proc = Path("/proc")
    if not (proc / "self" / "stat").exists():
        return True
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[2] == str(group) and fields[0] not in {"Z", "X"}:
            return True
    return False
