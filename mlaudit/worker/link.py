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
import subprocess
import threading
from collections.abc import Callable
from typing import Any

from mlaudit.worker.log_file import delete_old_logs
from mlaudit.worker.spawn import Begun, spawn


class Child:
    """A worker process. The callbacks are called on the event loop, ``ended`` once."""

    def __init__(
        self,
        log_path: str,
        received: Callable[[Child, Any], None],
        ended: Callable[[Child], None],
        begun: Begun | None = None,
    ) -> None:
        """``begun``: a process to take over; otherwise one is started."""
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
        self._process: subprocess.Popen[bytes] | None = None
        if begun is None:
            ours, theirs = socket.socketpair()
            self._link: Connection[Any, Any] = Connection(ours.detach())
            self._spawning = self._loop.create_task(self._spawn(theirs))
        else:
            self._process, self._link = begun.process, begun.link
            self._spawning = self._loop.create_task(asyncio.to_thread(delete_old_logs, log_path))
        self._outgoing: queue.SimpleQueue[Any] = queue.SimpleQueue()
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
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
            await asyncio.to_thread(process.wait)

    async def leave(self) -> None:
        """Hang up. It ends by itself when its writes have ended or met their deadline; nobody waits for that."""
        with contextlib.suppress(OSError):
            await self._spawning
        # Not closed, which would not wake the reader.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._link.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    async def _spawn(self, theirs: socket.socket) -> None:
        """Raises OSError as :func:`~mlaudit.worker.spawn.spawn`; the reader then sees the end of it."""
        self._process = await asyncio.to_thread(spawn, theirs, self._log_path)
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
