"""One worker process as the screen's side sees it: a private socket pair, and a thread for each direction.

Frames are those of :class:`multiprocessing.connection.Connection`. Nothing here blocks the event loop: a writer thread
takes what is sent, as a stopped process would fill the socket, and a reader thread unpacks answers of many megabytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlaudit.worker.log_file import delete_old_logs, open_log

MAIN = str(Path(__file__).with_name("__main__.py"))


class Child:
    """A worker process. The callbacks are called on the event loop, ``ended`` once."""

    def __init__(self, log_path: str, received: Callable[[Child, Any], None], ended: Callable[[Child], None]) -> None:
        # Imported here: 10 ms that the first paint need not wait for.
        from multiprocessing.connection import Connection

        self.ready = False
        """Whether it has imported what it needs; until then a slow answer says nothing about the store."""
        self.retiring = False
        """Whether it gets nothing new and ends as soon as its last write is done."""
        self.asked: dict[int, Any] = {}
        """What it has been asked and has not answered, by number."""
        self._log_path = log_path
        self._received, self._ended = received, ended
        self._loop = asyncio.get_running_loop()
        self.started = self._loop.time()
        ours, self._theirs = socket.socketpair()
        self._link: Connection[Any, Any] = Connection(ours.detach())
        self._outgoing: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._process: asyncio.subprocess.Process | None = None
        self._spawning = self._loop.create_task(self._spawn())
        self._writer = threading.Thread(target=self._write, daemon=True, name="to worker")
        self._reader = threading.Thread(target=self._read, daemon=True, name="from worker")
        self._writer.start()
        self._reader.start()

    @property
    def pid(self) -> int | None:
        """None until the process exists."""
        return None if self._process is None else self._process.pid

    def send(self, message: Any) -> None:
        """Put a message on its way; returns at once. One to a process that has ended is lost."""
        self._outgoing.put(message)

    async def kill(self) -> None:
        """End it at once and wait until it is gone."""
        with contextlib.suppress(OSError):
            await self._spawning
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _spawn(self) -> None:
        """Raises OSError when the log cannot be written or no process be made; the other side then sees its end."""
        try:
            log = await asyncio.to_thread(open_log, self._log_path)
            try:
                # A session of its own: ctrl+c belongs to the screen. -P: a mlflow.py in the working directory is not
                # to be taken for MLflow. By its path, since the package may lie in a checkout and not be installed.
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", MAIN, str(self._theirs.fileno())),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(self._theirs.fileno(),),
                    start_new_session=True,
                )
            finally:
                os.close(log)
        finally:
            self._theirs.close()
        await asyncio.to_thread(delete_old_logs, self._log_path)

    def _write(self) -> None:
        while (message := self._outgoing.get()) is not None:
            try:
                self._link.send(message)
            except OSError:
                # It has ended; the reader sees that, too, and says so.
                return

    def _read(self) -> None:
        try:
            while True:
                self._post(self._received, self, self._link.recv())
        except Exception:  # noqa: BLE001 - the end of the process, or bytes that are no message: both are its end
            self._outgoing.put(None)
            self._writer.join(5)
            self._link.close()
            self._post(self._ended, self)

    def _post(self, function: Callable[..., None], *arguments: Any) -> None:
        # The loop may be closed already when a process ends after the screen.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)
