"""What runs in the worker process: a thread for every request, so that a slow one does not delay a quick one.

It ends with the screen's process: the socket between them closes even when that one is killed.
"""

from __future__ import annotations

import faulthandler
import importlib
import io
import logging
import os
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any, Protocol, cast

from mlaudit import wiring
from mlaudit.domain.errors import MlauditError, StoreError
from mlaudit.services.requests import Request
from mlaudit.starting import collect_as_usual
from mlaudit.worker.messages import Answer, Ask, Hello, Ready, Store

log = logging.getLogger("mlaudit.worker")


class _Services(Protocol):
    """:class:`mlaudit.wiring.Services`, or what a test has in its place."""

    def handle(self, request: Request[Any], /) -> Any: ...

    def warm_up(self) -> None: ...


class RedactedStream(io.TextIOBase):
    """Writes whole lines to a file descriptor, without credentials."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._rest = ""

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """Where it writes."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Keeps the unfinished line until its end comes."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                data = f"{wiring.redact(line)}\n".encode(errors="backslashreplace")
                while data:
                    data = data[os.write(self._descriptor, data) :]
        return len(text)


class _Server:
    """Answers what comes through the socket."""

    def __init__(self, link: Connection[Any, Any], hello: Hello) -> None:
        self._link = link
        self._sending = threading.Lock()
        self._hello = hello
        self._shown = wiring.shown_store(hello.settings)
        self._services = _make_services(hello)
        self._writes: dict[int, float] = {}
        """Writes under way: number -> when their deadline passes, by the monotonic clock."""

    def run(self) -> None:
        """Returns when the other side is gone."""
        self._send(Store(self._shown))
        threading.Thread(target=self._warm_up, daemon=True, name="warm-up").start()
        try:
            while True:
                ask: Ask = self._link.recv()
                if ask.request.writes:
                    self._writes[ask.number] = time.monotonic() + ask.seconds
                threading.Thread(target=self._answer, args=(ask,), daemon=True, name=f"ask {ask.number}").start()
        except (EOFError, OSError):
            log.info("the screen is gone")
        # A write is not cut off half-way; after its deadline nobody believes in it any more.
        while any(time.monotonic() < end for end in list(self._writes.values())):
            time.sleep(0.05)

    def _warm_up(self) -> None:
        try:
            self._services.warm_up()
        except MlauditError as error:
            log.info("the store could not be opened at the start: %s", error)
        except BaseException:
            log.exception("at the start")
        collect_as_usual()
        self._send(Ready())

    def _answer(self, ask: Ask) -> None:
        try:
            answer = Answer(ask.number, self._services.handle(ask.request))
        except MlauditError as error:
            if isinstance(error, StoreError):
                log.warning("%s failed: %s", ask.request.what, error, exc_info=error)
            answer = Answer(ask.number, error=error)
        except BaseException as defect:  # noqa: BLE001 - whatever it is, somebody waits for an answer
            answer = self._defect(ask, defect)
        try:
            self._send(answer)
        except (EOFError, OSError):
            pass  # the screen is gone
        except Exception as defect:  # noqa: BLE001 - an answer that cannot be packed
            self._send(self._defect(ask, defect))
        finally:
            self._writes.pop(ask.number, None)

    def _defect(self, ask: Ask, defect: BaseException) -> Answer:
        """Details go into the log only: they may quote anything."""
        log.error("internal error during %s\n%s", ask.request.what, "".join(traceback.format_exception(defect)))
        problem = f"internal error ({type(defect).__name__}) during {ask.request.what}; see {self._hello.log_path}"
        return Answer(ask.number, error=StoreError(self._shown, problem))

    def _send(self, message: Any) -> None:
        with self._sending:
            self._link.send(message)


def _make_services(hello: Hello) -> _Services:
    if not hello.services:
        return wiring.Services(hello.settings)
    module, _, name = hello.services.partition(":")
    return cast(_Services, getattr(importlib.import_module(module), name)(hello.settings))


def main(descriptor: int) -> None:
    """Serve at this end of the socket until the other one closes, then end the process."""
    # Not for the children of this process: the screen could not see that it ended, nor the other way round.
    os.set_inheritable(descriptor, False)
    sys.stdout = sys.stderr = cast(Any, RedactedStream(2))
    faulthandler.enable(file=2)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    link: Connection[Any, Any] = Connection(descriptor)
    code = 0
    try:
        if not link.poll():
            # The screen's process does not know yet which store it is: most are databases.
            wiring.import_ahead()
        _Server(link, link.recv()).run()
    except (EOFError, OSError):
        pass
    except BaseException:
        log.exception("the worker ends")
        code = 1
    # Threads may hang in a store, and an ordinary exit would wait for MLflow's thread pools.
    os._exit(code)
