"""Makes a worker process. Of itself, so that it can begin before the screen's process has imported Typer and Textual.

Measured on two cores: both import for 0.3 s and more, side by side instead of one after the other, so the first rows
are there by so much sooner. The process is of no use to anybody else: it ends when its socket closes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlaudit.worker.log_file import open_log

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from mlaudit.worker.messages import Hello

MAIN = str(Path(__file__).with_name("__main__.py"))


@dataclass(frozen=True, slots=True)
class Begun:
    """A worker process that waits to be told of which store it is."""

    process: subprocess.Popen[bytes]
    link: Connection[Any, Any]
    """The screen's end of the socket."""
    log_path: str
    """What takes its stdout and stderr."""

    def greet(self, hello: Hello) -> None:
        """Tell it. Whoever reads from one that has ended meanwhile learns so."""
        with contextlib.suppress(OSError):
            self.link.send(hello)


def spawn(end: socket.socket, log_path: str) -> subprocess.Popen[bytes]:
    """A worker that serves at this end of a socket pair, which is closed on our side.

    Raises OSError when the log cannot be written or no process be made; the other end then sees the close.
    """
    with end:
        log = open_log(log_path)
        try:
            # A session of its own: ctrl+c belongs to the screen. -P: a mlflow.py in the working directory is not to be
            # taken for MLflow. By its path, since the package may lie in a checkout and not be installed.
            return subprocess.Popen(
                (sys.executable, "-P", MAIN, str(end.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(end.fileno(),),
                start_new_session=True,
            )
        finally:
            os.close(log)


def begin(log_path: str) -> Begun | None:
    """Start a worker; None where that fails, which whoever then starts one meets again and tells."""
    ours, theirs = socket.socketpair()
    try:
        process = spawn(theirs, log_path)
    except OSError:
        ours.close()
        return None
    from multiprocessing.connection import Connection

    return Begun(process, Connection(ours.detach()), log_path)
